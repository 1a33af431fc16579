"""The folder of a comparison: one table each, and nothing of anybody else's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suite.compare.table import Table
from suite.errors import InputError
from suite.report import files

MARK = "comparison.json"
SAMPLE, RESULTS, FIGURES, VERDICT = "sample", "results", "figures", "verdict.json"
PAGES = ("index.html", "README.md")
_OURS = frozenset({MARK, SAMPLE, RESULTS, FIGURES, VERDICT, *PAGES})


def check_folder(directory: Path) -> None:
    """Raise InputError where the folder has something in it that no comparison has written."""
    if not directory.is_dir():
        return
    others = sorted(path.name for path in directory.iterdir() if path.name not in _OURS)
    pages = [name for name in PAGES if (directory / name).exists()]
    if not (directory / MARK).is_file():
        others += pages
    if others:
        problem = f"holds {others[0]!r}, which is not of a comparison"
        raise InputError(f"{directory}/", problem, "name a new folder by --output")


def claim_folder(directory: Path, table: Table) -> None:
    """Mark the folder as this table's.

    Raises:
        InputError: it is another table's, or cannot be written.
    """
    mark = {"file": table.spec.file.name, "target": table.spec.target, "table": table.dataset}
    path = directory / MARK
    if path.is_file():
        _check_same(directory, mark, _read(path))
    with writing(directory):
        files.write_json(path, mark)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"cannot be read: {error}", "name a new folder") from None
    return found if isinstance(found, dict) else {}


def _check_same(directory: Path, mark: dict[str, str], found: dict[str, str]) -> None:
    if mark == found:
        return
    was = f"{found.get('file')} with target {found.get('target')!r}"
    same = {**mark, "table": found.get("table", "")} == found
    how = ", with other rows or options" if same else ""
    hint = "name a new folder by --output"
    raise InputError(f"{directory}/", f"holds another comparison: {was}{how}", hint)


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Inside, a file that cannot be written is the user's to mend."""
    try:
        yield
    except OSError as error:
        # Those without a number are not the system's, such as Jinja's for a missing template.
        if error.errno is None:
            raise
        problem = f"cannot be written: {error.strerror}"
        raise InputError(f"{directory}/", problem) from error
