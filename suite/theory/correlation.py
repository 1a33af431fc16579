"""Correlation: what becomes of the angle between two inputs on their way through a deep network.

The correlation of two inputs' pre-activations is carried from layer to layer by a map with a fixed
point at 1, which attracts where gradients vanish (the ordered phase) and repels where they explode
(the chaotic phase); the edge of chaos lies between (Poole et al. 2016, Schoenholz et al. 2017).
"""

from __future__ import annotations

import numpy as np

from suite.theory.activations import ACTIVATIONS
from suite.theory.gaussian import Floats
from suite.theory.mean_field import fixed_signal, gradient_factor, next_signal

# Schoenholz et al. 2017: networks train up to about so many correlation lengths.
LENGTHS = 6.0


def next_correlation(
    activation: str,
    correlation: float,
    signal: float,
    weight_variance: float,
    bias_variance: float = 0.0,
) -> float:
    """Correlation of the next layer, of two inputs with the same signal (Poole 2016, eq. 5)."""
    product = ACTIVATIONS[activation].value_product(signal, correlation)
    following = float(next_signal(activation, signal, weight_variance, bias_variance))
    return (weight_variance * product + bias_variance) / following


def correlations(
    activation: str,
    first_correlation: float,
    first_signal: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    depth: int,
) -> Floats:
    """Correlations c_l of two inputs' pre-activations at the hidden layers 1 … depth.  # (depth,).

    `first_correlation` and `first_signal` are those of layer 1; the inputs' own cosine is the
    first without biases.
    """
    layers, signal = [first_correlation], first_signal
    for _ in range(depth - 1):
        given = (signal, weight_variance, bias_variance)
        layers.append(next_correlation(activation, layers[-1], *given))
        signal = float(next_signal(activation, *given))
    return np.array(layers)


def relu_next_correlation(correlation: Floats | float) -> Floats:
    """The map of a ReLU without biases, whatever its weights' variance (Cho & Saul 2009)."""
    cosine = np.clip(correlation, -1.0, 1.0)
    angle = np.arccos(cosine)
    mapped: Floats = (np.sqrt(1 - cosine**2) + cosine * (np.pi - angle)) / np.pi
    return mapped


def fixed_correlation(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Correlation c* between two inputs' pre-activations that a deep network settles at.

    Raises:
        ValueError: the signal has no bound or dies.
    """
    from scipy.optimize import brentq

    signal = _living_signal(activation, weight_variance, bias_variance)
    # The map's slope at its fixed point 1.
    if gradient_factor(activation, signal, weight_variance) <= 1:
        return 1.0

    def growth(correlation: float) -> float:
        given = (correlation, signal, weight_variance, bias_variance)
        return next_correlation(activation, *given) - correlation

    # c* is never negative; a little below, growth is positive even where c* is 0.
    return float(brentq(growth, -0.5, 1 - 1e-6, xtol=1e-12))


def correlation_length(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Depth scale ξ over which inputs' correlation forgets its start (Schoenholz 2017, eq. 9).

    It diverges at the critical weight variance.

    Raises:
        ValueError: the signal has no bound or dies.
    """
    signal = _living_signal(activation, weight_variance, bias_variance)
    correlation = fixed_correlation(activation, weight_variance, bias_variance)
    slope = ACTIVATIONS[activation].derivative_product(signal, correlation)
    return float(-1 / np.log(weight_variance * slope))


def trainable_depth(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Hidden layers up to which networks can be trained: 6 ξ (Schoenholz 2017)."""
    return LENGTHS * correlation_length(activation, weight_variance, bias_variance)


def _living_signal(activation: str, weight_variance: float, bias_variance: float) -> float:
    signal = fixed_signal(activation, weight_variance, bias_variance)
    if signal == 0:
        raise ValueError(f"{activation}'s signal dies at σ_w² = {weight_variance:g}")
    return signal
