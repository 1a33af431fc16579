"""The mirror: an experiment's stored trials as MLflow runs, each once, however often it is called.

A trial's run hangs under the invocation that first asked for it in this experiment. Plans are
only ever appended to, so that place never changes, and a mirror that was cut short goes on there.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import pandas as pd

from suite.experiment import Experiment
from suite.ledger import Ledger
from suite.schemas import KEY, METRICS
from suite.tracking.attachments import Reported, attach, attach_curves
from suite.tracking.content import (
    KEY_TAG,
    PARENT_TAG,
    RUNNING,
    STAGE_TAG,
    Run,
    invocation_run,
    trial_run,
)
from suite.tracking.design import ShownDesign, shown_design
from suite.tracking.inputs import dataset_input
from suite.tracking.inserting import New, has_database, insert
from suite.tracking.making import get_ready
from suite.tracking.measurements import Measurements, measurements
from suite.tracking.models import making_best
from suite.tracking.rows import Row, records
from suite.tracking.runs import Target, create, fill, is_behind, search
from suite.tracking.store import (
    artifact_location,
    lacks_store,
    make_store,
    open_client,
    prepare_environment,
    tracking_uri,
    without_credentials,
)
from suite.tracking.views import experiment_tags
from suite.trial import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

log = logging.getLogger(__name__)
Warn = Callable[[str], None]

# On an invocation's run: which trials hang under it, so that they need not be looked for again.
MIRRORED_TAG = "leadline.mirrored"
# So many trials are written at once: what a kill can cost, and how long a reader may wait.
TOGETHER = 500


class Mirror:
    """Mirrors experiments one after the other; what the ledger holds is read once for all.

    Args:
        ledger: the results.
        root: directory of the embedded store.
        reports: directory with verdicts.json and the experiments' figures, which the run of an
            experiment's last invocation gets; None where there is no report yet.
        warn: is told in one line why the mirror is behind.
        helper: makes the best network's model while rows are written.
    """

    def __init__(
        self,
        ledger: Ledger,
        root: Path,
        reports: Path | None = None,
        warn: Warn = log.warning,
        helper: Executor | None = None,
    ) -> None:
        self._ledger, self._root, self._reports, self._warn = ledger, root, reports, warn
        self._helper = helper
        self._opening: Future[None] | None = None
        self._measured: Measurements | None = None

    def prepare(self, *, models: bool) -> None:
        """Have the helper make the store, where there is none, while this process does its own.

        Args:
            models: whether there will be best networks to make models of.
        """
        if self._helper is None:
            return
        if lacks_store(self._root):
            self._opening = self._helper.submit(make_store, self._root)
        if models:
            # Nothing waits for this: what it imports is there for the first model, or on the way.
            self._helper.submit(get_ready)

    def __call__(self, experiment: Experiment) -> None:
        """Log every stored trial of an experiment that MLflow does not have yet.

        A store that is down or full costs a warning; the next call catches up.
        """
        self._measured = measurements(self._ledger, self._measured)
        plan = self._measured.plan_of(experiment.name)
        if self._opening is not None:
            # What went wrong there goes wrong again here, and is said.
            wait([self._opening])
        with _tolerating(self._root, self._warn):
            if not plan.empty:
                self._mirror(experiment, plan, self._measured)

    def _mirror(self, experiment: Experiment, plan: pd.DataFrame, measured: Measurements) -> None:
        client = open_client(self._root)
        target = Target(client, _experiment_id(client, self._root, experiment.name))
        trials = measured.trials_of(plan)
        _describe(target, experiment, trials, self._reports)
        invocations = list(_invocations(measured, plan, trials))
        known = {run.data.tags[KEY_TAG]: run for run in search(target, STAGE_TAG, "invocation")}
        if self._reports is None:
            self._write(target, experiment, invocations, known)
            return
        last = known.get(invocations[-1][0].key)
        with making_best(trials, last, self._ledger, self._helper) as model:
            run = self._write(target, experiment, invocations, known)
            attach(Reported(experiment, self._reports, model), target, run)

    def _write(
        self,
        target: Target,
        experiment: Experiment,
        invocations: Sequence[tuple[Run, pd.DataFrame]],
        known: Mapping[str, "MlflowRun"],
    ) -> "MlflowRun":
        """Mirror all invocations and their trials; returns the last invocation's run."""
        design = shown_design(experiment)
        for run, rows in invocations:
            parent = known.get(run.key) or create(target, run)
            if is_behind(parent, run):
                fill(target.client, run, parent.info.run_id)
            done = digest(sorted(rows[list(KEY)].itertuples(index=False, name=None)))
            if parent.data.tags.get(MIRRORED_TAG) != done:
                _mirror_trials(target, self._ledger, rows, design, parent)
                target.client.set_tag(parent.info.run_id, MIRRORED_TAG, done)
        return parent


