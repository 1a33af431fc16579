"""A cohort: networks that train stacked, one training step, and removal of a member."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.data.split import Split
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES
from suite.randomness import generator
from suite.training.autograd import AutogradKernel
from suite.training.batches import batches, draw_drops, draw_noise, epoch_rows
from suite.training.forward import Drop, Networks
from suite.training.fused import PENALTIES, UPDATES, FusedKernel
from suite.training.kernels import is_fused
from suite.training.layout import BLOCK, Layout, draw_parameters, padded
from suite.training.model import Parameters, make_model
from suite.training.normalization import Rows, Statistics
from suite.training.pool import Pool, make_pool
from suite.training.pruning import prune, smallest
from suite.training.snapshots import PROBE_ROWS
from suite.training.state import OPTIMIZER, PRUNED, State
from suite.trial import Replicate, Trial

# What a member draws while it trains, each from a generator of its own.
_DRAWN = ("batch order", "dropout", "input noise")


class Cohort:
    """Networks that train stacked. Members never influence each other.

    Args:
        trials: recipes with one `cohort_key`.
        splits: the data of every replicate that a trial names.
        device: where tensors live.
        dtype: float32, or float64 for gradient checks, which no native pass can do.
        states: where each trial goes on from, all after one epoch, or the networks that trials
            with a `pretrained_on` begin with; empty starts anew.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        splits: Mapping[Replicate, Split],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        states: Sequence[State] = (),
    ) -> None:
        if len({trial.cohort_key for trial in trials}) != 1:
            raise ValueError("trials of one cohort may differ in stackable fields only")
        recipe = trials[0]
        self.trials = list(trials)
        self.pool: Pool = make_pool(splits, device)
        self.model = make_model(recipe, self.pool.shape, self.pool.outputs)
        self.loss = LOSSES[recipe.loss]
        self.steps = 0
        samples = self.pool.train.counts[recipe.replicate]
        self._all_steps = recipe.epochs * ceil(samples / recipe.batch_size)
        self._schedule = SCHEDULES[recipe.schedule]
        self._fused = device.type == "cpu" and dtype == torch.float32 and is_fused(recipe)
        self._pruned: Tensor | None = None
        self._draws = [{d: generator(_order(trial), d) for d in _DRAWN} for trial in trials]
        if states and is_going_on(recipe, states[0]):
            self._go_on(states, ceil(samples / recipe.batch_size), device)
        elif states:
            self._begin_with(states, device)
        else:
            theta = self._first_theta(device, dtype)
            self._adopt(theta, Statistics(self.model.layout, theta), None)

    def _begin_with(self, states: Sequence[State], device: torch.device) -> None:
        """Take other networks' weights, the pruned ones left out, and nothing else of theirs."""
        theta, values = (_stacked(states, name, device) for name in ("theta", "statistics"))
        shares = [trial.prune for trial in self.trials]
        if any(shares):
            self._pruned = smallest(self.model.layout, theta, shares)
            prune(theta, self._pruned)
        self._adopt(theta, Statistics(self.model.layout, theta, values), None)

    def _go_on(self, states: Sequence[State], steps: int, device: torch.device) -> None:
        """Take up training where the members' states left it, `steps` to an epoch."""
        self.steps = states[0].epoch * steps
        for draws, state in zip(self._draws, states, strict=True):
            for purpose, rng in draws.items():
                rng.bit_generator.state = state.draws[purpose]
        theta, values = (_stacked(states, name, device) for name in ("theta", "statistics"))
        if any(trial.prune for trial in self.trials):
            none = np.zeros(theta.shape[1], dtype=bool)
            rows = [state.arrays.get(PRUNED, none) for state in states]
            self._pruned = torch.from_numpy(np.stack(rows)).to(device)
        names = [name for name in states[0].arrays if name.startswith(OPTIMIZER)]
        remembered = {n.removeprefix(OPTIMIZER): _stacked(states, n, device) for n in names}
        self._adopt(theta, Statistics(self.model.layout, theta, values), remembered)

    def rows_of(self, member: int) -> dict[str, NDArray[Any]]:
        """A copy of the member's row in every matrix, by the names that `State.arrays` has."""
        matrices = {
            "theta": self.parameters.theta,
            "statistics": self.networks.statistics.values,
            **{f"{OPTIMIZER}{name}": rows for name, rows in self.kernel.state.items()},
        }
        if self._pruned is not None and self.trials[member].prune:
            matrices[PRUNED] = self._pruned
        return {name: matrix[member].cpu().numpy().copy() for name, matrix in matrices.items()}

    def draws_of(self, member: int) -> dict[str, Mapping[str, Any]]:
        """State of the member's generators, by purpose."""
        return {purpose: rng.bit_generator.state for purpose, rng in self._draws[member].items()}

    def _first_theta(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        slope = self.model.activation.slope
        rows = [
            draw_parameters(self.model.layout, INITIALIZERS[t.initializer], t.gain, t.seed, slope)
            for t in self.trials
        ]
        return torch.from_numpy(np.stack(rows)).to(dtype).to(device)

    def _adopt(
        self, theta: Tensor, statistics: Statistics, state: Mapping[str, Tensor] | None
    ) -> None:
        """Take a parameter matrix and build everything that has a row a member around it."""
        self.parameters = Parameters(self.model.layout, theta)
        self.networks = Networks(self.model, self.parameters, statistics)
        self._rates = self._column([trial.learning_rate for trial in self.trials])
        self._rows: dict[int, Rows] = {}
        make_kernel = self._fused_kernel if self._fused else self._autograd_kernel
        self.kernel: FusedKernel | AutogradKernel = make_kernel(state)

    def _fused_kernel(self, state: Mapping[str, Tensor] | None) -> FusedKernel:
        recipe = self.trials[0]
        return FusedKernel(
            self.networks,
            loss=recipe.loss,
            outputs=self.pool.outputs,
            optimizer=recipe.optimizer,
            state=state,
            momenta=[trial.momentum for trial in self.trials],
            penalties=[[_strength(t, name) for name in PENALTIES] for t in self.trials],
        )

    def _autograd_kernel(self, state: Mapping[str, Tensor] | None) -> AutogradKernel:
        recipe = self.trials[0]
        names = [name for name in REGULARIZERS if _strength(recipe, name)]
        clips = [trial.gradient_clip for trial in self.trials]
        return AutogradKernel(
            self.networks,
            loss=self.loss,
            outputs=self.pool.outputs,
            optimizer=OPTIMIZERS[recipe.optimizer],
            state=state,
            columns={"momentum": self._column([trial.momentum for trial in self.trials])},
            strengths={
                name: self._column([_strength(t, name) for t in self.trials]) for name in names
            },
            clip=None if None in clips else self._column(clips),
        )

    def _column(self, values: Sequence[float | None]) -> Tensor:
        theta = self.parameters.theta
        return torch.tensor(values, dtype=theta.dtype, device=theta.device).unsqueeze(1)

    @property
    def replicates(self) -> list[Replicate]:
        """What each member trains on."""
        return [trial.replicate for trial in self.trials]

    def keep(self, members: Sequence[int]) -> None:
        """Go on with the given members alone; the others' rows leave every matrix.

        With no members left, the cohort is at its end.
        """
        if not members:
            self.trials = []
            return
        theta, values = self.parameters.theta, self.networks.statistics.values
        index = torch.tensor(members, dtype=torch.long, device=theta.device)
        self.trials = [self.trials[m] for m in members]
        self._draws = [self._draws[m] for m in members]
        state = {name: rows[index] for name, rows in self.kernel.state.items()}
        theta = theta[index]
        if self._pruned is not None:
            self._pruned = self._pruned[index]
        self._adopt(theta, Statistics(self.model.layout, theta, values[index]), state)

    def train_epoch(self) -> Tensor:
        """One pass of every member over its own training rows, in its own order.

        Returns:
            The parameters before the last step.  # (member, parameter)
        """
        part = self.pool.train
        rows = epoch_rows(part, self.replicates, self._generators("batch order"))
        left = ceil(rows.shape[1] / self.trials[0].batch_size)
        before = self.parameters.theta
        for inputs, targets, true_rows in batches(part, rows, self.trials[0].batch_size):
            left -= 1
            if left == 0:
                before = self.parameters.theta.clone()
            self.step(inputs, targets, true_rows)
        return before

    def step(self, inputs: Tensor, targets: Tensor, true_rows: int) -> None:
        """One update from one batch a member; rows past `true_rows` are padding."""
        rates = self._rates * self._schedule.factor(self.steps, self._all_steps)
        self.steps += 1
        self.compute_gradient(inputs, targets, true_rows)
        self.kernel.update(self.steps, rates)
        if self._pruned is not None:
            prune(self.parameters.theta, self._pruned)

    def compute_gradient(self, inputs: Tensor, targets: Tensor, true_rows: int) -> None:
        """Compute the gradient of the mean loss over the true rows; see `gradient`."""
        if self.trials[0].strength("input_noise"):
            features, draws = prod(self.pool.shape), self._generators("input noise")
            inputs = inputs + draw_noise(inputs, features, self.trials, draws)
        for name, _ in self.trials[0].regularizers:
            blend = REGULARIZERS[name].on_targets
            if blend:
                strengths = self._column([trial.strength(name) for trial in self.trials])
                targets = blend(targets, strengths.unsqueeze(2), self.pool.outputs)
        rows = self._rows_of(inputs.shape[1], true_rows)
        self.kernel.compute_gradient(inputs, targets, rows, self._drops(inputs.shape[1]))

    @property
    def gradient(self) -> Parameters:
        """The last gradient, laid out like the parameters."""
        return Parameters(self.model.layout, self.kernel.gradient())

    def _drops(self, rows: int) -> list[Drop]:
        draws = self._generators("dropout")
        return draw_drops(self.model.layout, rows, self.trials, draws, self.parameters.theta)

    def _generators(self, purpose: str) -> list[np.random.Generator]:
        return [draws[purpose] for draws in self._draws]

    def _rows_of(self, rows: int, true_rows: int) -> Rows:
        """1/true_rows for true rows, 0 for padding."""
        if true_rows not in self._rows:
            weights = self.parameters.theta.new_zeros(rows, 1)
            weights[:true_rows] = 1 / true_rows
            self._rows[true_rows] = Rows(weights, true_rows)
        return self._rows[true_rows]

    def finite(self) -> list[bool]:
        """Whether each member's parameters are all finite."""
        whole: list[bool] = torch.isfinite(self.parameters.theta).all(dim=1).tolist()
        return whole


def is_going_on(trial: Trial, state: State) -> bool:
    """Whether a state is of the trial's own recipe, not of the network that it begins with."""
    return state.recipe == trial.whole.id


def _order(trial: Trial) -> int:
    return trial.seed if trial.order is None else trial.order


def _stacked(states: Sequence[State], name: str, device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack([state.arrays[name] for state in states])).to(device)


def _strength(trial: Trial, name: str) -> float:
    """A penalty's strength; AdamW brings its own weight decay where the recipe names none."""
    own = OPTIMIZERS[trial.optimizer].decay if name == "weight_decay" else 0.0
    return trial.strength(name) or own


def cohort_bytes(
    trial: Trial, shape: tuple[int, ...], outputs: int, probes: Collection[str] = ()
) -> int:
    """Memory that one member of a cohort takes while it trains and is probed, its data left out."""
    layout = make_model(trial, shape, outputs).layout
    fused = is_fused(trial)
    init = OPTIMIZERS[trial.optimizer].init
    remembered = len(UPDATES[trial.optimizer] if fused else init(torch.zeros(1, BLOCK)))
    # Parameters, gradient, one more for what a step clones or masks, and the optimizer's own.
    matrices = 3 + remembered
    rows = max(padded(trial.batch_size), 128)
    units = sum(placed.columns * prod(placed.layer.maps) for placed in layout.layers)
    # The fast kernel keeps outputs, deltas, dropped and normalized; autograd every step on the way.
    copies = 3 + layout.norms if fused else 6 + 4 * layout.norms
    training = 4 * (matrices * layout.size + copies * rows * units + rows * padded(prod(shape)))
    if fused:
        training += _patch_bytes(layout, padded(trial.batch_size))
    return training + (_snapshot_bytes(layout, units) if probes else 0)


def _patch_bytes(layout: Layout, rows: int) -> int:
    """Of what lies under the fast kernel's convolutions, and of its gradient."""
    maps = [placed for placed in layout.layers if placed.layer.kernel]
    return 4 * 2 * sum(rows * prod(p.layer.maps) * p.weights.shape[0] for p in maps)


def _snapshot_bytes(layout: Layout, units: int) -> int:
    """Of a look inside in float64: parameters, their gradient and update, what the pass keeps."""
    # Pre-activations, activations and deltas of every layer, and autograd's steps between them.
    copies = 8 + 4 * layout.norms
    return 8 * (4 * layout.size + copies * PROBE_ROWS * units)
