"""One network as a textbook would write it: built from torch.nn, trained by torch.optim.

Nothing here uses the engine's own passes; only where each number lies in a member's row of
parameters is taken from it.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from suite.randomness import generator
from suite.training.cohort import Cohort
from suite.training.layout import unpad_parameters
from suite.trial import Trial


class Sine(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.sin(values)


BENDS = {
    **{"identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU},
    **{"leaky_relu": nn.LeakyReLU, "prelu": nn.PReLU, "elu": nn.ELU, "selu": nn.SELU},
    **{"gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "softplus": nn.Softplus},
    **{"softsign": nn.Softsign, "hardtanh": nn.Hardtanh, "sine": Sine},
}
NETWORKS = ("linear", "dense", "residual", "convolutional", "residual_convolutional")
LOSSES = {
    "cross_entropy": functional.cross_entropy,
    "squared_error": functional.mse_loss,
    "absolute": functional.l1_loss,
    "huber": functional.huber_loss,
}
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
POOLS = {("max", 1): nn.MaxPool1d, ("max", 2): nn.MaxPool2d}
POOLS |= {("average", 1): nn.AvgPool1d, ("average", 2): nn.AvgPool2d}
NORMS = {
    ("batch_norm", 0): nn.BatchNorm1d,
    ("batch_norm", 1): nn.BatchNorm1d,
    ("batch_norm", 2): nn.BatchNorm2d,
    ("layer_norm", 0): nn.LayerNorm,
    ("layer_norm", 1): lambda units: nn.GroupNorm(1, units),
    ("layer_norm", 2): lambda units: nn.GroupNorm(1, units),
}


class Hidden(nn.Module):
    """Weights, normalizations, activation, and dropout by factors that come from outside."""

    def __init__(self, trial: Trial, units: int, directions: int, stride: int) -> None:
        super().__init__()
        self.stride, self.kernel = stride, trial.kernel_size
        self.weigh = nn.Linear(units, trial.width)
        if directions:
            self.weigh = CONVOLUTIONS[directions](units, trial.width, self.kernel, stride)
        names = [name for name in ("batch_norm", "layer_norm") if trial.strength(name)]
        self.norms = nn.ModuleList(NORMS[name, directions](trial.width) for name in names)
        self.bend = BENDS[trial.activation]()
        self.drop: Callable[[torch.Tensor], torch.Tensor] = lambda values: values

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        directions, margin = values.dim() - 2, self.kernel - self.stride
        if margin < 0:
            # A kernel of one place would otherwise use an odd place at the end.
            values = values[(..., *(slice(place // 2 * 2) for place in values.shape[2:]))]
        elif directions:
            values = functional.pad(values, (margin // 2, math.ceil(margin / 2)) * directions)
        values = self.weigh(values)
        for norm in self.norms:
            values = norm(values)
        values = self.bend(values)
        return self.drop(values) if self.training else values


class Plain(nn.Module):
    """One network as a textbook would write it."""

    def __init__(self, trial: Trial, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        depth = 0 if trial.network == "linear" else trial.depth
        self.maps = "convolutional" in trial.network and depth > 0
        self.residual, self.pooling = "residual" in trial.network, trial.pooling
        self.shape = shape if self.maps else (math.prod(shape),)
        units, *places = self.shape
        self.hidden, self.pools = nn.ModuleList(), nn.ModuleList()
        for _ in range(depth):
            halve = self.pooling != "global_average" and min(places, default=0) >= 2
            stride = 2 if halve and self.pooling == "stride" else 1
            self.hidden.append(Hidden(trial, units, len(places), stride))
            pools = halve and stride == 1
            self.pools.append(POOLS[self.pooling, len(places)](2) if pools else nn.Identity())
            units, places = trial.width, [place // 2 if halve else place for place in places]
        averaged = self.maps and self.pooling == "global_average"
        self.output = nn.Linear(units * (1 if averaged else math.prod(places)), outputs)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = values.view(-1, *self.shape)
        for index, (hidden, pool) in enumerate(zip(self.hidden, self.pools, strict=True)):
            new = hidden(values)
            if self.residual and index:
                steps = [slice(None, n * hidden.stride, hidden.stride) for n in new.shape[2:]]
                new = new + values[(..., *steps)]
            values = pool(new)
        if self.maps:
            values = values.movedim(1, -1).flatten(1, -2)  # (row, place, channel)
            values = values.mean(1) if self.pooling == "global_average" else values.flatten(1)
        return self.output(values)


def state(cohort: Cohort, member: int, parameters=None) -> dict[str, torch.Tensor]:
    """A member's numbers under torch's names and in torch's shapes; without statistics if given."""
    layout, numbers = cohort.model.layout, parameters or cohort.parameters
    found = {}
    pairs = unpad_parameters(layout, numbers.theta[member])
    for index, (placed, (weights, biases)) in enumerate(zip(layout.layers, pairs, strict=True)):
        last, units = index == cohort.model.hidden, placed.layer.units
        name = "output" if last else f"hidden.{index}.weigh"
        kernels = weights.view(*placed.layer.kernel, -1, units)  # (tap..., channel, unit)
        found[f"{name}.weight"] = kernels.movedim((-1, -2), (0, 1))
        found[f"{name}.bias"] = biases
        for norm, kind in enumerate(() if last else cohort.model.norms):
            name = f"hidden.{index}.norms.{norm}"
            found[f"{name}.weight"] = numbers.gains[index][norm][member, :units]
            found[f"{name}.bias"] = numbers.shifts[index][norm][member, :units]
            if kind == "batch_norm" and parameters is None:
                running = cohort.networks.statistics.of(index)
                found[f"{name}.running_mean"] = running.mean[member, :units]
                found[f"{name}.running_var"] = running.variance[member, :units]
                found[f"{name}.num_batches_tracked"] = torch.tensor(cohort.steps)
        if numbers.slopes[index] is not None:
            found[f"hidden.{index}.bend.weight"] = numbers.slopes[index][member, :1]
    return {name: values.clone() for name, values in found.items()}


