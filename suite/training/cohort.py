"""A cohort's state: row-per-member matrices, one training step, and removal of a member."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from suite.data.split import Split
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.randomness import generator
from suite.training.backpropagation import Parameters, Workspace, backward, forward
from suite.training.batches import batches, dropout_masks, epoch_rows
from suite.training.layout import draw_parameters, make_layout, padded
from suite.training.pool import Pool, make_pool
from suite.trial import Trial


class Cohort:
    """Networks that train stacked. Members never influence each other.

    Args:
        trials: recipes with one `cohort_key`.
        splits: the data of every split that a trial names.
        device: where tensors live.
        dtype: float32, or float64 for gradient checks.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        splits: Mapping[int, Split],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if len({trial.cohort_key for trial in trials}) != 1:
            raise ValueError("trials of one cohort may differ in stackable fields only")
        recipe = trials[0]
        self.trials = list(trials)
        self.pool: Pool = make_pool(splits, device)
        shapes = NETWORKS[recipe.network].shapes(
            self.pool.features, self.pool.outputs, recipe.depth, recipe.width
        )
        self.layout = make_layout(shapes)
        self.activation = ACTIVATIONS[recipe.activation]
        self.loss = LOSSES[recipe.loss]
        self.optimizer = OPTIMIZERS[recipe.optimizer]
        self.orders = [generator(trial.seed, "batch order") for trial in trials]
        self.draws = [generator(trial.seed, "dropout") for trial in trials]
        self.steps = 0
        self._penalties = [(name, REGULARIZERS[name]) for name, _ in recipe.regularizers]
        self._weight_mask = torch.from_numpy(self.layout.weight_mask).to(device, dtype)
        self._adopt(self._first_theta(device, dtype))
        self.state = self.optimizer.init(self.parameters.theta)

    def _first_theta(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        rows = [
            draw_parameters(self.layout, INITIALIZERS[t.initializer], t.gain, t.seed)
            for t in self.trials
        ]
        return torch.from_numpy(np.stack(rows)).to(dtype).to(device)

    def _adopt(self, theta: Tensor) -> None:
        """Take a parameter matrix and build everything that has a row a member around it."""
        self.parameters = Parameters(self.layout, theta)
        self.gradient = Parameters(self.layout, torch.zeros_like(theta))
        self.columns = {
            "learning_rate": self._column([t.learning_rate for t in self.trials]),
            "momentum": self._column([t.momentum for t in self.trials]),
        }
        self.strengths = {
            name: self._column([t.strength(name) for t in self.trials])
            for name, _ in self._penalties
        }
        self._workspaces: dict[int, Workspace] = {}
        self._row_weights: dict[int, Tensor] = {}

    def _column(self, values: Sequence[float]) -> Tensor:
        theta = self.parameters.theta
        return torch.tensor(values, dtype=theta.dtype, device=theta.device).unsqueeze(1)

    @property
    def splits(self) -> list[int]:
        """Each member's split."""
        return [trial.split for trial in self.trials]

    def keep(self, members: Sequence[int]) -> None:
        """Go on with the given members alone; the others' rows leave every matrix."""
        theta = self.parameters.theta
        index = torch.tensor(members, dtype=torch.long, device=theta.device)
        self.trials = [self.trials[m] for m in members]
        self.orders = [self.orders[m] for m in members]
        self.draws = [self.draws[m] for m in members]
        self.state = {name: rows[index] for name, rows in self.state.items()}
        self._adopt(theta[index])

    def train_epoch(self) -> None:
        """One pass of every member over its own training rows, in its own order."""
        part = self.pool.train
        rows = epoch_rows(part, self.splits, self.orders)
        for inputs, targets, true_rows in batches(part, rows, self.trials[0].batch_size):
            self.step(inputs, targets, true_rows)

    def step(self, inputs: Tensor, targets: Tensor, true_rows: int) -> None:
        """One update from one batch a member; rows past `true_rows` are padding."""
        self.steps += 1
        self.compute_gradient(inputs, targets, true_rows)
        theta, gradient = self.parameters.theta, self.gradient.theta
        for name, penalty in self._penalties:
            if penalty.on_gradient:
                penalty.on_gradient(gradient, theta * self._weight_mask, self.strengths[name])
        self.optimizer.update(theta, gradient, self.state, self.columns, self.steps)
        for name, penalty in self._penalties:
            if penalty.on_weights:
                threshold = self.columns["learning_rate"] * self.strengths[name]
                penalty.on_weights(theta, self._weight_mask, threshold)

    def compute_gradient(self, inputs: Tensor, targets: Tensor, true_rows: int) -> None:
        """Put the gradient of the mean loss over the true rows into `gradient`."""
        work = self._workspace(inputs.shape[1])
        masks = self._masks(inputs.shape[1])
        outputs = forward(self.parameters, self.activation, inputs, work, masks)
        true = slice(0, self.pool.outputs)
        delta = self.loss.gradient(outputs[..., true], targets[..., true])
        torch.mul(delta, self._weights_of_rows(inputs.shape[1], true_rows), out=delta)
        work.deltas[-1][..., true] = delta
        backward(self.parameters, self.gradient, self.activation, inputs, work, masks)

    def _workspace(self, rows: int) -> Workspace:
        if rows not in self._workspaces:
            self._workspaces[rows] = Workspace(self.parameters, rows)
        return self._workspaces[rows]

    def _weights_of_rows(self, rows: int, true_rows: int) -> Tensor:
        """1/true_rows for true rows, 0 for padding.  # (row, 1)."""
        if true_rows not in self._row_weights:
            weights = self.parameters.theta.new_zeros(rows, 1)
            weights[:true_rows] = 1 / true_rows
            self._row_weights[true_rows] = weights
        return self._row_weights[true_rows]

    def _masks(self, rows: int) -> list[Tensor]:
        if not any(penalty.drops for _, penalty in self._penalties):
            return []
        rates = [trial.strength("dropout") for trial in self.trials]
        theta = self.parameters.theta
        masks = dropout_masks(self.layout, rows, rates, self.draws, theta.device)
        return [mask.to(theta.dtype) for mask in masks]

    def finite(self) -> list[bool]:
        """Whether each member's parameters are all finite."""
        whole: list[bool] = torch.isfinite(self.parameters.theta).all(dim=1).tolist()
        return whole


def cohort_bytes(trial: Trial, features: int, outputs: int) -> int:
    """Memory that one member of a cohort takes while it trains, its data left out."""
    shapes = NETWORKS[trial.network].shapes(features, outputs, trial.depth, trial.width)
    layout = make_layout(shapes)
    matrices = 3 + len(OPTIMIZERS[trial.optimizer].init(torch.zeros(1, 16)))
    rows = max(padded(trial.batch_size), 128)
    units = sum(layer.columns for layer in layout.layers)
    return 4 * (matrices * layout.size + 3 * rows * units + rows * padded(features))
