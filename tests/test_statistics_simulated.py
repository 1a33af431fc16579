"""The tests behind the verdicts, tested: false words, power, and what seeds buy.

Everything goes through the functions that verdicts are made with; truth is what was simulated.
"""

import numpy as np
import pytest
from scipy import optimize, stats

from suite import statistics
from suite.decisions import DIFFERENCE, EQUIVALENT, REFUTED, SUPPORTED, Part, decide
from suite.statistics import ABOVE, BELOW, WITHIN, Moments
from suite.verdicts import judge
from tests.planted import CONTRAST, by_depth, evidence, experiment

ALPHA, CLAIMS = 0.05, 25
FAMILIES = 2000


def normal(rng, size):
    return rng.normal(size=size)


def skewed(rng, size):
    return rng.exponential(size=size) - 1


def heavy(rng, size):
    return rng.standard_t(4, size=size) / np.sqrt(2)


def counted(rng, size):
    """Differences of two accuracies on 180 test rows, in standard deviations."""
    hits = rng.binomial(180, 0.9, size=(2, *size)) / 180
    return (hits[0] - hits[1]) / np.sqrt(2 * 0.9 * 0.1 / 180)


def simulate(effects, units=5, spreads=(1.0, 1.0, 1.0), noise=normal, seed=0, families=FAMILIES):
    """Estimates (family, claim) of true effects (claim,) or (claim, set)."""
    rng = np.random.default_rng(seed)
    effects = np.asarray(effects, float)
    effects = effects if effects.ndim == 2 else np.repeat(effects[:, None], len(spreads), 1)
    samples = [
        effects[:, d, None] + spread * noise(rng, (families, len(effects), units))
        for d, spread in enumerate(spreads)
    ]
    return statistics.estimate(statistics.moments(samples))


def false_words(find, effects, margin):
    """Which findings would be false of each claim: (claim, {above, below, within})."""
    bound = margin if find is statistics.find_sameness else 0.0
    effects = np.asarray(effects, float)
    effects = effects.mean(axis=1) if effects.ndim == 2 else effects
    return {
        ABOVE: effects <= bound,
        BELOW: effects >= -bound,
        WITHIN: np.abs(effects) >= margin,
    }


def families_with_a_false_word(find, estimates, effects, margin):
    p, found = find(estimates, margin)
    false = np.zeros(p.shape, dtype=bool)
    for word, untrue in false_words(find, effects, margin).items():
        false |= (found == word) & untrue
    any_false = 0
    # Where the smallest p is not rejected, Holm rejects none.
    first = p.min(axis=1) <= ALPHA / p.shape[1]
    for own_p, own_false in zip(p[first], false[first], strict=True):
        corrected = statistics.holm({str(i): q for i, q in enumerate(own_p)}, ALPHA)
        any_false += any(corrected[str(i)].rejected for i in np.flatnonzero(own_false))
    return any_false / len(p)


NOTHING = np.zeros(CLAIMS)
FAMILY = {
    "nothing": (NOTHING, 1.4, {}),
    "on the margin": (np.full(CLAIMS, 1.4), 1.4, {}),
    "below the margin": (np.full(CLAIMS, -1.4), 1.4, {"units": 8}),
    "some large, others nothing": (np.repeat([4.0, 0.0], [13, 12]), 1.0, {}),
    "some large, others on the margin": (np.repeat([4.0, 1.0], [13, 12]), 1.0, {"units": 8}),
    "unequal spreads": (NOTHING, 0.9, {"spreads": (0.2, 1.0, 3.0), "units": 8}),
    "sets that disagree": (np.tile([2.0, -1.0, -1.0], (CLAIMS, 1)), 1.4, {"units": 6}),
    "heavy tails": (NOTHING, 1.4, {"noise": heavy}),
    "skewed": (NOTHING, 1.4, {"noise": skewed, "units": 8}),
    "counts": (NOTHING, 1.4, {"noise": counted}),
}


@pytest.mark.parametrize("name", FAMILY)
def test_a_family_of_25_claims_has_a_false_word_at_most_alpha_of_the_time(name):
    effects, margin, options = FAMILY[name]
    estimates = simulate(effects, **options)
    rate = families_with_a_false_word(statistics.find_difference, estimates, effects, margin)
    # Two standard errors of a rate of α.
    assert rate <= ALPHA + 0.01


