"""Closed forms and mean-field predictions that measurements are held against.

Mean field: in a wide dense network at its start, pre-activations are Gaussian with variance q, and
one number per layer carries the signal forward and the gradient back (Poole et al. 2016,
Schoenholz et al. 2017). Weights have variance weight_variance / fan_in, biases bias_variance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation and its derivative, both element by element."""

    value: Function
    derivative: Function


def _selu(z: Floats) -> Floats:
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def _selu_derivative(z: Floats) -> Floats:
    return SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0)))


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z: z, np.ones_like),
    "sigmoid": Activation(expit, lambda z: expit(z) * expit(-z)),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(np.float64)),
    "selu": Activation(_selu, _selu_derivative),
}

# Initializer: fan_in and fan_out -> fan_in times the weights' variance, at gain 1.
WEIGHT_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "zero": lambda fan_in, fan_out: 0.0,  # noqa: ARG005
    "small_normal": lambda fan_in, fan_out: fan_in * 0.01**2,  # noqa: ARG005
    "pytorch": lambda fan_in, fan_out: 1 / 3,  # noqa: ARG005
    "xavier": lambda fan_in, fan_out: 2 * fan_in / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2.0,  # noqa: ARG005
    # Exact for fan_in >= fan_out; an orthonormal matrix that widens keeps the signal's norm.
    "orthogonal": lambda fan_in, fan_out: fan_in / max(fan_in, fan_out),
}


def weight_variance(initializer: str, fan_in: int, fan_out: int, gain: float = 1.0) -> float:
    """fan_in times the variance of an initializer's weights; `gain` scales their deviation."""
    return gain**2 * WEIGHT_VARIANCES[initializer](fan_in, fan_out)


def bias_variance(initializer: str, fan_in: int) -> float:
    """Variance of an initializer's biases: only PyTorch's default draws them."""
    return 1 / (3 * fan_in) if initializer == "pytorch" else 0.0


def _quadrature() -> tuple[Floats, Floats]:
    # Gauss-Legendre on panels that shrink towards 0: exact across the kinks of ReLU and SELU, and
    # fine enough for a sigmoid's narrow slope at a large signal, where Gauss-Hermite fails.
    points, weights = np.polynomial.legendre.leggauss(24)
    edges = np.array([0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10])
    half = np.diff(edges)[:, None] / 2
    nodes = (edges[:-1, None] + half * (1 + points)).ravel()
    density = (half * weights).ravel() * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return np.concatenate([-nodes, nodes]), np.concatenate([density, density])


_NODES, _WEIGHTS = _quadrature()


def gaussian_mean(function: Function, variance: ArrayLike) -> Floats:
    """E[function(z)] for z ~ N(0, variance), for each variance."""
    scale = np.sqrt(np.asarray(variance, dtype=np.float64))
    values: Floats = function(scale[..., None] * _NODES) @ _WEIGHTS
    return values


def next_signal(
    activation: str, signal: ArrayLike, weight_variance: float, bias_variance: float = 0.0
) -> Floats:
    """Signal of the next layer (Poole 2016, eq. 3): σ_w² E[φ(z)²] + σ_b², z ~ N(0, signal)."""
    phi = ACTIVATIONS[activation].value
    return weight_variance * gaussian_mean(lambda z: phi(z) ** 2, signal) + bias_variance


def gradient_factor(activation: str, signal: ArrayLike, weight_variance: float) -> Floats:
    """χ = σ_w² E[φ′(z)²]: E δ_l² / E δ_{l+1}² at layer l's signal (Schoenholz 2017, eq. 5)."""
    slope = ACTIVATIONS[activation].derivative
    return weight_variance * gaussian_mean(lambda z: slope(z) ** 2, signal)


