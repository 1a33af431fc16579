"""Executors: the same bits anywhere, every trial back exactly once, no process left behind."""

import importlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from suite.execution import interrupts, local, worker
from suite.execution.local import InlineExecutor, ProcessExecutor
from suite.execution.work import Started
from suite.planning import Cohort, group
from suite.trial import Outcome, Trial

# Odd widths and batches, several splits, dropout: what could depend on company or place.
TRIALS = [
    Trial(dataset=dataset, width=width, activation=activation, regularizers=penalty, epochs=2,
          batch_size=17, split=seed, seed=seed)
    for dataset, width, activation, penalty, seed in itertools.product(
        ("wine", "xor"), (7, 24), ("relu", "tanh"), ((), (("dropout", 0.3),)), range(3)
    )
]  # fmt: skip
PROBES = ("delta_norm",)


def cohorts_of(*sizes):
    """Cohorts of that many trials."""
    trials = (Trial(dataset="wine", seed=seed) for seed in itertools.count())
    return [Cohort(trials=tuple(itertools.islice(trials, size)), probes=()) for size in sizes]


def trained(executor, cohorts):
    """Every trial's outcome; each must come back once, after it was started."""
    started, outcomes = set(), []
    for event in executor.run(cohorts):
        if isinstance(event, Started):
            started |= set(event.cohort.trials)
        else:
            assert [outcome.trial for outcome in event.outcomes] == list(event.cohort.trials)
            assert started >= set(event.cohort.trials)
            outcomes += event.outcomes
    assert Counter(o.trial for o in outcomes) == Counter(t for c in cohorts for t in c.trials)
    return {outcome.trial: outcome for outcome in outcomes}


def numbers(outcomes):
    """All that a measurement holds, to the bit."""
    return {
        trial: (
            *(outcome.outcome, outcome.metrics, outcome.best_epoch, outcome.epochs),
            *(outcome.histories.value.tobytes(), outcome.histories.metric),
        )
        for trial, outcome in outcomes.items()
    }


def words(outcomes):
    return {trial: outcome.outcome for trial, outcome in outcomes.items()}


def pretend(cohort, device):
    """Train at once."""
    return [Outcome(trial=trial, outcome="completed") for trial in cohort.trials]


def test_workers_go_on_while_what_they_returned_is_taken_in() -> None:
    """With one worker, the next cohort has begun before the last one is handed out."""
    first, second, third = cohorts_of(1, 2, 1)
    with closing(ProcessExecutor(1, train=pretend)) as executor:
        events = [
            (type(event).__name__, event.cohort) for event in executor.run([first, second, third])
        ]
    assert events == [
        ("Started", first),
        ("Started", second),
        ("Finished", first),
        ("Started", third),
        ("Finished", second),
        ("Finished", third),
    ]


# What a worker makes of what goes wrong


def test_a_worker_trains(one_thread):
    cohort = group(TRIALS[:3], PROBES, 1)[0]
    outcomes = worker.train(cohort, "cpu")
    assert [outcome.trial for outcome in outcomes] == list(cohort.trials)
    assert {outcome.outcome for outcome in outcomes} == {"completed"}
    assert {outcome.probes for outcome in outcomes} == {PROBES}


def test_a_worker_loads_each_split_once(monkeypatch, one_thread):
    made = []

    def load_split(*request):
        made.append(request)
        return real(*request)

    real = worker.load_split
    monkeypatch.setattr(worker, "load_split", load_split)
    worker._load.cache_clear()
    for rate in (0.01, 0.02):
        trials = [
            Trial(dataset="wine", split=split, epochs=1, learning_rate=rate) for split in range(30)
        ]
        assert len(worker.train(Cohort(trials=tuple(trials), probes=()), "cpu")) == 30
    assert sorted(split for _, split, *_ in made) == list(range(30))


@pytest.mark.parametrize(
    ("error", "word", "text"),
    [
        (ZeroDivisionError("by zero"), "crashed", "Traceback"),
        (RuntimeError("shapes"), "crashed", "Traceback"),
        (MemoryError("no room"), "out_of_memory", "no room"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory", "CUDA out of memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            *("out_of_memory", "can't allocate memory"),
        ),
    ],
)
def test_what_goes_wrong_in_training_becomes_an_outcome(monkeypatch, error, word, text):
    """A cohort is halved until the culprit is alone; its neighbours complete."""
    culprit = TRIALS[2]

    def fit(trials, *_, **__):
        if culprit in trials:
            raise error
        return [Outcome(trial=trial, outcome="completed") for trial in trials]

    monkeypatch.setattr(worker, "fit", fit)
    outcomes = trained(InlineExecutor(), group(TRIALS, PROBES, 1))
    assert words(outcomes) == dict.fromkeys(TRIALS, "completed") | {culprit: word}
    failed = outcomes[culprit]
    assert text in failed.error
    assert (word == "crashed") == (type(error).__name__ in failed.error)
    assert (failed.kernel, failed.probes, failed.histories) == ("numba-cpu", PROBES, None)


