"""Runs in an MLflow store: found by their tags, made, and filled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.tracking.content import KEY_TAG, RUNNING, Run, in_batches

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

# The most that MLflow takes, and hands out, at once.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Where an experiment's runs go."""

    client: "MlflowClient"
    experiment_id: str


def search(target: Target, tag: str, value: str) -> "Iterator[MlflowRun]":
    """The experiment's runs with a tag of that value."""
    token = None
    while token != "":
        page = target.client.search_runs(
            [target.experiment_id], f"tags.`{tag}` = '{value}'", max_results=BATCH, page_token=token
        )
        yield from page
        token = page.token or ""


def create(target: Target, run: Run, parent_id: str | None = None) -> "MlflowRun":
    """Make a run that is empty but for its tags."""
    nested = {"mlflow.parentRunId": parent_id} if parent_id else {}
    return target.client.create_run(
        target.experiment_id,
        start_time=run.start,
        tags={**run.tags, **nested, KEY_TAG: run.key},
        run_name=run.name,
    )


def fill(client: "MlflowClient", run: Run, run_id: str) -> None:
    """Log parameters and numbers, and end the run if it has ended."""
    from mlflow.entities import Metric, Param

    params = [Param(name, value) for name, value in run.params.items()]
    for points in in_batches(run.points, BATCH - len(params)):
        metrics = [Metric(p.name, p.value, run.start, p.step) for p in points]
        client.log_batch(run_id, metrics=metrics, params=params)
    if run.status != RUNNING:
        client.set_terminated(run_id, run.status, run.end)


def is_behind(mirrored: "MlflowRun", run: Run) -> bool:
    """Whether what MLflow has of a run lacks something."""
    wanted = {point.name: point.value for point in run.points}
    return mirrored.info.status != run.status or not (
        wanted.items() <= mirrored.data.metrics.items()
    )
