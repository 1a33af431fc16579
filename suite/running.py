"""Sources are asked for trials; what is not stored is trained, stored and mirrored."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pandas as pd

from suite.data.loading import data_hash
from suite.execution.local import InlineExecutor, ProcessExecutor
from suite.execution.work import Executor, Finished, Started
from suite.experiment import Experiment
from suite.ledger import Ledger, Stored, Writer, new_invocation_id, writing
from suite.planning import Cohort, estimate_seconds, group
from suite.provenance import code_hash, provenance
from suite.schemas import KEY, METRICS, Invocation, Key, PlanRow
from suite.training.kernels import kernel_name
from suite.trial import Outcome, Trial
from suite.tuning import GridSource, Request, Source, Told

# Outcomes that say something of the machine rather than of the recipe are tried again.
RETRIED = frozenset({"crashed", "out_of_memory", "timed_out"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How and where to run.

    Attributes:
        profile: quick, standard or full.
        device: cpu, cuda or mps.
        workers: processes that train; 0 trains in this one.
        results: the ledger's directory.
    """

    profile: str
    device: str = "cpu"
    workers: int = 1
    results: Path = Path("results")


class Listener(Protocol):
    """Watches a run."""

    def expect(self, networks: int, seconds: float) -> None:
        """Networks in all, and a guess of their time on one core."""

    def experiment(self, name: str) -> None:
        """An experiment begins."""

    def reused(self, trials: Sequence[Trial]) -> None:
        """Trials that were stored before."""

    def started(self, cohort: Cohort) -> None:
        """A cohort begins to train."""

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """A cohort, or a part of one, is stored."""

    def note(self, text: str) -> None:
        """Something the user should know."""


