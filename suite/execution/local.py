"""Executors on this machine: spawned processes with one thread each, or this very process."""

import math
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace

import torch
from loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from suite.execution.interrupts import interrupts_held, interrupts_kept
from suite.execution.kernels import kernel_name
from suite.execution.work import Event, Finished, Started
from suite.execution.worker import Failure, start_worker, train, warm_up
from suite.planning import Cohort
from suite.trial import Outcome

Result = list[Outcome] | Failure
Train = Callable[[Cohort, str], Result]


def failed_outcomes(cohort: Cohort, failure: Failure, device: str) -> tuple[Outcome, ...]:
    """One outcome a trial for a cohort that could not be trained."""
    return tuple(
        Outcome(
            trial=trial,
            outcome=failure.outcome,
            error=failure.error,
            kernel=kernel_name(trial, device),
            probes=tuple(sorted(cohort.probes)),
        )
        for trial in cohort.trials
    )


def halves(cohort: Cohort) -> list[Cohort]:
    """A cohort in two, to find the member that fails it."""
    middle = len(cohort.trials) // 2
    return [
        replace(cohort, trials=cohort.trials[part], states=cohort.states[part])
        for part in (slice(middle), slice(middle, None))
    ]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train as a worker does; on such small matrices more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


class InlineExecutor:
    """Trains in the calling process, one cohort after the other, however long that takes."""

    def __init__(self, device: str = "cpu", train: Train = train) -> None:
        self.device = device
        self._train = train

    def start(self) -> None:
        """Nothing to start."""

    def run(self, cohorts: Sequence[Cohort]) -> Iterator[Event]:
        """Train in order."""
        waiting = deque(cohorts)
        while waiting:
            cohort = waiting.popleft()
            yield Started(cohort)
            with _one_thread(), interrupts_kept():
                result = self._train(cohort, self.device)
            if not isinstance(result, Failure):
                yield Finished(cohort, tuple(result))
            elif len(cohort.trials) > 1:
                waiting.extendleft(reversed(halves(cohort)))
            else:
                yield Finished(cohort, failed_outcomes(cohort, result, self.device))

    def close(self) -> None:
        """Nothing to stop."""


class ProcessExecutor:
    """Trains on spawned workers.

    When a worker dies, every cohort in flight is a suspect and is tried again by itself. One that
    has lost its worker twice, the second time by itself, is halved until the culprit is found.
    One that takes longer than `time_limit` seconds a trial is stopped, and halved too; since that
    kills all workers, the others in flight start again.
    """

    def __init__(
        self,
        workers: int,
        device: str = "cpu",
        train: Train = train,
        time_limit: float | None = None,
    ) -> None:
        self.workers = workers
        self.device = device
        self.time_limit = time_limit
        self._train = train
        self._pool: ProcessPoolExecutor | None = None
        self._running: dict[Future[Result], Cohort] = {}
        self._deadlines: dict[Future[Result], float] = {}
        self._deaths: Counter[Cohort] = Counter()

    def start(self) -> None:
        """Start the workers and wait until each has imported what it needs."""
        # A worker that dies so early is replaced when `run` needs it.
        with suppress(BrokenProcessPool), interrupts_held():
            wait([self._workers().submit(warm_up) for _ in range(self.workers)])

    def run(self, cohorts: Sequence[Cohort]) -> Iterator[Event]:
        """Train, the first given first; suspects before the rest."""
        waiting, suspects = deque(cohorts), deque[Cohort]()
        if self.time_limit is not None and self._pool is None:
            # What workers take to start is not the first cohorts' time.
            self.start()
        yield from self._fill(waiting, suspects)
        while waiting or suspects or self._running:
            ended = list(self._collect(waiting, suspects))
            # Before what has ended is handed out: no worker waits until that is stored.
            yield from self._fill(waiting, suspects)
            yield from ended

    def _fill(self, waiting: deque[Cohort], suspects: deque[Cohort]) -> Iterator[Event]:
        source, places = (suspects, 1) if suspects else (waiting, self.workers)
        while source and len(self._running) < places:
            try:
                future = self._submit(source[0])
            except BrokenProcessPool:
                # A worker died since the last look; if it was at work, `_collect` finds out.
                if self._running:
                    return
                self.close()
                continue
            self._running[future] = source[0]
            limit = math.inf if self.time_limit is None else self.time_limit
            self._deadlines[future] = time.monotonic() + limit * len(source[0].trials)
            yield Started(source.popleft())

    def _collect(self, waiting: deque[Cohort], suspects: deque[Cohort]) -> Iterator[Event]:
        deadline = min(self._deadlines[future] for future in self._running)
        patience = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        done, _ = wait(self._running, timeout=patience, return_when=FIRST_COMPLETED)
        if not done:
            yield from self._stop_late(waiting)
            return
        # What came back before a worker died is kept.
        returned = [f for f in done if not isinstance(f.exception(), BrokenProcessPool)]
        for future in returned:
            cohort, result = self._running.pop(future), future.result()
            if isinstance(result, Failure):
                yield from self._blame(cohort, result, suspects)
            else:
                yield Finished(cohort, tuple(result))
        if len(returned) < len(done):
            yield from self._after_death(suspects)

    def _stop_late(self, waiting: deque[Cohort]) -> Iterator[Event]:
        now = time.monotonic()
        late = [c for future, c in self._running.items() if self._deadlines[future] <= now]
        lost = [c for future, c in self._running.items() if self._deadlines[future] > now]
        self.close()
        waiting.extendleft(lost)
        failure = Failure("timed_out", f"took longer than {self.time_limit:g} seconds")
        for cohort in late:
            yield from self._blame(cohort, failure, waiting)
        if waiting:
            self.start()

    def _after_death(self, suspects: deque[Cohort]) -> Iterator[Event]:
        lost = list(self._running.values())
        self.close()
        self._deaths.update(lost)
        if len(lost) == 1 and self._deaths[lost[0]] > 1:
            failure = Failure("crashed", "its worker process died twice")
            yield from self._blame(lost[0], failure, suspects)
        else:
            suspects.extend(lost)

    def _blame(self, cohort: Cohort, failure: Failure, again: deque[Cohort]) -> Iterator[Event]:
        if len(cohort.trials) > 1:
            again.extend(halves(cohort))
        else:
            yield Finished(cohort, failed_outcomes(cohort, failure, self.device))

    def _submit(self, cohort: Cohort) -> "Future[Result]":
        with interrupts_held():
            future: Future[Result] = self._workers().submit(self._train, cohort, self.device)
        return future

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=self.workers,
                initializer=start_worker,
                initargs=(os.getpid(),),
            )
        return self._pool

    def close(self) -> None:
        """Kill the workers; what they were training is lost, what they returned is not."""
        self._running.clear()
        self._deadlines.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None
