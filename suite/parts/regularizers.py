"""Regularizers: what holds a network back from fitting its training data too well.

A regularizer acts at one of three places: on the hidden activations, on the gradient, or on the
weights after a step. Its strength is a column, one row a member; biases are never penalised.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Penalty = Callable[[Tensor, Tensor, Tensor], None]


@dataclass(frozen=True, slots=True)
class Regularizer:
    """One way of holding back.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        highest: the largest strength that makes sense.
        drops: whether the strength is the share of hidden units dropped at each step.
        on_gradient: `(gradient, weights, strength)`, in place; `weights` is theta with zeros in
            the places of biases.
        on_weights: `(theta, mask, threshold)`, in place after each step, with
            `threshold = learning_rate * strength`; `mask` is 1 for weights, 0 for biases.
    """

    description: str
    source: str
    highest: float = float("inf")
    drops: bool = False
    on_gradient: Penalty | None = None
    on_weights: Penalty | None = None


def l2_on_gradient(gradient: Tensor, weights: Tensor, strength: Tensor) -> None:
    """Gradient of (strength / 2) * sum of squared weights."""
    gradient.addcmul_(weights, strength)


def l1_on_weights(theta: Tensor, mask: Tensor, threshold: Tensor) -> None:
    """Proximal step of strength * sum of absolute weights: soft threshold, so zeros are exact."""
    bound = threshold * mask
    theta.sub_(theta.clamp(min=-bound, max=bound))


REGULARIZERS: dict[str, Regularizer] = {
    "dropout": Regularizer(
        "hidden units are dropped at random; strength is the share dropped",
        "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014",
        highest=0.99,
        drops=True,
    ),
    "l1": Regularizer(
        "penalty on absolute weights, by a proximal step after each update",
        "Tibshirani 1996; proximal step: Duchi & Singer 2009",
        on_weights=l1_on_weights,
    ),
    "l2": Regularizer(
        "penalty of strength/2 times the squared weights, in the loss",
        "Hoerl & Kennard 1970",
        on_gradient=l2_on_gradient,
    ),
}
