"""Optimizers: how a gradient becomes a step. Each is a pair of functions, init and update.

A state holds one row a member; settings come as columns, one row a member.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam as fused_adam

State = dict[str, Tensor]
Columns = Mapping[str, Tensor]
Update = Callable[[Tensor, Tensor, State, Columns, int], None]


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`init(theta)` makes the state; `update(theta, gradient, state, columns, step)` takes a step.

    `theta`, `gradient` and every tensor of the state are (member, parameter); columns are
    (member, 1); `step` counts from 1. Updates work in place and may overwrite the gradient.
    `decay` is the weight decay that comes with it where the recipe names none; taking it off the
    weights is the regularizer's work.
    """

    description: str
    source: str
    init: Callable[[Tensor], State]
    update: Update
    decay: float = 0.0


def sgd_init(theta: Tensor) -> State:
    """Gradient descent remembers nothing."""
    return {}


def sgd(theta: Tensor, gradient: Tensor, state: State, columns: Columns, step: int) -> None:
    """Theta - learning_rate * gradient."""
    theta.addcmul_(gradient, columns["learning_rate"], value=-1)


def momentum_init(theta: Tensor) -> State:
    """A velocity, at rest."""
    return {"velocity": torch.zeros_like(theta)}


def momentum(theta: Tensor, gradient: Tensor, state: State, columns: Columns, step: int) -> None:
    """Velocity = momentum * velocity + gradient; theta - learning_rate * velocity."""
    velocity = state["velocity"].mul_(columns["momentum"]).add_(gradient)
    theta.addcmul_(velocity, columns["learning_rate"], value=-1)


def nesterov(theta: Tensor, gradient: Tensor, state: State, columns: Columns, step: int) -> None:
    """Velocity as for momentum; theta - learning_rate * (gradient + momentum * velocity)."""
    velocity = state["velocity"].mul_(columns["momentum"]).add_(gradient)
    gradient.addcmul_(velocity, columns["momentum"])
    theta.addcmul_(gradient, columns["learning_rate"], value=-1)


class Scaling(NamedTuple):
    """How an optimizer scales its steps by squared gradients.

    Attributes:
        kept: share of the squares so far that is kept.
        added: share of the new one that is added.
        epsilon: what is added to the root.
    """

    kept: float
    added: float
    epsilon: float


# A running mean of the squares, and their sum.
SCALINGS = {"rmsprop": Scaling(0.99, 0.01, 1e-8), "adagrad": Scaling(1.0, 1.0, 1e-10)}


def scaling_init(theta: Tensor) -> State:
    """Squared gradients so far, and a place for their root."""
    return {name: torch.zeros_like(theta) for name in ("squares", "root")}


def _scaled(kept: float, added: float, epsilon: float) -> Update:
    """Steps over the root of what is gathered of squares."""

    def update(theta: Tensor, gradient: Tensor, state: State, columns: Columns, step: int) -> None:
        squares = state["squares"].mul_(kept).addcmul_(gradient, gradient, value=added)
        root = torch.sqrt(squares, out=state["root"]).add_(epsilon)
        theta.addcmul_(gradient.div_(root), columns["learning_rate"], value=-1)

    return update


def adam_init(theta: Tensor) -> State:
    """First and second moments, and a place for the step that a rate of 1 would take."""
    return {name: torch.zeros_like(theta) for name in ("first", "second", "unit_step")}


def adam(theta: Tensor, gradient: Tensor, state: State, columns: Columns, step: int) -> None:
    """Adam with the authors' defaults: decays 0.9 and 0.999, epsilon 1e-8."""
    # torch's fused kernel makes one pass over what takes eight otherwise, but knows one rate for
    # all: it moves zeros at rate 1, and each member's rate scales what comes of it.
    unit_step = state["unit_step"].zero_()
    fused_adam(
        [unit_step],
        [gradient],
        [state["first"]],
        [state["second"]],
        [],
        [torch.full((), float(step - 1), device=theta.device)],
        fused=True,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        lr=1.0,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
    theta.addcmul_(unit_step, columns["learning_rate"])


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer("stochastic gradient descent", "Robbins & Monro 1951", sgd_init, sgd),
    "momentum": Optimizer(
        "gradient descent with a heavy ball's velocity", "Polyak 1964", momentum_init, momentum
    ),
    "nesterov": Optimizer(
        "momentum that looks one step ahead",
        "Nesterov 1983; Sutskever, Martens, Dahl & Hinton 2013",
        momentum_init,
        nesterov,
    ),
    "rmsprop": Optimizer(
        "steps scaled by a running mean of squared gradients",
        "Tieleman & Hinton 2012",
        scaling_init,
        _scaled(*SCALINGS["rmsprop"]),
    ),
    "adagrad": Optimizer(
        "steps scaled by the sum of all squared gradients so far",
        "Duchi, Hazan & Singer 2011",
        scaling_init,
        _scaled(*SCALINGS["adagrad"]),
    ),
    "adam": Optimizer(
        "steps scaled by running moments of the gradient", "Kingma & Ba 2015", adam_init, adam
    ),
    "adamw": Optimizer(
        "Adam with decoupled weight decay, 0.01 where the recipe names none",
        "Loshchilov & Hutter 2019",
        adam_init,
        adam,
        decay=0.01,
    ),
}