def test_an_interrupt_ends_the_run():
    def interrupted(cohort, device):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(InlineExecutor(train=interrupted), cohorts_of(1))


@pytest.fixture
def compiling():
    """A function that is interrupted as often as it is told, where Numba would be at work."""
    source = """
def compiling(times):
    for _ in range(times):
        signal.raise_signal(signal.SIGINT)
    time.sleep(0.2)
    log.append("compiled")
"""
    space = {"__name__": "llvmlite.binding.ffi", "log": [], "signal": signal, "time": time}
    exec(source, space)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield space["compiling"], space["log"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGALRM) == before[signal.SIGALRM]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("times", "again", "seconds", "happened"),
    [
        pytest.param(1, 0.05, 60, ["compiled"], id="while it trains on"),
        pytest.param(1, 60, 0, ["compiled", "trained"], id="when the cohort ends first"),
        pytest.param(2, 60, 60, [], id="at once where it comes twice"),
    ],
)
def test_an_interrupt_of_the_compiler_ends_the_run_after_it(
    monkeypatch, compiling, times, again, seconds, happened
):
    compile_kernel, log = compiling
    monkeypatch.setattr(interrupts, "_AGAIN", again)

    def train(cohort, device):
        compile_kernel(times)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)
        log.append("trained")
        return pretend(cohort, device)

    with pytest.raises(KeyboardInterrupt):
        trained(InlineExecutor(train=train), cohorts_of(1))
    assert log == happened


def test_an_interrupt_in_a_callback_of_importlib_is_not_lost(monkeypatch):
    """Python prints what is raised in one, as in any callback of a weak reference, and goes on."""
    real, happened = importlib._bootstrap._imp, []

    def interrupted():
        real.acquire_lock()
        if not happened:
            happened.append("in the callback")
            signal.raise_signal(signal.SIGINT)
            happened.append("to its end")

    def give_up_a_lock():
        lock = importlib._bootstrap._get_module_lock("suite.of_no_module")
        locks = SimpleNamespace(acquire_lock=interrupted, release_lock=real.release_lock)
        monkeypatch.setattr(importlib._bootstrap, "_imp", locks)
        del lock
        monkeypatch.undo()
        time.sleep(60)

    # A run of the tests in the background ignores interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts.interrupts_kept():
            give_up_a_lock()
    finally:
        signal.signal(signal.SIGINT, before)
    assert happened == ["in the callback", "to its end"]


def test_training_here_leaves_the_number_of_threads_alone():
    seen = []

    def look(cohort, device):
        seen.append(torch.get_num_threads())
        return pretend(cohort, device)

    before = torch.get_num_threads()
    trained(InlineExecutor(train=look), cohorts_of(1, 2))
    assert (set(seen), torch.get_num_threads()) == ({1}, before)


# Which cohorts are tried again: with pools that do what a script says


class Pool:
    """A pool whose workers finish in random order and die when they are told to."""

    def __init__(self, script):
        self.script = script
        self.pending = {}
        self.broken = False

    def submit(self, train, cohort, device):
        if self.broken:
            raise BrokenProcessPool
        future = Future()
        self.pending[future] = (train, cohort, device)
        return future

    def shutdown(self, wait, kill_workers):
        assert (wait, kill_workers) == (True, True)
        self.broken = True

    def advance(self):
        """Let one job finish, or the pool break."""
        future = self.script.rng.choice(list(self.pending))
        train, cohort, device = self.pending[future]
        if self.script.kills(cohort):
            self.kill()
        else:
            del self.pending[future]
            future.set_result(train(cohort, device))

    def kill(self):
        self.broken = True
        for future in self.pending:
            future.set_exception(BrokenProcessPool())
        self.pending.clear()


class Script:
    """Stands in for loky: which cohorts kill their worker, and how often one dies by accident."""

    def __init__(self, seed, poisonous=(), accidents=0):
        self.rng = random.Random(seed)
        self.poisonous = set(poisonous)
        self.accidents = accidents
        self.most = 0

    def kills(self, cohort):
        return not self.poisonous.isdisjoint(cohort.trials)

    def start(self, **_):
        self.pool = Pool(self)
        return self.pool

    def wait(self, futures, **_):
        self.most = max(self.most, len(futures))
        while not any(future.done() for future in futures):
            self.pool.advance()
        # Often more than one has ended by the time that somebody looks.
        if self.pool.pending and self.rng.random() < 0.5:
            self.pool.advance()
        if self.accidents and self.rng.random() < 0.3:
            self.accidents -= 1
            self.pool.kill()
        return {future for future in futures if future.done()}, set()


