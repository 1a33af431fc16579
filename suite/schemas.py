"""What one row of each table of results/ holds, and how outcomes become rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, NamedTuple, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa

from suite import pictures
from suite.experiment import regularizer_pairs, regularizer_text, setting_pairs, setting_text
from suite.provenance import Provenance
from suite.trial import FIELDS, OPTIONAL, Outcome, Trial

_CLASS_SCORES = ("accuracy", "balanced_accuracy", "f1", "roc_auc")
_VALUE_SCORES = ("r2", "mae", "rmse")
METRICS = tuple(
    f"{part}_{metric}"
    for part in ("train", "validation", "test")
    for metric in ("loss", *_CLASS_SCORES, *_VALUE_SCORES)
)
KEY = ("trial_id", "code_hash", "data_hash", "kernel")
# Of these metrics the histories' `layer` is a place in an array.
PICTURES = pictures.PICTURES


class Key(NamedTuple):
    """What a measurement depends on: recipe, code, data and code path."""

    trial_id: str
    code_hash: str
    data_hash: str
    kernel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One trial that an experiment asked for.

    Attributes:
        experiment: name of the experiment.
        profile: quick, standard or full.
        registered_hash: hash of the design and the claims' tests.
        invocation: id of the run that asked.
        stage: tuning, final, half (the final trial of what half of the budget had found) or
            variance (a final trial with other initial weights, or in another order).
        study: hash of contender and data set.
        contender: canonical JSON, factor to level.
        repeat: which of several searches on the split.
        number: of the candidate in its search; 0 for final trials.
        dataset: name of the data set.
        split: replicate of the data.
        trial_id: with the next three, the measurement asked for.
        code_hash: of the code that was asked to compute it.
        data_hash: of the data set.
        kernel: the code path asked for.
    """

    experiment: str
    profile: str
    registered_hash: str
    invocation: str
    stage: str
    study: str
    contender: str
    repeat: int
    number: int
    dataset: str
    split: int
    trial_id: str
    code_hash: str
    data_hash: str
    kernel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of `run`: what it did and how long each part of it took.

    Attributes:
        invocation: sortable id.
        profile: quick, standard or full.
        experiments: names, as a JSON list.
        started: UTC, ISO 8601.
        ended: UTC, ISO 8601.
        wall_seconds: from start to end.
        training_seconds: wall time in which at least one network trained.
        outside_training_seconds: wall time in which none did, the mirror aside.
        tracking_seconds: spent in the MLflow mirror.
        reporting_seconds: spent on verdicts, figures and report.
        proposing_seconds: spent on choosing what to train next, most of it in Optuna; NaN where
            that was not booked yet.
        networks: networks that the experiments asked for.
        networks_reused: those of them that were stored before.
        workers: worker processes.
        device: cpu, cuda or mps.
    """

    invocation: str
    profile: str
    experiments: str
    started: str
    ended: str
    wall_seconds: float
    training_seconds: float
    outside_training_seconds: float
    tracking_seconds: float
    reporting_seconds: float
    proposing_seconds: float
    networks: int
    networks_reused: int
    workers: int
    device: str


_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def _columns(cls: type) -> list[pa.Field]:
    hints = get_type_hints(cls)
    return [pa.field(f.name, _ARROW[hints[f.name]], nullable=False) for f in fields(cls)]


def _trial_columns() -> list[pa.Field]:
    hints = get_type_hints(Trial) | {
        "samples": int,
        "gradient_clip": float,
        "stop_epoch": int,
        "together": int,
        "order": int,
        "regularizers": str,
        "settings": str,
    }
    return [pa.field(name, _ARROW[hints[name]], nullable=name in OPTIONAL) for name in FIELDS]


TRIALS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in (*KEY, "outcome")),
        pa.field("error", pa.string()),
        *_trial_columns(),
        *(pa.field(name, pa.float64()) for name in (*METRICS, "generalization_gap")),
        pa.field("best_epoch", pa.int64()),
        pa.field("epochs_trained", pa.int64(), nullable=False),
        pa.field("parameters", pa.int64(), nullable=False),
        pa.field("flops", pa.float64()),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("probe_seconds", pa.float64()),
        pa.field("probes", pa.string(), nullable=False),
        *(column for column in _columns(Provenance) if column.name not in KEY),
    ]
)
HISTORIES = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in KEY),
        pa.field("epoch", pa.int32(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("layer", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
TABLES: dict[str, pa.Schema] = {
    "trials": TRIALS,
    "histories": HISTORIES,
    "plan": pa.schema(_columns(PlanRow)),
    "invocations": pa.schema(_columns(Invocation)),
}
# What a row from before a column was there has in it: fields are added to Trial over time.
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "plan": {"repeat": 0, "number": 0},
    "invocations": {"proposing_seconds": np.nan},
    "trials": {
        **{f.name: f.default for f in fields(Trial) if f.default is not MISSING},
        "regularizers": regularizer_text(()),
        "settings": setting_text(()),
    },
}


def key_of(outcome: Outcome, provenance: Provenance) -> Key:
    """The key under which an outcome is stored."""
    return Key(outcome.trial.id, provenance.code_hash, provenance.data_hash, outcome.kernel)


def trials_table(outcomes: Iterable[Outcome], provenance: Provenance) -> pa.Table:
    """One row for each outcome."""
    return pa.Table.from_pylist([_trial_row(o, provenance) for o in outcomes], schema=TRIALS)


def _trial_row(outcome: Outcome, provenance: Provenance) -> dict[str, Any]:
    unexpected = set(outcome.metrics) - set(METRICS)
    if unexpected:
        raise ValueError(f"no column for the metric {min(unexpected)!r}")
    return {
        **asdict(provenance),
        **outcome.trial.recipe,
        **key_of(outcome, provenance)._asdict(),
        **outcome.metrics,
        "regularizers": regularizer_text(outcome.trial.regularizers),
        "settings": setting_text(outcome.trial.settings),
        "outcome": outcome.outcome,
        "error": outcome.error,
        "generalization_gap": generalization_gap(outcome.metrics),
        "best_epoch": outcome.best_epoch,
        "epochs_trained": outcome.epochs,
        "parameters": outcome.parameters,
        "flops": outcome.flops,
        "seconds": outcome.seconds,
        "probe_seconds": outcome.probe_seconds,
        "probes": ",".join(outcome.probes),
    }


def generalization_gap(metrics: Mapping[str, float]) -> float | None:
    """Train minus test accuracy; test minus train loss for regression; None without test data."""
    if {"train_accuracy", "test_accuracy"} <= metrics.keys():
        return metrics["train_accuracy"] - metrics["test_accuracy"]
    if {"test_r2", "train_loss", "test_loss"} <= metrics.keys():
        return metrics["test_loss"] - metrics["train_loss"]
    return None


def histories_table(outcomes: Sequence[Outcome], provenance: Provenance) -> pa.Table:
    """Every measurement during training of all outcomes, in long form."""
    tables = [_history_table(o, provenance) for o in outcomes if o.histories is not None]
    return pa.concat_tables(tables) if tables else HISTORIES.empty_table()


def _history_table(outcome: Outcome, provenance: Provenance) -> pa.Table:
    histories = outcome.histories
    assert histories is not None
    rows = len(histories.value)
    key = [pa.array([part] * rows, pa.string()) for part in key_of(outcome, provenance)]
    measured = [
        pa.array(np.asarray(histories.epoch, np.int32)),
        pa.array(histories.split, pa.string()),
        pa.array(histories.metric, pa.string()),
        pa.array(np.asarray(histories.layer, np.int32)),
        pa.array(np.asarray(histories.value, np.float64)),
    ]
    return pa.Table.from_arrays([*key, *measured], schema=HISTORIES)


def to_trial(row: Mapping[str, Any]) -> Trial:
    """The recipe in a row of the trials table."""
    recipe = {name: row[name] for name in FIELDS}
    recipe |= {name: None for name in OPTIONAL if pd.isna(row[name])}
    recipe["regularizers"] = regularizer_pairs(row["regularizers"])
    recipe["settings"] = setting_pairs(row["settings"])
    return Trial(**{name: _plain(value) for name, value in recipe.items()})


def _plain(value: Any) -> Any:
    # A data frame hands out NumPy scalars, which the id's canonical JSON does not take.
    return value.item() if isinstance(value, np.generic) else value
