"""Mixtures of parts and members: the same bits in any company, and legal words for any end."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS, POOLINGS
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.trial import Trial
from tests.mixed_trials import all_numbers, company, data_for, numbers, recipe

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")

# Members do not influence each other

PENALTIES = (("l1", 1e-3), ("l2", 1e-2), ("weight_decay", 0.1))
SOFT = (("dropout", 0.3), ("input_noise", 0.2), ("label_smoothing", 0.1))
BOTH_NORMS = (("batch_norm", 1), ("layer_norm", 1))
MIXED = {
    "native": recipe(),
    "native, all": recipe(activation="tanh", regularizers=PENALTIES + SOFT, optimizer="adamw"),
    "native, values": recipe(task="regression", optimizer="nesterov", activation="selu"),
    "native, large": recipe(width=70, batch_size=150, schedule="cosine"),
    "linear": recipe(network="linear", regularizers=PENALTIES),
    "clip": recipe(gradient_clip=0.05, optimizer="rmsprop", schedule="one_cycle"),
    "all but norms": recipe(activation="prelu", gradient_clip=0.1, regularizers=PENALTIES + SOFT),
    "norms": recipe(network="residual", regularizers=BOTH_NORMS, activation="gelu"),
    "alpha": recipe(activation="selu", regularizers=(("alpha_dropout", 0.2),)),
    "values": recipe(task="regression", loss="huber", optimizer="adagrad", activation="mish"),
    "signals": recipe(1, network="convolutional", pooling="max", regularizers=BOTH_NORMS),
    "signals, wide": recipe(1, network="residual_convolutional", width=19, gradient_clip=1.0),
    "images": recipe(2, network="convolutional", pooling="average", regularizers=SOFT),
    "images, wide": recipe(2, network="convolutional", width=17, kernel_size=2, batch_size=30),
    "images, all": recipe(
        2,
        network="residual_convolutional",
        pooling="global_average",
        activation="prelu",
        gradient_clip=0.3,
        regularizers=PENALTIES + SOFT + BOTH_NORMS,
    ),
}
MIXTURES = pytest.mark.parametrize("trial", MIXED.values(), ids=MIXED)


@MIXTURES
def test_a_member_has_the_same_bits_in_any_company(trial) -> None:
    trials = company(trial, 7)
    among_all = all_numbers(trials)
    assert len({repr(found) for found in among_all.values()}) == 7
    order = np.random.default_rng(0).permutation(7)
    shuffled = [trials[index] for index in order]
    for chosen in (trials[3:4], trials[6:4:-1], shuffled):
        for member, found in all_numbers(chosen).items():
            assert found == among_all[member]


@MIXTURES
def test_a_diverging_member_leaves_the_others_bits(trial) -> None:
    trials = company(trial, 3)
    calm = all_numbers(trials, probes=("update_norm",))
    wild = [replace(trials[index], seed=50, learning_rate=1e38) for index in (0, 2)]
    beside = all_numbers([wild[0], *trials, wild[1]], probes=("update_norm",))
    assert all(beside[member] == calm[member] for member in trials)
    assert {calm[member][0] for member in trials} == {"completed"}
    assert {beside[member][0] for member in wild} == {"diverged"}


@MIXTURES
def test_removed_members_leave_the_others_state(trial) -> None:
    """Parameters, optimizer's memory, running statistics and draws, to the bit."""
    trials = company(trial, 4)
    splits = data_for(trials)
    whole, thinned = (Cohort(trials, splits, CPU) for _ in range(2))
    for leaving in (None, [3, 1, 2], [2, 0]):
        if leaving:
            thinned.keep(leaving)
        whole.train_epoch()
        thinned.train_epoch()
    left = [2, 3]
    assert thinned.trials == [trials[index] for index in left]
    assert torch.equal(thinned.parameters.theta, whole.parameters.theta[left])
    assert torch.equal(thinned.networks.statistics.values, whole.networks.statistics.values[left])
    assert thinned.kernel.state.keys() == whole.kernel.state.keys()
    for name, rows in thinned.kernel.state.items():
        assert torch.equal(rows, whole.kernel.state[name][left])


