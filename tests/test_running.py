"""A run trains what is asked for and not stored, once, and stores it whatever happens."""

import errno
import json
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import pandas as pd
import pytest

from suite import parquet, running
from suite.errors import InputError
from suite.execution.local import InlineExecutor
from suite.execution.worker import Failure, train
from suite.ledger import Ledger
from suite.reading import build_experiment
from suite.results import gather
from suite.running import Clock, Settings, measurement_key, run_experiments
from suite.schemas import KEY, METRICS, to_trial

pytestmark = pytest.mark.usefixtures("one_thread")

# Two contenders on two sets, two splits, two candidates: 16 tuning trials and 8 final ones.
CONTENT = {
    "question": "Does depth help?",
    "vary": {"depth": [1, 2]},
    "hold": {
        "dataset": ["circles", "spirals"],
        "samples": 64,
        "network": "dense",
        "width": 6,
        "activation": "tanh",
        "initializer": "xavier",
        "optimizer": "adam",
        "epochs": 2,
        "batch_size": 16,
    },
    "tune": {"learning_rate": {"log": [0.003, 0.1]}, "budget": {"trials": 2}, "sampler": "grid"},
    "profiles": {"quick": {"seeds": 2}},
}
TUNING, FINAL = 16, 8
CLAIM = {
    "says": "Depth helps.",
    "metric": "test_accuracy",
    "better": {"depth": 2},
    "worse": {"depth": 1},
    "margin": 0.05,
}


def make_experiment(name="tiny", **changes):
    return build_experiment(name, CONTENT | changes)


@dataclass
class Log:
    """A listener that remembers what it heard."""

    expected: int = 0
    experiments: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    trained: list = field(default_factory=list)
    stored_before: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def expect(self, sizes, workers):
        assert workers >= 1
        self.expected = sum(size.networks for size in sizes.values())
        assert all(size.seconds > 0 for size in sizes.values())

    def experiment(self, name):
        self.experiments.append(name)

    def done(self):
        self.ended.append(self.experiments[-1])

    def reused(self, trials):
        self.stored_before += trials

    def started(self, cohort):
        pass

    def finished(self, cohort, outcomes):
        assert [o.trial for o in outcomes] == list(cohort.trials)
        self.trained += [o.trial for o in outcomes]

    def note(self, text):
        self.notes.append(text)


def run(results, *experiments, listener=None, report=lambda _: None, mirror=lambda _: None):
    log = listener or Log()
    settings = Settings(profile="quick", workers=0, results=results)
    log.invocation = run_experiments(experiments, settings, log, report, mirror)
    return log


def numbers(frame):
    """Every number that must not change, by trial."""
    columns = [*METRICS, "outcome", "best_epoch", "epochs_trained", "flops", "generalization_gap"]
    return frame.set_index("trial_id")[columns].sort_index()


def invocation_of(results, log):
    frame = Ledger(results).invocations().set_index("invocation")
    return frame.loc[log.invocation]


@pytest.fixture(scope="module")
def finished(one_thread, tmp_path_factory):
    """A directory with the tiny experiment's results, which no test may write to."""
    results = tmp_path_factory.mktemp("finished") / "results"
    return results, run(results, make_experiment())


@pytest.fixture
def results(finished, tmp_path):
    """A copy of those results."""
    return shutil.copytree(finished[0], tmp_path / "results")


def test_a_run_trains_each_planned_network_once(finished):
    results, log = finished
    evidence = gather(Ledger(results), make_experiment(), "quick")
    assert log.expected == len(log.trained) == len(set(log.trained)) == TUNING + FINAL
    assert log.stored_before == []
    assert log.experiments == ["tiny"]
    assert (len(evidence.tuning), len(evidence.trials)) == (TUNING, FINAL)
    assert evidence.complete
    stored = Ledger(results).trials()
    assert {to_trial(row) for row in stored.to_dict("records")} == set(log.trained)
    assert set(stored["invocation"]) == {log.invocation}


