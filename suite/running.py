"""Sources are asked for trials; what is not stored is trained, stored and mirrored."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from suite.beginnings import States, pretrain, with_states
from suite.classical.models import CLASSICAL
from suite.data.loading import data_hash
from suite.data.tables.registering import spec_text
from suite.execution.kernels import kernel_name
from suite.execution.local import InlineExecutor, ProcessExecutor
from suite.execution.work import Executor, Finished, Started
from suite.experiment import Experiment
from suite.ledger import Ledger, Stored, new_invocation_id
from suite.planning import Cohort, estimate_seconds, group
from suite.provenance import code_hash, provenance
from suite.schemas import Invocation, Key, PlanRow, key_of
from suite.storing import Writer, writing
from suite.tally import Size
from suite.trial import Outcome, Trial
from suite.tuning.source import Request, Source, Told
from suite.tuning.studies import DesignSource

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
        time_limit: seconds that a network or classical model may take; as many of them as train
            together may take together. What this process trains by itself nothing can stop.
    """

    profile: str
    device: str = "cpu"
    workers: int = 1
    results: Path = Path("results")
    time_limit: float = 600.0


class Listener(Protocol):
    """Watches a run."""

    def expect(self, sizes: Mapping[str, Size], workers: int) -> None:
        """Every experiment's size, in the order in which they run; how many processes train."""

    def experiment(self, name: str) -> None:
        """An experiment begins."""

    def reused(self, trials: Sequence[Trial]) -> None:
        """Trials that were stored before."""

    def started(self, cohort: Cohort) -> None:
        """A cohort begins to train."""

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """A cohort, or a part of one, is stored."""

    def done(self) -> None:
        """The experiment's networks are trained; its report and its mirror follow."""

    def note(self, text: str) -> None:
        """Something the user should know."""


class Clock:
    """Where a run's wall time goes."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.started = _now()
        self.spent = {"training": 0.0, "tracking": 0.0, "reporting": 0.0, "proposing": 0.0}

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
    stored: dict[Key, Stored]
    invocation: str = field(default_factory=new_invocation_id)
    # Networks that those of the present experiment begin with, by their recipes.
    pretrained: dict[Trial, Outcome] = field(default_factory=dict)
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
                proposing_seconds=spent["proposing"],
                networks=self.networks,
                networks_reused=self.reused,
                workers=self.settings.workers,
                device=self.settings.device,
            )
        )


Step = Callable[[Experiment], None]


class Foreseen(Source, Protocol):
    """A source that says beforehand what it will ask for."""

    def preview(self) -> Sequence[Request]:
        """As many requests as there will be, with examples of what is not yet chosen.

        With rungs their number is an estimate.
        """


def design_source(experiment: Experiment, profile: str) -> Foreseen:
    """All that an experiment's design asks for."""
    return DesignSource(experiment.at(profile))


def run_experiments(
    experiments: Sequence[Experiment],
    settings: Settings,
    listener: Listener,
    report: Step,
    mirror: Step,
    source_of: Callable[[Experiment, str], Foreseen] = design_source,
    conclude: Callable[[], None] = lambda: None,
) -> str:
    """Train what the experiments ask for and is not stored yet.

    After each experiment `report` and then `mirror` are called with it; both find everything in
    the ledger. Parts of the user's own are installed beforehand. `source_of` gives the source of an
    experiment at a profile; `conclude` is called when all have run, before all are mirrored again,
    whose verdicts later experiments may have corrected.

    Returns:
        The invocation's id.

    Raises:
        InputError: another run holds the ledger, or it cannot be written.
    """
    with writing(settings.results) as writer, closing(_executor(settings)) as executor:
        names = tuple(experiment.name for experiment in experiments)
        stored = Ledger(settings.results).stored()
        run = Run(settings, writer, executor, listener, Clock(), names, stored)
        sources = [source_of(experiment, settings.profile) for experiment in experiments]
        listener.expect(
            dict(zip(names, map(_size, sources), strict=True)), max(1, settings.workers)
        )
        try:
            for experiment, source in zip(experiments, sources, strict=True):
                listener.experiment(experiment.name)
                _run_source(run, experiment, source)
                listener.done()
                run.book()
                with run.clock.spending("reporting"):
                    report(experiment)
                with run.clock.spending("tracking"):
                    mirror(experiment)
            with run.clock.spending("reporting"):
                conclude()
            with run.clock.spending("tracking"):
                for experiment in experiments:
                    mirror(experiment)
        finally:
            run.book()
        return run.invocation


def _size(source: Foreseen) -> Size:
    requests = source.preview()
    return Size(len(requests), sum(estimate_seconds(request.trial) for request in requests))


def _executor(settings: Settings) -> Executor:
    if settings.workers == 0:
        return InlineExecutor(settings.device)
    return ProcessExecutor(settings.workers, settings.device, time_limit=settings.time_limit)


