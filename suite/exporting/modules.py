"""One network as torch.nn has it; nothing here needs the rest of the suite to be loaded again."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Scale(nn.Module):
    """The preprocessing: rows as the data set has them become what networks are trained on."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.mean = nn.Buffer(mean)
        self.scale = nn.Buffer(scale)

    def forward(self, rows: Tensor) -> Tensor:
        """(row, feature)."""
        # In float64 until the end, as the split was made.
        return ((rows.double() - self.mean) * self.scale).float()


class Bend(nn.Module):
    """An activation; `slope` is its trained number, where it has one."""

    def __init__(self, function: Callable[..., Tensor], slope: float | None) -> None:
        super().__init__()
        self.function = function
        self.slope = None if slope is None else nn.Parameter(torch.tensor([slope]))

    def forward(self, values: Tensor) -> Tensor:
        """Of any shape."""
        return self.function(values, *([] if self.slope is None else [self.slope]))


class Convolution(nn.Module):
    """A convolution with zeros around its maps, as many as its outputs' places need.

    Args:
        channels: that come in.
        units: channels that go out.
        kernel: places in each direction.
        stride: places from one output to the next.
        maps: places of the outputs.
    """

    def __init__(
        self, channels: int, units: int, kernel: tuple[int, ...], stride: int, maps: tuple[int, ...]
    ) -> None:
        super().__init__()
        kinds: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
        self.convolve = kinds[len(kernel)](channels, units, kernel, stride)
        self.kernel, self.stride, self.maps = kernel, stride, maps

    def forward(self, values: Tensor) -> Tensor:
        """(row, channel, place...)."""
        margins: list[int] = []
        for size, count, places in zip(self.kernel, self.maps, values.shape[2:], strict=True):
            before = max(size - self.stride, 0) // 2
            after = self.stride * (count - 1) + size - places - before
            # torch counts from the last direction; less than no margin cuts a place off.
            margins = [before, after, *margins]
        convolved: Tensor = self.convolve(functional.pad(values, margins))
        return convolved

    def at_outputs(self, values: Tensor) -> Tensor:
        """The inputs at the places of the outputs."""
        places = [slice(0, self.stride * (count - 1) + 1, self.stride) for count in self.maps]
        return values[(slice(None), slice(None), *places)]


class Network(nn.Module):
    """One network: rows in, outputs out.

    For classes the outputs are the scores of each; for values they are standardised.

    Args:
        family: how inputs run through the layers, as the suite's family of networks says.
        shape: of one input.
        weights: of each hidden layer.
        bends: normalizations and activation of each hidden layer.
        pools: what shrinks each hidden layer's maps.
        last: the output layer.
        averages: whether the last maps' means over all places feed the output layer.
    """

    def __init__(
        self,
        family: Callable[[Any, Tensor], Tensor],
        shape: tuple[int, ...],
        weights: list[nn.Module],
        bends: list[nn.Module],
        pools: list[nn.Module],
        last: nn.Linear,
        averages: bool,
    ) -> None:
        super().__init__()
        self.family, self.shape, self.averages, self.depth = family, shape, averages, len(weights)
        self.scale: nn.Module = nn.Identity()
        self.weights, self.bends = nn.ModuleList(weights), nn.ModuleList(bends)
        self.pools, self.last = nn.ModuleList(pools), last

    def forward(self, rows: Tensor) -> Tensor:
        """(row, feature) -> (row, output)."""
        return self.family(self, self.scale(rows))

    def hidden(self, index: int, inputs: Tensor) -> Tensor:
        """One hidden layer."""
        weigh = self.weights[index]
        if isinstance(weigh, Convolution) and inputs.dim() == 2:
            inputs = inputs.reshape(-1, *self.shape)  # (row, channel, place...)
        values: Tensor = self.bends[index](weigh(inputs))
        return values

    def output(self, inputs: Tensor) -> Tensor:
        """The output layer."""
        values: Tensor = self.last(inputs)
        return values

    def shrink(self, index: int, maps: Tensor) -> Tensor:
        """Pooling."""
        values: Tensor = self.pools[index](maps)
        return values

    def flatten(self, maps: Tensor) -> Tensor:
        """Maps as features, place after place."""
        if maps.dim() == 2:
            return maps
        flat = maps.movedim(1, -1).flatten(1, -2)  # (row, place, channel)
        return flat.mean(dim=1) if self.averages else flat.flatten(1)

    def shortcut(self, index: int, inputs: Tensor) -> Tensor:
        """The maps that a hidden layer is fed, at the places of its outputs."""
        weigh = self.weights[index]
        return weigh.at_outputs(inputs) if isinstance(weigh, Convolution) else inputs
