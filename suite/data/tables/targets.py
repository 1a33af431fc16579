"""The column to predict: as class numbers with the classes' names, or as real values."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Task
from suite.data.samples import Targets
from suite.data.tables.inspecting import LARGEST, Where, inspect_column
from suite.errors import InputError, shown

if TYPE_CHECKING:
    import pandas as pd

# Whole numbers with more different values than this are amounts rather than classes.
_MOST_CLASSES = 20
# Below this share a class is rare.
_RARE = 0.05


class Target(NamedTuple):
    """Targets, what they are, and the classes' names in the order of their numbers."""

    values: Targets
    task: Task
    classes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_target(
    place: str, name: str, series: "pd.Series[Any]", task: Task | None, where: Where
) -> Target:
    """Targets without gaps.

    Args:
        place: what an error is about.
        name: of the column.
        series: its values, all there.
        task: what they are to be; None where they show it themselves.
        where: says where in the file a row is.

    Raises:
        InputError: all targets are the same, or they are no numbers where numbers are needed.
    """
    import pandas as pd

    values = _plain(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        task = task or "classification"
    kind, warnings = _inferred(name, values) if task is None else (task, ())
    if kind == "regression":
        return Target(_numbers(place, name, series, where), "regression", (), warnings)
    classes, numbers = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise InputError(place, f"target {name!r} has one class only: {_word(classes[0])}")
    shares = np.bincount(numbers) / len(numbers)
    names = tuple(_word(value) for value in classes.tolist())
    warnings = (*warnings, *_imbalance(name, names, shares))
    return Target(numbers.astype(np.int64), "classification", names, warnings)


def _plain(series: "pd.Series[Any]") -> NDArray[Any]:
    """The values as numbers, or as text without spaces around it."""
    import pandas as pd
    from pandas.api import types

    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype("string")
    if types.is_bool_dtype(series.dtype):
        return series.astype("bool").to_numpy()
    if types.is_numeric_dtype(series.dtype):
        return series.astype("float64").to_numpy()
    text = series.astype("string").str.strip()
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    if numbers.notna().all():
        return numbers.to_numpy()
    return text.to_numpy(dtype=str)


def _inferred(name: str, values: NDArray[Any]) -> tuple[Task, tuple[str, ...]]:
    if values.dtype.kind != "f":
        return "classification", ()
    different = np.unique(values)
    whole = bool((different == np.floor(different)).all())
    if whole and len(different) <= min(_MOST_CLASSES, len(values) / 3):
        seen = f"{len(different)} different whole numbers"
        return "classification", (f"target {name!r} has {seen}: taken as classes",)
    return "regression", (f"target {name!r} is taken as an amount, so the task is regression",)


def _numbers(place: str, name: str, series: "pd.Series[Any]", where: Where) -> NDArray[np.float64]:
    values = _plain(series)
    if values.dtype.kind == "U":
        hint = "give task: classification, or mend the column"
        row = _first_word(values)
        problem = f"target {name!r} has words, such as {shown(str(values[row]))} in {where(row)}"
        raise InputError(place, problem, hint)
    values = values.astype(np.float64)
    if values.min() == values.max():
        raise InputError(place, f"target {name!r} has one value only: {_word(values[0])}")
    return values


def _first_word(values: NDArray[Any]) -> int:
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(values), errors="coerce")
    return int(np.flatnonzero(numbers.isna())[0])


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _imbalance(name: str, names: tuple[str, ...], shares: NDArray[np.float64]) -> tuple[str, ...]:
    rarest = int(shares.argmin())
    if shares[rarest] >= _RARE:
        return ()
    share = f"{100 * shares[rarest]:.1f} % of the rows"
    return (f"target {name!r}: class {names[rarest]!r} has {share} only; accuracy says little",)


def usable_rows(name: str, series: "pd.Series[Any]", where: Where) -> tuple[Any, tuple[str, ...]]:
    """Which rows have a finite target, and a warning where some have none."""
    usable = series.notna().to_numpy(dtype=bool, copy=True)
    warnings: list[str] = []
    if series.dtype.kind not in "biufMm":
        found = inspect_column(name, series, where)
        if found.column is not None and found.column.kind == "number":
            # A few words among numbers are gaps here, as they are in other columns.
            usable = ~np.isnan(found.values)
            warnings += [w for w in found.warnings if "numbers the rows" not in w]
        text = series.astype("string").str.strip()
        usable &= (text != "").fillna(False).to_numpy(dtype=bool)
    elif series.dtype.kind == "f":
        usable = np.abs(series.to_numpy(np.float64)) <= LARGEST
    gaps = int((~usable).sum())
    if gaps:
        first = where(int(np.flatnonzero(~usable)[0]))
        rows = "1 row has" if gaps == 1 else f"{gaps} rows have"
        warnings.append(f"{rows} no {name!r}, the first in {first}: left out")
    return usable, tuple(warnings)
