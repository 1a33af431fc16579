"""Real runs in processes of their own, stopped and killed, and what the next run makes of it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from suite import cli
from suite.ledger import Ledger
from suite.reading import read_experiment
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.schemas import METRICS
from suite.tuning import GridSource

FILE = """
question: Does depth help?
vary: {depth: [1, 2, 3, 4, 5, 6]}
hold: {dataset: circles, samples: 256, network: dense, width: 6, activation: tanh,
       initializer: xavier, optimizer: adam, epochs: 20, batch_size: 16}
tune: {learning_rate: {log: [0.003, 0.1]}, budget: {trials: 2}}
profiles: {quick: {seeds: 2}}
"""
STOPPED = "stopped; everything finished is stored, run again to go on\n"


class Silence:
    """A listener that says nothing."""

    def __getattr__(self, _name):
        return lambda *_: None


def train_here(results: Path) -> None:
    settings = Settings(profile="quick", workers=0, results=results)
    nothing = Silence().note
    run_experiments([read_experiment(Path("tiny.yaml"))], settings, Silence(), nothing, nothing)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def started():
    """Starts `leadline run` in a process group of its own; none outlives the test."""
    processes = []

    def start():
        command = [sys.executable, "-m", "suite", "run", "tiny.yaml"]
        command += ["--profile", "quick", "--workers", "1", "--device", "cpu"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
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


def stored():
    """Every number of every stored trial, by its id."""
    frame = Ledger(Path("results")).trials().set_index("trial_id")
    return frame[[*METRICS, "outcome", "best_epoch", "epochs_trained", "flops"]].sort_index()


def parts(table="trials"):
    return {path.name for path in Path(f"results/{table}.parquet").glob("*.parquet")}


def is_running(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def workers(main):
    return psutil.Process(main.pid).children(recursive=True)


def wait_for_end(processes):
    wait_for(lambda: not any(map(is_running, processes)), seconds=10)


@pytest.mark.slow
def test_a_run_that_is_stopped_and_then_killed_ends_with_the_same_bits(
    place, started, monkeypatch, capsys
):
    """Only real processes show that signals leave no orphan, no torn file and no lock behind."""
    stopped = started()
    wait_for(parts)
    monkeypatch.setattr(sys, "argv", ["leadline", "run", "tiny.yaml", "--profile", "quick"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    busy = f"leadline: results/: another run (process {stopped.pid}) is writing here\n"
    assert capsys.readouterr().err == busy
    children = workers(stopped)
    assert children
    asked = time.monotonic()
    stopped.send_signal(signal.SIGTERM)
    out, err = stopped.communicate(timeout=20)
    assert (stopped.returncode, err) == (130, STOPPED)
    assert time.monotonic() - asked < 5
    assert "Traceback" not in out
    wait_for_end(children)
    kept = stored()
    assert 0 < len(kept) < 24

    killed, before = started(), parts()
    wait_for(lambda: parts() - before)
    children = workers(killed)
    killed.kill()
    wait_for_end(children)
    assert stored().loc[kept.index].equals(kept)
    kept, before = stored(), parts()
    assert len(kept) < 36

    train_here(Path("results"))
    ended = stored()
    assert ended.loc[kept.index].equals(kept)
    assert parts() >= before  # what was stored is not written again
    assert parts() == parts("histories")
    assert not list(place.rglob("*.tmp"))
    train_here(Path("undisturbed"))
    Path("results").rename("disturbed")
    Path("undisturbed").rename("results")
    assert ended.equals(stored())
    experiment = read_experiment(Path("tiny.yaml"))
    assert gather(Ledger(Path("disturbed")), experiment, "quick").complete
    assert len(ended) == GridSource(experiment.at("quick")).count() == 36


@pytest.mark.slow
def test_ctrl_c_while_workers_start_says_one_line(place, started):
    """A terminal sends Ctrl-C to every process, which workers once answered with tracebacks."""
    run = started()
    children = wait_for(lambda: workers(run) if parts("plan") else [])
    time.sleep(0.1)
    psutil.Process(run.pid)
    asked = time.monotonic()
    import os

    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert (run.returncode, err) == (130, STOPPED)
    assert time.monotonic() - asked < 5
    wait_for_end(children)
    assert "Traceback" not in out
    assert parts("plan")
    assert parts("invocations")
