"""Real runs in processes of their own, stopped and killed, and what the next run makes of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from suite.ledger import Ledger
from suite.reading import read_experiment
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.schemas import METRICS
from tests.interrupts import interruptible

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

FILE = """
question: Does depth help?
vary: {depth: [1, 2, 3, 4, 5, 6]}
hold: {dataset: circles, samples: 256, network: dense, width: 6, activation: tanh,
       initializer: xavier, optimizer: adam, epochs: 20, batch_size: 16}
tune: {learning_rate: {log: [0.003, 0.1]}, budget: {trials: 2}, sampler: grid}
profiles: {quick: {seeds: 2}}
"""
TUNING, FINAL = 24, 12
COMMAND = ("run", "long.yaml", "--profile", "quick", "--workers", "1", "--device", "cpu")
STOPPED = "stopped; what has finished is stored in results/, and the same command goes on\n"
# Far more than an exit takes: only what hangs gets there.
SECONDS_TO_STOP = 120


class Silence:
    """A listener that says nothing."""

    def __getattr__(self, _name):
        return lambda *_: None


def train_here(results):
    """Run to the end in this process; returns how many networks that took."""
    settings = Settings(profile="quick", workers=0, results=Path(results))
    experiment, nothing = read_experiment(Path("long.yaml")), Silence().note
    run_experiments([experiment], settings, Silence(), report=nothing, mirror=nothing)
    ledger = Ledger(Path(results))
    assert gather(ledger, experiment, "quick").complete
    last = ledger.invocations().iloc[-1]
    assert last["networks"] == TUNING + FINAL
    return last["networks"] - last["networks_reused"]


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("long.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start():
    """Starts `leadline run` in a process group of its own; none outlives the test."""
    processes = []

    def start():
        command = [sys.executable, "-m", "suite", *COMMAND]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with interruptible():
            processes.append(subprocess.Popen(command, start_new_session=True, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def stored(results="results"):
    """Every number of every stored trial."""
    frame = Ledger(Path(results)).trials().set_index("trial_id")
    return frame[[*METRICS, "outcome", "best_epoch", "epochs_trained", "flops"]].sort_index()


def parts(table="trials"):
    return {path.name for path in Path(f"results/{table}.parquet").glob("*.parquet")}


def children(run):
    return psutil.Process(run.pid).children(recursive=True)


def is_running(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_worker(process):
    try:
        return "popen_loky" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def end(run, send):
    """Send a signal and wait until the run and its workers have gone; what it had printed."""
    processes = children(run)
    send()
    out, err = run.communicate(timeout=SECONDS_TO_STOP)
    assert "Traceback" not in out
    wait_for(lambda: not any(map(is_running, processes)), SECONDS_TO_STOP)
    return err


def test_a_run_that_is_stopped_and_then_killed_ends_with_the_same_bits(directory, start, leadline):
    """Only real processes show that signals leave no orphan, no torn file and no lock behind."""
    run = start()
    wait_for(parts)
    busy = f"leadline: results/: another run (process {run.pid}) is writing here\n"
    assert leadline(*COMMAND) == (2, "", busy)
    assert end(run, run.terminate) == STOPPED
    assert run.returncode == 130
    stopped, before = stored(), parts()
    assert 0 < len(stopped) < TUNING + FINAL

    run = start()
    wait_for(lambda: parts() - before)
    end(run, run.kill)
    assert run.returncode == -signal.SIGKILL
    killed, before = stored(), parts()
    assert len(stopped) < len(killed) < TUNING + FINAL
    assert killed.loc[stopped.index].equals(stopped)

    assert train_here("results") == TUNING + FINAL - len(killed)
    assert before < parts() == parts("histories")
    assert not list(directory.rglob("*.tmp"))
    assert train_here("undisturbed") == TUNING + FINAL
    assert stored().equals(stored("undisturbed"))


@pytest.mark.parametrize("processes", [1, 2], ids=["helper", "workers"])
def test_ctrl_c_while_processes_start_says_one_line(processes, directory, start):
    """A terminal sends Ctrl-C to every process of a run, and one that is just importing would
    answer with a traceback; nothing but a real process group shows that none does.
    """
    run = start()
    wait_for(lambda: sum(map(is_worker, children(run))) >= processes)
    time.sleep(0.1)  # now it imports
    assert end(run, lambda: os.killpg(run.pid, signal.SIGINT)) == STOPPED
    assert run.returncode == 130
    # The helper starts first of all, workers when it is known what they are to train.
    if processes > 1:
        assert parts("plan")
        assert parts("invocations")
