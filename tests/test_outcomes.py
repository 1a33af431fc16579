"""The words for how training ends."""

import numpy as np
import pytest
import torch

from suite.training import fitting
from suite.training.fitting import fit, flushed_denormals
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

FIRST = (0, 0.0)  # split and label noise


def recipe(**settings) -> Trial:
    defaults = {"depth": 2, "width": 13, "batch_size": 10, "epochs": 4, "optimizer": "sgd"}
    return Trial(dataset="synthetic", **{**defaults, "learning_rate": 0.05, **settings})


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("activation", ["identity", "tanh", "relu", "gelu"])
def test_a_network_started_at_zero_is_dead(activation, task, make_split) -> None:
    split = make_split(1, task=task)
    loss = "cross_entropy" if task == "classification" else "squared_error"
    trial = recipe(activation=activation, initializer="zero", loss=loss)
    (outcome,) = fit([trial], {trial.replicate: split})
    assert (outcome.outcome, outcome.error, outcome.epochs) == ("dead", None, 4)
    if task == "classification":
        shares = [(split.test_targets == label).mean() for label in range(3)]
        assert outcome.metrics["test_accuracy"] in shares  # one answer for all
    else:
        assert outcome.metrics["test_r2"] <= 0


def test_dead_is_a_matter_of_answers_not_of_the_start(make_split) -> None:
    splits = {FIRST: make_split(1)}
    (linear,) = fit([recipe(depth=0, initializer="zero")], splits)
    (shrunk,) = fit([recipe(regularizers=(("l1", 100.0),))], splits)
    assert linear.outcome == "completed"
    assert shrunk.outcome == "dead"


@pytest.mark.parametrize("activation", ["identity", "relu", "silu"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_a_huge_learning_rate_diverges_at_an_epoch(activation, optimizer, make_split) -> None:
    trial = recipe(activation=activation, optimizer=optimizer, learning_rate=1e30)
    (outcome,) = fit([trial], {FIRST: make_split(1)}, ("signal",))
    assert (outcome.outcome, outcome.epochs, outcome.metrics) == ("diverged", 1, {})
    assert "non-finite" in outcome.error
    assert set(outcome.histories.epoch.tolist()) == {0}
    assert outcome.best_epoch == 0


def test_the_epoch_of_a_divergence_is_where_weights_stop_being_finite(make_split) -> None:
    trials = [
        recipe(activation="identity", depth=1, loss="squared_error", learning_rate=rate, epochs=40)
        for rate in (0.05, 0.9)
    ]
    calm, wild = fit(trials, {FIRST: make_split(1, task="regression")})
    assert (calm.outcome, calm.epochs) == ("completed", 40)
    assert wild.outcome == "diverged"
    assert 1 < wild.epochs < 40
    assert max(wild.histories.epoch) < wild.epochs
    assert wild.flops == pytest.approx(calm.flops * wild.epochs / 40)


def test_training_leaves_denormal_numbers_to_others(make_split) -> None:
    tiny = np.full(4, np.finfo(np.float64).tiny)
    fit([recipe()], {FIRST: make_split(1)})
    assert (tiny / 4 > 0).all()


def flushes() -> bool:
    return not (np.full(4, np.finfo(np.float64).tiny) / 4).any()


def test_training_flushes_denormal_numbers_on_one_thread(make_split, monkeypatch) -> None:
    seen = []
    run = fitting.Fit.run

    def watched(self, keeps_states):
        seen.append((torch.get_num_threads(), flushes()))
        return run(self, keeps_states)

    monkeypatch.setattr(fitting.Fit, "run", watched)
    torch.set_num_threads(2)
    try:
        fit([recipe()], {FIRST: make_split(1)})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert seen == [(1, True)]


def test_a_failed_fit_gives_threads_and_denormal_numbers_back(make_split) -> None:
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="stackable"):
            fit([recipe(), recipe(width=3)], {FIRST: make_split(1)})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert not flushes()


def test_who_flushes_denormal_numbers_still_does_so_after_training(make_split) -> None:
    with flushed_denormals():
        fit([recipe()], {FIRST: make_split(1)})
        assert flushes()
    assert not flushes()
