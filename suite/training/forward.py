"""One pass of a cohort's inputs through its networks, in torch operators that autograd follows.

Dense layers hold (member, row, unit), maps (member, row, place..., channel). Padding rows and units
carry zeros.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

from suite.training.convolution import convolve, every, split_axis
from suite.training.layout import Placed
from suite.training.model import Model, Parameters
from suite.training.normalization import Rows, Statistics, normalize
from suite.training.pooling import pool


@dataclass(frozen=True, slots=True)
class Drop:
    """What dropout does to a layer: `activations * scale + shift`, (member, row, unit) each."""

    scale: Tensor
    shift: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a pass leaves of its layers, for the probes; the output layer's are its outputs.

    Attributes:
        preactivations: of every layer.
        activations: of every layer.
        read: one item, what the output layer is fed: the last layer's maps pooled and in a row.
    """

    preactivations: list[Tensor]
    activations: list[Tensor]
    read: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Networks:
    """A cohort's networks: their common structure and every member's numbers."""

    model: Model
    parameters: Parameters
    statistics: Statistics

    def outputs(self, inputs: Tensor) -> Tensor:
        """Outputs in evaluation mode.  # (member, row, padded feature) -> (..., padded output)."""
        return Pass(self).run(inputs)


class Pass:
    """A pass in evaluation mode, or in training mode where `rows` is given.

    Args:
        networks: what the inputs run through.
        rows: the batch's.
        drops: one for each hidden layer; empty for no dropout.
        record: where to keep each layer's pre-activations and activations.
    """

    def __init__(
        self,
        networks: Networks,
        rows: Rows | None = None,
        drops: Sequence[Drop] = (),
        record: Record | None = None,
    ) -> None:
        self.depth = networks.model.hidden
        self._model = networks.model
        self._parameters = networks.parameters
        self._statistics = networks.statistics
        self._rows = rows
        self._drops = drops
        self._record = record

    def run(self, inputs: Tensor) -> Tensor:
        """Outputs (member, row, padded output) of inputs (member, row, padded feature)."""
        return self._model.network.forward(self, inputs)

    def hidden(self, index: int, inputs: Tensor) -> Tensor:
        """Weights, normalization, activation and dropout of one hidden layer."""
        values = self._weigh(index, inputs)
        places = values.shape[2:-1]
        # To what comes next, a place is one more row.
        activations = self._drop(index, self._bend(index, values.flatten(1, -2), places.numel()))
        return split_axis(activations, 1, tuple(values.shape[1:-1])) if places else activations

    def _bend(self, index: int, values: Tensor, places: int) -> Tensor:
        """Normalization and activation of (member, row and place, unit)."""
        parameters, placed = self._parameters, self._model.layout.layers[index]
        rows = None if self._rows is None else self._rows.at_each(places)
        for norm, name in enumerate(self._model.norms):
            gain, shift = parameters.gains[index][norm], parameters.shifts[index][norm]
            values = normalize(name, values, placed, self._statistics.of(index), rows, places)
            values = values * gain.unsqueeze(1) + shift.unsqueeze(1)
        slope = parameters.slopes[index]
        extra = () if slope is None else (slope[:, :1].unsqueeze(1),)
        activations = self._model.activation.function(values, *extra)
        if self._model.masked:
            activations = activations * unit_mask(placed, activations)
        if self._record:
            self._record.preactivations.append(values)
            self._record.activations.append(activations)
        return activations

    def output(self, inputs: Tensor) -> Tensor:
        """The output layer."""
        outputs = self._weigh(self.depth, inputs)
        if self._record:
            self._record.read.append(inputs)
            self._record.preactivations.append(outputs)
            self._record.activations.append(outputs)
        return outputs

    def _weigh(self, index: int, inputs: Tensor) -> Tensor:
        placed = self._model.layout.layers[index]
        weights, biases = self._parameters.weights[index], self._parameters.biases[index]
        if not placed.layer.kernel:
            return torch.baddbmm(biases.unsqueeze(1), inputs, weights)
        if inputs.dim() == 3:
            inputs = _as_maps(inputs, self._model.shape)
        return convolve(placed, inputs, weights, biases)

    def _drop(self, index: int, activations: Tensor) -> Tensor:
        if not self._drops:
            return activations
        drop, placed = self._drops[index], self._model.layout.layers[index]
        dropped = activations * drop.scale
        if drop.shift is None:
            return dropped
        return (dropped + drop.shift) * unit_mask(placed, activations)

    def shrink(self, index: int, maps: Tensor) -> Tensor:
        """Pool the maps of a hidden layer where the recipe says so."""
        window = self._model.layout.layers[index].layer.window
        if window == 1:
            return maps
        return pool(self._model.pooling, maps, window)

    def flatten(self, maps: Tensor) -> Tensor:
        """Maps as features (member, row, place and channel)."""
        if maps.dim() == 3:
            return maps
        flat = maps.flatten(2, -2)
        return flat.mean(dim=2) if self._model.pooling == "global_average" else flat.flatten(2)

    def shortcut(self, index: int, inputs: Tensor) -> Tensor:
        """The maps that a hidden layer is fed, at the places of its outputs."""
        layer = self._model.layout.layers[index].layer
        return every(inputs, (0,) * len(layer.maps), layer)


def unit_mask(placed: Placed, like: Tensor) -> Tensor:
    """1 for true units, 0 for padding.  # (unit,)."""
    return (torch.arange(placed.columns, device=like.device) < placed.layer.units).to(like.dtype)


def _as_maps(inputs: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(member, row, place..., channel) of flat inputs that hold one channel after the other."""
    places = shape[1:]
    # One channel is last as it is, and in strides that convolutions take as they are.
    order = (*places, 1) if shape[0] == 1 else shape
    maps = split_axis(inputs[..., : prod(shape)], 2, order)
    return maps if shape[0] == 1 else maps.movedim(2, -1)
