"""Networks: which layers a depth and a width mean, and how inputs run through them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a network is built for.

    Attributes:
        shape: of one input: (features,), (channels, length) or (channels, height, width).
        outputs: numbers that it gives for one input.
        depth: hidden layers.
        width: units of a hidden layer; channels of a convolutional one.
        kernel_size: places that a convolution's kernel covers in each direction.
        pooling: how maps shrink, a name in `POOLINGS`.
    """

    shape: tuple[int, ...]
    outputs: int
    depth: int
    width: int
    kernel_size: int = 3
    pooling: str = "stride"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of weights, dense or convolutional.

    Attributes:
        channels: features or channels that come in.
        units: features or channels that go out.
        taps: numbers that each channel gives a unit: places of the kernel or of a flattened map.
        kernel: places of the kernel in each direction; empty for a dense layer.
        stride: places from one output to the next.
        maps: places of the outputs, before pooling; empty for a dense layer.
        window: places that pooling joins in each direction; 1 for no pooling.
    """

    channels: int
    units: int
    taps: int = 1
    kernel: tuple[int, ...] = ()
    stride: int = 1
    maps: tuple[int, ...] = ()
    window: int = 1

    @property
    def fan_in(self) -> int:
        """Numbers that feed one unit."""
        return self.channels * self.taps

    @property
    def fan_out(self) -> int:
        """Units that one number feeds."""
        return self.units * prod(self.kernel)

    @property
    def products(self) -> int:
        """Multiplications of one input's way through the layer."""
        return self.fan_in * self.units * prod(self.maps)


class Forward(Protocol):
    """One pass of a cohort's inputs through its networks, as a network's `forward` sees it.

    Tensors of dense layers are (member, row, unit), maps (member, row, place..., channel).
    """

    depth: int

    def hidden(self, index: int, inputs: Tensor) -> Tensor:
        """Hidden layer `index`: weights, normalization, activation, dropout."""

    def output(self, inputs: Tensor) -> Tensor:
        """The output layer."""

    def shrink(self, index: int, maps: Tensor) -> Tensor:
        """Pool the maps of hidden layer `index` as the recipe says."""

    def flatten(self, maps: Tensor) -> Tensor:
        """Maps as features for a dense layer."""

    def shortcut(self, index: int, inputs: Tensor) -> Tensor:
        """The inputs of hidden layer `index` at the places of its outputs."""


@dataclass(frozen=True, slots=True)
class Network:
    """A family of networks.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        layers: the layers of given sizes, hidden ones first, the output layer last.
        forward: outputs (member, row, output) for inputs (member, row, feature).
        sized: whether depth and width change it.
    """

    description: str
    source: str
    layers: Callable[[Sizes], tuple[Layer, ...]]
    forward: Callable[[Forward, Tensor], Tensor]
    sized: bool = True


def dense_layers(sizes: Sizes) -> tuple[Layer, ...]:
    """`depth` hidden layers of `width` units, each fully connected to the next."""
    fans = [prod(sizes.shape), *[sizes.width] * sizes.depth]
    return tuple(map(Layer, fans, [*fans[1:], sizes.outputs]))


def linear_layers(sizes: Sizes) -> tuple[Layer, ...]:
    """The output layer alone."""
    return dense_layers(replace(sizes, depth=0))


