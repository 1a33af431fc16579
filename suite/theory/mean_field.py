"""Mean field: how far the signal reaches forward and the gradient back in a network at its start.

In a wide dense network pre-activations are Gaussian with variance q, and one number per layer
carries the signal forward and the gradient back (Poole et al. 2016, Schoenholz et al. 2017).
Weights have variance weight_variance / fan_in, biases bias_variance. Normalization, shortcuts and
convolutions change that, and weights that are no random draws escape it: see `applies`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from suite.theory.activations import ACTIVATIONS
from suite.theory.gaussian import Floats

if TYPE_CHECKING:
    import pandas as pd

# A signal beyond this is taken to grow for ever.
_UNBOUNDED = 1e6
# A signal below this is none.
_DEAD = 1e-9

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


def settled_signal(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Signal of a layer infinitely deep: 0 where it dies, infinity where it has no bound.

    Where every signal stays as it is, as ReLU's under He without biases, that is no bound.
    """
    from scipy.optimize import brentq

    def growth(signal: float) -> float:
        return float(next_signal(activation, signal, weight_variance, bias_variance)) - signal

    high = 1.0
    while growth(high) >= 0:
        high *= 2
        if high > _UNBOUNDED:
            return np.inf
    return float(brentq(growth, _DEAD, high, xtol=1e-14)) if growth(_DEAD) > 0 else 0.0


def fixed_signal(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Signal q* that a deep network settles at; 0 where the signal dies.

    Raises:
        ValueError: the signal has no bound.
    """
    signal = settled_signal(activation, weight_variance, bias_variance)
    if not np.isfinite(signal):
        raise ValueError(f"{activation} has no fixed signal at σ_w² = {weight_variance:g}")
    return signal


def settled_factor(activation: str, weight_variance: float, bias_variance: float) -> float:
    """χ₁, the gradient factor of a layer infinitely deep (Schoenholz 2017, eq. 5)."""
    signal = settled_signal(activation, weight_variance, bias_variance)
    return float(gradient_factor(activation, min(signal, _UNBOUNDED), weight_variance))


def gradient_length(activation: str, weight_variance: float, bias_variance: float) -> float:
    """Layers over which gradients shrink or grow e-fold: 1/|ln χ₁|, infinite where χ₁ is 1.

    In the chaotic phase this is not the correlation length ξ.
    """
    factor = settled_factor(activation, weight_variance, bias_variance)
    with np.errstate(divide="ignore"):
        return float(1 / np.abs(np.log(np.float64(factor))))


def critical_weight_variance(activation: str, bias_variance: float) -> float:
    """Edge of chaos: the weight variance at which gradients neither vanish nor explode, χ₁ = 1.

    Raises:
        ValueError: there is none between 0.5 and 50.
    """
    from scipy.optimize import brentq

    def excess(weight_variance: float) -> float:
        return settled_factor(activation, weight_variance, bias_variance) - 1

    low, high = 0.5, 50.0
    if excess(low) * excess(high) > 0:
        raise ValueError(f"{activation} is critical at no σ_w² between {low:g} and {high:g}")
    return float(brentq(excess, low, high, xtol=1e-10))
