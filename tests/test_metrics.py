"""Metrics: chance in place of failures, and gradients before training against theory."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats

from suite.data.cards import CARDS
from suite.metrics import METRICS
from suite.parts.losses import LOSSES
from suite.reading import build_experiment
from suite.results import Evidence
from suite.theory import mean_field
from suite.verdicts import judge

DESIGN = build_experiment(
    "example",
    {
        "question": "Do gradients vanish?",
        "vary": {"depth": ["1", "4"]},
        "hold": {"dataset": ["digits"], "learning_rate": "0.1"},
        "profiles": {"standard": {"seeds": "3"}},
        "claims": {
            "vanishing-gradients": {
                "says": "Gradients vanish.",
                "metric": "gradient_decay",
                "better": {"depth": "4"},
                "margin": "0.05",
            }
        },
    },
)
SCORES = [f"{part}_{m}" for part in ("train", "validation", "test") for m in ("loss", "accuracy")]
HELD_OUT = [
    f"{part}_{m}"
    for part in ("validation", "test")
    for m in ("balanced_accuracy", "f1", "roc_auc", "mae", "rmse", "r2")
]
OF_NETWORKS = ("attribution_auc", "linear_readout", "zero_share")
RECIPE = {
    "loss": "cross_entropy",
    "network": "dense",
    "activation": "tanh",
    "initializer": "xavier",
    "gain": 1.0,
    "width": 100,
    "regularizers": "none",
}


def evidence(delta=lambda *_: 1.0, signal=1.0, **same):
    """Two depths and three splits; probes `delta(depth, split, layer)` and `signal` at epoch 0."""
    trials, histories = [], []
    for depth in (1, 4):
        for split in range(3):
            row = {**RECIPE, "dataset": "digits", "depth": depth, "split": split}
            row |= {"outcome": "completed", "seconds": 2.0, "flops": 1e6}
            row |= {"samples": np.nan, "epochs_trained": 5}
            row |= {"epochs": 5, "probe_seconds": 0.5, "kernel": "numba-cpu"}
            row |= dict.fromkeys([*SCORES, *HELD_OUT], 0.5)
            row |= {"test_r2": 0.25, "generalization_gap": 0.1}
            row["trial_id"] = f"{depth}-{split}"
            trials.append(row | same)
            histories += [
                (row["trial_id"], epoch, "train", metric, layer, value + epoch)
                for layer in range(1, depth + 2)
                for epoch in (0, 3)
                for metric, value in [
                    ("delta_norm", delta(depth, split, layer)),
                    ("signal", signal),
                    ("activation_variance", 0.1),
                    ("gradient_cosine", 0.9),
                    ("gradient_norm", 0.5),
                    ("jacobian_mean", 0.6),
                    ("jacobian_log_norm", 0.2),
                    ("jacobian_spread", 3.0),
                    ("gradient_error", 1e-9),
                    ("unit_diversity", 0.5),
                    ("linear_probe", 0.7),
                    *((f"latent_probe_{level}", 0.8) for level in (1, 2, 3)),
                ]
            ]
            histories += [
                *((row["trial_id"], 3, "train", name, -1, 0.6) for name in OF_NETWORKS),
                *((row["trial_id"], e, "validation", "accuracy", -1, 0.1 * e) for e in range(6)),
            ]
    columns = ["trial_id", "epoch", "split", "metric", "layer", "value"]
    return Evidence(
        experiment=DESIGN,
        profile="standard",
        registered_hash=DESIGN.registered_hash("standard"),
        code_hash="c0de",
        trials=pd.DataFrame(trials),
        tuning=pd.DataFrame(),
        histories=pd.DataFrame(histories, columns=columns),
        complete=True,
    )


def measure(name, given):
    """Values of a metric at depth 4; and at depth 1."""
    values = METRICS[name].values(given)
    deep = given.trials["depth"] == 4
    return values[deep].to_numpy(), values[~deep].to_numpy()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_gives_one_value_per_trial(name):
    given = evidence()
    given = dataclasses.replace(given, trials=given.trials.set_index(given.trials.index + 7))
    values = METRICS[name].values(given)
    assert values.index.equals(given.trials.index)
    assert values.dtype == np.float64
    # An exponent of random hierarchies says nothing of digits.
    assert values.notna().any() == (name != "hierarchy_exponent")
    assert METRICS[name].description


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_takes_trials_that_are_not_trained_yet(name):
    given = evidence()
    missing = given.trials.astype(object)
    kept = {"dataset", "split", "depth", "trial_id"}
    missing[[c for c in missing if c not in kept]] = None
    given = dataclasses.replace(given, trials=missing, histories=given.histories.iloc[:0])
    assert METRICS[name].values(given).isna().all()


def test_logarithms_are_natural():
    given = evidence()
    assert measure("log_seconds", given)[0] == pytest.approx(np.log(2))
    assert measure("log_flops", given)[0] == pytest.approx(np.log(1e6))
    assert measure("log_test_loss", given)[0] == pytest.approx(np.log(0.5))
    # A loss that float32 rounds to nothing stays a number.
    assert np.isfinite(measure("log_test_loss", evidence(test_loss=0.0))[0]).all()
    assert np.isnan(measure("log_seconds", evidence(seconds=0.0))[0]).all()


def test_throughput_counts_rows_and_minutes_are_sixty_seconds():
    given = evidence(samples=640.0, epochs_trained=5, seconds=0.1)
    # 640 rows five times in a tenth of a second: 32000 rows, 2^5 thousand, a second.
    assert measure("log2_throughput", given)[0] == pytest.approx(5 + np.log2(1000))
    whole = evidence(samples=np.nan, epochs_trained=1, seconds=1.0)
    rows = np.log2(CARDS["digits"].train_samples)
    assert measure("log2_throughput", whole)[0] == pytest.approx(rows)
    assert measure("log10_minutes", evidence(seconds=600.0))[0] == pytest.approx(1)
    assert measure("log10_minutes", evidence(seconds=6.0))[0] == pytest.approx(-1)
    for name in ("log2_throughput", "log10_minutes"):
        unmeasured = evidence(samples=640.0, epochs_trained=0, seconds=0.0)
        assert np.isnan(measure(name, unmeasured)[0]).all()


@pytest.mark.parametrize("outcome", ["diverged", "dead"])
@pytest.mark.parametrize(
    ("dataset", "metric", "loss", "chance"),
    [
        ("digits", "test_accuracy", "cross_entropy", 0.1),
        ("digits", "test_loss", "cross_entropy", np.log(10)),
        ("digits", "test_loss", "squared_error", 0.09),
        ("digits", "log_test_loss", "cross_entropy", np.log(np.log(10))),
        ("digits", "test_score", "cross_entropy", 0.1),
        ("digits", "generalization_gap", "cross_entropy", 0),
        ("wine", "validation_accuracy", "cross_entropy", 1 / 3),
        ("wine", "test_balanced_accuracy", "cross_entropy", 1 / 3),
        ("wine", "validation_f1", "cross_entropy", 1 / 3),
        ("wine", "test_roc_auc", "cross_entropy", 0.5),
        ("diabetes", "test_balanced_accuracy", "squared_error", np.nan),
        ("diabetes", "test_roc_auc", "squared_error", np.nan),
        ("diabetes", "test_loss", "squared_error", 1),
        ("diabetes", "test_r2", "squared_error", 0),
        ("diabetes", "test_score", "squared_error", 0),
        ("diabetes", "gap_loss", "squared_error", 0),
    ],
)
def test_failures_count_as_chance(dataset, metric, loss, chance, outcome):
    failed = evidence(dataset=dataset, loss=loss, outcome=outcome)
    np.testing.assert_allclose(METRICS[metric].values(failed), chance)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_failed_networks_error_is_that_of_the_mean_as_a_guess(part):
    """The spread of each split's targets is read from the networks that completed."""
    targets = np.random.default_rng(0).normal(5, 3, size=(3, 40))
    given = evidence(dataset="diabetes")
    for split, values in enumerate(targets):
        rows = given.trials["split"] == split
        outputs = values[::-1]
        error = np.sqrt(np.square(outputs - values).mean())
        given.trials.loc[rows, f"{part}_rmse"] = error
        given.trials.loc[rows, f"{part}_r2"] = 1 - error**2 / values.var()
    deep = given.trials["depth"] == 4
    given.trials.loc[deep, "outcome"] = "diverged"
    given.trials.loc[deep, [f"{part}_rmse", f"{part}_r2", f"{part}_mae"]] = np.nan
    of_mean = targets.std(axis=1)
    np.testing.assert_allclose(measure(f"{part}_rmse", given)[0], of_mean)
    np.testing.assert_allclose(measure(f"{part}_mae", given)[0], of_mean * np.sqrt(2 / np.pi))
    # Where nothing completed there is no telling.
    nothing = evidence(dataset="diabetes", outcome="diverged", **{f"{part}_rmse": np.nan})
    assert METRICS[f"{part}_rmse"].values(nothing).isna().all()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_losss_chance_is_that_of_a_uniform_guess(loss):
    classes = CARDS["digits"].outputs
    one_hot = torch.eye(classes, dtype=torch.float64)
    # The softmax of equal outputs is uniform.
    guess = torch.zeros_like(one_hot) if loss == "cross_entropy" else one_hot.mean() * one_hot**0
    failed = evidence(loss=loss, outcome="dead")
    expected = LOSSES[loss].values(guess, one_hot).mean().item()
    assert measure("test_loss", failed)[0] == pytest.approx(expected)


