"""Dead networks: the chance that a ReLU network answers all inputs alike before training.

A layer none of whose units is on hands on nothing but its biases: the network is a constant from
there on, and no gradient comes back through it (Lu, Shin, Su & Karniadakis 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def dead_probability(widths: Sequence[int]) -> float:
    """Chance that some hidden layer is off at one given input: 1 − ∏ (1 − 2⁻ⁿ).

    Each pre-activation is symmetric about zero whatever the layers before, as long as weights, and
    biases where there are any, are drawn independently and symmetrically without atoms; without
    biases the input must not be 0. Of a set of inputs it bounds the chance that one layer is off
    for all from above (Lu 2020), closely in deep networks, whose inputs grow alike.

    Args:
        widths: of the hidden layers.
    """
    # Through logarithms, since a wide layer's chance is less than 1's rounding.
    return float(-np.expm1(np.log1p(-(0.5 ** np.array(widths, np.float64))).sum()))


def dead_everywhere_probability(widths: Sequence[int]) -> float:
    """A lower bound on the chance that some hidden layer is off for every input there is.

    Without biases: behind a ReLU all signals are positive, so a layer without a positive weight is
    off for all of them, 1 − ∏ (1 − 2^(−n_{l−1} n_l)) over the layers from the second on.

    Args:
        widths: of the hidden layers.
    """
    pairs = np.array(widths[:-1], np.float64) * np.array(widths[1:], np.float64)
    return float(-np.expm1(np.log1p(-(0.5**pairs)).sum()))
