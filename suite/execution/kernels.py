"""Which code path computes a trial, network or classical model."""

from suite.classical.fitting import KERNEL
from suite.classical.models import CLASSICAL
from suite.training import kernels
from suite.trial import Trial


def kernel_name(trial: Trial, device: str) -> str:
    """The code path, part of a measurement's key; a classical model has one on any device."""
    return KERNEL if trial.network in CLASSICAL else kernels.kernel_name(trial, device)
