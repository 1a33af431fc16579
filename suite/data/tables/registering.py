"""Files of the user's own, by the names that their tables have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.data.tables.dataset import Reading, Table, blank_card, read_rows
from suite.data.tables.reading import check_file, read_table
from suite.data.tables.spec import TableSpec, from_text, read_spec, table_name, to_text
from suite.data.tables.storing import store_table, stored_table
from suite.errors import InputError

# The files that this process has been asked for.
_specs: dict[str, TableSpec] = {}


def register(raw: Mapping[str, Any], directory: Path) -> str:
    """Read the file that an experiment names, if that was not done before.

    Args:
        raw: the mapping of file, target and so on.
        directory: where relative paths start.

    Returns:
        The name under which the data set is found from now on, in every process.

    Raises:
        InputError: the file is not such as can be learned from.
        ValueError: the mapping is not such as a data set of one's own has.
    """
    return _register(read_spec(raw, directory))


def register_again(name: str, text: str) -> None:
    """Have a table of an earlier process, from what `spec_text` gave then.

    Raises:
        InputError: its file is not there any more, or is not what it was.
    """
    if stored_table(name) is not None:
        return
    spec = from_text(text)
    if not spec.file.is_file():
        raise InputError(str(spec.file), f"is missing; data set {name} was read from it")
    if table_name(spec) != name:
        raise InputError(str(spec.file), f"is not what it was when data set {name} was read")
    _register(spec)


def spec_text(name: str) -> str:
    """Where a table was read from and how, for `register_again`; empty for other data sets."""
    return to_text(_specs[name]) if name in _specs else ""


def _register(spec: TableSpec) -> str:
    check_file(spec)
    name = table_name(spec)
    if stored_table(name) is None:
        store_table(_read(spec, name))
    _specs[name] = spec
    return name


def _read(spec: TableSpec, name: str) -> Table:
    frame, where = read_table(spec)
    place = str(spec.file)
    read = Reading(place, where, spec.target, spec.task, spec.group, spec.time, spec.drop)
    card = blank_card(
        name,
        source=f"{spec.file.name}, a file of the user's own",
        license="as its owner says",
        citation="none",
        description=f"{spec.target} from the other columns",
    )
    return read_rows(frame, read, card)
