"""What hangs on an invocation's run: curves, verdicts, figures, the experiment's file."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from suite.experiment import Experiment
from suite.schemas import PICTURES
from suite.tracking.making import Making
from suite.tracking.models import attach_best
from suite.tracking.notes import NOTE_TAG, invocation_note
from suite.tracking.runs import Target
from suite.trial import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

# On an invocation's run: what hangs on it, so that it need not be copied again.
ATTACHED_TAG = "leadline.attached"
CURVES = "curves.parquet"


@dataclass(frozen=True, slots=True)
class Reported:
    """An experiment, where its report is, and what is new beside it.

    Attributes:
        experiment: the experiment.
        reports: directory with verdicts.json and a directory of the experiment's figures.
        best: its best network's model, where that is new.
    """

    experiment: Experiment
    reports: Path
    best: Making | None

    @property
    def figures(self) -> list[Path]:
        """Its figures, and the tables behind them."""
        found = (self.reports / self.experiment.name).glob("*")
        return sorted(path for path in found if path.suffix in {".svg", ".png", ".csv"})

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """Its rows of verdicts.json."""
        path = self.reports / "verdicts.json"
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return [row for row in rows if row["experiment"] == self.experiment.name]


def attach_curves(client: "MlflowClient", run_id: str, histories: pd.DataFrame) -> None:
    """Hang the curves and probes of all final trials on an invocation's run, as one table."""
    kept = histories.loc[
        ~histories["metric"].isin(PICTURES),
        ["trial_id", "epoch", "split", "metric", "layer", "value"],
    ]
    if kept.empty:
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / CURVES
        kept.to_parquet(path, compression="zstd", index=False)
        client.log_artifact(run_id, str(path))


def attach(reported: Reported, target: Target, to: "MlflowRun") -> None:
    """Hang the report on an invocation's run, unless what it has is what there is."""
    verdicts = reported.verdicts
    best = attach_best(target, to, reported.best)
    state = digest(
        [verdicts, best, reported.experiment.model_dump_json(), *_stamps(reported.figures)]
    )
    if to.data.tags.get(ATTACHED_TAG) == state:
        return
    client, run_id = target.client, to.info.run_id
    client.log_text(run_id, json.dumps(verdicts, indent=2), "verdicts.json")
    for path in reported.figures:
        client.log_artifact(run_id, str(path), "figures")
    if reported.experiment.path:
        client.log_artifact(run_id, reported.experiment.path)
    else:
        text = reported.experiment.model_dump_json(indent=2)
        client.log_text(run_id, text, "experiment.json")
    _say(client, run_id, verdicts, best)
    client.set_tag(run_id, ATTACHED_TAG, state)


def _stamps(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        status = path.stat()
        yield f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _say(
    client: "MlflowClient", run_id: str, verdicts: Sequence[Mapping[str, Any]], best: str
) -> None:
    from mlflow.entities import Metric, RunTag

    # A verdict that is corrected later replaces the one before: of equal steps the last counts.
    now = pd.Timestamp.now("UTC").value // 10**6
    effects = [
        Metric(f"effect/{row['claim']}", row["effect"], now, 0)
        for row in verdicts
        if row["effect"] is not None
    ]
    words = [RunTag(f"verdict/{row['claim']}", row["verdict"] or "none yet") for row in verdicts]
    tags = [*words, RunTag(NOTE_TAG, invocation_note(verdicts, best))]
    client.log_batch(run_id, metrics=effects, tags=tags)
