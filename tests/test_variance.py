"""Components of variance: found again where they are simulated, and named where they are mixed."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.fairness.variance import (
    ORDER,
    SPLIT,
    TUNING,
    WEIGHTS,
    components,
    one_way,
    variance_table,
)
from tests.tuned import evidence, row


def test_one_way_components_are_those_of_the_f_test():
    rng = np.random.default_rng(0)
    samples = [rng.normal(shift, 1, 5) for shift in (0, 1, 3)]
    frame = pd.DataFrame(dict(enumerate(samples))).melt()
    found = one_way(frame["value"], frame["variable"])
    assert found.within == pytest.approx(np.mean([s.var(ddof=1) for s in samples]))
    ratio = stats.f_oneway(*samples).statistic
    assert found.between == pytest.approx(found.within * (ratio - 1) / 5)
    assert (found.free_within, found.free_between) == (12, 2)


def test_unequal_groups_have_the_unbiased_estimator():
    rng = np.random.default_rng(1)
    sizes = [1, 2, 6]
    groups = pd.Series(np.repeat(range(3), sizes))
    draws = [
        one_way(pd.Series(rng.normal(0, 2, 3)[groups] + rng.normal(0, 1, 9)), groups)
        for _ in range(400)
    ]
    assert np.mean([found.within for found in draws]) == pytest.approx(1, abs=0.1)
    assert np.mean([found.between for found in draws]) == pytest.approx(4, abs=0.7)


def test_single_values_leave_the_plain_variance():
    found = one_way(pd.Series([1.0, 2.0, 4.0]), pd.Series([0, 1, 2]))
    assert np.isnan(found.within)
    assert found.between == pytest.approx(np.var([1, 2, 4], ddof=1))


def simulated(spreads, splits=400, each=3, seed=0):
    """Final networks of each split, and others that share all but one source with them."""
    rng = np.random.default_rng(seed)
    rows = []
    for split in range(splits):
        own = {source: rng.normal(0, spread) for source, spread in spreads.items()}
        rows.append(("", sum(own.values()), split))
        for source in spreads.keys() - {SPLIT}:
            for _ in range(each):
                other = own | {source: rng.normal(0, spreads[source])}
                rows.append((source, sum(other.values()), split))
    frame = pd.DataFrame(rows, columns=["source", "score", "split"])
    return frame.assign(contender="a", dataset="digits")


def test_simulated_components_are_found():
    spreads = {SPLIT: 2.0, TUNING: 1.0, WEIGHTS: 0.5, ORDER: 0.25}
    table = components(simulated(spreads)).set_index("source")
    for source, spread in spreads.items():
        tolerance = 0.5 if source == SPLIT else 0.12 * spread**2
        assert table.loc[source, "variance"] == pytest.approx(spread**2, abs=tolerance)
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc[TUNING, "degrees_of_freedom"] == 400 * 3


def test_what_is_not_told_apart_is_named_together_and_nothing_is_negative():
    table = components(simulated({SPLIT: 0.0, TUNING: 1.0}, splits=6, seed=3))
    rest = f"{SPLIT}, {WEIGHTS} and {ORDER}"
    assert table["source"].tolist() == [TUNING, rest]
    scores = simulated({SPLIT: 0.0, TUNING: 1.0}, splits=6, seed=3)
    assert one_way(scores["score"], scores["split"]).between < 0
    assert table.set_index("source").loc[rest, "variance"] == 0


def repeated(repeats):
    rng = np.random.default_rng(5)
    rows = itertools.product((1, 2), range(6), range(repeats))
    return [
        {
            **{"contender": f'{{"depth": {depth}}}', "dataset": "digits", "split": split},
            **{
                "seed": split,
                "repeat": repeat,
                "outcome": "completed",
                "test_accuracy": rng.uniform(0.8, 0.9),
            },
            **{"loss": "cross_entropy", "depth": depth, "test_r2": np.nan},
        }
        for depth, split, repeat in rows
    ]


def test_the_variance_of_tuning_is_that_between_repeated_searches():
    given = evidence([row(0, 0.5)], trials=repeated(3))
    table = variance_table(given).set_index("source")
    within = given.trials.groupby(["contender", "split"])["test_accuracy"].var().mean()
    assert table.loc[TUNING, "variance"] == pytest.approx(within)
    assert table.loc[TUNING, "degrees_of_freedom"] == 2 * 6 * 2
    assert variance_table(evidence([row(0, 0.5)], trials=repeated(1))).empty


def test_networks_trained_again_tell_weights_and_order_from_the_split():
    given = evidence([row(0, 0.5)], trials=repeated(2))
    again = [
        each | {"seed": each["split"] + other, "test_accuracy": each["test_accuracy"] + shift}
        for each in repeated(2)
        if each["repeat"] == 0
        for other, shift in ((100, 0.02), (0, 0.01))
    ]
    table = variance_table(given, pd.DataFrame(again)).set_index("source")
    assert table.index.tolist() == [TUNING, WEIGHTS, ORDER, SPLIT]
    assert table.loc[WEIGHTS, "variance"] == pytest.approx(0.02**2 / 2)
    assert table.loc[ORDER, "variance"] == pytest.approx(0.01**2 / 2)