def _run_source(run: Run, experiment: Experiment, source: Source) -> None:
    if experiment.supplied is not None:
        run.writer.store_supplied(experiment.supplied)
    for dataset in experiment.at(run.settings.profile).datasets:
        if text := spec_text(dataset):
            run.writer.store_table(dataset, text)
    while requests := _propose(run, source):
        keys = {r.trial: measurement_key(r.trial, run.settings.device) for r in requests}
        run.networks += len(requests)
        run.writer.store_plan(_plan_rows(run, experiment, requests, keys))
        probes = _probes(experiment, requests)
        lacks = {t: _is_missing(run.stored.get(key), probes[t]) for t, key in keys.items()}
        missing = [trial for trial, lacking in lacks.items() if lacking]
        known = [trial for trial, lacking in lacks.items() if not lacking] + _asked_twice(requests)
        run.reused += len(known)
        run.listener.reused(known)
        going = {r.trial: r.continues for r in requests if r.continues is not None}
        states = dict(_states_stored(run, going, [t for t in missing if not t.pretrained_on]))
        states |= _begun(run, [t for t in missing if t.pretrained_on])
        missing = [t for t in missing if t in states or not t.pretrained_on]
        _train(run, missing, states, _with_stored_probes(probes, keys, run.stored))
        source.tell({trial.id: _told(run.stored[key]) for trial, key in keys.items()})
    run.writer.drop_states()
    run.pretrained.clear()


def _propose(run: Run, source: Source) -> Sequence[Request]:
    with run.clock.spending("proposing"):
        return source.propose()


def _asked_twice(requests: Sequence[Request]) -> list[Trial]:
    """Trials that a batch asks for once more; half of a budget may find what all of it does."""
    counts = Counter(request.trial for request in requests)
    return list((counts - Counter(counts.keys())).elements())


def _begun(run: Run, trials: Sequence[Trial]) -> States:
    """What trials begin with that name a data set to be trained on before."""
    if not trials:
        return {}
    run.executor.start()
    with run.clock.spending("training"):
        workers = max(1, run.settings.workers)
        states, failed = pretrain(run.executor, trials, workers, run.pretrained)
    for outcome in failed:
        _store(run, Finished(Cohort(trials=(outcome.trial,), probes=()), (outcome,)))
    return states


def _states_stored(run: Run, going: Mapping[Trial, Trial], missing: Sequence[Trial]) -> States:
    """Where training was left, of the missing trials that go on and whose state is still there."""
    ledger, device = Ledger(run.settings.results), run.settings.device
    found = {
        trial: ledger.state(measurement_key(going[trial], device))
        for trial in missing
        if trial in going
    }
    return {trial: state for trial, state in found.items() if state is not None}


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
            repeat=request.repeat,
            number=request.number,
            dataset=request.trial.dataset,
            split=request.trial.split,
            **keys[request.trial]._asdict(),
        )
        for request in requests
    ]


Probes = Mapping[Trial, frozenset[str]]


def _probes(experiment: Experiment, requests: Sequence[Request]) -> Probes:
    """What to look at in each final network; a classical model has no layers to look at."""
    asked = frozenset(experiment.probes)
    looked = {r.trial for r in requests if r.stage == "final" and r.trial.network not in CLASSICAL}
    return {r.trial: asked if r.trial in looked else frozenset() for r in requests}


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


def _train(run: Run, trials: Sequence[Trial], states: States, probes: Probes) -> None:
    if not trials:
        return
    # Before the clock of training starts: while processes start, nothing trains.
    run.executor.start()
    with run.clock.spending("training"):
        for event in run.executor.run(_cohorts(run, trials, states, probes)):
            if isinstance(event, Started):
                run.listener.started(event.cohort)
            else:
                _store(run, event)


def _cohorts(run: Run, trials: Sequence[Trial], states: States, probes: Probes) -> list[Cohort]:
    """Cohorts of trials that want the same probes and begin alike: anew, or at one rung's end."""
    alike: dict[tuple[frozenset[str], bool], list[Trial]] = {}
    for trial in trials:
        alike.setdefault((probes[trial], trial in states), []).append(trial)
    workers = max(1, run.settings.workers)
    cohorts = (
        with_states(cohort, states)
        for (names, _), members in alike.items()
        for cohort in group(members, tuple(sorted(names)), workers)
    )
    # Those of a lower rung hand back where they were left.
    return [replace(c, keeps_states=c.trials[0].stop_epoch is not None) for c in cohorts]


def _store(run: Run, event: Finished) -> None:
    measured = provenance(data_hash(event.cohort.trials[0].dataset), run.invocation)
    # Before the trials: a stored trial's state is there, or is never needed again.
    run.writer.store_states(event.outcomes, measured)
    run.writer.store(event.outcomes, measured)
    run.listener.finished(event.cohort, event.outcomes)
    for outcome in event.outcomes:
        key = key_of(outcome, measured)
        _note(run, outcome, run.stored.get(key))
        found = Stored(outcome.outcome, frozenset(outcome.probes), outcome.metrics)
        run.stored[key] = found


def _note(run: Run, outcome: Outcome, before: Stored | None) -> None:
    """Say what the user should know of a trial's end."""
    trial_id = outcome.trial.id
    if outcome.outcome in RETRIED:
        last = (outcome.error or "").strip().splitlines()[-1:]
        run.listener.note(f"{trial_id} {outcome.outcome}: {' '.join(last)}")
    elif before and before.outcome not in RETRIED and before.metrics != outcome.metrics:
        run.listener.note(f"{trial_id}: trained again, it gave other numbers than stored")


def _told(stored: Stored) -> Told:
    metrics = stored.metrics
    return Told(stored.outcome, metrics.get("validation_loss"), metrics.get("validation_accuracy"))