@pytest.mark.parametrize("loss", [n for n, loss in LOSSES.items() if "regression" in loss.tasks])
def test_a_losss_chance_is_that_of_the_mean_of_normal_values(loss):
    def weighted(value):
        target = torch.tensor([[value]], dtype=torch.float64)
        return LOSSES[loss].values(0 * target, target).item() * stats.norm.pdf(value)

    expected = 2 * sum(integrate.quad(weighted, *ends)[0] for ends in ((0, 1), (1, 12)))
    failed = evidence(dataset="diabetes", loss=loss, outcome="dead")
    assert measure("test_loss", failed)[0] == pytest.approx(expected, rel=1e-6)


def test_the_score_is_accuracy_or_r2_by_task():
    assert measure("test_score", evidence())[0] == pytest.approx(0.5)
    assert measure("test_score", evidence(dataset="diabetes"))[0] == pytest.approx(0.25)


def test_gradient_decay_is_the_fall_of_the_squared_delta_per_layer():
    given = evidence(lambda _depth, _split, layer: 1e-3 * 10 ** (0.1 * layer))
    deep, shallow = measure("gradient_decay", given)
    np.testing.assert_allclose(deep, 0.2)
    assert np.isnan(shallow).all()
    (row,) = judge([given])
    assert (row["verdict"], row["unit"]) == ("supported", "log10 per layer")
    assert row["effect"] == pytest.approx(0.2)


