"""Convolutions of stacked maps as sums of products, one for each tap of the kernel.

Stacked products give a member the same bits whatever its company, which grouped convolutions do
not. Maps are (member, row, place..., channel).
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from suite.parts.networks import Layer
from suite.training.layout import Placed, padded


def convolve(placed: Placed, maps: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """The convolution of every member's maps with its own kernels.

    Args:
        placed: the layer.
        maps: (member, row, place..., channel).
        weights: (member, tap and channel, unit).
        biases: (member, unit).
    """
    # Inputs come without padding channels, maps of hidden layers with them.
    channels = placed.layer.channels if placed.unfolded else padded(placed.layer.channels)
    margined = functional.pad(maps, [0, channels - maps.shape[-1], *_margins(placed.layer)])
    convolved: Callable[..., Tensor] = _by_patches if placed.unfolded else _Taps.apply
    out = convolved(margined, weights, placed) + biases.unsqueeze(1)
    return split_axis(out, 1, (maps.shape[1], *placed.layer.maps))


def split_axis(values: Tensor, axis: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis as several."""
    return values.reshape(*values.shape[:axis], *sizes, *values.shape[axis + 1 :])


def _margins(layer: Layer) -> list[int]:
    """Zeros around the places, the last direction first."""
    margins: list[int] = []
    for size in reversed(layer.kernel):
        total = max(size - layer.stride, 0)
        margins += [total // 2, total - total // 2]
    return margins


def _offsets(layer: Layer) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, layer.kernel))


def every(maps: Tensor, offsets: tuple[int, ...], layer: Layer) -> Tensor:
    """As many places as the layer has outputs, `stride` apart, from an offset on; a view."""
    for axis, (offset, size) in enumerate(zip(offsets, layer.maps, strict=True), start=2):
        reach = layer.stride * (size - 1) + 1
        places = (slice(None),) * axis + (slice(offset, offset + reach, layer.stride),)
        maps = maps[places]
    return maps


def _by_patches(maps: Tensor, weights: Tensor, placed: Placed) -> Tensor:
    """One product with the patches under the kernel, which suits few channels."""
    taps = [every(maps, offsets, placed.layer) for offsets in _offsets(placed.layer)]
    patches = torch.cat(taps, dim=-1).flatten(1, -2)
    return torch.bmm(functional.pad(patches, (0, weights.shape[1] - patches.shape[-1])), weights)


def _by_taps(maps: Tensor, weights: Tensor, placed: Placed) -> Tensor:
    """A sum of products, one for each tap."""
    out = None
    kernels = weights.chunk(placed.layer.taps, dim=1)
    for offsets, kernel in zip(_offsets(placed.layer), kernels, strict=True):
        tap = every(maps, offsets, placed.layer).flatten(1, -2)
        out = torch.bmm(tap, kernel) if out is None else torch.baddbmm(out, tap, kernel)
    assert out is not None
    return out


class _Taps(torch.autograd.Function):
    """`_by_taps` with a backward pass that adds where autograd would fill whole maps with zeros."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weights: Tensor, placed: Placed) -> Tensor:
        """The sum of products."""
        ctx.save_for_backward(maps, weights)
        ctx.placed = placed
        return _by_taps(maps, weights, placed)

    @staticmethod
    def backward(ctx: Any, *deltas: Tensor) -> tuple[Tensor | None, Tensor, None]:
        """Gradients of maps and weights."""
        (delta,), (maps, weights), placed = deltas, ctx.saved_tensors, ctx.placed
        if torch.is_grad_enabled():
            # Asked for derivatives of derivatives, which autograd takes of the plain sum. A
            # network's inputs have none; they are asked for and thrown away.
            maps = maps if maps.requires_grad else maps.detach().requires_grad_()
            gradients = torch.autograd.grad(
                _by_taps(maps, weights, placed), (maps, weights), delta, create_graph=True
            )
            return gradients[0], gradients[1], None
        to_weights = _taps_to_weights(maps, weights, delta, placed)
        # The first layer's maps are data.
        wanted = ctx.needs_input_grad[0]
        return _taps_to_maps(maps, weights, delta, placed) if wanted else None, to_weights, None


def _taps_to_weights(maps: Tensor, weights: Tensor, delta: Tensor, placed: Placed) -> Tensor:
    to_weights = torch.empty_like(weights)
    slots = to_weights.chunk(placed.layer.taps, dim=1)
    for offsets, slot in zip(_offsets(placed.layer), slots, strict=True):
        tap = every(maps, offsets, placed.layer).flatten(1, -2)
        slot.copy_(torch.bmm(tap.transpose(1, 2), delta))
    return to_weights


def _taps_to_maps(maps: Tensor, weights: Tensor, delta: Tensor, placed: Placed) -> Tensor:
    to_maps = torch.zeros_like(maps)
    kernels = weights.chunk(placed.layer.taps, dim=1)
    for offsets, kernel in zip(_offsets(placed.layer), kernels, strict=True):
        reached = every(to_maps, offsets, placed.layer)
        reached.add_(torch.bmm(delta, kernel.transpose(1, 2)).view(reached.shape))
    return to_maps
