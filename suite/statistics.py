"""Arrays to effects, intervals and p-values.

One claim is tested on paired differences: one number per unit (a split of a data set), grouped by
data set. The estimand is the equal-weight mean over the named data sets of the expected difference.
Functions of moments broadcast over leading axes, so that whole simulations are one call.
"""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from suite.randomness import generator

Floats = NDArray[np.float64]

# What a test finds: the effect lies above zero, below it, or within the margin around it.
ABOVE, BELOW, WITHIN = "above", "below", "within"
POWER = 0.8
MOST_SEEDS = 10_000


@dataclass(frozen=True, slots=True)
class Moments:
    """Per data set, on the last axis: mean, variance and number of the differences."""

    means: Floats
    variances: Floats
    counts: Floats

    @property
    def squared_errors(self) -> Floats:
        """Squared standard error of each data set's mean."""
        return self.variances / self.counts

    def apart(self) -> "Moments":
        """Each data set by itself, (set, 1)."""
        return Moments(self.means[:, None], self.variances[:, None], self.counts[:, None])


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect with its standard error and Satterthwaite's degrees of freedom."""

    effect: Floats
    standard_error: Floats
    degrees_of_freedom: Floats


@dataclass(frozen=True, slots=True)
class Corrected:
    """A p-value after Holm's correction, and the level that its interval has."""

    p: float
    level: float
    rejected: bool


def moments(samples: Sequence[Floats]) -> Moments:
    """Moments of one array of differences (…, unit) per data set; NaN variance of a single unit."""
    return Moments(
        means=np.stack([sample.mean(axis=-1) for sample in samples], axis=-1),
        variances=np.stack([_variance(sample) for sample in samples], axis=-1),
        counts=np.array([sample.shape[-1] for sample in samples], dtype=np.float64),
    )


def _variance(sample: Floats) -> Floats:
    if sample.shape[-1] < 2:
        return np.full(sample.shape[:-1], np.nan)
    variance: Floats = sample.var(axis=-1, ddof=1)
    return variance


def estimate(given: Moments) -> Estimate:
    """Equal-weight mean over data sets: SE = √(Σ s_d²/S_d) / D (Satterthwaite 1946).

    Without any spread between units the standard error is 0 and the degrees of freedom are the
    units' less one per data set.
    """
    squared = given.squared_errors
    total = squared.sum(axis=-1)
    free = given.counts - 1
    denominator = (squared**2 / np.maximum(free, 1)).sum(axis=-1)
    spread = denominator > 0
    pooled = np.where(spread, total**2 / np.where(spread, denominator, 1), free.sum(axis=-1))
    return Estimate(
        effect=given.means.mean(axis=-1),
        standard_error=np.sqrt(total) / given.means.shape[-1],
        degrees_of_freedom=np.where(np.isnan(total), np.nan, pooled),
    )


def interval(given: Estimate, level: float) -> tuple[Floats, Floats]:
    """Two-sided confidence interval that misses with probability `level`."""
    quantile: Floats = np.asarray(stats.t.isf(level / 2, given.degrees_of_freedom))
    reach = quantile * given.standard_error
    return given.effect - reach, given.effect + reach


def _upper_tail(given: Estimate, bound: float) -> Floats:
    """One-sided p-value against θ ≤ bound."""
    distance = given.effect - bound
    error = given.standard_error
    # Units that all differ by the same amount leave no doubt on which side of the bound they lie.
    certain = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    statistic = np.where(error > 0, distance / np.where(error > 0, error, 1), certain)
    return np.asarray(stats.t.sf(statistic, given.degrees_of_freedom))


def _lower_tail(given: Estimate, bound: float) -> Floats:
    """One-sided p-value against θ ≥ bound."""
    return _upper_tail(
        Estimate(-given.effect, given.standard_error, given.degrees_of_freedom), -bound
    )


def _least(candidates: Mapping[str, Floats]) -> tuple[Floats, NDArray[np.str_]]:
    stacked = np.stack(list(candidates.values()))
    words = np.array(list(candidates))[stacked.argmin(axis=0)]
    return np.minimum(1, 2 * stacked.min(axis=0)), words


