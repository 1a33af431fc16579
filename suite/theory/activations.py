"""Activations and their derivatives, and the means of both over normal pre-activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from suite.theory.gaussian import Floats, Function, correlated_mean, gaussian_mean

LEAK = 0.01
FIRST_SLOPE = 0.25
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True, slots=True)
class Closed:
    """Means in closed form: those of a sine are beyond quadrature, those of a ReLU are plain.

    Attributes:
        value_square: E[value²] of a variance.
        derivative_square: E[derivative²] likewise.
        value_product: E[value(z) value(w)] of a variance and a correlation.
        derivative_product: likewise of the derivative.
    """

    value_square: Function
    derivative_square: Function
    value_product: Callable[[float, float], float]
    derivative_product: Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation and its derivative, both element by element.

    Attributes:
        value: of pre-activations.
        derivative: likewise.
        closed: its means where they are known; None for quadrature.
    """

    value: Function
    derivative: Function
    closed: Closed | None = None

    def value_square(self, variance: ArrayLike) -> Floats:
        """E[value(z)²] for z ~ N(0, variance), for each variance."""
        if self.closed:
            return self.closed.value_square(np.asarray(variance, dtype=np.float64))
        return gaussian_mean(lambda z: self.value(z) ** 2, variance)

    def derivative_square(self, variance: ArrayLike) -> Floats:
        """E[derivative(z)²] for z ~ N(0, variance), for each variance."""
        if self.closed:
            return self.closed.derivative_square(np.asarray(variance, dtype=np.float64))
        return gaussian_mean(lambda z: self.derivative(z) ** 2, variance)

    def value_product(self, variance: float, correlation: float) -> float:
        """E[value(z) value(w)] for z, w ~ N(0, variance) of the given correlation."""
        if self.closed:
            return self.closed.value_product(variance, correlation)
        return correlated_mean(self.value, variance, correlation)

    def derivative_product(self, variance: float, correlation: float) -> float:
        """E[derivative(z) derivative(w)] for z, w ~ N(0, variance) of the given correlation."""
        if self.closed:
            return self.closed.derivative_product(variance, correlation)
        return correlated_mean(self.derivative, variance, correlation)


def _leaky(slope: float) -> Activation:
    """The value above zero, `slope` times it below (Cho & Saul 2009 for ReLU)."""
    # z's own share and that of |z|.
    odd, even = (1 + slope) / 2, (1 - slope) / 2

    def value_product(variance: float, correlation: float) -> float:
        cosine = float(np.clip(correlation, -1, 1))
        sizes = 2 / np.pi * (np.sqrt(1 - cosine**2) + cosine * np.arcsin(cosine))
        return float(variance * (odd**2 * cosine + even**2 * sizes))

    def derivative_product(_variance: float, correlation: float) -> float:
        signs = 2 / np.pi * np.arcsin(np.clip(correlation, -1, 1))
        return float(odd**2 + even**2 * signs)

    square = (1 + slope**2) / 2
    return Activation(
        lambda z: np.where(z > 0, z, slope * z),
        lambda z: np.where(z > 0, 1.0, slope),
        Closed(
            lambda v: square * v,
            lambda v: np.full_like(v, square),
            value_product,
            derivative_product,
        ),
    )


def _exponential(scale: float, alpha: float) -> Activation:
    """`scale` times: the value above zero, `alpha` (exp(z) - 1) below."""
    return Activation(
        lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
    )


# scipy.special is imported late: the package is read at start-up.
def _logistic(z: Floats) -> Floats:
    from scipy.special import expit

    return expit(z)


def _normal_distribution(z: Floats) -> Floats:
    from scipy.special import ndtr

    return ndtr(z)


def _normal_density(z: Floats) -> Floats:
    density: Floats = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return density


def _silu_derivative(z: Floats) -> Floats:
    return _logistic(z) * (1 + z * _logistic(-z))


def _softplus(z: Floats) -> Floats:
    return np.logaddexp(0, z)


def _mish_derivative(z: Floats) -> Floats:
    bend = np.tanh(_softplus(z))
    slope: Floats = bend + z * _logistic(z) * (1 - bend**2)
    return slope


def _difference_and_sum(variance: float, correlation: float) -> tuple[float, float]:
    """E cos(z - w) and E cos(z + w)."""
    return (
        float(np.exp(-variance * (1 - correlation))),
        float(np.exp(-variance * (1 + correlation))),
    )


def _sine_product(variance: float, correlation: float) -> float:
    difference, total = _difference_and_sum(variance, correlation)
    return (difference - total) / 2


def _cosine_product(variance: float, correlation: float) -> float:
    difference, total = _difference_and_sum(variance, correlation)
    return (difference + total) / 2


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z: z, np.ones_like),
    "sigmoid": Activation(_logistic, lambda z: _logistic(z) * _logistic(-z)),
    "tanh": Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": _leaky(0.0),
    "leaky_relu": _leaky(LEAK),
    # At its first slope: mean field speaks of a network's start.
    "prelu": _leaky(FIRST_SLOPE),
    "elu": _exponential(1.0, 1.0),
    "selu": _exponential(SELU_SCALE, SELU_ALPHA),
    "gelu": Activation(
        lambda z: z * _normal_distribution(z),
        lambda z: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": Activation(lambda z: z * _logistic(z), _silu_derivative),
    "mish": Activation(lambda z: z * np.tanh(_softplus(z)), _mish_derivative),
    "softplus": Activation(_softplus, _logistic),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda z: (1 + np.abs(z)) ** -2),
    "hardtanh": Activation(
        lambda z: np.clip(z, -1, 1),
        lambda z: (np.abs(z) < 1).astype(np.float64),
    ),
    "sine": Activation(
        np.sin,
        np.cos,
        Closed(
            lambda v: -np.expm1(-2 * v) / 2,
            lambda v: (1 + np.exp(-2 * v)) / 2,
            _sine_product,
            _cosine_product,
        ),
    ),
}
