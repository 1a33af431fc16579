"""Rows of theory beside measurement, against closed forms worked out by hand."""

import numpy as np
import pytest

from suite.predictions import simulated_rows, theory_csv, theory_rows, theory_summary
from tests.drawings import SPLITS, draw, evidence


def rows_of(given, curve):
    return [row for row in theory_rows([given]) if row.curve.startswith(curve)]


def test_relus_gradients_are_held_to_a_power_of_half_the_weights_variance():
    # Measured are 1/l at layers 1 to 4: squares fall by 16 over three layers.
    found = [row for row in rows_of(evidence("gradients"), "gradient") if "relu" in row.recipe]
    deep = {row.recipe: row for row in found if "4 layers" in row.recipe}
    assert set(deep) == {"relu, he, 4 layers of 64", "relu, xavier, 4 layers of 64"}
    for row, factor in zip(sorted(deep.values(), key=lambda r: r.recipe), (1.0, 0.5), strict=True):
        assert row.measured == pytest.approx(np.log10(16) / 3)
        assert row.predicted == pytest.approx(np.log10(factor), abs=1e-9)
        assert row.deviation == pytest.approx(row.measured - row.predicted)
        assert row.scatter == pytest.approx(0, abs=1e-9)
        assert row.n == 2 * SPLITS


def test_networks_that_theory_does_not_speak_of_have_no_row():
    assert rows_of(evidence("gradients", lambda _: {"network": "residual"}), "gradient") == []
    assert theory_rows([evidence("gradients", lambda _: {"outcome": None})]) == []


def test_the_cost_of_networks_trained_alone_is_held_to_their_flops():
    def costly(row):
        width, samples = int(row["width"]), int(row["samples"])
        own = 3.0 if row["dataset"] == "digits" else 1.0
        return {
            **{"together": 1, "seconds": own * width**0.5 * samples**0.8},
            "flops": 10.0 * own * width**2 * samples,
        }

    width, samples = rows_of(evidence("capacity", costly), "exponent")
    assert [width.measured, width.predicted] == pytest.approx([0.5, 2])
    assert [samples.measured, samples.predicted] == pytest.approx([0.8, 1])
    assert samples.deviation == pytest.approx(-0.2)
    assert width.scatter is None


def test_the_sawtooths_bound_is_under_the_best_network(monkeypatch):
    from tests import drawings

    monkeypatch.setitem(drawings.HOLD, "dataset", ["sawtooth(points=16)"])
    given = evidence(
        "budgets",
        lambda row: {"activation": "relu", "width": 4, "test_accuracy": 0.5 + row["split"] / 16},
    )
    (row,) = rows_of(given, "least error")
    # Ten of sixteen at most: (16 − 4 − 2)/32.
    assert row.predicted == pytest.approx(0.3125)
    assert row.measured == pytest.approx(0.5 - 3 / 16)
    assert row.deviation == pytest.approx(0)
    assert row.n == 2 * SPLITS


def test_a_summary_names_the_recipe_that_deviates_most():
    rows = theory_rows([evidence("gradients")])
    summary = next(s for s in theory_summary(rows) if s.curve.startswith("gradient"))
    own = [row for row in rows if row.curve == summary.curve]
    assert summary.recipes == len(own)
    assert summary.n == sum(row.n for row in own)
    assert abs(summary.largest) == max(abs(row.deviation) for row in own)
    assert summary.where in {row.recipe for row in own if row.deviation == summary.largest}


def test_the_csv_has_every_row_and_leaves_what_is_missing_empty():
    rows = theory_rows([evidence("gradients")])
    header, *lines = theory_csv(rows).decode().splitlines()
    assert header == "experiment,curve,recipe,measured,predicted,deviation,scatter,n"
    assert len(lines) == len(rows)
    assert theory_csv([]).decode().splitlines() == [header]


def test_no_theory_is_drawn_without_its_number():
    """What the figure of deltas draws as a line has a row of its own."""
    table = draw("delta_by_layer").table.dropna(subset=["mean_field"])
    recipes = {row.recipe for row in rows_of(evidence("gradients"), "gradient")}
    for activation, initializer in table[["activation", "initializer"]].drop_duplicates().values:
        assert f"{activation}, {initializer}, 4 layers of 64" in recipes


def test_simulations_agree_with_their_closed_forms():
    rows = simulated_rows()
    assert len({row.curve for row in rows}) == 5
    for row in rows:
        # Four standard errors of the draws' mean, and a few hundredths for a finite width.
        error = 0.0 if row.scatter is None else row.scatter / row.n**0.5
        assert abs(row.deviation) <= 4 * error + 0.02 * ("cosine" in row.curve) + 1e-12, row
    risks = [row.predicted for row in rows if row.curve.startswith("excess risk")]
    assert risks == pytest.approx([0.0633, 0.2551, 0.7525, 0.8627], abs=1e-4)
    assert simulated_rows() == rows
