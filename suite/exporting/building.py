"""A member's row of parameters as a module with torch's own layers."""

import torch
from torch import Tensor, nn

from suite.exporting.modules import Bend, Convolution, Network
from suite.parts.networks import Layer
from suite.training.layout import unpad_parameters
from suite.training.model import Model, Parameters
from suite.training.normalization import Statistics

_POOLS: dict[tuple[str, int], type[nn.Module]] = {
    ("max", 1): nn.MaxPool1d,
    ("max", 2): nn.MaxPool2d,
    ("average", 1): nn.AvgPool1d,
    ("average", 2): nn.AvgPool2d,
}


@torch.no_grad()
def build(model: Model, theta: Tensor, statistics: Tensor) -> Network:
    """The module of one network, in evaluation mode.

    Args:
        model: its structure.
        theta: its parameters, padded.  # (parameter,)
        statistics: what batch normalization remembers, padded.  # (number,)
    """
    parameters = Parameters(model.layout, theta.unsqueeze(0))
    running = Statistics(model.layout, parameters.theta, statistics.unsqueeze(0))
    pairs = unpad_parameters(model.layout, theta)
    layers = [placed.layer for placed in model.layout.layers]
    weighing = [_weigh(layer, *pair) for layer, pair in zip(layers, pairs, strict=True)]
    last = weighing.pop()
    assert isinstance(last, nn.Linear)
    module = Network(
        family=model.network.forward,
        shape=model.shape,
        weights=weighing,
        bends=[_bend(model, parameters, running, index) for index in range(model.hidden)],
        pools=[_pool(model, layer) for layer in layers[:-1]],
        last=last,
        averages=model.pooling == "global_average",
    )
    return module.eval()


def _weigh(layer: Layer, weights: Tensor, biases: Tensor) -> nn.Module:
    """`weights` are (tap and channel, unit)."""
    if not layer.kernel:
        dense = nn.Linear(layer.fan_in, layer.units)
        dense.weight.copy_(weights.T)
        dense.bias.copy_(biases)
        return dense
    module = Convolution(layer.channels, layer.units, layer.kernel, layer.stride, layer.maps)
    kernels = weights.view(*layer.kernel, layer.channels, layer.units)
    state = {"weight": kernels.movedim((-1, -2), (0, 1)), "bias": biases}
    module.convolve.load_state_dict(state)
    return module


def _bend(model: Model, parameters: Parameters, running: Statistics, index: int) -> nn.Module:
    layer, steps = model.layout.layers[index].layer, []
    for norm, name in enumerate(model.norms):
        kind = _batch_norm if name == "batch_norm" else _layer_norm
        module = kind(layer, running, index)
        gain, shift = parameters.gains[index][norm], parameters.shifts[index][norm]
        numbers = {"weight": gain[0, : layer.units], "bias": shift[0, : layer.units]}
        module.load_state_dict(numbers, strict=False)
        steps.append(module)
    slope = parameters.slopes[index]
    first = None if slope is None else float(slope[0, 0])
    return nn.Sequential(*steps, Bend(model.activation.function, first))


def _batch_norm(layer: Layer, running: Statistics, index: int) -> nn.Module:
    kind = nn.BatchNorm2d if len(layer.maps) == 2 else nn.BatchNorm1d
    module = kind(layer.units)
    moments = running.of(index)
    numbers = {"running_mean": moments.mean, "running_var": moments.variance}
    module.load_state_dict(
        {name: values[0, : layer.units] for name, values in numbers.items()}, strict=False
    )
    return module


def _layer_norm(layer: Layer, _running: Statistics, _index: int) -> nn.Module:
    # Over units and places, which is one group of channels.
    return nn.GroupNorm(1, layer.units) if layer.maps else nn.LayerNorm(layer.units)


def _pool(model: Model, layer: Layer) -> nn.Module:
    if layer.window == 1:
        return nn.Identity()
    return _POOLS[model.pooling, len(layer.maps)](layer.window)
