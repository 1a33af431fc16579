"""The fast kernel on a CPU: products by torch, the rest in native passes.

Forward and backward passes are written out. Hidden layer l computes z_l = a_{l-1} W_l + b_l,
normalizes it where the recipe says so, and gives a_l = activation(z_l), to which a residual network
adds a_{l-1}; the last layer gives the outputs. Everything is (member, row, unit), where each place
of a map is a row: a convolution is a product with the patches under its kernel. Padding units carry
zeros, and so do gradients at padding rows.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.activations import ByHand, relu_backward, relu_forward
from suite.parts.networks import NETWORKS
from suite.parts.optimizers import SCALINGS
from suite.training import native
from suite.training.forward import Drop, Networks
from suite.training.model import Model
from suite.training.normalization import Rows
from suite.training.normalizer import Normalizer
from suite.training.patches import Patches

# Loss -> native gradient at the outputs.
GRADIENTS: dict[str, Callable[..., None]] = {
    "cross_entropy": native.cross_entropy_gradient,
    "squared_error": native.squared_error_gradient,
}
# Optimizer -> what it remembers, each a matrix like the parameters'.
UPDATES: dict[str, tuple[str, ...]] = {
    "sgd": ("velocity",),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "rmsprop": ("squares",),
    "adagrad": ("squares",),
    "adam": ("first", "second"),
    "adamw": ("first", "second"),
}
_SCALINGS = {name: np.array(scaling, np.float32) for name, scaling in SCALINGS.items()}
# The columns of the members' penalties.
PENALTIES = ("l2", "weight_decay", "l1")


class _Workspace:
    """Buffers for one number of rows."""

    def __init__(self, model: Model, members: int, rows: int) -> None:
        layers = model.layout.layers
        sizes = [(members, rows * prod(p.layer.maps), p.columns) for p in layers]
        self.outputs = [torch.zeros(size) for size in sizes]
        # A layer's delta is of no use once that of the layer below it is known, so that two take
        # turns; they stay in the cache.
        turns: dict[tuple[int, tuple[int, ...]], Tensor] = {}
        self.deltas = [
            turns.setdefault((index % 2, size), torch.zeros(size))
            for index, size in enumerate(sizes)
        ]
        # What hidden layers feed to the next, where that is not their outputs alone.
        self.fed = [torch.empty(size) for size in sizes[:-1]]
        self.patches = _patches(model, members, rows)
        # As features for a dense layer: (member, row, place and channel).
        self.flat = [outputs.view(members, rows, -1) for outputs in self.outputs]
        self.flat_deltas = [delta.view(members, rows, -1) for delta in self.deltas]
        self.turned = [outputs.transpose(1, 2) for outputs in self.flat]
        self.fed_turned = [fed.transpose(1, 2) for fed in self.fed]
        # The gradient at what a residual network's layers feed to the next.
        self.carried = torch.zeros_like(self.outputs[0])
        # The same memory, as the native passes take it.
        self.output_arrays = [outputs.numpy() for outputs in self.outputs]
        self.delta_arrays = [deltas.numpy() for deltas in self.deltas]


def _patches(model: Model, members: int, rows: int) -> list[Patches | None]:
    """Of each layer that is a convolution."""
    layers = model.layout.layers
    fed = [model.shape[1:], *(placed.layer.maps for placed in layers)]
    return [
        Patches(placed, places, index == 0, members, rows) if placed.layer.kernel else None
        for index, (placed, places) in enumerate(zip(layers, fed, strict=False))
    ]


class FusedKernel:
    """Gradients and updates of a cohort.

    Args:
        networks: structure and numbers, float32 on the CPU; updated in place.
        loss: name of the loss.
        outputs: true outputs of a network.
        optimizer: name of the optimizer.
        state: what the optimizer remembers, (member, parameter) each; None to begin.
        momenta: momentum of each member.
        penalties: strengths of L2, decoupled decay and L1.  # (member, 3)
    """

    def __init__(
        self,
        networks: Networks,
        *,
        loss: str,
        outputs: int,
        optimizer: str,
        state: Mapping[str, Tensor] | None,
        momenta: Sequence[float],
        penalties: Sequence[Sequence[float]],
    ) -> None:
        model, parameters = networks.model, networks.parameters
        theta = parameters.theta
        self.state = dict(state or {name: torch.zeros_like(theta) for name in UPDATES[optimizer]})
        self._model, self._parameters = model, parameters
        self._gradient_at_outputs, self._true = GRADIENTS[loss], outputs
        self._optimizer = optimizer
        # Momentum would do nothing to plain gradient descent's bits, but it has none.
        keeps = optimizer in ("momentum", "nesterov")
        self._momenta = np.array(momenta, np.float32) * np.float32(keeps)
        # NumPy would warn of strengths beyond float32, which are infinite.
        self._penalties = torch.tensor(penalties, dtype=torch.float32).numpy()
        self._biases = [biases.numpy() for biases in parameters.biases]
        self._normalizers = [
            [Normalizer(networks, index, norm) for norm in range(len(model.norms))]
            for index in range(model.hidden)
        ]
        # Maps that a dense layer is fed with.
        layers = [placed.layer for placed in model.layout.layers]
        self._flattened = {
            index
            for index in range(model.hidden)
            if layers[index].maps and not layers[index + 1].kernel
        }
        self._residual = model.network == NETWORKS["residual"]
        self._relu = model.activation.by_hand == ByHand(relu_forward, relu_backward)
        self._turned = [weights.transpose(1, 2) for weights in parameters.weights]
        self._workspaces: dict[int, _Workspace] = {}
        self._lay_out_gradient()
        matrices = (theta, self._flat, *self.state.values())
        self._matrices: list[Any] = [matrix.numpy() for matrix in matrices]

    def _lay_out_gradient(self) -> None:
        """One flat array, in which each field of all members is contiguous as products need it."""
        layers = self._model.layout.layers
        members = len(self._parameters.theta)
        fields = [field for placed in layers for field in placed.fields]
        self._starts = np.array([field.start for field in fields])
        self._sizes = np.array([field.end - field.start for field in fields])
        self._penalised = np.array(
            [f == placed.weights for placed in layers for f in placed.fields]
        )
        self._flat = torch.zeros(members * self._model.layout.size)
        pieces = torch.split(self._flat, (members * self._sizes).tolist())
        self._gradients = [p.view(members, *f.shape) for p, f in zip(pieces, fields, strict=True)]
        views = dict(zip(fields, self._gradients, strict=True))
        self._weight_gradients = [views[placed.weights] for placed in layers]
        # What is added to a layer's values before each of its normalizations and, last, before the
        # activation.
        self._added = [[views[f] for f in (placed.biases, *placed.shifts)] for placed in layers]
        self._added_arrays = [[view.numpy() for view in added] for added in self._added]
        self._gain_arrays = [[views[field].numpy() for field in p.gains] for p in layers]

    def gradient(self) -> Tensor:
        """The last gradient in the parameters' order.  # (member, parameter)."""
        return torch.cat([field.flatten(1) for field in self._gradients], dim=1)

    def compute_gradient(
        self, inputs: Tensor, targets: Tensor, rows: Rows, drops: Sequence[Drop]
    ) -> None:
        """Gradient of the mean loss over the true rows."""
        work = self._workspace(inputs.shape[1])
        self._forward(inputs, work, rows, drops)
        self._gradient_at_outputs(
            work.output_arrays[-1],
            targets.numpy(),
            rows.weights[:, 0].numpy(),
            self._true,
            work.delta_arrays[-1],
            self._added_arrays[-1][0],
        )
        self._backward(inputs, work, rows, drops)

    def _workspace(self, rows: int) -> _Workspace:
        if rows not in self._workspaces:
            members = len(self._parameters.theta)
            self._workspaces[rows] = _Workspace(self._model, members, rows)
        return self._workspaces[rows]

    def _forward(self, hidden: Tensor, work: _Workspace, rows: Rows, drops: Sequence[Drop]) -> None:
        for index, weights in enumerate(self._parameters.weights):
            patches = work.patches[index]
            fed = patches.gather(hidden) if patches else hidden
            outputs = torch.bmm(fed, weights, out=work.outputs[index])
            if index == self._model.hidden:
                native.add_biases(work.output_arrays[index], self._biases[index])
                return
            self._activate(index, outputs, work.output_arrays[index], rows)
            new = work.flat[index] if index in self._flattened else outputs
            if drops:
                new = torch.mul(new, drops[index].scale, out=work.fed[index])
            skips = self._residual and index
            hidden = torch.add(new, hidden, out=work.fed[index]) if skips else new

    def _activate(
        self, index: int, outputs: Tensor, array: NDArray[np.float32], rows: Rows
    ) -> None:
        """Add the biases, normalize and bend, in place."""
        placed, added = self._model.layout.layers[index], self._biases[index]
        for normalizer in self._normalizers[index]:
            native.add_biases(array, added)
            normalizer.forward(array, rows)
            added = normalizer.shifts
        if self._relu:
            native.relu_forward(array, added)
            return
        native.add_biases(array, added)
        by_hand = self._model.activation.by_hand
        assert by_hand is not None
        by_hand.forward(outputs)
        if self._model.masked and placed.layer.units < placed.columns:
            outputs[:, :, placed.layer.units :].zero_()

    def _backward(
        self, inputs: Tensor, work: _Workspace, rows: Rows, drops: Sequence[Drop]
    ) -> None:
        for index in range(self._model.hidden, -1, -1):
            fed = self._fed(index, inputs, work, drops)
            torch.bmm(fed, work.deltas[index], out=self._weight_gradients[index])
            if index == 0:
                return
            self._carry(index, work)
            if drops:
                work.deltas[index - 1].mul_(drops[index - 1].scale)
            self._bend(index - 1, work)
            self._unnormalize(index - 1, work.delta_arrays[index - 1], rows)

    def _fed(self, index: int, inputs: Tensor, work: _Workspace, drops: Sequence[Drop]) -> Tensor:
        """What a layer was fed, turned.  # (member, row of its weights, row)."""
        patches = work.patches[index]
        if patches:
            return patches.turned
        if index == 0:
            return inputs.transpose(1, 2)
        apart = drops or (self._residual and index > 1)
        return (work.fed_turned if apart else work.turned)[index - 1]

    def _carry(self, index: int, work: _Workspace) -> None:
        """Put the gradient at what a layer is fed where the delta below it will be."""
        delta, turned, below = work.deltas[index], self._turned[index], work.deltas[index - 1]
        patches = work.patches[index]
        if patches:
            patches.carry(delta, turned, below)
        elif not self._residual:
            flattened = index - 1 in self._flattened
            torch.bmm(delta, turned, out=work.flat_deltas[index - 1] if flattened else below)
        else:
            if index == self._model.hidden:
                torch.bmm(delta, turned, out=work.carried)
            else:
                work.carried.baddbmm_(delta, turned)
            below.copy_(work.carried)

    def _bend(self, index: int, work: _Workspace) -> None:
        """Multiply a layer's delta by the activation's derivative in place, and sum over rows."""
        delta, array = work.deltas[index], work.delta_arrays[index]
        if self._relu:
            native.relu_backward(array, work.output_arrays[index], self._added_arrays[index][-1])
            return
        by_hand = self._model.activation.by_hand
        assert by_hand is not None
        by_hand.backward(delta, work.outputs[index])
        torch.sum(delta, dim=1, out=self._added[index][-1])

    def _unnormalize(self, index: int, delta: NDArray[np.float32], rows: Rows) -> None:
        """Take a layer's delta from after its normalizations to before them, in place."""
        gains, added = self._gain_arrays[index], self._added_arrays[index]
        for norm in range(len(gains) - 1, -1, -1):
            self._normalizers[index][norm].backward(delta, rows, gains[norm], added[norm])

    def update(self, step: int, rates: Tensor) -> None:
        """One step of the optimizer; `step` counts from 1, `rates` is (member, 1)."""
        theta, flat, *state = self._matrices
        places = (self._starts, self._sizes, self._penalised, rates[:, 0].numpy(), self._penalties)
        if self._optimizer in ("adam", "adamw"):
            corrections = np.array([1 / (1 - 0.9**step), (1 - 0.999**step) ** -0.5], np.float32)
            native.adam(theta, flat, state[0], state[1], *places, corrections)
        elif self._optimizer in _SCALINGS:
            native.scaled(theta, flat, state[0], *places, _SCALINGS[self._optimizer])
        else:
            lookahead = float(self._optimizer == "nesterov")
            native.momentum(theta, flat, state[0], *places, self._momenta, lookahead)
