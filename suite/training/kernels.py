"""Which code path computes a trial: a function of the recipe and the device alone."""

from suite.parts.activations import ACTIVATIONS
from suite.training.fused import GRADIENTS, UPDATES
from suite.training.model import NORMALIZATIONS
from suite.trial import Trial

_NETWORKS = ("linear", "dense", "residual")
_WITH_MAPS = ("convolutional", "by_shape")
# What asks nothing of hidden layers.
_BESIDE = frozenset(
    {"l1", "l2", "weight_decay", "label_smoothing", "input_noise", "early_stopping"}
)
_REGULARIZERS = _BESIDE | {"dropout", *NORMALIZATIONS}


def is_fused(trial: Trial) -> bool:
    """Whether the native passes know all that the recipe asks for; they know no user's own part."""
    return (
        not trial.supplied
        and _knows_layers(trial)
        and ACTIVATIONS[trial.activation].by_hand is not None
        and trial.loss in GRADIENTS
        and trial.optimizer in UPDATES
        and trial.gradient_clip is None
    )


def _knows_layers(trial: Trial) -> bool:
    regularizers = {name for name, _ in trial.regularizers}
    if trial.network in _WITH_MAPS:
        return trial.pooling == "stride" and regularizers <= _BESIDE
    return trial.network in _NETWORKS and regularizers <= _REGULARIZERS


def kernel_name(trial: Trial, device: str) -> str:
    """The code path, part of a measurement's key; `device` as in torch."""
    return f"{'numba' if device == 'cpu' and is_fused(trial) else 'torch'}-{device}"
