"""A trial's numbers are the same to the last bit alone and in any company."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.optimizers import OPTIMIZERS
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.probes import PROBES
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
ALL_PROBES = tuple(sorted(PROBES))
QUICK_PROBES = tuple(name for name in ALL_PROBES if not PROBES[name].costly)
# width, depth, batch size, inputs, outputs (1: regression): odd, padded by one, padded by none
SHAPES = [
    (37, 3, 13, 7, 3),
    (5, 2, 32, 1, 2),
    (16, 1, 50, 16, 16),
    (3, 1, 1000, 13, 1),
    (20, 0, 17, 33, 4),
    (17, 4, 1, 3, 5),
]
REGULARIZERS = [(), (("dropout", 0.3),), (("l1", 0.001), ("l2", 0.001))]
# Each activation with all regularizers; optimizers take turns, so that each meets all of those.
PARTS = [
    (activation, optimizer, regularizers)
    for (activation, regularizers), optimizer in zip(
        itertools.product(ACTIVATIONS, REGULARIZERS), itertools.cycle(OPTIMIZERS), strict=False
    )
]
NOISES = (0.0, 0.3)


def recipes(shape, activation, optimizer, regularizers=(), count=64) -> list[Trial]:
    """Trials that stack and differ in all that may: splits, seeds, settings, first weights."""
    width, depth, batch_size, _, outputs = shape
    return [
        Trial(
            dataset="synthetic",
            width=width,
            depth=depth,
            batch_size=batch_size,
            activation=activation,
            optimizer=optimizer,
            initializer=sorted(INITIALIZERS)[index % len(INITIALIZERS)],
            gain=1 + 0.01 * index,
            learning_rate=0.002 * (1 + index % 5),
            momentum=0.9 - 0.01 * index,
            regularizers=tuple((name, value * (1 + index / 70)) for name, value in regularizers),
            loss="squared_error" if outputs == 1 else "cross_entropy",
            epochs=2,
            split=index % 3,
            label_noise=0.0 if outputs == 1 else NOISES[index % 2],
            seed=index,
        )
        for index in range(count)
    ]


def splits_for(shape, make_split, samples: int = 37) -> dict:
    """Three splits, clean and noisy, whose validation and test parts differ in size."""
    *_, features, outputs = shape
    task = "regression" if outputs == 1 else "classification"
    sizes = {"features": features, "outputs": outputs, "task": task}
    clean = [make_split(s, (samples, 140 - 60 * s, 5 + 9 * s), **sizes) for s in range(3)]
    return {
        (s, noise): replace(split, train_targets=split.train_targets[:: -1 if noise else 1])
        for s, split in enumerate(clean)
        for noise in NOISES
    }


def numbers(outcome) -> tuple:
    """All that a trial measures; histories as bytes."""
    rows = outcome.histories
    return (
        outcome.outcome,
        outcome.error,
        outcome.epochs,
        outcome.best_epoch,
        sorted(outcome.metrics.items()),
        rows and (rows.epoch.tobytes(), rows.split, rows.metric, rows.layer.tobytes()),
        rows and rows.value.tobytes(),
    )


def all_numbers(trials, splits, probes=QUICK_PROBES) -> dict[Trial, tuple]:
    needed = {replicate: splits[replicate] for replicate in {t.replicate for t in trials}}
    outcomes = fit(trials, needed, probes)
    assert [outcome.trial for outcome in outcomes] == list(trials)
    return {outcome.trial: numbers(outcome) for outcome in outcomes}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "optimizer", "regularizers", "shape"),
    [(*parts, SHAPES[index % len(SHAPES)]) for index, parts in enumerate(PARTS)]
    + [("relu", "adam", REGULARIZERS[1], shape) for shape in SHAPES],
)
def test_numbers_are_the_same_alone_and_among_2_7_and_64_in_any_order(
    activation, optimizer, regularizers, shape, make_split
) -> None:
    """Slow, for its cohorts of 64: the promise that lets trials be grouped and reused at will."""
    splits = splits_for(shape, make_split)
    trials = recipes(shape, activation, optimizer, regularizers)
    among_64 = all_numbers(trials, splits)
    order = np.random.default_rng(0).permutation(64)
    shuffled = [trials[i] for i in order]
    for company in (shuffled[:1], shuffled[1:3], shuffled[3:10], shuffled[:6:-1][:33]):
        for trial, found in all_numbers(company, splits).items():
            assert found == among_64[trial]


@pytest.mark.slow
@given(
    width=st.integers(1, 70),
    depth=st.integers(0, 4),
    batch_size=st.integers(1, 70),
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 20),
    samples=st.integers(2, 70),
    parts=st.sampled_from(PARTS),
)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_numbers_are_the_same_alone_and_in_company_at_any_size(
    width, depth, batch_size, inputs, outputs, samples, parts, make_split
) -> None:
    """Slow, for its forty examples: which sizes break a vectorised kernel is not known before."""
    shape = (width, depth, batch_size, inputs, outputs)
    splits = splits_for(shape, make_split, samples)
    trials = recipes(shape, *parts, count=5)
    together = all_numbers(trials, splits)
    assert all_numbers(trials[3:4], splits)[trials[3]] == together[trials[3]]


def test_probes_change_no_number(make_split) -> None:
    shape = SHAPES[0]
    splits = splits_for(shape, make_split)
    trials = recipes(shape, "tanh", "adam", REGULARIZERS[1], count=3)
    # Units of tanh cannot die; these data have seven features, of which none is known to matter.
    absent = ("dead_share", "attribution_auc", "latent_probe_", "decision_surface")
    missing = {name for name in ALL_PROBES if name.startswith(absent)}
    for probed, plain in zip(fit(trials, splits, ALL_PROBES), fit(trials, splits), strict=True):
        assert probed.metrics == plain.metrics
        assert probed.best_epoch == plain.best_epoch
        rows, curves = probed.histories, plain.histories
        is_curve = np.array([metric not in ALL_PROBES for metric in rows.metric])
        assert rows.value[is_curve].tobytes() == curves.value.tobytes()
        assert {m for m in rows.metric if m not in curves.metric} == set(ALL_PROBES) - missing


def test_the_number_of_threads_changes_no_number(make_split) -> None:
    shape = SHAPES[0]
    splits = splits_for(shape, make_split)
    trials = recipes(shape, "relu", "adam", REGULARIZERS[1], count=7)
    one = all_numbers(trials, splits)
    torch.set_num_threads(2)
    try:
        assert all_numbers(trials, splits) == one
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("regularizers", REGULARIZERS, ids=str)
def test_a_diverging_neighbour_leaves_the_others_bits(optimizer, regularizers, make_split) -> None:
    shape = SHAPES[0]
    splits = splits_for(shape, make_split)
    trials = recipes(shape, "identity", optimizer, regularizers, count=5)
    calm = all_numbers(trials, splits)
    wild = [replace(trials[index], learning_rate=1e30, seed=100 + index) for index in (0, 2)]
    company = [wild[0], trials[4], trials[1], wild[1], trials[3]]
    beside = all_numbers(company, splits)
    assert [beside[trial][0] for trial in wild] == ["diverged", "diverged"]
    assert [calm[trial] for trial in company[1:3]] == [beside[trial] for trial in company[1:3]]
    assert calm[trials[3]] == beside[trials[3]]


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_removing_members_leaves_the_others_rows(optimizer, make_split) -> None:
    shape = SHAPES[0]
    splits = splits_for(shape, make_split)
    trials = recipes(shape, "relu", optimizer, (("dropout", 0.3), ("l1", 0.001), ("l2", 0.001)), 5)
    whole, thinned = Cohort(trials, splits, CPU), Cohort(trials, splits, CPU)
    for epoch in range(4):
        whole.train_epoch()
        thinned.train_epoch()
        if epoch == 1:
            thinned.keep([1, 2, 4])
        if epoch == 2:
            thinned.keep([2, 0])
    assert thinned.trials == [trials[4], trials[1]]
    assert torch.equal(thinned.parameters.theta, whole.parameters.theta[[4, 1]])
    assert thinned.kernel.state.keys() == whole.kernel.state.keys()
    for name, rows in thinned.kernel.state.items():
        assert torch.equal(rows, whole.kernel.state[name][[4, 1]])


def test_members_of_one_seed_share_first_weights_order_and_draws(make_split) -> None:
    """Two trials that differ in a setting alone are paired: equal settings give equal numbers."""
    shape = SHAPES[0]
    splits = splits_for(shape, make_split)
    trial = recipes(shape, "tanh", "sgd", REGULARIZERS[1], count=1)[0]
    others = [
        replace(trial, **change)
        for change in (
            *({"momentum": 0.1}, {"seed": 1}, {"split": 1}, {"label_noise": 0.3}),
            {"learning_rate": 0.1},
        )
    ]
    same, *different = list(all_numbers([trial, *others], splits).values())[1:]
    assert same == all_numbers([trial], splits)[trial]
    assert same not in different
