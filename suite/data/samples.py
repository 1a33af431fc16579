"""Samples: the raw rows of a data set, before any split or preprocessing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Inputs = NDArray[np.float32]
Targets = NDArray[np.int64] | NDArray[np.float32]


class Samples(NamedTuple):
    """Inputs `(n, features)` and targets `(n,)`, which are class numbers or real values."""

    inputs: Inputs
    targets: Targets


def labelled(inputs: ArrayLike, classes: ArrayLike) -> Samples:
    """Read-only samples whose targets are class numbers."""
    return _read_only(np.array(inputs, np.float32), np.array(classes, np.int64))


def valued(inputs: ArrayLike, values: ArrayLike) -> Samples:
    """Read-only samples whose targets are real values."""
    return _read_only(np.array(inputs, np.float32), np.array(values, np.float32))


def _read_only(inputs: Inputs, targets: Targets) -> Samples:
    # One array serves every split of a process, so that a write would reach them all.
    inputs.flags.writeable = False
    targets.flags.writeable = False
    return Samples(inputs, targets)
