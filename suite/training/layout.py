"""Where each layer's numbers lie in a member's row of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.initializers import Fan, Initializer
from suite.parts.networks import Layer
from suite.randomness import generator

# Vectorised kernels treat a tail differently, so a member whose sizes are no multiples of sixteen
# floats would differ in the last bit with its company. Padding every size mends it.
BLOCK = 16


def padded(size: int) -> int:
    """`size` rounded up to a whole number of blocks."""
    return -(-size // BLOCK) * BLOCK


@dataclass(frozen=True, slots=True)
class Field:
    """A layer's numbers of one kind: where they start in the row and their padded shape."""

    start: int
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        """First place after the field."""
        return self.start + prod(self.shape)

    def view(self, theta: Tensor) -> Tensor:
        """The field of every member.  # (member, *shape)."""
        return theta[:, self.start : self.end].view(-1, *self.shape)


@dataclass(frozen=True)
class Placed:
    """A layer with its fields.

    Attributes:
        layer: its true sizes.
        weights: (tap and channel, unit), padded.
        biases: (columns,).
        gains: one (columns,) for each normalization.
        shifts: likewise.
        slope: (BLOCK,), of which the first is used; None where the activation has none.
    """

    layer: Layer
    weights: Field
    biases: Field
    gains: tuple[Field, ...]
    shifts: tuple[Field, ...]
    slope: Field | None

    @property
    def columns(self) -> int:
        """Units, padded."""
        return self.weights.shape[1]

    @property
    def unfolded(self) -> bool:
        """Whether a convolution runs as a product with its inputs' patches."""
        return unfolded(self.layer)

    @cached_property
    def true_rows(self) -> NDArray[np.int64]:
        """Where the weights' rows (tap and channel) lie in the padded field.  # (fan_in,)."""
        if self.unfolded:
            return np.arange(self.layer.fan_in)
        starts = padded(self.layer.channels) * np.arange(self.layer.taps)
        return (starts[:, None] + np.arange(self.layer.channels)).reshape(-1)

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields in the order of the row."""
        extra = () if self.slope is None else (self.slope,)
        return (self.weights, self.biases, *self.gains, *self.shifts, *extra)


def unfolded(layer: Layer) -> bool:
    """Few channels fill a block better with their patches than each by itself."""
    return bool(layer.kernel) and layer.channels < BLOCK


def _rows(layer: Layer) -> int:
    if unfolded(layer):
        return padded(layer.fan_in)
    return padded(layer.channels) * layer.taps


@dataclass(frozen=True)
class Layout:
    """The layers of one network, input first."""

    layers: tuple[Placed, ...]

    @property
    def size(self) -> int:
        """Length of a member's row, padding included."""
        return self.layers[-1].fields[-1].end

    @property
    def parameters(self) -> int:
        """Trained numbers, padding left out."""
        return sum(
            (p.layer.fan_in + 1 + len(p.gains) + len(p.shifts)) * p.layer.units
            + (p.slope is not None)
            for p in self.layers
        )

    @property
    def norms(self) -> int:
        """Normalizations of each hidden layer."""
        return len(self.layers[0].gains)

    @cached_property
    def weight_mask(self) -> NDArray[np.float32]:
        """1 where the row holds a weight, 0 for everything else and padding."""
        mask = np.zeros(self.size, dtype=np.float32)
        for placed in self.layers:
            field = placed.weights
            block = mask[field.start : field.end].reshape(field.shape)
            block[placed.true_rows, : placed.layer.units] = 1
        return mask


def make_layout(layers: Sequence[Layer], norms: int = 0, slope: bool = False) -> Layout:
    """Lay layers one after the other; hidden ones with their normalizations and slope."""
    placed: list[Placed] = []
    start = 0
    for index, layer in enumerate(layers):
        hidden = index < len(layers) - 1
        one = _place(layer, start, norms if hidden else 0, slope and hidden)
        placed.append(one)
        start = one.fields[-1].end
    return Layout(tuple(placed))


def _place(layer: Layer, start: int, norms: int, slope: bool) -> Placed:
    columns = padded(layer.units)
    shapes = [(_rows(layer), columns), *[(columns,)] * (1 + 2 * norms), *[(BLOCK,)] * slope]
    fields = []
    for shape in shapes:
        fields.append(Field(start, shape))
        start = fields[-1].end
    return Placed(
        layer=layer,
        weights=fields[0],
        biases=fields[1],
        gains=tuple(fields[2 : 2 + norms]),
        shifts=tuple(fields[2 + norms : 2 + 2 * norms]),
        slope=fields[-1] if slope else None,
    )


def draw_parameters(
    layout: Layout, initializer: Initializer, gain: float, seed: int, slope: float | None = None
) -> NDArray[np.float64]:
    """One member's first row of parameters.

    `gain` multiplies the weights, not the biases; normalizations start as the identity, and
    `slope` is the first value of an activation's trained number.
    """
    row = np.zeros(layout.size)
    for index, placed in enumerate(layout.layers):
        rng, layer = generator(seed, f"weights {index}"), placed.layer
        fan = Fan(layer.fan_in, layer.fan_out, layer.units)
        weights, biases = initializer.draw(rng, fan)
        block = row[placed.weights.start : placed.weights.end].reshape(placed.weights.shape)
        block[placed.true_rows, : layer.units] = gain * weights
        row[placed.biases.start :][: layer.units] = biases
        for field in placed.gains:
            row[field.start :][: layer.units] = 1
        if placed.slope is not None and slope is not None:
            row[placed.slope.start] = slope
    return row


def unpad_parameters(layout: Layout, row: Tensor) -> list[tuple[Tensor, Tensor]]:
    """A member's (weights (fan_in, units), biases (units,)) per layer, padding cut off."""
    theta = row.unsqueeze(0)
    return [
        (
            placed.weights.view(theta)[0, placed.true_rows, : placed.layer.units].clone(),
            placed.biases.view(theta)[0, : placed.layer.units].clone(),
        )
        for placed in layout.layers
    ]


def pad_columns(values: NDArray[np.float32], columns: int) -> Tensor:
    """Append zero columns.  # (n, features) -> (n, columns)."""
    out = torch.zeros(len(values), columns, dtype=torch.float32)
    out[:, : values.shape[1]] = torch.from_numpy(values)
    return out
