"""From evidence to verdict rows: pairing, words, scope."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.verdicts import judge
from tests.planted import CONTRAST, SETS, by_depth, evidence, experiment, noise, verdict

KEYS = (
    *("claim", "experiment", "kind", "says", "verdict", "effect", "interval", "p", "p_corrected"),
    *("margin", "scope", "tau", "seeds", "seeds_needed", "datasets", "trials"),
    *("registered_hash", "profile"),
)
EXTRA_KEYS = (
    *("metric", "per_dataset", "without_failures", "notes", "unit", "band"),
    "verdict_at_half_budget",
)


# Rows


def test_rows_have_the_keys_of_the_contract_and_no_nan():
    quick = evidence(experiment({"depth-accuracy": CONTRAST}), by_depth(0.2), profile="quick")
    rows = [verdict(CONTRAST, by_depth(0.2)), *judge([quick])]
    rows.append(verdict(CONTRAST, by_depth(0.2), seeds=1))
    rows.append(verdict({**CONTRAST, "metric": "gradient_decay"}))
    for row in rows:
        assert tuple(row) == KEYS + EXTRA_KEYS
        assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_a_row_is_the_paired_t_test_on_one_data_set():
    given = evidence(
        experiment({"depth-accuracy": CONTRAST}, datasets=["digits"]), by_depth(0.2, 0.1)
    )
    (row,) = judge([given])
    deep, shallow = (
        given.trials.loc[given.trials["depth"] == depth, "test_accuracy"].to_numpy()
        for depth in (4, 1)
    )
    oracle = stats.ttest_rel(deep, shallow)
    assert row["effect"] == pytest.approx(np.mean(deep - shallow))
    assert row["p"] == pytest.approx(oracle.pvalue)
    assert row["interval"] == pytest.approx(list(oracle.confidence_interval(0.95)))
    assert (row["seeds"], row["datasets"], row["trials"]) == (8, 1, 16)
    assert row["tau"] is None
    assert row["scope"] == "named sets"
    design = given.experiment
    assert row["registered_hash"] == design.registered_hash("standard", "depth-accuracy")


def test_headline_claims_come_first():
    given = evidence(experiment({"a/extra": CONTRAST, "b": CONTRAST, "c": CONTRAST}))
    assert [row["claim"] for row in judge([given])] == ["b", "c", "a/extra"]


def test_nothing_to_judge_gives_no_rows():
    assert judge([]) == []


# Words


@pytest.mark.parametrize(
    ("gain", "word"), [(0.2, "supported"), (-0.2, "refuted"), (0.0, "equivalent")]
)
def test_contrasts_find_what_was_planted(gain, word):
    row = verdict(CONTRAST, by_depth(gain))
    assert row["verdict"] == word
    assert row["effect"] == pytest.approx(gain, abs=0.01)
    assert row["interval"][0] < gain < row["interval"][1]
    assert row["p"] == row["p_corrected"]


def test_noise_leaves_a_claim_open_and_says_how_many_seeds_would_not():
    row = verdict(CONTRAST, by_depth(0.06, 0.2))
    assert row["verdict"] == "inconclusive"
    low, high = row["seeds_needed"]
    assert 8 < low < high
    assert any(note.startswith("More splits than test folds") for note in row["notes"])
    assert any(note.startswith("Sign-flip check") for note in row["notes"])


def test_losses_are_better_when_lower():
    claim = {**CONTRAST, "metric": "test_loss"}
    assert verdict(claim, by_depth(-0.2, metric="test_loss"))["verdict"] == "supported"
    claim["metric"] = "log_test_loss"
    row = verdict(claim, by_depth(-0.25, metric="test_loss"))
    assert row["effect"] == pytest.approx(np.log(2), abs=0.05)


def test_without_worse_the_metric_is_held_against_zero():
    claim = {**CONTRAST, "metric": "gap_loss", "kind": "equal"}
    del claim["worse"]
    row = verdict(claim, by_depth(0.2, metric="test_loss"))
    assert row["effect"] == pytest.approx(0.2, abs=0.01)
    assert row["verdict"] == "refuted"
    assert row["trials"] == 24
    claim["kind"] = "contrast"
    row = verdict(claim, by_depth(0.2, metric="test_loss"))
    assert row["effect"] == pytest.approx(-0.2, abs=0.01)


@pytest.mark.parametrize(
    ("gain", "word"), [(0.0, "supported"), (0.2, "refuted"), (-0.2, "refuted")]
)
def test_claims_of_sameness_turn_the_words_round(gain, word):
    assert verdict({**CONTRAST, "kind": "equal"}, by_depth(gain))["verdict"] == word


def test_sameness_is_not_refuted_by_an_effect_that_may_lie_inside_the_margin():
    row = verdict({**CONTRAST, "kind": "equal"}, by_depth(0.055, 0.02))
    assert row["verdict"] == "inconclusive"
    assert row["effect"] > 0.05
    assert verdict(CONTRAST, by_depth(0.055, 0.02))["verdict"] == "supported"


def test_effects_near_the_margin_are_said_to_be_on_it():
    noisy = by_depth(0.06, 0.2)
    effect = verdict(CONTRAST, noisy)["effect"]
    for factor, near in [(0.95, True), (1.05, True), (0.8, False), (1.3, False)]:
        row = verdict({**CONTRAST, "margin": f"{effect * factor}"}, noisy)
        assert row["verdict"] == "inconclusive"
        assert ("The effect is on the margin." in row["notes"]) == near


# Claims of two parts


def both(first, second):
    part = {key: CONTRAST[key] for key in ("better", "worse", "margin")}
    claim = {
        "says": "Deep is better and cheaper.",
        "kind": "both",
        "parts": [{**part, "metric": "test_accuracy"}, {**part, "metric": "train_accuracy"}],
    }

    def measure(row):
        deep = row["depth"] == 4
        return {
            "test_accuracy": 0.5 + first * deep + noise(row, 0.02),
            "train_accuracy": 0.5 + second * deep + noise(row, 0.06),
        }

    return verdict(claim, measure)


def test_both_parts_must_hold():
    row = both(0.2, 0.15)
    assert row["verdict"] == "supported"
    assert (row["metric"], row["margin"]) == ("train_accuracy", 0.05)
    assert sum(note.startswith("Part ") for note in row["notes"]) == 2
    assert both(0.2, 0.04)["verdict"] == "inconclusive"
    assert both(0.2, 0.04)["metric"] == "train_accuracy"


def test_one_refuted_part_refutes_both():
    row = both(-0.2, 0.04)
    assert (row["verdict"], row["metric"]) == ("refuted", "test_accuracy")
    assert row["interval"][1] < 0
    assert both(0.2, -0.2)["verdict"] == "refuted"
    assert both(-0.2, -0.2)["verdict"] == "refuted"


def test_both_is_equivalent_if_a_part_is():
    row = both(0.0, 0.3)
    assert (row["verdict"], row["metric"]) == ("equivalent", "test_accuracy")


# Pairing


def test_unnamed_factors_weigh_the_same():
    def measure(row):
        gain = {"relu": 0.1, "tanh": 0.2, "sigmoid": 0.6}[row["activation"]]
        return {"test_accuracy": gain * (row["depth"] == 4) + noise(row, 0.001)}

    vary = {"depth": ["1", "4"], "activation": ["relu", "tanh", "sigmoid"]}
    assert verdict(CONTRAST, measure, vary=vary)["effect"] == pytest.approx(0.3, abs=0.001)
    claim = {**CONTRAST, "where": {"activation": ["relu", "tanh"]}}
    assert verdict(claim, measure, vary=vary)["effect"] == pytest.approx(0.15, abs=0.001)


def test_validation_chooses_a_level_for_each_unit():
    # On every fourth split depth 2 has the lower validation loss, on the others depth 4.
    def measure(row):
        chosen = 4 if row["split"] % 4 else 2
        accuracy = {1: 0.1, 2: 0.5, 4: 0.7}[row["depth"]]
        return {"validation_loss": 1.0 - (row["depth"] == chosen), "test_accuracy": accuracy}

    claim = {**CONTRAST, "better": {"depth": ["2", "4"]}, "choose": "validation"}
    row = verdict(claim, measure, vary={"depth": ["1", "2", "4"]})
    assert row["effect"] == pytest.approx((0.4 + 3 * 0.6) / 4)
    assert row["trials"] == 3 * 8 * 3
    mean = verdict({**claim, "choose": "mean"}, measure, vary={"depth": ["1", "2", "4"]})
    assert mean["effect"] == pytest.approx(0.5)


def test_validation_accuracy_chooses_where_a_side_has_no_loss():
    # On every fourth split depth 2 is the more accurate on validation data; no loss is known.
    def measure(row):
        chosen = 4 if row["split"] % 4 else 2
        accuracy = {1: 0.1, 2: 0.5, 4: 0.7}[row["depth"]]
        scores = {"validation_accuracy": 0.5 + 0.1 * (row["depth"] == chosen)}
        return {"validation_loss": None, **scores, "test_accuracy": accuracy}

    claim = {**CONTRAST, "better": {"depth": ["2", "4"]}, "choose": "validation_accuracy"}
    row = verdict(claim, measure, vary={"depth": ["1", "2", "4"]})
    assert row["effect"] == pytest.approx((0.4 + 3 * 0.6) / 4)
    by_loss = verdict({**claim, "choose": "validation"}, measure, vary={"depth": ["1", "2", "4"]})
    assert by_loss["effect"] is None


def test_splits_that_share_a_test_fold_are_one_unit():
    def measure(row):
        return {"test_accuracy": 0.5 + (row["depth"] == 4) * (row["split"] // 10) + noise(row)}

    row = verdict(CONTRAST, measure, datasets=["digits"], seeds=20)
    assert row["effect"] == pytest.approx(0.5, abs=0.01)
    # Within each fold 0 and 1 average out, so that ten near-equal units are left.
    assert row["interval"][1] - row["interval"][0] < 0.05
    assert row["seeds"] == 20
    assert any("share a test fold" in note for note in row["notes"])
    fresh = verdict(CONTRAST, measure, datasets=["spirals"], seeds=20)
    assert fresh["interval"][1] - fresh["interval"][0] > 0.3
    assert not any("share a test fold" in note for note in fresh["notes"])


def test_levels_may_be_none():
    vary = {"samples": ["100", "null"]}
    claim = {**CONTRAST, "better": {"samples": "null"}, "worse": {"samples": "100"}}

    def measure(row):
        return {"test_accuracy": 0.5 + 0.2 * pd.isna(row["samples"]) + noise(row)}

    assert verdict(claim, measure, vary=vary)["verdict"] == "supported"


# Scope


def per_set(gains, scale=0.01):
    def measure(row):
        gain = gains[row["dataset"]] * (row["depth"] == 4)
        return {"test_accuracy": 0.5 + gain + noise(row, scale)}

    return measure


def test_scope_is_general_only_if_no_set_contradicts():
    row = verdict(CONTRAST, per_set({"digits": 0.2, "mnist5k": 0.2, "mnist1d": 0.1}))
    assert (row["verdict"], row["scope"]) == ("supported", "in general")
    assert row["tau"] == pytest.approx(np.std([0.2, 0.2, 0.1], ddof=1), abs=0.01)
    row = verdict(CONTRAST, per_set({"digits": 0.3, "mnist5k": 0.3, "mnist1d": -0.1}))
    assert (row["verdict"], row["scope"]) == ("supported", "named sets")
    assert row["per_dataset"]["mnist1d"][2] < 0
    # One estimate may fall short if its interval leaves room.
    row = verdict(CONTRAST, per_set({"digits": 0.3, "mnist5k": 0.3, "mnist1d": -0.002}))
    assert row["scope"] == "in general"


def test_two_sets_say_nothing_in_general():
    row = verdict(CONTRAST, by_depth(0.2), datasets=SETS[:2])
    assert (row["verdict"], row["scope"]) == ("supported", "named sets")


def test_sets_that_disagree_call_for_more_sets():
    row = verdict(CONTRAST, per_set({"digits": 0.3, "mnist5k": -0.3, "mnist1d": 0.06}, 0.15))
    assert row["verdict"] == "inconclusive"
    assert row["tau"] > row["margin"]
    assert any("more data sets, not more seeds" in note for note in row["notes"])
