"""The mirror: an experiment's stored trials as MLflow runs, each once, however often it is called.

A trial's run hangs under the invocation that first asked for it in this experiment. Plans are
only ever appended to, so that place never changes, and a mirror that was cut short goes on there.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import pandas as pd

from suite.experiment import Experiment
from suite.ledger import Ledger
from suite.schemas import KEY, METRICS
from suite.tracking.content import (
    KEY_TAG,
    PARENT_TAG,
    RUNNING,
    STAGE_TAG,
    Run,
    in_batches,
    invocation_run,
    records,
    trial_run,
)
from suite.tracking.inputs import dataset_input
from suite.tracking.store import (
    artifact_location,
    open_client,
    prepare_environment,
    tracking_uri,
    without_credentials,
)
from suite.tracking.views import NOTE_TAG, experiment_tags, invocation_note
from suite.trial import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

log = logging.getLogger(__name__)
Warn = Callable[[str], None]

# On an invocation's run: which trials hang under it, so that they need not be looked for again.
MIRRORED_TAG = "leadline.mirrored"
# The most that MLflow takes, and hands out, at once.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Where an experiment's runs go."""

    client: "MlflowClient"
    experiment_id: str


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A run that MLflow has."""

    client: "MlflowClient"
    run_id: str


def mirror(
    ledger: Ledger,
    experiment: Experiment,
    root: Path,
    reports: Path | None = None,
    warn: Warn = log.warning,
) -> float:
    """Log every stored trial of an experiment that MLflow does not have yet.

    A store that is down or full costs a warning; the next call catches up.

    Args:
        ledger: the results.
        experiment: the experiment.
        root: directory of the embedded store.
        reports: directory with verdicts.json and the experiment's figures, which the run of its
            last invocation gets; None where there is no report yet.
        warn: is told in one line why the mirror is behind.

    Returns:
        Seconds spent.
    """
    start = time.perf_counter()
    plan = ledger.plan()
    plan = plan[plan["experiment"] == experiment.name].sort_values("invocation", kind="stable")
    with _tolerating(root, warn):
        if not plan.empty:
            last = _mirror_plan(root, ledger, experiment, plan)
            if reports is not None:
                _attach(last, experiment, reports)
    return time.perf_counter() - start


@contextmanager
def _tolerating(root: Path, warn: Warn) -> Iterator[None]:
    prepare_environment()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    # ImportError: the driver of the database that the user named is not installed.
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        store = without_credentials(tracking_uri(root))
        reason = shorten(without_credentials(str(error)), 160, placeholder=" …")
        warn(f"MLflow at {store} is behind, the next run catches up: {reason}")


def _experiment_id(client: "MlflowClient", root: Path, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        location = artifact_location(root)
        return str(client.create_experiment(name, location and f"{location}/{name}"))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _search(target: Target, tag: str, value: str) -> "Iterator[MlflowRun]":
    token = None
    while token != "":
        page = target.client.search_runs(
            [target.experiment_id], f"tags.`{tag}` = '{value}'", max_results=BATCH, page_token=token
        )
        yield from page
        token = page.token or ""


def _mirror_plan(
    root: Path, ledger: Ledger, experiment: Experiment, plan: pd.DataFrame
) -> "Mirrored":
    """Mirror all invocations and their trials; returns the last invocation's run."""
    client = open_client(root)
    target = Target(client, _experiment_id(client, root, experiment.name))
    trials = _stored_trials(ledger, plan)
    _describe(target, experiment, trials)
    parents = {run.data.tags[KEY_TAG]: run for run in _search(target, STAGE_TAG, "invocation")}
    factors = [name for name in experiment.vary if name != "dataset"]
    for run, rows in _invocations(ledger, plan, trials):
        parent = parents.get(run.key) or _create(target, run)
        if _is_behind(parent, run):
            _log(client, run, parent)
        done = digest(sorted(rows[list(KEY)].itertuples(index=False, name=None)))
        if parent.data.tags.get(MIRRORED_TAG) != done:
            _mirror_trials(target, ledger, rows, factors, parent)
            client.set_tag(parent.info.run_id, MIRRORED_TAG, done)
    return Mirrored(client, parent.info.run_id)


def _invocations(
    ledger: Ledger, plan: pd.DataFrame, trials: pd.DataFrame
) -> Iterator[tuple[Run, pd.DataFrame]]:
    """Each invocation's run, oldest first, with the trials that it was the first to ask for."""
    booked = {row["invocation"]: row for row in records(ledger.invocations())}
    last = plan["invocation"].iloc[-1]
    for asked in records(plan.drop_duplicates("invocation")):
        name = asked["invocation"]
        rows = trials[trials["invocation"] == name]
        yield invocation_run(asked, booked.get(name), rows["outcome"], is_last=name == last), rows