def plain(cohort: Cohort, member: int) -> Plain:
    """The module with the member's numbers as they are now."""
    module = Plain(cohort.trials[member], cohort.pool.shape, cohort.pool.outputs)
    module.to(cohort.parameters.theta.dtype).load_state_dict(state(cohort, member))
    return module


def assert_equal(ours: dict, theirs: dict, tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        scale = max(1.0, float(values.detach().abs().max()))
        assert ours[name].shape == values.shape
        assert float((ours[name] - values).abs().max()) <= tolerance * scale, name


# The recipe as a plain loop


def penalised(module: Plain) -> list[nn.Parameter]:
    """The layers' weights: no biases, gains, shifts or slopes."""
    layers = [*(hidden.weigh for hidden in module.hidden), module.output]
    return [layer.weight for layer in layers]


def decay_of(trial: Trial) -> float:
    return trial.strength("weight_decay") or (0.01 if trial.optimizer == "adamw" else 0.0)


OPTIMIZERS = {
    "sgd": lambda trial, groups: torch.optim.SGD(groups, trial.learning_rate),
    "momentum": lambda trial, groups: torch.optim.SGD(groups, trial.learning_rate, trial.momentum),
    "nesterov": lambda trial, groups: torch.optim.SGD(
        groups, trial.learning_rate, trial.momentum, nesterov=True
    ),
    "rmsprop": lambda trial, groups: torch.optim.RMSprop(groups, trial.learning_rate),
    "adagrad": lambda trial, groups: torch.optim.Adagrad(groups, trial.learning_rate),
    "adam": lambda trial, groups: torch.optim.AdamW(groups, trial.learning_rate, weight_decay=0),
    "adamw": lambda trial, groups: torch.optim.AdamW(groups, trial.learning_rate, weight_decay=0),
}
# Those whose own weight decay is the decoupled one.
DECOUPLED = ("adam", "adamw")


def make_optimizer(trial: Trial, module: Plain) -> torch.optim.Optimizer:
    weights = penalised(module)
    others = [p for p in module.parameters() if all(p is not weight for weight in weights)]
    decay = decay_of(trial) if trial.optimizer in DECOUPLED else 0.0
    groups = [{"params": weights, "weight_decay": decay}, {"params": others}]
    return OPTIMIZERS[trial.optimizer](trial, groups)


def rise(steps: int) -> int:
    return max(1, steps // 10)


def warm_up(optimizer: torch.optim.Optimizer, steps: int) -> lr_scheduler.LRScheduler:
    return lr_scheduler.LinearLR(optimizer, 1 / rise(steps), total_iters=rise(steps) - 1)


SCHEDULES = {
    "constant": lambda optimizer, _: lr_scheduler.ConstantLR(optimizer, 1),
    "step": lambda optimizer, steps: lr_scheduler.MultiStepLR(
        optimizer, [math.ceil(steps / 2), math.ceil(3 * steps / 4)]
    ),
    "cosine": lr_scheduler.CosineAnnealingLR,
    "one_cycle": lambda optimizer, steps: lr_scheduler.OneCycleLR(
        optimizer, optimizer.param_groups[0]["lr"], steps, cycle_momentum=False
    ),
    "warm_up": warm_up,
    "warm_up_cosine": lambda optimizer, steps: lr_scheduler.SequentialLR(
        optimizer,
        [
            warm_up(optimizer, steps),
            lr_scheduler.CosineAnnealingLR(optimizer, steps - rise(steps)),
        ],
        [rise(steps)],
    ),
}


def loss_of(trial: Trial, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """torch's loss; `targets` are classes or values."""
    smoothing = trial.strength("label_smoothing")
    if trial.loss == "cross_entropy":
        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)
    if not targets.is_floating_point():
        classes = outputs.shape[1]
        targets = functional.one_hot(targets, classes).to(outputs) * (1 - smoothing)
        targets = targets + smoothing / classes
    return LOSSES[trial.loss](outputs, targets)


def sixteens(size: int) -> int:
    return 16 * math.ceil(size / 16)


def dropping(trial: Trial, rows: int, rng: np.random.Generator, dtype: torch.dtype):
    """The suite's rule written anew: sixteen bits a unit, rows and units rounded up to sixteens."""
    rate = trial.strength("dropout") or trial.strength("alpha_dropout")

    def drop(values: torch.Tensor) -> torch.Tensor:
        places, units = values.shape[2:], values.shape[1]
        shape = (sixteens(rows) * math.prod(places), sixteens(units))
        bits = torch.from_numpy(rng.integers(0, 65536, shape, dtype=np.uint16).astype(np.int32))
        kept = (bits >= round(rate * 65536))[: rows * math.prod(places), :units].to(dtype)
        kept = kept.view(rows, *places, units).movedim(-1, 1)
        if trial.strength("dropout"):
            return values * kept / (1 - rate)
        dropped = -1.7580993408473766  # SELU far below zero
        scale = ((1 - rate) * (1 + rate * dropped**2)) ** -0.5
        return scale * (values * kept + dropped * (1 - kept)) - scale * dropped * rate

    return drop if rate else lambda values: values


def train_plainly(trial: Trial, split, module: Plain) -> None:
    """Steps of torch.optim on the same batches and draws."""
    data, labels = torch.from_numpy(split.train_inputs), torch.from_numpy(split.train_targets)
    optimizer = make_optimizer(trial, module)
    steps = trial.epochs * math.ceil(len(data) / trial.batch_size)
    schedule = SCHEDULES[trial.schedule](optimizer, steps)
    order, dropout, noise = (
        generator(trial.seed, name) for name in ("batch order", "dropout", "input noise")
    )
    module.train()
    for _ in range(trial.epochs):
        for rows in torch.from_numpy(order.permutation(len(data))).split(trial.batch_size):
            shape = (sixteens(len(rows)), data.shape[1])
            drawn = noise.standard_normal(shape, dtype=np.float32)[: len(rows)]
            inputs = data[rows] + trial.strength("input_noise") * torch.from_numpy(drawn)
            for hidden in module.hidden:
                hidden.drop = dropping(trial, len(rows), dropout, torch.float32)
            take_step(trial, module, optimizer, loss_of(trial, module(inputs), labels[rows]))
            steps -= 1
            if steps:
                schedule.step()


def take_step(trial: Trial, module: Plain, optimizer, loss: torch.Tensor) -> None:
    weights, rate = penalised(module), optimizer.param_groups[0]["lr"]
    loss = loss + trial.strength("l2") / 2 * sum(weight.square().sum() for weight in weights)
    optimizer.zero_grad()
    loss.backward()
    if trial.gradient_clip is not None:
        nn.utils.clip_grad_norm_(module.parameters(), trial.gradient_clip)
    with torch.no_grad():
        if trial.optimizer not in DECOUPLED:
            for weight in weights:
                weight.mul_(1 - rate * decay_of(trial))
        optimizer.step()
        for weight in weights:
            shrunk = functional.softshrink(weight, rate * trial.strength("l1"))
            weight.copy_(shrunk)