def test_gradients_that_vanish_altogether_have_no_decay():
    assert np.isnan(measure("gradient_decay", evidence(lambda *_: 0.0))[0]).all()


def test_later_divergence_does_not_touch_what_was_measured_before_training():
    def delta(depth, split, layer):
        return 10 ** (layer * (0.1 + 0.001 * split))

    (row,) = judge([evidence(delta, outcome="diverged")])
    assert (row["verdict"], row["without_failures"]) == ("supported", None)
    assert not any("diverged" in note for note in row["notes"])


@pytest.mark.parametrize("initializer", sorted(mean_field.WEIGHT_VARIANCES.keys() - {"zero"}))
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_deviation_is_what_is_left_of_theory(activation, initializer):
    predicted = mean_field.log10_deltas(
        activation,
        0.7,
        mean_field.weight_variance(initializer, 100, 100, 1.5),
        mean_field.bias_variance(initializer, 100),
        depth=4,
    )
    recipe = {"activation": activation, "initializer": initializer, "gain": 1.5}
    for shift in (0.0, 1.0):

        def delta(depth, split, layer, shift=shift):
            return 10 ** (predicted[min(layer, 4) - 1] / 2 - shift * layer)

        deep, shallow = measure("gradient_theory_deviation", evidence(delta, signal=0.7, **recipe))
        np.testing.assert_allclose(deep, 2 * shift, atol=1e-9)
        assert np.isnan(shallow).all()


@pytest.mark.parametrize(
    "recipe",
    [
        {"activation": "swish"},
        {"initializer": "my_own"},
        {"initializer": "constant"},
        {"network": "residual"},
        {"network": "convolutional"},
        {"regularizers": "batch_norm=1.0"},
        {"regularizers": "dropout=0.1,layer_norm=1.0"},
    ],
)
def test_networks_beyond_theory_have_no_deviation(recipe):
    assert np.isfinite(measure("gradient_theory_deviation", evidence())[0]).all()
    assert np.isnan(measure("gradient_theory_deviation", evidence(**recipe))[0]).all()