def mirror(
    ledger: Ledger,
    experiment: Experiment,
    root: Path,
    reports: Path | None = None,
    warn: Warn = log.warning,
) -> float:
    """Mirror one experiment, as a `Mirror` does several; returns the seconds spent."""
    start = time.perf_counter()
    Mirror(ledger, root, reports, warn)(experiment)
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


def _describe(
    target: Target, experiment: Experiment, trials: pd.DataFrame, reports: Path | None
) -> None:
    final = trials[trials["stage"] == "final"]
    measured = [name for name in METRICS if final[name].notna().any()]
    page = None if reports is None else reports / experiment.name / "index.html"
    tags = experiment_tags(experiment, measured, target.experiment_id, page)
    present = target.client.get_experiment(target.experiment_id).tags
    for name, value in tags.items():
        if present.get(name) != value:
            target.client.set_experiment_tag(target.experiment_id, name, value)


def _invocations(
    measured: Measurements, plan: pd.DataFrame, trials: pd.DataFrame
) -> Iterator[tuple[Run, pd.DataFrame]]:
    """Each invocation's run, oldest first, with the trials that it was the first to ask for."""
    last = plan["invocation"].iloc[-1]
    for asked in records(plan.drop_duplicates("invocation")):
        name = asked["invocation"]
        rows = trials[trials["invocation"] == name]
        booked = measured.booked.get(name)
        yield invocation_run(asked, booked, rows, is_last=name == last), rows


def _mirror_trials(
    target: Target,
    ledger: Ledger,
    rows: pd.DataFrame,
    design: ShownDesign,
    parent: "MlflowRun",
) -> None:
    known = {
        run.data.tags[KEY_TAG]: run for run in search(target, PARENT_TAG, parent.data.tags[KEY_TAG])
    }
    histories = ledger.histories(rows[rows["stage"] == "final"])
    shown = dict(list(_of_first_splits(histories, rows).groupby("trial_id")))
    made = [(row, trial_run(row, design, shown.get(row["trial_id"]))) for row in records(rows)]
    # A run that is still open was cut short on a server: what it has is logged again.
    for row, run in made:
        if run.key in known and known[run.key].info.status == RUNNING:
            _fill(target, row, run, known[run.key].info.run_id)
    missing = [(row, run) for row, run in made if run.key not in known]
    _add(target, missing, parent.info.run_id)
    attach_curves(target.client, parent.info.run_id, histories)


def _add(target: Target, missing: Sequence[tuple[Row, Run]], parent_id: str) -> None:
    """Write runs that MLflow lacks."""
    if not has_database(target):
        for row, run in missing:
            _fill(target, row, run, create(target, run, parent_id).info.run_id)
        return
    for start in range(0, len(missing), TOGETHER):
        together = missing[start : start + TOGETHER]
        insert(target, [New(run, _trained_on(row)) for row, run in together], parent_id)


def _of_first_splits(histories: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What is logged number by number: curves of each recipe's first split alone."""
    first = rows.loc[rows["first_split"] & (rows["stage"] == "final"), "trial_id"]
    return histories[histories["trial_id"].isin(first)]


def _fill(target: Target, row: Row, run: Run, run_id: str) -> None:
    trained_on = _trained_on(row)
    if trained_on is not None:
        target.client.log_inputs(run_id, [dataset_input(*trained_on)])
    fill(target.client, run, run_id)


def _trained_on(row: Row) -> tuple[str, str] | None:
    """Name and hash of a final network's data set; its search's candidates do not repeat it."""
    return (row["dataset"], row["data_hash"]) if row["stage"] == "final" else None
