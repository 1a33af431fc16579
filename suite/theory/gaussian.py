"""Means over one normal variable and over two correlated ones, by quadrature.

Gauss-Hermite loses its order at the kink of a ReLU and misses a sigmoid's narrow slope at a large
signal. Gauss-Legendre on panels that end at kinks and shrink towards them does neither.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

# Beyond so many standard deviations nothing counts.
_REACH = 12.0
# Ends of panels on one side of zero, in standard deviations.
_SHRINKING = np.array([0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10])
# Nodes of each panel over angles and along rays.
_ANGULAR, _RADIAL = 8, 10


@cache
def _rule(order: int) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(order)
    return points, weights


def _panels(edges: Floats, order: int) -> tuple[Floats, Floats]:
    """Nodes and weights of a Gauss-Legendre rule on each panel between edges.

    `edges` is (..., edge); the answer is (..., node). An empty panel weighs nothing.
    """
    points, weights = _rule(order)
    half = np.diff(edges)[..., None] / 2  # (..., panel, 1)
    nodes, scaled = edges[..., :-1, None] + half * (1 + points), half * weights
    shape = (*edges.shape[:-1], -1)
    return nodes.reshape(shape), scaled.reshape(shape)


def gaussian_nodes(variance: ArrayLike) -> tuple[Floats, Floats]:
    """Values of z ~ N(0, variance) and their weights, whose panels end at -1, 0 and 1.

    Both are (..., node) for variances of any shape.
    """
    deviation = np.sqrt(np.asarray(variance, dtype=np.float64))[..., None]
    kink = 1 / np.maximum(deviation, 1 / _SHRINKING[-1])
    fixed = np.broadcast_to(_SHRINKING, (*kink.shape[:-1], len(_SHRINKING)))
    nodes, weights = _panels(np.sort(np.concatenate([fixed, kink], axis=-1), axis=-1), 24)
    weights = weights * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    nodes = deviation * nodes
    return np.concatenate([-nodes, nodes], axis=-1), np.concatenate([weights, weights], axis=-1)


def gaussian_mean(function: Function, variance: ArrayLike) -> Floats:
    """E[function(z)] for z ~ N(0, variance), for each variance; exact across kinks at -1, 0, 1."""
    nodes, weights = gaussian_nodes(variance)
    means: Floats = (function(nodes) * weights).sum(axis=-1)
    return means


def correlated_mean(function: Function, variance: float, correlation: float) -> float:
    """E[function(z) function(w)] for z and w ~ N(0, variance) of the given correlation.

    In polar coordinates, where the sign of z changes at two angles and that of w at two others;
    along a ray, panels end where |z| or |w| is 1, so that kinks at -1, 0 and 1 cost nothing.
    """
    between = np.arccos(np.clip(correlation, -1.0, 1.0))
    angles, angle_weights = _sectors(between)
    deviation = np.sqrt(variance)
    first, second = deviation * np.cos(angles), deviation * np.cos(angles - between)
    radii, weights = _rays(first, second)  # (angle, radius)
    weights = weights * radii * np.exp(-(radii**2) / 2)
    product = function(first[:, None] * radii) * function(second[:, None] * radii)
    return float(angle_weights @ (weights * product).sum(axis=1) / (2 * np.pi))


def _sectors(between: float) -> tuple[Floats, Floats]:
    """Angles and weights; a sector is where neither variable changes its sign."""
    # Half the circle, which counts twice: the product is the same with z and w exchanged.
    borders = np.array([0, np.pi - between, np.pi + between, 2 * np.pi]) / 2 + between / 2
    widths = np.diff(borders)
    near = np.array([0, 1e-3, 1e-2, 0.1, 0.5])
    shares = np.concatenate([near, 1 - near[-2::-1]])
    nodes, weights = _panels(borders[:-1, None] + widths[:, None] * shares, _ANGULAR)
    return nodes.ravel(), 2 * weights.ravel()


def _rays(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Radii and weights for each angle, where the variables grow by `first` and `second`."""
    slopes = np.abs(np.stack([first, second], axis=1))  # (angle, variable)
    marks = np.array([1.0, 6.0, 36.0]) / np.maximum(slopes, 1e-9)[..., None]
    fixed = np.broadcast_to([0.0, 1.5, 3.0, 6.0, _REACH], (len(first), 5))
    edges = np.concatenate([fixed, marks.reshape(len(first), -1)], axis=1)
    return _panels(np.sort(np.minimum(edges, _REACH), axis=1), _RADIAL)