def scripted(monkeypatch, script, cohorts, workers=3, train=pretend):
    monkeypatch.setattr(local, "ProcessPoolExecutor", script.start)
    monkeypatch.setattr(local, "wait", script.wait)
    with closing(ProcessExecutor(workers, train=train)) as executor:
        return trained(executor, cohorts)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_one_death_loses_nothing(monkeypatch, seed, workers):
    """A worker dies once, at work or between two jobs, whoever was at work."""
    script = Script(seed, accidents=1)
    outcomes = scripted(monkeypatch, script, cohorts_of(4, 1, 3, 1, 2, 6), workers)
    assert set(words(outcomes).values()) == {"completed"}
    assert script.most <= workers


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_culprits_are_found_and_their_neighbours_complete(monkeypatch, seed, workers):
    cohorts = cohorts_of(8, 1, 3, 1, 2, 6)
    poisonous = random.Random(seed).sample([t for c in cohorts for t in c.trials], k=3)
    outcomes = scripted(monkeypatch, Script(seed, poisonous), cohorts, workers)
    everyone = [trial for cohort in cohorts for trial in cohort.trials]
    assert words(outcomes) == (
        dict.fromkeys(everyone, "completed") | dict.fromkeys(poisonous, "crashed")
    )
    for trial in poisonous:
        assert outcomes[trial].error == "its worker process died twice"


def test_what_came_back_before_a_death_is_kept(monkeypatch):
    trainings = Counter()

    def train(cohort, device):
        trainings[cohort] += 1
        return pretend(cohort, device)

    cohorts = cohorts_of(*[1] * 60)
    scripted(monkeypatch, Script(0, accidents=5), cohorts, workers=4, train=train)
    assert set(trainings) == set(cohorts)
    assert max(trainings.values()) == 1


def test_failures_that_workers_report_are_halved_too(monkeypatch):
    cohorts = cohorts_of(5, 2, 1)
    culprit = cohorts[0].trials[3]

    def train(cohort, device):
        if culprit in cohort.trials:
            return worker.Failure("out_of_memory", "no room")
        return pretend(cohort, device)

    outcomes = scripted(monkeypatch, Script(1), cohorts, train=train)
    everyone = [trial for cohort in cohorts for trial in cohort.trials]
    assert words(outcomes) == dict.fromkeys(everyone, "completed") | {culprit: "out_of_memory"}


# Real processes. Functions for workers are nested, so that they travel as code.


def alive(pids):
    """Processes that still run; those that nobody has reaped yet do not count."""
    running = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                running.append(pid)
        except psutil.NoSuchProcess:
            continue
    return running


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def training_that_stalls_once(folder):
    """Real training; but the first to come waits, with its process's id in a file."""
    stalled = str(folder / "stalled")

    def train(cohort, device):
        try:
            with Path(stalled).open("x") as file:
                file.write(f"{os.getpid()}\n")
        except FileExistsError:
            return worker.train(cohort, device)
        time.sleep(60)
        raise AssertionError("nobody killed this worker")

    return train


def kill_when_written(path):
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), 60)
    os.kill(int(path.read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_numbers_are_the_same_here_and_in_any_number_of_workers(tmp_path):
    """Starts three pools: the promise that a trial's numbers do not depend on place and order."""
    cohorts = group(TRIALS, PROBES, 2)
    assert len(cohorts) > 8
    here = numbers(trained(InlineExecutor(), cohorts))
    with closing(ProcessExecutor(1)) as executor:
        assert numbers(trained(executor, cohorts[::-1])) == here
    # One worker is killed at work: nothing is lost, and the bits stay.
    killer = threading.Thread(target=kill_when_written, args=[tmp_path / "stalled"])
    killer.start()
    with closing(ProcessExecutor(2, train=training_that_stalls_once(tmp_path))) as executor:
        shuffled = random.Random(0).sample(cohorts, len(cohorts))
        assert numbers(trained(executor, shuffled)) == here
        workers = own_workers()
        assert len(workers) == 2
    killer.join()
    assert not alive(workers)


def own_workers():
    """Our workers' ids; loky's book-keeping process, which ends with ours, is none."""
    children = psutil.Process().children()
    return [child.pid for child in children if "--process-name" in child.cmdline()]


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_is_found():
    """Starts four pools, one a death: the real counterpart of the scripted tests above."""
    cohorts = cohorts_of(2, 3)
    culprit = cohorts[0].trials[1]

    def train(cohort, device):
        if culprit in cohort.trials:
            os._exit(1)
        return [Outcome(trial=trial, outcome="completed") for trial in cohort.trials]

    with closing(ProcessExecutor(2, train=train)) as executor:
        outcomes = trained(executor, cohorts)
    everyone = [trial for cohort in cohorts for trial in cohort.trials]
    assert words(outcomes) == dict.fromkeys(everyone, "completed") | {culprit: "crashed"}


PARENT = """
import os, sys, time
from pathlib import Path
from suite.execution.local import ProcessExecutor
from suite.planning import Cohort
from suite.trial import Trial

def train(cohort, device):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)

cohorts = [Cohort(trials=(Trial(dataset="wine", seed=seed),), probes=()) for seed in range(2)]
list(ProcessExecutor(2, train=train).run(cohorts))
"""


@pytest.mark.slow
def test_workers_do_not_outlive_a_parent_that_is_killed(tmp_path):
    """Starts a process that starts workers: an orphan would train on for nobody."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2, 90)
    family = {child.pid for child in psutil.Process(parent.pid).children(recursive=True)}
    assert {int(path.name) for path in tmp_path.iterdir()} <= family
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(family), 120)