def signals(
    activation: str,
    first_signal: ArrayLike,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    depth: int,
) -> Floats:
    """Mean squared pre-activations q_l of the hidden layers 1 … depth, on the last axis.

    `first_signal` is q_1: one number, or an array of them for its leading axes.
    """
    layers = [np.asarray(first_signal, dtype=np.float64)]
    for _ in range(depth - 1):
        layers.append(next_signal(activation, layers[-1], weight_variance, bias_variance))
    return np.stack(layers, axis=-1)


def log10_deltas(
    activation: str,
    first_signal: ArrayLike,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    depth: int,
) -> Floats:
    """log10 of E δ_l² / E δ_depth² at the hidden layers l = 1 … depth, on the last axis.

    δ_l is the derivative of the loss with respect to the pre-activations of layer l; the last
    entry is 0, and -inf stands where nothing flows back.
    """
    layers = signals(activation, first_signal, weight_variance, bias_variance, depth=depth)
    with np.errstate(divide="ignore"):
        steps = np.log10(gradient_factor(activation, layers[..., :-1], weight_variance))
    summed = np.cumsum(steps[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([summed, np.zeros_like(layers[..., :1])], axis=-1)


def fixed_signal(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Signal q* that a deep network settles at; 0 where the signal dies.

    Raises:
        ValueError: the signal grows without bound.
    """
    from scipy.optimize import brentq

    def growth(signal: float) -> float:
        return float(next_signal(activation, signal, weight_variance, bias_variance)) - signal

    low, high = 1e-9, 1.0
    while growth(high) >= 0:
        high *= 2
        if high > 1e6:
            raise ValueError(f"{activation} has no fixed signal at σ_w² = {weight_variance:g}")
    return float(brentq(growth, low, high, xtol=1e-14)) if growth(low) > 0 else 0.0


def _correlated_mean(function: Function, signal: float, correlation: float) -> float:
    first = np.sqrt(signal) * _NODES
    noise = np.sqrt(signal * (1 - correlation**2)) * _NODES
    second = function(correlation * first[:, None] + noise)  # (first, noise)
    return float((_WEIGHTS * function(first)) @ second @ _WEIGHTS)


def fixed_correlation(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Correlation c* between two inputs' pre-activations that a deep network settles at.

    Raises:
        ValueError: the signal grows without bound or dies.
    """
    from scipy.optimize import brentq

    signal = fixed_signal(activation, weight_variance, bias_variance)
    if signal == 0:
        raise ValueError(f"{activation}'s signal dies at σ_w² = {weight_variance:g}")
    phi = ACTIVATIONS[activation].value

    def growth(correlation: float) -> float:
        mean = _correlated_mean(phi, signal, correlation)
        return (weight_variance * mean + bias_variance) / signal - correlation

    # c = 1 is always a fixed point; just below it the map tells whether it attracts.
    below = 1 - 1e-6
    return 1.0 if growth(below) >= 0 else float(brentq(growth, 0, below, xtol=1e-12))


def correlation_length(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Depth scale ξ over which inputs' correlation forgets its start (Schoenholz 2017, eq. 9).

    Networks are trainable to about 6 ξ layers; ξ diverges at the critical weight variance.
    """
    signal = fixed_signal(activation, weight_variance, bias_variance)
    correlation = fixed_correlation(activation, weight_variance, bias_variance)
    slope = ACTIVATIONS[activation].derivative
    factor = weight_variance * _correlated_mean(slope, signal, correlation)
    return float(-1 / np.log(factor))


def critical_weight_variance(activation: str, bias_variance: float) -> float:
    """Weight variance at which gradients neither vanish nor explode: χ = 1 at the fixed signal.

    Raises:
        ValueError: there is none between 0.5 and 50.
    """
    from scipy.optimize import brentq

    def excess(weight_variance: float) -> float:
        signal = fixed_signal(activation, weight_variance, bias_variance)
        return float(gradient_factor(activation, signal, weight_variance)) - 1

    return float(brentq(excess, 0.5, 50, xtol=1e-10))
