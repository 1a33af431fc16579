"""From a frame with columns of any kind to a data set that networks can be trained on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Dataset, DatasetCard, Division, Task
from suite.data.partition import Units
from suite.data.samples import Samples, Targets
from suite.data.tables.columns import Column, encoded_places
from suite.data.tables.dividing import divided, read_groups, read_times
from suite.data.tables.encoding import PREPROCESSING, fit_encoding
from suite.data.tables.inspecting import Where, inspect_column
from suite.data.tables.leaks import leak_warnings
from suite.data.tables.targets import Target, read_target, usable_rows
from suite.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

# Inputs of one row: beyond this, a network's first layer is all there is to it.
_MOST_FEATURES = 20_000
_MOST_NAMED = 10


class Table(NamedTuple):
    """What a data set is made of, all its rows as numbers.

    Attributes:
        card: what the set is.
        columns: what the columns of `inputs` hold.
        inputs: (row, column), in double precision.
        targets: class numbers or values.
        units: each row's fold or place in time; None where rows are divided one by one.
    """

    card: DatasetCard
    columns: tuple[Column, ...]
    inputs: NDArray[np.float64]
    targets: Targets
    units: Units | None


def table_dataset(  # noqa: PLR0913, one argument for each thing a card says
    frame: "pd.DataFrame",
    target: str,
    *,
    name: str,
    task: Task | None = None,
    group: str | None = None,
    time: str | None = None,
    drop: Sequence[str] = (),
    source: str,
    license: str,
    citation: str,
    description: str,
) -> Dataset:
    """The data set of a frame's rows.

    Args:
        frame: the rows, which are not changed.
        target: column to predict.
        name: what the set is called.
        task: what the targets are; None where they show it themselves.
        group: column whose equal values stay in one part of a split; no input.
        time: column along which the rows are divided; no input.
        drop: columns to leave out.
        source: where the rows come from.
        license: terms under which they may be used.
        citation: whom to cite.
        description: what the rows are.

    Raises:
        InputError: a named column is missing, or the rows are not such as can be learned from.
    """
    card = blank_card(
        name, source=source, license=license, citation=citation, description=description
    )
    read = Reading(name, _row, target, task, group, time, tuple(drop))
    return as_dataset(read_rows(frame, read, card))


def _row(row: int) -> str:
    return f"row {row + 1}"


def blank_card(
    name: str, *, source: str, license: str, citation: str, description: str
) -> DatasetCard:
    """The card of a table, before its rows are read."""
    return DatasetCard(
        name=name,
        kind="tabular",
        task="regression",
        samples=0,
        features=0,
        outputs=1,
        folds=0,
        license=license,
        source=source,
        citation=citation,
        preprocessing=PREPROCESSING,
        description=description,
    )


class Reading(NamedTuple):
    """How a frame's columns are meant, and what to call it and its rows in an error."""

    place: str
    where: Where
    target: str
    task: Task | None = None
    group: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()


def read_rows(frame: "pd.DataFrame", read: Reading, card: DatasetCard) -> Table:
    """The rows as numbers; the card gets what they show.

    Raises:
        InputError: as `table_dataset`.
    """
    _check_names(frame, read)
    frame = frame.reset_index(drop=True)
    usable, warnings = usable_rows(read.target, frame[read.target], read.where)
    if not usable.any():
        raise InputError(read.place, f"target {read.target!r} has no value in any row")
    kept, where = _only(frame, usable, read.where)
    target = read_target(read.place, read.target, kept[read.target], read.task, where)
    division, units = _units(kept, read, where)
    columns, inputs, seen = _inputs(kept, read, where)
    leaks = leak_warnings(columns, inputs, target.values, target.task)
    fields = {
        "division": division,
        "warnings": (*warnings, *target.warnings, *seen, *leaks),
    }
    card = replace(card, description=f"{card.description}{_parts(read)}")
    card = _filled(card, columns, target, fields)
    card, units = divided(read.place, card, target.values, units)
    return Table(card, columns, inputs, target.values, units)


