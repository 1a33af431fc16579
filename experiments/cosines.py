"""A start without chance: every unit has weights of its own, and none of them is drawn."""

import numpy as np

from suite.parts import Initializer
from suite.parts.initializers import Fan, Floats


def cosines(_rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """Waves (fan_in, units), each unit's of its own frequency, with He's variance; biases zero."""
    length = max(fan.fan_in, fan.units)
    phases = np.outer(np.arange(fan.fan_in) + 0.5, np.arange(fan.units) + 0.5)
    waves = np.sqrt(2) * np.cos(np.pi * phases / length)
    return np.sqrt(2 / fan.fan_in) * waves, np.zeros(fan.units)


INITIALIZERS = {
    "cosines": Initializer(
        "cosines of one frequency for each unit, variance 2/fan_in, nothing drawn",
        "the discrete cosine transform of type IV",
        cosines,
    )
}
