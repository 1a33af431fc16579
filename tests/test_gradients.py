"""Backpropagation against numerical gradients in float64."""

import pytest
import torch

from suite.parts.activations import ACTIVATIONS
from suite.parts.losses import LOSSES
from suite.randomness import generator
from suite.training.backpropagation import Parameters, Workspace, forward
from suite.training.batches import dropout_masks
from suite.training.cohort import Cohort
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
STEP = 1e-5
LOSS_TASKS = [(name, task) for name, loss in LOSSES.items() for task in loss.tasks]


def single(split, regularizers, **settings) -> Cohort:
    """One float64 network whose step of gradient descent is minus its gradient."""
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
    return Cohort([trial], {0: split}, CPU, torch.float64)


def losses_at(cohort: Cohort, theta: torch.Tensor, batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Penalised loss at each row of parameters, and which units are above zero."""
    inputs, targets, true_rows = batch
    trial, true = cohort.trials[0], slice(0, cohort.pool.outputs)
    rate, rows = trial.strength("dropout"), inputs.shape[1]
    draws = [generator(trial.seed, "dropout")]
    masks = dropout_masks(cohort.layout, rows, [rate], draws, CPU) if rate else []
    parameters = Parameters(cohort.layout, theta)
    work = Workspace(parameters, rows)
    stacked = inputs.expand(len(theta), -1, -1)
    outputs = forward(parameters, cohort.activation, stacked, work, [m.double() for m in masks])
    losses = cohort.loss.values(outputs[..., true], targets[..., true].expand(len(theta), -1, -1))
    weights = theta * torch.from_numpy(cohort.layout.weight_mask)
    penalty = trial.strength("l2") / 2 * weights.square().sum(dim=1)
    above = torch.cat([units[:, :true_rows].flatten(1) > 0 for units in work.outputs[:-1]], dim=1)
    return losses[:, :true_rows].mean(dim=1) + penalty, above


def numerical(cohort: Cohort, batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places of the true parameters, central differences there, and where no unit has flipped."""
    theta = cohort.parameters.theta[0]
    places = theta.nonzero()[:, 0]
    nudges = torch.zeros(len(places), len(theta), dtype=torch.float64)
    nudges[torch.arange(len(places)), places] = STEP
    up, above_up = losses_at(cohort, theta + nudges, batch)
    down, above_down = losses_at(cohort, theta - nudges, batch)
    return places, (up - down) / (2 * STEP), (above_up == above_down).all(dim=1)


@pytest.mark.parametrize(
    "regularizers", [(), (("l2", 0.3),), (("dropout", 0.4), ("l2", 0.3))], ids=str
)
@pytest.mark.parametrize(("loss", "task"), LOSS_TASKS)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_analytic_gradients_are_numerical_ones(
    activation, loss, task, regularizers, make_split
) -> None:
    split = make_split(1, features=6, task=task)
    cohort = single(split, regularizers, activation=activation, loss=loss)
    index = torch.arange(16).clamp_max(10).numpy()[None]  # eleven true rows
    inputs, targets = (values.double() for values in cohort.pool.train.gather(index))
    places, expected, smooth = numerical(cohort, (inputs, targets, 11))
    before = cohort.parameters.theta.clone()
    cohort.step(inputs, targets, 11)
    actual = (before - cohort.parameters.theta)[0, places]
    assert len(places) == cohort.layout.parameters
    assert smooth.double().mean() > 0.95
    error = (actual - expected)[smooth].norm() / expected[smooth].norm()
    assert error < 1e-6
    assert (actual - expected)[smooth].abs().max() < 1e-6 * expected.abs().max()
