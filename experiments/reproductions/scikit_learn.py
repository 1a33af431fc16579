"""Scikit-learn's own initial weights, for a comparison with its published training curves."""

import numpy as np

from suite.parts import Initializer
from suite.parts.initializers import Fan, Floats


def scikit_learn(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """U(±√(6/(fan_in + fan_out))) for weights (fan_in, units) and biases (units,) alike."""
    bound = (6 / (fan.fan_in + fan.fan_out)) ** 0.5
    weights = rng.uniform(-bound, bound, (fan.fan_in, fan.units))
    return weights, rng.uniform(-bound, bound, fan.units)


INITIALIZERS = {
    "scikit_learn": Initializer(
        "uniform, variance 2/(fan_in + fan_out), biases too",
        "scikit-learn's MLPClassifier",
        scikit_learn,
    )
}
