"""Where the variance of a final score comes from: tuning, initial weights, batch order, split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite.metrics import METRICS

if TYPE_CHECKING:
    from suite.results import Evidence

TUNING, WEIGHTS, ORDER, SPLIT = "tuning", "initial weights", "batch order", "data split"
# What else differs between splits where nothing tells it apart.
_CONFOUNDED = (WEIGHTS, ORDER)
_GROUP = ["contender", "dataset"]
COLUMNS = ["dataset", "source", "variance", "share", "degrees_of_freedom"]


@dataclass(frozen=True, slots=True)
class Components:
    """Estimates of a one-way random-effects analysis of variance.

    Attributes:
        within: variance within groups; NaN where no group has two values.
        between: variance of the groups' own means; may be negative; NaN for one group.
        free_within: degrees of freedom behind `within`.
        free_between: degrees of freedom behind `between`.
    """

    within: float
    between: float
    free_within: int
    free_between: int


def one_way(values: pd.Series, groups: pd.Series) -> Components:
    """Analysis-of-variance estimators for groups of any sizes (Searle, Casella & McCulloch 1992).

    within = SSW / (N − k); between = (MSB − within) / n₀ with n₀ = (N − Σn²/N) / (k − 1). Where no
    group has two values, between is the plain variance, which then holds both.
    """
    grouped = values.groupby(groups)
    sizes, means = grouped.size().to_numpy(np.float64), grouped.mean().to_numpy(np.float64)
    total, count = sizes.sum(), len(sizes)
    free = int(total) - count
    squares = float(((values - grouped.transform("mean")) ** 2).sum())
    within = squares / free if free else np.nan
    if count < 2:
        return Components(within, np.nan, free, 0)
    grand = (sizes * means).sum() / total
    mean_square = (sizes * (means - grand) ** 2).sum() / (count - 1)
    typical = (total - (sizes**2).sum() / total) / (count - 1)
    between = (mean_square - (within if free else 0.0)) / typical
    return Components(within, float(between), free, count - 1)


def components(scores: pd.DataFrame) -> pd.DataFrame:
    """Variance components on each data set, the mean over its contenders, truncated at 0.

    Args:
        scores: one row for each network: `contender, dataset, split, source, score`. Networks with
            an empty source are the final ones, of which each split has one; those of a source
            share all but that with them.

    Returns:
        `dataset, source, variance, share, degrees_of_freedom`, the share being that of the sum.
        What no network tells apart from the split is named with it.
    """
    tables = [_of_data_set(str(name), rows) for name, rows in scores.groupby("dataset", sort=False)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_data_set(dataset: str, rows: pd.DataFrame) -> pd.DataFrame:
    contenders = [own for _, own in rows.groupby("contender", sort=False)]
    found = pd.DataFrame([dict(_sources(own)) for own in contenders])
    free = pd.DataFrame([dict(_degrees(own)) for own in contenders]).sum()
    variance = found.mean().clip(lower=0.0)
    total = float(variance.sum())
    return pd.DataFrame(
        {
            "dataset": dataset,
            "source": variance.index,
            "variance": variance.to_numpy(),
            "share": variance.to_numpy() / total if total else np.nan,
            "degrees_of_freedom": free[variance.index].to_numpy(),
        }
    )


def _within(rows: pd.DataFrame, source: str) -> Components:
    own = rows[rows["source"].isin(["", source])]
    return one_way(own["score"], own["split"])


def _known(rows: pd.DataFrame) -> list[str]:
    present = set(rows["source"])
    return [source for source in (TUNING, WEIGHTS, ORDER) if source in present]


def _rest(rows: pd.DataFrame) -> str:
    """Name of what is left when what is known is taken off."""
    known = _known(rows)
    left = [SPLIT, *(source for source in (*_CONFOUNDED, TUNING) if source not in known)]
    return left[0] if len(left) == 1 else f"{', '.join(left[:-1])} and {left[-1]}"


def _sources(rows: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Each source's variance for one contender; those of splits last, what is known taken off."""
    known = {source: _within(rows, source).within for source in _known(rows)}
    yield from known.items()
    # Means over repeated searches have little of tuning's variance left, which is taken off too.
    between = _within(rows, TUNING).between
    yield _rest(rows), between - sum(known.get(source, 0.0) for source in _CONFOUNDED)


def _degrees(rows: pd.DataFrame) -> Iterator[tuple[str, int]]:
    for source in _known(rows):
        yield source, _within(rows, source).free_within
    yield _rest(rows), _within(rows, TUNING).free_between


def variance_table(evidence: Evidence, again: pd.DataFrame | None = None) -> pd.DataFrame:
    """Components of the final test score's variance; empty where nothing is apart from the split.

    Args:
        evidence: whose final trials have several searches (`repeat`) on each split.
        again: trials that repeat the final one of a split's first search with another seed for
            the initial weights, or for the batch order alone, as the evidence has trials.
    """
    scores = _scores(evidence).assign(source=lambda rows: np.where(rows["repeat"] > 0, TUNING, ""))
    if again is not None and len(again):
        others = _scores(replace(evidence, trials=again)).assign(source=_changed(evidence, again))
        scores = pd.concat([scores, others], ignore_index=True)
    scores = scores.dropna(subset="score")
    if not scores["source"].ne("").any():
        return pd.DataFrame(columns=COLUMNS)
    return components(scores)


def _changed(evidence: Evidence, again: pd.DataFrame) -> NDArray[np.str_]:
    """What each repetition has another seed for than the final trial that it repeats."""
    unit = [*_GROUP, "split"]
    first = evidence.trials[evidence.trials["repeat"] == 0].set_index(unit)["seed"]
    final = first.reindex(pd.MultiIndex.from_frame(again[unit])).to_numpy()
    return np.where(again["seed"].to_numpy() == final, ORDER, WEIGHTS)


def _scores(evidence: Evidence) -> pd.DataFrame:
    """Test scores of trials; those that diverged or died count as chance."""
    rows = evidence.trials[[*_GROUP, "split", "repeat"]]
    return rows.assign(score=METRICS["test_score"].values(evidence).astype(np.float64))
