"""Counts of a run: what is reused, trained and failed, the best scores, and the time left."""

from types import SimpleNamespace

import pytest

from suite import tally
from suite.planning import estimate_seconds
from suite.tally import Course, Size, Tally, clock_text
from suite.trial import Outcome, Trial

TRIALS = [Trial(dataset="digits", seed=seed) for seed in range(12)]
EACH = estimate_seconds(TRIALS[0])


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that goes when it is told to."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(tally, "time", clock)
    return clock


def outcomes(trials, *words, **metrics):
    words = words or ["completed"] * len(trials)
    pairs = zip(trials, words, strict=True)
    return [Outcome(trial=t, outcome=word, metrics=metrics) for t, word in pairs]


def test_what_is_reused_trained_and_failed_is_counted(clock):
    tally = Tally(12, 12 * EACH)
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
    tally = Tally(2, EACH + estimate_seconds(large))
    clock.now += 3
    tally.finish(outcomes(TRIALS[:1]))
    assert tally.seconds_left == pytest.approx(3 * estimate_seconds(large) / EACH)
    tally.finish(outcomes([large]))
    assert tally.seconds_left == pytest.approx(0)


def test_time_left_is_not_guessed_from_nothing_and_never_negative(clock):
    tally = Tally(1, EACH / 2)
    clock.now += 1
    tally.finish(outcomes(TRIALS[:2]))
    assert tally.seconds_left is None
    clock.now += 1
    assert tally.seconds_left == 0


def test_guesses_are_trusted_before_much_is_known(clock):
    tally = Tally(100, 100 * EACH, workers=2)
    clock.now += 3  # the first network took long for its size
    tally.finish(outcomes(TRIALS[:1]))
    # A tenth of the guesses counts as done by two workers in half of its time.
    assert tally.seconds_left == pytest.approx(99 * EACH * (3 + 5 * EACH) / (11 * EACH))


def test_networks_count_alike_once_all_that_was_guessed_is_used_up(clock):
    tally = Tally(12, 6 * EACH)
    clock.now += 16
    tally.finish(outcomes(TRIALS[:8]))
    assert tally.seconds_left == pytest.approx(8)


def test_the_clock_starts_with_the_first_network(clock):
    tally = Tally(12, 12 * EACH)
    clock.now += 30  # processes start
    tally.start()
    clock.now += 5
    tally.start()
    tally.finish(outcomes(TRIALS[:6]))
    assert (tally.seconds, tally.seconds_left) == (5, pytest.approx(5))


def test_what_has_ended_stands_still(clock):
    tally = Tally(12, 12 * EACH)
    clock.now += 5
    tally.finish(outcomes(TRIALS[:10]))
    tally.end()
    clock.now += 100
    assert (tally.seconds, tally.rate, tally.total, tally.done) == (5, 2, 10, 10)


def test_the_best_score_is_of_the_data_set_trained_on_last(clock):
    tally = Tally(12, 12 * EACH)
    tally.finish(outcomes(TRIALS[:1], validation_accuracy=0.9))
    tally.finish(outcomes(TRIALS[1:2], validation_accuracy=0.7))
    assert tally.best == "0.900 digits"
    tally.finish(outcomes([Trial(dataset="sawtooth")], validation_r2=-0.25))
    assert tally.best == "-0.250 sawtooth"
    tally.finish(outcomes(TRIALS[2:3], "crashed"))
    assert tally.best == "-0.250 sawtooth"


def test_a_run_knows_itself_and_its_experiments(clock):
    course = Course()
    clock.now += 50  # planning is no training
    course.expect({"one": Size(4, 4 * EACH), "two": Size(8, 8 * EACH)})
    course.begin("one")
    course.reuse(TRIALS[:1])
    clock.now += 4
    course.finish(outcomes(TRIALS[1:3]))
    assert (course.whole.total, course.whole.done, course.current.done) == (12, 3, 3)
    assert course.whole.seconds_left == pytest.approx(18)
    # One fewer than expected, as with rungs, whose number is a guess.
    course.end()
    assert (course.whole.total, course.current.total) == (11, 3)
    assert course.whole.seconds_left == pytest.approx(16)
    course.begin("two")
    assert (course.name, course.count, list(course.experiments)) == ("two", 2, ["one", "two"])
    clock.now += 1
    assert [tally.seconds for tally in course.experiments.values()] == [4, 1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-:--"),
        (0, "0:00"),
        (9.4, "0:09"),
        (59.6, "1:00"),
        (185, "3:05"),
        (4500, "1:15:00"),
        (3599.7, "1:00:00"),
    ],
)
def test_clock_text(seconds, text):
    assert clock_text(seconds) == text
