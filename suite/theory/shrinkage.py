"""Shrinkage: what penalties do to least-squares weights on an orthonormal design, XᵀX = I.

R. Tibshirani (1996), Regression shrinkage and selection via the lasso, section 2.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suite.theory.gaussian import Floats


def lasso(weights: ArrayLike, penalty: float) -> Floats:
    """The minimiser of ½‖y − Xw‖² + λ‖w‖₁ from the least-squares weights: sign(w)(|w| − λ)₊."""
    given = np.asarray(weights, dtype=np.float64)
    return np.sign(given) * np.maximum(np.abs(given) - penalty, 0)


def ridge(weights: ArrayLike, penalty: float) -> Floats:
    """The minimiser of ½‖y − Xw‖² + (λ/2)‖w‖² from the least-squares weights: w/(1 + λ)."""
    return np.asarray(weights, dtype=np.float64) / (1 + penalty)
