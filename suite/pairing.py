"""Evidence and one side of a claim to paired differences: one number per unit and data set.

A unit is a split of a data set, on which all contenders meet the same data and draws. Factors that
a claim does not name are averaged over, each combination of their levels weighing the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite import statistics
from suite.data.cards import CARDS
from suite.errors import InputError, unknown
from suite.experiment import Selection, Side
from suite.metrics import FAILURES, METRICS, Metric

if TYPE_CHECKING:
    from suite.results import Evidence

Floats = NDArray[np.float64]

UNIT = ["dataset", "split"]
CELL = [*UNIT, "cell", "position"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What one test compares.

    Attributes:
        differences: per data set one difference for each unit, oriented as the claim says.
        each: per data set the same before units are made of it: one value for each pair (or, of
            gates without one, each trial).
        trials: ids of the trials that the test speaks of.
        splits: fewest splits that any data set has.
        failed: trials that diverged or died.
        unusable: trials that have no value: not trained, ended otherwise, or not measured.
        folded: whether splits that share a test fold were averaged into one unit.
        early: crossings that came before the first level and count as there.
        never: crossings that never came and count as at the last level.
    """

    differences: Mapping[str, Floats]
    each: Mapping[str, Floats]
    trials: frozenset[str]
    splits: int
    failed: int
    unusable: int
    folded: bool
    early: int
    never: int


def metric_of(side: Side, place: str) -> Metric:
    """The metric that a side names.

    Raises:
        InputError: there is none of that name.
    """
    if side.metric not in METRICS:
        raise unknown(f"{place}.metric", "metric", side.metric, METRICS)
    return METRICS[side.metric]


def pair(evidence: Evidence, side: Side, place: str, *, kind: str, failures: bool = True) -> Pairs:
    """Paired differences of one test; `failures=False` leaves out what diverged or died.

    Claims of kind `equal` and `gate` compare as measured, all others as the claim is oriented.

    Raises:
        InputError: `place` names a metric that there is not, or a trend along levels that are no
            numbers, or an exponent of a metric that is no natural logarithm.
    """
    metric = metric_of(side, place)
    if side.of == "exponent" and not metric.unit.startswith("ln"):
        problem = f"an exponent needs a metric in natural logarithms, which {side.metric!r} is not"
        raise InputError(f"{place}.of", problem)
    rows = _rows(evidence, side, metric, place)
    usable = rows["value"].notna() & rows["outcome"].isin(["completed", *FAILURES])
    if side.choose != "mean":
        usable &= rows["validation"].notna()
    failed = rows["outcome"].isin(FAILURES) & (not metric.at_start)
    kept = rows[usable] if failures else rows[usable & ~failed]
    found = _find(kept, side, metric, kind)
    values = found.values * _sign(side, metric, kind)
    per_split = values.groupby(UNIT).mean()
    differences = _per_unit(per_split)
    return Pairs(
        differences=differences,
        each={str(name): v.to_numpy(np.float64) for name, v in values.groupby(level="dataset")},
        trials=frozenset(rows["trial_id"]),
        splits=int(per_split.groupby("dataset").size().min()) if len(per_split) else 0,
        failed=rows.loc[failed, "trial_id"].nunique(),
        unusable=rows.loc[~usable, "trial_id"].nunique(),
        folded=sum(map(len, differences.values())) < len(per_split),
        early=found.early,
        never=found.never,
    )


def level_scores(
    evidence: Evidence, metric: str, factor: str, where: Selection
) -> tuple[list[str], dict[str, Floats]]:
    """Levels of a factor, and of each data set their scores (unit, level), higher being better.

    Combinations of the other factors' levels weigh the same; those, and units, that lack a level
    are left out.

    Raises:
        InputError: there is no such metric.
    """
    if metric not in METRICS:
        raise unknown("ranks", "metric", metric, METRICS)
    others = [name for name in evidence.experiment.at(evidence.profile).factors() if name != factor]
    rows = evidence.trials[_selected(evidence.trials, where)]
    values, cells = METRICS[metric].values(evidence), _label(rows, others)
    rows = rows.assign(value=values, cell=cells, level=rows[factor])
    usable = rows[rows["outcome"].isin(["completed", *FAILURES])].astype({"level": str})
    table = usable.groupby([*UNIT, "cell", "level"], sort=False)["value"].mean().unstack("level")
    orientation = -1 if METRICS[metric].higher_is_better is False else 1
    per_split = table.dropna().groupby(UNIT).mean() * orientation
    named = per_split.index.get_level_values("dataset")
    units = per_split.groupby([named, _split(per_split) % _folds(per_split)]).mean()
    scores = {str(n): own.to_numpy(np.float64) for n, own in units.groupby(level=0)}
    return [str(level) for level in table.columns], scores


def _sign(side: Side, metric: Metric, kind: str) -> int:
    if kind == "gate":
        return 1
    if side.along:
        return 1 if side.direction == "rises" else -1
    return -1 if metric.higher_is_better is False and kind != "equal" else 1


def _rows(evidence: Evidence, side: Side, metric: Metric, place: str) -> pd.DataFrame:
    """The trials that a side speaks of, with what the comparison needs."""
    trials = evidence.trials
    wanted = _selected(trials, side.better or {})
    if side.worse is not None:
        wanted |= _selected(trials, side.worse)
    rows = trials[wanted & _selected(trials, side.where)]
    return rows.assign(
        value=metric.values(evidence),
        validation=_what_chooses(evidence, side.choose),
        cell=_label(rows, _unnamed(evidence, side)),
        choice=_label(rows, _named(side)),
        position=_positions(rows, side, place),
    )


