"""A run as the user sees it: a live table on a terminal, plain lines in a log."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from suite.planning import Cohort
from suite.tally import Course, Size, Tally, clock_text
from suite.trial import Outcome, Trial

# Seconds between two lines of a log that nobody watches, and as a share of the run so far.
LOG_INTERVAL = 20.0
LOG_SHARE = 0.05
# Columns below which a terminal has no room for a bar, or for scores.
WIDE, NARROW = 100, 72
BAR = 16
# Lines of a terminal that experiments which have ended leave free.
FREE_LINES = 9


@contextmanager
def follow(console: Console) -> Iterator["LiveListener | PlainListener"]:
    """A listener that shows the run where it is watched, and speaks in a log where it is not."""
    listener = (LiveListener if console.is_terminal else PlainListener)(console)
    try:
        yield listener
    finally:
        listener.close()


class PlainListener:
    """A line where an experiment begins or ends, and now and then, for logs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.course = Course()
        self._spoken = time.monotonic()
        self._open = False

    def expect(self, sizes: Mapping[str, Size], workers: int = 0) -> None:
        """Take in the size of the whole run, and how many processes train."""
        self.course.expect(sizes, workers)

    def experiment(self, name: str) -> None:
        """Say what begins."""
        self.course.begin(name)
        self._open = True
        place = f"{len(self.course.experiments)} of {self.course.count}"
        self._say(f"begins, {self.course.current.total} networks (experiment {place})")

    def reused(self, trials: Sequence[Trial]) -> None:
        """Count trials that were stored before."""
        self.course.reuse(trials)

    def started(self, cohort: Cohort) -> None:
        """Say nothing: a log wants few lines."""
        self.course.start()

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """Say how far the run is, at intervals."""
        self.course.finish(outcomes)
        interval = max(LOG_INTERVAL, LOG_SHARE * self.course.whole.seconds)
        if time.monotonic() - self._spoken > interval:
            self._say(self._progress())

    def done(self) -> None:
        """Say how the experiment ended."""
        self.course.end()
        self._open = False
        self._say(f"done in {clock_text(self.course.current.seconds)}, {self._made()}")

    def note(self, text: str) -> None:
        """Pass a note on."""
        self.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Say where an experiment was left that has not ended."""
        if self._open:
            self._say(f"left at {self._progress()}")

    def _progress(self) -> str:
        whole, current = self.course.whole, self.course.current
        return (
            f"{current.done} of {current.total} networks; in all {whole.done} of {whole.total}, "
            f"{whole.rate:.1f} a second, {clock_text(whole.seconds_left)} left"
        )

    def _made(self) -> str:
        tally = self.course.current
        words = [f"{tally.trained} networks trained", f"{tally.done - tally.trained} stored before"]
        if tally.failed:
            words.append(f"{tally.failed} not completed")
        if tally.best:
            words.append(f"best on validation {tally.best}")
        return ", ".join(words)

    def _say(self, text: str) -> None:
        self._spoken = time.monotonic()
        self.console.print(f"{self.course.name}: {text}", markup=False, highlight=False)


class LiveListener:
    """A table that follows the run: a row for each experiment, and below it what trains now."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.course = Course()
        self._running: list[Cohort] = []
        self._training = False
        self._closed = False
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render)
        self._live.start()

    def expect(self, sizes: Mapping[str, Size], workers: int = 0) -> None:
        """Take in the size of the whole run, and how many processes train."""
        self.course.expect(sizes, workers)

    def experiment(self, name: str) -> None:
        """Begin a row."""
        self.course.begin(name)
        self._training = True

    def reused(self, trials: Sequence[Trial]) -> None:
        """Count trials that were stored before."""
        self.course.reuse(trials)

    def started(self, cohort: Cohort) -> None:
        """Show what begins to train."""
        self.course.start()
        self._drop(cohort)
        self._running.append(cohort)

    def finished(self, cohort: Cohort, outcomes: Sequence[Outcome]) -> None:
        """Count what has ended."""
        self._drop(cohort)
        self.course.finish(outcomes)

    def _drop(self, cohort: Cohort) -> None:
        # A cohort that lost its worker starts again, whole or in parts.
        trials = set(cohort.trials)
        self._running = [other for other in self._running if trials.isdisjoint(other.trials)]

    def done(self) -> None:
        """End the row."""
        self.course.end()
        self._training = False

    def note(self, text: str) -> None:
        """Print a note above the table."""
        self.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._closed = True
        self._live.stop()

    def _render(self) -> Table:
        # The last state stays whole, above what is printed next.
        most = len(self.course.experiments) if self._closed else self.console.height - FREE_LINES
        table = _table(self.course, self._state(), max(1, most), self.console.width)
        if not self._closed:
            table.caption = Text(self._now(), style="dim", no_wrap=True, overflow="ellipsis")
        return table

    def _state(self) -> str:
        if self._closed:
            return "closed"
        return "training" if self._training else "between"

    def _now(self) -> str:
        if not self.course.name:
            return "planning"
        if not self._training:
            return "judging, drawing, sending runs to MLflow"
        if not self._running:
            return "starting"
        tuning = not any(cohort.trials[0].reports_test for cohort in self._running)
        stage = "choosing recipes" if tuning else "final networks"
        return f"{stage}: {'; '.join(cohort.label for cohort in self._running[-3:])}"


