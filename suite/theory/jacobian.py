"""Jacobians of a dense network at its start: how unevenly it stretches small changes.

Weights are Gaussian or orthogonal, W = D·G with a diagonal of slopes φ′(z) that are independent of
the weights, as in wide networks (Pennington, Schoenholz & Ganguli 2017). First and second moments
are exact at any width; weights from another law deviate by a share of 1/width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from suite.theory.activations import ACTIVATIONS
from suite.theory.gaussian import Floats, gaussian_mean, gaussian_nodes

# Nodes of the integral over the resolvent: right to 1e-5.
_ORDER = 24
# Steps at most double the solution until they are few and small; its largest is 1e6.
_STEPS = 30


class Slopes(NamedTuple):
    """E[φ′(z)²] and E[φ′(z)⁴] of a layer's units."""

    square: float
    fourth: float

    @property
    def ratio(self) -> float:
        """E φ′⁴ / (E φ′²)²: 1 where all slopes are alike, 2 for ReLU."""
        return self.fourth / self.square**2


def slopes(activation: str, signal: float) -> Slopes:
    """Moments of an activation's slope where pre-activations have the given mean square."""
    known = ACTIVATIONS[activation]
    fourth = gaussian_mean(lambda z: known.derivative(z) ** 4, signal)
    return Slopes(float(known.derivative_square(signal)), float(fourth))


def wide_spread(layers: Sequence[Slopes], *, orthogonal: bool = False) -> float:
    """Variance over squared mean of the Jacobian's squared singular values, all widths infinite.

    Σ (E φ′⁴/(E φ′²)² − 1 − s₁) over the layers, s₁ = −1 for Gaussian and 0 for orthogonal weights
    (Pennington 2017): L and 0 for linear networks, 2L and L for ReLU.
    """
    own = 0.0 if orthogonal else 1.0
    return sum(layer.ratio - 1 + own for layer in layers)


def spreads(widths: Sequence[int], layers: Sequence[Slopes], *, orthogonal: bool = False) -> Floats:
    """The same of networks of given widths, from the inputs to each layer.  # (layer,).

    Args:
        widths: of the inputs and of every layer behind them.
        layers: slopes of every layer; those of a linear one are `Slopes(1, 1)`.
        orthogonal: whether weights are orthogonal, not Gaussian.
    """
    features, found = widths[0], []
    moments = _Moments(float(features), float(features) ** 2)
    for fan_in, units, layer in zip(widths[:-1], widths[1:], layers, strict=True):
        turned = _orthogonal(moments, fan_in, units) if orthogonal else _gaussian(moments, units)
        # Only ratios count, and moments of a deep network would leave the range of numbers.
        moments = turned.bent(layer.ratio).scaled()
        found.append(min(features, units) * moments.squares / moments.traces - 1)
    return np.array(found)


class _Moments(NamedTuple):
    """Of A = JJᵀ: E tr A², E (tr A)² and E Σ A_ii²."""

    squares: float
    traces: float
    diagonal: float = 0.0

    def bent(self, ratio: float) -> _Moments:
        """Of DAD, D's squares independent of A and of mean 1."""
        more = (ratio - 1) * self.diagonal
        return _Moments(self.squares + more, self.traces + more)

    def scaled(self) -> _Moments:
        return _Moments(self.squares / self.traces, 1.0)


def _gaussian(a: _Moments, units: int) -> _Moments:
    """Of GAGᵀ, G's entries standard normal."""
    n = float(units)
    return _Moments(
        squares=n * (n + 1) * a.squares + n * a.traces,
        traces=n**2 * a.traces + 2 * n * a.squares,
        diagonal=n * (a.traces + 2 * a.squares),
    )


def _orthogonal(a: _Moments, fan_in: int, units: int) -> _Moments:
    """Of GAGᵀ, G's columns orthonormal, or its rows where it narrows."""
    across = max(fan_in, units)
    diagonal = (a.traces + 2 * a.squares) / (across + 2)
    if units >= fan_in:
        return _Moments(a.squares, a.traces, diagonal)
    kept = units / fan_in
    pairs = kept * (units - 1) / (fan_in - 1)
    return _Moments(
        squares=kept * diagonal + pairs * (a.squares - diagonal),
        traces=kept * diagonal + pairs * (a.traces - diagonal),
        diagonal=kept * diagonal,
    )


def log_norm_variance(widths: Sequence[int], layer: Slopes | None = None) -> float:
    """Variance of ln‖Ju‖² over networks at one input, J their Jacobian and u a direction.

    Σ (3 E φ′⁴/(E φ′²)² − 1)/n, to first order in 1/n: 5 Σ 1/n for ReLU under He (Hanin & Nica 2020;
    Hanin 2018). Averages over a batch of inputs do not show it.

    Args:
        widths: of the hidden layers.
        layer: slopes of each; those of ReLU by default.
    """
    ratio = 2.0 if layer is None else layer.ratio
    return (3 * ratio - 1) * sum(1 / width for width in widths)


def glorot_mean_singular_value(
    activation: str, signal: ArrayLike, weight_variance: float
) -> Floats:
    """Mean singular value of a wide square layer's Jacobian by (8/3π)·√(σ² E φ′²).

    Exact where all slopes are alike; too large where they differ much, as a ReLU's.
    """
    square = weight_variance * ACTIVATIONS[activation].derivative_square(signal)
    mean: Floats = 8 / (3 * np.pi) * np.sqrt(square)
    return mean


def mean_singular_value(
    activation: str, signal: float, weight_variance: float, *, orthogonal: bool = False
) -> float:
    """Mean singular value of a wide square layer's Jacobian, whatever its slopes.

    Orthogonal weights leave the slopes themselves. For Gaussian ones √λ = (2/π) ∫ λ/(λ + x²) dx
    turns the mean into an integral over the resolvent, a fixed point of the spectrum's own law
    (Marchenko & Pastur 1967; Silverstein & Bai 1995).
    """
    known = ACTIVATIONS[activation]
    deviation = np.sqrt(weight_variance)
    if orthogonal:
        return float(deviation * gaussian_mean(lambda z: np.abs(known.derivative(z)), signal))
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    angles = np.pi / 4 * (1 + points)
    x = np.tan(angles)
    inside = 1 - x**2 * _resolvent(activation, signal, x**2)
    return float(deviation * (weights / 2) @ (inside * (1 + x**2)))


def _resolvent(activation: str, signal: float, shifts: Floats) -> Floats:
    """Mean of 1/(λ + shift) over the eigenvalues of GᵀD²G, G's entries N(0, 1/width)."""
    nodes, weights = gaussian_nodes(signal)
    squares = ACTIVATIONS[activation].derivative(nodes) ** 2
    mean = np.zeros_like(shifts)
    # The mean solves mean·shift + E[φ′²·mean/(1 + φ′²·mean)] = 1, whose left side is concave and
    # rises, so that Newton's steps from 0 never pass the solution.
    for _ in range(_STEPS):
        kept = 1 / (1 + mean[:, None] * squares)
        missing = kept @ weights - mean * shifts
        mean = mean + missing / (shifts + (squares * kept**2) @ weights)
    return mean
