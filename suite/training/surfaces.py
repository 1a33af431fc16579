"""Decision surfaces: what networks predict over the plane of two inputs."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.pictures import GRID, REACH
from suite.training.layout import padded
from suite.training.snapshots import Camera

Floats = NDArray[np.float64]

FEATURES = 2


def decision_surfaces(camera: Camera) -> Floats:
    """Predictions at the nodes of a square grid of standardised inputs, as `suite.pictures` has it.

    Of two classes the probability of the second; of other targets the number of the predicted
    class, or the predicted value. Outputs of a loss that knows no probabilities are fitted to
    one-hot targets: half of one plus their difference stands for one, cut off at 0 and 1.

    Returns:
        NaN for data with other than two features.  # (member, place)
    """
    members = len(camera.trials)
    if int(np.prod(camera.pool.shape)) != FEATURES:
        return np.full((members, GRID**2), np.nan)
    inputs = _nodes().to(camera.home).expand(members, -1, -1).contiguous()
    outputs = camera.networks.outputs(inputs)[..., : camera.pool.outputs].cpu().numpy()
    return np.array([_predictions(own, camera) for own in outputs])


def _nodes() -> Tensor:
    """The grid's nodes, padded.  # (place, column)."""
    steps = np.linspace(-REACH, REACH, GRID)
    first, second = np.meshgrid(steps, steps)
    nodes = torch.zeros(GRID**2, padded(FEATURES), dtype=torch.float64)
    nodes[:, :FEATURES] = torch.from_numpy(np.column_stack([first.ravel(), second.ravel()]))
    return nodes


def _predictions(outputs: Floats, camera: Camera) -> Floats:
    """Of one member's outputs (place, output).  # (place,)."""
    if not camera.pool.classification:
        return outputs[:, 0]
    if camera.pool.outputs != 2:
        # The largest of numbers that are not finite would be a class like any other.
        classes = outputs.argmax(axis=1).astype(np.float64)
        return np.where(np.isfinite(outputs).all(axis=1), classes, np.nan)
    difference = outputs[:, 1] - outputs[:, 0]
    if camera.loss.of_logits:
        probabilities: Floats = 1 / (1 + np.exp(-difference))
        return probabilities
    return np.clip((1 + difference) / 2, 0, 1)
