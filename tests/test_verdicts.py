"""From evidence to verdict rows: pairing, words, Holm, failures, previews."""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.errors import InputError
from suite.reading import build_experiment
from suite.results import Evidence
from suite.verdicts import judge

KEYS = (
    *("claim", "experiment", "kind", "says", "verdict", "effect", "interval", "p", "p_corrected"),
    *("margin", "scope", "tau", "seeds", "seeds_needed", "datasets", "trials"),
    *("registered_hash", "profile"),
)
EXTRA_KEYS = ("metric", "per_dataset", "without_failures", "notes", "unit")
SETS = ("digits", "mnist5k", "mnist1d")
HOLD = {"network": "dense", "width": "8", "epochs": "5", "learning_rate": "0.1"}
MEASURED = [f"{part}_{m}" for part in ("train", "validation", "test") for m in ("loss", "accuracy")]
CONTRAST = {
    "says": "Deep beats shallow.",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "worse": {"depth": "1"},
    "margin": "0.05",
}


def experiment(claims, vary=None, datasets=SETS, seeds=8, name="example"):
    vary = vary or {"depth": ["1", "4"]}
    return build_experiment(
        name,
        {
            "question": "Does depth help?",
            "vary": vary,
            "hold": {**HOLD, "dataset": list(datasets)},
            "profiles": {"quick": {"seeds": seeds}, "standard": {"seeds": seeds}},
            "claims": claims,
        },
    )


def evidence(design, measure=None, profile="standard"):
    """Evidence in which `measure(row)` gives what a trial measured; the rest is .5."""
    at = design.at(profile)
    rows = []
    for contender, dataset, split in itertools.product(
        at.contenders(), at.datasets, range(at.seeds)
    ):
        row = {"depth": 2, "loss": "cross_entropy", "outcome": "completed", "seconds": 1.0}
        row |= {"activation": "tanh", "initializer": "xavier", "gain": 1.0, "width": 8}
        row |= dict.fromkeys(MEASURED, 0.5) | dict.fromkeys(["test_r2", "flops"], 0.5)
        row |= {**contender, "dataset": dataset, "split": split, "generalization_gap": 0.0}
        row["trial_id"] = f"{len(rows):016x}"
        rows.append(row | (measure(row) if measure else {}))
    columns = ["trial_id", "epoch", "split", "metric", "layer", "value"]
    return Evidence(
        experiment=design,
        profile=profile,
        registered_hash=design.registered_hash(profile),
        code_hash="c0de",
        trials=pd.DataFrame(rows),
        tuning=pd.DataFrame(),
        histories=pd.DataFrame(columns=columns),
        complete=True,
    )


def noise(row, scale=0.01):
    """A draw that belongs to the trial alone."""
    return np.random.default_rng(int(row["trial_id"], 16)).normal(0, scale)


def by_depth(gain, scale=0.01, metric="test_accuracy"):
    return lambda row: {metric: 0.5 + gain * (row["depth"] == 4) + noise(row, scale)}


def verdict(claim, measure=None, **options):
    (row,) = judge([evidence(experiment({"depth-accuracy": claim}, **options), measure)])
    return row


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


# Trends


DEPTHS = {"depth": ["1", "2", "8"], "activation": ["relu", "sigmoid"]}
TREND = {
    "says": "Accuracy rises with depth.",
    "kind": "trend",
    "metric": "test_accuracy",
    "along": "depth",
    "margin": "0.02",
}


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


# Holm


def test_claims_without_results_count_in_the_family():
    given = evidence(experiment({"a": CONTRAST}), by_depth(0.08, 0.05))
    (alone,) = judge([given])
    (among,) = judge([given], family=["a", *(f"other-{i}" for i in range(24))])
    assert among["p_corrected"] == pytest.approx(25 * alone["p_corrected"])
    assert among["p"] == alone["p"]
    width = np.ptp(alone["interval"])
    assert np.ptp(among["interval"]) > 1.5 * width
    (crowd,) = judge([given], family=["a", *(f"other-{i}" for i in range(10**5))])
    assert (alone["verdict"], crowd["verdict"]) == ("supported", "inconclusive")
    assert crowd["interval"][0] < 0 < crowd["interval"][1]


def test_claims_step_down_across_experiments():
    first = evidence(experiment({"a": CONTRAST}, name="first"), by_depth(0.2))
    second = evidence(experiment({"b": CONTRAST}, name="second"), by_depth(0.08, 0.05))
    strong, weak = judge([first, second])
    assert strong["p_corrected"] == pytest.approx(2 * strong["p"])
    assert weak["p_corrected"] == pytest.approx(weak["p"])


def test_a_claim_stands_in_one_experiment():
    twice = [evidence(experiment({"a": CONTRAST}, name=name)) for name in ("first", "second")]
    with pytest.raises(InputError, match=r"second: claims\.a: is also a claim of .* 'first'"):
        judge(twice)


def test_profiles_are_no_one_family():
    design = experiment({"a": CONTRAST})
    with pytest.raises(ValueError, match="different profiles"):
        judge([evidence(design), evidence(design, profile="quick")])


# Failures