def convolutional_layers(sizes: Sizes) -> tuple[Layer, ...]:
    """`depth` convolutions of `width` channels, and a dense output layer.

    Raises:
        ValueError: the inputs have no places for a kernel to slide over.
    """
    channels, *places = sizes.shape
    if not places:
        raise ValueError("a convolutional network needs signals or images, not plain features")
    kernel = (sizes.kernel_size,) * len(places)
    layers = []
    for _ in range(sizes.depth):
        factor = 2 if min(places) >= 2 and sizes.pooling != "global_average" else 1
        stride = factor if sizes.pooling == "stride" else 1
        maps = tuple(place // stride for place in places)
        window = factor // stride
        layers.append(Layer(channels, sizes.width, prod(kernel), kernel, stride, maps, window))
        channels, places = sizes.width, [place // window for place in maps]
    if not sizes.depth:
        return (Layer(channels * prod(places), sizes.outputs),)
    taps = 1 if sizes.pooling == "global_average" else prod(places)
    return (*layers, Layer(channels, sizes.outputs, taps))


def layers_by_shape(sizes: Sizes) -> tuple[Layer, ...]:
    """Convolutions over signals and images, dense layers over plain features."""
    return (convolutional_layers if len(sizes.shape) > 1 else dense_layers)(sizes)


def dense(net: Forward, hidden: Tensor) -> Tensor:
    """Each hidden layer feeds the next."""
    for index in range(net.depth):
        hidden = net.hidden(index, hidden)
    return net.output(hidden)


def residual(net: Forward, hidden: Tensor) -> Tensor:
    """Each hidden layer but the first adds to what it is fed."""
    for index in range(net.depth):
        new = net.hidden(index, hidden)
        hidden = hidden + new if index else new
    return net.output(hidden)


def convolutional(net: Forward, hidden: Tensor) -> Tensor:
    """Convolution, activation and pooling, layer after layer."""
    for index in range(net.depth):
        hidden = net.shrink(index, net.hidden(index, hidden))
    return net.output(net.flatten(hidden))


def residual_convolutional(net: Forward, hidden: Tensor) -> Tensor:
    """Each convolution but the first adds to the maps that it is fed."""
    for index in range(net.depth):
        new = net.hidden(index, hidden)
        hidden = net.shrink(index, net.shortcut(index, hidden) + new if index else new)
    return net.output(net.flatten(hidden))


NETWORKS: dict[str, Network] = {
    "linear": Network(
        "one layer of weights: logistic or linear regression; depth and width change nothing",
        "Cox 1958",
        linear_layers,
        dense,
        sized=False,
    ),
    "dense": Network(
        "fully connected layers of equal width; depth 0 is a linear model",
        "Rumelhart, Hinton & Williams 1986",
        dense_layers,
        dense,
    ),
    "residual": Network(
        "fully connected layers, each from the second on added to its own input",
        "He, Zhang, Ren & Sun 2016",
        dense_layers,
        residual,
    ),
    "convolutional": Network(
        "convolutions over a signal or an image, then one dense layer",
        "LeCun, Bottou, Bengio & Haffner 1998",
        convolutional_layers,
        convolutional,
    ),
    "residual_convolutional": Network(
        "convolutions, each from the second on added to its own input",
        "He, Zhang, Ren & Sun 2016",
        convolutional_layers,
        residual_convolutional,
    ),
    "by_shape": Network(
        "convolutional over signals and images, dense over plain features",
        "LeCun, Bottou, Bengio & Haffner 1998",
        layers_by_shape,
        convolutional,
    ),
}


@dataclass(frozen=True, slots=True)
class Pooling:
    """How a convolutional network's maps shrink from layer to layer."""

    description: str
    source: str


POOLINGS: dict[str, Pooling] = {
    "stride": Pooling(
        "each convolution takes every second place", "Springenberg, Dosovitskiy & Brox 2015"
    ),
    "max": Pooling("the largest of each two places", "Jarrett, Kavukcuoglu & LeCun 2009"),
    "average": Pooling("the mean of each two places", "LeCun, Bottou, Bengio & Haffner 1998"),
    "global_average": Pooling(
        "maps keep their size; their mean over all places feeds the output layer",
        "Lin, Chen & Yan 2014",
    ),
}


def parameter_count(layers: tuple[Layer, ...], per_unit: int = 0, per_layer: int = 0) -> int:
    """Trained numbers of the given layers.

    Args:
        layers: hidden ones first.
        per_unit: numbers that each hidden unit has beside its weights and bias.
        per_layer: numbers that each hidden layer has beside its units'.
    """
    hidden = layers[:-1]
    beside = per_unit * sum(layer.units for layer in hidden) + per_layer * len(hidden)
    return beside + sum((layer.fan_in + 1) * layer.units for layer in layers)


def training_flops(layers: tuple[Layer, ...], samples: int, epochs: float) -> float:
    """Floating-point operations of the matrix products in training.

    Two per weight forward, two for its gradient, two for the gradient of the layer's input, which
    the first layer does not need.
    """
    products = [layer.products for layer in layers]
    return float(2 * (3 * sum(products) - products[0]) * samples * epochs)


def width_for(
    network: str, budget: int, sizes: Sizes, per_unit: int = 0, per_layer: int = 0
) -> int:
    """The width whose parameter count is nearest to `budget`; `sizes.width` is not read.

    Raises:
        ValueError: the network has no width, or even one unit a layer takes more than the budget.
    """
    if not NETWORKS[network].sized or not sizes.depth:
        raise ValueError("parameters: a network without hidden layers has no width to solve for")
    sizes = replace(sizes, width=1)
    return _nearest_width(NETWORKS[network].layers, budget, sizes, per_unit, per_layer)


# By the function, since a name can stand for one network of a user's own and later for another.
@lru_cache(maxsize=1024)
def _nearest_width(
    layers_of: Callable[[Sizes], tuple[Layer, ...]],
    budget: int,
    sizes: Sizes,
    per_unit: int,
    per_layer: int,
) -> int:
    def count(width: int) -> int:
        layers = layers_of(replace(sizes, width=width))
        return parameter_count(layers, per_unit, per_layer)

    if count(1) > budget:
        raise ValueError(f"parameters: {budget} are too few; depth {sizes.depth} needs {count(1)}")
    low, high = 1, 2
    while count(high) <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    return low if budget - count(low) <= count(high) - budget else high
