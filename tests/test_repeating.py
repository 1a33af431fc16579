"""Stored trials are found, sampled and trained again, and every bit is compared."""

from dataclasses import replace

import numpy as np
import pytest

from suite import provenance, repeating
from suite.data.loading import load_split
from suite.errors import InputError
from suite.execution.local import InlineExecutor
from suite.ledger import Ledger
from suite.repeating import find_trial, repeat, sample_rows
from suite.running import measurement_key
from suite.storing import writing
from suite.training.fitting import fit
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

PROBES = ("gradient_norm", "signal")


def recipe(seed, **changes):
    fields = {"samples": 50, "width": 5, "epochs": 3, "batch_size": 16, "learning_rate": 0.01}
    return Trial(dataset="circles", seed=seed, **(fields | changes))


PLAIN = [recipe(seed) for seed in range(3)]
PROBED = [recipe(seed, regularizers=(("dropout", 0.5),)) for seed in range(2)]
REGRESSION = [recipe(0, loss="squared_error", activation="sigmoid", reports_test=False)]
DIVERGED = [recipe(0, optimizer="sgd", learning_rate=1e30)]
DEAD = [recipe(0, initializer="zero")]


def outcomes_of(trials, probes=()):
    return fit(trials, {trials[0].replicate: load_split("circles", 0, 50)}, probes)


@pytest.fixture(scope="module")
def outcomes(one_thread):
    cohorts = [(PLAIN, ()), (PROBED, PROBES), (REGRESSION, ()), (DIVERGED, ("signal",)), (DEAD, ())]
    return [outcomes_of(trials, probes) for trials, probes in cohorts]


def store(root, cohorts, **changes):
    with writing(root) as writer:
        for outcomes in cohorts:
            key = measurement_key(outcomes[0].trial, "cpu")
            source = provenance.provenance(key.data_hash, "20260101T000000.0-a")
            writer.store(outcomes, replace(source, **changes))
    return Ledger(root)


@pytest.fixture
def ledger(outcomes, tmp_path):
    return store(tmp_path, outcomes)


def repeat_all(ledger):
    return repeat(ledger, ledger.trials(), InlineExecutor(), workers=2)


def differences(ledger):
    return {r.trial: r.differences for r in repeat_all(ledger) if r.differences}


def test_everything_is_the_same_when_trained_again(ledger, outcomes):
    repetitions = repeat_all(ledger)
    assert [r for r in repetitions if r.differences] == []
    trained = {r.trial: r.outcome for r in repetitions}
    assert set(trained) == {o.trial for cohort in outcomes for o in cohort}
    assert {o.outcome for o in trained.values()} == {"completed", "diverged", "dead"}
    for before in (outcome for cohort in outcomes for outcome in cohort):
        assert trained[before.trial].metrics == before.metrics
        assert trained[before.trial].probes == before.probes


def test_a_row_may_be_repeated_alone(ledger, outcomes):
    trial = PROBED[1]
    rows = find_trial(ledger, trial.id).to_frame().T
    (repetition,) = repeat(ledger, rows, InlineExecutor(), workers=1)
    assert repetition.trial == trial
    assert repetition.differences == ()
    assert repetition.stored["trial_id"] == trial.id


def changed(outcome, **metrics):
    return replace(outcome, metrics={**outcome.metrics, **metrics})


def moved(outcome, row):
    """One number of the histories in the next representable place."""
    value = outcome.histories.value.copy()
    value[row] = np.nextafter(value[row], np.inf)
    return replace(outcome, histories=replace(outcome.histories, value=value))


def cut(outcome):
    histories = outcome.histories
    columns = {n: getattr(histories, n)[:-1] for n in histories.__dataclass_fields__}
    return replace(outcome, histories=replace(histories, **columns))


@pytest.mark.parametrize("metric", ["train_loss", "validation_accuracy", "test_loss"])
def test_one_bit_of_a_metric_is_noticed(metric, outcomes, tmp_path):
    plain = list(outcomes[0])
    plain[1] = changed(plain[1], **{metric: np.nextafter(plain[1].metrics[metric], 9)})
    assert differences(store(tmp_path, [plain, outcomes[1]])) == {PLAIN[1]: (metric,)}


def test_a_metric_that_should_not_be_there_is_noticed(outcomes, tmp_path):
    ledger = store(tmp_path, [[changed(outcomes[2][0], test_accuracy=0.5)]])
    assert differences(ledger) == {REGRESSION[0]: ("test_accuracy",)}


