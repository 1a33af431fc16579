"""Losses: what training lowers, per sample, with the gradient at the outputs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss of outputs against targets, both (member, row, output).

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        tasks: kinds of task it suits.
        values: the loss of each row, (member, row).
        gradient: its derivative with respect to the outputs, (member, row, output).
        of_logits: whether outputs become probabilities by a softmax.
    """

    description: str
    source: str
    tasks: tuple[str, ...]
    values: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    of_logits: bool = False


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the log-likelihood of one-hot targets under the softmax of the outputs (nats)."""
    return -(torch.log_softmax(outputs, dim=-1) * targets).sum(dim=-1)


def cross_entropy_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """softmax(outputs) - targets."""
    return torch.softmax(outputs, dim=-1).sub_(targets)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the outputs of the squared difference, as torch.nn.MSELoss has it."""
    return (outputs - targets).square_().mean(dim=-1)


def squared_error_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """2 (outputs - targets) / number of outputs."""
    return (outputs - targets).mul_(2 / outputs.shape[-1])


def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the outputs of the absolute difference, as torch.nn.L1Loss has it."""
    return (outputs - targets).abs().mean(dim=-1)


def absolute_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """sign(outputs - targets) / number of outputs."""
    return (outputs - targets).sign_().div_(outputs.shape[-1])


def huber(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the outputs of d²/2 up to |d| = 1, |d| - 1/2 beyond, as torch.nn.HuberLoss."""
    return functional.huber_loss(outputs, targets, reduction="none").mean(dim=-1)


def huber_gradient(outputs: Tensor, targets: Tensor) -> Tensor:
    """The difference, cut off at -1 and 1, / number of outputs."""
    return (outputs - targets).clamp_(-1, 1).div_(outputs.shape[-1])


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss(
        "minus the log-likelihood of the true class",
        "Solla, Levin & Fleisher 1988",
        ("classification",),
        cross_entropy,
        cross_entropy_gradient,
        of_logits=True,
    ),
    "squared_error": Loss(
        "mean squared difference, for classes on one-hot targets",
        "Legendre 1805; Rumelhart, Hinton & Williams 1986",
        ("classification", "regression"),
        squared_error,
        squared_error_gradient,
    ),
    "absolute": Loss(
        "mean absolute difference, for classes on one-hot targets",
        "Laplace 1774",
        ("classification", "regression"),
        absolute,
        absolute_gradient,
    ),
    "huber": Loss(
        "squared up to a difference of 1, absolute beyond, for classes on one-hot targets",
        "Huber 1964",
        ("classification", "regression"),
        huber,
        huber_gradient,
    ),
}
