"""Deviations from theory: of made-up measurements, and of networks that were really drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from suite import deviations
from suite.data.loading import load_split
from suite.metrics import METRICS
from suite.theory import gradient_correlation, jacobian, mean_field
from suite.training.fitting import fit
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

PROBES = (
    "activation_variance",
    "delta_norm",
    "gradient_cosine",
    "jacobian_mean",
    "jacobian_spread",
    "signal",
)
NAMES = [name for name in METRICS if name.endswith("_theory_deviation")]
DEPTH, WIDTH = 4, 50
RECIPE = {
    "dataset": "digits",
    "network": "dense",
    "activation": "tanh",
    "initializer": "pytorch",
    "gain": 1.5,
    "width": WIDTH,
    "depth": DEPTH,
    "regularizers": "none",
}
WEIGHT, BIAS = 1.5**2 / 3, 1 / (3 * WIDTH)
FIRST = (0.4, 1.1, 2.0)


def evidence(trials, rows):
    """What metrics read: trials, and (trial_id, metric, layer, value) before training."""
    columns = ["trial_id", "metric", "layer", "value"]
    histories = pd.DataFrame(rows, columns=columns).assign(epoch=0, split="train")
    return SimpleNamespace(trials=pd.DataFrame(trials), histories=histories)


def made_up(measured, **changes):
    """Three networks of one recipe; `measured(first signal)` gives {(probe, layer): value}."""
    trials = [{**RECIPE, "trial_id": f"t{k}", **changes} for k in range(len(FIRST))]
    rows = []
    for trial, first in zip(trials, FIRST, strict=True):
        found = {("signal", 1): first} | measured(first)
        rows += [(trial["trial_id"], *key, value) for key, value in found.items()]
    return evidence(trials, rows)


def signals(first):
    return mean_field.signals("tanh", first, WEIGHT, BIAS, depth=DEPTH)


def test_the_signals_deviation_is_per_layer():
    def measured(first):
        return {("signal", DEPTH): signals(first)[-1] * 10**0.6}

    np.testing.assert_allclose(deviations.signal_deviation(made_up(measured)), 0.2)


def test_the_gradients_deviation_is_per_layer():
    def measured(first):
        logs = mean_field.log10_deltas("tanh", first, WEIGHT, BIAS, depth=DEPTH)
        return {("delta_norm", 1): 10 ** (logs[0] / 2 + 0.3), ("delta_norm", DEPTH): 1.0}

    np.testing.assert_allclose(deviations.gradient_deviation(made_up(measured)), 0.2)


def test_the_jacobians_deviation_is_a_mean_over_the_inner_layers():
    def measured(first):
        own = [jacobian.mean_singular_value("tanh", q, WEIGHT) for q in signals(first)]
        # Neither the first hidden layer nor the output layer counts.
        shifted = {("jacobian_mean", layer): own[layer - 1] + 0.1 for layer in (2, 3, 4)}
        return shifted | {("jacobian_mean", 1): 7.0, ("jacobian_mean", DEPTH + 1): 7.0}

    np.testing.assert_allclose(deviations.jacobian_deviation(made_up(measured)), 0.1, atol=2e-4)


def test_the_spreads_deviation_is_logarithmic():
    def measured(first):
        layers = [jacobian.slopes("tanh", float(q)) for q in signals(first)]
        spread = jacobian.spreads([64, *[WIDTH] * DEPTH], layers)[-1]
        return {("jacobian_spread", DEPTH): (1 + spread) * np.exp(0.3) - 1}

    np.testing.assert_allclose(deviations.jacobian_spread_deviation(made_up(measured)), 0.3)


def test_the_angles_deviation_starts_from_the_correlation_of_the_second_layer():
    def measured(first):
        second = signals(first)[1]
        cosines = gradient_correlation.gradient_cosines(
            "tanh", 0.3, second, WEIGHT, BIAS, depth=DEPTH - 1
        )
        return {
            ("signal", 2): second,
            # Rows share .3 of what layer 2 is fed.
            ("activation_variance", 1): 0.7 * second / WEIGHT,
            ("gradient_cosine", 2): cosines[-1] + 0.05,
        }

    np.testing.assert_allclose(deviations.gradient_angle_deviation(made_up(measured)), 0.05)


def everything(first):
    """Some value of every probe at every layer."""
    layers = range(1, DEPTH + 2)
    return {(name, layer): first / 2 for name in PROBES for layer in layers} | {
        ("signal", 1): first
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("change", "known"),
    [
        ({}, True),
        ({"depth": 1}, False),
        ({"network": "residual"}, False),
        ({"regularizers": "batch_norm=1.0"}, False),
        ({"initializer": "constant"}, False),
        ({"activation": "of_my_own"}, False),
    ],
)
def test_theory_speaks_of_plain_networks_of_two_layers_and_more(name, change, known):
    values = METRICS[name].values(made_up(everything, **change))
    deep = name != "jacobian_spread_theory_deviation" or change != {"depth": 1}
    assert values.notna().all() == (known or not deep)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_probed_has_no_deviation(name):
    given = made_up(everything)
    given.histories = given.histories[given.histories["metric"] == "signal"]
    values = METRICS[name].values(given)
    assert values.notna().all() == (name == "signal_theory_deviation")


def fitted(settings, seeds=6):
    trials = [
        Trial(dataset="digits", samples=200, epochs=1, seed=s, split=s, **settings)
        for s in range(seeds)
    ]
    splits = {(s, 0.0): load_split("digits", s, 200) for s in range(seeds)}
    rows = []
    for trial, outcome in zip(trials, fit(trials, splits, PROBES), strict=True):
        history = outcome.histories
        columns = (history.epoch, history.metric, history.layer, history.value)
        rows += [(trial.id, *row) for e, *row in zip(*columns, strict=True) if e == 0]
    recipe = {"network": "dense", "gain": 1.0, "regularizers": "none", "dataset": "digits"}
    return evidence([recipe | settings | {"trial_id": trial.id} for trial in trials], rows)


# How far a mean of six networks of width 48 may be from a theory of endless width.
CLOSE = {
    "gradient": 0.06,
    "signal": 0.06,
    "gradient_angle": 0.1,
    "jacobian": 0.03,
    "jacobian_spread": 0.35,
}


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [("relu", "he"), ("tanh", "xavier"), ("tanh", "orthogonal"), ("gelu", "pytorch")],
)
def test_networks_start_as_theory_says(activation, initializer):
    given = fitted({"depth": 4, "width": 48, "activation": activation, "initializer": initializer})
    for name, close in CLOSE.items():
        found = METRICS[f"{name}_theory_deviation"].values(given)
        assert found.notna().all()
        assert found.mean() == pytest.approx(0, abs=close), name
    assert CLOSE.keys() == {name.removesuffix("_theory_deviation") for name in NAMES}