def _check_names(frame: "pd.DataFrame", read: Reading) -> None:
    names = list(map(str, frame.columns))
    wanted = [("target", read.target), ("group", read.group), ("time", read.time)]
    for what, name in [*wanted, *(("drop", name) for name in read.drop)]:
        if name is not None and name not in names:
            problem = f"has no column {name!r}, its {what}{_nearest(name, names)}"
            more = len(names) - _MOST_NAMED
            known = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
            raise InputError(read.place, problem, f"its columns: {known}")


def _nearest(name: str, names: Sequence[str]) -> str:
    same = [other for other in names if other.casefold() == name.casefold()]
    return f"; did you mean {same[0]!r}?" if same else nearest(name, names)


def _only(
    frame: "pd.DataFrame", usable: NDArray[np.bool_], where: Where
) -> tuple["pd.DataFrame", Where]:
    """The usable rows, numbered anew, and where they are in the file."""
    if usable.all():
        return frame, where
    rows = np.flatnonzero(usable)
    return frame[usable].reset_index(drop=True), lambda row: where(int(rows[row]))


def _parts(read: Reading) -> str:
    """What is particular about the parts of a split."""
    if read.group is not None:
        return f", rows of one {read.group!r} staying together"
    return f", later in {read.time!r} than what trains" if read.time is not None else ""


def _units(frame: "pd.DataFrame", read: Reading, where: Where) -> tuple[Division, Units | None]:
    if read.group is not None:
        return "groups", read_groups(read.place, read.group, frame[read.group], where)
    if read.time is not None:
        return "time", read_times(read.place, read.time, frame[read.time], where)
    return "rows", None


def _inputs(
    frame: "pd.DataFrame", read: Reading, where: Where
) -> tuple[tuple[Column, ...], NDArray[np.float64], tuple[str, ...]]:
    others = {read.target, read.group, read.time, *read.drop}
    names = [str(name) for name in frame.columns if name not in others]
    # A column is read, encoded and hashed as a whole, so it lies in one piece.
    inputs = np.empty((len(frame), len(names)), np.float64, order="F")
    columns: list[Column] = []
    warnings: list[str] = []
    for name in names:
        found = inspect_column(name, frame[name], where)
        warnings += found.warnings
        if found.column is not None:
            inputs[:, len(columns)] = found.values
            columns.append(found.column)
    if not columns:
        hint = "; ".join(warnings)
        raise InputError(read.place, f"has no column to predict {read.target!r} from", hint)
    return tuple(columns), inputs[:, : len(columns)], tuple(warnings)


def _filled(
    card: DatasetCard, columns: tuple[Column, ...], target: Target, fields: dict[str, Any]
) -> DatasetCard:
    outputs = len(target.classes) or 1
    features = encoded_places(columns, outputs)[-1].stop
    if features > _MOST_FEATURES:
        problem = f"its columns become {features} inputs; {_MOST_FEATURES} are the most"
        raise InputError(card.name, problem, "drop columns")
    return replace(
        card,
        task=target.task,
        samples=len(target.values),
        features=features,
        outputs=outputs,
        classes=target.classes,
        description=f"{card.description}{_shares(target)}",
        **fields,
    )


def _shares(target: Target) -> str:
    """The classes with their shares, the most frequent first."""
    if not target.classes:
        return ""
    shares = np.bincount(target.values.astype(np.int64)) / len(target.values)
    order = np.argsort(-shares, kind="stable")[:_MOST_NAMED].tolist()
    listed = ", ".join(f"{target.classes[i]} {100 * shares[i]:.3g} %" for i in order)
    more = len(shares) - len(order)
    return f" (classes: {listed}{f' and {more} more' if more else ''})"


def as_dataset(table: Table) -> Dataset:
    """The data set of a table, whose rows are always the same."""
    for array in (table.inputs, table.targets):
        array.flags.writeable = False
    samples, units = Samples(table.inputs, table.targets), table.units
    prepare = partial(fit_encoding, columns=table.columns, outputs=table.card.outputs)
    return Dataset(
        table.card,
        lambda: samples,
        prepare=prepare,
        units=None if units is None else lambda: units,
    )
