"""Stored trials trained again, to see whether the numbers are the same to the last bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from suite.beginnings import pretrain, with_states
from suite.data.tables.registering import register_again
from suite.errors import InputError
from suite.execution.work import Executor, Finished
from suite.installing import installed
from suite.ledger import Ledger
from suite.planning import group
from suite.provenance import code_hash
from suite.schemas import METRICS, to_trial
from suite.trial import Histories, Outcome, Trial

_CURVE = ["epoch", "split", "metric", "layer", "value"]


@dataclass(frozen=True, slots=True)
class Repetition:
    """A stored trial and its repetition.

    Attributes:
        trial: the recipe.
        stored: the row that was stored.
        outcome: of the repetition.
        differences: metrics (or 'histories', 'outcome') that are not the same.
    """

    trial: Trial
    stored: Mapping[str, Any]
    outcome: Outcome
    differences: tuple[str, ...]


def find_trial(ledger: Ledger, prefix: str) -> pd.Series:
    """The row of the trial whose id starts with `prefix`, the one stored last.

    Raises:
        InputError: no trial or several trials have such an id.
    """
    frame = ledger.trials()
    found = frame[frame["trial_id"].str.startswith(prefix)] if prefix else frame[:0]
    if found.empty:
        raise InputError(prefix or "TRIAL_ID", "no stored trial has such an id")
    if found["trial_id"].nunique() > 1:
        ids = sorted(found["trial_id"].unique())
        raise InputError(prefix, f"{len(ids)} trials begin so", f"such as {', '.join(ids[:3])}")
    return found.iloc[-1]


def sample_rows(ledger: Ledger, share: float, seed: int) -> pd.DataFrame:
    """A random share of what the present code has measured to the end, at least one trial.

    Raises:
        InputError: the present code has measured nothing yet.
    """
    frame = ledger.trials()
    ours = frame["outcome"].isin(["completed", "dead", "diverged"])
    frame = frame[ours & (frame["code_hash"] == code_hash())]
    if frame.empty:
        raise InputError("results/", "the present code has measured nothing yet", "run first")
    return frame.sample(n=max(1, round(share * len(frame))), random_state=seed)


def repeat(
    ledger: Ledger, rows: pd.DataFrame, executor: Executor, workers: int
) -> list[Repetition]:
    """Train the rows' trials again and compare every number.

    Raises:
        InputError: a user's own file that trials need is not there, or is not what it was.
    """
    records: list[Mapping[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    stored = {to_trial(row): row for row in records}
    histories = dict(list(ledger.histories(rows).groupby("trial_id")))
    supplied = {digest: ledger.supplied(digest) for digest in sorted({t.supplied for t in stored})}
    for dataset in sorted({trial.dataset for trial in stored}):
        if text := ledger.table(dataset):
            register_again(dataset, text)
    repetitions, most = [], max(1, workers)
    for (digest, probes), trials in _alike(stored).items():
        with installed(supplied[digest]):
            states, _ = pretrain(executor, [t for t in trials if t.pretrained_on], most, {})
            cohorts = group(trials, probes, most)
            for event in executor.run([with_states(cohort, states) for cohort in cohorts]):
                if isinstance(event, Finished):
                    repetitions += [_compare(o, stored[o.trial], histories) for o in event.outcomes]
    return repetitions


Alike = tuple[str, tuple[str, ...]]


def _alike(stored: Mapping[Trial, Mapping[str, Any]]) -> dict[Alike, list[Trial]]:
    """Trials by the file and the probes that they need."""
    groups: dict[Alike, list[Trial]] = {}
    for trial, row in stored.items():
        probes = tuple(filter(None, row["probes"].split(",")))
        groups.setdefault((trial.supplied, probes), []).append(trial)
    return groups


def _compare(
    outcome: Outcome, row: Mapping[str, Any], histories: Mapping[Any, pd.DataFrame]
) -> Repetition:
    before = {name: row[name] for name in METRICS if not pd.isna(row[name])}
    differences = [name for name in METRICS if before.get(name) != outcome.metrics.get(name)]
    if row["outcome"] != outcome.outcome or row["epochs_trained"] != outcome.epochs:
        differences.append("outcome")
    if not _same_histories(outcome.histories, histories.get(row["trial_id"])):
        differences.append("histories")
    return Repetition(outcome.trial, row, outcome, tuple(differences))


def _same_histories(now: Histories | None, before: pd.DataFrame | None) -> bool:
    if now is None or before is None:
        return now is None and before is None
    columns: Sequence[Any] = [getattr(now, name) for name in _CURVE]
    return all(
        np.array_equal(np.asarray(column), before[name].to_numpy())
        for name, column in zip(_CURVE, columns, strict=True)
    )