def find_difference(given: Estimate, margin: float) -> tuple[Floats, NDArray[np.str_]]:
    """p-value of a claim of difference, and what is found if it is rejected.

    p = min(1, 2·min(p_S if e ≥ δ, p_R if e ≤ −δ, p_E)): p_S tests θ ≤ 0, p_R tests θ ≥ 0, p_E is
    the larger of the two one-sided equivalence tests at ±δ (Schuirmann 1987).
    """
    above = np.where(given.effect >= margin, _upper_tail(given, 0), 1)
    below = np.where(given.effect <= -margin, _lower_tail(given, 0), 1)
    return _least({ABOVE: above, BELOW: below, WITHIN: _equivalence(given, margin)})


def find_sameness(given: Estimate, margin: float) -> tuple[Floats, NDArray[np.str_]]:
    """p-value of a claim of sameness, and what is found if it is rejected.

    Here the claim itself is |θ| < δ, so to refute it the effect must be shown to lie beyond ±δ, not
    only to differ from 0: above tests θ ≤ δ, below tests θ ≥ −δ.
    """
    above, below = _upper_tail(given, margin), _lower_tail(given, -margin)
    return _least({WITHIN: _equivalence(given, margin), ABOVE: above, BELOW: below})


def _equivalence(given: Estimate, margin: float) -> Floats:
    return np.maximum(_upper_tail(given, -margin), _lower_tail(given, margin))


def holm(p_values: Mapping[str, float], alpha: float) -> dict[str, Corrected]:
    """Holm's step-down correction (1979), with the level of each interval.

    A rejected claim's interval has the level of its own step, all others that of the step at which
    the procedure stopped: so an interval excludes what a word excludes, and only then.
    """
    ordered = sorted(p_values, key=lambda name: p_values[name])
    remaining = np.arange(len(ordered), 0, -1)
    products = np.array([p_values[name] for name in ordered]) * remaining
    corrected = np.minimum(1, np.maximum.accumulate(products))
    rejected = corrected <= alpha
    # Claims after the stop keep its step's level.
    steps = np.minimum(np.arange(len(ordered)), np.sum(rejected))
    return {
        name: Corrected(float(corrected[i]), alpha / float(remaining[steps[i]]), bool(rejected[i]))
        for i, name in enumerate(ordered)
    }


def spread_between(given: Moments) -> float | None:
    """τ, the standard deviation of the true effects between data sets; None for one data set.

    Hedges & Olkin's unweighted moment estimator (1985), which goes with equal weights.
    """
    if given.means.shape[-1] < 2 or np.isnan(given.variances).any():
        return None
    excess = given.means.var(axis=-1, ddof=1) - given.squared_errors.mean(axis=-1)
    return float(np.sqrt(max(0.0, float(excess))))


def sign_flip(samples: Sequence[Floats], generator: np.random.Generator) -> float:
    """Two-sided p-value of θ = 0 by flipping signs within data sets.

    All flips up to 14 units, 9999 random ones beyond.
    """
    weighted = np.concatenate([sample / len(sample) for sample in samples]) / len(samples)
    test = stats.permutation_test(
        (weighted,),
        np.sum,
        permutation_type="samples",
        n_resamples=2**14 if len(weighted) <= 14 else 9999,
        vectorized=True,
        rng=generator,
    )
    return float(test.pvalue)


