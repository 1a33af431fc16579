"""Many new runs at once, written straight into the tables of MLflow's database.

MLflow's client opens sessions, asks what is there and commits a dozen times for each run that it
logs, which takes ten times as long as writing the rows. A new run has nothing to be asked for.
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suite.tracking.content import KEY_TAG, Run
from suite.tracking.inputs import dataset_input
from suite.tracking.runs import Target

if TYPE_CHECKING:
    from sqlalchemy import Connection

Rows = Iterable[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class New:
    """A run that MLflow does not have yet.

    Attributes:
        run: what it shows.
        trained_on: name and hash of the data set that is its input; None where none is logged.
    """

    run: Run
    trained_on: tuple[str, str] | None


def has_database(target: Target) -> bool:
    """Whether the client itself writes into a database; otherwise a server does."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return isinstance(target.client._tracking_client.store, SqlAlchemyStore)


def insert(target: Target, entries: Sequence[New], parent_id: str) -> None:
    """Write ended runs under a parent in one transaction: all, or after an error none of them.

    They have what `create` and `fill` give a run, and its data set as an input.
    """
    from mlflow.store.tracking.dbmodels import models

    experiment = target.client.get_experiment(target.experiment_id)
    named = [(_new_id(), entry) for entry in entries]
    runs = [(run_id, entry.run) for run_id, entry in named]
    with target.client._tracking_client.store.engine.begin() as connection:
        _add(connection, models.SqlRun, (_run(experiment, *each) for each in runs))
        _add(connection, models.SqlTag, (row for each in runs for row in _tags(*each, parent_id)))
        _add(connection, models.SqlParam, (row for each in runs for row in _params(*each)))
        _add(connection, models.SqlMetric, (row for each in runs for row in _points(*each)))
        _add(connection, models.SqlLatestMetric, (row for each in runs for row in _latest(*each)))
        _add_inputs(connection, int(experiment.experiment_id), named)


def _new_id() -> str:
    """32 hexadecimal digits that begin with the time, as in version 7 of RFC 9562.

    MLflow's own are random from the first digit on, which puts each row on another page of every
    index; these are put at its end, one beside the other.
    """
    return f"{time.time_ns():016x}{uuid.uuid4().hex[16:]}"


def _add(connection: "Connection", model: Any, rows: Rows) -> None:
    content = list(rows)
    if content:
        connection.execute(model.__table__.insert(), content)


def _run(experiment: Any, run_id: str, run: Run) -> dict[str, Any]:
    from mlflow.entities import LifecycleStage, SourceType
    from mlflow.utils.uri import append_to_uri_path

    place = experiment.artifact_location, run_id, "artifacts"
    return {
        "run_uuid": run_id,
        "name": run.name,
        "experiment_id": int(experiment.experiment_id),
        "artifact_uri": append_to_uri_path(*place),  # type: ignore[no-untyped-call]
        "source_type": SourceType.to_string(SourceType.UNKNOWN),
        "source_name": "",
        "entry_point_name": "",
        "source_version": "",
        "user_id": "unknown",
        "status": run.status,
        "start_time": run.start,
        "end_time": run.end,
        "lifecycle_stage": LifecycleStage.ACTIVE,
    }


def _tags(run_id: str, run: Run, parent_id: str) -> Iterator[dict[str, Any]]:
    own = {KEY_TAG: run.key, "mlflow.parentRunId": parent_id, "mlflow.runName": run.name}
    return _texts(run_id, {**run.tags, **own})


def _params(run_id: str, run: Run) -> Iterator[dict[str, Any]]:
    from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

    cut = {name: value[:MAX_PARAM_VAL_LENGTH] for name, value in run.params.items()}
    return _texts(run_id, cut)


def _texts(run_id: str, texts: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name, value in texts.items():
        yield {"key": name, "value": value, "run_uuid": run_id}


def _points(run_id: str, run: Run) -> Iterator[dict[str, Any]]:
    for name, value, step in dict.fromkeys(run.points):
        yield {
            "key": name,
            "value": value,
            "timestamp": run.start,
            "step": step,
            "is_nan": False,
            "run_uuid": run_id,
        }


def _latest(run_id: str, run: Run) -> Iterable[dict[str, Any]]:
    """The last number of each name, which is what tables of runs show."""
    latest: dict[str, dict[str, Any]] = {}
    for row in _points(run_id, run):
        known = latest.setdefault(row["key"], row)
        if (row["step"], row["value"]) > (known["step"], known["value"]):
            latest[row["key"]] = row
    return latest.values()


def _add_inputs(
    connection: "Connection", experiment: int, named: Sequence[tuple[str, New]]
) -> None:
    """Say of each run what it was trained on; an experiment has each data set once."""
    from mlflow.store.tracking.dbmodels import models

    trained = {run_id: entry.trained_on for run_id, entry in named if entry.trained_on}
    known = _datasets(connection, experiment, dict.fromkeys(trained.values()))
    edges = {run_id: _new_id() for run_id in trained}
    _add(connection, models.SqlInput, _inputs(edges, {r: known[k] for r, k in trained.items()}))
    tags = {key: dataset_input(*key).tags for key in set(trained.values())}
    _add(
        connection,
        models.SqlInputTag,
        (
            {"input_uuid": edges[run_id], "name": tag.key, "value": tag.value}
            for run_id, key in trained.items()
            for tag in tags[key]
        ),
    )


def _inputs(edges: Mapping[str, str], datasets: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for run_id, edge in edges.items():
        yield {
            "input_uuid": edge,
            "source_type": "DATASET",
            "source_id": datasets[run_id],
            "destination_type": "RUN",
            "destination_id": run_id,
        }


def _datasets(
    connection: "Connection", experiment: int, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """MLflow's ids of data sets, by name and hash; those that it lacks are written."""
    from mlflow.store.tracking.dbmodels.models import SqlDataset
    from sqlalchemy import select

    columns = SqlDataset.__table__.c
    rows = connection.execute(
        select(columns.name, columns.digest, columns.dataset_uuid).where(
            columns.experiment_id == experiment
        )
    )
    known = {(name, digest): dataset_id for name, digest, dataset_id in rows}
    missing = {key: _new_id() for key in wanted if key not in known}
    _add(connection, SqlDataset, (_dataset(experiment, *each) for each in missing.items()))
    return known | missing


def _dataset(experiment: int, key: tuple[str, str], dataset_id: str) -> dict[str, Any]:
    dataset = dataset_input(*key).dataset
    return {
        "dataset_uuid": dataset_id,
        "experiment_id": experiment,
        "name": dataset.name,
        "digest": dataset.digest,
        "dataset_source_type": dataset.source_type,
        "dataset_source": dataset.source,
        "dataset_schema": dataset.schema,
        "dataset_profile": dataset.profile,
    }