def test_final_trials_take_the_rate_with_the_lowest_validation_loss(finished):
    evidence = gather(Ledger(finished[0]), make_experiment(), "quick")
    unit = ["study", "split"]
    tuning = evidence.tuning.sort_values("validation_loss").drop_duplicates(unit)
    chosen = evidence.trials.set_index(unit)["learning_rate"]
    assert chosen.sort_index().equals(tuning.set_index(unit)["learning_rate"].sort_index())
    assert chosen.nunique() == 2  # both candidates win somewhere, so that the test means something
    assert evidence.tuning[["test_loss", "test_accuracy"]].isna().all(axis=None)
    assert evidence.trials[["test_loss", "test_accuracy"]].notna().all(axis=None)
    assert not set(zip(evidence.tuning["seed"], evidence.tuning["split"], strict=True)) & set(
        zip(evidence.trials["seed"], evidence.trials["split"], strict=True)
    )


def test_a_second_run_trains_nothing(results):
    before = numbers(Ledger(results).trials())
    log = run(results, make_experiment())
    assert log.trained == []
    assert log.expected == len(log.stored_before) == TUNING + FINAL
    row = invocation_of(results, log)
    assert (row["networks"], row["networks_reused"]) == (TUNING + FINAL, TUNING + FINAL)
    assert numbers(Ledger(results).trials()).equals(before)
    assert gather(Ledger(results), make_experiment(), "quick").complete


