"""A network that is convolutional where inputs have places, and dense where they are plain."""

from suite.parts import Network
from suite.parts.networks import (
    Layer,
    Sizes,
    convolutional,
    convolutional_layers,
    dense_layers,
)


def layers_by_shape(sizes: Sizes) -> tuple[Layer, ...]:
    """Convolutions over signals and images; dense layers over features without an order."""
    return (convolutional_layers if len(sizes.shape) > 1 else dense_layers)(sizes)


NETWORKS = {
    "by_shape": Network(
        "convolutional over signals and images, dense over plain features",
        "LeCun, Bottou, Bengio & Haffner 1998",
        layers_by_shape,
        convolutional,
    )
}
