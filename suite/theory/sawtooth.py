"""Sawtooth: labels 0, 1, 0, 1, … along a line, which need width of a shallow net, depth of a deep.

M. Telgarsky (2016), Benefits of depth in neural networks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from suite.theory.gaussian import Floats


class Affine(NamedTuple):
    """A layer: weights (fan_in, units) and biases (units,)."""

    weights: Floats
    biases: Floats


def least_error(points: int, units: int) -> float:
    """Share of n points that one hidden layer of m ReLUs errs on at least: (n − m − 2)/(2n).

    Its m + 1 straight pieces cross the threshold once each, so it changes its answer so often.
    """
    return max(0.0, (points - units - 2) / (2 * points))


def deep_network(points: int, mean: float = 0.0, deviation: float = 1.0) -> tuple[Affine, ...]:
    """A ReLU network of ⌈log2 n⌉ hidden layers of two units that is right on every point.

    Each hidden layer folds the unit interval once: 2x up to ½ and 2 − 2x behind it. So the last
    gives i mod 2 at i/2ᵏ, which is the class; the two outputs are ½ − y and y − ½.

    Args:
        points: n of the data set `sawtooth`, whose inputs are i/n for i = 0 … n − 1.
        mean: what was taken off the inputs before they were divided by `deviation`.
        deviation: likewise; the defaults are raw inputs.

    Returns:
        hidden layers, input first, and the output layer.
    """
    folds = math.ceil(math.log2(points))
    scale = points / 2**folds
    fold, shift = np.array([2.0, 4.0]), np.array([0.0, -2.0])
    first = Affine((scale * deviation * fold)[None], scale * mean * fold + shift)
    # The folded line is the first unit less the second.
    again = Affine(np.outer([1.0, -1.0], fold), shift)
    answer = Affine(np.outer([1.0, -1.0], [-1.0, 1.0]), np.array([0.5, -0.5]))
    return (first, *[again] * (folds - 1), answer)


def outputs(network: tuple[Affine, ...], inputs: Floats) -> Floats:
    """What a ReLU network gives.  # inputs (row, feature), answer (row, output)."""
    *hidden, last = network
    for layer in hidden:
        inputs = np.maximum(inputs @ layer.weights + layer.biases, 0)
    answer: Floats = inputs @ last.weights + last.biases
    return answer