class Clock:
    """Where a run's wall time goes."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.started = _now()
        self.spent = {"training": 0.0, "tracking": 0.0, "reporting": 0.0}

    @contextmanager
    def spending(self, on: str) -> Iterator[None]:
        """Book the time of the block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.spent[on] += time.perf_counter() - begin

    @property
    def wall(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.start


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Run:
    """One invocation in progress."""

    settings: Settings
    writer: Writer
    executor: Executor
    listener: Listener
    clock: Clock
    experiments: tuple[str, ...]
    invocation: str = field(default_factory=new_invocation_id)
    networks: int = 0
    reused: int = 0

    def book(self) -> None:
        """Store the times so far under the invocation's id."""
        spent, wall = self.clock.spent, self.clock.wall
        self.writer.store_invocation(
            Invocation(
                invocation=self.invocation,
                profile=self.settings.profile,
                experiments=json.dumps(self.experiments),
                started=self.clock.started,
                ended=_now(),
                wall_seconds=wall,
                training_seconds=spent["training"],
                outside_training_seconds=wall - spent["training"] - spent["tracking"],
                tracking_seconds=spent["tracking"],
                reporting_seconds=spent["reporting"],
                networks=self.networks,
                networks_reused=self.reused,
                workers=self.settings.workers,
                device=self.settings.device,
            )
        )


Step = Callable[[Experiment], None]


def run_experiments(
    experiments: Sequence[Experiment],
    settings: Settings,
    listener: Listener,
    report: Step,
    mirror: Step,
) -> str:
    """Train what the experiments ask for and is not stored yet.

    After each experiment `report` and then `mirror` are called with it; both find everything in
    the ledger. Parts of the user's own are installed beforehand.

    Returns:
        The invocation's id.

    Raises:
        InputError: another run holds the ledger, or it cannot be written.
    """
    with writing(settings.results) as writer, closing(_executor(settings)) as executor:
        names = tuple(experiment.name for experiment in experiments)
        run = Run(settings, writer, executor, listener, Clock(), names)
        sources = [GridSource(experiment.at(settings.profile)) for experiment in experiments]
        listener.expect(
            sum(source.count() for source in sources),
            sum(estimate_seconds(r.trial) for source in sources for r in source.preview()),
        )
        try:
            for experiment, source in zip(experiments, sources, strict=True):
                listener.experiment(experiment.name)
                _run_source(run, experiment, source)
                run.book()
                with run.clock.spending("reporting"):
                    report(experiment)
                with run.clock.spending("tracking"):
                    mirror(experiment)
            with run.clock.spending("tracking"):
                for experiment in experiments[:-1]:
                    mirror(experiment)  # whose verdicts the later experiments' may have corrected
        finally:
            run.book()
        return run.invocation


def _executor(settings: Settings) -> Executor:
    if settings.workers == 0:
        return InlineExecutor(settings.device)
    return ProcessExecutor(settings.workers, settings.device)


def _run_source(run: Run, experiment: Experiment, source: Source) -> None:
    if experiment.supplied is not None:
        run.writer.store_supplied(experiment.supplied)
    while requests := source.propose():
        keys = {r.trial: measurement_key(r.trial, run.settings.device) for r in requests}
        run.networks += len(requests)
        run.writer.store_plan(_plan_rows(run, experiment, requests, keys))
        ledger = Ledger(run.settings.results)
        stored = ledger.stored_keys()
        probes = _probes(experiment, requests)
        missing = [t for t, key in keys.items() if _is_missing(stored.get(key), probes[t])]
        known = [trial for trial in keys if trial not in set(missing)]
        run.reused += len(known)
        run.listener.reused(known)
        told = _told_stored(ledger, {keys[trial] for trial in known})
        again = {keys[t] for t in missing if keys[t] in stored} - _to_retry(stored)
        before = _metrics_stored(ledger, again)
        told |= _train(run, missing, _with_stored_probes(probes, keys, stored), before)
        source.tell(told)


def measurement_key(trial: Trial, device: str) -> Key:
    """The key under which a trial's measurement by the present code is stored."""
    return Key(trial.id, code_hash(), data_hash(trial.dataset), kernel_name(trial, device))


def _plan_rows(
    run: Run, experiment: Experiment, requests: Sequence[Request], keys: Mapping[Trial, Key]
) -> list[PlanRow]:
    registered = experiment.registered_hash(run.settings.profile)
    return [
        PlanRow(
            experiment=experiment.name,
            profile=run.settings.profile,
            registered_hash=registered,
            invocation=run.invocation,
            stage=request.stage,
            study=request.study,
            contender=request.contender,
            dataset=request.trial.dataset,
            split=request.trial.split,
            **keys[request.trial]._asdict(),
        )
        for request in requests
    ]


Probes = Mapping[Trial, frozenset[str]]


def _probes(experiment: Experiment, requests: Sequence[Request]) -> Probes:
    """What to look at in each trial: tuning only needs its validation metrics."""
    asked = frozenset(experiment.probes)
    return {r.trial: asked if r.stage == "final" else frozenset() for r in requests}


def _is_missing(stored: Stored | None, probes: frozenset[str]) -> bool:
    return stored is None or stored.outcome in RETRIED or not probes <= stored.probes


def _with_stored_probes(
    probes: Probes, keys: Mapping[Trial, Key], stored: Mapping[Key, Stored]
) -> Probes:
    """A trial that is trained again keeps the probes it had."""
    none = Stored("", frozenset())
    return {trial: asked | stored.get(keys[trial], none).probes for trial, asked in probes.items()}


def _to_retry(stored: Mapping[Key, Stored]) -> set[Key]:
    return {key for key, measurement in stored.items() if measurement.outcome in RETRIED}


Metrics = Mapping[str, float]


def _metrics_stored(ledger: Ledger, keys: set[Key]) -> dict[str, Metrics]:
    """By trial id, the numbers that training again must give once more."""
    if not keys:
        return {}
    rows = _rows_stored(ledger, keys)
    found = ({m: row[m] for m in METRICS if pd.notna(row[m])} for _, row in rows.iterrows())
    return dict(zip(rows["trial_id"], found, strict=True))


def _rows_stored(ledger: Ledger, keys: set[Key]) -> pd.DataFrame:
    frame = ledger.trials()
    return frame[[Key(*key) in keys for key in zip(*(frame[c] for c in KEY), strict=True)]]


def _told_stored(ledger: Ledger, keys: set[Key]) -> dict[str, Told]:
    if not keys:
        return {}
    rows = _rows_stored(ledger, keys)
    told = zip(
        rows["outcome"],
        rows["validation_loss"],
        rows["validation_accuracy"],
        strict=True,
    )
    numbers = (Told(outcome, _number(loss), _number(accuracy)) for outcome, loss, accuracy in told)
    return dict(zip(rows["trial_id"], numbers, strict=True))


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _train(
    run: Run, trials: Sequence[Trial], probes: Probes, before: Mapping[str, Metrics]
) -> dict[str, Told]:
    told: dict[str, Told] = {}
    if not trials:
        return told
    # Before the clock of training starts: while processes start, nothing trains.
    run.executor.start()
    with run.clock.spending("training"):
        for event in run.executor.run(_cohorts(run, trials, probes)):
            if isinstance(event, Started):
                run.listener.started(event.cohort)
                continue
            _store(run, event, before)
            told |= {outcome.trial.id: _told(outcome) for outcome in event.outcomes}
    return told


def _cohorts(run: Run, trials: Sequence[Trial], probes: Probes) -> list[Cohort]:
    by_probes: dict[frozenset[str], list[Trial]] = {}
    for trial in trials:
        by_probes.setdefault(probes[trial], []).append(trial)
    workers = max(1, run.settings.workers)
    return [
        cohort
        for names, members in by_probes.items()
        for cohort in group(members, tuple(sorted(names)), workers)
    ]


def _store(run: Run, event: Finished, before: Mapping[str, Metrics]) -> None:
    hashed = data_hash(event.cohort.trials[0].dataset)
    run.writer.store(event.outcomes, provenance(hashed, run.invocation))
    run.listener.finished(event.cohort, event.outcomes)
    for outcome in event.outcomes:
        trial_id = outcome.trial.id
        if outcome.outcome in RETRIED:
            last = (outcome.error or "").strip().splitlines()[-1:]
            run.listener.note(f"{trial_id} {outcome.outcome}: {' '.join(last)}")
        elif before.get(trial_id, outcome.metrics) != outcome.metrics:
            run.listener.note(f"{trial_id}: trained again, it gave other numbers than stored")


def _told(outcome: Outcome) -> Told:
    return Told(
        outcome.outcome,
        outcome.metrics.get("validation_loss"),
        outcome.metrics.get("validation_accuracy"),
    )
