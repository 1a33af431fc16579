"""What the report says of tuning: sentences, tables and budgets made from the numbers."""

import json

import pytest

from suite.report.build import build
from suite.report.fairness import fairness
from suite.report.methods import tuned
from suite.report.reading import expected
from suite.schemas import METRICS
from suite.trial import OPTIONAL, Trial
from suite.verdicts import judge
from tests.tuned import CLAIM, TUNE, climbing, evidence, experiment, row

FACTS = {
    **{"leadline_version": "0.1.0", "code_hash": "c0de", "versions": {}, "machine": "x"},
    **{"profile": "standard", "networks": 12, "networks_reused": 0, "wall_seconds": 1.0},
    **{"training_seconds": 1.0, "outside_training_seconds": 1.0, "tracking_seconds": 1.0},
    **{"reporting_seconds": 1.0, "proposing_seconds": 0.5, "probing_share": None},
}
RECIPE = {
    name: getattr(Trial(dataset="digits"), name)
    for name in ("network", "width", "activation", "loss", *OPTIONAL)
}


def finals(repeats=1):
    """One network for each depth, split and search."""
    return [
        dict.fromkeys(METRICS, float("nan"))
        | RECIPE
        | {
            **{"contender": json.dumps({"depth": depth}), "depth": depth, "dataset": "digits"},
            **{"split": split, "repeat": repeat, "outcome": "completed", "regularizers": "none"},
            **{"test_accuracy": 0.7 + 0.1 * depth + 0.01 * (split + repeat * depth)},
            **{"test_loss": 0.5, "validation_loss": 0.5, "generalization_gap": 0.1},
            **{"flops": 1e6, "seconds": 0.1},
            "data_hash": "rows",
            "trial_id": f"{depth} {split} {repeat}",
        }
        for depth in (1, 2)
        for split in range(2)
        for repeat in range(repeats)
    ]


def given(tune=None, rows=None, repeats=1, **changes):
    claims = {"depth-accuracy": CLAIM}
    tested = experiment((tune or TUNE) | {"repeats": repeats}, claims=claims, **changes)
    rows = climbing(tested) if rows is None else rows
    return evidence(rows, tested, finals(repeats))


def sentences(of, word=None):
    row = {"claim": "depth-accuracy", "verdict_at_half_budget": word}
    found = fairness(of, [row])
    assert found is not None
    return " ".join(found.sentences)


def test_the_budget_is_said_with_what_it_cost():
    text = sentences(given())
    assert text.startswith(
        "Each contender had the epochs of 4 whole trainings for each data set and split. They "
        "spent 58 % of it: 36 candidates, 84 network-epochs, 42 s and 8\u2009400 FLOPs in all."
    )


def test_candidates_without_rungs_are_counted():
    tune = {"learning_rate": TUNE["learning_rate"], "budget": {"trials": 3}, "seeds": 2}
    rows = [row(n, 0.5, split=s, depth=d) for d in (1, 2) for s in (0, 1) for n in (0, 0, 1, 1)]
    text = sentences(given(tune, rows, repeats=2))
    assert text.startswith(
        "Each contender had 3 candidates of 2 networks each for each data set and split, twice. "
        "They spent 67 % of it"
    )


def test_a_best_value_on_the_edge_is_said_with_its_end():
    rows = [
        row(0, 0.5, depth=depth, split=split, learning_rate=0.1 if split else 0.01)
        for depth in (1, 2)
        for split in (0, 1)
    ]
    text = sentences(given(rows=rows))
    assert (
        "The best value of learning rate lay on the edge of its range in 2 of 4 searches "
        "(2 at the high end): the range may be too narrow."
    ) in text
    assert "value of L2" not in text
    for found in rows:
        found["learning_rate"] = 0.01
    assert "No best value lay on the edge of its range." in sentences(given(rows=rows))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("unchanged", "At half of the budget every verdict would be the same"),
        ("refuted", "1 registered test would end otherwise: depth-accuracy would be refuted."),
    ],
)
def test_the_word_at_half_of_the_budget_is_said(word, sentence):
    assert sentence in sentences(given(), word)
    assert "half of the budget" not in sentences(given())


def test_each_contender_has_a_row_of_what_it_spent():
    found = fairness(given(), [])
    assert found.header[0] == "hidden layers"
    assert [cells[:4] for cells in found.rows] == [
        (depth, "2", "18", "4.667 of 8 trainings") for depth in ("1", "2")
    ]
    assert found.sources == ()


def test_repeated_searches_give_a_table_of_variance():
    found = fairness(given(repeats=3), [])
    assert found.sources == ("tuning", "data split, initial weights and batch order")
    # Depth 1 has steps of .01 between searches, depth 2 of .02: variances 1e-4 and 4e-4.
    assert found.variances[0][:2] == ("digits", f"{2.5e-4**0.5:.3g} (100 %)")


def test_nothing_tuned_has_no_section():
    assert fairness(evidence([], given().experiment, finals()), []) is None


def test_networks_of_repeated_searches_are_expected():
    assert expected(given(repeats=3)) == 2 * 2 * 3


def test_both_pages_have_the_section_and_the_same_bytes_twice(tmp_path):
    of = given(repeats=3)
    for place in ("first", "second"):
        build([of], judge([of]), FACTS, tmp_path / place)
    for name in (f"{of.experiment.name}/index.html", "README.md"):
        page = (tmp_path / "first" / name).read_text(encoding="utf-8")
        assert page == (tmp_path / "second" / name).read_text(encoding="utf-8")
        assert "Fairness" in page
        assert "whole trainings" in page
        assert "data split, initial weights and batch order" in page
    assert "Only learning rate and L2 are tuned." in (tmp_path / "first/methods.html").read_text()


def test_what_is_tuned_is_named():
    assert tuned([given()]) == "Only learning rate and L2 are tuned"
    assert tuned([]) == "Nothing is tuned"
