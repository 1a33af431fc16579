"""Closed forms and mean-field predictions that measurements are held against.

Mean field: in a wide dense network at its start, pre-activations are Gaussian with variance q, and
one number per layer carries the signal forward and the gradient back (Poole et al. 2016,
Schoenholz et al. 2017). Weights have variance weight_variance / fan_in, biases bias_variance.
Normalization, shortcuts and convolutions change that, and weights that are no random draws escape
it: see `applies`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, expit, ndtr

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

LEAK = 0.01
FIRST_SLOPE = 0.25
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation and its derivative, both element by element.

    Attributes:
        value: of pre-activations.
        derivative: likewise.
        closed: E[value²] and E[derivative²] of a variance, where quadrature would blur a kink away
            from 0 or a wave.
    """

    value: Function
    derivative: Function
    closed: tuple[Function, Function] | None = None

    def value_square(self, variance: ArrayLike) -> Floats:
        """E[value(z)²] for z ~ N(0, variance), for each variance."""
        if self.closed:
            return self.closed[0](_positive(variance))
        return gaussian_mean(lambda z: self.value(z) ** 2, variance)

    def derivative_square(self, variance: ArrayLike) -> Floats:
        """E[derivative(z)²] for z ~ N(0, variance), for each variance."""
        if self.closed:
            return self.closed[1](_positive(variance))
        return gaussian_mean(lambda z: self.derivative(z) ** 2, variance)


def _positive(variance: ArrayLike) -> Floats:
    """The variance, or the smallest there is in place of 0, for forms that divide by it."""
    return np.maximum(np.asarray(variance, dtype=np.float64), np.finfo(np.float64).tiny)


def _leaky(slope: float) -> Activation:
    """The value above zero, `slope` times it below."""
    return Activation(
        lambda z: np.where(z > 0, z, slope * z), lambda z: np.where(z > 0, 1.0, slope)
    )


def _exponential(scale: float, alpha: float) -> Activation:
    """`scale` times: the value above zero, `alpha` (exp(z) - 1) below."""
    return Activation(
        lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
    )


def _normal_density(z: Floats) -> Floats:
    density: Floats = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return density


def _silu_derivative(z: Floats) -> Floats:
    slope: Floats = expit(z) * (1 + z * expit(-z))
    return slope


def _softplus(z: Floats) -> Floats:
    return np.logaddexp(0, z)


def _mish_derivative(z: Floats) -> Floats:
    bend = np.tanh(_softplus(z))
    slope: Floats = bend + z * expit(z) * (1 - bend**2)
    return slope


def _hardtanh_square(variance: Floats) -> Floats:
    inside, edge = _hardtanh_inside(variance), _normal_density(variance**-0.5)
    return 1 - inside + variance * inside - 2 * np.sqrt(variance) * edge


def _hardtanh_inside(variance: Floats) -> Floats:
    """Probability of |z| < 1."""
    inside: Floats = erf((2 * variance) ** -0.5)
    return inside


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z: z, np.ones_like),
    "sigmoid": Activation(expit, lambda z: expit(z) * expit(-z)),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": _leaky(0.0),
    "leaky_relu": _leaky(LEAK),
    # At its first slope: mean field speaks of a network's start.
    "prelu": _leaky(FIRST_SLOPE),
    "elu": _exponential(1.0, 1.0),
    "selu": _exponential(SELU_SCALE, SELU_ALPHA),
    "gelu": Activation(lambda z: z * ndtr(z), lambda z: ndtr(z) + z * _normal_density(z)),
    "silu": Activation(lambda z: z * expit(z), _silu_derivative),
    "mish": Activation(lambda z: z * np.tanh(_softplus(z)), _mish_derivative),
    "softplus": Activation(_softplus, expit),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda z: (1 + np.abs(z)) ** -2),
    "hardtanh": Activation(
        lambda z: np.clip(z, -1, 1),
        lambda z: (np.abs(z) < 1).astype(np.float64),
        (_hardtanh_square, _hardtanh_inside),
    ),
    "sine": Activation(
        np.sin,
        np.cos,
        (lambda v: -np.expm1(-2 * v) / 2, lambda v: (1 + np.exp(-2 * v)) / 2),
    ),
}

# Initializer: fan_in and fan_out -> fan_in times the weights' variance, at gain 1. The constant
# initializer has no place here: its weights are not drawn around zero.
WEIGHT_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "zero": lambda fan_in, fan_out: 0.0,  # noqa: ARG005
    "small_normal": lambda fan_in, fan_out: fan_in * 0.01**2,  # noqa: ARG005
    "pytorch": lambda fan_in, fan_out: 1 / 3,  # noqa: ARG005
    "lecun": lambda fan_in, fan_out: 1.0,  # noqa: ARG005
    "truncated_normal": lambda fan_in, fan_out: 1.0,  # noqa: ARG005
    "xavier": lambda fan_in, fan_out: 2 * fan_in / (fan_in + fan_out),
    "xavier_normal": lambda fan_in, fan_out: 2 * fan_in / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2.0,  # noqa: ARG005
    "he_uniform": lambda fan_in, fan_out: 2.0,  # noqa: ARG005
    # Exact for fan_in >= fan_out; an orthonormal matrix that widens keeps the signal's norm.
    "orthogonal": lambda fan_in, fan_out: fan_in / max(fan_in, fan_out),
}


def weight_variance(initializer: str, fan_in: int, fan_out: int, gain: float = 1.0) -> float:
    """fan_in times the variance of an initializer's weights; `gain` scales their deviation.

    Raises:
        ValueError: mean field does not apply to such weights.
    """
    if initializer not in WEIGHT_VARIANCES:
        raise ValueError(f"mean field: no known variance around zero of {initializer} weights")
    return gain**2 * WEIGHT_VARIANCES[initializer](fan_in, fan_out)


def bias_variance(initializer: str, fan_in: int) -> float:
    """Variance of an initializer's biases: only PyTorch's default draws them."""
    return 1 / (3 * fan_in) if initializer == "pytorch" else 0.0


def applies(trials: pd.DataFrame) -> pd.Series[bool]:
    """Whether mean field speaks of each stored trial.

    Dense layers without normalization, an activation and an initializer that it knows.
    """
    return (
        trials["network"].eq("dense")
        & ~trials["regularizers"].astype(str).str.contains("batch_norm|layer_norm")
        & trials["activation"].isin(ACTIVATIONS)
        & trials["initializer"].isin(WEIGHT_VARIANCES)
    )


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
    return weight_variance * ACTIVATIONS[activation].value_square(signal) + bias_variance


def gradient_factor(activation: str, signal: ArrayLike, weight_variance: float) -> Floats:
    """χ = σ_w² E[φ′(z)²]: E δ_l² / E δ_{l+1}² at layer l's signal (Schoenholz 2017, eq. 5)."""
    return weight_variance * ACTIVATIONS[activation].derivative_square(signal)


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