def test_a_metric_that_is_missing_is_noticed(outcomes, tmp_path):
    first = outcomes[0][0]
    metrics = {name: v for name, v in first.metrics.items() if name != "test_loss"}
    ledger = store(tmp_path, [[replace(first, metrics=metrics)]])
    assert differences(ledger) == {PLAIN[0]: ("test_loss",)}


@pytest.mark.parametrize("row", [0, 7, -1])
def test_one_bit_of_the_histories_is_noticed(row, outcomes, tmp_path):
    ledger = store(tmp_path, [[outcomes[1][0], moved(outcomes[1][1], row)]])
    assert differences(ledger) == {PROBED[1]: ("histories",)}


@pytest.mark.parametrize("change", [cut, lambda outcome: replace(outcome, histories=None)])
def test_missing_histories_are_noticed(change, outcomes, tmp_path):
    ledger = store(tmp_path, [[change(outcomes[0][0]), *outcomes[0][1:]]])
    assert differences(ledger) == {PLAIN[0]: ("histories",)}


def test_another_end_is_noticed(outcomes, tmp_path):
    (diverged,) = outcomes[3]
    later = replace(diverged, epochs=diverged.epochs + 1)
    assert differences(store(tmp_path / "a", [[later]])) == {DIVERGED[0]: ("outcome",)}
    dead = replace(outcomes[0][0], outcome="dead")
    assert differences(store(tmp_path / "b", [[dead]])) == {PLAIN[0]: ("outcome",)}


def test_a_trial_is_found_by_the_first_digits_of_its_id(ledger):
    ids = sorted(ledger.trials()["trial_id"])
    for trial_id in ids:
        length = next(
            n for n in range(1, 17) if sum(other.startswith(trial_id[:n]) for other in ids) == 1
        )
        assert find_trial(ledger, trial_id[:length])["trial_id"] == trial_id
        assert find_trial(ledger, trial_id)["trial_id"] == trial_id


def test_the_measurement_stored_last_is_found(outcomes, tmp_path):
    store(tmp_path, [outcomes[0]])
    for code_hash, loss in (("f" * 16, 0.5), ("0" * 16, 0.25)):
        again = [[changed(outcomes[0][0], test_loss=loss)]]
        ledger = store(tmp_path, again, code_hash=code_hash)
        assert find_trial(ledger, PLAIN[0].id)["test_loss"] == loss


def test_an_id_must_name_one_trial(ledger, monkeypatch):
    for nothing in ("", "xyz", PLAIN[0].id + "0"):
        with pytest.raises(InputError, match="no stored trial has such an id"):
            find_trial(ledger, nothing)
    frame = ledger.trials().assign(trial_id=[f"ab{n:014d}" for n in range(8)])
    monkeypatch.setattr(Ledger, "trials", lambda _: frame)
    with pytest.raises(InputError, match=r"ab: 8 trials begin so\nsuch as ab0+, ab0+1, ab0+2$"):
        find_trial(ledger, "ab")


def test_a_sample_has_the_share_asked_for_and_its_seed_repeats_it(ledger):
    assert len(ledger.trials()) == 8
    sizes = {share: len(sample_rows(ledger, share, seed=1)) for share in (0, 0.05, 0.5, 1)}
    assert sizes == {0: 1, 0.05: 1, 0.5: 4, 1: 8}
    assert sample_rows(ledger, 0.5, 3).equals(sample_rows(ledger, 0.5, 3))
    drawn = {frozenset(sample_rows(ledger, 0.25, seed)["trial_id"]) for seed in range(30)}
    assert len(drawn) > 10
    assert len(frozenset().union(*drawn)) == 8


def test_a_sample_is_of_what_this_code_has_measured_to_the_end(outcomes, tmp_path, monkeypatch):
    crashed = [replace(o, outcome="crashed", metrics={}, histories=None) for o in outcomes[1]]
    ledger = store(tmp_path, [outcomes[0], crashed])
    assert set(sample_rows(ledger, 1, seed=0)["trial_id"]) == {trial.id for trial in PLAIN}
    monkeypatch.setattr(repeating, "code_hash", lambda: "0" * 16)
    with pytest.raises(InputError, match="the present code has measured nothing yet"):
        sample_rows(ledger, 1, seed=0)
