"""Curvature of the loss: the Hessian's largest eigenvalue, by Lanczos' method.

It takes as many products of the Hessian with a vector as power iteration would, and finds the
largest eigenvalue of all that power iteration could reach with them (Lanczos 1950; on networks:
Ghorbani, Krishnan & Xiao 2019). Each product costs about as much as two gradients (Pearlmutter
1994).
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from suite.randomness import generator
from suite.training.forward import Networks
from suite.training.layout import Layout
from suite.training.model import Parameters
from suite.training.snapshots import PROBE_ROWS, Camera

Floats = NDArray[np.float64]

# Products of the Hessian with a vector.
PRODUCTS = 10
# Below this, relative to the largest so far, a new direction is rounding.
EXHAUSTED = 1e-12


def sharpness(camera: Camera) -> Floats:
    """Largest eigenvalue of the mean loss's Hessian on the probed training rows.  # (member,)."""
    layout, members = camera.networks.model.layout, len(camera.replicates)
    start = generator(0, "sharpness").standard_normal(layout.size) * true_parameters(layout)
    return largest_eigenvalues(hessian(camera), np.tile(start, (members, 1)), PRODUCTS)


def true_parameters(layout: Layout) -> NDArray[np.bool_]:
    """Where a member's row holds what is trained, and not padding.  # (parameter,)."""
    true = layout.weight_mask > 0
    for placed in layout.layers:
        for field in (placed.biases, *placed.gains, *placed.shifts):
            true[field.start : field.start + placed.layer.units] = True
        if placed.slope:
            true[placed.slope.start] = True
    return true


def hessian(camera: Camera) -> Callable[[Floats], Floats]:
    """The products of every member's Hessian with its own vector.  # (member, parameter)."""
    inputs, targets, rows = camera.rows(camera.pool.train, PROBE_ROWS)
    model, true = camera.networks.model, slice(0, camera.pool.outputs)
    leaves = camera.networks.parameters.as_leaves()
    with torch.enable_grad():
        outputs = Networks(model, leaves, camera.networks.statistics).outputs(inputs)
        losses = camera.loss.values(outputs[:, :rows, true], targets[:, :rows, true])
        gradients = torch.autograd.grad(losses.sum() / rows, leaves.views, create_graph=True)

    def product(vectors: Floats) -> Floats:
        along = Parameters(model.layout, torch.from_numpy(vectors).to(inputs.device)).views
        with torch.enable_grad():
            pairs = zip(gradients, along, strict=True)
            slope = torch.stack([(gradient * vector).sum() for gradient, vector in pairs]).sum()
        found = torch.autograd.grad(slope, leaves.views, retain_graph=True, materialize_grads=True)
        return torch.cat([values.flatten(1) for values in found], dim=1).cpu().numpy()

    return product


def largest_eigenvalues(
    product: Callable[[Floats], Floats], start: Floats, products: int
) -> Floats:
    """Largest eigenvalue of each member's symmetric matrix.

    Args:
        product: of every matrix with its own vector.
        start: vectors to begin with.  # (member, size)
        products: how often `product` may be called.
    """
    basis = [_Basis(vector) for vector in start]
    for _ in range(products):
        images = product(np.stack([one.newest for one in basis]))
        for one, image in zip(basis, images, strict=True):
            one.extend(image)
    return np.array([one.largest_eigenvalue() for one in basis])


class _Basis:
    """One member's matrix in the space of the vectors it was multiplied with: tridiagonal."""

    def __init__(self, start: Floats) -> None:
        self.newest = start / np.linalg.norm(start)
        self._previous = np.zeros_like(start)
        self._diagonal: list[float] = []
        self._beside: list[float] = [0.0]
        self._exhausted = False

    def extend(self, image: Floats) -> None:
        """Take in the product of the matrix with the newest vector."""
        if self._exhausted:
            return
        self._diagonal.append(float(self.newest @ image))
        rest = image - self._diagonal[-1] * self.newest - self._beside[-1] * self._previous
        self._beside.append(float(np.linalg.norm(rest)))
        self._exhausted = not self._beside[-1] > EXHAUSTED * max(map(abs, self._diagonal))
        if not self._exhausted:
            self._previous, self.newest = self.newest, rest / self._beside[-1]

    def largest_eigenvalue(self) -> float:
        """Of the matrix; NaN where it is not finite."""
        beside = self._beside[1:-1]
        matrix = np.diag(self._diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        return float(np.linalg.eigvalsh(matrix)[-1]) if np.isfinite(matrix).all() else np.nan
