"""Several methods over several data sets: mean ranks and probabilities of improvement.

Scores are one array (unit, method) for each data set, higher being better; a unit is a split, on
which all methods met the same data. Intervals are percentiles of a bootstrap over units within
data sets (Agarwal et al. 2021). They are for drawing: at a few units they cover less than they
say, so no verdict rests on them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """Values with the ends of their intervals, three arrays of one shape."""

    value: Floats
    low: Floats
    high: Floats


def mean_ranks(
    scores: Sequence[Floats], generator: np.random.Generator, level: float = 0.05
) -> Interval:
    """Mean rank of each method, (method,); 1 is best and ties share their ranks' mean.

    Methods are ranked on each unit; units of a data set and data sets weigh the same.

    Args:
        scores: of each data set, (unit, method).
        generator: draws the resamples.
        level: how often an interval may miss.

    Raises:
        ValueError: a score is missing, or data sets differ in their methods.
    """
    _check(scores)
    ranks = [stats.rankdata(-own, axis=1) for own in scores]

    def over_sets(*weights: Floats) -> Floats:
        own_means = [w @ own for w, own in zip(weights, ranks, strict=True)]
        return np.asarray(np.mean(own_means, axis=0))

    return _bootstrap(over_sets, scores, generator, level)


def probability_of_improvement(
    scores: Sequence[Floats], generator: np.random.Generator, level: float = 0.05
) -> Interval:
    """How probably the row's method beats the column's on a data set, (method, method).

    Mean over data sets of the share of all pairs of their units in which it does; ties count half
    (the Mann-Whitney statistic over its largest value).

    Args:
        scores: of each data set, (unit, method).
        generator: draws the resamples.
        level: how often an interval may miss.

    Raises:
        ValueError: a score is missing, or data sets differ in their methods.
    """
    _check(scores)
    wins = [(1 + np.sign(own[:, None, :, None] - own[None, :, None, :])) / 2 for own in scores]

    def over_sets(*weights: Floats) -> Floats:
        # i and j are units of the two methods, a and b the methods.
        shares = [
            np.einsum("...i,ijab,...j->...ab", w, own, w, optimize=True)
            for w, own in zip(weights, wins, strict=True)
        ]
        return np.asarray(np.mean(shares, axis=0))

    return _bootstrap(over_sets, scores, generator, level)


def _bootstrap(
    over_sets: Callable[..., Floats],
    scores: Sequence[Floats],
    generator: np.random.Generator,
    level: float,
) -> Interval:
    """Value at equal weights, and percentiles at resampled ones; units are drawn within sets."""
    counts = [len(own) for own in scores]
    value = over_sets(*(np.full(n, 1 / n) for n in counts))
    drawn = over_sets(*(generator.multinomial(n, [1 / n] * n, RESAMPLES) / n for n in counts))
    low, high = np.quantile(drawn, [level / 2, 1 - level / 2], axis=0)
    return Interval(value, low, high)


def _check(scores: Sequence[Floats]) -> None:
    if len({own.shape[1] for own in scores}) != 1:
        raise ValueError("ranks need the same methods on all data sets, one at least")
    if any(np.isnan(own).any() or not len(own) for own in scores):
        raise ValueError("ranks need a score of every method on every unit")
