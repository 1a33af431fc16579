"""Stacked training against a plain torch.nn and torch.optim loop, one network at a time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn
from torch.nn import functional

from suite.parts.activations import ACTIVATIONS
from suite.parts.optimizers import OPTIMIZERS
from suite.randomness import generator
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.layout import unpad_parameters
from suite.training.measuring import evaluate, log_spaced
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
FIRST = (0, 0.0)  # split and label noise
TORCH_ACTIVATIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}
TORCH_LOSSES = {"cross_entropy": functional.cross_entropy, "squared_error": functional.mse_loss}
TORCH_OPTIMIZERS = {
    "sgd": lambda trial, rows: torch.optim.SGD(rows, trial.learning_rate),
    "momentum": lambda trial, rows: torch.optim.SGD(rows, trial.learning_rate, trial.momentum),
    "nesterov": lambda trial, rows: torch.optim.SGD(
        rows, trial.learning_rate, trial.momentum, nesterov=True
    ),
    "adam": lambda trial, rows: torch.optim.Adam(rows, trial.learning_rate),
}
# The others' is 0.005.
RATES = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01}
REGULARIZERS = [
    (),
    (("dropout", 0.3),),
    (("l1", 0.01),),
    (("l2", 0.1),),
    (("dropout", 0.3), ("l1", 0.01), ("l2", 0.1)),
]
LOSSES = [
    ("cross_entropy", "classification"),
    ("squared_error", "classification"),
    ("squared_error", "regression"),
]


def named(value: object) -> str | None:
    """A case's name where it is a tuple of regularizers."""
    return "+".join(dict(value)) or "none" if isinstance(value, tuple) else None


class GivenDropout(nn.Module):
    """Dropout whose factors come from outside; evaluation mode passes everything on."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.factors if self.training else values


def recipes(count: int, **settings) -> list[Trial]:
    """Trials that stack and differ in all that may."""
    defaults = {"dataset": "synthetic", "depth": 2, "width": 13, "batch_size": 10, "epochs": 10}
    settings = {**defaults, **settings}
    rate = RATES.get(settings["optimizer"], 0.005)
    regularizers = settings.pop("regularizers", ())
    return [
        Trial(
            **settings,
            initializer=("he", "pytorch", "xavier")[index % 3],
            learning_rate=rate / (1 + index),
            momentum=0.9 - 0.3 * index,
            regularizers=tuple((name, strength / (1 + index)) for name, strength in regularizers),
            seed=index,
        )
        for index in range(count)
    ]


def plain_network(cohort: Cohort, member: int) -> nn.Sequential:
    """A torch network with the member's weights as they are now."""
    modules = []
    for weights, biases in unpad_parameters(cohort.model.layout, cohort.parameters.theta[member]):
        linear = nn.utils.skip_init(nn.Linear, *weights.shape)
        linear.load_state_dict({"weight": weights.T, "bias": biases})
        activation = TORCH_ACTIVATIONS[cohort.trials[member].activation]()
        modules += [linear, activation, GivenDropout()]
    return nn.Sequential(*modules[:-2])


def give_dropout(network: nn.Sequential, rows: int, rate: float, rng: np.random.Generator) -> None:
    """The suite's rule written anew: sixteen bits a unit, sizes rounded up to sixteens."""
    for linear, module in zip(network, network[2:], strict=False):
        if isinstance(module, GivenDropout):
            shape = [16 * int(np.ceil(size / 16)) for size in (rows, linear.out_features)]
            bits = rng.integers(0, 65536, shape, dtype=np.uint16)[:rows, : linear.out_features]
            kept = torch.from_numpy(bits >= round(rate * 65536))
            module.factors = kept.float() / (1 - rate)


