"""Scaling of the inputs, fitted on the training part alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.samples import Inputs, Raw, Samples


@dataclass(frozen=True)
class Standardization:
    """An affine map; `mean` and `scale` have a column per feature, or one for all."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def apply(self, values: Raw) -> Inputs:
        """Rows `(n, features)` with the fitted mean taken off and the fitted scale applied."""
        return ((values - self.mean) * self.scale).astype(np.float32)


class Prepared(NamedTuple):
    """What networks get for the training part, and the function fitted on it for other rows.

    The training part has a field of its own, since where an encoding looks at targets, a training
    row's own target must not be in it.
    """

    train: Inputs
    apply: Callable[[Raw], Inputs]


def standardize(train: Samples, *, per_feature: bool) -> Prepared:
    """The training part's inputs standardised, and the same map for other rows."""
    fitted = fit_standardization(train.inputs, per_feature=per_feature)
    return Prepared(fitted.apply(train.inputs), fitted.apply)


def scale_to_unit_interval(train: Samples) -> Prepared:
    """Each feature from its range over the training part to [0, 1], and that map for other rows.

    What is constant in `train` becomes 0 wherever the map is applied.
    """
    lowest = train.inputs.min(axis=0).astype(np.float64)
    span = train.inputs.max(axis=0) - lowest
    fitted = Standardization(lowest, np.where(span == 0, 0.0, 1.0 / np.where(span == 0, 1.0, span)))
    return Prepared(fitted.apply(train.inputs), fitted.apply)


def fit_standardization(train: Raw, *, per_feature: bool) -> Standardization:
    """The map to mean 0 and standard deviation 1, per feature or over all features at once.

    What is constant in `train` becomes 0 wherever the map is applied.
    """
    values = train if per_feature else train.reshape(-1, 1)
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = values.std(axis=0, dtype=np.float64)
    # Rounding may leave a constant column a tiny deviation, so compare the values themselves.
    constant = (values.min(axis=0) == values.max(axis=0)) | (deviation == 0)
    scale = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, deviation))
    return Standardization(mean, scale)