def _table(course: Course, state: str, most: int, width: int) -> Table:
    """A row for each of the last `most` experiments, and one for the whole run.

    Args:
        course: how far the run is.
        state: `training`, `between` two experiments or `closed`.
        most: rows that there is room for.
        width: columns of the terminal.
    """
    table = _heading(width)
    rows = list(course.experiments.items())
    if len(rows) > most:
        table.add_row(Text(f"  … {len(rows) - most} more", style="dim"))
    for name, tally in rows[-most:]:
        active = state == "training" and name == course.name
        whole = tally.done >= tally.total
        mark = Text("▸ ", style="cyan") if active else _mark(whole)
        table.add_row(*_cells(mark + Text(name), tally, active=active, width=width))
    if course.count > 1:
        title = Text(f"  in all, {len(rows)} of {course.count}", style="bold")
        table.add_row(
            *_cells(title, course.whole, active=state != "closed", width=width, best=False)
        )
    return table


def _mark(whole: bool) -> Text:
    return Text("✓ ", style="green") if whole else Text("◦ ", style="yellow")


def _heading(width: int) -> Table:
    table = Table(
        box=None,
        pad_edge=False,
        header_style="dim",
        padding=(0, 2, 0, 0),
        caption_justify="left",
        caption_style="",
    )
    # Where there is too little room, Rich narrows those that may wrap, which their cells never do.
    table.add_column(Text("  experiment", no_wrap=True))
    if width >= WIDE:
        table.add_column("", no_wrap=True, min_width=BAR)
    for title in ("networks", "a second", "time"):
        table.add_column(title, no_wrap=True, justify="right")
    if width >= NARROW:
        table.add_column(Text("best on validation", no_wrap=True, overflow="ellipsis"))
    return table


def _rate(tally: Tally) -> str:
    if tally.trained:
        return f"{tally.rate:.1f}"
    return "stored" if tally.done else ""


def _cells(
    title: Text, tally: Tally, *, active: bool, width: int, best: bool = True
) -> list[Text | ProgressBar]:
    failed = f" ({tally.failed} failed)" if tally.failed else ""
    left = tally.seconds_left if active else tally.seconds
    bar = ProgressBar(total=max(1, tally.total), completed=tally.done, width=BAR)
    title.no_wrap, title.overflow = True, "ellipsis"
    score = Text(tally.best if best else "", no_wrap=True, overflow="ellipsis")
    return [
        title,
        *([bar] if width >= WIDE else []),
        Text(f"{tally.done}/{tally.total}{failed}"),
        Text(_rate(tally)),
        Text(f"{clock_text(left)} {'left' if active else 'took'}"),
        *([score] if width >= NARROW else []),
    ]