def test_more_seeds_train_only_the_new_splits(results):
    before = numbers(Ledger(results).trials())
    more = make_experiment(profiles={"quick": {"seeds": 3}})
    log = run(results, more)
    assert Counter(trial.split for trial in log.trained) == {2: (TUNING + FINAL) // 2}
    after = numbers(Ledger(results).trials())
    assert after.loc[before.index].equals(before)
    assert gather(Ledger(results), more, "quick").complete


def test_a_new_probe_retrains_the_final_trials_to_the_same_bits(results):
    before = numbers(Ledger(results).trials())
    log = run(results, make_experiment(probes=["gradient_norm"]))
    evidence = gather(Ledger(results), make_experiment(), "quick")
    assert {trial.id for trial in log.trained} == set(evidence.trials["trial_id"])
    assert len(log.trained) == FINAL
    assert numbers(Ledger(results).trials()).equals(before)
    assert set(evidence.trials["probes"]) == {"gradient_norm"}
    assert set(evidence.tuning["probes"]) == {""}
    assert set(evidence.histories["metric"]) == {"loss", "accuracy", "gradient_norm"}
    assert (
        evidence.histories.duplicated(["trial_id", "epoch", "split", "metric", "layer"]).sum() == 0
    )


def test_other_numbers_at_a_second_training_are_told(results, monkeypatch):
    def drift(cohort, device):
        return [
            replace(o, metrics={**o.metrics, "train_loss": o.metrics["train_loss"] + 1e-7})
            for o in train(cohort, device)
        ]

    assert run(results, make_experiment(probes=["signal"])).notes == []
    monkeypatch.setattr(running, "_executor", lambda _: InlineExecutor(train=drift))
    notes = run(results, make_experiment(probes=["weight_norm"])).notes
    assert len(notes) == FINAL
    assert all("it gave other numbers than stored" in note for note in notes)


def test_a_retrained_trial_keeps_the_probes_it_had(results):
    run(results, make_experiment(probes=["gradient_norm"]))
    assert len(run(results, make_experiment(probes=["signal"])).trained) == FINAL
    evidence = gather(Ledger(results), make_experiment(), "quick")
    assert set(evidence.trials["probes"]) == {"gradient_norm,signal"}
    assert {"gradient_norm", "signal"} < set(evidence.histories["metric"])
    for probes in ([], ["signal"], ["gradient_norm"], ["signal", "gradient_norm"]):
        assert run(results, make_experiment(probes=probes)).trained == []


@pytest.mark.parametrize("word", ["crashed", "out_of_memory", "timed_out"])
def test_what_the_machine_did_wrong_is_tried_again(word, tmp_path, monkeypatch):
    def fail_some(cohort, device):
        if any(trial.split == 1 for trial in cohort.trials):
            return Failure(word, "Traceback\n  ...\nMemoryError: 5 GiB are too much")
        return train(cohort, device)

    experiment = make_experiment(hold=CONTENT["hold"] | {"dataset": "circles"})
    with monkeypatch.context() as patch:
        patch.setattr(running, "_executor", lambda _: InlineExecutor(train=fail_some))
        first = run(tmp_path, experiment)
    failed = {trial for trial in first.trained if trial.split == 1}
    assert set(first.notes) == {f"{t.id} {word}: MemoryError: 5 GiB are too much" for t in failed}
    assert Counter(Ledger(tmp_path).trials()["outcome"]) == {"completed": 6, word: 6}
    again = run(tmp_path, experiment)
    # The final trials' rates were guessed while no candidate had a score, and are chosen now.
    assert {trial for trial in failed if not trial.reports_test} < set(again.trained)
    assert [trial.split for trial in again.trained] == [1] * len(failed)
    evidence = gather(Ledger(tmp_path), experiment, "quick")
    assert evidence.complete
    assert set(evidence.trials["outcome"]) | set(evidence.tuning["outcome"]) == {"completed"}


def test_what_the_recipe_did_wrong_is_not_tried_again(tmp_path):
    vary = {"learning_rate": [0.01, 1e30], "initializer": ["xavier", "zero"]}
    hold = {k: v for k, v in CONTENT["hold"].items() if k != "initializer"}
    hold |= {"depth": 2, "activation": "relu", "optimizer": "sgd"}
    content = {k: v for k, v in CONTENT.items() if k != "tune"}
    experiment = build_experiment("wild", content | {"vary": vary, "hold": hold})
    first = run(tmp_path, experiment)
    outcomes = Ledger(tmp_path).trials()["outcome"]
    assert {"completed", "diverged", "dead"} == set(outcomes)
    assert first.notes == []
    assert run(tmp_path, experiment).trained == []
    assert gather(Ledger(tmp_path), experiment, "quick").complete


def test_a_diverged_candidate_is_never_chosen(tmp_path):
    tune = {"learning_rate": {"log": [0.01, 1e30]}, "budget": {"trials": 2}, "sampler": "grid"}
    hold = CONTENT["hold"] | {"activation": "relu", "optimizer": "sgd"}
    experiment = make_experiment(tune=tune, hold=hold)
    run(tmp_path, experiment)
    evidence = gather(Ledger(tmp_path), experiment, "quick")
    assert set(evidence.tuning["outcome"]) == {"completed", "diverged"}
    assert set(evidence.trials["learning_rate"]) == {0.01}


def test_another_registration_is_planned_anew_and_trains_nothing(results):
    changed = make_experiment(claims={"depth-accuracy": CLAIM})
    assert not gather(Ledger(results), changed, "quick").complete
    log = run(results, changed)
    assert log.trained == []
    plan = Ledger(results).plan()
    assert plan["registered_hash"].value_counts().to_dict() == {
        make_experiment().registered_hash("quick"): TUNING + FINAL,
        changed.registered_hash("quick"): TUNING + FINAL,
    }
    for experiment in (make_experiment(), changed):
        assert gather(Ledger(results), experiment, "quick").complete


def test_experiments_that_share_trials_train_them_once(tmp_path):
    one, two = make_experiment("one"), make_experiment("two", vary={"depth": [2, 3]})
    log = run(tmp_path, one, two)
    shared = (TUNING + FINAL) // 2
    assert log.expected == 2 * (TUNING + FINAL)
    assert len(log.trained) == len(set(log.trained)) == 3 * shared
    assert len(log.stored_before) == shared
    assert {trial.depth for trial in log.stored_before} == {2}
    row = invocation_of(tmp_path, log)
    assert (row["networks"], row["networks_reused"]) == (4 * shared, shared)
    assert json.loads(row["experiments"]) == ["one", "two"]
    for experiment in (one, two):
        assert gather(Ledger(tmp_path), experiment, "quick").complete


def test_steps_follow_each_experiment_and_find_its_results(tmp_path):
    one, two = make_experiment("one"), make_experiment("two", vary={"depth": [3]})
    seen = []

    def step(kind):
        def look(experiment):
            ledger = Ledger(tmp_path)
            assert gather(ledger, experiment, "quick").complete
            seen.append((kind, experiment.name, int(ledger.invocations()["networks"].iloc[-1])))

        return look

    run(tmp_path, one, two, report=step("report"), mirror=step("mirror"))
    assert seen == [
        ("report", "one", 24),
        ("mirror", "one", 24),
        ("report", "two", 36),
        ("mirror", "two", 36),
        # Once more for all, when all verdicts are known.
        ("mirror", "one", 36),
        ("mirror", "two", 36),
    ]


def test_times_add_up(tmp_path):
    log = run(
        tmp_path,
        make_experiment(),
        report=lambda _: time.sleep(0.1),
        mirror=lambda _: time.sleep(0.2),
    )
    row = invocation_of(tmp_path, log)
    parts = row[["training_seconds", "tracking_seconds", "outside_training_seconds"]]
    assert parts.sum() == pytest.approx(row["wall_seconds"])
    assert row["tracking_seconds"] >= 0.2
    assert 0.1 <= row["reporting_seconds"] <= row["outside_training_seconds"]
    assert 0 < row["proposing_seconds"] <= row["outside_training_seconds"]
    assert Ledger(tmp_path).trials()["seconds"].sum() <= row["training_seconds"]
    assert pd.Timestamp(row["started"]) <= pd.Timestamp(row["ended"])
    again = invocation_of(tmp_path, run(tmp_path, make_experiment()))
    assert again["training_seconds"] == 0


def test_the_clock_books_time_also_of_what_fails():
    clock = Clock()

    def fail():
        with clock.spending("training"):
            time.sleep(0.02)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert 0.02 <= clock.spent["training"] <= clock.wall


class Interrupting(Log):
    """Presses Ctrl-C when a number of networks is stored."""

    def finished(self, cohort, outcomes):
        super().finished(cohort, outcomes)
        if len(self.trained) >= 4:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_what_is_finished_and_the_next_goes_on(finished, tmp_path):
    first = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, make_experiment(), listener=first)
    ledger = Ledger(tmp_path)
    assert set(ledger.trials()["trial_id"]) == {trial.id for trial in first.trained}
    assert ledger.invocations()[["networks", "networks_reused"]].values.tolist() == [[TUNING, 0]]
    rest = run(tmp_path, make_experiment())
    assert rest.stored_before == [t for t in rest.stored_before if t in set(first.trained)]
    assert len(rest.trained) == TUNING + FINAL - len(first.trained)
    assert numbers(ledger.trials()).equals(numbers(Ledger(finished[0]).trials()))
    assert len(ledger.invocations()) == 2


