"""Snapshots: a look inside every layer of every member, taken in evaluation mode and in float64.

Squares of vanished gradients underflow float32, so a snapshot does not use it. It looks at the
same first training rows of each member's data every time. Nothing is computed before it is asked
for: most probes need no derivatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.activations import Activation
from suite.parts.losses import Loss
from suite.randomness import generator
from suite.training.forward import Networks, Pass, Record
from suite.training.layout import Placed, padded
from suite.training.model import Parameters
from suite.training.normalization import Statistics
from suite.training.pool import Part, Pool
from suite.trial import Replicate, Trial

Floats = NDArray[np.float64]

# Training rows that a snapshot looks at.
PROBE_ROWS = 128


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One layer of one member, padding cut off; a map's places count as units of their own."""

    camera: "Camera"
    index: int
    member: int

    @property
    def activation(self) -> Activation | None:
        """Of the hidden layers; None for the output layer."""
        model = self.camera.networks.model
        return model.activation if self.index < model.hidden else None

    @property
    def channels(self) -> int:
        """Units, of which a map has one at every place."""
        return self.camera.networks.model.layout.layers[self.index].layer.units

    @property
    def weights(self) -> Floats:
        """Of the layer.  # (fan_in, unit)."""
        return self._own(self.camera.weights)

    @property
    def biases(self) -> Floats:
        """Of the layer.  # (unit,)."""
        return self._own(self.camera.biases)

    @property
    def update(self) -> Floats | None:
        """What the last step added to the weights; None before the first.  # (fan_in, unit)."""
        updates = self.camera.updates
        return None if updates is None else self._own(updates)

    @property
    def gradient(self) -> Floats:
        """Of the mean loss with respect to the weights.  # (fan_in, unit)."""
        return self._own(self.camera.gradients)

    @property
    def preactivations(self) -> Floats:
        """What the activation is fed.  # (row, unit)."""
        return self._own(self.camera.preactivations)

    @property
    def activations(self) -> Floats:
        """What it gives; the output layer's are its pre-activations.  # (row, unit)."""
        return self._own(self.camera.activations)

    @property
    def deltas(self) -> Floats:
        """Of each row's own loss with respect to the pre-activations.  # (row, unit)."""
        return self._own(self.camera.deltas)

    @property
    def sensitivities(self) -> Floats:
        """Likewise of one random direction of the outputs, the same for all rows."""
        return self._own(self.camera.sensitivities)

    def _own(self, layers: list[Floats]) -> Floats:
        own: Floats = layers[self.index][self.member]
        return own


@dataclass(frozen=True, slots=True)
class _Shot:
    """The pass over the probed rows that all derivatives go back through."""

    record: Record
    weights: list[Tensor]
    targets: Tensor
    rows: int