def part_of(split, name: str, loss: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets as torch's losses want them."""
    inputs = torch.from_numpy(getattr(split, f"{name}_inputs"))
    targets = torch.from_numpy(getattr(split, f"{name}_targets"))
    if split.task == "classification" and loss == "squared_error":
        targets = functional.one_hot(targets, split.outputs).float()
    return inputs, targets


def train_plainly(trial: Trial, split, network: nn.Sequential) -> None:
    """The recipe as a textbook loop; penalties on weights, none on biases."""
    inputs, targets = part_of(split, "train", trial.loss)
    optimizer = TORCH_OPTIMIZERS[trial.optimizer](trial, network.parameters())
    order, draws = generator(trial.seed, "batch order"), generator(trial.seed, "dropout")
    weights = [module.weight for module in network if isinstance(module, nn.Linear)]
    dropout, l1, l2 = (trial.strength(name) for name in ("dropout", "l1", "l2"))
    network.train(dropout > 0)
    for _ in range(trial.epochs):
        for rows in torch.from_numpy(order.permutation(len(inputs))).split(trial.batch_size):
            if dropout:
                give_dropout(network, len(rows), dropout, draws)
            penalty = l2 / 2 * sum(w.square().sum() for w in weights)
            loss = TORCH_LOSSES[trial.loss](network(inputs[rows]), targets[rows]) + penalty
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for w in weights if l1 else ():
                    w.copy_(functional.softshrink(w, trial.learning_rate * l1))


def largest_difference(cohort: Cohort, member: int, network: nn.Sequential) -> float:
    """Between the member's parameters and the plain network's, relative to the largest."""
    stacked = unpad_parameters(cohort.model.layout, cohort.parameters.theta[member])
    ours = torch.cat([part for w, b in stacked for part in (w.T.flatten(), b)])
    theirs = torch.cat([values.detach().flatten() for values in network.parameters()])
    return float((ours - theirs).abs().max() / theirs.abs().max())


CASES = [
    (*case, *loss)
    for case, loss in zip(
        itertools.product(TORCH_ACTIVATIONS, TORCH_OPTIMIZERS, REGULARIZERS),
        itertools.cycle(LOSSES),
        strict=False,
    )
]
# Seven optimizers and five choices of regularizers: each activation meets all of both.
PAIRS = [
    (*pair, regularizers)
    for pair, regularizers in zip(
        itertools.product(ACTIVATIONS, OPTIMIZERS), itertools.cycle(REGULARIZERS), strict=False
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "optimizer", "regularizers", "loss", "task"), CASES, ids=named
)
def test_fifty_stacked_steps_are_a_plain_torch_loop(
    activation, optimizer, regularizers, loss, task, make_split
) -> None:
    """Slow, as plain loops are: every activation with every optimizer and regularizer."""
    split = make_split(1, task=task)
    trials = recipes(
        3, activation=activation, optimizer=optimizer, regularizers=regularizers, loss=loss
    )
    cohort = Cohort(trials, {FIRST: split}, CPU)
    network = plain_network(cohort, member=2)
    for _ in range(10):  # 45 rows in batches of 10: five steps, the last of 5 rows
        cohort.train_epoch()
    train_plainly(trials[2], split, network)
    assert cohort.steps == 50
    assert largest_difference(cohort, 2, network) <= 1e-5


@pytest.mark.parametrize(("activation", "optimizer", "regularizers"), PAIRS, ids=named)
def test_padding_is_zero_after_training(activation, optimizer, regularizers, make_split) -> None:
    trials = recipes(2, activation=activation, optimizer=optimizer, regularizers=regularizers)
    cohort = Cohort(trials, {FIRST: make_split(1)}, CPU)
    start = cohort.parameters.theta.clone()
    cohort.train_epoch()
    padded = padding_of(cohort.model.layout)
    assert not cohort.parameters.theta[:, padded].any()
    moved = (cohort.parameters.theta != start)[:, ~padded]
    # Idle units have no gradient.
    assert moved.double().mean() > (0.5 if "relu" in activation else 0.99)


def padding_of(layout) -> torch.Tensor:
    """Which places of a member's row are none of its parameters."""
    padded = torch.ones(1, layout.size, dtype=torch.bool)
    for placed in layout.layers:
        units, fan_in = placed.layer.units, placed.layer.fan_in
        placed.weights.view(padded)[:, :fan_in, :units] = False
        for field in (placed.biases, *placed.gains, *placed.shifts):
            field.view(padded)[:, :units] = False
        if placed.slope:
            placed.slope.view(padded)[:, 0] = False
    assert int((~padded).sum()) == layout.parameters
    return padded[0]


def plain_scores(network: nn.Sequential, trial: Trial, split, part: str) -> tuple[float, float]:
    """Loss, and accuracy or R², by torch and scikit-learn."""
    inputs, targets = part_of(split, part, trial.loss)
    with torch.no_grad():
        outputs = network.eval()(inputs)
    loss = TORCH_LOSSES[trial.loss](outputs, targets).item()
    if split.task == "regression":
        return loss, metrics.r2_score(targets.numpy(), outputs.numpy())
    classes = getattr(split, f"{part}_targets")
    return loss, metrics.accuracy_score(classes, outputs.argmax(dim=1).numpy())


@pytest.mark.parametrize(("loss", "task"), LOSSES)
@pytest.mark.parametrize("regularizers", [REGULARIZERS[0], REGULARIZERS[-1]], ids=named)
def test_metrics_and_curves_are_those_of_plain_networks(
    loss, task, regularizers, make_split
) -> None:
    # validation and test parts longer and shorter than the 128 rows evaluated at once
    splits = {
        (s, 0.0): make_split(s, counts=(45, 150 - 60 * s, 129 - 50 * s), task=task) for s in (0, 1)
    }
    settings = {"optimizer": "adam", "loss": loss, "regularizers": regularizers}
    trials = [*recipes(2, **settings), *recipes(2, split=1, **settings)]
    cohort = Cohort(trials, splits, CPU)
    quality = "accuracy" if task == "classification" else "r2"
    for member, (trial, outcome) in enumerate(zip(trials, fit(trials, splits), strict=True)):
        split, network = splits[trial.replicate], plain_network(cohort, member)
        first = plain_scores(network, trial, split, "validation")
        train_plainly(trial, split, network)
        for part in ("train", "validation", "test"):
            expected = plain_scores(network, trial, split, part)
            actual = (outcome.metrics[f"{part}_loss"], outcome.metrics[f"{part}_{quality}"])
            assert actual == pytest.approx(expected, rel=1e-5, abs=1e-6)
        last = plain_scores(network, trial, split, "validation")
        curves = curve(outcome, "loss"), curve(outcome, quality)
        assert [c[0] for c in curves] == pytest.approx(first, rel=1e-5, abs=1e-6)
        assert [c[trial.epochs] for c in curves] == pytest.approx(last, rel=1e-5, abs=1e-6)
        assert outcome.best_epoch == min(curves[0], key=curves[0].get)


def curve(outcome, metric: str, split: str = "validation") -> dict[int, float]:
    """Epoch -> value."""
    rows = outcome.histories
    columns = zip(rows.epoch.tolist(), rows.split, rows.metric, rows.value.tolist(), strict=True)
    return {epoch: value for epoch, s, m, value in columns if (s, m) == (split, metric)}


def test_an_outcome_says_what_was_trained(make_split) -> None:
    trial = recipes(1, optimizer="sgd")[0]
    (outcome,) = fit([trial], {FIRST: make_split(1)}, ("weight_norm", "signal"))
    assert (outcome.outcome, outcome.error, outcome.kernel) == ("completed", None, "numba-cpu")
    assert (outcome.trial, outcome.epochs, outcome.probes) == (trial, 10, ("signal", "weight_norm"))
    shapes = [(7, 13), (13, 13), (13, 3)]
    assert outcome.parameters == sum(i * o + o for i, o in shapes)
    assert outcome.flops == 2 * (2 * 91 + 3 * 169 + 3 * 39) * 45 * 10
    assert 0 < outcome.probe_seconds < outcome.seconds
    (unprobed,) = fit([replace(trial, activation="gelu")], {FIRST: make_split(1)})
    assert (unprobed.kernel, unprobed.probes, unprobed.probe_seconds) == ("torch-cpu", (), 0)


def test_a_trial_that_reports_no_test_has_no_test_metrics(make_split) -> None:
    split = make_split(1)
    trials = recipes(2, optimizer="sgd", reports_test=False)
    for outcome in fit(trials, {FIRST: split}):
        parts = {name.split("_")[0] for name in outcome.metrics}
        assert parts == {"train", "validation"}


def test_a_limit_scores_the_first_rows_alone(make_split) -> None:
    split = make_split(1, counts=(300, 20, 20))
    cohort = Cohort(recipes(1, optimizer="sgd"), {FIRST: split}, CPU)
    part, losses = cohort.pool.train, []
    for limit in (137, None):
        scores = evaluate(cohort.networks, cohort.loss, cohort.pool, part, [FIRST], limit)
        losses.append(scores.loss[0])
    with torch.no_grad():
        outputs = plain_network(cohort, 0).eval()(torch.from_numpy(split.train_inputs))
    each = functional.cross_entropy(
        outputs, torch.from_numpy(split.train_targets), reduction="none"
    )
    assert losses == pytest.approx([each[:137].mean().item(), each.mean().item()], rel=1e-5)


@pytest.mark.parametrize("epochs", [1, 2, 5, 20, 500])
def test_curves_are_thin_and_hold_start_and_end(epochs) -> None:
    points = log_spaced(epochs, 12)
    assert points[0] == 0
    assert points[-1] == epochs
    assert list(points) == sorted(set(points))
    assert len(points) <= 20


def test_a_candidates_curve_has_fewer_points_and_its_numbers_are_the_same(make_split) -> None:
    whole = replace(recipes(1, optimizer="sgd")[0], epochs=9)
    candidate = replace(whole, reports_test=False)
    outcomes = [fit([trial], {FIRST: make_split(1)})[0] for trial in (whole, candidate)]
    curves = [curve(outcome, "loss") for outcome in outcomes]
    assert list(curves[1]) == [0, 1, 3, 9] == sorted(set(curves[1]) & set(curves[0]))
    assert len(curves[0]) == 8
    assert all(curves[0][epoch] == value for epoch, value in curves[1].items())
    for name, value in outcomes[1].metrics.items():
        assert outcomes[0].metrics[name] == value
    assert {name.partition("_")[0] for name in outcomes[1].metrics} == {"train", "validation"}


def test_a_cohort_refuses_what_does_not_stack(make_split) -> None:
    narrow, wide = recipes(1, optimizer="sgd")[0], recipes(1, optimizer="sgd", width=14)[0]
    with pytest.raises(ValueError, match="stackable"):
        Cohort([narrow, wide], {FIRST: make_split(1)}, CPU)
    splits = {FIRST: make_split(1), (1, 0.0): make_split(1, counts=(46, 33, 21))}
    with pytest.raises(ValueError, match="one size"):
        Cohort([narrow], splits, CPU)
