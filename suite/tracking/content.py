"""What MLflow shows of an invocation or a trial: its run's name, parameters, metrics and tags."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from suite.classical import models as classical
from suite.ledger import started_at
from suite.schemas import KEY, METRICS, PICTURES
from suite.tracking.best import best_network
from suite.tracking.design import ShownDesign
from suite.tracking.rows import Row
from suite.trial import FIELDS, OPTIONAL, digest

STAGE_TAG = "stage"
KEY_TAG = "leadline.key"
PARENT_TAG = "leadline.parent"
RUNNING = "RUNNING"
CURVE_POINTS = 20

_SUMMARY = ("generalization_gap", "best_epoch", "epochs_trained", "parameters", "flops", "seconds")
_BOOKED = (
    "networks",
    "networks_reused",
    "workers",
    "wall_seconds",
    "training_seconds",
    "outside_training_seconds",
    "tracking_seconds",
    "reporting_seconds",
)
_TAGS = (
    *("experiment", "profile", STAGE_TAG, "outcome", "study", "dataset", "split", "repeat"),
    *("contender", *KEY),
)
# A candidate is one of thousands: what its search's final runs say is not said again.
_CANDIDATE_TAGS = ("experiment", STAGE_TAG, "outcome", "study", "repeat", "trial_id", "code_hash")
_CANDIDATE_PARAMS = ("dataset", "split", "seed", "learning_rate")
_CANDIDATE_SUMMARY = ("epochs_trained", "seconds")
# Outcomes that are findings; the others are failures of the machinery.
_FINDINGS = ("completed", "diverged", "dead")

Item = TypeVar("Item")


class Point(NamedTuple):
    """One logged number."""

    name: str
    value: float
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An invocation or a trial as MLflow shows it; times in milliseconds since 1970."""

    key: str
    name: str
    params: Mapping[str, str]
    points: Sequence[Point]
    tags: Mapping[str, str]
    status: str
    start: int
    end: int


def run_key(experiment: str, *parts: str) -> str:
    """The tag's value by which a run is found again."""
    return digest([experiment, *parts])[:32]


def invocation_run(asked: Row, booked: Row | None, trials: pd.DataFrame, *, is_last: bool) -> Run:
    """The run of an invocation, under which its trials' runs are nested and which sums them up.

    Args:
        asked: one of its plan rows.
        booked: its row of the invocations table; None while it runs, or where it was killed.
        trials: those that hang under it.
        is_last: whether no later invocation is known.
    """
    facts = {} if booked is None else {name: booked[name] for name in _BOOKED}
    start = started_at(asked["invocation"])
    tags = {name: str(asked[name]) for name in ("experiment", "profile", "registered_hash")}
    points = [Point(name, float(value), 0) for name, value in facts.items()]
    return Run(
        key=run_key(asked["experiment"], asked["invocation"]),
        name=f"{asked['profile']} {start:%Y-%m-%d %H:%M}",
        params={"invocation": asked["invocation"]},
        points=[*points, *summary(trials)],
        tags=tags | {STAGE_TAG: "invocation"},
        status="FINISHED" if booked is not None else RUNNING if is_last else "KILLED",
        start=_milliseconds(start),
        end=_milliseconds(start + timedelta(seconds=facts.get("wall_seconds", 0))),
    )


def summary(trials: pd.DataFrame) -> Iterator[Point]:
    """How many trials there are of each stage and outcome, and the best network's scores."""
    for column, section in (("stage", "trials"), ("outcome", "outcomes")):
        for name, count in sorted(Counter(trials[column]).items()):
            yield Point(f"{section}/{name}", float(count), 0)
    best = best_network(trials)
    if best is not None:
        for name in METRICS:
            if not name.startswith("train_") and _is_number(best[name]):
                yield Point(f"best/{name}", float(best[name]), 0)


