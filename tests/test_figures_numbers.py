"""Figures: what they draw against numbers worked out by hand."""

import zlib

import numpy as np
import pytest
from matplotlib.text import Text
from scipy import stats

from suite.data.cards import CARDS
from suite.figures.drawing import NothingToDraw
from suite.trial import Trial
from tests.drawings import SPLITS, cell, draw, evidence, fail_one


@pytest.mark.parametrize("name", ["accuracy_by_depth", "delta_by_layer"])
def test_no_clipping_is_a_level_like_others(name):
    levels = draw(name, evidence("clips")).table["gradient_clip"].unique().tolist()
    assert sorted(levels, key=str) == [0.5, 2, "none"]


def test_means_have_students_interval_over_splits():
    given = evidence("gradients")
    row = cell(
        draw("accuracy_by_depth", given).table,
        dataset="digits", activation="relu", initializer="he", depth=2,
    )  # fmt: skip
    trials = given.trials.query("dataset == 'digits' & activation == 'relu' & depth == 2")
    scores = trials.query("initializer == 'he'")["test_accuracy"]
    low, high = stats.t.interval(0.95, SPLITS - 1, scores.mean(), stats.sem(scores))
    assert row["n"] == SPLITS
    assert [row["mean"], row["low"], row["high"]] == pytest.approx([scores.mean(), low, high])


def test_regression_is_scored_by_r2():
    given = evidence("budgets")
    row = cell(draw("depth_width_map", given).table, dataset="diabetes", depth=1, parameters=2000)
    trials = given.trials.query("dataset == 'diabetes' & depth == 1 & parameters == 2000")
    assert row["mean"] == pytest.approx(trials["test_r2"].mean())


def test_failures_count_as_chance_and_are_marked():
    given = evidence("gradients", fail_one)
    drawing = draw("accuracy_by_depth", given)
    row = cell(drawing.table, dataset="digits", activation="relu", initializer="he", depth=2)
    trials = given.trials.query("dataset == 'digits' & activation == 'relu' & depth == 2")
    scores = trials.query("initializer == 'he'")["test_accuracy"].fillna(1 / 10)
    assert row["mean"] == pytest.approx(scores.mean())
    assert row["failed"] == 1
    assert f"{16} of {64} networks diverged or died and count as chance" in drawing.caption
    crosses = [line for line in drawing.figure.axes[0].lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == 4


def test_splits_of_one_test_fold_are_one_unit():
    given = evidence("gradients", lambda row: {"split": row["split"] % 2 * 10 + row["split"] // 2})
    table = draw("accuracy_by_depth", given).table
    assert table["n"].unique().tolist() == [SPLITS]
    # Splits 0, 10 and 1, 11 of ten folds: two units, too few for an interval.
    assert table["low"].isna().all()


@pytest.mark.parametrize("initializer", ["xavier", "he"])
def test_the_mean_field_line_of_relu_is_a_power_law_through_the_last_layer(initializer):
    drawing = draw("delta_by_layer")
    table = drawing.table.query("dataset == 'digits' & activation == 'relu'")
    table = table[table["initializer"] == initializer].set_index("layer")
    # χ = σ²/2 for squares: the root of it per layer, whatever the signal.
    step = {"xavier": 0.5**0.5, "he": 1.0}[initializer]
    expected = [table["mean"][4] * step ** (4 - layer) for layer in range(1, 5)]
    assert table["mean_field"].to_list() == pytest.approx(expected)
    assert table["mean"].to_list() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])


@pytest.mark.parametrize(
    ("factor", "beyond"), [("activation", "mine"), ("initializer", "constant")]
)
def test_what_theory_does_not_know_has_points_but_no_line(factor, beyond):
    known = getattr(Trial(dataset="digits"), factor)
    given = evidence("gradients", vary={factor: [beyond, known]})
    table = draw("delta_by_layer", given).table.set_index(factor)
    assert table.loc[beyond, "mean_field"].isna().all()
    assert table.loc[known, "mean_field"].notna().all()


@pytest.mark.parametrize(
    "change", [{"network": "residual"}, {"regularizers": "dropout=0.1,layer_norm=1.0"}]
)
def test_networks_that_theory_does_not_speak_of_have_no_line(change):
    table = draw("delta_by_layer", evidence("gradients", lambda _: change)).table
    assert table["mean"].notna().all()
    assert table["mean_field"].isna().all()


def test_only_the_deepest_networks_are_drawn_layer_by_layer():
    table = draw("gradient_by_layer").table
    assert sorted(table["layer"].unique()) == [1, 2, 3, 4, 5]


def test_a_gradient_of_zero_is_left_out_and_said():
    drawing = draw("gradient_by_layer", evidence("gradients", probe=lambda _, layer: layer - 1.0))
    assert sorted(drawing.table["layer"].unique()) == [2, 3, 4, 5]
    assert "exactly 0" in drawing.caption
    with pytest.raises(NothingToDraw, match="zero"):
        draw("gradient_by_layer", evidence("gradients", probe=lambda *_: 0.0))


def test_a_dead_network_is_among_gradients_before_training():
    given = evidence("gradients", lambda _: {"outcome": "dead", "test_accuracy": np.nan})
    assert draw("delta_by_layer", given).table["n"].unique().tolist() == [SPLITS]


def test_curves_average_in_the_logarithm_and_find_the_best_epoch():
    table = draw("training_curves").table.query("dataset == 'digits' & regularizer == 'none'")
    validation = table[table["part"] == "validation"].set_index("epoch")
    expected = [2.0, 1.3, 2 / 3 + 0.6, 0.4 + 1.2]
    assert validation["mean"].to_list() == pytest.approx(expected)
    assert validation.index[validation["best"]].to_list() == [2]


def test_the_pareto_front_is_what_nothing_cheaper_beats():
    def spread(row):
        rng = np.random.default_rng(zlib.crc32(f"{row['depth']}{row['parameters']}".encode()))
        return {"flops": rng.uniform(1e6, 1e9), "test_accuracy": rng.uniform(0.5, 1)}

    table = draw("accuracy_against_cost", evidence("budgets", spread)).table
    points = table[table["dataset"] == "digits"]
    for point in points.to_dict("records"):
        cheaper = points[points["flops"] < point["flops"]]["mean"]
        assert point["front"] == bool((cheaper < point["mean"]).all())


def test_a_factor_with_no_room_is_shown_at_one_level_and_the_caption_says_which():
    drawing = draw("training_curves", evidence("capacity"))
    assert "Shown: 100 training samples." in drawing.caption
    assert drawing.table["n"].unique().tolist() == [SPLITS]


def test_all_training_samples_are_drawn_at_their_number():
    given = evidence("capacity", lambda row: {"samples": None} if row["samples"] == 200 else {})
    samples = draw("gap_by_samples", given).table.groupby("dataset")["samples"].unique()
    assert sorted(samples["digits"]) == [100, CARDS["digits"].train_samples]


def test_all_samples_are_a_level_beside_numbers():
    given = evidence("capacity", vary={"samples": ["100", "null"]})
    table = draw("gap_by_width", given).table
    assert set(table["samples"]) == {100, "all"}
    texts = {text.get_text() for text in draw("gap_by_width", given).figure.findobj(Text)}
    assert {"100", "all"} <= texts
