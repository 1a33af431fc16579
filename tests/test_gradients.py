"""Backpropagation against numerical gradients in float64; the fast kernel's against the general."""

import itertools

import pytest
import torch

from suite.parts.activations import ACTIVATIONS
from suite.parts.losses import LOSSES
from suite.randomness import generator
from suite.training.batches import draw_drops
from suite.training.cohort import Cohort
from suite.training.forward import Networks, Pass, Record
from suite.training.fused import GRADIENTS, FusedKernel
from suite.training.model import Parameters
from suite.training.normalization import Rows, Statistics
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
STEP = 1e-5
ROWS, TRUE_ROWS = 16, 11
LOSS_TASKS = [(name, task) for name, loss in LOSSES.items() for task in loss.tasks]
REGULARIZERS = [(), (("l2", 0.3),), (("dropout", 0.4), ("l2", 0.3))]
# Layers that compute something else; losses take turns.
OTHER_LAYERS = [
    (("alpha_dropout", 0.3),),
    (("batch_norm", 1),),
    (("l2", 0.3), ("layer_norm", 1)),
    (("batch_norm", 1), ("dropout", 0.4), ("layer_norm", 1)),
]
CASES = [
    *itertools.product(sorted(ACTIVATIONS), LOSS_TASKS, REGULARIZERS),
    *(
        (activation, loss_task, regularizers)
        for (activation, regularizers), loss_task in zip(
            itertools.product(sorted(ACTIVATIONS), OTHER_LAYERS),
            itertools.cycle(LOSS_TASKS),
            strict=False,
        )
    ),
]


def single(split, regularizers, dtype=torch.float64, **settings) -> Cohort:
    """One network whose step of gradient descent is minus its gradient."""
    trial = Trial(
        dataset="synthetic",
        depth=2,
        width=5,
        initializer="pytorch",  # the one with biases, so that padding alone is zero
        optimizer="sgd",
        learning_rate=1.0,
        regularizers=regularizers,
        **settings,
    )
    cohort = Cohort([trial], {trial.replicate: split}, CPU, dtype)
    for shifts in itertools.chain(*cohort.parameters.shifts):
        shifts[:, :5] = torch.linspace(-0.3, 0.4, 5)
    return cohort


def batch_of(cohort: Cohort) -> tuple[torch.Tensor, torch.Tensor]:
    """Sixteen rows, of which eleven are true."""
    index = torch.arange(ROWS).clamp_max(TRUE_ROWS - 1).numpy()[None]
    inputs, targets = cohort.pool.train.gather(index)
    return inputs.to(cohort.parameters.theta), targets.to(cohort.parameters.theta)


def losses_at(cohort: Cohort, theta: torch.Tensor, batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Penalised loss at each row of parameters, and on which side of each kink the values are."""
    trial, model, true = cohort.trials[0], cohort.model, slice(0, cohort.pool.outputs)
    inputs, targets = (values.expand(len(theta), -1, -1) for values in batch)
    weights = (torch.arange(ROWS) < TRUE_ROWS).double().unsqueeze(1) / TRUE_ROWS
    drops = draw_drops(model.layout, ROWS, [trial], [generator(trial.seed, "dropout")], theta)
    networks = Networks(model, Parameters(model.layout, theta), Statistics(model.layout, theta))
    record = Record([], [])
    outputs = Pass(networks, Rows(weights, TRUE_ROWS), drops, record).run(inputs)[..., true]
    losses = cohort.loss.values(outputs, targets[..., true])[:, :TRUE_ROWS].mean(dim=1)
    weights = theta * torch.from_numpy(model.layout.weight_mask)
    penalty = trial.strength("l2") / 2 * weights.square().sum(dim=1)
    kinks = [z > kink for z in record.preactivations[:-1] for kink in (-1, 0, 1)]
    kinks += [outputs - targets[..., true] > kink for kink in (-1, 0, 1)]
    sides = torch.cat([side[:, :TRUE_ROWS].flatten(1) for side in kinks], dim=1)
    return losses + penalty, sides


def numerical(cohort: Cohort, batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places of the true parameters, central differences there, and where no kink was crossed."""
    theta = cohort.parameters.theta[0]
    places = theta.nonzero()[:, 0]
    nudges = torch.zeros(len(places), len(theta), dtype=torch.float64)
    nudges[torch.arange(len(places)), places] = STEP
    up, sides_up = losses_at(cohort, theta + nudges, batch)
    down, sides_down = losses_at(cohort, theta - nudges, batch)
    return places, (up - down) / (2 * STEP), (sides_up == sides_down).all(dim=1)


@pytest.mark.parametrize(("activation", "loss_task", "regularizers"), CASES, ids=str)
def test_analytic_gradients_are_numerical_ones(
    activation, loss_task, regularizers, make_split
) -> None:
    loss, task = loss_task
    split = make_split(1, features=6, task=task)
    cohort = single(split, regularizers, activation=activation, loss=loss)
    batch = batch_of(cohort)
    places, expected, smooth = numerical(cohort, batch)
    before = cohort.parameters.theta.clone()
    cohort.step(*batch, TRUE_ROWS)
    moved = (before - cohort.parameters.theta)[0]
    actual = moved[places]
    assert len(places) == cohort.model.layout.parameters
    assert moved.count_nonzero() == actual.count_nonzero()
    assert smooth.double().mean() > 0.95
    error = (actual - expected)[smooth].norm() / expected[smooth].norm()
    assert error < 1e-6
    assert (actual - expected)[smooth].abs().max() < 1e-6 * expected.abs().max()


@pytest.mark.parametrize("regularizers", REGULARIZERS, ids=str)
@pytest.mark.parametrize(("loss", "task"), [case for case in LOSS_TASKS if case[0] in GRADIENTS])
@pytest.mark.parametrize("activation", [n for n, a in ACTIVATIONS.items() if a.by_hand])
def test_the_fast_kernels_gradients_are_those_of_autograd_in_double_precision(
    activation, loss, task, regularizers, make_split
) -> None:
    split, found = make_split(1, features=6, task=task), []
    for dtype in (torch.float32, torch.float64):
        cohort = single(split, regularizers, dtype, activation=activation, loss=loss)
        assert isinstance(cohort.kernel, FusedKernel) == (dtype == torch.float32)
        cohort.compute_gradient(*batch_of(cohort), TRUE_ROWS)
        found.append(cohort.gradient.theta[0].double())
    fast, exact = found
    assert (fast - exact).norm() < 1e-6 * exact.norm()
    assert torch.equal(fast == 0, exact == 0)
