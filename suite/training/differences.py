"""Numerical gradients: what back-propagation gives, held against the training loss itself.

Along a direction of one layer's numbers the loss is a function of one variable, whose slope at 0
is estimated from its left and from its right. A smooth function has one slope, so that the two
agree; where a kink (of an activation, a pooling or a loss) lies within a step they do not, and
neither do they where the loss bends too much for the step or changes by no more than its rounding.
How far they differ is the estimate's doubt. Of several steps the one with the least doubt counts,
and a direction whose doubt is still too large to tell right from wrong is left out. Whether it is
left out never depends on how near back-propagation comes.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.randomness import generator
from suite.training.autograd import AutogradKernel
from suite.training.batches import draw_drops
from suite.training.curvature import true_parameters
from suite.training.forward import Networks, Pass
from suite.training.layout import Layout, Placed
from suite.training.model import Parameters
from suite.training.normalization import Rows, Statistics
from suite.training.snapshots import Camera

Floats = NDArray[np.float64]

# Training rows of the batch: few, since each brings kinks of its own.
ROWS = 16
# Random directions of each layer.
DIRECTIONS = 2
# Lengths of the whole step; a slope takes a half step, too.
STEPS = (1e-2, 1e-3, 1e-4, 1e-5)
# A slope is known if its doubt is no more than this share of it.
KNOWN = 1e-7
# Rounding errors of a loss, in units of its last place.
ROUNDING = 4
# Numbers of nudged parameters that are held at a time; but for one network's, however many.
HELD = 2**20

_PLACES = (-1.0, -0.5, 0.5, 1.0)


class Slopes(NamedTuple):
    """Of the loss along each direction: estimates and their doubts.  # (direction,) each."""

    estimate: Floats
    doubt: Floats


def gradient_errors(camera: Camera) -> Floats:
    """Largest relative error of the gradient along random directions of each layer.

    The gradient is that of the general kernel in float64, in training mode: the mean loss of a
    batch, its targets smoothed, units dropped and layers normalized as the recipe says, and of the
    penalties those that are part of the loss.

    Returns:
        NaN where no direction's slope can be told.  # (member, layer)
    """
    members = range(len(camera.trials))
    return np.array([_member(camera.some(slice(member, member + 1))) for member in members])


def _member(camera: Camera) -> list[float]:
    batch, layout = _Batch(camera), camera.networks.model.layout
    gradient = batch.gradient()
    errors = []
    for index in range(len(layout.layers)):
        start, end = _ends(layout.layers[index])
        directions = _directions(layout, index)
        found = directions @ gradient[start:end]
        errors.append(relative_error(found, batch.slopes(directions, start)))
    return errors


def relative_error(found: Floats, slopes: Slopes) -> float:
    """Largest difference relative to the largest slope, of the directions whose slope is known.

    Args:
        found: slopes by back-propagation.  # (direction,)
        slopes: by differences.
    """
    sizes = np.maximum(np.abs(found), np.abs(slopes.estimate))
    known = (slopes.doubt <= KNOWN * sizes) & (sizes > 0)
    if not known.any():
        return np.nan
    return float(np.abs(found - slopes.estimate)[known].max() / sizes[known].max())


def _directions(layout: Layout, index: int) -> Floats:
    """Random ones of length 1 through all that a layer trains.  # (direction, layer's number)."""
    start, end = _ends(layout.layers[index])
    rng = generator(0, f"gradient directions {index}")
    own = rng.standard_normal((DIRECTIONS, end - start)) * true_parameters(layout)[start:end]
    directions: Floats = own / np.linalg.norm(own, axis=1, keepdims=True)
    return directions


def _ends(placed: Placed) -> tuple[int, int]:
    return placed.fields[0].start, placed.fields[-1].end


