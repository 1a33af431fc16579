"""A run as the terminal shows it: a live line there, plain lines in a log."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from suite.planning import Cohort, estimate_seconds
from suite.trial import Outcome, Trial

# Seconds between two lines of a log that nobody watches.
LOG_INTERVAL = 20.0


class Tally:
    """Networks done and to do, their rate and the time that is left."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self.total = 0
        self.done = 0
        self.trained = 0
        self.failed = 0
        self._guess_left = 0.0
        self._guess_trained = 0.0
        self._started = time.monotonic()

    def expect(self, networks: int, seconds: float) -> None:
        """Take in the size of the whole run."""
        self.total, self._guess_left = networks, seconds

    def reuse(self, trials: Sequence[Trial]) -> None:
        """Count trials that need no training."""
        self.done += len(trials)
        self._guess_left -= sum(estimate_seconds(trial) for trial in trials)

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Count trained networks."""
        guess = sum(estimate_seconds(outcome.trial) for outcome in outcomes)
        self.done += len(outcomes)
        self.trained += len(outcomes)
        self.failed += sum(outcome.outcome != "completed" for outcome in outcomes)
        self._guess_left -= guess
        self._guess_trained += guess

    @property
    def rate(self) -> float:
        """Networks trained a second."""
        return self.trained / max(1e-9, time.monotonic() - self._started)

    @property
    def seconds_left(self) -> float | None:
        """The guesses, scaled by what was really taken so far; None before anything is done."""
        if not self._guess_trained:
            return None
        pace = (time.monotonic() - self._started) / self._guess_trained
        return max(0.0, self._guess_left) * pace


def clock_text(seconds: float | None) -> str:
    """Minutes and seconds, such as 3:05."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class PlainListener:
    """One line now and then, for logs."""

    def __init__(self, console: Console, workers: int) -> None:
        self.console = console
        self.tally = Tally(workers)
        self._name = ""
        self._spoken = time.monotonic()

    def expect(self, networks: int, seconds: float) -> None:
        """Take in the size of the whole run."""
        self.tally.expect(networks, seconds)

    def experiment(self, name: str) -> None:
        """Name the experiment that begins."""
        self._name = name
        self._say()

    def reused(self, trials: Sequence[Trial]) -> None:
        """Count trials that were stored before."""
        self.tally.reuse(trials)
        if trials:
            self.console.print(f"{self._name}: {len(trials)} networks are stored already")

    def started(self, cohort: Cohort) -> None:
        """Nothing to say: a log wants few lines."""

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """Say how far the run is, at intervals."""
        self.tally.finish(outcomes)
        if time.monotonic() - self._spoken > LOG_INTERVAL:
            self._say()

    def note(self, text: str) -> None:
        """Pass a note on."""
        self.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Say where the run ended, if it began."""
        if self._name:
            self._say()

    def _say(self) -> None:
        self._spoken = time.monotonic()
        tally = self.tally
        self.console.print(
            f"{self._name}: {tally.done} of {tally.total} networks, {tally.rate:.1f} a second, "
            f"{clock_text(tally.seconds_left)} left",
            highlight=False,
        )


class LiveListener:
    """A bar that follows the run, with what is training below it."""

    def __init__(self, console: Console, workers: int) -> None:
        self.console = console
        self.tally = Tally(workers)
        self._name = ""
        self._running: list[Cohort] = []
        self._closed = False
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render)
        self._live.start()

    def expect(self, networks: int, seconds: float) -> None:
        """Take in the size of the whole run."""
        self.tally.expect(networks, seconds)

    def experiment(self, name: str) -> None:
        """Name the experiment that begins."""
        self._name = name

    def reused(self, trials: Sequence[Trial]) -> None:
        """Count trials that were stored before."""
        self.tally.reuse(trials)

    def started(self, cohort: Cohort) -> None:
        """Show what begins to train."""
        self._drop(cohort)
        self._running.append(cohort)

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """Count what has ended."""
        self._drop(cohort)
        self.tally.finish(outcomes)

    def _drop(self, cohort: Cohort) -> None:
        # A cohort that lost its worker starts again, whole or in parts.
        trials = set(cohort.trials)
        self._running = [other for other in self._running if trials.isdisjoint(other.trials)]

    def note(self, text: str) -> None:
        """Print a note above the bar."""
        self.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._closed = True
        self._live.stop()

    def _training(self) -> str:
        return "; ".join(cohort.label for cohort in self._running[-3:])

    def _render(self) -> Table:
        tally = self.tally
        table = Table.grid(padding=(0, 1))
        failed = f", {tally.failed} not completed" if tally.failed else ""
        table.add_row(
            Text(self._name or "planning", style="bold"),
            ProgressBar(total=max(1, tally.total), completed=tally.done, width=30),
            f"{tally.done}/{tally.total} networks{failed}",
            f"{tally.rate:.1f}/s",
            f"{clock_text(tally.seconds_left)} left",
        )
        if not self._closed:
            now = self._training() or "nothing trains now: judging, drawing, mirroring"
            table.add_row("", Text(now, style="dim", no_wrap=True))
        return table
