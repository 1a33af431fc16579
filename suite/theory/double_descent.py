"""Double descent: the risk of minimum-norm least squares on either side of interpolation.

T. Hastie, A. Montanari, S. Rosset and R. J. Tibshirani (2022), Surprises in high-dimensional
ridgeless least squares interpolation; M. Belkin, D. Hsu and J. Xu (2020), Two models of double
descent for weak features, whose expressions for finite samples these are.
"""

from __future__ import annotations

import numpy as np


def excess_risk(features: int, samples: int, *, noise: float, norm: float) -> float:
    """Expected E(xᵀŵ − xᵀw)² of minimum-norm least squares, features x ~ N(0, I).

    σ²p/(n − p − 1) for p ≤ n − 2 and r²(1 − n/p) + σ²n/(p − n − 1) for p ≥ n + 2; infinite between.

    Args:
        features: p.
        samples: n.
        noise: standard deviation σ of the targets about xᵀw.
        norm: r, the Euclidean norm of w.
    """
    if abs(features - samples) <= 1:
        return np.inf
    if features < samples:
        return noise**2 * features / (samples - features - 1)
    missed = norm**2 * (1 - samples / features)
    return missed + noise**2 * samples / (features - samples - 1)
