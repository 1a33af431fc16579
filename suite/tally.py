"""How far a run is: networks done and to do, their rate, the best of them, and the time left."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from suite.planning import estimate_seconds
from suite.trial import Outcome, Trial

# Before so many seconds nothing is known of the time that is left.
FIRST_SECONDS = 2.0
# Of all that is guessed, a share counts as done at the pace that was guessed: what the first
# networks take says little of the others.
TRUSTED = 0.1
SCORES = ("validation_accuracy", "validation_r2")


class Size(NamedTuple):
    """What an experiment asks for: networks, and a guess of their time on one core."""

    networks: int
    seconds: float


def _now() -> float:
    return time.monotonic()


@dataclass(slots=True)
class Tally:
    """Counts of a run, or of one experiment in it.

    Attributes:
        total: networks expected.
        guess: seconds on one core that those not done may take.
        workers: processes that train; 0 where that is not known, and no guess is trusted.
        done: networks trained or stored before.
        trained: networks trained.
        failed: of these, those that did not complete.
        best: the best validation score so far on the data set that was trained on last.
    """

    total: int = 0
    guess: float = 0.0
    workers: int = 0
    done: int = 0
    trained: int = 0
    failed: int = 0
    best: str = ""
    _scores: dict[str, float] = field(default_factory=dict)
    _guess_trained: float = 0.0
    _trusted: float = 0.0
    _begun: float = field(default_factory=_now)
    _took: float | None = None
    _starting: bool = True

    def __post_init__(self) -> None:
        self._trusted = TRUSTED * self.guess if self.workers else 0.0

    def start(self) -> None:
        """Set the clock to the first network's start: that processes start is no training."""
        if self._starting:
            self._starting, self._begun = False, _now()

    def reuse(self, trials: Sequence[Trial]) -> None:
        """Count trials that need no training."""
        self.done += len(trials)
        self.guess -= sum(estimate_seconds(trial) for trial in trials)

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Count trained networks."""
        guess = sum(estimate_seconds(outcome.trial) for outcome in outcomes)
        self.done += len(outcomes)
        self.trained += len(outcomes)
        self.failed += sum(outcome.outcome != "completed" for outcome in outcomes)
        self.guess -= guess
        self._guess_trained += guess
        for outcome in outcomes:
            self._score(outcome)

    def _score(self, outcome: Outcome) -> None:
        found = [outcome.metrics[name] for name in SCORES if name in outcome.metrics]
        if found:
            dataset = outcome.trial.dataset
            self._scores[dataset] = max(found[0], self._scores.get(dataset, found[0]))
            self.best = f"{self._scores[dataset]:.3f} {dataset}"

    def end(self) -> None:
        """Nothing more comes, whatever was expected."""
        self._took = self.seconds
        self.total, self.guess = self.done, 0.0

    @property
    def seconds(self) -> float:
        """From the beginning to now, or to the end."""
        return _now() - self._begun if self._took is None else self._took

    @property
    def rate(self) -> float:
        """Networks trained a second."""
        return self.trained / max(1e-9, self.seconds)

    @property
    def seconds_left(self) -> float | None:
        """The guesses, scaled by what was really taken so far; None before that is known.

        Where recipes that a search has proposed took all that was guessed, each network that is
        left counts like those before.
        """
        if not self._guess_trained or self.seconds < FIRST_SECONDS:
            return None
        if self.guess > 0:
            took = self.seconds + self._trusted / max(1, self.workers)
            return self.guess * took / (self._guess_trained + self._trusted)
        return max(0, self.total - self.done) * self.seconds / self.trained


class Course:
    """A run: all of it, and each experiment that has begun.

    Attributes:
        whole: counts of the run.
        experiments: of each experiment, in the order in which they began.
        name: the experiment that began last.
        count: experiments in the run.
    """

    def __init__(self) -> None:
        self.whole = Tally()
        self.experiments: dict[str, Tally] = {}
        self.name = ""
        self.count = 0
        self._sizes: Mapping[str, Size] = {}
        self._workers = 0

    def expect(self, sizes: Mapping[str, Size], workers: int = 0) -> None:
        """Take in every experiment's size, and how many processes train."""
        self._sizes, self.count, self._workers = sizes, len(sizes), workers
        networks = sum(size.networks for size in sizes.values())
        # Its clock starts anew: planning is no training.
        self.whole = Tally(networks, sum(size.seconds for size in sizes.values()), workers)

    @property
    def current(self) -> Tally:
        """Counts of the experiment that began last."""
        return self.experiments[self.name]

    def begin(self, name: str) -> None:
        """Turn to an experiment."""
        self.name = name
        self.experiments[name] = Tally(*self._sizes[name], self._workers)

    def reuse(self, trials: Sequence[Trial]) -> None:
        """Count trials that need no training."""
        self.whole.reuse(trials)
        self.current.reuse(trials)

    def start(self) -> None:
        """Networks begin to train."""
        self.whole.start()
        self.current.start()

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Count trained networks."""
        self.whole.finish(outcomes)
        self.current.finish(outcomes)

    def end(self) -> None:
        """The experiment has all that it wanted, which may differ from what was expected."""
        self.whole.total += self.current.done - self.current.total
        self.whole.guess -= self.current.guess
        self.current.end()


def clock_text(seconds: float | None) -> str:
    """Hours, minutes and seconds, such as 3:05 or 1:15:00."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
