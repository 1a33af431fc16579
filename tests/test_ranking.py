"""Ranks and probabilities of improvement against scipy's tests, and how their intervals cover."""

import numpy as np
import pytest
from scipy import stats

from suite.pairing import level_scores
from suite.ranking import mean_ranks, probability_of_improvement
from tests.planted import CONTRAST, SETS, evidence, experiment, noise

UNITS = (8, 8, 5)


def scores(means=(0.0, 0.5, 1.0), units=UNITS, seed=0, shared=0.0):
    rng = np.random.default_rng(seed)
    return [rng.normal(means, 1, (n, len(means))) + shared * rng.normal(size=(n, 1)) for n in units]


def draws(seed=1):
    return np.random.default_rng(seed)


def test_mean_ranks_are_those_of_the_friedman_test():
    (own,) = scores(units=(12,))
    ranks = mean_ranks([own], draws()).value
    # Friedman's statistic follows from the mean ranks alone.
    units, methods = own.shape
    statistic = 12 * units / (methods * (methods + 1)) * ((ranks - (methods + 1) / 2) ** 2).sum()
    assert statistic == pytest.approx(stats.friedmanchisquare(*own.T).statistic)


def test_ranks_by_hand():
    first = np.array([[0.9, 0.8, 0.7], [0.9, 0.9, 0.1]])
    second = np.array([[0.1, 0.2, 0.3]])
    # 1, 2, 3 and 1.5, 1.5, 3 on the first set; 3, 2, 1 on the second, which weighs the same.
    found = mean_ranks([first, second], draws())
    np.testing.assert_allclose(found.value, [(1.25 + 3) / 2, (1.75 + 2) / 2, (3 + 1) / 2])


def test_improvement_is_the_mann_whitney_statistic():
    given = scores()
    value = probability_of_improvement(given, draws()).value
    for a in range(3):
        for b in range(3):
            shares = [
                stats.mannwhitneyu(own[:, a], own[:, b]).statistic / len(own) ** 2 for own in given
            ]
            assert value[a, b] == pytest.approx(np.mean(shares))


def test_improvement_of_ties_and_of_oneself_is_a_half():
    given = [np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]])]
    value = probability_of_improvement(given, draws()).value
    np.testing.assert_allclose(value, [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [1.0, 1.0, 0.5]])
    value = probability_of_improvement(scores(), draws()).value
    np.testing.assert_allclose(value + value.T, 1)


def test_only_the_order_counts():
    given = scores()
    for measure in (mean_ranks, probability_of_improvement):
        plain, bent = measure(given, draws()), measure([np.exp(own) for own in given], draws())
        np.testing.assert_array_equal(plain.low, bent.low)
        np.testing.assert_array_equal(plain.value, bent.value)


def test_the_same_generator_gives_the_same_intervals():
    first, again = (mean_ranks(scores(), draws(3)) for _ in range(2))
    np.testing.assert_array_equal(first.high, again.high)
    assert (first.low <= first.value).all()
    assert (first.value <= first.high).all()


def test_intervals_are_percentiles_of_resampled_units():
    (own,) = scores(units=(7,))
    ranks = stats.rankdata(-own, axis=1)
    found = mean_ranks([own], draws())
    oracle = stats.bootstrap(
        (ranks,), np.mean, axis=0, method="percentile", n_resamples=20_000, rng=draws(5)
    ).confidence_interval
    np.testing.assert_allclose(found.low, oracle.low, atol=0.08)
    np.testing.assert_allclose(found.high, oracle.high, atol=0.08)


@pytest.mark.parametrize(("units", "least"), [((20, 20, 20), 0.9), ((5, 5, 5), 0.8)])
def test_intervals_cover_about_as_often_as_they_say(units, least):
    """Equal methods have rank 2; at five units the bootstrap is known to cover too little."""
    covered = []
    for seed in range(200):
        found = mean_ranks(scores((0.0, 0.0, 0.0), units, seed), draws(seed))
        covered.append((found.low <= 2) & (found.high >= 2))
    assert least <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([np.ones((3, 2)), np.ones((3, 3))], "the same methods"),
        ([], "one at least"),
        ([np.array([[1.0, np.nan]])], "every method on every unit"),
        ([np.ones((0, 2))], "every method on every unit"),
    ],
)
def test_what_cannot_be_ranked_is_said(given, problem):
    for measure in (mean_ranks, probability_of_improvement):
        with pytest.raises(ValueError, match=problem):
            measure(given, draws())


def test_scores_of_a_factors_levels():
    vary = {"depth": ["1", "4"], "activation": ["relu", "tanh", "sigmoid"]}
    gains = {"relu": 0.0, "tanh": 0.1, "sigmoid": 0.3}

    def measure(row):
        loss = 1 + row["depth"] + gains[row["activation"]] + 0.001 * row["split"]
        return {"test_loss": loss, "test_accuracy": noise(row)}

    given = evidence(experiment({"a": CONTRAST}, vary=vary), measure)
    levels, found = level_scores(given, "test_loss", "activation", {})
    assert (levels, sorted(found)) == (["relu", "tanh", "sigmoid"], sorted(SETS))
    # Lower losses are better scores; depths weigh the same.
    np.testing.assert_allclose(found["digits"][3], [-3.503, -3.603, -3.803])
    _, confined = level_scores(given, "test_loss", "activation", {"depth": (1,)})
    np.testing.assert_allclose(confined["digits"][0], [-2, -2.1, -2.3])
    np.testing.assert_array_equal(mean_ranks(list(found.values()), draws()).value, [1, 2, 3])
    gone = given.trials["split"].eq(2) & given.trials["activation"].eq("relu")
    given.trials.loc[gone, "outcome"] = "crashed"
    assert len(level_scores(given, "test_loss", "activation", {})[1]["digits"]) == 7
