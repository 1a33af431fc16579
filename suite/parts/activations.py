"""Activations: how a hidden layer bends its pre-activations."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Activation:
    """An element-wise function and its derivative.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        forward: writes the activations over the pre-activations.
        backward: multiplies a gradient in place by the derivative, from the *activations*.
    """

    description: str
    source: str
    forward: Callable[[Tensor], None]
    backward: Callable[[Tensor, Tensor], None]


def identity_forward(values: Tensor) -> None:
    """Leave the pre-activations as they are."""


def identity_backward(gradient: Tensor, activations: Tensor) -> None:
    """Leave the gradient as it is."""


def sigmoid_forward(values: Tensor) -> None:
    """1 / (1 + exp(-z))."""
    values.sigmoid_()


def sigmoid_backward(gradient: Tensor, activations: Tensor) -> None:
    """A (1 - a)."""
    torch.ops.aten.sigmoid_backward.grad_input(gradient, activations, grad_input=gradient)


def tanh_forward(values: Tensor) -> None:
    """tanh(z)."""
    values.tanh_()


def tanh_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 - a²."""
    torch.ops.aten.tanh_backward.grad_input(gradient, activations, grad_input=gradient)


def relu_forward(values: Tensor) -> None:
    """max(z, 0)."""
    values.clamp_min_(0)


def relu_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 where a > 0, else 0."""
    torch.ops.aten.threshold_backward.grad_input(gradient, activations, 0, grad_input=gradient)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(
        "no bend at all: the network stays linear",
        "baseline",
        identity_forward,
        identity_backward,
    ),
    "sigmoid": Activation(
        "logistic curve between 0 and 1",
        "Rumelhart, Hinton & Williams 1986",
        sigmoid_forward,
        sigmoid_backward,
    ),
    "tanh": Activation(
        "hyperbolic tangent between -1 and 1",
        "LeCun, Bottou, Orr & Müller 1998",
        tanh_forward,
        tanh_backward,
    ),
    "relu": Activation(
        "zero below zero, the value itself above",
        "Nair & Hinton 2010",
        relu_forward,
        relu_backward,
    ),
}
