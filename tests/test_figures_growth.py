"""Figures of cost, data and time, against numbers worked out by hand."""

import numpy as np
import pytest

from tests.drawings import EPOCHS, SPLITS, cell, draw, evidence


def costly(row):
    """Seconds as the square root of the width and the 0.8th power of samples; FLOPs as both."""
    width, samples = int(row["width"]), int(row["samples"])
    return {"seconds": 0.1 * width**0.5 * samples**0.8, "flops": 10.0 * width * samples}


def test_fitted_exponents_are_those_that_made_the_seconds():
    table = draw("cost_growth", evidence("capacity", costly)).table.set_index("against")
    assert set(table.index) == {"by units per layer", "by training samples"}
    width, samples = table.loc["by units per layer"], table.loc["by training samples"]
    assert width["seconds_exponent"].to_numpy() == pytest.approx(0.5)
    assert samples["seconds_exponent"].to_numpy() == pytest.approx(0.8)
    assert table["flops_exponent"].to_numpy() == pytest.approx(1)
    # Over the other factor's levels, in logarithms.
    expected = 0.1 * 8**0.5 * (100 * 200) ** 0.4
    assert width[width["level"] == 8]["seconds"].iloc[0] == pytest.approx(expected)


def test_throughput_is_rows_and_epochs_over_seconds():
    table = draw("throughput", evidence("speeds", lambda _: {"samples": 500})).table
    assert table["mean"].to_numpy() == pytest.approx(500 * 4 / 2.0)
    assert set(table["together"]) == {1, 16}


def test_seconds_include_models_without_flops():
    given = evidence("budgets", lambda row: {"flops": np.nan} if row["depth"] == 1 else {})
    assert set(draw("accuracy_against_cost", given).table["depth"]) == {2}
    table = draw("accuracy_against_seconds", given).table
    assert set(table["depth"]) == {1, 2}
    assert table["seconds"].to_numpy() == pytest.approx(2.0)


def test_scores_and_their_intervals_are_drawn_up_to_1():
    given = evidence("budgets", lambda row: {"test_accuracy": 0.999 - 0.3 * (row["split"] == 0)})
    axes = draw("accuracy_against_cost", given).figure.axes[0]
    assert axes.get_ylim()[1] <= 1.02
    tops = [path.vertices[:, 1].max() for bars in axes.collections for path in bars.get_paths()]
    assert max(tops) == pytest.approx(1)


def test_the_map_of_the_gap_has_its_means():
    given = evidence("capacity", lambda row: {"generalization_gap": row["width"] / row["samples"]})
    drawing = draw("gap_map", given)
    assert cell(drawing.table, dataset="digits", width=8, samples=200)["mean"] == 0.04
    texts = {text.get_text() for text in drawing.figure.axes[0].texts}
    assert texts == {"+0.08", "+0.04", "+0.32", "+0.16"}


def law(row):
    """Errors 0.05 + 3/√n at width 8 and 0.2 + 1/√n at width 32: they cross at (2/0.15)²."""
    floor, scale = (0.05, 3.0) if row["width"] == 8 else (0.2, 1.0)
    score = 1 - floor - scale * int(row["samples"]) ** -0.5
    return {"test_accuracy": score, "test_r2": score}


def test_a_learning_curves_power_law_and_crossing_are_those_that_made_it():
    samples = ["50", "100", "200", "400", "800"]
    table = draw("learning_curves", evidence("capacity", law, vary={"samples": samples})).table
    narrow = cell(table, dataset="digits", width=8, samples=50)
    assert [narrow["floor"], narrow["scale"], narrow["exponent"]] == pytest.approx(
        [0.05, 3.0, 0.5], rel=1e-3
    )
    # Between measured numbers errors are straight in the logarithm: near the laws' own crossing.
    assert narrow["overtakes_at"] == pytest.approx((2 / 0.15) ** 2, rel=0.05)
    assert narrow["mean"] == pytest.approx(0.05 + 3 / 50**0.5)
    assert table.loc[table["width"] == 32, "overtakes_at"].isna().all()


def test_three_numbers_of_samples_give_a_line_in_logarithms():
    def straight(row):
        return {"test_accuracy": 1 - 2.0 * int(row["samples"]) ** -0.4}

    given = evidence("capacity", straight, vary={"samples": ["100", "200", "400"]})
    row = cell(draw("learning_curves", given).table, dataset="digits", width=8, samples=100)
    assert [row["floor"], row["scale"], row["exponent"]] == pytest.approx([0, 2.0, 0.4])
    assert np.isnan(row["exponent_low"])


def test_an_error_of_zero_is_drawn_and_said():
    drawing = draw("learning_curves", evidence("capacity", lambda _: {"test_accuracy": 1.0}))
    assert "Errors of 0" in drawing.caption
    assert (drawing.table.query("dataset == 'digits'")["mean"] == 0).all()


def test_steps_count_networks_as_they_come_to_the_target_and_misses_stay_below():
    # Validation curves are 0.1 + 0.2·epoch, the target 0.95 of the final 0.9: epoch 3.775.
    steps = draw("epochs_to_target").table.query("dataset == 'digits' & optimizer == 'adam'")
    steps = steps[steps["depth"] == 1] if "depth" in steps else steps
    assert steps["share"].to_list() == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    logs = np.interp(0.855, [0.5, 0.9], np.log([2, 4]))
    assert steps["epoch"].iloc[1] == pytest.approx(np.exp(logs))
    assert steps["missed"].to_list() == [0] * 6


def test_accuracies_over_training_are_the_histories_means():
    table = draw("accuracy_over_training").table.query("dataset == 'digits'")
    rows = table[(table["part"] == "training") & (table["regularizer"] == "none")]
    assert rows["epoch"].to_list() == list(EPOCHS)
    assert rows["mean"].to_list() == pytest.approx([0.1 + 0.22 * epoch for epoch in EPOCHS])
    assert set(rows["n"]) == {SPLITS}


def test_the_error_on_the_sawtooth_stands_over_the_bound_of_one_layer():
    right = {(1, 4): 9 / 16, (4, 4): 13 / 16}
    given = evidence(
        "teeth",
        lambda row: {"test_accuracy": right.get((row["depth"], row["width"]), 0.5)},
    )
    drawing = draw("error_by_width", given)
    sixteen = drawing.table[drawing.table["dataset"] == "sawtooth"]
    # (16 − 4 − 2)/32 and (16 − 8 − 2)/32, whatever the depth; 7 and 3 of 16 points were wrong.
    bound = sixteen.set_index(["depth", "width"])["bound"]
    assert bound.to_dict() == {(1, 4): 10 / 32, (1, 8): 6 / 32, (4, 4): 10 / 32, (4, 8): 6 / 32}
    assert cell(sixteen, depth=1, width=4)["best"] == pytest.approx(7 / 16)
    assert cell(sixteen, depth=4, width=4)["best"] == pytest.approx(3 / 16)
