"""What reproductions measure, against what is computed otherwise or known of made-up numbers."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from suite.data.loading import load_split
from suite.metrics import METRICS
from suite.reading import build_experiment
from suite.results import Evidence
from suite.theory import jacobian, mean_field
from suite.training.fitting import fit
from suite.trial import Trial
from tests.probed import cohort_of, measure, with_shape
from tests.test_probes import RECIPES, Plain, probed_rows

pytestmark = pytest.mark.usefixtures("one_thread")

COLUMNS = ["trial_id", "metric", "layer", "value"]


def unit_direction(features):
    direction = np.random.default_rng(3).standard_normal(features)
    return torch.from_numpy(direction / np.linalg.norm(direction))


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_log_norms_are_those_of_products_of_jacobians(recipe, make_split, monkeypatch):
    features = 7
    monkeypatch.setattr("suite.training.jacobians.generator", lambda *_: np.random.default_rng(3))
    splits = [make_split(seed, features=features) for seed in (0, 1)]
    cohort, _ = cohort_of(*splits, depth=3, **recipe)
    found = measure("jacobian_log_norm", cohort)
    for member, split in enumerate(splits):
        net, fed = Plain(cohort, member), probed_rows(split)[0][:1]
        moved, expected = unit_direction(features), []
        for index in range(4):
            step = partial(net.step, index)
            own = torch.autograd.functional.jacobian(step, fed).squeeze((0, 2))
            fed, moved = step(fed).detach(), own @ moved
            expected.append(float(moved.square().sum().log()))
        assert found[member] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_log_norms_are_missing_where_layers_are_maps(make_split):
    cohort, _ = cohort_of(with_shape(make_split(0), (1, 11)), network="convolutional", depth=2)
    found = measure("jacobian_log_norm", cohort)
    assert found.shape == (1, 3)
    assert np.isnan(found).all()


def evidence(vary, trials, rows, datasets=("digits",)) -> Evidence:
    """Trials and (trial_id, metric, layer, value) before training, of a design that varies."""
    content = {
        "question": "Is it known?",
        "vary": vary,
        "hold": {"dataset": list(datasets), "learning_rate": "0.1"},
        "profiles": {"standard": {"seeds": "2"}},
    }
    return Evidence(
        experiment=build_experiment("known", content),
        profile="standard",
        registered_hash="",
        code_hash="",
        trials=pd.DataFrame(trials),
        tuning=pd.DataFrame(),
        histories=pd.DataFrame(rows, columns=COLUMNS).assign(epoch=0, split="train"),
        complete=True,
    )


def by_layer(probe, values, width):
    """Trials of one width from values (trial, layer), and their rows; the output layer is last."""
    trials = [
        {"trial_id": f"{width}-{k}", "dataset": "digits", "split": k, "outcome": "completed"}
        | {"width": width, "depth": values.shape[1] - 1}
        for k in range(len(values))
    ]
    rows = [
        (trial["trial_id"], probe, layer, value)
        for trial, own in zip(trials, values, strict=True)
        for layer, value in enumerate(own, start=1)
    ]
    return trials, rows


def test_the_norms_variance_slope_is_that_of_the_variance_between_networks():
    trials, rows, expected = [], [], {}
    for width, networks in ((4, 5), (8, 3)):
        values = np.random.default_rng(width).normal(size=(networks, 7)) * np.arange(1, 8)
        own = by_layer("jacobian_log_norm", values, width)
        trials, rows = trials + own[0], rows + own[1]
        places = np.arange(1, 7) / width
        expected[width] = np.polyfit(places, values[:, :6].var(axis=0, ddof=1), 1)[0]
    given = evidence({"width": ["4", "8"]}, trials, rows)
    found = METRICS["norm_variance_slope"].values(given).groupby(given.trials["width"]).mean()
    assert found.to_dict() == pytest.approx(expected)


@pytest.mark.parametrize(("networks", "layers"), [(1, 5), (4, 2)])
def test_one_network_or_one_layer_has_no_variance_to_grow(networks, layers):
    trials, rows = by_layer("jacobian_log_norm", np.ones((networks, layers)), 4)
    found = METRICS["norm_variance_slope"].values(evidence({"width": ["4"]}, trials, rows))
    assert found.isna().all()


def test_the_variance_between_relu_networks_grows_as_hanin_has_it():
    seeds, width, depth = range(300), 48, 6
    recipe = {"dataset": "digits", "width": width, "depth": depth, "stop_epoch": 0, "samples": 40}
    outcomes = fit(
        [Trial(**recipe, seed=seed) for seed in seeds],
        {(0, 0.0): load_split("digits", 0, 40)},
        ("jacobian_log_norm",),
    )
    norms = [
        [v for m, v in zip(h.metric, h.value, strict=True) if m == "jacobian_log_norm"]
        for h in (outcome.histories for outcome in outcomes)
    ]
    given = evidence(
        {"width": [str(width)]}, *by_layer("jacobian_log_norm", np.array(norms), width)
    )
    slope = METRICS["norm_variance_slope"].values(given).mean()
    # To second order in 1/width the logarithm adds a share of a few in the width.
    assert slope == pytest.approx(jacobian.log_norm_variance([1]), abs=1.2)


def test_the_smallest_step_is_that_of_the_mean_over_networks():
    values = np.array([[0.3, 0.5, 0.4, 0.1], [0.3, 0.4, 0.6, 0.1]])  # the output layer falls
    given = evidence({"width": ["4"]}, *by_layer("linear_probe", values, 4))
    found = METRICS["separability_step"].values(given)
    assert found.tolist() == pytest.approx([0.05, 0.05])


RECIPE = {"network": "dense", "activation": "tanh", "initializer": "xavier", "gain": 1.0}
RECIPE |= {"regularizers": "none", "width": 32, "depth": 4, "dataset": "digits"}


def started(rows) -> SimpleNamespace:
    histories = pd.DataFrame(rows, columns=COLUMNS).assign(epoch=0, split="train")
    return SimpleNamespace(trials=pd.DataFrame([RECIPE | {"trial_id": "t"}]), histories=histories)


def test_glorots_deviation_is_the_largest_over_the_inner_layers():
    signals = mean_field.signals("tanh", 0.7, 1.0, depth=4)
    slopes = [mean_field.gradient_factor("tanh", q, 1.0) for q in signals]
    means = 8 / (3 * np.pi) * np.sqrt(slopes) + [9, 0.01, -0.03, 0.02]
    rows = [("t", "jacobian_mean", layer, v) for layer, v in enumerate([*means, 9.0], start=1)]
    found = METRICS["glorot_deviation"].values(started([*rows, ("t", "signal", 1, 0.7)]))
    assert found.item() == pytest.approx(0.03)


def test_the_decay_of_weight_gradients_leaves_out_the_first_layer():
    norms = [50.0, 1.0, 5.0, 10.0, 70.0]
    rows = [("t", "gradient_norm", layer, v) for layer, v in enumerate(norms, start=1)]
    found = METRICS["weight_gradient_decay"].values(started(rows)).item()
    assert found == pytest.approx(np.log10(10**2 / 1) / 2)


HIERARCHIES = {"random_hierarchy(synonyms=3)": 8 * 3**3, "random_hierarchy": 8 * 4**3}
SAMPLES = (100, 300, 900, 2700)


def learned(constant, exponent, shift=0.0):
    """Errors that fall along a line over the logarithm, to a tenth of chance's at P*."""
    trials = []
    for name, size in HIERARCHIES.items():
        needed = constant * size**exponent
        for split, samples in ((s, n) for s in range(2) for n in SAMPLES):
            error = 0.1 * 7 / 8 - 0.05 * (np.log(samples / needed) - shift * split)
            trials.append({"dataset": name, "split": split, "samples": samples, "error": error})
    frame = pd.DataFrame(trials).assign(outcome="completed", trial_id=range(len(trials)))
    frame["test_accuracy"] = 1 - frame["error"]
    return evidence({"samples": [str(n) for n in SAMPLES]}, frame, [], tuple(HIERARCHIES))


@pytest.mark.parametrize("exponent", [0.8, 1.2])
def test_the_hierarchys_exponent_is_that_of_the_samples_it_takes(exponent):
    found = METRICS["hierarchy_exponent"].values(learned(500 / 300**exponent, exponent, shift=0.3))
    assert found.tolist() == pytest.approx([exponent] * len(found))


@pytest.mark.parametrize("constant", [0.01, 20])
def test_a_hierarchy_that_is_learned_too_early_or_never_has_no_exponent(constant):
    assert METRICS["hierarchy_exponent"].values(learned(constant, 1.0)).isna().all()


def test_the_test_error_is_what_accuracy_lacks():
    given = learned(2, 1.0)
    assert METRICS["test_error"].values(given).tolist() == pytest.approx(given.trials["error"])
