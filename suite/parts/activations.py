"""Activations: how a hidden layer bends its pre-activations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Function = Callable[..., Tensor]

LEAK = 0.01
# Klambauer et al. 2017, eq. 14: with these, mean 0 and variance 1 are a stable fixed point.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


class ByHand(NamedTuple):
    """A forward and backward pass in place, for contiguous tensors.

    Attributes:
        forward: writes the activations over the pre-activations.
        backward: multiplies a gradient in place by the derivative, from the *activations*.
    """

    forward: Callable[[Tensor], None]
    backward: Callable[[Tensor, Tensor], None]


@dataclass(frozen=True, slots=True)
class Activation:
    """An element-wise function.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        function: the activations of pre-activations of any shape; autograd differentiates it.
            With a `slope` it takes two arguments, the second broadcasts against the first.
        by_hand: the same in place, where the derivative follows from the output.
        slope: first value of the one trained number a layer that `function` takes.
        saturates: the two values that the output flattens out at; None where it does not do so
            on both sides.
        idle: the output of a dead unit; None where units cannot die.
    """

    description: str
    source: str
    function: Function
    by_hand: ByHand | None = None
    slope: float | None = None
    saturates: tuple[float, float] | None = None
    idle: float | None = None


def identity(values: Tensor) -> Tensor:
    """Z."""
    return values


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


def leaky_relu(values: Tensor) -> Tensor:
    """Z where z > 0, else z / 100."""
    return functional.leaky_relu(values, LEAK)


def leaky_relu_forward(values: Tensor) -> None:
    """Z where z > 0, else z / 100."""
    functional.leaky_relu_(values, LEAK)


def leaky_relu_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 where a > 0, else 1 / 100."""
    torch.ops.aten.leaky_relu_backward.grad_input(
        gradient, activations, LEAK, True, grad_input=gradient
    )


def prelu(values: Tensor, slope: Tensor) -> Tensor:
    """Z where z > 0, else slope * z."""
    return torch.where(values > 0, values, slope * values)


def elu_forward(values: Tensor) -> None:
    """Z where z > 0, else exp(z) - 1."""
    functional.elu_(values)


def elu_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 where a > 0, else a + 1."""
    torch.ops.aten.elu_backward.grad_input(
        gradient, 1, 1, 1, True, activations, grad_input=gradient
    )


def selu_forward(values: Tensor) -> None:
    """Scale * z where z > 0, else scale * alpha * (exp(z) - 1)."""
    functional.selu_(values)


def selu_backward(gradient: Tensor, activations: Tensor) -> None:
    """Scale where a > 0, else a + scale * alpha."""
    torch.ops.aten.elu_backward.grad_input(
        gradient, SELU_ALPHA, SELU_SCALE, 1, True, activations, grad_input=gradient
    )


def softplus_forward(values: Tensor) -> None:
    """log(1 + exp(z)); above 20, where it is the same in float32, z."""
    torch.ops.aten.softplus.out(values, out=values)


def softplus_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 - exp(-a)."""
    gradient.mul_(activations.neg().expm1_()).neg_()


def softsign_forward(values: Tensor) -> None:
    """Z / (1 + |z|)."""
    values.div_(values.abs().add_(1))


def softsign_backward(gradient: Tensor, activations: Tensor) -> None:
    """(1 - |a|)²."""
    gradient.mul_(activations.abs().sub_(1).square_())


def hardtanh_forward(values: Tensor) -> None:
    """Z, cut off at -1 and 1."""
    values.clamp_(-1, 1)


def hardtanh_backward(gradient: Tensor, activations: Tensor) -> None:
    """1 where -1 < a < 1, else 0."""
    torch.ops.aten.hardtanh_backward.grad_input(gradient, activations, -1, 1, grad_input=gradient)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(
        "no bend at all: the network stays linear",
        "baseline",
        identity,
        ByHand(identity_forward, identity_backward),
    ),
    "sigmoid": Activation(
        "logistic curve between 0 and 1",
        "Rumelhart, Hinton & Williams 1986",
        torch.sigmoid,
        ByHand(sigmoid_forward, sigmoid_backward),
        saturates=(0.0, 1.0),
    ),
    "tanh": Activation(
        "hyperbolic tangent between -1 and 1",
        "LeCun, Bottou, Orr & Müller 1998",
        torch.tanh,
        ByHand(tanh_forward, tanh_backward),
        saturates=(-1.0, 1.0),
    ),
    "relu": Activation(
        "zero below zero, the value itself above",
        "Nair & Hinton 2010",
        torch.relu,
        ByHand(relu_forward, relu_backward),
        idle=0.0,
    ),
    "leaky_relu": Activation(
        "a hundredth of the value below zero, the value itself above",
        "Maas, Hannun & Ng 2013",
        leaky_relu,
        ByHand(leaky_relu_forward, leaky_relu_backward),
    ),
    "prelu": Activation(
        "a trained share of the value below zero, one a layer, 1/4 at first",
        "He, Zhang, Ren & Sun 2015",
        prelu,
        slope=0.25,
    ),
    "elu": Activation(
        "exponential curve down to -1 below zero, the value itself above",
        "Clevert, Unterthiner & Hochreiter 2016",
        functional.elu,
        ByHand(elu_forward, elu_backward),
    ),
    "selu": Activation(
        "ELU scaled so that signals keep mean 0 and variance 1",
        "Klambauer, Unterthiner, Mayr & Hochreiter 2017",
        functional.selu,
        ByHand(selu_forward, selu_backward),
    ),
    "gelu": Activation(
        "the value times the normal distribution function of it, exactly",
        "Hendrycks & Gimpel 2016",
        functional.gelu,
    ),
    "silu": Activation(
        "the value times the logistic function of it, also called swish",
        "Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017",
        functional.silu,
    ),
    "mish": Activation(
        "the value times the hyperbolic tangent of its softplus",
        "Misra 2020",
        functional.mish,
    ),
    "softplus": Activation(
        "log(1 + exp(z)), a smooth ReLU",
        "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001",
        functional.softplus,
        ByHand(softplus_forward, softplus_backward),
    ),
    "softsign": Activation(
        "z / (1 + |z|): between -1 and 1, with slower tails than tanh",
        "Bergstra, Desjardins, Lamblin & Bengio 2009",
        functional.softsign,
        ByHand(softsign_forward, softsign_backward),
        saturates=(-1.0, 1.0),
    ),
    "hardtanh": Activation(
        "the value itself between -1 and 1, cut off there",
        "Collobert 2004",
        functional.hardtanh,
        ByHand(hardtanh_forward, hardtanh_backward),
        saturates=(-1.0, 1.0),
    ),
    "sine": Activation(
        "sin(z): a periodic bend",
        "Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020",
        torch.sin,
    ),
}