def _what_chooses(evidence: Evidence, choose: str) -> pd.Series:
    """What validation data say of each trial, lower being better."""
    if choose == "validation_accuracy":
        return -METRICS["validation_accuracy"].values(evidence)
    return METRICS["validation_loss"].values(evidence)


def _named(side: Side) -> list[str]:
    names = {*(side.better or {}), *(side.worse or {})} - {"dataset", side.along}
    return sorted(name for name in names if name is not None)


def _unnamed(evidence: Evidence, side: Side) -> list[str]:
    factors = evidence.experiment.at(evidence.profile).factors()
    return [name for name in factors if name not in _named(side) and name != side.along]


def _label(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    """One text per row for its levels: a key that None, numbers and names all fit."""
    labels = pd.Series("", index=rows.index)
    for column in columns:
        labels = labels + rows[column].astype(str) + "|"
    return labels


def _selected(rows: pd.DataFrame, selection: Selection) -> pd.Series:
    chosen = pd.Series(True, index=rows.index)
    for factor, levels in selection.items():
        given = [level for level in levels if level is not None]
        chosen &= rows[factor].isin(given) | (rows[factor].isna() & (None in levels))
    return chosen


def _positions(rows: pd.DataFrame, side: Side, place: str) -> pd.Series:
    if side.along is None:
        return pd.Series(0.0, index=rows.index)
    levels = pd.to_numeric(rows[side.along], errors="coerce").astype(np.float64)
    lowest = 0 if side.scale == "log2" else -np.inf
    if not (levels > lowest).all():
        wanted = "numbers above 0" if side.scale == "log2" else "numbers"
        problem = f"a {side.scale} trend needs levels of {side.along!r} that are {wanted}"
        raise InputError(f"{place}.along", problem)
    return levels.apply(np.log2) if side.scale == "log2" else levels


@dataclass(frozen=True, slots=True)
class _Found:
    """Unoriented values, indexed by data set and split, and how many are known only as bounds."""

    values: pd.Series
    early: int = 0
    never: int = 0


def _find(rows: pd.DataFrame, side: Side, metric: Metric, kind: str) -> _Found:
    """A difference for each unit and cell, or what is looked for along a factor."""
    if kind == "gate" and side.worse is None and side.along is None:
        return _Found(_chosen(rows, side.better, side.choose).set_index(UNIT)["value"])
    compared = _side_means(rows, side.better, side.choose)
    if side.worse is not None:
        compared = (compared - _side_means(rows, side.worse, side.choose)).dropna()
    if side.along is None:
        return _Found(compared.droplevel(["cell", "position"]))
    return _along(compared, side, metric, kind)


def _along(compared: pd.Series, side: Side, metric: Metric, kind: str) -> _Found:
    if compared.empty:
        return _Found(compared.droplevel(["cell", "position"]))
    table = compared.unstack("position")
    positions, values = table.columns.to_numpy(np.float64), table.to_numpy(np.float64)
    index = table.droplevel("cell").index
    if side.of in ("slope", "exponent"):
        # A slope is per doubling, so that ln 2 makes a natural logarithm's an exponent.
        step = np.log(2) if side.of == "exponent" else 1.0
        return _Found(pd.Series(statistics.slopes(positions, values) / step, index=index).dropna())
    if side.of == "peak":
        return _Found(_places(statistics.peaks(positions, values), index, side, kind))
    ahead = values * (-1 if metric.higher_is_better is False else 1)
    found = statistics.crossings(positions, ahead)
    places = _places(found.places, index, side, kind)
    return _Found(places, early=int(found.early.sum()), never=int(found.never.sum()))


def _places(positions: Floats, index: pd.Index, side: Side, kind: str) -> pd.Series:
    """Places as a gate has them, as levels; as tests have them, beyond the level `at`."""
    places = pd.Series(positions, index=index).dropna()
    if kind == "gate":
        return places.apply(np.exp2) if side.scale == "log2" else places
    assert side.at is not None
    return places - (np.log2(side.at) if side.scale == "log2" else side.at)


def _side_means(rows: pd.DataFrame, selection: Selection | None, choose: str) -> pd.Series:
    return _chosen(rows, selection, choose).groupby(CELL)["value"].mean()


def _chosen(rows: pd.DataFrame, selection: Selection | None, choose: str) -> pd.DataFrame:
    chosen = rows[_selected(rows, selection or {})]
    return chosen if choose == "mean" else _best_on_validation(chosen)


def _best_on_validation(rows: pd.DataFrame) -> pd.DataFrame:
    """Per unit (and position), the rows of the choice that does best on validation data."""
    contest = [*UNIT, "position"]
    means = rows.groupby([*contest, "choice"])["validation"].mean().reset_index()
    best = means.sort_values("validation", kind="stable").drop_duplicates(contest)
    return rows.merge(best[[*contest, "choice"]], on=[*contest, "choice"])


def _split(per_split: pd.Series | pd.DataFrame) -> NDArray[np.int64]:
    return per_split.index.get_level_values("split").to_numpy(np.int64)


def _folds(per_split: pd.Series | pd.DataFrame) -> NDArray[np.int64]:
    """Disjoint test folds of each row's data set; more than any split where drawn afresh."""
    endless = np.iinfo(np.int64).max
    names = per_split.index.get_level_values("dataset")
    return np.array([CARDS[name].folds or endless for name in names], dtype=np.int64)


def _per_unit(per_split: pd.Series) -> dict[str, Floats]:
    """Differences of each data set; splits that share a test fold are one unit."""
    named = per_split.index.get_level_values("dataset")
    units = per_split.groupby([named, _split(per_split) % _folds(per_split)]).mean()
    return {str(name): values.to_numpy(np.float64) for name, values in units.groupby(level=0)}
