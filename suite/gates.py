"""Gates: exact checks of a statistic against a band, outside the tests' correction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite import statistics
from suite.claim import Claim
from suite.metrics import METRICS
from suite.pairing import Pairs, pair

if TYPE_CHECKING:
    from suite.results import Evidence

Floats = NDArray[np.float64]

# A mean's interval stands beside it for the reader; the word does not depend on it.
LEVEL = 0.05
_STATISTICS: dict[str, Callable[[Floats], float]] = {
    "median": lambda values: float(np.median(values)),
    "highest": lambda values: float(values.max()),
    "lowest": lambda values: float(values.min()),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate's statistic comes to.

    Attributes:
        pairs: what it was computed from.
        statistic: over all data sets; None where nothing was measured.
        interval: of a mean over units; None for other statistics, or where units are too few.
        per_dataset: the statistic of each data set and its interval's ends, None likewise.
        holds: whether the statistic lies in the band; None where there is none.
    """

    pairs: Pairs
    statistic: float | None
    interval: tuple[float, float] | None
    per_dataset: Mapping[str, tuple[float, float | None, float | None]]
    holds: bool | None


def check(evidence: Evidence, name: str, *, failures: bool = True) -> Gate:
    """Compute a gate's statistic; `failures=False` leaves out what diverged or died.

    Of a mean, data sets weigh the same, as do units within them; other statistics are over all
    trials (or pairs) together.

    Raises:
        InputError: the claim names an unknown metric, or a trend along levels that are no numbers.
    """
    claim = evidence.experiment.claims[name]
    place = f"{evidence.experiment.path or evidence.experiment.name}: claims.{name}"
    pairs = pair(evidence, claim, place, kind=claim.kind, failures=failures)
    if not pairs.each:
        return Gate(pairs, None, None, {}, None)
    statistic = _over_all(claim, pairs)
    low, high = claim.band
    return Gate(
        pairs=pairs,
        statistic=statistic,
        interval=_interval(claim, pairs),
        per_dataset={dataset: _own(claim, pairs, dataset) for dataset in pairs.each},
        holds=low <= statistic <= high,
    )


def statistic_of(claim: Claim) -> str:
    """Which statistic it is, with best and worst by the metric's orientation."""
    if claim.statistic not in ("best", "worst"):
        return claim.statistic
    higher_is_better = METRICS[claim.metric].higher_is_better is not False
    return "highest" if (claim.statistic == "best") == higher_is_better else "lowest"


def _over_all(claim: Claim, pairs: Pairs) -> float:
    if claim.statistic == "mean":
        return float(np.mean([own.mean() for own in pairs.differences.values()]))
    return _STATISTICS[statistic_of(claim)](np.concatenate(list(pairs.each.values())))


def _own(claim: Claim, pairs: Pairs, dataset: str) -> tuple[float, float | None, float | None]:
    if claim.statistic != "mean":
        return _STATISTICS[statistic_of(claim)](pairs.each[dataset]), None, None
    limits = _t_interval([pairs.differences[dataset]]) or (None, None)
    return float(pairs.differences[dataset].mean()), *limits


def _interval(claim: Claim, pairs: Pairs) -> tuple[float, float] | None:
    if claim.statistic != "mean":
        return None
    return _t_interval(list(pairs.differences.values()))


def _t_interval(samples: list[Floats]) -> tuple[float, float] | None:
    estimate = statistics.estimate(statistics.moments(samples))
    low, high = statistics.interval(estimate, LEVEL)
    return None if np.isnan(low) else (float(low), float(high))