@MIXTURES
def test_two_threads_give_the_same_bits(trial) -> None:
    """At these sizes; executors train on one thread."""
    trials = company(trial, 3)
    one = all_numbers(trials)
    torch.set_num_threads(2)
    try:
        assert all_numbers(trials) == one
        assert all_numbers(trials[1:2])[trials[1]] == one[trials[1]]
    finally:
        torch.set_num_threads(1)


# Random mixtures

STRENGTHS = {
    "dropout": st.floats(0.05, 0.9),
    "alpha_dropout": st.floats(0.05, 0.9),
    "l1": st.floats(1e-6, 1.0),
    "l2": st.floats(1e-6, 10.0),
    "weight_decay": st.floats(1e-6, 10.0),
    "label_smoothing": st.floats(0.01, 0.9),
    "input_noise": st.floats(0.01, 3.0),
    "early_stopping": st.integers(1, 3),
    "batch_norm": st.just(1),
    "layer_norm": st.just(1),
}


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[Trial, int]:
    """A recipe of any parts, and a number of training rows."""
    task = draw(st.sampled_from(["classification", "regression"]))
    network = draw(st.sampled_from(sorted(NETWORKS)))
    directions = draw(st.sampled_from([1, 2] if "convolutional" in network else [0]))
    losses = sorted(name for name, loss in LOSSES.items() if task in loss.tasks)
    names = draw(st.sets(st.sampled_from(sorted(REGULARIZERS)), max_size=4))
    if {"dropout", "alpha_dropout"} <= names:
        names.remove("dropout")
    names = sorted(name for name in names if task in REGULARIZERS[name].tasks)
    trial = recipe(
        directions,
        task,
        network=network,
        loss=draw(st.sampled_from(losses)),
        depth=draw(st.integers(0, 4)),
        width=draw(st.integers(1, 20)),
        kernel_size=draw(st.integers(1, 5)),
        pooling=draw(st.sampled_from(sorted(POOLINGS))),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        initializer=draw(st.sampled_from(sorted(INITIALIZERS))),
        gain=draw(st.floats(0.1, 5.0)),
        optimizer=draw(st.sampled_from(sorted(OPTIMIZERS))),
        schedule=draw(st.sampled_from(sorted(SCHEDULES))),
        learning_rate=10 ** draw(st.floats(-4, 4)),
        gradient_clip=draw(st.none() | st.floats(1e-3, 10.0)),
        regularizers=tuple((n, draw(STRENGTHS.get(n, st.just(1)))) for n in names),
        batch_size=draw(st.integers(1, 45)),
        epochs=draw(st.integers(1, 3)),
    )
    return trial, draw(st.integers(2, 40))


@given(mixture=mixtures(), chosen=st.integers(0, 2))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_any_mixture_ends_in_a_word_and_in_the_same_bits(mixture, chosen) -> None:
    trial, rows = mixture
    trials = company(trial, 3)
    outcomes = fit(trials, data_for(trials, rows))
    for outcome in outcomes:
        assert outcome.outcome in ("completed", "dead", "diverged")
        assert bool(outcome.metrics) == (outcome.outcome != "diverged")
        assert all(math.isfinite(value) for value in outcome.metrics.values())
        assert np.isfinite(outcome.histories.value).all() if outcome.histories else True
        assert 1 <= outcome.epochs <= trial.epochs
        assert (outcome.best_epoch or 0) <= outcome.epochs
    together = {outcome.trial: numbers(outcome) for outcome in outcomes}
    assert (
        all_numbers(trials[chosen : chosen + 1], rows)[trials[chosen]] == together[trials[chosen]]
    )
    assert all_numbers(trials[::-1], rows) == together
