"""Gates: exact checks against a band, outside the correction."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats

from suite.errors import InputError
from suite.metrics import METRICS
from suite.verdicts import judge
from tests.planted import CONTRAST, SETS, by_depth, evidence, experiment, noise, reasons, verdict

GATE = {
    "says": "Deep networks reach what was published.",
    "kind": "gate",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "within": ["0.68", "0.72"],
}


def gate(given):
    return judge([given])[0]


def test_a_mean_in_the_band_supports_and_one_outside_refutes():
    row = verdict(GATE, by_depth(0.2))
    assert (row["kind"], row["verdict"], row["scope"]) == ("gate", "supported", "named sets")
    assert row["effect"] == pytest.approx(0.7, abs=0.01)
    assert row["band"] == [0.68, 0.72]
    absent = ("p", "p_corrected", "margin", "tau", "seeds_needed", "without_failures")
    assert [row[key] for key in absent] == [None] * len(absent)
    assert (row["seeds"], row["datasets"], row["trials"]) == (8, 3, 24)
    assert verdict(GATE, by_depth(0.3))["verdict"] == "refuted"
    assert verdict(GATE, by_depth(0.1))["verdict"] == "refuted"
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_ends_of_the_band_are_allowed():
    for band in ({"within": ["0.5", "0.5"]}, {"at_least": "0.5"}, {"at_most": "0.5"}):
        claim = {k: v for k, v in GATE.items() if k != "within"} | band
        assert verdict(claim)["verdict"] == "supported"


@pytest.mark.parametrize(
    ("band", "ends", "word"),
    [
        ({"at_least": "0.6"}, [0.6, None], "supported"),
        ({"at_most": "0.6"}, [None, 0.6], "refuted"),
        ({"at_least": "0.8"}, [0.8, None], "refuted"),
    ],
)
def test_bands_may_be_open(band, ends, word):
    claim = {key: value for key, value in GATE.items() if key != "within"} | band
    row = verdict(claim, by_depth(0.2))
    assert (row["band"], row["verdict"]) == (ends, word)


def test_a_means_interval_is_that_of_its_units():
    given = evidence(experiment({"a": GATE}, datasets=["spirals"]), by_depth(0.2, 0.05))
    deep = given.trials.loc[given.trials["depth"] == 4, "test_accuracy"]
    oracle = stats.ttest_1samp(deep, 0).confidence_interval(0.95)
    row = gate(given)
    assert row["effect"] == pytest.approx(deep.mean())
    assert row["interval"] == pytest.approx(list(oracle))
    assert row["per_dataset"] == {"spirals": [row["effect"], *row["interval"]]}


@pytest.mark.parametrize(
    ("statistic", "metric", "function"),
    [
        *(("best", "test_accuracy", np.max), ("worst", "test_accuracy", np.min)),
        *(("best", "test_loss", np.min), ("worst", "test_loss", np.max)),
        ("median", "test_loss", np.median),
    ],
)
def test_other_statistics_are_over_all_trials(statistic, metric, function):
    claim = {**GATE, "statistic": statistic, "metric": metric}
    given = evidence(experiment({"a": claim}), by_depth(0.2, 0.02, metric))
    deep = given.trials[given.trials["depth"] == 4]
    row = gate(given)
    assert row["effect"] == function(deep[metric])
    assert row["interval"] is None
    for name in SETS:
        own = deep.loc[deep["dataset"] == name, metric]
        assert row["per_dataset"][name] == [function(own), None, None]


def test_without_orientation_best_is_the_highest(monkeypatch):
    metric = dataclasses.replace(METRICS["test_loss"], higher_is_better=None)
    monkeypatch.setitem(METRICS, "test_loss", metric)
    claim = {**GATE, "statistic": "best", "metric": "test_loss"}
    given = evidence(experiment({"a": claim}), by_depth(0.2, 0.02, "test_loss"))
    deep = given.trials[given.trials["depth"] == 4]
    assert gate(given)["effect"] == deep["test_loss"].max()


def test_gates_of_differences_are_of_pairs_as_measured():
    claim = {**GATE, "worse": {"depth": "1"}, "metric": "train_loss", "at_least": "0"}
    del claim["within"]
    row = verdict(claim, by_depth(0.2, metric="train_loss"))
    assert row["effect"] == pytest.approx(0.2, abs=0.01)
    assert (row["verdict"], row["trials"]) == ("supported", 48)
    assert verdict(claim, by_depth(-0.2, metric="train_loss"))["verdict"] == "refuted"
    # Of pairs, not of either side: the noise that both share is gone.
    shared = {**claim, "statistic": "worst", "metric": "test_accuracy"}

    def measure(row):
        split = np.random.default_rng(row["split"]).normal(0, 0.2)
        return {"test_accuracy": 0.5 + split + 0.1 * (row["depth"] == 4)}

    assert verdict(shared, measure)["effect"] == pytest.approx(0.1)


def test_gates_may_be_of_slopes_and_of_places():
    vary = {"depth": ["1", "2", "4", "8"]}
    slope = {k: v for k, v in GATE.items() if k != "better"} | {"along": "depth"}
    slope |= {"metric": "log_seconds", "of": "exponent", "within": ["1.9", "2.1"]}

    def measure(row):
        bump = 0.3 * (row["depth"] == 4)
        return {"seconds": row["depth"] ** 2 * np.exp(noise(row)), "test_loss": 1 + bump}

    row = verdict(slope, measure, vary=vary)
    assert (row["verdict"], row["unit"]) == ("supported", "exponent in depth")
    assert row["effect"] == pytest.approx(2, abs=0.02)
    peak = slope | {"metric": "test_loss", "of": "peak", "within": ["3", "5"]}
    row = verdict(peak, measure, vary=vary)
    assert (row["effect"], row["unit"], row["verdict"]) == (4, "depth at the peak", "supported")


def test_gates_stay_outside_the_family():
    design = experiment({"a": CONTRAST, "b": GATE, "c": {**GATE, "within": ["0", "0.1"]}})
    row, first, second = judge([evidence(design, by_depth(0.2))], family=["a", "b", "c", "d"])
    assert row["p_corrected"] == pytest.approx(2 * row["p"])
    assert (first["verdict"], second["verdict"]) == ("supported", "refuted")


def test_one_unit_is_enough_for_a_gate():
    row = verdict(GATE, by_depth(0.2), seeds=1)
    assert (row["verdict"], row["interval"]) == ("supported", None)
    assert row["per_dataset"]["digits"][1:] == [None, None]


def test_failures_count_as_chance_and_a_change_is_said():
    def measure(row):
        dead = row["split"] == 0
        value = np.nan if dead else 0.7 + noise(row)
        return {"test_accuracy": value, "outcome": "dead" if dead else "completed"}

    row = verdict(GATE, measure)
    assert row["effect"] == pytest.approx((7 * 0.7 + 0.1) / 8, abs=0.01)
    assert (row["verdict"], row["without_failures"]) == ("refuted", "supported")
    assert "3 of 24 trials diverged or died and count as chance." in row["notes"]
    assert "Without failed trials the verdict is supported in place of refuted." in row["notes"]


def test_previews_stale_and_partial_gates_have_a_number_and_no_word():
    design = experiment({"a": GATE})
    assert "quick profile" in reasons(gate(evidence(design, by_depth(0.2), profile="quick")))
    given = evidence(design, by_depth(0.2))
    partial = dataclasses.replace(given, trials=given.trials.iloc[:-5], complete=False)
    assert "not all trials" in reasons(gate(partial))
    assert gate(partial)["effect"] == pytest.approx(0.7, abs=0.01)
    assert "another version" in reasons(judge([given], code="n3w")[0])

    def crashing(row):
        gone = row["split"] == 0
        return {"outcome": "crashed", "test_accuracy": None} if gone else by_depth(0.2)(row)

    assert "3 of 24 trials have no test_accuracy" in reasons(verdict(GATE, crashing))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"within": None}, "kind 'gate' needs one of 'within', 'at_least' and 'at_most'"),
        ({"at_most": "1"}, "kind 'gate' needs one of 'within', 'at_least' and 'at_most'"),
        ({"within": ["2", "1"]}, "within needs [low, high], not [2.0, 1.0]"),
        ({"margin": "0.1"}, "a gate has a band and no 'margin'"),
        ({"kind": "contrast", "margin": "0.1"}, "'within' belongs to kind 'gate'"),
        (
            {"kind": "contrast", "margin": "1", "within": None, "statistic": "best"},
            "'statistic' belongs to kind 'gate'",
        ),
        ({"along": "depth", "of": "peak", "at": "2"}, "a gate has a band and no 'at'"),
        ({"statistic": "bets"}, "must be 'mean', 'best', 'worst' or 'median', not 'bets'"),
    ],
)
def test_what_makes_no_gate_is_said(changes, problem):
    claim = {key: value for key, value in (GATE | changes).items() if value is not None}
    with pytest.raises(InputError) as caught:
        experiment({"a": claim})
    assert problem in str(caught.value)
