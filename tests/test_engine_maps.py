"""Convolutions and pooling of stacked maps, against sums written out and in any company."""

from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
import pytest
import torch

from suite.parts.networks import Sizes, convolutional_layers
from suite.training.convolution import convolve
from suite.training.fitting import fit
from suite.training.layout import make_layout
from suite.training.pooling import pool
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

MEMBERS, ROWS = 3, 4
# Large images go another way than small ones and signals.
SHAPES = [(1, 9), (3, 15, 14), (1, 8, 7), (1, 5, 6), (17, 13, 14), (20, 11)]
KERNELS = [(1, "stride"), (2, "stride"), (3, "stride"), (4, "max"), (3, "max"), (1, "max")]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer_of(shape: tuple[int, ...], size: int, pooling: str):
    layers = convolutional_layers(
        Sizes(shape, 2, depth=2, width=5, kernel_size=size, pooling=pooling)
    )
    return make_layout(layers).layers[0]


def tensors(placed, shape: tuple[int, ...], members: int = MEMBERS) -> list[torch.Tensor]:
    """Maps, weights and biases, with zeros where the layout pads."""
    weights = torch.zeros(members, *placed.weights.shape)
    weights[:, placed.true_rows, :5] = normal(members, placed.layer.fan_in, 5, seed=1)
    biases = torch.zeros(members, placed.columns)
    biases[:, :5] = normal(members, 5, seed=2)
    return [normal(members, ROWS, *shape[1:], shape[0]), weights, biases]


def by_definition(placed, maps, weights, biases) -> np.ndarray:
    """Every place's sum over the kernel, in float64; outside the map there are zeros."""
    layer, values = placed.layer, maps.double().numpy()
    before = [max(size - layer.stride, 0) // 2 for size in layer.kernel]
    own = weights[:, placed.true_rows].double().numpy()
    kernels = own.reshape(len(own), *layer.kernel, layer.channels, -1)
    out = np.tile(biases.double().numpy()[:, None, None], (1, ROWS, prod(layer.maps), 1))
    for at, place in enumerate(product(*map(range, layer.maps))):
        for tap in product(*map(range, layer.kernel)):
            source = [layer.stride * p + t - b for p, t, b in zip(place, tap, before, strict=True)]
            if all(0 <= s < size for s, size in zip(source, values.shape[2:-1], strict=True)):
                fed, kernel = values[:, :, *source], kernels[:, *tap]
                out[:, :, at] += np.einsum("mrc,mcu->mru", fed, kernel)
    return out.reshape(len(own), ROWS, *layer.maps, -1)


@pytest.mark.parametrize(("size", "pooling"), KERNELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_convolution_is_its_sum_in_both_precisions(shape, size, pooling) -> None:
    placed = layer_of(shape, size, pooling)
    values = tensors(placed, shape)
    expected = by_definition(placed, *values)
    np.testing.assert_allclose(convolve(placed, *values).numpy(), expected, rtol=1e-5, atol=5e-5)
    twice = convolve(placed, *(value.double() for value in values))
    np.testing.assert_allclose(twice.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("size", "pooling"), KERNELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_in_float32_are_those_of_the_sum_of_products(shape, size, pooling) -> None:
    placed = layer_of(shape, size, pooling)
    start = tensors(placed, shape)
    found = []
    for dtype in (torch.float32, torch.float64):
        values = [value.to(dtype).requires_grad_() for value in start]
        found.append(torch.autograd.grad(convolve(placed, *values).tanh().sum(), values))
    for actual, expected in zip(*found, strict=True):
        torch.testing.assert_close(actual.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_company_changes_no_bit_of_a_convolution(shape) -> None:
    placed = layer_of(shape, 3, "max")
    whole = tensors(placed, shape)
    alone = [value[1:2].clone() for value in whole]
    ends = []
    for values in (whole, alone):
        leaves = [value.requires_grad_() for value in values]
        out = convolve(placed, *leaves)
        ends.append([out, *torch.autograd.grad(out.square().sum(), leaves)])
    for together, single in zip(*ends, strict=True):
        assert torch.equal(together[1:2], single)


def largest(maps: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first largest place of each window of two, in reading order, and what reaches it."""
    pooled, gradient = np.zeros(delta.shape, np.float32), np.zeros(maps.shape, np.float32)
    for place in product(*map(range, delta.shape[2:-1])):
        window = [range(2 * start, 2 * start + 2) for start in place]
        for member, row, unit in product(*map(range, (*delta.shape[:2], delta.shape[-1]))):
            best = max(product(*window), key=lambda at: maps[member, row, *at, unit])
            pooled[member, row, *place, unit] = maps[member, row, *best, unit]
            gradient[member, row, *best, unit] = delta[member, row, *place, unit]
    return pooled, gradient


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("places", [(6,), (7,), (4, 6), (5, 7), (2, 2)], ids=str)
def test_a_tie_gives_all_of_the_gradient_to_the_first(places, dtype) -> None:
    """Of values that are whole numbers from -1 to 1, most windows have several largest."""
    maps = normal(2, 3, *places, 16).clamp(-1, 1).round().to(dtype).requires_grad_()
    pooled = pool("max", maps, 2)
    delta = normal(*pooled.shape, seed=1).to(dtype)
    expected, gradient = largest(maps.detach().float().numpy(), delta.float().numpy())
    np.testing.assert_array_equal(pooled.detach().numpy(), expected)
    np.testing.assert_array_equal(torch.autograd.grad(pooled, maps, delta)[0].numpy(), gradient)


def test_means_and_what_is_not_a_number() -> None:
    maps = normal(2, 3, 5, 4, 16)
    windows = maps[:, :, :4].reshape(2, 3, 2, 2, 2, 2, 16)
    torch.testing.assert_close(pool("average", maps, 2), windows.mean(dim=(3, 5)))
    maps[0, 1, 2, 3, 4] = torch.nan
    for name in ("max", "average"):
        broken = pool(name, maps, 2).isnan()
        assert broken.nonzero().tolist() == [[0, 1, 1, 1, 4]]


@pytest.mark.parametrize("pooling", ["stride", "max", "average"])
@pytest.mark.parametrize("network", ["convolutional", "residual_convolutional"])
def test_company_changes_no_bit_of_networks_on_large_images(network, pooling, make_split) -> None:
    recipe = {"dataset": "synthetic", "network": network, "pooling": pooling, "width": 17}
    trials = [Trial(**recipe, epochs=2, batch_size=10, seed=s, split=s) for s in range(4)]
    splits = {
        trial.replicate: replace(make_split(trial.seed, features=15 * 15), shape=(1, 15, 15))
        for trial in trials
    }
    stacked = dict(zip(trials, fit(trials, splits), strict=True))
    for chosen in (trials[2:3], trials[:0:-1]):
        for outcome in fit(chosen, splits):
            expected = stacked[outcome.trial]
            assert outcome.metrics == expected.metrics
            assert outcome.histories.value.tobytes() == expected.histories.value.tobytes()
