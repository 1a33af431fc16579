"""A killed study goes on with what is stored, to the numbers of an undisturbed one."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suite.ledger import STATES, Ledger
from suite.reading import read_experiment
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.schemas import METRICS

FILE = """
question: Which depth, each tuned?
vary: {depth: [1, 2]}
hold: {dataset: circles, samples: 256, width: 6, activation: tanh, epochs: 18, batch_size: 16}
tune:
  learning_rate: {log: [0.001, 0.1]}
  regularizers: {l2: {log: [0.0001, 0.1]}}
  budget: {trials: 10}
  halving: 3
profiles: {quick: {seeds: 2}}
"""


class Silence:
    """A listener that says nothing."""

    def __getattr__(self, _name):
        return lambda *_: None


class Killed(Silence):
    """Ends the run, as by a kill, after so many cohorts."""

    def __init__(self, cohorts):
        self.left = cohorts

    def finished(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


def train(results, listener=None):
    settings = Settings(profile="quick", workers=0, results=Path(results))
    experiment, nothing = read_experiment(Path("study.yaml")), Silence().note
    run_experiments([experiment], settings, listener or Silence(), report=nothing, mirror=nothing)
    return gather(Ledger(Path(results)), experiment, "quick")


def numbers(results):
    """Every number of every trial, and who asked for it."""
    ledger = Ledger(Path(results))
    trials = ledger.trials().set_index("trial_id")[[*METRICS, "outcome", "epochs_trained"]]
    plan = ledger.plan()[["trial_id", "stage", "study", "split", "repeat", "number"]]
    plan = plan.drop_duplicates().sort_values(list(plan.columns), ignore_index=True)
    return trials.sort_index(), plan


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("cohorts", [1, 7, 20])
def test_a_study_that_was_stopped_ends_with_the_same_bits(directory, cohorts):
    train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("torn", Killed(cohorts))
    before = Ledger(Path("torn")).trials()
    assert len(before) > 0
    evidence = train("torn")
    assert evidence.complete
    for ours, theirs in zip(numbers("torn"), numbers("whole"), strict=True):
        assert ours.equals(theirs)
    # Nothing is trained twice, and no half-trained network stays behind.
    last = Ledger(Path("torn")).invocations().iloc[-1]
    assert last["networks"] - last["networks_reused"] == len(evidence_trials("torn")) - len(before)
    assert not list(Path("torn", STATES).glob("*"))


def evidence_trials(results):
    return Ledger(Path(results)).trials()


@pytest.mark.usefixtures("one_thread")
def test_a_lost_state_costs_time_and_no_bits(directory, monkeypatch):
    train("whole")
    monkeypatch.setattr(Ledger, "state", lambda *_: None)
    train("anew")
    for ours, theirs in zip(numbers("anew"), numbers("whole"), strict=True):
        assert ours.equals(theirs)


@pytest.mark.usefixtures("one_thread")
def test_the_final_trial_has_the_best_recipe_of_its_search(directory):
    evidence = train("results")
    keys = ["depth", "split"]
    furthest = evidence.tuning.sort_values(["epochs_trained", "validation_loss"])
    done = furthest[furthest["stop_epoch"].isna()]
    best = done.sort_values("validation_loss").groupby(keys)["learning_rate"].first()
    finals = evidence.trials.set_index(keys)["learning_rate"]
    assert finals.sort_index().equals(best.sort_index())
    assert len(evidence.half) == len(evidence.trials) == 4
    assert evidence.tuning.filter(like="test_").isna().all(axis=None)
    spent = evidence.tuning.groupby([*keys, "number"])["epochs_trained"].max()
    assert (spent.groupby(keys).sum() <= 180).all()


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_kill_9_in_the_middle_of_a_study(directory):
    """Only a real process shows that nothing is lost, repeated or left running after SIGKILL."""
    command = [sys.executable, "-m", "suite", "run", "study.yaml", "--profile", "quick"]
    run = subprocess.Popen(
        [*command, "--workers", "1", "--device", "cpu"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    parts = Path("results/trials.parquet")
    deadline = time.monotonic() + 90
    while len(list(parts.glob("0*"))) < 5 and run.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.returncode == -signal.SIGKILL
    before = Ledger(Path("results")).trials()
    train("results")
    train("whole")
    for ours, theirs in zip(numbers("results"), numbers("whole"), strict=True):
        assert ours.equals(theirs)
    last = Ledger(Path("results")).invocations().iloc[-1]
    trained = last["networks"] - last["networks_reused"]
    assert trained == len(evidence_trials("results")) - len(before)
