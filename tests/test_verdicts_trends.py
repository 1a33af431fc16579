"""Claims along a factor: slopes, exponents, crossings, peaks; and times of rounds."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from suite.errors import InputError
from suite.verdicts import judge
from tests.planted import TREND, evidence, experiment, noise, reasons, verdict

DEPTHS = {"depth": ["1", "2", "8"], "activation": ["relu", "sigmoid"]}


def rising(slope, scale="log2"):
    def measure(row):
        x = np.log2(row["depth"]) if scale == "log2" else row["depth"]
        steep = slope if row["activation"] == "relu" else -slope / 2
        return {"test_accuracy": 0.5 + steep * x + noise(row, 0.002)}

    return measure


def test_trends_are_slopes_per_doubling():
    row = verdict(TREND, rising(0.1), vary=DEPTHS)
    assert row["effect"] == pytest.approx((0.1 - 0.05) / 2, abs=0.001)
    assert row["verdict"] == "supported"
    assert row["unit"] == "per doubling of depth"
    assert row["trials"] == 3 * 8 * 6


def test_trends_can_fall_be_linear_and_be_confined():
    claim = {**TREND, "direction": "falls", "scale": "linear", "where": {"activation": "sigmoid"}}
    row = verdict(claim, rising(0.1, "linear"), vary=DEPTHS)
    assert row["effect"] == pytest.approx(0.05, abs=0.001)
    assert row["unit"] == "per unit of depth"


def test_trends_of_differences():
    claim = {**TREND, "better": {"activation": "relu"}, "worse": {"activation": "sigmoid"}}
    row = verdict(claim, rising(0.1), vary=DEPTHS)
    assert row["effect"] == pytest.approx(0.15, abs=0.001)


def test_trends_need_numbers():
    vary = {"activation": ["relu", "sigmoid"]}
    with pytest.raises(InputError, match=r"claims\.depth-accuracy\.along.*numbers above 0"):
        verdict({**TREND, "along": "activation"}, vary=vary)
    with pytest.raises(InputError, match="above 0"):
        verdict(TREND, vary={"depth": ["0", "2"]})


BATCHES = {"depth": ["1", "2", "8"], "batch_size": ["4", "16", "64"]}


def test_exponents_are_slopes_between_natural_logarithms():
    claim = {**TREND, "metric": "log_seconds", "of": "exponent", "margin": "0.8"}

    def measure(row):
        return {"seconds": 3 * row["depth"] ** 1.7 * np.exp(noise(row))}

    row = verdict(claim, measure, vary=BATCHES)
    assert row["effect"] == pytest.approx(1.7, abs=0.02)
    assert (row["verdict"], row["unit"]) == ("supported", "exponent in depth")
    slope = verdict({**claim, "of": "slope"}, measure, vary=BATCHES)
    assert slope["effect"] == pytest.approx(row["effect"] * np.log(2))
    with pytest.raises(InputError, match=r"\.of: an exponent needs .* 'test_accuracy' is not"):
        verdict({**TREND, "of": "exponent"}, vary=BATCHES)


SAMPLES = {"samples": ["250", "500", "1000", "2000", "4000"], "depth": ["1", "4"]}
CROSSING = {
    **TREND,
    "along": "samples",
    "of": "crossing",
    "at": "500",
    "better": {"depth": "4"},
    "worse": {"depth": "1"},
    "margin": "0.5",
}


def overtaking(at, metric="test_accuracy", scale=0.002):
    """Depth 4 gains .1 on depth 1 with each doubling, and is level with it at `at` samples."""

    def measure(row):
        gain = 0.1 * np.log2(row["samples"] / at) * (row["depth"] == 4)
        return {metric: 0.5 + gain * (-1 if metric == "test_loss" else 1) + noise(row, scale)}

    return measure


@pytest.mark.parametrize("metric", ["test_accuracy", "test_loss"])
def test_crossings_are_where_better_overtakes_worse(metric):
    row = verdict({**CROSSING, "metric": metric}, overtaking(1200, metric), vary=SAMPLES)
    assert row["effect"] == pytest.approx(np.log2(1200 / 500), abs=0.02)
    assert (row["verdict"], row["scope"]) == ("supported", "in general")
    assert row["unit"] == "doublings of samples at the crossing, beyond 500"
    assert not any("crossings" in note for note in row["notes"])
    falls = {**CROSSING, "metric": metric, "direction": "falls"}
    assert verdict(falls, overtaking(1200, metric), vary=SAMPLES)["verdict"] == "refuted"


def test_crossings_outside_the_levels_are_censored_and_counted():
    row = verdict(CROSSING, overtaking(10**6), vary=SAMPLES)
    assert row["effect"] == pytest.approx(3)
    assert "24 of 24 crossings never came and count as at the last level." in row["notes"]
    row = verdict(CROSSING, overtaking(10), vary=SAMPLES)
    assert row["effect"] == pytest.approx(-1)
    assert "24 of 24 crossings came before the first level and count as there." in row["notes"]

    def now_and_then(row):
        return overtaking(10**6 if row["split"] == 0 else 1200)(row)

    notes = verdict(CROSSING, now_and_then, vary=SAMPLES)["notes"]
    assert "3 of 24 crossings never came and count as at the last level." in notes


def test_a_tie_is_no_lead():
    def measure(row):
        ahead = row["samples"] > 1000 and row["depth"] == 4
        return {"test_accuracy": 0.5 + 0.1 * ahead}

    row = verdict(CROSSING, measure, vary=SAMPLES)
    assert row["effect"] == pytest.approx(1)


def test_peaks_are_where_the_metric_is_highest():
    claim = {**TREND, "metric": "test_loss", "of": "peak", "at": "2", "margin": "0.5"}

    def measure(row):
        return {"test_loss": 1.0 + (row["depth"] == 4) + noise(row)}

    row = verdict(claim, measure, vary={"depth": ["1", "2", "4", "8"]})
    assert (row["effect"], row["verdict"]) == (1, "supported")
    assert row["unit"] == "doublings of depth at the peak, beyond 2"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"at": None}, "'of: crossing' needs 'at', the level it is held against"),
        ({"at": "4000"}, "at: 4000 does not lie between the levels of 'samples'"),
        ({"of": "slope"}, "'at' belongs to 'of: crossing' or 'of: peak'"),
        ({"along": None, "kind": "contrast"}, "'of: crossing' needs 'along'"),
        ({"of": "exponent", "scale": "linear", "at": None}, "remove 'scale: linear'"),
    ],
)
def test_what_cannot_be_looked_for_along_a_factor_is_said(changes, problem):
    claim = {key: value for key, value in (CROSSING | changes).items() if value is not None}
    with pytest.raises(InputError) as caught:
        experiment({"data-hunger": claim}, vary=SAMPLES)
    assert problem in str(caught.value)


# Times


TIMING = {
    "says": "Time grows with depth.",
    "kind": "timing",
    "metric": "log_seconds",
    "along": "depth",
    "of": "exponent",
    "margin": "0.8",
}


def rounds(row):
    return {"seconds": row["depth"] * np.exp(noise(row))}


def test_times_speak_of_this_machine_and_are_corrected_for():
    row = verdict(TIMING, rounds, vary=BATCHES)
    assert (row["verdict"], row["kind"]) == ("supported", "timing")
    assert row["scope"] == "on this machine"
    noisy = evidence(
        experiment({"training-cost": {**TIMING, "margin": "0.02"}}, vary={"depth": ["1", "2"]}),
        lambda row: {"seconds": 1 + 0.1 * (row["depth"] == 2) + noise(row, 0.1)},
    )
    (alone,) = judge([noisy])
    (among,) = judge([noisy], family=["training-cost", *(f"other-{i}" for i in range(10**4))])
    assert (alone["verdict"], among["verdict"]) == ("supported", "inconclusive")
    assert among["scope"] == "on this machine"


def test_times_can_be_contrasts_and_have_parts():
    contrast = {**TIMING, "better": {"depth": "1"}, "worse": {"depth": "8"}}
    del contrast["along"], contrast["of"]
    row = verdict(contrast, rounds, vary=BATCHES)
    assert row["effect"] == pytest.approx(np.log(8), abs=0.01)
    part = {key: TIMING[key] for key in ("metric", "along", "of", "margin")}
    parts = {
        "says": "It grows.",
        "kind": "timing",
        "parts": [part, {**part, "along": "batch_size"}],
    }

    def measure(row):
        return {"seconds": row["depth"] * row["batch_size"] ** 2 * np.exp(noise(row))}

    row = verdict(parts, measure, vary=BATCHES)
    assert (row["verdict"], row["scope"]) == ("supported", "on this machine")
    with pytest.raises(InputError, match="kind 'timing' needs 'better'"):
        experiment({"a": {k: v for k, v in TIMING.items() if k not in ("along", "of")}})


def test_times_that_are_no_rounds_on_one_machine_get_no_word():
    shared = verdict(TIMING, lambda row: {"seconds": float(row["depth"])}, vary=BATCHES)
    assert "timed together, not in rounds" in reasons(shared)
    given = evidence(experiment({"training-cost": TIMING}, vary=BATCHES), rounds)
    given.trials.loc[0, "machine"] = "elsewhere"
    assert "timed on several machines (elsewhere; here)" in reasons(judge([given])[0])
    moved = dataclasses.replace(given, trials=given.trials.assign(machine="elsewhere"))
    assert judge([moved])[0]["verdict"] == "supported"


def test_a_crossings_interval_is_that_of_its_splits():
    given = evidence(
        experiment({"data-hunger": CROSSING}, vary=SAMPLES, datasets=["spirals"]),
        overtaking(1200, scale=0.02),
    )
    (row,) = judge([given])
    table = given.trials.pivot_table("test_accuracy", ["split", "samples"], "depth")
    lead = (table[4] - table[1]).unstack()
    places = []
    for _, values in lead.iterrows():
        after = next(i for i, value in enumerate(values) if value > 0)
        x = np.log2(lead.columns.to_numpy(float))[after - 1 : after + 1]
        y = values.to_numpy()[after - 1 : after + 1]
        places.append(np.interp(0, y, x) - np.log2(500))
    oracle = stats.ttest_1samp(places, 0)
    assert row["p"] == pytest.approx(oracle.pvalue)
    assert row["interval"] == pytest.approx(list(oracle.confidence_interval(0.95)))
