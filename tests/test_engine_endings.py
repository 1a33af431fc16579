"""How training ends: stopped early, diverged, dead, or out of memory."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from suite.execution import worker
from suite.execution.local import InlineExecutor
from suite.execution.work import Finished
from suite.planning import Cohort as Planned
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.measuring import Scores
from suite.training.stopping import EarlyStopping
from suite.trial import Trial
from tests.mixed_trials import all_numbers, company, data_for, numbers, recipe
from tests.plain_torch import NETWORKS, OPTIMIZERS, loss_of, plain

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")

# Early stopping


def stopped_plainly(trial: Trial) -> tuple[int, int, dict[str, float]]:
    """Epochs trained, the best one, and losses with its weights, by a loop of the test's own."""
    splits = data_for([trial])
    cohort, split = Cohort([trial], splits, CPU), splits[trial.replicate]

    def losses(module) -> dict[str, float]:
        found = {}
        for part in ("train", "validation", "test"):
            inputs, targets = (getattr(split, f"{part}_{k}") for k in ("inputs", "targets"))
            with torch.no_grad():
                outputs = module.eval()(torch.from_numpy(inputs))
                loss = loss_of(replace(trial, regularizers=()), outputs, torch.from_numpy(targets))
            found[f"{part}_loss"] = float(loss)
        return found

    best, waited = (0, {"validation_loss": math.inf}), 0
    for epoch in range(1, trial.epochs + 1):
        cohort.train_epoch()
        now = losses(plain(cohort, 0))
        waited += 1
        if now["validation_loss"] < best[1]["validation_loss"]:
            best, waited = (epoch, now), 0
        if waited == trial.strength("early_stopping"):
            break
    return epoch, *best


STOPPING = {
    "native": recipe(activation="tanh"),
    "torch": recipe(activation="gelu", gradient_clip=1.0),
    "norms": recipe(regularizers=(("batch_norm", 1), ("dropout", 0.1))),
    "maps": recipe(1, network="convolutional", width=5, regularizers=(("batch_norm", 1),)),
    "values": recipe(task="regression"),
}


def stopping_members(trial: Trial, epochs: int = 40) -> list[Trial]:
    trials = company(replace(trial, epochs=epochs), 6)
    return [
        replace(
            member,
            learning_rate=0.003 * 3**index,
            regularizers=(*member.regularizers, ("early_stopping", 1 + 2 * (index % 3))),
        )
        for index, member in enumerate(trials[:4])
    ] + [replace(trials[5], regularizers=(*trials[5].regularizers, ("early_stopping", 99)))]


@pytest.mark.parametrize("trial", STOPPING.values(), ids=STOPPING)
def test_early_stopping_is_a_plain_loops(trial) -> None:
    trials = stopping_members(trial)
    outcomes = fit(trials, data_for(trials))
    assert len({outcome.epochs for outcome in outcomes}) > 2
    assert outcomes[-1].epochs == 40
    for outcome in outcomes:
        assert outcome.outcome == "completed"
        epochs, best_epoch, losses = stopped_plainly(outcome.trial)
        assert (outcome.epochs, outcome.best_epoch) == (epochs, best_epoch)
        found = {name: value for name, value in outcome.metrics.items() if name in losses}
        assert found == pytest.approx(losses, rel=1e-4, abs=1e-5)
        assert outcome.flops == pytest.approx(outcomes[-1].flops * epochs / 40)
        assert max(outcome.histories.epoch) <= epochs


@pytest.mark.parametrize("trial", STOPPING.values(), ids=STOPPING)
def test_who_stops_leaves_the_others_bits(trial) -> None:
    trials = stopping_members(trial, epochs=12)
    together = all_numbers(trials)
    for member in trials:
        assert all_numbers([member])[member] == together[member]


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_a_cohort_may_stop_before_its_last_epoch(activation) -> None:
    trials = company(recipe(activation=activation, epochs=500, learning_rate=0.3), 3)
    trials = [replace(trial, regularizers=(("early_stopping", 1),)) for trial in trials]
    assert {o.epochs < 500 for o in fit(trials, data_for(trials))} == {True}


