"""Regularizers: what holds a network back from fitting its training data too well.

A regularizer that is a formula acts at one place: on the gradient, on the parameters before or
after a step, or on the targets. What needs the network's state or random draws (dropped units,
noise, normalized layers, stopping early) is the engine's work. A strength is one number a member;
biases are never penalised.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from suite.parts.activations import SELU_ALPHA, SELU_SCALE

Penalty = Callable[[Tensor, Tensor, Tensor], None]
Value = Callable[[Tensor, Tensor], Tensor]
Blend = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True, slots=True)
class Regularizer:
    """One way of holding back.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        highest: the largest strength that makes sense.
        whole: whether the strength must be a whole number.
        tasks: kinds of task it suits.
        on_gradient: `(gradient, weights, strength)`, in place; `weights` is theta with zeros in
            the places of biases, `strength` (member, 1).
        value: what it adds to the loss, (member, 1), from `(weights, strength)`; its derivative is
            what `on_gradient` adds. Without it, gradient checks leave the penalty out.
        before_step: `(theta, mask, threshold)`, in place before each update, with the update's
            `threshold = learning_rate * strength`, (member, 1); `mask` is 1 for weights, 0 for
            biases.
        after_step: the same after each update.
        on_targets: `(targets, strength, classes)` gives new one-hot targets from those of
            (member, row, output), padded or not; `strength` is (member, 1, 1).
    """

    description: str
    source: str
    highest: float = float("inf")
    whole: bool = False
    tasks: tuple[str, ...] = ("classification", "regression")
    on_gradient: Penalty | None = None
    value: Value | None = None
    before_step: Penalty | None = None
    after_step: Penalty | None = None
    on_targets: Blend | None = None


def l2_value(weights: Tensor, strength: Tensor) -> Tensor:
    """(strength / 2) * sum of squared weights."""
    return strength / 2 * weights.square().sum(dim=1, keepdim=True)


def add_l2_gradient(gradient: Tensor, weights: Tensor, strength: Tensor) -> None:
    """Gradient of (strength / 2) * sum of squared weights."""
    gradient.addcmul_(weights, strength)


def decay_weights(theta: Tensor, mask: Tensor, threshold: Tensor) -> None:
    """Weights lose a share of `threshold`, as in torch.optim.AdamW; biases are spared."""
    theta.addcmul_(theta * mask, threshold, value=-1)


def soften_threshold(theta: Tensor, mask: Tensor, threshold: Tensor) -> None:
    """Proximal step of strength * sum of absolute weights: soft threshold, so zeros are exact."""
    bound = threshold * mask
    theta.sub_(theta.clamp(min=-bound, max=bound))


def smooth_labels(targets: Tensor, strength: Tensor, classes: int) -> Tensor:
    """(1 - strength) * target + strength / classes, as torch.nn.CrossEntropyLoss has it."""
    smoothed = targets * (1 - strength)
    smoothed[..., :classes] += strength / classes
    return smoothed


def alpha_dropout_factors(rate: float) -> tuple[float, float, float]:
    """The value that dropped units take, then a and b: all units become a * value + b.

    They keep mean 0 and variance 1 of a SELU network's activations (Klambauer et al. 2017).
    """
    dropped = -SELU_SCALE * SELU_ALPHA
    scale = ((1 - rate) * (1 + rate * dropped**2)) ** -0.5
    return dropped, scale, -scale * rate * dropped


REGULARIZERS: dict[str, Regularizer] = {
    "dropout": Regularizer(
        "hidden units are dropped at random; strength is the share dropped",
        "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014",
        highest=0.99,
    ),
    "alpha_dropout": Regularizer(
        "dropout that keeps mean and variance, for SELU; strength is the share dropped",
        "Klambauer, Unterthiner, Mayr & Hochreiter 2017",
        highest=0.99,
    ),
    "l1": Regularizer(
        "penalty on absolute weights, by a proximal step after each update",
        "Tibshirani 1996; proximal step: Duchi & Singer 2009",
        after_step=soften_threshold,
    ),
    "l2": Regularizer(
        "penalty of strength/2 times the squared weights, in the loss",
        "Hoerl & Kennard 1970",
        on_gradient=add_l2_gradient,
        value=l2_value,
    ),
    "weight_decay": Regularizer(
        "weights shrink by the learning rate times the strength before each update",
        "Loshchilov & Hutter 2019",
        before_step=decay_weights,
    ),
    "label_smoothing": Regularizer(
        "the strength's share of each target is spread over all classes",
        "Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016",
        highest=0.99,
        tasks=("classification",),
        on_targets=smooth_labels,
    ),
    "input_noise": Regularizer(
        "normal noise on the standardised inputs at each update; strength is its deviation",
        "Bishop 1995",
    ),
    "early_stopping": Regularizer(
        "training ends after as many epochs without a lower validation loss as the strength says",
        "Prechelt 1998",
        whole=True,
    ),
    "batch_norm": Regularizer(
        "hidden layers are standardised over each batch; strength 1 switches it on",
        "Ioffe & Szegedy 2015",
        highest=1,
        whole=True,
    ),
    "layer_norm": Regularizer(
        "hidden layers are standardised over the units of each row; strength 1 switches it on",
        "Ba, Kiros & Hinton 2016",
        highest=1,
        whole=True,
    ),
}
