"""Two contenders on the same splits: their mean difference, its interval, and a word for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite import statistics
from suite.statistics import ABOVE, BELOW, WITHIN

ALPHA = 0.05
BETTER, WORSE, EQUIVALENT, OPEN = "better", "worse", "equivalent", "open"
_WORDS = {ABOVE: BETTER, BELOW: WORSE, WITHIN: EQUIVALENT}


@dataclass(frozen=True, slots=True)
class Difference:
    """First less second.

    Attributes:
        effect: mean over splits.
        interval: Student's, of 1 - level; None for a single split.
        verdict: better, worse, equivalent (within the margin), or open.
        seeds_needed: splits that would settle what is open; None where it is not, or beyond
            reach.
    """

    effect: float
    interval: tuple[float, float] | None
    verdict: str
    seeds_needed: tuple[int, int] | None = None

    @property
    def half(self) -> float | None:
        """Half of the interval's width."""
        return None if self.interval is None else (self.interval[1] - self.interval[0]) / 2


def difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    margin: float,
    level: float = ALPHA,
) -> Difference:
    """The paired difference of two contenders' scores, higher being better.

    Args:
        first: one score for each split.
        second: the other's, on the same splits.
        margin: the smallest effect of interest.
        level: how often a word may be wrong; smaller where several are tested.
    """
    found = statistics.moments([first - second])
    effect = float(found.means[0])
    if len(first) < 2:
        return Difference(effect, None, OPEN)
    estimate = statistics.estimate(found)
    low, high = statistics.interval(estimate, level)
    p, side = statistics.find_difference(estimate, margin)
    interval = (float(low), float(high))
    if p <= level:
        return Difference(effect, interval, _WORDS[str(side)])
    return Difference(effect, interval, OPEN, statistics.seeds_needed(found, margin, level))
