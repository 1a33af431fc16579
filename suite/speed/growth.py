"""Power laws: straight lines through logarithms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True)
class Growth:
    """seconds ≈ factor · value^exponent.

    Attributes:
        exponent: slope in the logarithms, by least squares.
        standard_error: of the exponent; None for two points, which leave no residual.
        factor: seconds at value 1.
    """

    exponent: float
    standard_error: float | None
    factor: float

    def at(self, value: float) -> float:
        """Seconds by the power law."""
        return self.factor * math.pow(value, self.exponent)

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2f}"
        return f"{self.exponent:.2f}{error}".replace("-", "−")


def fit_growth(values: Sequence[float], seconds: Sequence[float]) -> Growth | None:
    """The power law through the points; None where there are fewer than two values."""
    if len(set(values)) < 2:
        return None
    line = stats.linregress(np.log(values), np.log(seconds))
    return Growth(
        exponent=float(line.slope),
        standard_error=float(line.stderr) if len(values) > 2 else None,
        factor=float(np.exp(line.intercept)),
    )
