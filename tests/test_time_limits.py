"""Time limits: who takes too long is stopped and found, and nobody else is blamed."""

import random
import time
from contextlib import closing

import pytest

from suite.execution import local
from suite.execution.local import ProcessExecutor
from suite.trial import Outcome
from tests.test_execution import Script, alive, cohorts_of, own_workers, pretend, trained, words


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_those_in_flight_beside_a_late_one_are_not_to_blame(monkeypatch, seed, workers):
    """A clock that stands still while work gets done, and passes every deadline when none does."""
    cohorts = cohorts_of(8, 1, 3, 1, 2, 6)
    slow = set(random.Random(seed).sample([t for c in cohorts for t in c.trials], k=3))
    script, now = Script(seed), [0.0]

    def wait(futures, timeout, **_):
        done = [f for f in futures if f.done() or slow.isdisjoint(script.pool.pending[f][1].trials)]
        for future in script.rng.sample(done, k=min(1, len(done))):
            train, cohort, device = script.pool.pending.pop(future)
            future.set_result(train(cohort, device))
            return {future}, set()
        now[0] += timeout
        return set(), set(futures)

    monkeypatch.setattr(local.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(ProcessExecutor, "start", lambda _: None)
    monkeypatch.setattr(local, "ProcessPoolExecutor", script.start)
    monkeypatch.setattr(local, "wait", wait)
    with closing(ProcessExecutor(workers, train=pretend, time_limit=5.0)) as executor:
        outcomes = trained(executor, cohorts)
    assert {trial: outcome.outcome == "timed_out" for trial, outcome in outcomes.items()} == {
        trial: trial in slow for cohort in cohorts for trial in cohort.trials
    }


@pytest.mark.slow
def test_what_takes_too_long_is_stopped_and_found():
    """Starts a pool for each time that one is stopped: nothing else can end a solver."""
    cohorts = cohorts_of(2, 1, 1)
    culprit = cohorts[0].trials[1]

    def train(cohort, device):
        if culprit in cohort.trials:
            time.sleep(600)
        return [Outcome(trial=trial, outcome="completed") for trial in cohort.trials]

    with closing(ProcessExecutor(2, train=train, time_limit=1.0)) as executor:
        outcomes = trained(executor, cohorts)
        workers = own_workers()
    everyone = [trial for cohort in cohorts for trial in cohort.trials]
    assert words(outcomes) == dict.fromkeys(everyone, "completed") | {culprit: "timed_out"}
    assert outcomes[culprit].error == "took longer than 1 seconds"
    assert not alive(workers)
