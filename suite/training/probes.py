"""Probes: what can be looked at inside a network. Each is a function of a snapshot, per layer.

Snapshots are taken in float64, in evaluation mode, on a fixed batch of training rows: squares of
vanished gradients underflow float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.activations import Activation
from suite.parts.losses import Loss
from suite.training.backpropagation import Parameters, Workspace, backward, forward
from suite.training.layout import padded
from suite.training.pool import Pool

Floats = NDArray[np.float64]

# Training rows that a snapshot looks at.
PROBE_ROWS = 128


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One layer of one member, padding cut off.

    Attributes:
        weights: (fan_in, fan_out).
        gradient: of the mean loss with respect to the weights.  # (fan_in, fan_out)
        preactivations: (row, unit).
        activations: (row, unit); the output layer's are its pre-activations.
        deltas: of each row's own loss with respect to the pre-activations.  # (row, unit)
    """

    weights: Floats
    gradient: Floats
    preactivations: Floats
    activations: Floats
    deltas: Floats


@dataclass(frozen=True, slots=True)
class Probe:
    """A number per member and layer."""

    description: str
    measure: Callable[[Snapshot], float]


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _frobenius_norm(values: Floats) -> float:
    return float(np.sqrt(np.square(values).sum()))


PROBES: dict[str, Probe] = {
    "gradient_norm": Probe(
        "Frobenius norm of the mean loss's gradient with respect to the layer's weights",
        lambda layer: _frobenius_norm(layer.gradient),
    ),
    "delta_norm": Probe(
        "root mean square over rows and units of the back-propagated ∂loss/∂pre-activation",
        lambda layer: _root_mean_square(layer.deltas),
    ),
    "signal": Probe(
        "mean square of the pre-activations: q of mean-field theory",
        lambda layer: float(np.square(layer.preactivations).mean()),
    ),
    "activation_variance": Probe(
        "variance over rows, averaged over units, of the layer's activations",
        lambda layer: float(layer.activations.var(axis=0).mean()),
    ),
    "weight_norm": Probe(
        "Frobenius norm of the layer's weights",
        lambda layer: _frobenius_norm(layer.weights),
    ),
}


def probe(
    names: Sequence[str],
    parameters: Parameters,
    activation: Activation,
    loss: Loss,
    pool: Pool,
    splits: Sequence[int],
) -> dict[str, Floats]:
    """Measure the named probes.  # name -> (member, layer)."""
    members = take_snapshots(parameters, activation, loss, pool, splits)
    return {
        name: np.array([[PROBES[name].measure(layer) for layer in layers] for layers in members])
        for name in names
    }


def take_snapshots(
    parameters: Parameters,
    activation: Activation,
    loss: Loss,
    pool: Pool,
    splits: Sequence[int],
) -> list[list[Snapshot]]:
    """Forward and backward in float64 on the first training rows of each member's split.

    Returns:
        Each member's layers.
    """
    # Apple's GPU has no float64; snapshots are small enough for the CPU.
    home = torch.device("cpu") if parameters.theta.device.type == "mps" else parameters.theta.device
    double = Parameters(parameters.layout, parameters.theta.to(home).double())
    gradient = Parameters(double.layout, torch.zeros_like(double.theta))
    rows = min(PROBE_ROWS, pool.train.rows(splits))
    offsets = np.minimum(np.arange(padded(rows)), rows - 1)
    index = np.stack([pool.train.starts[split] + offsets for split in splits])
    inputs, targets = (values.to(home).double() for values in pool.train.gather(index))
    work = Workspace(double, padded(rows))
    preactivations = _preactivations(double, activation, inputs, work)
    true = slice(0, pool.outputs)
    output_delta = loss.gradient(work.outputs[-1][..., true], targets[..., true])
    work.deltas[-1][:, :rows, true] = output_delta[:, :rows] / rows
    backward(double, gradient, activation, inputs, work)
    layers = [
        (
            double.weights[i][:, : layer.fan_in, : layer.fan_out],
            gradient.weights[i][:, : layer.fan_in, : layer.fan_out],
            preactivations[i][:, :rows, : layer.fan_out],
            work.outputs[i][:, :rows, : layer.fan_out],
            work.deltas[i][:, :rows, : layer.fan_out] * rows,
        )
        for i, layer in enumerate(double.layout.layers)
    ]
    # torch picks the order of a sum by the whole tensor's shape: a member's bits would depend on
    # how many members there are, so each is measured alone.
    arrays = [[values.cpu().numpy() for values in layer] for layer in layers]
    return [
        [Snapshot(*(values[member] for values in layer)) for layer in arrays]
        for member in range(len(splits))
    ]


def _preactivations(
    parameters: Parameters, activation: Activation, inputs: Tensor, work: Workspace
) -> list[Tensor]:
    forward(parameters, activation, inputs, work)
    hidden = [inputs, *work.outputs[:-1]]
    return [
        torch.baddbmm(bias, below, weights)
        for bias, below, weights in zip(
            parameters.biases_row, hidden, parameters.weights, strict=True
        )
    ]