@pytest.mark.parametrize("effect", [0.0, 1.399, 1.401, -1.401])
def test_a_family_of_sameness_claims_has_a_false_word_at_most_alpha_of_the_time(effect):
    effects = np.full(CLAIMS, effect)
    estimates = simulate(effects, units=8, seed=1)
    rate = families_with_a_false_word(statistics.find_sameness, estimates, effects, 1.4)
    assert rate <= ALPHA + 0.01


def test_without_correction_families_would_be_wrong_far_more_often():
    p, found = statistics.find_difference(simulate(NOTHING), 0.01)
    wrong = ((p <= ALPHA) & (found != WITHIN)).any(axis=1)
    assert wrong.mean() > 0.5
    rate = families_with_a_false_word(statistics.find_difference, simulate(NOTHING), NOTHING, 0.01)
    assert rate <= ALPHA + 0.01


# Claims of two parts


def decided(effects, margin, level, units=8, simulations=4000):
    """Words of a claim of several parts, `open` where it is not rejected."""
    estimates = simulate(effects, units=units, families=simulations, seed=2)
    p, found = statistics.find_difference(estimates, margin)
    words = []
    for row_p, row_found in zip(p, found, strict=True):
        parts = [
            Part(None, False, None, None, None, q, f, DIFFERENCE[str(f)])
            for q, f in zip(row_p, row_found, strict=True)
        ]
        decision = decide(parts)
        words.append(decision.word if decision.p <= level else "open")
    return np.array(words)


@pytest.mark.parametrize(
    ("effects", "untrue"),
    [
        ((0.0, 0.0), (SUPPORTED, REFUTED)),
        ((0.0, 3.0), (SUPPORTED, REFUTED)),
        ((0.5, 3.0), (REFUTED, EQUIVALENT)),
        ((0.5, 0.5), (REFUTED, EQUIVALENT)),
        ((-0.5, 3.0), (SUPPORTED, EQUIVALENT)),
        ((-3.0, 0.0), (SUPPORTED,)),
    ],
)
def test_claims_of_two_parts_have_a_false_word_at_most_alpha_of_the_time(effects, untrue):
    words = decided(effects, 0.5, ALPHA)
    assert np.isin(words, untrue).mean() <= ALPHA + 0.007


@pytest.mark.parametrize(
    ("effects", "word"),
    [((1.5, 1.5), SUPPORTED), ((-1.5, 1.5), REFUTED), ((-1.5, -1.5), REFUTED)],
)
def test_planted_parts_are_found(effects, word):
    words = decided(effects, 0.3, ALPHA / CLAIMS, units=8)
    assert np.mean(words == word) > 0.95
    assert np.mean(decided((0.0, 3.0), 1.2, ALPHA / CLAIMS, units=8) == EQUIVALENT) > 0.8


# Power


SPREADS = {"equal": (1.0, 1.0, 1.0), "unequal": (0.3, 1.0, 2.0), "one set": (1.5,)}


def said(find, effect, spreads, units, margin, level, simulations=10_000):
    given = simulate([effect], units=units, spreads=spreads, families=simulations, seed=units)
    p, found = find(given, margin)
    return np.where(p <= level, found, "open")


@pytest.mark.parametrize("units", [2, 3, 5, 10])
@pytest.mark.parametrize("spreads", SPREADS)
@pytest.mark.parametrize(
    ("effect", "margin", "word"),
    [
        *((1.3, 0.3, ABOVE), (-1.3, 0.3, BELOW), (0.0, 1.4, WITHIN), (0.4, 1.8, WITHIN)),
        (1.3, 1.1, ABOVE),
    ],
)
def test_power_is_how_often_the_word_is_found(units, spreads, effect, margin, word):
    deviations = SPREADS[spreads]
    moments = Moments(
        np.full(len(deviations), effect), np.square(deviations), np.full(len(deviations), 5.0)
    )
    for find in (statistics.find_difference, statistics.find_sameness):
        same = find is statistics.find_sameness
        words = said(find, effect, deviations, units, margin, 0.01)
        power = statistics.power(moments, margin, 0.01, units, sameness=same)
        assert power == pytest.approx(np.mean(words == word), abs=0.02)


