"""What a run shows of itself: counts, rate and time left; lines in a log, a bar on a terminal."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from suite import progress
from suite.planning import Cohort, estimate_seconds
from suite.progress import LOG_INTERVAL, LiveListener, PlainListener, Tally, clock_text
from suite.trial import Outcome, Trial

TRIALS = [Trial(dataset="digits", seed=seed) for seed in range(12)]
EACH = estimate_seconds(TRIALS[0])


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def outcomes(trials, *words):
    words = words or ["completed"] * len(trials)
    return [Outcome(trial=t, outcome=word) for t, word in zip(trials, words, strict=True)]


def cohort(trials):
    return Cohort(trials=tuple(trials), probes=())


def console():
    return Console(file=io.StringIO(), width=200)


def test_tally_counts_what_is_reused_trained_and_failed(clock):
    tally = Tally(workers=2)
    tally.expect(12, 12 * EACH)
    assert (tally.total, tally.done, tally.rate, tally.seconds_left) == (12, 0, 0, None)
    tally.reuse(TRIALS[:4])
    assert (tally.done, tally.trained, tally.seconds_left) == (4, 0, None)
    clock.now += 10
    tally.finish(outcomes(TRIALS[4:9], "completed", "dead", "diverged", "completed", "crashed"))
    assert (tally.done, tally.trained, tally.failed) == (9, 5, 3)
    assert tally.rate == 0.5
    # Five of eight equal networks took ten seconds, so that three take six.
    assert tally.seconds_left == pytest.approx(6)


def test_time_left_weighs_networks_by_their_size(clock):
    large = Trial(dataset="digits", epochs=200)
    tally = Tally(workers=1)
    tally.expect(2, EACH + estimate_seconds(large))
    clock.now += 3
    tally.finish(outcomes(TRIALS[:1]))
    assert tally.seconds_left == pytest.approx(3 * estimate_seconds(large) / EACH)
    tally.finish(outcomes([large]))
    assert tally.seconds_left == pytest.approx(0)


def test_time_left_is_never_negative(clock):
    tally = Tally(workers=1)
    tally.expect(1, EACH / 2)
    clock.now += 1
    tally.finish(outcomes(TRIALS[:2]))
    assert tally.seconds_left == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-:--"), (0, "0:00"), (9.4, "0:09"), (59.6, "1:00"), (185, "3:05"), (4500, "75:00")],
)
def test_clock_text(seconds, text):
    assert clock_text(seconds) == text


def test_a_log_gets_a_line_now_and_then(clock):
    screen = console()
    listener = PlainListener(screen, workers=1)
    listener.expect(12, 12 * EACH)
    listener.experiment("overfitting")
    listener.reused([])
    listener.reused(TRIALS[:4])
    for start in (4, 6, 8):
        clock.now += 0.6 * LOG_INTERVAL
        listener.started(cohort(TRIALS[start : start + 2]))
        listener.finished(cohort(TRIALS[start : start + 2]), outcomes(TRIALS[start : start + 2]))
    listener.note("3f2a crashed: [Errno 1] no")
    clock.now += 4
    listener.close()
    assert screen.file.getvalue().splitlines() == [
        "overfitting: 0 of 12 networks, 0.0 a second, -:-- left",
        "overfitting: 4 networks are stored already",
        "overfitting: 8 of 12 networks, 0.2 a second, 0:24 left",
        "3f2a crashed: [Errno 1] no",
        "overfitting: 10 of 12 networks, 0.1 a second, 0:13 left",
    ]


def test_a_terminal_shows_counts_and_what_is_training():
    screen = Console(file=io.StringIO(), force_terminal=True, width=200)
    listener = LiveListener(screen, workers=2)
    listener.expect(12, 12 * EACH)
    listener.experiment("overfitting")
    listener.reused(TRIALS[:4])
    whole = cohort(TRIALS[4:8])
    # A worker died: the cohort is started again, then in halves.
    for started in (whole, whole, cohort(TRIALS[4:6]), cohort(TRIALS[6:8])):
        listener.started(started)
    shown = render(listener)
    assert "4/12 networks" in shown
    assert shown.count("digits 2×64 relu, 2 networks") == 2
    assert "4 networks" not in shown.replace("/", " ")
    listener.finished(cohort(TRIALS[4:6]), outcomes(TRIALS[4:6], "completed", "diverged"))
    listener.finished(cohort(TRIALS[6:8]), outcomes(TRIALS[6:8]))
    listener.note("something [to] know")
    shown = render(listener)
    assert "8/12 networks, 1 not completed" in shown
    assert "digits" not in shown
    listener.close()
    assert "something [to] know" in screen.file.getvalue()
    assert "8/12 networks" in screen.file.getvalue()


def render(listener):
    """What the live display shows now, as plain text."""
    screen = console()
    screen.print(listener._live.get_renderable())
    return screen.file.getvalue()
