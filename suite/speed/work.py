"""What every contender is given to do: data, shapes of networks, first weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.parts.networks import Layer, Sizes, dense_layers, parameter_count, training_flops
from suite.randomness import generator

LEARNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Shape:
    """A dense ReLU network and its batch: `depth` hidden layers of `width` units."""

    width: int
    depth: int
    batch: int

    def __str__(self) -> str:
        return f"{self.width}×{self.depth}, batch {self.batch}"


SHAPES = (Shape(64, 4, 128), Shape(32, 2, 32), Shape(128, 8, 128))


@dataclass(frozen=True, slots=True)
class Work:
    """Rows to learn by heart.

    Attributes:
        inputs: float32.  # (row, feature)
        labels: class numbers.  # (row,)
        classes: how many there are.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int

    @property
    def samples(self) -> int:
        """Number of rows."""
        return len(self.inputs)

    @property
    def features(self) -> int:
        """Number of columns."""
        features: int = self.inputs.shape[1]
        return features


def make_work(samples: int = 4000, features: int = 40, classes: int = 10) -> Work:
    """Normal inputs, labelled by a random linear teacher: always the same rows."""
    rng = generator(0, "speed")
    teacher = rng.standard_normal((features, classes))
    inputs = rng.standard_normal((samples, features))
    labels = (inputs @ teacher).argmax(axis=1)
    return Work(inputs.astype(np.float32), labels, classes)


def layers(work: Work, shape: Shape) -> tuple[Layer, ...]:
    """The hidden layers and the output layer."""
    return dense_layers(Sizes((work.features,), work.classes, shape.depth, shape.width))


def parameters(work: Work, shape: Shape) -> int:
    """Weights and biases of one network."""
    return parameter_count(layers(work, shape))


def epoch_flops(work: Work, shape: Shape) -> float:
    """Floating-point operations of the matrix products that train one network for one epoch."""
    return training_flops(layers(work, shape), work.samples, 1)


def draw_weights(work: Work, shape: Shape, network: int) -> list[NDArray[np.float32]]:
    """One network's first weights by He's rule, N(0, 2/fan_in).  # each (fan_in, units)."""
    rng = generator(network, "weights")
    sizes = [(layer.fan_in, layer.units) for layer in layers(work, shape)]
    return [(np.sqrt(2 / size[0]) * rng.standard_normal(size)).astype(np.float32) for size in sizes]
