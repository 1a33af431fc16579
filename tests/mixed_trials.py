"""Small data and trials in which everything differs that may differ within a cohort."""

import math
from dataclasses import replace
from functools import cache

import numpy as np

from suite.data.split import Split
from suite.parts.regularizers import REGULARIZERS
from suite.training.fitting import fit
from suite.trial import STACKABLE, Outcome, Trial
from tests.conftest import synthetic_split

SHAPES = {0: (7,), 1: (2, 9), 2: (3, 5, 4)}
NOISES = (0.0, 0.2, 0.5)


@cache
def noisy_split(split: int, noise: float, shape: tuple[int, ...], task: str, rows: int) -> Split:
    """Small data; label noise replaces some training classes."""
    counts = (rows, 29 - 3 * split, 17 + 4 * split)
    data = replace(synthetic_split(split, counts, math.prod(shape), task=task), shape=shape)
    rng = np.random.default_rng([split, int(100 * noise)])
    drawn = rng.integers(0, 3, rows)
    noisy = np.where(rng.random(rows) < noise, drawn, data.train_targets.ravel()[:rows])
    return data if task == "regression" else replace(data, train_targets=noisy)


def data_for(trials: list[Trial], rows: int = 37) -> dict:
    """The data of every replicate that the trials name."""
    shape = SHAPES[len(trials[0].dataset.split("-")) - 1]
    task = "regression" if trials[0].dataset.startswith("values") else "classification"
    names = {trial.replicate for trial in trials}
    return {(split, noise): noisy_split(split, noise, shape, task, rows) for split, noise in names}


def dataset_name(task: str, directions: int) -> str:
    """A name that says the task and, by its dashes, in how many directions places lie."""
    return "-".join(["values" if task == "regression" else "classes", *["axis"] * directions])


def recipe(directions: int = 0, task: str = "classification", **fields) -> Trial:
    loss = "cross_entropy" if task == "classification" else "squared_error"
    defaults = {"depth": 2, "width": 13, "batch_size": 10, "epochs": 3, "learning_rate": 0.01}
    defaults |= {"dataset": dataset_name(task, directions), "loss": loss}
    return Trial(**{**defaults, **fields})


def company(trial: Trial, count: int) -> list[Trial]:
    """Members that differ in every field in which they may."""
    drawn = ["he", "pytorch", "xavier", "orthogonal", "lecun"]
    noises = NOISES if trial.dataset.startswith("classes") else (0.0,)
    members = [
        replace(
            trial,
            seed=trial.seed + index,
            split=index % 3,
            label_noise=noises[index % len(noises)],
            learning_rate=trial.learning_rate * (1 + index % 4),
            momentum=0.9 - 0.1 * (index % 5),
            initializer=drawn[index % 5],
            gain=trial.gain * (1 + 0.1 * index),
            gradient_clip=trial.gradient_clip and trial.gradient_clip * (1 + index),
            regularizers=tuple(
                (name, strength if REGULARIZERS[name].whole else strength * (1 - index / 9))
                for name, strength in trial.regularizers
            ),
        )
        for index in range(count)
    ]
    differing = {n for n in Trial.__slots__ if len({getattr(m, n) for m in members}) > 1}
    assert differing <= STACKABLE
    return members


def numbers(outcome: Outcome) -> tuple:
    """All that a measurement holds, times left out; histories as bytes."""
    rows = outcome.histories
    found = (outcome.outcome, outcome.error, outcome.epochs, outcome.best_epoch, outcome.kernel)
    histories = rows and (rows.metric, rows.split, rows.epoch.tobytes(), rows.value.tobytes())
    return (*found, outcome.parameters, outcome.flops, sorted(outcome.metrics.items()), histories)


def all_numbers(
    trials: list[Trial], rows: int = 37, probes: tuple[str, ...] = ()
) -> dict[Trial, tuple]:
    """What the trials' cohort measures."""
    outcomes = fit(trials, data_for(trials, rows), probes)
    assert [outcome.trial for outcome in outcomes] == trials
    return {outcome.trial: numbers(outcome) for outcome in outcomes}
