"""Convolutions of stacked maps, so that a member has the same bits whatever its company.

Grouped convolutions would not give it those. Large images in float32 on a CPU are convolved member
by member, which keeps their maps in the cache; else a convolution is a sum of stacked products, one
for each tap of the kernel. Maps are (member, row, place..., channel).
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from suite.parts.networks import Layer
from suite.training.layout import Placed, padded, unfolded

# Places of an image from which on company does not pay for itself (measured).
LARGE_MAP = 40


def convolve(placed: Placed, maps: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """The convolution of every member's maps with its own kernels.

    Args:
        placed: the layer.
        maps: (member, row, place..., channel).
        weights: (member, tap and channel, unit).
        biases: (member, unit).
    """
    if _is_native(maps, placed.layer):
        return _one_by_one(placed.layer, maps, weights, biases)
    # Inputs come without padding channels, maps of hidden layers with them.
    channels = placed.layer.channels if placed.unfolded else padded(placed.layer.channels)
    margined = functional.pad(maps, [0, channels - maps.shape[-1], *_margins(placed.layer)])
    convolved: Callable[..., Tensor] = _by_patches if placed.unfolded else _Taps.apply
    out = convolved(margined, weights, placed) + biases.unsqueeze(1)
    return split_axis(out, 1, (maps.shape[1], *placed.layer.maps))


def _is_native(maps: Tensor, layer: Layer) -> bool:
    """Whether torch's own convolution is the way; float64 is for checks and probes alone."""
    large = len(layer.kernel) == 2 and prod(layer.maps) >= LARGE_MAP
    return large and maps.device.type == "cpu" and maps.dtype == torch.float32


def _one_by_one(layer: Layer, maps: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """Every member's maps under its own kernels by torch's convolution, channels last."""
    channels = layer.channels if unfolded(layer) else padded(layer.channels)
    maps, margin = _margined(layer, maps, channels)
    sizes = (*layer.kernel, channels)
    kernels = split_axis(weights[:, : prod(sizes)], 1, sizes).movedim(-1, 1).movedim(-1, 2)
    convolved = [
        functional.conv2d(own.movedim(-1, 1), kernel, bias, layer.stride, margin)
        for own, kernel, bias in zip(each(maps), each(kernels), each(biases), strict=True)
    ]
    return together([own.movedim(1, -1) for own in convolved])


def _margined(layer: Layer, maps: Tensor, channels: int) -> tuple[Tensor, list[int]]:
    """Maps, and the zeros around them that torch's convolution shall add, the same on both sides.

    It adds the others slowly, so these come into the maps here, with padding channels.
    """
    margins: list[list[int]] = []
    for places, size, outputs in zip(maps.shape[2:-1], layer.kernel, layer.maps, strict=True):
        before = max(size - layer.stride, 0) // 2
        margins.append([before, layer.stride * (outputs - 1) + size - before - places])
    inside = all(before == after for before, after in margins)
    if inside and channels == maps.shape[-1]:
        return maps, [before for before, _ in margins]
    around = [number for margin in reversed(margins) for number in margin]
    return functional.pad(maps, [0, channels - maps.shape[-1], *around]), [0] * len(margins)


def each(values: Tensor) -> Sequence[Tensor]:
    """Every member's values; without a copy in the gradient where there is one member."""
    return (values.squeeze(0),) if len(values) == 1 else values.unbind(0)


def together(values: Sequence[Tensor]) -> Tensor:
    """The members' values stacked; a view where there is one member."""
    return values[0].unsqueeze(0) if len(values) == 1 else torch.stack(list(values))


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
        # The first layer's maps are data.
        to_maps = ctx.needs_input_grad[0]
        if torch.is_grad_enabled():
            # Asked for derivatives of derivatives, which autograd takes of the plain sum.
            out, wanted = _by_taps(maps, weights, placed), [maps, weights][not to_maps :]
            gradients = torch.autograd.grad(out, wanted, delta, create_graph=True)
            return (gradients[0] if to_maps else None), gradients[-1], None
        to_weights = _taps_to_weights(maps, weights, delta, placed)
        return _taps_to_maps(maps, weights, delta, placed) if to_maps else None, to_weights, None


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
