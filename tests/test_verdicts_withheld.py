"""What all claims share: Holm's family, failures, previews, stale and missing measurements."""

import dataclasses
import functools

import numpy as np
import pytest

from suite.errors import InputError
from suite.verdicts import judge
from tests.planted import (
    CONTRAST,
    SETS,
    TREND,
    by_depth,
    evidence,
    experiment,
    noise,
    reasons,
    verdict,
)

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


def test_a_claim_that_stands_alone_falls_in_company():
    """Correction is applied: the same data lose their word among claims that find nothing."""
    design = experiment({"a": CONTRAST})
    weak = evidence(design, by_depth(0.08, 0.12))
    found = judge([weak])[0]
    assert found["verdict"] == "supported"
    assert 0.05 / 25 < found["p"] < 0.05

    def quiet(row, number):
        draw = np.random.default_rng([number, int(row["trial_id"], 16)])
        return {"test_accuracy": 0.5 + draw.normal(0, 0.4)}

    others = [
        evidence(
            experiment({f"n{i}": CONTRAST}, name=f"other{i}"), functools.partial(quiet, number=i)
        )
        for i in range(24)
    ]
    among = judge([weak, *others])[0]
    assert (among["claim"], among["p"], among["verdict"]) == ("a", found["p"], "inconclusive")
    assert among["p_corrected"] > 0.05


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


def test_other_code_or_other_rows_leave_a_claim_without_a_word():
    given = evidence(experiment({"a": CONTRAST}), by_depth(0.2))
    rows = {name: f"rows of {name}" for name in SETS}
    (row,) = judge([given], code="c0de", data=rows)
    assert row["verdict"] == "supported"
    assert "another version of the code" in reasons(judge([given], code="n3w", data=rows)[0])
    changed = judge([given], code="c0de", data={**rows, "mnist1d": "other rows"})
    assert "Stale: measured on other rows of mnist1d; run" in reasons(changed[0])
    # Nothing is known of a set that is not there to be looked at.
    assert judge([given], data={"wine": "rows of wine"})[0]["verdict"] == "supported"
    mixed = given.trials.copy()
    mixed.loc[0, "data_hash"] = "older rows"
    mixed = dataclasses.replace(given, trials=mixed)
    assert "other rows of digits" in reasons(judge([mixed], data=rows)[0])


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
    crossing = {**TREND, "of": "crossing", "at": "2"}
    gate = {"says": "It is so.", "kind": "gate", "metric": "test_accuracy", "at_least": "0.1"}
    claims = {"a": CONTRAST, "b": TREND, "c": crossing, "d": {**crossing, "of": "peak"}, "e": gate}
    given = evidence(experiment(claims))
    empty = dataclasses.replace(given, trials=given.trials.iloc[:0].astype(object), complete=False)
    for row in judge([empty]):
        reasons(row)
        assert (row["effect"], row["interval"], row["tau"]) == (None, None, None)
        assert (row["seeds"], row["datasets"], row["trials"]) == (0, 0, 0)
        assert row["per_dataset"] == {}


def test_unknown_metrics_are_named():
    with pytest.raises(InputError, match="unknown metric 'test_acuracy'; did you mean"):
        verdict({**CONTRAST, "metric": "test_acuracy"})
