"""Forward and backward passes of a cohort of dense networks, by hand, into buffers kept for reuse.

Hidden layer l computes z_l = a_{l-1} W_l + b_l and a_l = activation(z_l); the last layer gives the
outputs. Everything is (member, row, unit); padding rows and units carry zeros.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from suite.parts.activations import Activation
from suite.training.layout import Layout


class Parameters:
    """A matrix with one row of parameters a member, and every layer's views of it."""

    def __init__(self, layout: Layout, theta: Tensor) -> None:
        self.layout = layout
        self.theta = theta  # (member, parameter)
        self.weights = [layer.weights(theta) for layer in layout.layers]
        self.biases = [layer.biases(theta) for layer in layout.layers]
        self.biases_row = [bias.unsqueeze(1) for bias in self.biases]
        self.weights_turned = [weight.transpose(1, 2) for weight in self.weights]


class Workspace:
    """Buffers for one cohort and one number of rows."""

    def __init__(self, parameters: Parameters, rows: int) -> None:
        members = len(parameters.theta)
        like = parameters.theta
        columns = [layer.columns for layer in parameters.layout.layers]
        self.outputs = [like.new_zeros(members, rows, width) for width in columns]
        self.deltas = [like.new_zeros(members, rows, width) for width in columns]
        self.dropped = [like.new_empty(members, rows, width) for width in columns[:-1]]


def forward(
    parameters: Parameters,
    activation: Activation,
    inputs: Tensor,
    work: Workspace,
    masks: Sequence[Tensor] = (),
) -> Tensor:
    """Outputs of every member for its own rows; hidden activations stay in `work.outputs`.

    Args:
        parameters: of the cohort.
        activation: of the hidden layers.
        inputs: (member, row, feature).
        work: buffers; `work.dropped` receives the activations after dropout.
        masks: per hidden layer, what its activations are multiplied by; empty for no dropout.
    """
    hidden = inputs
    last = len(work.outputs) - 1
    for index, layer in enumerate(parameters.layout.layers):
        outputs = work.outputs[index]
        torch.baddbmm(parameters.biases_row[index], hidden, parameters.weights[index], out=outputs)
        if index == last:
            return outputs
        activation.forward(outputs)
        if layer.fan_out < layer.columns:
            outputs[:, :, layer.fan_out :].zero_()
        hidden = torch.mul(outputs, masks[index], out=work.dropped[index]) if masks else outputs
    raise AssertionError("a network has at least its output layer")


def backward(
    parameters: Parameters,
    gradient: Parameters,
    activation: Activation,
    inputs: Tensor,
    work: Workspace,
    masks: Sequence[Tensor] = (),
) -> None:
    """Gradient of the loss whose derivative at the outputs lies in `work.deltas[-1]`.

    Leaves ∂loss/∂z_l in `work.deltas` and the parameters' gradient in `gradient`.
    """
    hidden = work.dropped if masks else work.outputs
    for index in range(len(work.deltas) - 1, -1, -1):
        delta = work.deltas[index]
        below = hidden[index - 1] if index else inputs
        torch.bmm(below.transpose(1, 2), delta, out=gradient.weights[index])
        torch.sum(delta, dim=1, out=gradient.biases[index])
        if index == 0:
            return
        lower = torch.bmm(delta, parameters.weights_turned[index], out=work.deltas[index - 1])
        if masks:
            lower.mul_(masks[index - 1])
        activation.backward(lower, work.outputs[index - 1])
