"""How many folds a table has rows for, and how many rows train in every one of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.data.dataset import DatasetCard
from suite.data.partition import Units, partitions
from suite.data.samples import Targets
from suite.data.tables.inspecting import Where, inspect_column
from suite.errors import InputError
from suite.randomness import generator

if TYPE_CHECKING:
    import pandas as pd

MOST_FOLDS = 10
# One part to train on, one to choose by and one to test on.
FEWEST_FOLDS = 3
FEWEST_ROWS = 10
# Groups up to which every single one is put where the classes' shares need it.
_MOST_WEIGHED = 1000


def read_groups(place: str, name: str, series: "pd.Series[Any]", where: Where) -> Units:
    """The number of each row's group.

    Raises:
        InputError: a row has no group.
    """
    import pandas as pd

    _check_complete(place, "group", name, series, where)
    codes, _ = pd.factorize(series.astype("string"), sort=True)
    return codes.astype(np.int64)


def read_times(place: str, name: str, series: "pd.Series[Any]", where: Where) -> Units:
    """Each row's place in time, the same for rows of one time.

    Raises:
        InputError: a row has no time, or the column has neither dates nor numbers.
    """
    _check_complete(place, "time", name, series, where)
    found = inspect_column(name, series, where)
    values = found.values
    if found.column is None:
        values = _plain_numbers(series)
    if not len(values) or (found.column and found.column.kind not in ("date", "number")):
        hint = "write dates as 2024-12-31, or number the rows"
        raise InputError(place, f"time {name!r} has neither dates nor numbers", hint)
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(place, f"time {name!r} has no date or number in {where(row)}")
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _plain_numbers(series: "pd.Series[Any]") -> Any:
    """Numbers of a column that would be left out as an input, such as one that counts the rows."""
    import pandas as pd

    if series.dtype.kind == "M":
        return series.to_numpy("datetime64[us]").astype(np.float64)
    numbers = pd.to_numeric(series, errors="coerce").astype("float64")
    return numbers.to_numpy() if numbers.notna().all() else np.empty(0)


def _check_complete(
    place: str, what: str, name: str, series: "pd.Series[Any]", where: Where
) -> None:
    missing = np.flatnonzero(series.isna().to_numpy())
    if len(missing):
        rows = f"{len(missing)} rows have" if len(missing) > 1 else "a row has"
        raise InputError(place, f"{rows} no {what} {name!r}, the first in {where(int(missing[0]))}")


def divided(
    place: str, card: DatasetCard, targets: Targets, units: Units | None
) -> tuple[DatasetCard, Units | None]:
    """The card with as many folds as the rows allow, and what the rows are divided by.

    Groups, which come as `units`, become folds, in which each of them stays together.

    Raises:
        InputError: there are too few rows, or too few of a class or of groups.
    """
    if len(targets) < FEWEST_ROWS:
        raise InputError(place, f"has {len(targets)} rows; {FEWEST_ROWS} are needed")
    most = min(MOST_FOLDS, len(targets))
    if card.task == "classification":
        most = min(most, _rarest(place, card, targets))
    if units is None:
        return replace(card, folds=most), None
    if card.division == "time":
        card = replace(card, folds=_blocks(len(targets)))
        return _measured(place, card, targets, units), units
    most = min(most, _fewest_groups(place, card, targets, units))
    classes = targets if card.task == "classification" else np.zeros(len(targets), np.int64)
    for count in range(most, FEWEST_FOLDS - 1, -1):
        folds = _group_folds(card.name, count, classes, units)
        if len(np.unique(folds)) == count:
            return _measured(place, replace(card, folds=count), targets, folds), folds
    raise InputError(place, "its groups are too unequal to be divided into three parts")


def _group_folds(name: str, count: int, classes: Targets, groups: Units) -> Units:
    """The fold of each row, with the classes' shares as even as whole groups allow."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    # With many groups chance spreads the classes as well, and much sooner.
    chance = groups.max() >= _MOST_WEIGHED or np.ptp(classes) == 0
    seed = int(generator(0, f"{name} folds").integers(2**32))
    kind = GroupKFold if chance else StratifiedGroupKFold
    folds = np.empty(len(groups), np.int64)
    splits = kind(count, shuffle=True, random_state=seed).split(classes, classes, groups)
    for number, (_, rows) in enumerate(splits):
        folds[rows] = number
    return folds


def _rarest(place: str, card: DatasetCard, targets: Targets) -> int:
    counts = np.bincount(targets.astype(np.int64))
    rarest = int(counts.argmin())
    if counts[rarest] < FEWEST_FOLDS:
        rows = "1 row" if counts[rarest] == 1 else f"{counts[rarest]} rows"
        hint = "leave such rows out, join classes, or give task: regression if it is an amount"
        problem = f"class {card.classes[rarest]!r} has {rows}; {FEWEST_FOLDS} are needed"
        raise InputError(place, problem, hint)
    return int(counts[rarest])


def _blocks(rows: int) -> int:
    return max(FEWEST_FOLDS, min(MOST_FOLDS, rows // 20))


def _fewest_groups(place: str, card: DatasetCard, targets: Targets, groups: Units) -> int:
    found = len(np.unique(groups))
    if found < FEWEST_FOLDS:
        problem = f"has {found} groups; {FEWEST_FOLDS} are needed, so that each part has its own"
        raise InputError(place, problem)
    for number, name in enumerate(card.classes):
        having = len(np.unique(groups[targets == number]))
        if having < FEWEST_FOLDS:
            problem = f"class {name!r} is in {having} of the groups; {FEWEST_FOLDS} are needed"
            raise InputError(place, problem)
    return found


def _measured(place: str, card: DatasetCard, targets: Targets, units: Units) -> DatasetCard:
    """With the number of rows that every split can train on."""
    whole = replace(card, train_rows=len(targets))
    parts = list(partitions(whole, targets, units))
    fewest = min(len(rows.train) for rows in parts)
    if fewest < 2 or not all(len(rows.validation) for rows in parts):
        problem = "too few different times lie before the rows that test"
        if card.division == "groups":
            problem = "its groups are too unequal: in some split nothing is left to train on"
        raise InputError(place, problem)
    card = replace(card, train_rows=fewest)
    absent = _absent(card, targets, units) if card.task == "classification" else ()
    return replace(card, warnings=(*card.warnings, *absent))


def _absent(card: DatasetCard, targets: Targets, units: Units) -> Iterator[str]:
    """Classes that some split has to learn without a row."""
    parts = [set(targets[rows.train].tolist()) for rows in partitions(card, targets, units)]
    for number, name in enumerate(card.classes):
        lacking = sum(number not in seen for seen in parts)
        if lacking:
            yield f"class {name!r} is in no training row of {lacking} of {len(parts)} splits"