def test_a_report_that_fails_loses_no_measurement(tmp_path):
    def fail(_experiment):
        raise InputError("reports/", "cannot be written")

    with pytest.raises(InputError, match="reports/: cannot be written"):
        run(tmp_path, make_experiment(), report=fail)
    assert gather(Ledger(tmp_path), make_experiment(), "quick").complete
    assert Ledger(tmp_path).invocations()["networks"].tolist() == [TUNING + FINAL]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk quota is used up")],
)
def test_a_full_disk_ends_the_run_with_everything_stored_intact(
    number, words, finished, tmp_path, monkeypatch
):
    left = iter(range(7))

    def fsync(descriptor, real=os.fsync):
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(parquet.os, "fsync", fsync)
        with pytest.raises(InputError, match=f"{words}; everything stored so far is intact"):
            run(tmp_path, make_experiment())
    # Each part is synced with its directory: the plan and one cohort's two parts took six.
    stored = Ledger(tmp_path).trials()
    assert 0 < len(stored) < TUNING
    assert not list(tmp_path.rglob(".*.tmp"))
    rest = run(tmp_path, make_experiment())
    assert len(rest.trained) == TUNING + FINAL - len(stored)
    assert numbers(Ledger(tmp_path).trials()).equals(numbers(Ledger(finished[0]).trials()))


def test_keys_are_those_of_the_ledger(finished):
    trial = finished[1].trained[0]
    assert measurement_key(trial, "cpu") in Ledger(finished[0]).stored()
    assert measurement_key(trial, "cuda") not in Ledger(finished[0]).stored()
    assert measurement_key(trial, "cpu")._fields == KEY
