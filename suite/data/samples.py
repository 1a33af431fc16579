"""Samples: the raw rows of a data set, before any split or preprocessing."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Inputs = NDArray[np.float32]
# Of any numbers, until a split is made of them: whole ones may keep to one or two bytes, and a
# table's have eight, since single precision loses the seconds of a date.
Raw = NDArray[Any]
Targets = NDArray[np.int64] | NDArray[np.float32] | NDArray[np.float64]


class Samples(NamedTuple):
    """Inputs `(n, features)` and targets `(n,)`, which are class numbers or real values."""

    inputs: Raw
    targets: Targets


def labelled(inputs: ArrayLike, classes: ArrayLike) -> Samples:
    """Read-only samples whose targets are class numbers."""
    return read_only(np.array(inputs, np.float32), np.array(classes, np.int64))


def valued(inputs: ArrayLike, values: ArrayLike) -> Samples:
    """Read-only samples whose targets are real values."""
    return read_only(np.array(inputs, np.float32), np.array(values, np.float32))


def compact(inputs: NDArray[np.uint8] | NDArray[np.int16], classes: ArrayLike) -> Samples:
    """As `labelled`, but inputs of whole numbers stay in the few bytes that they come in."""
    return read_only(inputs.copy(), np.array(classes, np.int64))


def read_only(inputs: Raw, targets: Targets) -> Samples:
    """Samples of these very arrays, which cannot be written to any more."""
    # One array serves every split of a process, so that a write would reach them all.
    inputs.flags.writeable = False
    targets.flags.writeable = False
    return Samples(inputs, targets)