class Camera:
    """Takes snapshots of a cohort's networks at one moment.

    Args:
        networks: structure and numbers.
        loss: what training lowers.
        pool: the data.
        trials: recipe of each member.
        before: the parameters before the last step; None before the first.
    """

    def __init__(
        self,
        networks: Networks,
        loss: Loss,
        pool: Pool,
        trials: Sequence[Trial],
        before: Tensor | None = None,
    ) -> None:
        theta = networks.parameters.theta
        # Apple's GPU has no float64; snapshots are small enough for the CPU.
        self.home = torch.device("cpu") if theta.device.type == "mps" else theta.device
        self.loss, self.pool, self.trials = loss, pool, list(trials)
        self.networks = _doubled(networks, self.home)
        self._before = None if before is None else before.to(self.home).double()

    @property
    def replicates(self) -> list[Replicate]:
        """What each member trains on."""
        return [trial.replicate for trial in self.trials]

    def rows(self, part: Part, limit: int) -> tuple[Tensor, Tensor, int]:
        """The first rows of each member's part: padded inputs and targets, and how many are true.

        The number is that of the smallest part among the members' own limits.
        """
        count = min(limit, *(part.counts[replicate] for replicate in self.replicates))
        offsets = np.minimum(np.arange(padded(count)), count - 1)
        index = np.stack([part.starts[replicate] + offsets for replicate in self.replicates])
        inputs, targets = (values.to(self.home).double() for values in part.gather(index))
        return inputs, targets, count

    def record(self, inputs: Tensor, networks: Networks | None = None) -> Record:
        """Every layer's pre-activations and activations."""
        record = Record([], [])
        Pass(networks or self.networks, record=record).run(inputs)
        return record

    def by_row(self, values: Sequence[Tensor], rows: int) -> list[Floats]:
        """Every layer's values of true rows and units.  # (member, row, unit)."""
        layers = self.networks.model.layout.layers
        return [_by_member(v.detach(), p, rows) for v, p in zip(values, layers, strict=True)]

    def some(self, members: slice) -> "Camera":
        """A camera for some of the members, which sees as many rows as those have."""
        layout, theta = self.networks.model.layout, self.networks.parameters.theta[members]
        statistics = Statistics(layout, theta, self.networks.statistics.values[members])
        return Camera(
            Networks(self.networks.model, Parameters(layout, theta), statistics),
            self.loss,
            self.pool,
            self.trials[members],
            None if self._before is None else self._before[members],
        )

    @property
    def snapshots(self) -> list[list[Snapshot]]:
        """Each member's layers."""
        # torch picks the order of a sum by the whole tensor's shape: a member's bits would depend
        # on how many members there are, so each is measured alone. The list is not kept: with it
        # the camera would hold itself in memory.
        layers = range(len(self.networks.model.layout.layers))
        return [
            [Snapshot(self, index, member) for index in layers]
            for member in range(len(self.trials))
        ]

    @cached_property
    def weights(self) -> list[Floats]:
        """Of every layer.  # (member, fan_in, unit)."""
        return self._of_weights(self.networks.parameters.weights)

    @cached_property
    def biases(self) -> list[Floats]:
        """Of every layer.  # (member, unit)."""
        pairs = zip(self.networks.parameters.biases, self.networks.model.layout.layers, strict=True)
        return [biases[:, : placed.layer.units].cpu().numpy() for biases, placed in pairs]

    @cached_property
    def updates(self) -> list[Floats] | None:
        """What the last step added to the weights; None before the first."""
        if self._before is None:
            return None
        before = Parameters(self.networks.model.layout, self._before)
        return [
            now - then
            for now, then in zip(self.weights, self._of_weights(before.weights), strict=True)
        ]

    @cached_property
    def preactivations(self) -> list[Floats]:
        """Of every layer.  # (member, row, unit)."""
        return self.by_row(self._shot.record.preactivations, self._shot.rows)

    @cached_property
    def activations(self) -> list[Floats]:
        """Of every layer.  # (member, row, unit)."""
        return self.by_row(self._shot.record.activations, self._shot.rows)

    @cached_property
    def gradients(self) -> list[Floats]:
        """Of the mean loss with respect to every layer's weights.  # (member, fan_in, unit)."""
        return self._of_weights(self._loss_derivatives[len(self.networks.model.layout.layers) :])

    @cached_property
    def deltas(self) -> list[Floats]:
        """Of each row's own loss with respect to the pre-activations.  # (member, row, unit)."""
        layers = self.networks.model.layout.layers
        rows = self._shot.rows
        return self.by_row([d * rows for d in self._loss_derivatives[: len(layers)]], rows)

    @cached_property
    def sensitivities(self) -> list[Floats]:
        """Of one random direction of the outputs, likewise."""
        shot = self._shot
        direction = generator(0, "output direction").standard_normal(self.pool.outputs)
        seed = torch.zeros_like(shot.record.activations[-1])
        seed[:, : shot.rows, : self.pool.outputs] = torch.from_numpy(direction).to(seed)
        return self.by_row(self._go_back(seed, shot.record.preactivations), shot.rows)

    @cached_property
    def _shot(self) -> _Shot:
        inputs, targets, rows = self.rows(self.pool.train, PROBE_ROWS)
        leaves = self.networks.parameters.as_leaves()
        networks = Networks(self.networks.model, leaves, self.networks.statistics)
        with torch.enable_grad():
            record = self.record(inputs, networks)
        return _Shot(record, leaves.weights, targets, rows)

    @cached_property
    def _loss_derivatives(self) -> Sequence[Tensor]:
        """With respect to every layer's pre-activations, then to every layer's weights."""
        shot, true = self._shot, slice(0, self.pool.outputs)
        outputs = shot.record.activations[-1].detach()
        seed = torch.zeros_like(outputs)
        found = self.loss.gradient(outputs[..., true], shot.targets[..., true])
        seed[:, : shot.rows, true] = found[:, : shot.rows] / shot.rows
        return self._go_back(seed, [*shot.record.preactivations, *shot.weights])

    def _go_back(self, seed: Tensor, wanted: Sequence[Tensor]) -> Sequence[Tensor]:
        """Derivatives of the outputs' product with `seed`."""
        with torch.enable_grad():
            # The product is the scalar: given a seed, autograd first imports a symbolic algebra.
            product = (self._shot.record.activations[-1] * seed).sum()
        return torch.autograd.grad(product, wanted, retain_graph=True)

    def _of_weights(self, values: Sequence[Tensor]) -> list[Floats]:
        return [
            weights[:, placed.true_rows, : placed.layer.units].detach().cpu().numpy()
            for weights, placed in zip(values, self.networks.model.layout.layers, strict=True)
        ]


def _doubled(networks: Networks, home: torch.device) -> Networks:
    """The same in float64."""
    layout = networks.model.layout
    theta = networks.parameters.theta.to(home).double()
    if theta is networks.parameters.theta:
        return networks
    values = networks.statistics.values.to(home).double()
    statistics = Statistics(layout, theta, values)
    return Networks(networks.model, Parameters(layout, theta), statistics)


def _by_member(values: Tensor, placed: Placed, rows: int) -> Floats:
    """(member, row, unit), or (member, row, place and unit) of a map."""
    places = prod(placed.layer.maps)
    values = values[:, : rows * places, : placed.layer.units].cpu()
    return values.reshape(len(values), rows, -1).numpy()
