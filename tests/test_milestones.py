"""Epochs and seconds to a target: interpolated, censored, and those of a real fit."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from suite.data.loading import load_split
from suite.metrics import METRICS
from suite.milestones import SHARE
from suite.results import Evidence
from suite.training.fitting import fit
from suite.trial import Trial
from tests.test_metrics import evidence

COLUMNS = ["trial_id", "epoch", "split", "metric", "layer", "value"]
LAST = 8
# Of the data set, with the finals below: the better depth's median is .8.
TARGET = SHARE * 0.8
FINALS = {1: (0.1, 0.2, 0.9), 4: (0.7, 0.8, 0.95)}
RISING = [(1, 0.2), (2, 0.4), (4, 0.7), (8, 0.8)]


def planted(curves, metric="accuracy", **same) -> Evidence:
    """Depths 1 and 4, three splits each; `curves` by trial, all others without any."""
    given = evidence(epochs=LAST, epochs_trained=LAST, seconds=4.5, probe_seconds=0.5, **same)
    finals = [
        FINALS[d][s] for d, s in zip(given.trials["depth"], given.trials["split"], strict=True)
    ]
    trials = given.trials.assign(validation_accuracy=finals, validation_r2=finals)
    rows = [
        (trial_id, epoch, "validation", metric, -1, value)
        for trial_id, curve in curves.items()
        for epoch, value in curve
    ]
    # What is recorded of training data is no milestone.
    rows += [(trial_id, epoch, "train", metric, -1, 1.0) for trial_id, epoch, *_ in rows]
    histories = pd.DataFrame(rows, columns=COLUMNS)
    return dataclasses.replace(given, trials=trials, histories=histories)


def of(name, given, trial_id="4-0"):
    values = METRICS[name].values(given)
    return values[given.trials["trial_id"] == trial_id].item()


def test_the_epoch_is_read_off_between_points_on_a_logarithmic_axis():
    share = (TARGET - 0.7) / (0.8 - 0.7)
    given = planted({"4-0": [(0, 0.1), *RISING]})
    assert of("log_epochs_to_target", given) == pytest.approx(np.log(4) + share * np.log(2))
    assert of("target_reached", given) == 1


def test_the_first_crossing_counts_whatever_comes_later_and_in_whatever_order():
    given = planted({"4-0": [(8, 0.1), (4, 0.79), (1, 0.1), (2, 0.76)]})
    assert pytest.approx(0.76) == TARGET
    assert of("log_epochs_to_target", given) == pytest.approx(np.log(2), abs=1e-6)


def test_what_is_there_after_one_epoch_counts_as_one():
    given = planted({"4-0": [(0, 0.9), (1, 0.9), (2, 0.9)]})
    assert of("log_epochs_to_target", given) == 0
    # At epoch 0 nothing has been trained.
    given = planted({"4-0": [(0, 0.9), (1, 0.1), (2, 0.1)]})
    assert of("target_reached", given) == 0


@pytest.mark.parametrize("curve", [[(0, 0.1), (1, 0.2), (8, 0.7)], [(0, 0.1)]])
@pytest.mark.parametrize("outcome", ["completed", "diverged"])
def test_misses_count_as_the_last_epoch_and_are_counted(curve, outcome):
    given = planted({"4-0": curve})
    given.trials.loc[given.trials["trial_id"] == "4-0", "outcome"] = outcome
    # A failure's final score is chance, which moves the median of .7, .8 and .95 not at all.
    assert of("log_epochs_to_target", given) == pytest.approx(np.log(LAST))
    assert of("target_reached", given) == 0
    assert of("log10_seconds_to_target", given) == pytest.approx(np.log10(4 / 60))


def test_seconds_are_the_trainings_own_and_grow_with_the_epochs():
    given = planted({"4-0": [(1, 0.1), (2, TARGET)]})
    assert of("log10_seconds_to_target", given) == pytest.approx(np.log10(4 * 2 / LAST / 60))
    # One that ended early is charged for all the epochs that it would have needed.
    ended = dataclasses.replace(given, trials=given.trials.assign(epochs_trained=2))
    assert of("log10_seconds_to_target", ended) == pytest.approx(np.log10(4 * 2 / 2 / 60))


def test_without_a_curve_nothing_is_known():
    given = planted({"4-0": RISING})
    for name in ("log_epochs_to_target", "log10_seconds_to_target", "target_reached"):
        assert np.isnan(of(name, given, "1-2"))


def test_the_target_is_each_data_sets_own():
    given = planted(dict.fromkeys(("1-0", "4-0"), RISING))
    wine = given.trials["depth"] == 1
    trials = given.trials.assign(dataset=np.where(wine, "wine", "digits"))
    given = dataclasses.replace(given, trials=trials)
    # On wine the only contender's median is .2.
    expected = np.log(1)
    assert SHARE * 0.2 < 0.2
    assert of("log_epochs_to_target", given, "1-0") == expected
    assert of("log_epochs_to_target", given, "4-0") > np.log(4)


def test_regression_goes_by_r2_and_has_no_target_below_zero():
    given = planted({"4-0": RISING}, metric="r2", dataset="diabetes")
    assert of("target_reached", given) == 1
    trials = given.trials.assign(validation_r2=-0.1)
    hopeless = dataclasses.replace(given, trials=trials)
    assert np.isnan(of("target_reached", hopeless))


def test_a_fits_own_curve_has_the_milestone():
    trials = [
        Trial(dataset="circles", width=16, learning_rate=rate, epochs=10, seed=k, split=k)
        for k, rate in enumerate([0.01, 1e-7])
    ]
    outcomes = fit(trials, {(k, 0.0): load_split("circles", k) for k in range(2)})
    rows = [
        (depth, *row)
        for depth, o in zip(("4-0", "1-0"), outcomes, strict=True)
        for row in zip(
            *(o.histories.epoch, o.histories.split, o.histories.metric),
            *(o.histories.layer, o.histories.value),
            strict=True,
        )
    ]
    given = dataclasses.replace(
        evidence(dataset="circles", epochs=10, epochs_trained=10),
        histories=pd.DataFrame(rows, columns=COLUMNS),
    )
    accuracies = [o.metrics["validation_accuracy"] for o in outcomes]
    deep = given.trials["depth"] == 4
    trials = given.trials.assign(validation_accuracy=np.where(deep, *accuracies))
    given = dataclasses.replace(given, trials=trials)
    target = SHARE * accuracies[0]
    own = [(r[1], r[5]) for r in rows if r[0] == "4-0" and r[2:4] == ("validation", "accuracy")]
    first = next(epoch for epoch, value in own if value >= target and epoch)
    found = np.exp(of("log_epochs_to_target", given))
    assert 1 <= found <= first
    assert found > max([e for e, _ in own if e < first], default=0) or found == 1
    assert of("target_reached", given, "1-0") == 0
    assert of("log_epochs_to_target", given, "1-0") == pytest.approx(np.log(10))
