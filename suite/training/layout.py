"""Where each layer's weights lie in a member's row of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.initializers import Initializer
from suite.randomness import generator

# Vectorised kernels treat a tail differently, so a member whose sizes are no multiples of sixteen
# floats would differ in the last bit with its company. Padding every size mends it.
BLOCK = 16


def padded(size: int) -> int:
    """`size` rounded up to a whole number of blocks."""
    return -(-size // BLOCK) * BLOCK


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's true sizes and its places in the row: weights first, biases after."""

    fan_in: int
    fan_out: int
    start: int

    @property
    def rows(self) -> int:
        """Padded fan_in."""
        return padded(self.fan_in)

    @property
    def columns(self) -> int:
        """Padded fan_out."""
        return padded(self.fan_out)

    @property
    def bias_start(self) -> int:
        """First place of the biases."""
        return self.start + self.rows * self.columns

    @property
    def end(self) -> int:
        """First place after the layer."""
        return self.bias_start + self.columns

    def weights(self, theta: Tensor) -> Tensor:
        """View of the weights.  # (member, rows, columns)."""
        return theta[:, self.start : self.bias_start].view(-1, self.rows, self.columns)

    def biases(self, theta: Tensor) -> Tensor:
        """View of the biases.  # (member, columns)."""
        return theta[:, self.bias_start : self.end]


@dataclass(frozen=True)
class Layout:
    """The layers of one network, input first."""

    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Length of a member's row, padding included."""
        return self.layers[-1].end

    @property
    def parameters(self) -> int:
        """Trained numbers, padding left out."""
        return sum((layer.fan_in + 1) * layer.fan_out for layer in self.layers)

    @cached_property
    def weight_mask(self) -> NDArray[np.float32]:
        """1 where the row holds a weight, 0 for biases and padding."""
        mask = np.zeros(self.size, dtype=np.float32)
        for layer in self.layers:
            block = mask[layer.start : layer.bias_start].reshape(layer.rows, layer.columns)
            block[: layer.fan_in, : layer.fan_out] = 1
        return mask


def make_layout(shapes: Sequence[tuple[int, int]]) -> Layout:
    """Lay layers of the given (fan_in, fan_out) one after the other."""
    layers: list[Layer] = []
    for fan_in, fan_out in shapes:
        layers.append(Layer(fan_in, fan_out, layers[-1].end if layers else 0))
    return Layout(tuple(layers))


def draw_parameters(
    layout: Layout, initializer: Initializer, gain: float, seed: int
) -> NDArray[np.float64]:
    """One member's first row of parameters; `gain` multiplies the weights, not the biases."""
    row = np.zeros(layout.size)
    for index, layer in enumerate(layout.layers):
        rng = generator(seed, f"weights {index}")
        weights, biases = initializer.draw(rng, layer.fan_in, layer.fan_out)
        block = row[layer.start : layer.bias_start].reshape(layer.rows, layer.columns)
        block[: layer.fan_in, : layer.fan_out] = gain * weights
        row[layer.bias_start : layer.bias_start + layer.fan_out] = biases
    return row


def unpad_parameters(layout: Layout, row: Tensor) -> list[tuple[Tensor, Tensor]]:
    """A member's (weights (fan_in, fan_out), biases (fan_out,)) per layer, padding cut off."""
    theta = row.unsqueeze(0)
    return [
        (
            layer.weights(theta)[0, : layer.fan_in, : layer.fan_out].clone(),
            layer.biases(theta)[0, : layer.fan_out].clone(),
        )
        for layer in layout.layers
    ]


def pad_columns(values: NDArray[np.float32], columns: int) -> Tensor:
    """Append zero columns.  # (n, features) -> (n, columns)."""
    out = torch.zeros(len(values), columns, dtype=torch.float32)
    out[:, : values.shape[1]] = torch.from_numpy(values)
    return out
