"""Networks that begin with others' weights, keep company to be timed, or draw in another order."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suite.beginnings import pretrain
from suite.data.loading import load_split
from suite.execution.local import InlineExecutor
from suite.execution.worker import Failure, train, with_company
from suite.ledger import Ledger
from suite.planning import Cohort, group
from suite.reading import build_experiment
from suite.repeating import repeat
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.training.fitting import fit
from suite.training.state import state_from_bytes
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

OLD, NEW = "rotating_boundary", "rotating_boundary(time=0.4)"
TRIAL = Trial(
    dataset=NEW,
    pretrained_on=OLD,
    pretraining_epochs=6,
    width=16,
    epochs=3,
    batch_size=32,
    samples=200,
    learning_rate=0.01,
    split=1,
    seed=1,
)
CONTENT = {
    "question": "What is kept?",
    "vary": {
        "adaptation": {
            "frozen": {"pretrained_on": OLD, "pretraining_epochs": 20, "stop_epoch": 0},
            "fine_tuned": {"pretrained_on": OLD, "pretraining_epochs": 20},
            "retrained": {"pretrained_on": ""},
        }
    },
    "hold": {
        "dataset": NEW,
        "samples": 300,
        "width": 16,
        "epochs": 3,
        "learning_rate": 0.01,
        "batch_size": 16,
    },
    "profiles": {"quick": {"seeds": 2}},
}


class Silence:
    """A listener that says nothing."""

    def __getattr__(self, _name):
        return lambda *_: None


def run(results, content=CONTENT):
    experiment, nothing = build_experiment("x", content), Silence().note
    settings = Settings(profile="quick", workers=0, results=Path(results))
    run_experiments([experiment], settings, Silence(), report=nothing, mirror=nothing)
    return gather(Ledger(Path(results)), experiment, "quick")


def theta_of(outcome):
    return state_from_bytes(outcome.state).arrays["theta"]


def test_what_comes_before_follows_from_the_recipe():
    first = TRIAL.pretraining
    assert (first.dataset, first.epochs, first.pretrained_on) == (OLD, 6, "")
    assert not first.reports_test
    assert first.pretraining is None
    kept = {f: getattr(TRIAL, f) for f in ("width", "seed", "split", "learning_rate", "samples")}
    assert {f: getattr(first, f) for f in kept} == kept
    assert Trial(dataset=NEW, pretraining_epochs=7).id == Trial(dataset=NEW).id


def test_a_network_begins_with_the_weights_it_was_trained_to():
    states, failed = pretrain(InlineExecutor(), [TRIAL], 1, {})
    assert failed == []
    frozen = replace(TRIAL, stop_epoch=0)
    data = {frozen.replicate: load_split(NEW, 1, 200)}
    (kept,) = fit([frozen], data, states=[states[TRIAL]], keeps_states=True)
    assert np.array_equal(theta_of(kept), state_from_bytes(states[TRIAL]).arrays["theta"])
    assert (kept.epochs, kept.flops) == (0, 0)
    old = {frozen.replicate: load_split(OLD, 1, 200)}
    (before,) = fit([TRIAL.pretraining], old)
    # On its own task it did well; on the task that has turned by 72 degrees it does worse.
    assert before.metrics["validation_accuracy"] > 0.85 > kept.metrics["test_accuracy"]


def test_a_beginning_that_is_known_is_not_trained_again():
    def refuse(cohort, device):
        raise AssertionError(cohort)

    known = {}
    first = pretrain(InlineExecutor(), [TRIAL], 1, known)
    again = replace(TRIAL, epochs=TRIAL.epochs + 1)
    states, failed = pretrain(InlineExecutor(train=refuse), [TRIAL, again], 1, known)
    assert (states, failed) == ({**first[0], again: first[0][TRIAL]}, [])


def test_fine_tuning_is_plain_training_from_those_weights():
    """Against a torch loop: what a fresh optimizer makes of the given weights, step by step."""
    states, _ = pretrain(InlineExecutor(), [TRIAL], 1, {})
    trial = replace(TRIAL, optimizer="sgd", epochs=1, batch_size=200, activation="identity")
    trial = replace(trial, depth=0, network="linear")
    first = replace(TRIAL, **{f: getattr(trial, f) for f in ("network", "depth", "activation")})
    states, _ = pretrain(InlineExecutor(), [replace(first, optimizer="sgd")], 1, {})
    ((origin, state),) = states.items()
    trial = replace(trial, pretraining_epochs=origin.pretraining_epochs)
    split = load_split(NEW, 1, 200)
    (tuned,) = fit([trial], {trial.replicate: split}, states=[state], keeps_states=True)
    begun = state_from_bytes(state).arrays["theta"].reshape(-1)
    layer = torch.nn.Linear(2, 2)
    places = begun[: 16 * 16].reshape(16, 16)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(places[:2, :2].T.copy()))
        layer.bias.copy_(torch.from_numpy(begun[16 * 16 : 16 * 16 + 2].copy()))
    step = torch.optim.SGD(layer.parameters(), lr=trial.learning_rate)
    inputs, targets = map(torch.from_numpy, (split.train_inputs, split.train_targets))
    torch.nn.functional.cross_entropy(layer(inputs), targets).backward()
    step.step()
    found = theta_of(tuned).reshape(-1)[: 16 * 16].reshape(16, 16)[:2, :2].T
    assert np.allclose(found, layer.weight.detach().numpy(), atol=1e-6)


def test_without_the_weights_nothing_is_trained():
    with pytest.raises(ValueError, match="weights that they begin with"):
        fit([TRIAL], {TRIAL.replicate: load_split(NEW, 1, 200)})


def test_a_beginning_that_diverges_is_the_trials_outcome():
    wild = replace(TRIAL, optimizer="sgd", learning_rate=1e30)
    states, (failed,) = pretrain(InlineExecutor(), [wild], 1, {})
    assert states == {}
    assert (failed.trial, failed.outcome) == (wild, "diverged")
    assert failed.error.startswith("while it was trained on rotating_boundary: ")


def test_frozen_fine_tuned_and_retrained_networks_end_to_end(tmp_path):
    evidence = run(tmp_path / "results")
    assert evidence.complete
    score = evidence.trials.groupby("adaptation")["test_accuracy"].mean()
    assert score["fine_tuned"] > score["frozen"]
    epochs = evidence.trials.groupby("adaptation")["epochs_trained"].first()
    assert epochs.to_dict() == {"frozen": 0, "fine_tuned": 3, "retrained": 3}
    ledger = Ledger(tmp_path / "results")
    repetitions = repeat(ledger, ledger.trials(), InlineExecutor(), 1)
    assert [r.differences for r in repetitions] == [()] * 6


def test_company_changes_no_number():
    alone = replace(TRIAL, pretrained_on="", together=1)
    among = replace(alone, together=5)
    assert alone.cohort_key != among.cohort_key
    cohorts = group([among, replace(among, split=2, seed=2)], (), 1)
    assert [len(cohort.trials) for cohort in cohorts] == [1, 1]
    assert len({trial.seed for trial in with_company([among])}) == 5
    outcomes = [train(Cohort(trials=(trial,), probes=()), "cpu") for trial in (alone, among)]
    assert not any(isinstance(outcome, Failure) for outcome in outcomes)
    (one,), (other,) = outcomes
    assert one.metrics == other.metrics
    assert (one.trial, other.trial) == (alone, among)


def test_the_order_of_batches_is_drawn_apart_from_the_weights():
    plain = replace(TRIAL, pretrained_on="", epochs=1)
    trials = [plain, replace(plain, order=1), replace(plain, order=2), replace(plain, seed=2)]
    data = {plain.replicate: load_split(NEW, 1, 200)}
    ended = fit(trials, data, keeps_states=True)
    start = [o.histories.value[0] for o in ended]
    assert start[0] == start[1] == start[2] != start[3]
    assert np.array_equal(theta_of(ended[0]), theta_of(ended[1]))
    assert not np.array_equal(theta_of(ended[0]), theta_of(ended[2]))
