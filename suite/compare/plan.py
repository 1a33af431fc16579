"""From a table's size and task to the experiment that compares contenders on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from suite.classical.models import CLASSICAL
from suite.compare.table import Table
from suite.data.dataset import DatasetCard
from suite.data.loading import raw_samples
from suite.experiment import Experiment
from suite.planning import check_recipes, estimate_seconds
from suite.reading import build_experiment
from suite.tuning.checking import check_search
from suite.tuning.studies import DesignSource

PROFILE = "standard"
FACTOR = "model"
SHALLOW, DEEP, DUMMY = "shallow", "deep", "dummy"
DEPTHS = {SHALLOW: 1, DEEP: 3}
NAME = "compare"

# Splits and candidates of each search, the first that the time allows.
_LADDER = ((10, 10), (10, 6), (5, 10), (5, 6), (5, 4), (5, 3), (3, 3), (3, 2))
# Up to so many training rows: epochs, patience, batch size, and widths that are tried.
_SIZES = (
    (1_000, 100, 10, 32, (32, 128)),
    (5_000, 60, 8, 64, (32, 128)),
    (np.inf, 30, 5, 256, (64, 128)),
)
# Rarer than this share of an equal share, a class makes accuracy say little.
RARE = 1 / 3
MARGINS = {"test_accuracy": 0.01, "test_balanced_accuracy": 0.01, "test_r2": 0.02}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is trained; what is None follows from the table's size and the time.

    Attributes:
        seeds: splits.
        trials: candidates of each contender's search on each split.
        minutes: of wall time that training should take, by a guess made beforehand.
        workers: processes that train.
    """

    seeds: int | None = None
    trials: int | None = None
    minutes: float = 3.0
    workers: int = 1


def score_of(table: Table) -> tuple[str, str]:
    """The metric that ranks contenders, and why, in words."""
    card = table.card
    if card.task == "regression":
        return "test_r2", "R², the share of the target's variance that is explained"
    targets = raw_samples(table.dataset, 0).targets
    shares = np.bincount(targets.astype(np.int64), minlength=card.outputs) / len(targets)
    if shares.min() < RARE / card.outputs:
        why = "since the rarest class has less than a third of an equal share of the rows"
        return "test_balanced_accuracy", f"balanced accuracy, the mean recall of the classes, {why}"
    return "test_accuracy", "accuracy, since no class is rare"


def contenders(task: str) -> dict[str, dict[str, Any]]:
    """What is compared, each with its recipe."""
    linear = "logistic_regression" if task == "classification" else "ridge"
    return {
        DUMMY: {"network": "dummy"},
        "linear": {"network": linear},
        "nearest_neighbours": {"network": "nearest_neighbours"},
        "random_forest": {"network": "random_forest"},
        "gradient_boosting": {"network": "histogram_gradient_boosting"},
        **{name: {"network": "dense", "depth": depth} for name, depth in DEPTHS.items()},
    }


def held(table: Table) -> dict[str, Any]:
    """What all networks share."""
    epochs, patience, batch_size, _ = _size(table.card)
    return {
        "dataset": table.dataset,
        "activation": "relu",
        "initializer": "he",
        "optimizer": "adam",
        "regularizers": {"early_stopping": patience},
        "epochs": epochs,
        "batch_size": batch_size,
    }


def _size(card: DatasetCard) -> tuple[int, int, int, tuple[int, ...]]:
    return next(rest for rows, *rest in _SIZES if card.train_samples <= rows)  # type: ignore[return-value]


def _searched(table: Table, trials: int) -> dict[str, Any]:
    models = [recipe["network"] for recipe in contenders(table.card.task).values()]
    spaces = {name: CLASSICAL[name].space for name in models if name in CLASSICAL}
    return {
        "learning_rate": {"log": (3e-4, 3e-2)},
        "width": {"choice": _size(table.card)[3]},
        "regularizers": {"weight_decay": {"log": (1e-3, 3.0)}},
        # Written out, so that what lies on the edge of a range can be told.
        "settings": spaces,
        "budget": {"trials": trials},
        "sampler": "tpe",
        "metric": "validation_loss",
    }


def plan(table: Table, effort: Effort) -> Experiment:
    """The experiment, with as many splits and candidates as the time allows by a guess.

    Raises:
        InputError: some contender cannot be trained on this table.
    """
    ladder = [(min(seeds, table.card.folds), trials) for seeds, trials in _LADDER]
    allowed = [(effort.seeds or seeds, effort.trials or trials) for seeds, trials in ladder]
    for seeds, trials in dict.fromkeys(allowed):
        experiment = build(table, seeds, trials)
        if seconds_of(experiment) <= 60 * effort.minutes * max(1, effort.workers):
            break
    check_recipes(experiment, PROFILE)
    check_search(experiment, PROFILE)
    return experiment


def build(table: Table, seeds: int, trials: int) -> Experiment:
    """The experiment with so many splits and candidates of each search."""
    content: Mapping[str, Any] = {
        "question": f"Is depth worth it to predict {table.spec.target}?",
        "vary": {FACTOR: contenders(table.card.task)},
        "hold": held(table),
        "tune": _searched(table, trials),
        "profiles": {PROFILE: {"seeds": seeds}},
    }
    return build_experiment(NAME, content)


def seconds_of(experiment: Experiment) -> float:
    """A guess of the time that all trials take on one core."""
    requests = DesignSource(experiment.at(PROFILE)).preview()
    return sum(estimate_seconds(request.trial) for request in requests)