def test_failures_count_as_chance_and_a_change_is_said():
    # Deep networks are better where they train, and die on one split of eight.
    def measure(row):
        dead = row["depth"] == 4 and row["split"] == 0
        value = np.nan if dead else 0.5 + 0.1 * (row["depth"] == 4) + noise(row)
        return {"test_accuracy": value, "outcome": "dead" if dead else "completed"}

    row = verdict(CONTRAST, measure)
    assert row["effect"] == pytest.approx((7 * 0.1 + (0.1 - 0.5)) / 8, abs=0.01)
    assert (row["verdict"], row["without_failures"]) == ("inconclusive", "supported")
    assert "3 of 48 trials diverged or died and count as chance." in row["notes"]
    change = "Without failed trials the verdict is supported in place of inconclusive."
    assert change in row["notes"]


def test_failures_everywhere_leave_nothing_without_them():
    row = verdict(CONTRAST, lambda _: {"outcome": "diverged", "test_accuracy": np.nan})
    assert (row["verdict"], row["effect"]) == ("equivalent", 0)
    assert row["without_failures"] is None
    assert "Without failed trials too little is left to test." in row["notes"]
    assert any("same amount" in note for note in row["notes"])


def test_failures_leave_pairs_of_the_same_unnamed_levels():
    # ReLU is far better than sigmoid, and deep sigmoid networks die: without them, only ReLU is
    # left to compare, and depth makes no difference to it.
    def measure(row):
        dead = row["depth"] == 4 and row["activation"] == "sigmoid"
        value = {"relu": 0.9, "sigmoid": 0.4}[row["activation"]] + noise(row)
        return {"test_accuracy": value, "outcome": "dead" if dead else "completed"}

    vary = {"depth": ["1", "4"], "activation": ["relu", "sigmoid"]}
    row = verdict(CONTRAST, measure, vary=vary)
    assert (row["verdict"], row["without_failures"]) == ("refuted", "equivalent")


# Previews and gaps


def reasons(row):
    assert (row["verdict"], row["p"], row["p_corrected"]) == (None, None, None)
    assert (row["without_failures"], row["seeds_needed"]) == (None, None)
    return " ".join(row["notes"])


def test_previews_have_an_effect_and_no_word():
    design = experiment({"a": CONTRAST})
    quick = evidence(design, by_depth(0.2), profile="quick")
    (row,) = judge([quick])
    assert "quick profile" in reasons(row)
    assert row["effect"] == pytest.approx(0.2, abs=0.01)
    assert row["interval"][0] > 0.15
    given = evidence(design, by_depth(0.2))
    assert "not the registered run" in reasons(judge([given], confirmatory=False)[0])
    assert "not registered" in reasons(judge([given], family=["other"])[0])
    stale = dataclasses.replace(given, registered_hash="0" * 16)
    assert "older registration" in reasons(judge([stale])[0])
    partial = dataclasses.replace(given, trials=given.trials.iloc[:-5], complete=False)
    assert "not all trials" in reasons(judge([partial])[0])
    assert judge([partial])[0]["effect"] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("outcome", ["crashed", "timed_out", "out_of_memory", None])
def test_other_endings_leave_a_claim_without_a_word(outcome):
    def measure(row):
        gone = row["depth"] == 4 and row["split"] == 0
        return by_depth(0.2)(row) | ({"outcome": outcome, "test_accuracy": None} if gone else {})

    row = verdict(CONTRAST, measure)
    assert "Partial: 3 of 48 trials have no test_accuracy." in reasons(row)
    assert row["effect"] == pytest.approx(0.2, abs=0.01)
    elsewhere = {**CONTRAST, "worse": {"depth": "2"}, "better": {"depth": "1"}}
    other = verdict(elsewhere, measure, vary={"depth": ["1", "2", "4"]})
    assert other["verdict"] == "equivalent"


def test_a_claim_that_gets_no_word_counts_as_one_in_the_family():
    first = evidence(experiment({"a": CONTRAST}, name="first"), by_depth(0.08, 0.05))
    second = evidence(experiment({"b": CONTRAST}, name="second"), by_depth(0.2))
    second = dataclasses.replace(second, complete=False)
    word, preview = judge([first, second])
    assert word["p_corrected"] == pytest.approx(2 * word["p"])
    assert preview["verdict"] is None


def test_one_seed_has_an_effect_and_no_interval():
    row = verdict(CONTRAST, by_depth(0.2), seeds=1)
    assert "two units" in reasons(row)
    assert row["effect"] == pytest.approx(0.2, abs=0.02)
    assert row["interval"] is None
    assert row["per_dataset"]["digits"][1:] == [None, None]


def test_an_experiment_that_has_not_run_yet_has_empty_rows():
    given = evidence(experiment({"a": CONTRAST, "b": {**TREND}}))
    empty = dataclasses.replace(given, trials=given.trials.iloc[:0].astype(object), complete=False)
    for row in judge([empty]):
        reasons(row)
        assert (row["effect"], row["interval"], row["tau"]) == (None, None, None)
        assert (row["seeds"], row["datasets"], row["trials"]) == (0, 0, 0)
        assert row["per_dataset"] == {}


def test_unknown_metrics_are_named():
    with pytest.raises(InputError, match="unknown metric 'test_acuracy'; did you mean"):
        verdict({**CONTRAST, "metric": "test_acuracy"})