def trial_run(row: Row, design: ShownDesign, histories: pd.DataFrame | None) -> Run:
    """The run of one stored trial.

    Args:
        row: a plan row joined with its row of the trials table.
        design: what the experiment varies, searches and claims.
        histories: the trial's curves and probes; None where they are not shown.
    """
    contender = json.loads(row["contender"])
    start = started_at(row["trained_by"])
    wanted = (*_CANDIDATE_PARAMS, *design.searched) if row["stage"] == "tuning" else FIELDS
    points = [] if histories is None else measured(histories)
    tags = trial_tags(row) | {"claim": design.claims_on({**contender, "dataset": row["dataset"]})}
    if row["error"] is not None:
        tags["mlflow.note.content"] = f"```text\n{row['error']}\n```"
    return Run(
        key=run_key(row["experiment"], *(row[name] for name in KEY)),
        name=run_name(contender, design.factors, _place(row)),
        params=parameters(row, contender, wanted),
        points=[*final_metrics(row), *points],
        tags=tags | {PARENT_TAG: run_key(row["experiment"], row["invocation"])},
        status="FINISHED" if row["outcome"] in _FINDINGS else "FAILED",
        start=_milliseconds(start),
        end=_milliseconds(start + timedelta(seconds=row["seconds"])),
    )


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def run_name(contender: Row, factors: Sequence[str], place: str) -> str:
    """A name that starts with what sets the run apart, since tables cut it after 14 letters."""
    order = [name for name in factors if name in contender]
    order += sorted(set(contender) - set(order))
    return " ".join([*(_level_name(name, contender[name]) for name in order), place])


def trial_tags(row: Row) -> dict[str, str]:
    """What a run can be found by; of a candidate also its number and where its rung ends."""
    if row["stage"] != "tuning":
        return {name: str(row[name]) for name in _TAGS}
    rung = {"candidate": str(row["number"]), "rung": _text("stop_epoch", row["stop_epoch"])}
    return {name: str(row[name]) for name in _CANDIDATE_TAGS} | rung


def _place(row: Row) -> str:
    words = [f"{row['dataset']} split {row['split']}"]
    if row["repeat"]:
        words.append(f"repeat {row['repeat']}")
    if row["stage"] == "tuning":
        words.append(f"candidate {row['number']}")
    if row["stop_epoch"] is not None:
        words.append(f"to epoch {row['stop_epoch']}")
    if row["stage"] == "half":
        words.append("at half budget")
    if row["stage"] == "variance":
        words.append("in another order" if row["number"] else "from other weights")
    return " ".join(words)


def _level_name(factor: str, level: str | float | None) -> str:
    return level if isinstance(level, str) else f"{factor} {_text(factor, level)}"


def parameters(row: Row, contender: Row, wanted: Collection[str] = FIELDS) -> dict[str, str]:
    """The wanted fields of the recipe and the contender's factor levels, as text."""
    fields = classical.FIELDS if row["network"] in classical.CLASSICAL else FIELDS
    recipe = {name: row[name] for name in fields if name in wanted and name != "reports_test"}
    return {name: _text(name, value) for name, value in (recipe | dict(contender)).items()}


def _text(name: str, value: Any) -> str:
    if value is None:
        return OPTIONAL[name]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def final_metrics(row: Row) -> Iterator[Point]:
    """The trial's final numbers; those that were not measured are left out."""
    step = int(row["epochs_trained"])
    for name in _shown_metrics(row):
        value = row[name]
        if _is_number(value):
            yield Point(name, float(value), step)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _shown_metrics(row: Row) -> tuple[str, ...]:
    if row["stage"] == "tuning":
        chosen_by = tuple(name for name in METRICS if name.startswith("validation_"))
        return (*chosen_by, *_CANDIDATE_SUMMARY)
    # Parameters are text, by which twelve layers come before two: depth is a number, too.
    layers = () if row["network"] in classical.CLASSICAL else ("depth",)
    return (*METRICS, *_SUMMARY, *layers)


def measured(histories: pd.DataFrame) -> Iterator[Point]:
    """One trial's thinned curves, and each probe by layer at the first and the last epoch."""
    series = defaultdict(list)
    columns = (histories[name] for name in ("metric", "split", "layer", "epoch", "value"))
    for metric, split, layer, epoch, value in zip(*columns, strict=True):
        if metric in PICTURES:
            continue
        shown = (CURVE_POINTS, split) if layer < 0 else (2, f"layer_{layer:02d}")
        series[shown[0], f"{metric}/{shown[1]}"].append((int(epoch), float(value)))
    for (most, name), measurements in series.items():
        for epoch, value in thinned(sorted(measurements), most):
            if math.isfinite(value):
                yield Point(name, value, epoch)


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def in_batches(items: Sequence[Point], size: int) -> Iterable[Sequence[Point]]:
    """Pieces of at most `size` items; one empty piece for none."""
    return [items[start : start + size] for start in range(0, max(len(items), 1), size)]
