"""Initializers: how the first weights are drawn.

Biases are zero, but for PyTorch's default.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Fan(NamedTuple):
    """The sizes of one layer; a dense layer's `fan_out` is its `units`.

    Attributes:
        fan_in: numbers that feed one unit.
        fan_out: units that one number feeds; for a convolution, out_channels * kernel places.
        units: columns of the weight matrix: units, or out_channels of a convolution.
    """

    fan_in: int
    fan_out: int
    units: int


Draw = Callable[[np.random.Generator, Fan], tuple[Floats, Floats]]

CONSTANT = 0.01
TRUNCATION = 2.0
# Standard deviation of a standard normal that is cut at ±TRUNCATION.
_TRUNCATED_DEVIATION = math.sqrt(
    1
    - TRUNCATION
    * math.sqrt(2 / math.pi)
    * math.exp(-(TRUNCATION**2) / 2)
    / math.erf(TRUNCATION / math.sqrt(2))
)


@dataclass(frozen=True, slots=True)
class Initializer:
    """A rule that draws one layer's weights (fan_in, units) and biases (units,)."""

    description: str
    source: str
    draw: Draw


def zero(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """All zeros: every unit of a layer stays the twin of its neighbours."""
    return np.zeros((fan.fan_in, fan.units)), np.zeros(fan.units)


def constant(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """0.01 everywhere: a signal passes, but the units of a layer stay twins."""
    return np.full((fan.fan_in, fan.units), CONSTANT), np.zeros(fan.units)


def small_normal(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """N(0, 0.01²) whatever the layer's size."""
    return _normal(rng, fan, 0.01)


def pytorch(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """U(±1/√fan_in) for weights and biases: variance 1/(3 fan_in)."""
    bound = fan.fan_in**-0.5
    weights, _ = _uniform(rng, fan, bound)
    return weights, rng.uniform(-bound, bound, fan.units)


def lecun(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """N(0, 1/fan_in)."""
    return _normal(rng, fan, fan.fan_in**-0.5)


def xavier(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """U(±√(6/(fan_in + fan_out))): variance 2/(fan_in + fan_out)."""
    return _uniform(rng, fan, (6 / (fan.fan_in + fan.fan_out)) ** 0.5)


def xavier_normal(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """N(0, 2/(fan_in + fan_out))."""
    return _normal(rng, fan, (2 / (fan.fan_in + fan.fan_out)) ** 0.5)


def he(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """N(0, 2/fan_in)."""
    return _normal(rng, fan, (2 / fan.fan_in) ** 0.5)


def he_uniform(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """U(±√(6/fan_in)): variance 2/fan_in."""
    return _uniform(rng, fan, (6 / fan.fan_in) ** 0.5)


def orthogonal(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """Orthonormal rows or columns, uniform over all such matrices."""
    sizes = (fan.fan_in, fan.units)
    q, r = np.linalg.qr(rng.standard_normal((max(sizes), min(sizes))))
    q *= np.sign(np.diag(r))
    return np.ascontiguousarray(q if fan.fan_in >= fan.units else q.T), np.zeros(fan.units)


def truncated_normal(rng: np.random.Generator, fan: Fan) -> tuple[Floats, Floats]:
    """A normal without what lies beyond two standard deviations, scaled to variance 1/fan_in."""
    weights = rng.standard_normal((fan.fan_in, fan.units))
    while (beyond := np.abs(weights) > TRUNCATION).any():
        weights[beyond] = rng.standard_normal(np.count_nonzero(beyond))
    return weights * (fan.fan_in**-0.5 / _TRUNCATED_DEVIATION), np.zeros(fan.units)


def _normal(rng: np.random.Generator, fan: Fan, deviation: float) -> tuple[Floats, Floats]:
    return deviation * rng.standard_normal((fan.fan_in, fan.units)), np.zeros(fan.units)


def _uniform(rng: np.random.Generator, fan: Fan, bound: float) -> tuple[Floats, Floats]:
    return rng.uniform(-bound, bound, (fan.fan_in, fan.units)), np.zeros(fan.units)


INITIALIZERS: dict[str, Initializer] = {
    "zero": Initializer("all weights zero", "baseline", zero),
    "constant": Initializer("all weights 0.01", "baseline", constant),
    "small_normal": Initializer(
        "normal with standard deviation 0.01", "Krizhevsky, Sutskever & Hinton 2012", small_normal
    ),
    "pytorch": Initializer(
        "uniform, variance 1/(3 fan_in), biases too", "torch.nn.Linear's default", pytorch
    ),
    "lecun": Initializer(
        "normal, variance 1/fan_in", "LeCun, Bottou, Orr & Müller 1998, section 4.6", lecun
    ),
    "xavier": Initializer(
        "uniform, variance 2/(fan_in + fan_out)", "Glorot & Bengio 2010, eq. 16", xavier
    ),
    "xavier_normal": Initializer(
        "normal, variance 2/(fan_in + fan_out)", "Glorot & Bengio 2010, eq. 12", xavier_normal
    ),
    "he": Initializer("normal, variance 2/fan_in", "He, Zhang, Ren & Sun 2015, eq. 10", he),
    "he_uniform": Initializer(
        "uniform, variance 2/fan_in", "He, Zhang, Ren & Sun 2015, eq. 10", he_uniform
    ),
    "orthogonal": Initializer(
        "random orthonormal matrix", "Saxe, McClelland & Ganguli 2014", orthogonal
    ),
    "truncated_normal": Initializer(
        "normal cut at two standard deviations, variance 1/fan_in",
        "Abadi et al. 2016 (TensorFlow's variance scaling)",
        truncated_normal,
    ),
}
