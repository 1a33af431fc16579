"""What every member of a cohort shares: its layout, its network family and its activation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from suite.parts.activations import ACTIVATIONS, Activation
from suite.parts.networks import NETWORKS, Layer, Network, Sizes
from suite.training.layout import Layout, make_layout
from suite.trial import Trial

NORMALIZATIONS = ("batch_norm", "layer_norm")


@dataclass(frozen=True)
class Model:
    """The structure of a cohort's networks, without their numbers.

    Attributes:
        layout: of a member's row of parameters.
        network: the family.
        activation: of the hidden layers.
        norms: names of the hidden layers' normalizations, in the order in which they act.
        shape: of one input.
        pooling: how maps shrink.
        masked: whether padding units have to be set to zero after the activation.
    """

    layout: Layout
    network: Network
    activation: Activation
    norms: tuple[str, ...]
    shape: tuple[int, ...]
    pooling: str
    masked: bool

    @property
    def hidden(self) -> int:
        """Number of hidden layers."""
        return len(self.layout.layers) - 1


class Parameters:
    """A matrix with one row of parameters a member, and every layer's views of it."""

    def __init__(self, layout: Layout, theta: Tensor) -> None:
        self.layout = layout
        self.theta = theta  # (member, parameter)
        self.views = [field.view(theta) for placed in layout.layers for field in placed.fields]
        self._name()

    def _name(self) -> None:
        rest = iter(self.views)
        self.weights: list[Tensor] = []  # (member, rows, columns)
        self.biases: list[Tensor] = []  # (member, columns)
        self.gains: list[list[Tensor]] = []
        self.shifts: list[list[Tensor]] = []
        self.slopes: list[Tensor | None] = []
        for placed in self.layout.layers:
            self.weights.append(next(rest))
            self.biases.append(next(rest))
            self.gains.append([next(rest) for _ in placed.gains])
            self.shifts.append([next(rest) for _ in placed.shifts])
            self.slopes.append(None if placed.slope is None else next(rest))

    def as_leaves(self) -> "Parameters":
        """The same memory as leaves of a new autograd graph."""
        twin = object.__new__(Parameters)
        twin.layout, twin.theta = self.layout, self.theta
        twin.views = [view.detach().requires_grad_() for view in self.views]
        twin._name()
        return twin


def make_model(trial: Trial, shape: tuple[int, ...], outputs: int) -> Model:
    """The structure of a trial's network on inputs of a shape.

    Raises:
        ValueError: the network cannot be built for such inputs.
    """
    activation = ACTIVATIONS[trial.activation]
    norms = tuple(name for name in NORMALIZATIONS if trial.strength(name))
    layout = make_layout(layers_of(trial, shape, outputs), len(norms), activation.slope is not None)
    return Model(
        layout=layout,
        network=NETWORKS[trial.network],
        activation=activation,
        norms=norms,
        shape=shape,
        pooling=trial.pooling,
        masked=_moves_zero(activation),
    )


def layers_of(trial: Trial, shape: tuple[int, ...], outputs: int) -> tuple[Layer, ...]:
    """The layers of a trial's network on inputs of a shape.

    Raises:
        ValueError: the network cannot be built for such inputs.
    """
    return NETWORKS[trial.network].layers(sizes_of(trial, shape, outputs))


def sizes_of(trial: Trial, shape: tuple[int, ...], outputs: int) -> Sizes:
    """What a trial's network is built for."""
    return Sizes(shape, outputs, trial.depth, trial.width, trial.kernel_size, trial.pooling)


def _moves_zero(activation: Activation) -> bool:
    zero = torch.zeros(1)
    slope = () if activation.slope is None else (torch.full((1,), activation.slope),)
    return bool(activation.function(zero, *slope) != 0)
