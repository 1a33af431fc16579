"""The blocks of code in the documents, and how each of them is run.

After its language a block's fence names a file to save it as, or says `no-test:` and why.
"""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "GUIDE.md", "CONTRIBUTING.md")
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
# What stands for a trial's id in the documents.
ANY_ID = "3f2a"
MARK = "no-test:"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        place: document and line.
        heading: the section it stands in.
        language: the fence's first word.
        file: what it is to be saved as; empty otherwise.
        untested: why it is not run; empty otherwise.
        text: the content.
    """

    place: str
    heading: str
    language: str
    file: str
    untested: str
    text: str


def read(document):
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document, language=None, heading=None):
    """A document's blocks, in order."""
    found = [_block(document, match) for match in _FENCE.finditer(read(document))]
    kept = (b for b in found if language in (None, b.language))
    return [block for block in kept if heading in (None, block.heading)]


def _block(document, match):
    before = match.string[: match.start()]
    headings = re.findall(r"^##+ (.*)$", before, flags=re.MULTILINE)
    language, _, rest = match[1].partition(" ")
    untested = rest.removeprefix(MARK).strip() if rest.startswith(MARK) else ""
    return Block(
        place=f"{document}:{before.count(chr(10)) + 1}",
        heading=headings[-1] if headings else "",
        language=language,
        file="" if untested else rest,
        untested=untested,
        text=match[2],
    )


def commands(block):
    """Words of each command in a console block, its comment left out."""
    return [shlex.split(line, comments=True) for line in block.text.splitlines()]


def run_block(block, leadline, trial_id):
    """Run a block in the working directory, or save it there.

    Args:
        block: the block.
        leadline: calls the command.
        trial_id: gives the id of a stored trial.
    """
    if block.untested or block.language == "text":
        return
    if block.file:
        Path(block.file).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        exec(compile(block.text, block.place, "exec"), {})  # our own text
    else:
        for words in commands(block):
            _run_command(block, words, leadline, trial_id)


def _run_command(block, words, leadline, trial_id):
    program, *arguments = words
    if program == "make":
        ended = subprocess.run(
            ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"{block.place}: {ended.stderr}"
        return
    assert program.removeprefix(".venv/bin/") == "leadline", block.place
    called = leadline(*(trial_id() if word == ANY_ID else word for word in arguments))
    assert called.code == 0, f"{block.place}: {shlex.join(words)}: {called.err}"
