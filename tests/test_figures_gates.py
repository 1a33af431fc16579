"""The figure of gates against numbers worked out by hand."""

import pytest

from tests.drawings import draw, evidence, fail_one


def scored(row):
    """On digits 0.5 twice and 0.75 twice with one layer, and 0.9 with two."""
    if row["dataset"] != "digits":
        return {}
    return {"test_accuracy": 0.9 if row["depth"] == 2 else 0.5 + 0.25 * (row["split"] % 2)}


def rows_of(claim, change=scored):
    table = draw("gates", evidence("gated", change)).table
    return table[(table["claim"] == claim) & (table["dataset"] == "digits")]


def test_equal_values_are_one_row_with_their_number():
    assert rows_of("shallow")[["value", "n"]].to_numpy().tolist() == [[0.5, 2], [0.75, 2]]
    assert rows_of("deep")[["value", "n"]].to_numpy().tolist() == [[0.9, 4]]
    assert rows_of("all")["n"].sum() == 8


@pytest.mark.parametrize(
    ("claim", "statistic", "holds"),
    [("deep", 0.9, True), ("shallow", 0.75, False), ("all", 0.5, False)],
)
def test_a_gates_statistic_stands_beside_its_band(claim, statistic, holds):
    rows = rows_of(claim)
    assert rows["statistic"].unique() == pytest.approx([statistic])
    assert rows["holds"].unique().tolist() == [holds]


def test_the_axis_shows_the_bands_and_words_say_what_holds():
    drawing = draw("gates", evidence("gated", scored))
    low, high = drawing.figure.axes[0].get_xlim()
    assert low < 0.2
    assert high > 1
    assert "2 hidden layers: mean 0.9, inside 0.5 to 1" in drawing.alt
    assert "1 hidden layer: best 0.75, outside at most 0.2" in drawing.alt


def test_failures_are_counted_in_the_caption():
    caption = draw("gates", evidence("gated", fail_one)).caption
    assert "diverged or died and count as chance" in caption
