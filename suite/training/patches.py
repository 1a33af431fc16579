"""What lies under a convolution's kernel, and one convolution of the fast kernel."""

import itertools
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.networks import Layer
from suite.training import native_maps
from suite.training.layout import Placed, padded

Ints = NDArray[np.int64]


def covered_places(layer: Layer, places: tuple[int, ...]) -> Ints:
    """The place under each tap of the kernel, -1 where that is outside.

    Args:
        layer: the convolution.
        places: of its inputs, in each direction.

    Returns:
        # (output, tap), both in reading order.
    """
    outputs = np.array(list(itertools.product(*map(range, layer.maps))))
    taps = np.array(list(itertools.product(*map(range, layer.kernel))))
    # Zeros around the places go before them rounded down.
    before = np.array([max(size - layer.stride, 0) // 2 for size in layer.kernel])
    at = outputs[:, None] * layer.stride + taps - before
    inside = ((at >= 0) & (at < places)).all(axis=-1)
    flat = at @ np.array([prod(places[axis + 1 :]) for axis in range(len(places))])
    return np.where(inside, flat, -1)


def covered_features(placed: Placed, places: tuple[int, ...]) -> Ints:
    """Likewise of inputs that hold one channel after the other: the feature in each weight's place.

    Returns:
        # (output, row of the weights)
    """
    layer = placed.layer
    at = covered_places(layer, places)[:, :, None]
    features = np.where(at >= 0, at + prod(places) * np.arange(layer.channels), -1)
    table = np.full((len(at), placed.weights.shape[0]), -1)
    table[:, placed.true_rows] = features.reshape(len(at), -1)
    return table


class Patches:
    """One convolution's inputs as rows of a product, for one number of rows.

    Args:
        placed: the layer.
        places: of its inputs, in each direction.
        first: whether it is fed with data rather than with maps.
        members: of the cohort.
        rows: of a batch.
    """

    def __init__(
        self, placed: Placed, places: tuple[int, ...], first: bool, members: int, rows: int
    ) -> None:
        find = covered_features if first else lambda placed, at: covered_places(placed.layer, at)
        self._first, self._table = first, find(placed, places)
        layer = placed.layer
        self._channels = layer.channels if placed.unfolded else padded(layer.channels)
        self.values = torch.zeros(members, rows * len(self._table), placed.weights.shape[0])
        self.turned = self.values.transpose(1, 2)
        self._array = self.values.numpy()
        self._deltas = None if first else torch.zeros_like(self.values)

    def gather(self, inputs: Tensor) -> Tensor:
        """The patches.  # (member, row and output, row of the weights).

        Args:
            inputs: data (member, row, feature) or maps (member, row and place, channel).
        """
        if self._first:
            native_maps.gather_numbers(inputs.numpy(), self._table, self._array)
        else:
            native_maps.gather_places(inputs.numpy(), self._table, self._channels, self._array)
        return self.values

    def carry(self, delta: Tensor, turned: Tensor, below: Tensor) -> None:
        """The gradient at the maps.

        Args:
            delta: at the outputs.  # (member, row and output, unit)
            turned: weights.  # (member, unit, row of the weights)
            below: receives it.  # (member, row and place, channel)
        """
        assert self._deltas is not None
        torch.bmm(delta, turned, out=self._deltas)
        deltas = self._deltas.numpy()
        native_maps.scatter_places(deltas, self._table, self._channels, below.numpy())
