"""The general kernel: any recipe on any device, derivatives by autograd."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from suite.parts.losses import Loss
from suite.parts.optimizers import Optimizer
from suite.parts.regularizers import REGULARIZERS
from suite.training.forward import Drop, Networks, Pass
from suite.training.model import Parameters
from suite.training.normalization import Rows

# As torch.nn.utils.clip_grad_norm_ has it.
_CLIP_EPSILON = 1e-6


class AutogradKernel:
    """Gradients and updates of a cohort.

    Args:
        networks: structure and numbers; updated in place.
        loss: what training lowers.
        outputs: true outputs of a network.
        optimizer: how a gradient becomes a step.
        state: what the optimizer remembers, one row a member; None to begin.
        columns: the members' settings such as momentum.  # (member, 1)
        strengths: of each penalty by its name.  # (member, 1)
        clip: largest norm of each member's gradient.  # (member, 1); None for no limit
    """

    def __init__(
        self,
        networks: Networks,
        *,
        loss: Loss,
        outputs: int,
        optimizer: Optimizer,
        state: Mapping[str, Tensor] | None,
        columns: Mapping[str, Tensor],
        strengths: Mapping[str, Tensor],
        clip: Tensor | None,
    ) -> None:
        theta = networks.parameters.theta
        self.state = dict(state or optimizer.init(theta))
        self._networks = networks
        self._loss, self._true = loss, outputs
        self._optimizer = optimizer
        self._columns, self._strengths, self._clip = columns, strengths, clip
        self._mask = torch.from_numpy(networks.model.layout.weight_mask).to(theta)
        self._gradient = Parameters(networks.model.layout, torch.zeros_like(theta))

    def gradient(self) -> Tensor:
        """The last gradient in the parameters' order.  # (member, parameter)."""
        return self._gradient.theta

    def compute_gradient(
        self, inputs: Tensor, targets: Tensor, rows: Rows, drops: Sequence[Drop]
    ) -> None:
        """Gradient of the mean loss over the true rows."""
        leaves = self._networks.parameters.as_leaves()
        networks = Networks(self._networks.model, leaves, self._networks.statistics)
        with torch.enable_grad():
            outputs = Pass(networks, rows, drops).run(inputs)
            # A product with the loss's own slopes, since to hand them to autograd imports sympy.
            slopes = (outputs * self._delta(outputs.detach(), targets, rows)).sum()
        gradients = torch.autograd.grad(slopes, leaves.views)
        for view, gradient in zip(self._gradient.views, gradients, strict=True):
            view.copy_(gradient)

    def _delta(self, outputs: Tensor, targets: Tensor, rows: Rows) -> Tensor:
        """Derivative of the mean loss with respect to the outputs, zero for padding."""
        delta = torch.zeros_like(outputs)
        true = slice(0, self._true)
        slopes = self._loss.gradient(outputs[..., true], targets[..., true])
        delta[..., true] = slopes.mul_(rows.weights)
        return delta

    def update(self, step: int, rates: Tensor) -> None:
        """One step of the optimizer; `step` counts from 1, `rates` is (member, 1)."""
        theta, gradient = self._networks.parameters.theta, self._gradient.theta
        penalties = [(REGULARIZERS[name], column) for name, column in self._strengths.items()]
        for penalty, strength in penalties:
            if penalty.on_gradient:
                penalty.on_gradient(gradient, theta * self._mask, strength)
        if self._clip is not None:
            norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient.mul_((self._clip / (norms + _CLIP_EPSILON)).clamp_max(1))
        for penalty, strength in penalties:
            if penalty.before_step:
                penalty.before_step(theta, self._mask, rates * strength)
        columns = {**self._columns, "learning_rate": rates}
        self._optimizer.update(theta, gradient, self.state, columns, step)
        for penalty, strength in penalties:
            if penalty.after_step:
                penalty.after_step(theta, self._mask, rates * strength)
