"""What an experiment says of a file of the user's own: where it lies and which column is what."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from suite.data.dataset import Task
from suite.errors import InputError, nearest, shown

# As many letters of a file's stem are enough to recognise it.
_MOST_LETTERS = 40
_DIGITS = 8
_NAME = re.compile(rf"\w+_[0-9a-f]{{{_DIGITS}}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A file of rows, and how it is to be read.

    Attributes:
        file: path of the file.
        target: column to predict.
        task: what the targets are; None where they show it themselves.
        group: column whose equal values stay in one part of a split.
        time: column along which the rows are divided.
        drop: columns to leave out.
        separator: what stands between the values of a text file; a comma, or a tab in a .tsv file,
            where it is None.
    """

    file: Path
    target: str
    task: Task | None = None
    group: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    separator: str | None = None

    def options(self) -> dict[str, Any]:
        """All but the path, as JSON has it."""
        return {k: v for k, v in asdict(self).items() if k != "file"}


def read_spec(raw: Mapping[str, Any], directory: Path) -> TableSpec:
    """A spec from the mapping in an experiment; relative paths start at `directory`.

    Raises:
        ValueError: a key or a value is not such as a data set of one's own has.
    """
    known = [field.name for field in fields(TableSpec)]
    for key in raw:
        if key not in known:
            hint = f"a file of one's own has {', '.join(known)}"
            raise ValueError(f"unknown key {shown(key)}{nearest(key, known)}; {hint}")
    given = {key: value for key, value in raw.items() if value not in (None, "", "null", "~")}
    for key in ("file", "target"):
        if key not in given:
            raise ValueError(f"needs a {key}, such as {{file: sales.csv, target: price}}")
    drop = given.pop("drop", ())
    columns = tuple(drop) if isinstance(drop, list | tuple) else (drop,)
    for value in (*given.values(), *columns):
        if not isinstance(value, str | Path):
            raise ValueError(f"{shown(value)} is no text")
    return _checked(directory, **given, drop=columns)


def _checked(directory: Path, **given: Any) -> TableSpec:
    spec = TableSpec(**{**given, "file": directory / Path(given["file"]).expanduser()})
    if spec.task not in (None, *get_args(Task)):
        raise ValueError(f"task must be {' or '.join(get_args(Task))}, not {shown(spec.task)}")
    if spec.group and spec.time:
        raise ValueError("group and time exclude each other: rows are divided in one way")
    named = [name for name in (spec.target, spec.group, spec.time) if name]
    for name in (*named, *spec.drop):
        if (*named, *spec.drop).count(name) > 1:
            raise ValueError(f"column {name!r} is named twice")
    separator = "\t" if spec.separator == "\\t" else spec.separator
    if separator and len(separator) != 1:
        raise ValueError(f"separator must be one character, not {shown(separator)}")
    return TableSpec(**{**given, "file": spec.file, "separator": separator})


def table_name(spec: TableSpec) -> str:
    """The word by which trials and reports know a table: the same for the same content.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with spec.file.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise InputError(str(spec.file), f"cannot be read: {error.strerror}") from None
    sha.update(json.dumps(spec.options(), sort_keys=True).encode())
    stem = re.sub(r"\W+", "_", spec.file.stem, flags=re.ASCII).strip("_")[:_MOST_LETTERS]
    word = f"table_{stem}" if not stem[:1].isalpha() else stem
    return f"{word.rstrip('_')}_{sha.hexdigest()[:_DIGITS]}"


def is_table_name(name: str) -> bool:
    """Whether a data set's name has the form that tables' names have."""
    return _NAME.fullmatch(name) is not None


def to_text(spec: TableSpec) -> str:
    """A spec as JSON, with its absolute path."""
    return json.dumps({"file": str(spec.file.resolve()), **spec.options()}, indent=2) + "\n"


def from_text(text: str) -> TableSpec:
    """The spec that `to_text` wrote.

    Raises:
        ValueError: the text is no spec.
    """
    return read_spec(json.loads(text), Path())
