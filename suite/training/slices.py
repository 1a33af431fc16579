"""Slices of the loss: what training lowers, along one direction from where it ended.

Source: Li, Xu, Taylor, Studer & Goldstein 2018, section 4.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from suite.pictures import STEPS
from suite.randomness import generator
from suite.training.forward import Networks
from suite.training.model import Parameters
from suite.training.snapshots import PROBE_ROWS, Camera

Floats = NDArray[np.float64]


def loss_slices(camera: Camera) -> Floats:
    """Mean loss on the probed training rows along each member's own random direction.

    A unit's part of the direction is as long as its incoming weights, so that networks whose
    weights differ in size compare; biases and normalizations stay as they are, running statistics
    included.

    Returns:
        (member, place)
    """
    directions = np.array([_direction(camera, member) for member in range(len(camera.trials))])
    return np.stack([_losses(camera, x * directions) for x in np.linspace(-1, 1, STEPS)], axis=1)


def _direction(camera: Camera, member: int) -> Floats:
    """One member's, as its row of parameters.  # (parameter,)."""
    layout = camera.networks.model.layout
    draws = generator(camera.trials[member].seed, "loss slice")
    row = np.zeros(layout.size)
    for placed, weights in zip(layout.layers, camera.weights, strict=True):
        own = weights[member]  # (fan_in, unit)
        drawn = draws.standard_normal(own.shape)
        field = placed.weights
        block = row[field.start : field.end].reshape(field.shape)
        block[placed.true_rows, : placed.layer.units] = drawn * (_lengths(own) / _lengths(drawn))
    return row


def _lengths(weights: Floats) -> Floats:
    """Of every unit's incoming weights.  # (fan_in, unit) -> (unit,)."""
    lengths: Floats = np.sqrt(np.square(weights).sum(axis=0))
    return lengths


def _losses(camera: Camera, steps: Floats) -> Floats:
    """Of every member, that step away from where it is.  # (member, parameter) -> (member,)."""
    inputs, targets, rows = camera.rows(camera.pool.train, PROBE_ROWS)
    here, true = camera.networks, slice(0, camera.pool.outputs)
    theta = here.parameters.theta + torch.from_numpy(steps).to(camera.home)
    moved = Networks(here.model, Parameters(here.model.layout, theta), here.statistics)
    outputs = moved.outputs(inputs)[:, :rows, true]
    losses = camera.loss.values(outputs, targets[:, :rows, true]).cpu().numpy()
    # One member at a time: the order of a sum must not depend on how many there are.
    return np.array([own.mean() for own in losses])
