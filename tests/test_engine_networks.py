"""Stacked networks against modules of torch.nn trained by torch.optim: see plain_torch."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from suite.parts.networks import POOLINGS, training_flops
from suite.training.cohort import Cohort
from suite.trial import Trial
from tests.plain_torch import (
    BENDS,
    LOSSES,
    NETWORKS,
    OPTIMIZERS,
    SCHEDULES,
    Plain,
    assert_equal,
    loss_of,
    penalised,
    plain,
    state,
    train_plainly,
)

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SHAPES = {0: (7,), 1: (2, 11), 2: (2, 6, 5)}
ON_MAPS = ("convolutional", "residual_convolutional")
NORMED = [(), ("batch_norm",), ("layer_norm",), ("batch_norm", "layer_norm")]
FAMILIES = [
    *((network, 0, "stride") for network in NETWORKS if network not in ON_MAPS),
    *itertools.product(ON_MAPS, (1, 2), POOLINGS),
]
ACTIVATION = itertools.cycle(BENDS)
OPTIMIZER = itertools.cycle(OPTIMIZERS)
CALM = itertools.cycle(("sgd", "momentum", "nesterov"))
RATES = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02}


def named(case: tuple) -> str:
    trial, directions = case
    norms = [name for name, _ in trial.regularizers]
    return "-".join((f"{trial.network}{directions}", trial.pooling, *norms, trial.activation))


def every_family() -> list[tuple[Trial, int]]:
    """Each family with each pooling and normalization; the other parts take turns."""
    cases = []
    for index, (family, norms) in enumerate(itertools.product(FAMILIES, NORMED)):
        network, directions, pooling = family
        activation = next(ACTIVATION)
        # Of biases before a batch normalization, gradients are rounding errors, which the
        # optimizers that scale them would follow.
        optimizer = next(CALM if "batch_norm" in norms else OPTIMIZER)
        trial = Trial(
            dataset="synthetic",
            network=network,
            pooling=pooling,
            depth=2 + index // 3 % 2,
            width=(5, 17)[index % 3 == 2],  # convolutions go another way from 16 channels on
            kernel_size=1 + index % 5,
            activation=activation,
            initializer="pytorch",
            optimizer=optimizer,
            learning_rate=RATES.get(optimizer, 0.005),
            regularizers=tuple((name, 1) for name in norms),
            epochs=3 if directions else 7,
            batch_size=20,
        )
        cases.append((trial, directions))
    return cases


CASES = every_family()


def data_of(make_split, directions: int, task: str = "classification"):
    shape = SHAPES[directions]
    split = make_split(1, (45, 33, 21), features=math.prod(shape), task=task)
    return replace(split, shape=shape)


def twins(trial: Trial) -> list[Trial]:
    """The trial as the second of two whose settings differ in all that may."""
    halved = tuple((name, s if s == 1 else s / 2) for name, s in trial.regularizers)
    clip = trial.gradient_clip and trial.gradient_clip / 2
    other = {"seed": 9, "learning_rate": trial.learning_rate / 3, "momentum": 0.5}
    return [replace(trial, regularizers=halved, gradient_clip=clip, **other), trial]


def train_both(trial: Trial, split) -> tuple[Cohort, Plain]:
    """The trial as a member of a cohort, and as a module; each trained on its own."""
    cohort = Cohort(twins(trial), {trial.replicate: split}, CPU)
    module = plain(cohort, 1)
    for _ in range(trial.epochs):
        cohort.train_epoch()
    train_plainly(trial, split, module)
    return cohort, module


def outputs_of(cohort: Cohort, member: int, rows: np.ndarray) -> torch.Tensor:
    inputs = torch.zeros(len(cohort.trials), len(rows), cohort.pool.train.inputs.shape[1])
    inputs[..., : rows.shape[1]] = torch.from_numpy(rows)
    return cohort.networks.outputs(inputs)[member, :, : cohort.pool.outputs]


@pytest.mark.parametrize(("trial", "directions"), CASES, ids=map(named, CASES))
def test_a_trained_network_is_torchs(trial, directions, make_split) -> None:
    """Parameters and running statistics after 9 or 21 steps, and outputs in evaluation mode."""
    split = data_of(make_split, directions)
    cohort, module = train_both(trial, split)
    assert cohort.steps == 3 * trial.epochs
    assert_equal(state(cohort, 1), module.state_dict(), 1e-5)
    assert cohort.parameters.theta[1].count_nonzero() <= cohort.model.layout.parameters
    with torch.no_grad():
        expected = plain(cohort, 1).eval()(torch.from_numpy(split.validation_inputs))
    actual = outputs_of(cohort, 1, split.validation_inputs)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("trial", "directions"), CASES, ids=map(named, CASES))
def test_a_gradient_is_torchs_in_double_precision(trial, directions, make_split) -> None:
    """After a step, since gains of 1 and shifts of 0 would hide something; statistics too."""
    split = data_of(make_split, directions)
    cohort = Cohort(twins(trial), {trial.replicate: split}, CPU, torch.float64)
    rows = np.minimum(np.arange(16), 10)  # eleven true rows, padded with the last
    inputs, targets = cohort.pool.train.gather(np.stack([rows, rows]))
    batch = inputs.double(), targets.double(), 11
    cohort.step(*batch)
    module = plain(cohort, 1)
    cohort.compute_gradient(*batch)
    outputs = module(torch.from_numpy(split.train_inputs[:11]).double())
    loss_of(trial, outputs, torch.from_numpy(split.train_targets[:11])).backward()
    gradients = {name: values.grad for name, values in module.named_parameters()}
    assert_equal(state(cohort, 1, cohort.gradient), gradients, 1e-12)
    running = {name: values for name, values in module.named_buffers() if "running" in name}
    assert_equal({k: v for k, v in state(cohort, 1).items() if k in running}, running, 1e-12)


@pytest.mark.parametrize(("trial", "directions"), CASES, ids=map(named, CASES))
def test_sizes_and_what_is_not_drawn_are_torchs(trial, directions, make_split) -> None:
    """Numbers of parameters and operations; gains, shifts, slopes and statistics at the start."""
    split = data_of(make_split, directions)
    cohort = Cohort([trial], {trial.replicate: split}, CPU)
    module = Plain(trial, split.shape, split.outputs)
    assert cohort.model.layout.parameters == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.from_numpy(split.train_inputs[:10])).sum().backward()
    layers = tuple(placed.layer for placed in cohort.model.layout.layers)
    assert training_flops(layers, samples=10, epochs=1) == counter.get_total_flops()
    given = {k: v for k, v in module.state_dict().items() if "norms" in k or "bend" in k}
    ours = {name: values for name, values in state(cohort, 0).items() if name in given}
    assert_equal(ours, given, 0)


@pytest.mark.parametrize("network", ON_MAPS)
@pytest.mark.parametrize("shape", [(17, 1), (1, 2), (18, 3, 1), (16, 2, 7)], ids=str)
@pytest.mark.parametrize("depth", [0, 1, 4])
def test_maps_of_one_place_and_many_channels_are_torchs(network, shape, depth, make_split) -> None:
    split = replace(make_split(1, features=math.prod(shape)), shape=shape)
    trial = Trial(
        dataset="synthetic",
        network=network,
        depth=depth,
        width=3,
        kernel_size=4,
        learning_rate=0.003,
        epochs=2,
        batch_size=22,  # 45 rows: the last batch is of one row
    )
    cohort, module = train_both(trial, split)
    assert_equal(state(cohort, 1), module.state_dict(), 1e-5)


# Parts together

COMBINATIONS = {
    **{f"schedule={name}": {"schedule": name} for name in SCHEDULES},
    "clip": {"gradient_clip": 0.1},
    "clip+l2": {"gradient_clip": 0.2, "l2": 0.5},
    "clip+norms": {"gradient_clip": 0.1, "batch_norm": 1, "layer_norm": 1},
    "clip+prelu": {"gradient_clip": 0.05, "activation": "prelu"},
    "clip never reached": {"gradient_clip": 1e3},
    "smoothing": {"label_smoothing": 0.2},
    **{f"smoothing+{loss}": {"label_smoothing": 0.3, "loss": loss} for loss in LOSSES},
    **{f"{loss} of values": {"loss": loss} for loss in LOSSES if loss != "cross_entropy"},
    **{f"{loss} of classes": {"loss": loss, "classes": True} for loss in LOSSES},
    "adam+decay": {"optimizer": "adam", "weight_decay": 3.0},
    "adamw's own decay": {"optimizer": "adamw"},
    "adamw+decay": {"optimizer": "adamw", "weight_decay": 4.0},
    "adamw+decay+gelu": {"optimizer": "adamw", "weight_decay": 4.0, "activation": "gelu"},
    "adamw+decay+norms": {"optimizer": "adamw", "weight_decay": 4.0, "layer_norm": 1},
    "decay+cosine": {"weight_decay": 2.0, "schedule": "cosine", "l1": 0.02},
    "l1+one cycle": {"l1": 0.05, "schedule": "one_cycle"},
    "l2+l1+dropout": {"l2": 0.2, "l1": 0.03, "dropout": 0.3},
    "alpha dropout": {"alpha_dropout": 0.2, "activation": "selu"},
    "alpha dropout+norm": {"alpha_dropout": 0.2, "layer_norm": 1, "activation": "sigmoid"},
    "noise": {"input_noise": 0.4},
    "noise+norm": {"input_noise": 0.4, "batch_norm": 1},
    "all": {
        **{"dropout": 0.2, "l1": 0.01, "l2": 0.1, "weight_decay": 1.0, "label_smoothing": 0.1},
        **{"input_noise": 0.2, "schedule": "warm_up_cosine", "early_stopping": 99},
    },
    "all+norms+clip": {
        **{"dropout": 0.2, "l1": 0.01, "l2": 0.1, "weight_decay": 1.0, "label_smoothing": 0.1},
        **{"input_noise": 0.2, "schedule": "step", "batch_norm": 1, "layer_norm": 1},
        **{"gradient_clip": 0.3, "activation": "prelu"},
    },
}
RUNS = [
    *((name, "dense", 0) for name in COMBINATIONS),
    *((name, "residual", 0) for name in COMBINATIONS if "all" in name or "clip" in name),
    *((name, "residual_convolutional", 2) for name in ("l2+l1+dropout", "all", "all+norms+clip")),
    *((name, "convolutional", 1) for name in ("alpha dropout", "alpha dropout+norm", "noise+norm")),
]


def combined(name: str, **settings) -> tuple[Trial, str]:
    """A combination's recipe, and the kind of task that it is for."""
    parts = {"optimizer": "momentum", "width": 13, "depth": 2} | COMBINATIONS[name] | settings
    task = "regression" if name.endswith("of values") else "classification"
    fields = {k: v for k, v in parts.items() if k in Trial.__slots__}
    strengths = {k: v for k, v in parts.items() if k not in fields and k != "classes"}
    rate = RATES.get(parts["optimizer"], 0.005)
    fields = {"learning_rate": rate, "batch_size": 20, "epochs": 7, "kernel_size": 2, **fields}
    return Trial(dataset="synthetic", regularizers=tuple(strengths.items()), **fields), task


@pytest.mark.parametrize(("name", "network", "directions"), RUNS, ids=str)
def test_parts_combine_as_in_torch(name, network, directions, make_split) -> None:
    """Twenty-one steps; dense recipes without clipping or norms take the native passes."""
    trial, task = combined(name, network=network)
    cohort, module = train_both(trial, data_of(make_split, directions, task))
    assert_equal(state(cohort, 1), module.state_dict(), 1e-5)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_decay_l1_and_a_schedule_go_with_every_optimizer(optimizer, activation, make_split) -> None:
    parts = {"optimizer": optimizer, "activation": activation, "momentum": 0.7}
    trial, task = combined("decay+cosine", l1=1.0, **parts)
    cohort, module = train_both(trial, data_of(make_split, 0, task))
    assert_equal(state(cohort, 1), module.state_dict(), 1e-5)
    assert any((weight == 0).any() for weight in penalised(module))
