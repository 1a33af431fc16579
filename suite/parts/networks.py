"""Networks: which layers a depth and a width mean."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Network:
    """A family of networks; `shapes(inputs, outputs, depth, width)` gives (fan_in, fan_out)s."""

    description: str
    source: str
    shapes: Callable[[int, int, int, int], tuple[Shape, ...]]


def dense(inputs: int, outputs: int, depth: int, width: int) -> tuple[Shape, ...]:
    """`depth` hidden layers of `width` units, each fully connected to the next."""
    sizes = [inputs, *[width] * depth, outputs]
    return tuple(pairwise(sizes))


NETWORKS: dict[str, Network] = {
    "dense": Network(
        "fully connected layers of equal width; depth 0 is a linear model",
        "Rumelhart, Hinton & Williams 1986",
        dense,
    ),
}


def parameter_count(shapes: tuple[Shape, ...]) -> int:
    """Weights and biases of the given layers."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in shapes)


def training_flops(shapes: tuple[Shape, ...], samples: int, epochs: int) -> float:
    """Floating-point operations of the matrix products in training.

    Two per weight forward, two for its gradient, two for the gradient of the layer's input, which
    the first layer does not need.
    """
    products = [fan_in * fan_out for fan_in, fan_out in shapes]
    return float(2 * (3 * sum(products) - products[0]) * samples * epochs)


def width_for(network: str, budget: int, depth: int, inputs: int, outputs: int) -> int:
    """The width whose parameter count is nearest to `budget`.

    Raises:
        ValueError: even one unit a layer takes more than the budget allows.
    """

    def count(width: int) -> int:
        return parameter_count(NETWORKS[network].shapes(inputs, outputs, depth, width))

    if count(1) > budget:
        raise ValueError(f"parameters: {budget} are too few; depth {depth} needs {count(1)}")
    low, high = 1, 2
    while count(high) <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    return low if budget - count(low) <= count(high) - budget else high