def _is_behind(mirrored: "MlflowRun", run: Run) -> bool:
    wanted = {point.name: point.value for point in run.points}
    return mirrored.info.status != run.status or not (
        wanted.items() <= mirrored.data.metrics.items()
    )


def _stored_trials(ledger: Ledger, plan: pd.DataFrame) -> pd.DataFrame:
    """Stored measurements, each with its first request; what half of a budget found comes last."""
    # The same network may be another search's final one, which then is what it is shown as.
    order = plan.assign(half=plan["stage"] == "half")
    order = order.sort_values(["invocation", "half"], kind="stable").drop(columns="half")
    first = order.drop_duplicates(list(KEY))
    lowest = first.groupby(["study", "stage"])["split"].transform("min")
    measured = ledger.trials().drop(columns=["dataset", "split"])
    return first.assign(first_split=first["split"] == lowest).merge(
        measured.rename(columns={"invocation": "trained_by"}), on=list(KEY)
    )


def _describe(target: Target, experiment: Experiment, trials: pd.DataFrame) -> None:
    final = trials[trials["stage"] == "final"]
    measured = [name for name in METRICS if final[name].notna().any()]
    present = target.client.get_experiment(target.experiment_id).tags
    for name, value in experiment_tags(experiment, measured).items():
        if present.get(name) != value:
            target.client.set_experiment_tag(target.experiment_id, name, value)


def _mirror_trials(
    target: Target,
    ledger: Ledger,
    rows: pd.DataFrame,
    factors: Sequence[str],
    parent: "MlflowRun",
) -> None:
    known = {
        run.data.tags[KEY_TAG]: run
        for run in _search(target, PARENT_TAG, parent.data.tags[KEY_TAG])
    }
    histories = dict(list(ledger.histories(rows[rows["stage"] == "final"]).groupby("trial_id")))
    for row in records(rows):
        run = trial_run(row, factors, histories.get(row["trial_id"]))
        mirrored = known.get(run.key)
        # A run that is still open was cut short: what it has is logged again.
        if mirrored is None or mirrored.info.status == RUNNING:
            mirrored = mirrored or _create(target, run, parent.info.run_id)
            if row["stage"] == "final":
                data = [dataset_input(row["dataset"], row["data_hash"])]
                target.client.log_inputs(mirrored.info.run_id, data)
            _log(target.client, run, mirrored)


def _create(target: Target, run: Run, parent_id: str | None = None) -> "MlflowRun":
    nested = {"mlflow.parentRunId": parent_id} if parent_id else {}
    return target.client.create_run(
        target.experiment_id,
        start_time=run.start,
        tags={**run.tags, **nested, KEY_TAG: run.key},
        run_name=run.name,
    )


def _log(client: "MlflowClient", run: Run, mirrored: "MlflowRun") -> None:
    from mlflow.entities import Metric, Param

    run_id = mirrored.info.run_id
    params = [Param(name, value) for name, value in run.params.items()]
    for points in in_batches(run.points, BATCH - len(params)):
        metrics = [Metric(p.name, p.value, run.start, p.step) for p in points]
        client.log_batch(run_id, metrics=metrics, params=params)
    if run.status != RUNNING:
        client.set_terminated(run_id, run.status, run.end)


def _attach(to: Mirrored, experiment: Experiment, reports: Path) -> None:
    verdicts = _verdicts(reports / "verdicts.json", experiment.name)
    to.client.log_text(to.run_id, json.dumps(verdicts, indent=2), "verdicts.json")
    figures = reports / experiment.name
    if figures.is_dir():
        to.client.log_artifacts(to.run_id, str(figures), "figures")
    if experiment.path:
        to.client.log_artifact(to.run_id, experiment.path)
    else:
        to.client.log_text(to.run_id, experiment.model_dump_json(indent=2), "experiment.json")
    to.client.set_tag(to.run_id, NOTE_TAG, invocation_note(verdicts))
    for row in verdicts:
        if row["effect"] is not None:
            to.client.log_metric(to.run_id, f"effect/{row['claim']}", row["effect"])


def _verdicts(path: Path, experiment: str) -> list[dict[str, Any]]:
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [row for row in rows if row["experiment"] == experiment]
