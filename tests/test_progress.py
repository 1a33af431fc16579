"""What a run shows of itself: lines in a log, a table on a terminal of any size."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from suite import progress, tally
from suite.planning import Cohort, estimate_seconds
from suite.progress import LOG_INTERVAL, NARROW, WIDE, LiveListener, PlainListener, follow
from suite.tally import Size
from suite.trial import Outcome, Trial

TRIALS = [Trial(dataset="digits", seed=seed) for seed in range(12)]
EACH = estimate_seconds(TRIALS[0])


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that goes when it is told to."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(tally, "time", clock)
    return clock


def outcomes(trials, *words, score=0.5):
    words = words or ["completed"] * len(trials)
    scores = {"validation_accuracy": score}
    pairs = zip(trials, words, strict=True)
    return [Outcome(trial=t, outcome=word, metrics=scores) for t, word in pairs]


def cohort(trials):
    return Cohort(trials=tuple(trials), probes=())


def sizes(*names):
    return {name: Size(12, 12 * EACH) for name in names}


def terminal(width=100, height=40):
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


def shown(listener):
    """What the live display shows now, as lines of plain text."""
    screen = Console(file=io.StringIO(), width=listener.console.width)
    screen.print(listener._live.get_renderable())
    return screen.file.getvalue().splitlines()


@pytest.fixture
def live():
    """Makes live displays, and ends them."""
    made = []

    def make(*names, **size):
        made.append(LiveListener(terminal(**size)))
        made[-1].expect(sizes(*names))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


def test_a_log_gets_a_line_where_an_experiment_begins_and_ends_and_now_and_then(clock):
    screen = Console(file=io.StringIO(), width=200)
    listener = PlainListener(screen)
    listener.expect(sizes("overfitting", "depth"))
    listener.experiment("overfitting")
    listener.reused(TRIALS[:4])
    for start in (4, 6, 8, 10):
        pair = TRIALS[start : start + 2]
        listener.started(cohort(pair))
        clock.now += 0.6 * LOG_INTERVAL
        listener.finished(cohort(pair), outcomes(pair, "completed", "dead", score=start / 16))
    listener.note("3f2a crashed: [Errno 1] no")
    clock.now += 4
    listener.done()
    listener.experiment("depth")
    listener.close()
    assert screen.file.getvalue().splitlines() == [
        "overfitting: begins, 12 networks (experiment 1 of 2)",
        "overfitting: 8 of 12 networks; in all 8 of 24, 0.2 a second, 1:36 left",
        "overfitting: 12 of 12 networks; in all 12 of 24, 0.2 a second, 1:12 left",
        "3f2a crashed: [Errno 1] no",
        "overfitting: done in 0:52, 8 networks trained, 4 stored before, 4 not completed, "
        "best on validation 0.625 digits",
        "depth: begins, 12 networks (experiment 2 of 2)",
        "depth: left at 0 of 12 networks; in all 12 of 24, 0.2 a second, 1:18 left",
    ]


def test_lines_of_a_long_run_come_seldom(clock):
    screen = Console(file=io.StringIO(), width=200)
    listener = PlainListener(screen)
    listener.expect(sizes("depth"))
    listener.experiment("depth")
    clock.now += 10_000
    listener.finished(cohort(TRIALS[:1]), outcomes(TRIALS[:1]))
    clock.now += 400
    listener.finished(cohort(TRIALS[1:2]), outcomes(TRIALS[1:2]))
    assert len(screen.file.getvalue().splitlines()) == 2


def test_a_terminal_shows_counts_scores_and_what_is_training(live, clock):
    listener = live("overfitting", "depth", width=120)
    assert shown(listener)[-1].strip() == "planning"
    listener.experiment("overfitting")
    assert shown(listener)[-1].strip() == "starting"
    listener.reused(TRIALS[:4])
    whole = cohort(TRIALS[4:8])
    # A worker died: the cohort is started again, then in halves.
    for started in (whole, whole, cohort(TRIALS[4:6]), cohort(TRIALS[6:8])):
        listener.started(started)
    lines = shown(listener)
    assert lines[1].startswith("▸ overfitting")
    assert " 4/12 " in lines[1]
    assert lines[2].strip().startswith("in all, 1 of 2")
    assert " 4/24 " in lines[2]
    training = "final networks: digits 2×64 relu, 2 networks; digits 2×64 relu, 2 networks"
    assert lines[3].strip() == training
    clock.now += 8
    listener.finished(cohort(TRIALS[4:6]), outcomes(TRIALS[4:6], "completed", "diverged"))
    listener.finished(cohort(TRIALS[6:8]), outcomes(TRIALS[6:8], score=0.75))
    assert "8/12 (1 failed)" in shown(listener)[1]
    assert shown(listener)[1].split()[-5:] == ["0.5", "0:08", "left", "0.750", "digits"]
    assert shown(listener)[2].split()[-2:] == ["0:32", "left"]


def test_a_terminal_says_when_recipes_are_chosen_and_when_nothing_trains(live, clock):
    listener = live("overfitting")
    listener.experiment("overfitting")
    candidates = [Trial(dataset="digits", reports_test=False)]
    listener.started(cohort(candidates))
    assert shown(listener)[-1].strip() == "choosing recipes: digits 2×64 relu, 1 networks"
    listener.finished(cohort(candidates), outcomes(candidates))
    clock.now += 5
    listener.done()
    clock.now += 50
    lines = shown(listener)
    assert lines[-1].strip() == "judging, drawing, sending runs to MLflow"
    assert lines[1].startswith("✓ overfitting")
    assert "1/1 " in lines[1]
    assert "0:05 took" in lines[1]
    assert len(lines) == 3  # one experiment needs no sum


@pytest.mark.parametrize("width", [60, 80, WIDE, 200])
@pytest.mark.parametrize("height", [12, 24])
def test_no_line_is_wider_and_no_table_higher_than_the_terminal(live, clock, width, height):
    names = [f"experiment_with_a_long_name_{number}" for number in range(20)]
    listener = live(*names, width=width, height=height)
    for name in names:
        listener.experiment(name)
        listener.started(cohort(TRIALS))
        clock.now += 30
        long = Trial(dataset="random_hierarchy(levels=4,samples=16000)")
        listener.finished(cohort([long]), outcomes([long]))
        listener.done()
    lines = shown(listener)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert [line for line in lines if line.strip().startswith("… ")]
    rows = [line for line in lines if line.startswith("✓ ")]
    assert rows
    for row in rows:
        assert "1/1 " in row
        assert "0:30 took" in row
    assert ("━" in rows[0]) == (width >= WIDE)
    assert ("0.500 ran" in rows[0]) == (width >= NARROW)


def test_the_last_state_stays_whole_and_notes_stand_above_it(clock):
    screen = terminal(height=12)
    with follow(screen) as listener:
        names = [f"experiment_{number}" for number in range(20)]
        listener.expect(sizes(*names))
        for name in names:
            listener.experiment(name)
            listener.done()
        listener.note("something [to] know")
    assert isinstance(listener, LiveListener)
    assert "something [to] know" in screen.file.getvalue()
    last = shown(listener)
    assert [line.split()[1] for line in last[1:-1]] == names
    assert last[-1].strip().startswith("in all, 20 of 20")


def test_what_is_no_terminal_gets_lines():
    with follow(Console(file=io.StringIO())) as listener:
        assert isinstance(listener, PlainListener)
    assert listener.console.file.getvalue() == ""
