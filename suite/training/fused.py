"""The fast kernel for dense networks on a CPU: products by torch, the rest in native passes.

Forward and backward passes are written out. Hidden layer l computes z_l = a_{l-1} W_l + b_l and
a_l = activation(z_l); the last layer gives the outputs. Everything is (member, row, unit); padding
rows and units carry zeros.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.activations import ByHand, relu_backward, relu_forward
from suite.training import native
from suite.training.forward import Drop
from suite.training.model import Model, Parameters
from suite.training.normalization import Rows

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
    "adam": ("first", "second"),
    "adamw": ("first", "second"),
}
# The columns of the members' penalties.
PENALTIES = ("l2", "weight_decay", "l1")


class _Workspace:
    """Buffers for one number of rows."""

    def __init__(self, model: Model, members: int, rows: int) -> None:
        columns = [placed.columns for placed in model.layout.layers]
        self.outputs = [torch.zeros(members, rows, width) for width in columns]
        # A layer's delta is of no use once that of the layer below it is known, so that two take
        # turns; they stay in the cache.
        turns: dict[tuple[int, int], Tensor] = {}
        self.deltas = [
            turns.setdefault((index % 2, width), torch.zeros(members, rows, width))
            for index, width in enumerate(columns)
        ]
        self.dropped = [torch.empty(members, rows, width) for width in columns[:-1]]
        self.turned = [outputs.transpose(1, 2) for outputs in self.outputs]
        # The same memory, as the native passes take it.
        self.output_arrays = [outputs.numpy() for outputs in self.outputs]
        self.delta_arrays = [deltas.numpy() for deltas in self.deltas]


class FusedKernel:
    """Gradients and updates of a cohort.

    Args:
        model: the structure.
        parameters: of every member, float32 on the CPU; updated in place.
        loss: name of the loss.
        outputs: true outputs of a network.
        optimizer: name of the optimizer.
        state: what the optimizer remembers, (member, parameter) each; None to begin.
        momenta: momentum of each member.
        penalties: strengths of L2, decoupled decay and L1.  # (member, 3)
    """

    def __init__(
        self,
        model: Model,
        parameters: Parameters,
        *,
        loss: str,
        outputs: int,
        optimizer: str,
        state: Mapping[str, Tensor] | None,
        momenta: Sequence[float],
        penalties: Sequence[Sequence[float]],
    ) -> None:
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
        fields = [field for placed in layers for field in (placed.weights, placed.biases)]
        self._starts = np.array([field.start for field in fields])
        self._sizes = np.array([field.end - field.start for field in fields])
        self._penalised = np.tile([True, False], len(layers))
        self._flat = torch.zeros(members * self._model.layout.size)
        pieces = torch.split(self._flat, (members * self._sizes).tolist())
        views = [p.view(members, *f.shape) for p, f in zip(pieces, fields, strict=True)]
        self._weight_gradients, self._bias_gradients = views[::2], views[1::2]
        self._bias_arrays = [gradients.numpy() for gradients in self._bias_gradients]

    def gradient(self) -> Tensor:
        """The last gradient in the parameters' order.  # (member, parameter)."""
        pairs = zip(self._weight_gradients, self._bias_gradients, strict=True)
        return torch.cat([field.flatten(1) for pair in pairs for field in pair], dim=1)

    def compute_gradient(
        self, inputs: Tensor, targets: Tensor, rows: Rows, drops: Sequence[Drop]
    ) -> None:
        """Gradient of the mean loss over the true rows."""
        work = self._workspace(inputs.shape[1])
        self._forward(inputs, work, drops)
        self._gradient_at_outputs(
            work.output_arrays[-1],
            targets.numpy(),
            rows.weights[:, 0].numpy(),
            self._true,
            work.delta_arrays[-1],
            self._bias_arrays[-1],
        )
        self._backward(inputs, work, drops)

    def _workspace(self, rows: int) -> _Workspace:
        if rows not in self._workspaces:
            members = len(self._parameters.theta)
            self._workspaces[rows] = _Workspace(self._model, members, rows)
        return self._workspaces[rows]

    def _forward(self, hidden: Tensor, work: _Workspace, drops: Sequence[Drop]) -> None:
        for index, weights in enumerate(self._parameters.weights):
            outputs = torch.bmm(hidden, weights, out=work.outputs[index])
            self._activate(index, outputs, work.output_arrays[index])
            hidden = outputs
            if drops and index < self._model.hidden:
                hidden = torch.mul(outputs, drops[index].scale, out=work.dropped[index])

    def _activate(self, index: int, outputs: Tensor, array: NDArray[np.float32]) -> None:
        """Add the biases and bend, in place; the output layer stays straight."""
        placed, by_hand = self._model.layout.layers[index], self._model.activation.by_hand
        assert by_hand is not None
        if index == self._model.hidden:
            native.add_biases(array, self._biases[index])
        elif self._relu:
            native.relu_forward(array, self._biases[index])
        else:
            native.add_biases(array, self._biases[index])
            by_hand.forward(outputs)
            if self._model.masked and placed.layer.units < placed.columns:
                outputs[:, :, placed.layer.units :].zero_()

    def _backward(self, inputs: Tensor, work: _Workspace, drops: Sequence[Drop]) -> None:
        for index in range(self._model.hidden, -1, -1):
            delta, gradient = work.deltas[index], self._weight_gradients[index]
            if index == 0:
                torch.bmm(inputs.transpose(1, 2), delta, out=gradient)
                return
            fed = work.dropped[index - 1].transpose(1, 2) if drops else work.turned[index - 1]
            torch.bmm(fed, delta, out=gradient)
            below = torch.bmm(delta, self._turned[index], out=work.deltas[index - 1])
            if drops:
                below.mul_(drops[index - 1].scale)
            self._bend(index - 1, work)

    def _bend(self, index: int, work: _Workspace) -> None:
        """Multiply a layer's delta by the activation's derivative in place, and sum over rows."""
        delta, array = work.deltas[index], work.delta_arrays[index]
        if self._relu:
            native.relu_backward(array, work.output_arrays[index], self._bias_arrays[index])
            return
        by_hand = self._model.activation.by_hand
        assert by_hand is not None
        by_hand.backward(delta, work.outputs[index])
        torch.sum(delta, dim=1, out=self._bias_gradients[index])

    def update(self, step: int, rates: Tensor) -> None:
        """One step of the optimizer; `step` counts from 1, `rates` is (member, 1)."""
        theta, flat, *state = self._matrices
        places = (self._starts, self._sizes, self._penalised, rates[:, 0].numpy(), self._penalties)
        if self._optimizer in ("adam", "adamw"):
            corrections = np.array([1 / (1 - 0.9**step), (1 - 0.999**step) ** -0.5], np.float32)
            native.adam(theta, flat, state[0], state[1], *places, corrections)
        else:
            lookahead = float(self._optimizer == "nesterov")
            native.momentum(theta, flat, state[0], *places, self._momenta, lookahead)