def slopes(positions: Floats, values: Floats) -> Floats:
    """Least-squares slope of each row of `values` (row, position); NaN marks a missing value.

    A row with fewer than two values has the slope NaN.
    """
    present = ~np.isnan(values)
    count = np.maximum(present.sum(axis=-1, keepdims=True), 1)
    centre = np.where(present, positions, 0).sum(axis=-1, keepdims=True) / count
    offsets = np.where(present, positions - centre, 0)
    spread = (offsets**2).sum(axis=-1)
    rise = (offsets * np.where(present, values, 0)).sum(axis=-1)
    return np.where(spread > 0, rise / np.where(spread > 0, spread, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Crossings:
    """Where each row first rises above zero, and why it may not be known.

    Attributes:
        places: positions; NaN where a row has fewer than two values.
        early: the row lies above zero from its first position on, which counts as the place.
        never: the row never rises above zero; its last position counts as the place.
    """

    places: Floats
    early: NDArray[np.bool_]
    never: NDArray[np.bool_]


def crossings(positions: Floats, values: Floats) -> Crossings:
    """First crossing of zero from below in each row of `values` (row, position), interpolated.

    `positions` ascend; NaN marks a missing value.
    """
    found = [_crossing(positions[~np.isnan(row)], row[~np.isnan(row)]) for row in values]
    places, early, never = (np.array(column) for column in zip(*found, strict=True))
    return Crossings(places, early, never)


def _crossing(positions: Floats, values: Floats) -> tuple[float, bool, bool]:
    if len(values) < 2:
        return np.nan, False, False
    above = values > 0
    if above[0] or not above.any():
        return float(positions[0 if above[0] else -1]), bool(above[0]), not above.any()
    after = int(above.argmax())
    low, high = values[after - 1 : after + 1]
    start, end = positions[after - 1 : after + 1]
    return float(start - low * (end - start) / (high - low)), False, False


def peaks(positions: Floats, values: Floats) -> Floats:
    """Position of the highest value of each row (row, position); NaN marks a missing value.

    A row with fewer than two values has none, NaN.
    """
    present = ~np.isnan(values)
    highest = np.where(present, values, -np.inf).argmax(axis=-1)
    return np.where(present.sum(axis=-1) >= 2, positions[highest], np.nan)


def power(
    given: Moments, margin: float, level: float, seeds: int, *, sameness: bool = False
) -> float:
    """Probability that a claim gets the word that its effect deserves, with so many seeds.

    The true effect and variances are taken to be those of `given`. A word needs the estimate on
    its side of the margin and p at most `level`. Given the estimated variances, the estimate is
    normal and independent of them, so only these are drawn; the degrees of freedom are estimated
    from them, as in the test, which costs a tenth of the power at five pairs.
    """
    draws = _chi_squares(len(given.variances), seeds - 1)
    variances = given.variances * draws / (seeds - 1)
    counts = np.full(len(given.variances), float(seeds))
    drawn = estimate(Moments(np.zeros_like(variances), variances, counts))
    reach = stats.t.isf(level / 2, drawn.degrees_of_freedom) * drawn.standard_error
    error = np.sqrt((given.variances / seeds).sum()) / len(given.variances)
    effect = abs(float(given.means.mean()))
    low, high = _region(effect, margin, reach, sameness)
    if error == 0:
        return float(np.mean((low <= effect) & (effect <= high)))
    chance = stats.norm.cdf((high - effect) / error) - stats.norm.cdf((low - effect) / error)
    return float(np.maximum(chance, 0).mean())


def _region(effect: float, margin: float, reach: Floats, sameness: bool) -> tuple[Floats, Floats]:
    """Ends of the estimates that give the word for `effect`, which is not negative."""
    if effect < margin:
        return reach - margin, margin - reach
    beyond = margin + reach if sameness else np.maximum(margin, reach)
    return beyond, np.full_like(beyond, np.inf)


def _chi_squares(sets: int, degrees_of_freedom: int) -> Floats:
    """Evenly spread draws (draw, set); the same for every number of seeds but for its shape."""
    shares = stats.qmc.Sobol(sets, rng=generator(0, "power")).random_base2(9)
    # A Sobol draw may be 0, of which the quantile is 0 and no degrees of freedom are left.
    return np.asarray(stats.chi2.ppf(np.maximum(shares, 1e-9), degrees_of_freedom))


def seeds_needed(
    given: Moments, margin: float, level: float, *, sameness: bool = False
) -> tuple[int, int] | None:
    """Range of seeds per data set that would settle a claim; None beyond `MOST_SEEDS`.

    The fewest with a power of 80 % if the effect is the estimated one, at both 80 % limits of the
    standard deviation.
    """
    now = estimate(given).degrees_of_freedom
    limits = [float(now / stats.chi2.ppf(share, now)) for share in (0.9, 0.1)]
    low, high = (
        _fewest(
            Moments(given.means, given.variances * scale, given.counts), margin, level, sameness
        )
        for scale in limits
    )
    return None if low is None or high is None else (low, high)


def _fewest(given: Moments, margin: float, level: float, sameness: bool) -> int | None:
    seeds = range(2, MOST_SEEDS + 1)

    def enough(number: int) -> bool:
        return power(given, margin, level, number, sameness=sameness) >= POWER

    index = bisect.bisect_left(seeds, True, key=enough)
    return seeds[index] if index < len(seeds) else None
