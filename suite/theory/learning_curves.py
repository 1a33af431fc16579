"""Learning curves: error as a power of the number of samples, and where a task's law is known.

J. Hestness et al. (2017), Deep learning scaling is predictable, empirically.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from suite.theory.gaussian import Floats

# Logarithms of the exponents that a fit looks among.
_GRID = np.linspace(np.log(1e-3), np.log(10), 200)


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """error = floor + scale · samples^(−exponent).

    Attributes:
        floor: error of endless data, not negative.
        scale: likewise.
        exponent: how fast the error falls.
        interval: of the exponent, by profile likelihood; an end of 0 or infinity is open.
    """

    floor: float
    scale: float
    exponent: float
    interval: tuple[float, float]

    def __call__(self, samples: ArrayLike) -> Floats:
        """The error at each number of samples."""
        counts = np.asarray(samples, dtype=np.float64)
        errors: Floats = self.floor + self.scale * counts**-self.exponent
        return errors


def fit_power_law(samples: ArrayLike, errors: ArrayLike, confidence: float = 0.95) -> PowerLaw:
    """The power law with the least squared deviation from measured errors.

    For each exponent, floor and scale follow from non-negative least squares; the interval holds
    the exponents whose squared deviation an F test does not reject.

    Args:
        samples: numbers of samples, four different ones at least.
        errors: one for each.
        confidence: of the interval.

    Raises:
        ValueError: fewer than four numbers of samples.
    """
    from scipy.optimize import minimize_scalar

    counts, values = np.asarray(samples, np.float64), np.asarray(errors, np.float64)
    if len(np.unique(counts)) < 4:
        raise ValueError("a power law needs errors at four numbers of samples or more")

    def deviation(log_exponent: float) -> float:
        return _best(counts, values, np.exp(log_exponent))[2]

    squares = np.array([deviation(point) for point in _GRID])
    near = int(np.clip(squares.argmin(), 1, len(_GRID) - 2))
    bounds = (_GRID[near - 1], _GRID[near + 1])
    best = minimize_scalar(deviation, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
    limit = deviation(best) * _tolerated(len(values), confidence)
    interval = _ends(lambda point: deviation(point) - limit, squares - limit, float(best))
    floor, scale, _ = _best(counts, values, np.exp(best))
    return PowerLaw(floor, scale, float(np.exp(best)), interval)


def hierarchy_samples(classes: int, synonyms: int, levels: int) -> int:
    """Samples from which deep networks learn the random hierarchy model: n_c · m^L (Cagnetta 2024).

    Args:
        classes: n_c.
        synonyms: m, productions of each symbol.
        levels: L.
    """
    return classes * int(synonyms**levels)


def _best(counts: Floats, errors: Floats, exponent: float) -> tuple[float, float, float]:
    """Floor, scale and squared deviation of the best power law with a given exponent."""
    from scipy.optimize import nnls

    # Relative to the smallest count, so that a large exponent does not underflow.
    powers = (counts / counts.min()) ** -exponent
    (floor, scale), distance = nnls(np.stack([np.ones_like(powers), powers], axis=1), errors)
    return float(floor), float(scale * counts.min() ** exponent), float(distance**2)


def _tolerated(count: int, confidence: float) -> float:
    """By what factor the squared deviation may exceed the least one."""
    from scipy.stats import f

    left = count - 3
    return float(1 + f.ppf(confidence, 1, left) / left)


def _ends(excess: Callable[[float], float], on_grid: Floats, best: float) -> tuple[float, float]:
    """Exponents on either side of the best where the squared deviation exceeds its limit."""
    from scipy.optimize import brentq

    below = np.flatnonzero((on_grid > 0) & (best > _GRID))
    above = np.flatnonzero((on_grid > 0) & (best < _GRID))
    low = np.exp(brentq(excess, _GRID[below[-1]], best)) if len(below) else 0.0
    high = np.exp(brentq(excess, best, _GRID[above[0]])) if len(above) else np.inf
    return float(low), float(high)
