"""Gradient correlation: the cosine between the gradients that two inputs send back (shattering).

Of one direction of the outputs, with respect to the first layer's pre-activations. The deeper the
network, the less two inputs' gradients agree (Balduzzi et al. 2017): for ReLU under He the cosine
falls towards the third power of the depth, not by half a layer.
"""

from __future__ import annotations

import numpy as np

from suite.theory.activations import ACTIVATIONS
from suite.theory.correlation import correlations, relu_next_correlation
from suite.theory.gaussian import Floats
from suite.theory.mean_field import gradient_factor, signals


def relu_gradient_cosines(first_correlation: float, *, depth: int) -> Floats:
    """Mean cosine of two inputs' gradients in ReLU nets of 1 … depth hidden layers.  # (depth,).

    ∏ (1 − arccos(c_l)/π) over the hidden layers, without biases, for any weights' variance.

    Args:
        first_correlation: c_1, the cosine of the two inputs.
        depth: of the deepest network.
    """
    layers = [np.asarray(first_correlation, dtype=np.float64)]
    for _ in range(depth - 1):
        layers.append(relu_next_correlation(layers[-1]))
    angles = np.arccos(np.clip(np.stack(layers), -1.0, 1.0))
    cosines: Floats = (1 - angles / np.pi).cumprod()
    return cosines


def gradient_cosines(
    activation: str,
    first_correlation: float,
    first_signal: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    *,
    depth: int,
) -> Floats:
    """The same of any activation: ∏ E[φ′(z)φ′(w)] / E[φ′(z)²].  # (depth,)."""
    given = (first_signal, weight_variance, bias_variance)
    between = correlations(activation, first_correlation, *given, depth=depth)
    alone = signals(activation, *given, depth=depth)
    known = ACTIVATIONS[activation]
    pairs = zip(alone, between, strict=True)
    products = [known.derivative_product(float(q), float(c)) for q, c in pairs]
    cosines: Floats = (np.array(products) / gradient_factor(activation, alone, 1.0)).cumprod()
    return cosines
