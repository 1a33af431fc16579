"""Batch and layer normalization of stacked layers."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from suite.training.layout import Layout, Placed

# As torch.nn.BatchNorm1d and LayerNorm have them.
EPSILON = 1e-5
UPDATE_SHARE = 0.1


class Rows(NamedTuple):
    """Which rows of a batch are true: their number, and weights (row, 1), 1/number or 0."""

    weights: Tensor
    true: int

    def at_each(self, places: int) -> "Rows":
        """The same for rows that stand for every place of a map."""
        if places == 1:
            return self
        return Rows(self.weights.repeat_interleave(places, dim=0) / places, self.true * places)


@dataclass(frozen=True, slots=True)
class Running:
    """Running mean and variance of one hidden layer's units.  # (member, column)."""

    mean: Tensor
    variance: Tensor


class Statistics:
    """The running statistics of every member: a matrix with one row a member, no optimizer's.

    Args:
        layout: of the networks.
        values: (member, number); None starts with means of 0 and variances of 1.
        like: gives members, precision and device.
    """

    def __init__(self, layout: Layout, like: Tensor, values: Tensor | None = None) -> None:
        columns = [placed.columns for placed in layout.layers[:-1]]
        if values is None:
            one = [torch.tensor([0.0, 1.0]).repeat_interleave(count) for count in columns]
            row = torch.cat([torch.empty(0), *one]).to(like)
            values = row.repeat(len(like), 1)
        self.values = values
        pieces = torch.split(values, [2 * count for count in columns], dim=1) if columns else ()
        self._layers = [Running(*piece.chunk(2, dim=1)) for piece in pieces]

    def of(self, index: int) -> Running:
        """Of one hidden layer."""
        return self._layers[index]


def normalize(
    name: str,
    values: Tensor,
    placed: Placed,
    running: Running,
    rows: Rows | None,
    places: int,
) -> Tensor:
    """Values with mean 0 and variance 1, padding units zero.

    Args:
        name: batch_norm (over rows and places) or layer_norm (over units and places).
        values: (member, row and place, unit).
        placed: the layer.
        running: what batch normalization uses in evaluation and updates in training.
        rows: the batch's rows and places in training, None in evaluation.
        places: of a map; 1 for a dense layer.
    """
    if name == "layer_norm":
        return _over_units(values, placed, places)
    if rows is None:
        centred = values - running.mean.unsqueeze(1)
        return centred * (running.variance.unsqueeze(1) + EPSILON).rsqrt()
    mean = (values * rows.weights).sum(dim=1)
    centred = values - mean.unsqueeze(1)
    variance = (centred.square() * rows.weights).sum(dim=1)
    _update(running, mean.detach(), variance.detach(), rows.true)
    return centred * (variance.unsqueeze(1) + EPSILON).rsqrt()


def _update(running: Running, mean: Tensor, variance: Tensor, count: int) -> None:
    with torch.no_grad():
        running.mean.lerp_(mean, UPDATE_SHARE)
        running.variance.lerp_(variance * (count / max(count - 1, 1)), UPDATE_SHARE)


def _over_units(values: Tensor, placed: Placed, places: int) -> Tensor:
    """Each row by itself."""
    units = placed.layer.units
    mask = (torch.arange(values.shape[2], device=values.device) < units).to(values.dtype)
    # Padding units hold zeros; the mask keeps them out of the mean's derivative, too.
    rows = (values * mask).reshape(len(values), -1, places, values.shape[2])
    count = units * places
    centred = (rows - rows.sum(dim=(2, 3), keepdim=True) / count) * mask
    variance = centred.square().sum(dim=(2, 3), keepdim=True) / count
    return (centred * (variance + EPSILON).rsqrt()).flatten(1, 2)
