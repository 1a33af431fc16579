"""Initializers: how the first weights are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Initializer:
    """A rule that draws one layer's weights (fan_in, fan_out) and biases (fan_out,)."""

    description: str
    source: str
    draw: Draw


def zero(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """All zeros: every unit of a layer stays the twin of its neighbours."""
    return np.zeros((fan_in, fan_out)), np.zeros(fan_out)


def small_normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """N(0, 0.01²) whatever the layer's size."""
    return 0.01 * rng.standard_normal((fan_in, fan_out)), np.zeros(fan_out)


def pytorch(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """U(±1/√fan_in) for weights and biases: variance 1/(3 fan_in)."""
    bound = fan_in**-0.5
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights, rng.uniform(-bound, bound, fan_out)


def xavier(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """U(±√(6/(fan_in + fan_out))): variance 2/(fan_in + fan_out)."""
    bound = (6 / (fan_in + fan_out)) ** 0.5
    return rng.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def he(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """N(0, 2/fan_in)."""
    scale = (2 / fan_in) ** 0.5
    return scale * rng.standard_normal((fan_in, fan_out)), np.zeros(fan_out)


def orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int) -> tuple[Floats, Floats]:
    """Orthonormal rows or columns, uniform over all such matrices."""
    tall = rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))
    return np.ascontiguousarray(q if fan_in >= fan_out else q.T), np.zeros(fan_out)


INITIALIZERS: dict[str, Initializer] = {
    "zero": Initializer("all weights zero", "baseline", zero),
    "small_normal": Initializer(
        "normal with standard deviation 0.01", "Krizhevsky, Sutskever & Hinton 2012", small_normal
    ),
    "pytorch": Initializer(
        "uniform, variance 1/(3 fan_in), biases too", "torch.nn.Linear's default", pytorch
    ),
    "xavier": Initializer(
        "uniform, variance 2/(fan_in + fan_out)", "Glorot & Bengio 2010, eq. 16", xavier
    ),
    "he": Initializer("normal, variance 2/fan_in", "He, Zhang, Ren & Sun 2015, eq. 10", he),
    "orthogonal": Initializer(
        "random orthonormal matrix", "Saxe, McClelland & Ganguli 2014", orthogonal
    ),
}
