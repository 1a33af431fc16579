"""Probes: against autograd, and at the start of training against mean-field theory."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from suite.data.split import Split
from suite.training.cohort import Cohort
from suite.training.layout import unpad_parameters
from suite.training.probes import PROBES, probe
from suite.training.snapshots import PROBE_ROWS, Camera
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
VARIANCES = (1 / 3, 1.0, 2.0)
# log10 of the squared ratio of back-propagated gradients between pre-activation layers 1 and 21:
# twenty factors of Schoenholz et al. 2017, eq. 8, q_1 = σ², by integration.
LOG10_RATIOS = {
    "sigmoid": (-34.0, -25.2, -20.1),
    "tanh": (-9.80, -1.44, 0.51),
    "relu": (-15.6, -6.02, 0.0),
    "selu": (-4.00, 0.60, 2.76),
}
CASES = [
    (activation, variance, expected)
    for activation, row in LOG10_RATIOS.items()
    for variance, expected in zip(VARIANCES, row, strict=True)
]
# Weight variance times fan_in of a square layer at gain 1.
BASE_VARIANCE = {"xavier": 1.0, "he": 2.0, "orthogonal": 1.0, "truncated_normal": 1.0}


def gaussian_split(seed: int) -> Split:
    """Inputs N(0, 1), as mean-field theory has them; labels at random."""
    rng = np.random.default_rng(seed)
    inputs, classes = rng.standard_normal((256, 128)).astype(np.float32), rng.integers(10, size=256)
    few = (inputs[:2], classes[:2])
    return Split(inputs, classes, *few, *few, task="classification", outputs=10)


def measured(names, cohort: Cohort):
    """The probes as they are now."""
    camera = Camera(cohort.networks, cohort.loss, cohort.pool, cohort.trials)
    return probe(names, camera)


def start_probes(names, activation: str, initializer: str, variance: float):
    """Probes of ten square networks of 21 hidden layers, each with its own data."""
    gain = (variance / BASE_VARIANCE[initializer]) ** 0.5
    settings = {"depth": 21, "width": 128, "activation": activation, "initializer": initializer}
    trials = [
        Trial(dataset="gaussian", gain=gain, split=seed, seed=seed, **settings)
        for seed in range(10)
    ]
    return measured(
        names,
        Cohort(trials, {trial.replicate: gaussian_split(trial.seed) for trial in trials}, CPU),
    )


@pytest.mark.slow
@pytest.mark.parametrize("initializer", sorted(BASE_VARIANCE))
@pytest.mark.parametrize(("activation", "variance", "expected"), CASES)
def test_gradients_vanish_as_mean_field_theory_predicts(
    activation, variance, expected, initializer
) -> None:
    """Slow, for its wide networks: the published numbers that the suite is held to."""
    norms = start_probes(["delta_norm"], activation, initializer, variance)["delta_norm"]
    ratios = 2 * np.log10(norms[:, 0] / norms[:, 20])  # (seed,)
    assert ratios.mean() == pytest.approx(expected, abs=0.2)


def test_the_signal_starts_at_the_weight_variance_and_he_keeps_it_under_relu() -> None:
    signal = start_probes(["signal"], "relu", "he", 2.0)["signal"].mean(axis=0)
    assert signal[0] == pytest.approx(2, rel=0.02)
    assert signal[:21] == pytest.approx(np.full(21, 2), rel=0.3)


def autograd_layers(cohort: Cohort, member: int, inputs, targets) -> list[dict[str, torch.Tensor]]:
    """Each layer's weights and values, with gradients by torch, of one member in float64."""
    hidden, layers = inputs.double(), []
    bend = getattr(torch, cohort.trials[member].activation)
    for weights, biases in unpad_parameters(cohort.model.layout, cohort.parameters.theta[member]):
        layer = {"weights": weights.double().requires_grad_()}
        layer["z"] = hidden @ layer["weights"] + biases.double()
        layer["a"] = hidden = bend(layer["z"])
        layers.append(layer)
    layers[-1]["a"] = layers[-1]["z"]
    losses = functional.cross_entropy(layers[-1]["z"], targets, reduction="none")
    for layer in layers:
        (layer["delta"],) = torch.autograd.grad(losses.sum(), layer["z"], retain_graph=True)
        (layer["gradient"],) = torch.autograd.grad(
            losses.mean(), layer["weights"], retain_graph=True
        )
    return layers


BY_HAND = {
    "gradient_norm": lambda layer: torch.linalg.matrix_norm(layer["gradient"]),
    "delta_norm": lambda layer: (layer["delta"] ** 2).mean() ** 0.5,
    "signal": lambda layer: (layer["z"] ** 2).mean(),
    "activation_variance": lambda layer: layer["a"].var(dim=0, correction=0).mean(),
    "weight_norm": lambda layer: torch.linalg.matrix_norm(layer["weights"]),
}


@pytest.mark.parametrize("count", [45, 300])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_these_probes_are_autograds_numbers_for_every_layer(activation, count, make_split) -> None:
    splits = {(seed, 0.0): make_split(seed, counts=(count, 9, 9)) for seed in (0, 1)}
    trials = [
        Trial(dataset="synthetic", depth=3, width=13, activation=activation, split=s, seed=s)
        for s in (1, 0)
    ]
    cohort = Cohort(trials, splits, CPU)
    cohort.train_epoch()
    assert PROBES.keys() >= BY_HAND.keys()
    found = measured(BY_HAND, cohort)
    for member, trial in enumerate(trials):
        split = splits[trial.replicate]
        # the first training rows, all where there are fewer
        rows = (
            torch.from_numpy(split.train_inputs)[:PROBE_ROWS],
            torch.from_numpy(split.train_targets)[:PROBE_ROWS],
        )
        layers = autograd_layers(cohort, member, *rows)
        for name, values in found.items():
            expected = [BY_HAND[name](layer).item() for layer in layers]
            assert values[member] == pytest.approx(expected, rel=1e-9)
