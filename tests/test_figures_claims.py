"""Figures of what claims compare: effects, contenders and ranks, against numbers by hand."""

import numpy as np
import pytest
from scipy import stats

from suite.figures.drawing import NothingToDraw
from suite.figures.effects import MEAN
from suite.ranking import mean_ranks
from tests.drawings import cell, draw, evidence, fail_one

LIFTS = {"sgd": 0.0, "momentum": 0.1, "adam": 0.3}


def lifted(row):
    """Adam beats momentum, which beats gradient descent, by more on every later split."""
    score = 0.4 + LIFTS[row["optimizer"]] + 0.01 * row["split"] * (row["optimizer"] == "adam")
    return {"test_accuracy": score - 0.05 * (row["depth"] == 4), "test_r2": score}


def effect(table, start):
    rows = table[table["claim"].str.startswith(start)]
    return dict(list(rows.groupby("dataset")))


def test_effects_are_the_claims_paired_differences_with_students_interval():
    found = effect(draw("effects", evidence("claimed", lifted)).table, "optimization")
    expected = 0.3 + 0.01 * np.arange(4)
    assert found["digits"]["value"].to_list() == pytest.approx(expected.tolist())
    low, high = stats.t.interval(0.95, 3, expected.mean(), stats.sem(expected))
    assert found["digits"]["mean"].unique() == pytest.approx([expected.mean()])
    assert found["digits"][["low", "high"]].drop_duplicates().to_numpy()[0] == pytest.approx(
        [low, high]
    )
    assert found[MEAN]["mean"].to_list() == pytest.approx([expected.mean()])
    assert found[MEAN]["n"].to_list() == [8]
    assert set(found["digits"]["margin"]) == {0.02}


def test_a_trends_effects_are_slopes_per_doubling():
    found = effect(draw("effects", evidence("claimed", lifted)).table, "depth accuracy/trend")
    # Accuracy falls by 0.05 over two doublings, as the claim says; R² does not.
    assert found["digits"]["value"].to_list() == pytest.approx([0.025] * 4)
    assert found["diabetes"]["value"].to_list() == pytest.approx([0] * 4, abs=1e-12)


def test_of_one_data_set_there_is_no_row_for_all(monkeypatch):
    from tests import drawings

    monkeypatch.setitem(drawings.HOLD, "dataset", ["digits"])
    drawing = draw("effects", evidence("claimed", lifted))
    assert set(drawing.table["dataset"]) == {"digits"}
    assert "mean 0.315, margin 0.02" in drawing.alt


def test_effects_count_failures_as_chance_and_say_so():
    drawing = draw("effects", evidence("claimed", lambda row: lifted(row) | fail_one(row)))
    assert "12 networks diverged or died and count as chance." in drawing.caption
    found = effect(drawing.table, "optimization")
    assert found["digits"]["value"].iloc[0] == pytest.approx(0)


def test_gates_alone_have_no_effects():
    with pytest.raises(NothingToDraw, match="gates"):
        draw("effects", evidence("gated"))


def test_contenders_are_compared_by_what_the_first_claim_measures():
    drawing = draw("metric_by_level", evidence("claimed", lifted))
    row = cell(drawing.table, dataset="digits", optimizer="adam", depth=1)
    assert row["mean"] == pytest.approx(0.7 + 0.015)
    assert row["n"] == 4
    left = drawing.figure.axes[0]
    assert [text.get_text() for text in left.get_yticklabels()] == ["SGD", "momentum", "Adam"]


def test_ranks_agree_with_the_bootstrap_on_the_same_scores():
    table = draw("ranks", evidence("claimed", lifted)).table.set_index("level")
    assert table["rank"].to_dict() == {"adam": 1.0, "momentum": 2.0, "sgd": 3.0}
    assert table.loc["adam", "beats_sgd"] == 1
    assert table.loc["sgd", "beats_adam"] == 0
    assert table.loc["sgd", "beats_sgd"] == pytest.approx(0.5)
    assert set(table["n"]) == {8}
    scores = [np.array([[0.0, 1.0, 2.0]] * 4)] * 2
    assert mean_ranks(scores, np.random.default_rng(0)).value.tolist() == [3, 2, 1]


def test_two_contenders_have_no_ranks():
    with pytest.raises(NothingToDraw, match="three"):
        draw("ranks", evidence("claimed", vary={"optimizer": ["sgd", "adam"]}))
