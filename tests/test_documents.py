"""What README, GUIDE and CONTRIBUTING show works, and what they link to is there."""

import json
import re
from collections import Counter
from pathlib import Path

import matplotlib as mpl
import pytest
import yaml

from suite import execution
from suite.compare.plan import DEPTHS
from suite.execution.local import InlineExecutor
from suite.experiment import Experiment
from suite.ledger import Ledger
from suite.tune import Budget
from tests.documents import DOCUMENTS, MARK, ROOT, blocks, commands, read, run_block

pytestmark = pytest.mark.usefixtures("one_thread")

UNTESTED = {
    "needs a GPU": 1,
    "starts a server": 1,
    "needs a tracking server": 1,
    "needs the package index": 1,
}
PROGRAMS = ("make", "leadline", ".venv/bin/leadline")


@pytest.fixture
def small(monkeypatch):
    """Every design is cut to two seeds, two candidates and an epoch (nine where rungs need it)."""
    whole = Experiment.at

    def at(self, profile):
        design = whole(self, profile)
        hold = design.hold | ({"epochs": (1,)} if "epochs" in design.hold else {})
        changes = {"seeds": 2, "hold": hold}
        if design.tune:
            changes["tune"] = design.tune.model_copy(update={"budget": Budget(trials=2)})
        return design.model_copy(update=changes)

    monkeypatch.setattr(Experiment, "at", at)


@pytest.fixture
def few(monkeypatch):
    """Comparisons have few contenders, splits and candidates."""
    monkeypatch.setattr("suite.compare.plan._SIZES", ((90, 2, 2, 32, (2, 4)),))
    models = {"dummy": {"network": "dummy"}, "linear": {"network": "ridge"}}
    networks = {name: {"network": "dense", "depth": depth} for name, depth in DEPTHS.items()}
    monkeypatch.setattr("suite.compare.plan.contenders", lambda _: models | networks)


@pytest.fixture
def here(place, monkeypatch):
    """A working directory with an experiment and a table, where all trains in this process."""
    monkeypatch.setenv("LEADLINE_CACHE", str(place / "cache"))
    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)
    for module in (execution.local, "suite.running"):
        name = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(
            f"{name}.ProcessExecutor", lambda _, device, **_options: InlineExecutor(device)
        )
    rows = (f"{n % 7}.5,{n % 9},s{n % 12},none,{n % 5}.25,{n % 3 > 0}" for n in range(90))
    Path("sales.csv").write_text("\n".join(["size,age,shop,note,price,sold", *rows]), "utf-8")
    mpl.use("agg")
    return place


@pytest.mark.slow
@pytest.mark.usefixtures("small", "few")
@pytest.mark.parametrize("document", ["README.md", "GUIDE.md"])
def test_every_block_runs_in_its_order(document, here, leadline):
    """Slow because they do what they say: train, compare, repeat."""
    written = [block for block in blocks(document) if block.language != "text"]
    for block in written:
        run_block(block, leadline, lambda: Ledger(Path("results")).trials()["trial_id"].iloc[-1])
    for named in re.findall(r"`(reports/my_question/[^`]*|comparison/[^`]*)`", read(document)):
        assert Path(named).is_file(), named
    if document == "README.md":
        assert Path("my_question.png").stat().st_size > 1000
        (row,) = json.loads(Path("reports/my_question/verdicts.json").read_text("utf-8"))
        assert row["claim"] == "my-question"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_says_what_it_is(document):
    """A block that a program could run is not hidden behind another word."""
    for block in blocks(document):
        assert block.language in {"console", "python", "text", "yaml"}, block.place
        if block.language == "text":
            assert not block.text.startswith(("$", *PROGRAMS)), block.place
        if block.language == "console":
            assert not block.file, block.place
        if document != "CONTRIBUTING.md" and block.language == "yaml":
            assert block.file, block.place


def test_what_is_not_run_is_counted():
    reasons = Counter(b.untested for d in DOCUMENTS for b in blocks(d) if b.untested)
    assert dict(reasons) == UNTESTED
    assert sum(read(d).count(f" {MARK}") for d in DOCUMENTS) == sum(UNTESTED.values())


def test_even_what_is_not_run_names_commands_that_exist():
    for block in blocks("GUIDE.md", "console"):
        for words in commands(block):
            assert next(w for w in words if "=" not in w) in PROGRAMS, block.place


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE))
    named = {target for d in DOCUMENTS for target in re.findall(r"`make ([a-z]+)", read(d))}
    assert named
    assert named <= targets


LINKS = [(d, link) for d in DOCUMENTS for link in re.findall(r"\]\((?!http)([^)]+)\)", read(d))]


@pytest.mark.parametrize(("document", "link"), LINKS)
def test_links_and_pictures_lead_somewhere(document, link):
    path, _, anchor = link.partition("#")
    target = ROOT / (path or document)
    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), flags=re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_the_question_of_readme_is_ten_lines_of_yaml_for_other_readers_too():
    (block,) = blocks("README.md", "yaml")
    assert len(block.text.splitlines()) <= 10
    assert yaml.safe_load(block.text)["claims"]["my-question"]["margin"] == 0.02


def test_python_of_readme_is_ten_lines():
    (block,) = blocks("README.md", "python")
    assert len(block.text.splitlines()) <= 10