def test_who_diverges_after_its_best_epoch_is_diverged() -> None:
    calm = recipe(0, "regression", activation="identity", depth=1, optimizer="sgd", epochs=40)
    calm = replace(calm, regularizers=(("early_stopping", 40),), batch_size=37)
    trials = [calm, replace(calm, learning_rate=1.2)]
    first, second = fit(trials, data_for(trials))
    assert (first.outcome, second.outcome, second.metrics) == ("completed", "diverged", {})
    assert 1 < second.epochs < 40
    assert numbers(first) == all_numbers([calm])[calm]


def test_a_first_loss_that_is_no_number_is_not_the_best() -> None:
    trial, stopping = recipe(regularizers=(("early_stopping", 2),)), EarlyStopping()
    theta, values = torch.zeros(1, 3), torch.zeros(1, 0)
    goes_on = []
    for epoch, loss in enumerate([math.nan, math.inf, 3.0, math.nan, 3.0], start=1):
        scores = Scores(*(np.array([value]) for value in (loss, 0.0)))
        goes_on += stopping.observe([trial], scores, epoch, theta + epoch, values)
    best = stopping.best[trial]
    assert (best.epoch, best.loss, best.theta.tolist()) == (3, 3.0, [3.0] * 3)
    assert goes_on == [True, True, True, True, False]


# Diverged and dead


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("rate", [1e38, 1e300])
def test_a_rate_that_gives_nan_is_a_divergence(rate, activation, optimizer) -> None:
    trial = recipe(activation=activation, optimizer=optimizer, learning_rate=rate)
    (outcome,) = fit([trial], data_for([trial]), ("weight_norm", "signal"))
    assert (outcome.outcome, outcome.metrics, outcome.epochs) == ("diverged", {}, 1)


@pytest.mark.parametrize("name", ["l1", "l2", "weight_decay", "input_noise", "gain", "clip"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("size", [1e30, 1e38, 1e300])
def test_sizes_beyond_single_precision_are_no_crash(size, activation, name) -> None:
    fields = {"gain": {"gain": size}, "clip": {"gradient_clip": size}}
    extra = fields.get(name, {"regularizers": ((name, size),)})
    trials = [recipe(activation=activation, seed=seed, **extra) for seed in range(2)]
    for outcome in fit(trials, data_for(trials)):
        assert outcome.outcome in ("completed", "diverged", "dead")
        assert bool(outcome.metrics) == (outcome.outcome != "diverged")


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "prelu"])
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "linear"])
@pytest.mark.parametrize("extra", [(), (("early_stopping", 2),)], ids=str)
def test_networks_of_zeros_are_dead(extra, network, activation) -> None:
    directions = 2 if "convolutional" in network else 0
    dead = recipe(directions, network=network, activation=activation, regularizers=extra)
    trials = [replace(dead, initializer="zero"), replace(dead, seed=1)]
    assert [o.outcome for o in fit(trials, data_for(trials))] == ["dead", "completed"]


def test_targets_that_are_all_the_same_have_nothing_to_explain() -> None:
    trial = recipe(task="regression")
    (split,) = data_for([trial]).values()
    flat = replace(split, test_targets=np.full_like(split.test_targets, 0.5))
    (outcome,) = fit([trial], {trial.replicate: flat})
    assert (outcome.outcome, outcome.metrics["test_r2"]) == ("completed", 0.0)
    assert outcome.metrics["validation_r2"] != 0


# Out of memory


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_a_cohort_too_large_for_memory_is_halved(most, activation, monkeypatch) -> None:
    """The same bits come of the halves; who finds no room alone is out of memory."""

    def fit_some(trials, *rest, **states):
        if len(trials) > most:
            raise MemoryError("no room")
        return fit(trials, *rest, **states)

    trials = tuple(
        Trial(dataset="xor", samples=40, activation=activation, width=5, epochs=1, seed=seed)
        for seed in range(7)
    )
    planned = [Planned(trials=trials, probes=())]
    whole = {o.trial: numbers(o) for o in finished(planned)}
    monkeypatch.setattr(worker, "fit", fit_some)
    found = finished(planned)
    assert sorted(o.trial.seed for o in found) == list(range(7))
    for outcome in found:
        if most:
            assert numbers(outcome) == whole[outcome.trial]
        else:
            assert (outcome.outcome, outcome.error) == ("out_of_memory", "no room")


def finished(planned: list[Planned]) -> list:
    events = InlineExecutor().run(planned)
    return [o for event in events if isinstance(event, Finished) for o in event.outcomes]
