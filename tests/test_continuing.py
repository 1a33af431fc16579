"""Training that stops at a rung and goes on later: to the same bits as without the stop."""

from dataclasses import replace

import numpy as np
import pytest

from suite.data.loading import load_split
from suite.training.fitting import fit
from suite.training.fused import UPDATES
from suite.training.state import OPTIMIZER, state_from_bytes
from suite.trial import Trial

RECIPES = {
    "fused adam": {"activation": "tanh"},
    "fused momentum, dropout": {"optimizer": "momentum", "regularizers": (("dropout", 0.2),)},
    "autograd, batch norm": {
        "activation": "gelu",
        "regularizers": (("batch_norm", 1.0), ("input_noise", 0.1)),
        "schedule": "cosine",
    },
    "rmsprop, clipping": {"optimizer": "rmsprop", "gradient_clip": 0.5, "schedule": "one_cycle"},
    "early stopping": {"regularizers": (("early_stopping", 2.0),), "learning_rate": 0.05},
}


def trials_of(recipe, count=3):
    first = Trial(**{"dataset": "wine", "width": 10, "epochs": 9, "batch_size": 16} | recipe)
    return [replace(first, seed=seed, learning_rate=0.01 * (1 + seed)) for seed in range(count)]


def stopped(trials, epoch):
    return [replace(trial, stop_epoch=epoch) for trial in trials]


def data_of(trials):
    return {t.replicate: load_split(t.dataset, t.split) for t in trials}


def same(one, other):
    """Whether two outcomes agree in all but the time and the recipe's stop."""
    assert (one.outcome, one.epochs, one.best_epoch) == (
        *(other.outcome, other.epochs, other.best_epoch),
    )
    assert one.metrics == other.metrics
    assert one.flops == other.flops
    for name in ("epoch", "split", "metric", "layer", "value"):
        left, right = getattr(one.histories, name), getattr(other.histories, name)
        assert np.array_equal(np.asarray(left), np.asarray(right)), name
    return True


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_going_on_gives_the_bits_of_training_without_a_stop(recipe, one_thread):
    trials = trials_of(recipe)
    whole = fit(trials, data_of(trials), ("gradient_norm",))
    rungs = [3, 4, None]
    before, states = {}, ()
    for rung in rungs:
        going = [t for t in trials if rung == rungs[0] or before[t].state is not None]
        asked = stopped(going, rung)
        states = [before[t].state for t in going] if before else ()
        ended = fit(asked, data_of(trials), ("gradient_norm",), states=states, keeps_states=True)
        before |= dict(zip(going, ended, strict=True))
    for trial, outcome in zip(trials, whole, strict=True):
        # Members that stopped early before a rung have no state to go on from, but their end.
        if before[trial].outcome == "completed" and before[trial].trial.stop_epoch is None:
            assert same(before[trial], outcome)
        else:
            assert outcome.epochs == before[trial].epochs < trial.epochs
            assert outcome.metrics == before[trial].metrics


def test_a_rung_is_the_beginning_of_the_whole_course(one_thread):
    (trial,) = trials_of({"schedule": "cosine"}, count=1)
    (whole,) = fit([trial], data_of([trial]))
    (rung,) = fit(stopped([trial], 4), data_of([trial]))
    assert (rung.epochs, whole.epochs) == (4, 9)
    until = whole.histories.epoch <= 4
    assert np.array_equal(rung.histories.value, whole.histories.value[until])
    assert rung.state is None


def test_company_may_change_at_a_rung(one_thread):
    trials = trials_of({}, count=4)
    data = data_of(trials)
    whole = fit(trials, data)
    rung = fit(stopped(trials, 3), data, keeps_states=True)
    chosen = [3, 1]
    going = fit([trials[m] for m in chosen], data, states=[rung[m].state for m in chosen])
    assert all(same(going[place], whole[m]) for place, m in enumerate(chosen))


def test_a_state_keeps_its_bits_as_bytes(one_thread):
    trials = trials_of({"regularizers": (("early_stopping", 3.0),)}, count=1)
    (outcome,) = fit(stopped(trials, 2), data_of(trials), keeps_states=True)
    state = state_from_bytes(outcome.state)
    assert state.to_bytes() == outcome.state
    assert state.epoch == 2
    names = {name.removeprefix(OPTIMIZER) for name in state.arrays if name.startswith(OPTIMIZER)}
    assert names == set(UPDATES["adam"])
    assert state.best[0] in (1, 2)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04torn"])
def test_damaged_states_are_refused(content):
    with pytest.raises(ValueError, match="no state of a network"):
        state_from_bytes(content)


def test_stopping_past_the_end_is_refused():
    with pytest.raises(ValueError, match="past the last of 5"):
        Trial(dataset="wine", epochs=5, stop_epoch=6)