@pytest.mark.parametrize("seeds", [4, 5, 8, 15])
@pytest.mark.parametrize(
    ("margin_share", "word"), [(0.25, ABOVE), (0.9, ABOVE), (3.0, WITHIN), (1e9, WITHIN)]
)
def test_the_seeds_named_have_the_stated_power(seeds, margin_share, word):
    """The effect that so many seeds find at 80 %, found so often; even at few seeds."""
    level = ALPHA / CLAIMS

    def moments(scale):
        # A margin that is a multiple of the effect; the largest stands for no effect at all.
        effect = 0.0 if margin_share == 1e9 else scale
        return Moments(np.full(3, effect), np.ones(3), np.full(3, 1e6))

    def margin(scale):
        return scale if margin_share == 1e9 else scale * margin_share

    def lacking(scale):
        return statistics.power(moments(scale), margin(scale), level, seeds) - 0.8

    scale = 1.005 * optimize.brentq(lacking, 0.01, 50, xtol=1e-6)
    needed = statistics.seeds_needed(moments(scale), margin(scale), level)
    assert needed == (seeds, seeds)
    effect = float(moments(scale).means[0])
    words = said(statistics.find_difference, effect, (1.0, 1.0, 1.0), seeds, margin(scale), level)
    assert np.mean(words == word) == pytest.approx(0.8, abs=0.03)


def test_an_effect_on_the_margin_is_beyond_all_seeds():
    given = Moments(np.full(3, 0.5), np.ones(3), np.full(3, 6.0))
    assert statistics.seeds_needed(given, 0.5, ALPHA) is None
    assert (
        statistics.seeds_needed(given, 0.45, ALPHA)[1]
        > statistics.seeds_needed(given, 0.2, ALPHA)[1]
    )


def test_planted_slopes_are_found_at_the_power_of_their_spread():
    positions = np.log2([250.0, 500.0, 1000.0, 2000.0])
    rng = np.random.default_rng(6)
    noise = rng.normal(size=(3, 4000, 8, 4))
    values = 0.5 * positions + noise
    slopes = [
        statistics.slopes(positions, own.reshape(-1, 4)).reshape(own.shape[:2]) for own in values
    ]
    p, found = statistics.find_difference(statistics.estimate(statistics.moments(slopes)), 0.1)
    share = np.mean((p <= ALPHA / CLAIMS) & (found == ABOVE))
    # The variance of a least-squares slope is σ²/Σ(x − mean)².
    variance = 1 / np.sum((positions - positions.mean()) ** 2)
    moments = Moments(np.full(3, 0.5), np.full(3, variance), np.full(3, 8.0))
    expected = statistics.power(moments, 0.1, ALPHA / CLAIMS, 8)
    assert 0.5 < expected < 0.999
    assert share == pytest.approx(expected, abs=0.02)


# Shuffled labels


def test_shuffled_labels_give_nothing():
    """Which of a pair is called better is tossed for: large effects become noise around zero."""
    rng = np.random.default_rng(7)
    for units in (5, 8):
        differences = 0.3 + 0.05 * rng.normal(size=(3, 20_000, units))
        tossed = differences * rng.choice([-1, 1], differences.shape)
        estimates = statistics.estimate(statistics.moments(list(tossed)))
        p, found = statistics.find_difference(estimates, 0.05)
        rate = np.mean((p <= ALPHA) & (found != WITHIN))
        assert rate <= ALPHA + 0.004


def test_verdicts_on_shuffled_labels_are_inconclusive():
    given = evidence(experiment({"a": CONTRAST}), by_depth(0.3))
    assert judge([given])[0]["verdict"] == "supported"
    rng = np.random.default_rng(8)
    words = []
    for _ in range(12):
        # One toss a unit decides which of its two networks has which label.
        toss = dict.fromkeys(range(24))
        toss = {pair: rng.random() < 0.5 for pair in toss}
        trials = given.trials.copy()
        unit = trials.groupby(["dataset", "split"]).ngroup()
        swapped = unit.map(toss).to_numpy()
        trials.loc[swapped, "depth"] = 5 - trials.loc[swapped, "depth"]
        shuffled = type(given)(**{**vars(given), "trials": trials})
        words.append(judge([shuffled])[0]["verdict"])
    assert words.count("inconclusive") >= 11
    assert "equivalent" not in words


def test_no_data_set_of_a_null_is_said_to_lie_apart():
    """The spread between sets that are alike is small against that within."""
    rng = np.random.default_rng(9)
    spreads = [
        statistics.spread_between(statistics.moments(list(rng.normal(size=(3, 8)))))
        for _ in range(500)
    ]
    assert np.median(spreads) < 0.25
    # τ is 0 where the means differ by less than their errors: about as often as χ²₂ is below 2.
    assert np.mean(np.array(spreads) == 0) == pytest.approx(stats.chi2.cdf(2, 2), abs=0.07)