class _Batch:
    """One member's loss on the first training rows as a function of its parameters."""

    def __init__(self, camera: Camera) -> None:
        (self._trial,) = camera.trials
        self._model, self._loss = camera.networks.model, camera.loss
        self._theta = camera.networks.parameters.theta
        self._outputs = camera.pool.outputs
        self._inputs, self._targets, count = camera.rows(camera.pool.train, ROWS)
        self._blend_targets()
        weights = self._theta.new_zeros(self._inputs.shape[1], 1)
        weights[:count] = 1 / count
        self._rows = Rows(weights, count)
        draws = [generator(0, "gradient error")]
        self._drops = draw_drops(
            self._model.layout, self._inputs.shape[1], [self._trial], draws, self._theta
        )
        self._mask = torch.from_numpy(self._model.layout.weight_mask).to(self._theta)
        self._here = self._losses(self._theta)

    def _blend_targets(self) -> None:
        for name, strength in self._trial.regularizers:
            blend = REGULARIZERS[name].on_targets
            if blend:
                column = self._theta.new_full((1, 1, 1), strength)
                self._targets = blend(self._targets, column, self._outputs)

    def gradient(self) -> Floats:
        """By back-propagation.  # (parameter,)."""
        kernel = AutogradKernel(
            self._networks(self._theta),
            loss=self._loss,
            outputs=self._outputs,
            optimizer=OPTIMIZERS["sgd"],
            state=None,
            columns={},
            strengths={},
            clip=None,
        )
        kernel.compute_gradient(self._inputs, self._targets, self._rows, self._drops)
        gradient = kernel.gradient()
        for name, strength in self._trial.regularizers:
            penalty = REGULARIZERS[name]
            if penalty.value and penalty.on_gradient:
                column = self._theta.new_full((1, 1), strength)
                penalty.on_gradient(gradient, self._theta * self._mask, column)
        return gradient[0].cpu().numpy()

    def slopes(self, directions: Floats, start: int) -> Slopes:
        """By differences, along (direction, number) of the numbers from `start` on."""
        lengths = np.multiply.outer(STEPS, _PLACES).reshape(-1)
        moves = list(itertools.product(directions, lengths))
        together = max(1, HELD // self._model.layout.size)
        changes = [
            self._changes(moves[first : first + together], start)
            for first in range(0, len(moves), together)
        ]
        # (direction, step, place)
        table = np.concatenate(changes).reshape(len(directions), len(STEPS), len(_PLACES))
        rounding = ROUNDING * np.finfo(np.float64).eps * float(self._here.abs().max())
        return slopes_of(table, rounding)

    def _changes(self, moves: Sequence[tuple[Floats, float]], start: int) -> Floats:
        """What each move along a direction adds to the loss.  # (move,)."""
        theta = self._theta.repeat(len(moves), 1)
        for row, (direction, length) in zip(theta, moves, strict=True):
            row[start : start + len(direction)] += torch.from_numpy(length * direction).to(row)
        # Each row's own change first: what the rows have in common is no part of its rounding.
        return (self._losses(theta) - self._here).mean(dim=1).cpu().numpy()

    def _losses(self, theta: Tensor) -> Tensor:
        """Of every row, penalties included.  # (nudge, parameter) -> (nudge, row)."""
        true, count = slice(0, self._outputs), self._rows.true
        inputs, targets = (v.expand(len(theta), -1, -1) for v in (self._inputs, self._targets))
        outputs = Pass(self._networks(theta), self._rows, self._drops).run(inputs)
        losses = self._loss.values(outputs[:, :count, true], targets[:, :count, true])
        for name, strength in self._trial.regularizers:
            value = REGULARIZERS[name].value
            if value:
                losses = losses + value(theta * self._mask, theta.new_full((1, 1), strength))
        return losses

    def _networks(self, theta: Tensor) -> Networks:
        layout = self._model.layout
        # In training mode running statistics are written and never read.
        return Networks(self._model, Parameters(layout, theta), Statistics(layout, theta))


def slopes_of(changes: Floats, rounding: float) -> Slopes:
    """Estimates of a function's slope at 0.

    Args:
        changes: its value less that at 0, a whole and a half step to the left, then a half and a
            whole step to the right.  # (direction, step, place)
        rounding: absolute error of a value.
    """
    steps = np.array(STEPS)
    far_left, left, right, far_right = np.moveaxis(changes, 2, 0)
    # From one side, free of the error that is linear in the step; from both, of the same order.
    from_left = (far_left - 4 * left) / steps
    from_right = (4 * right - far_right) / steps
    estimate = (from_left + from_right) / 2
    central = (right - left) / steps
    doubt = np.abs(from_right - from_left) + np.abs(estimate - central) + rounding / steps
    doubt = np.where(np.isfinite(doubt), doubt, np.inf)
    best = doubt.argmin(axis=1)[:, None]
    return Slopes(*(np.take_along_axis(v, best, axis=1)[:, 0] for v in (estimate, doubt)))
