"""Figures of what probes see, layer by layer, and the map of trainable depth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suite.figures.trainable import boundary
from tests.drawings import SPLITS, cell, draw, evidence

TANH = pd.Series({"activation": "tanh", "initializer": "lecun", "width": 64})


@pytest.mark.parametrize("gain", [0.5, 0.8, 0.95])
def test_below_the_edge_tanh_trains_as_deep_as_six_times_its_signals_fading(gain):
    # Without biases the signal dies and χ₁ = σ² at 0, where tanh's slope is 1.
    assert boundary(TANH, gain) == pytest.approx(6 / abs(np.log(gain**2)), rel=1e-4)


def test_at_the_edge_there_is_no_end_and_chaos_ends_sooner_the_larger_the_gain():
    assert boundary(TANH, 1.0) == np.inf
    depths = [boundary(TANH, gain) for gain in (1.1, 1.3, 1.6, 2.0)]
    assert depths == sorted(depths, reverse=True)


def test_a_relu_has_the_same_boundary_where_its_signal_grows_for_ever():
    relu = pd.Series({"activation": "relu", "initializer": "he", "width": 64})
    assert boundary(relu, 2.0) == pytest.approx(6 / np.log(4))
    assert boundary(relu, 0.5) == pytest.approx(6 / np.log(4))


def test_the_map_of_trainable_depth_has_accuracies_and_the_boundary():
    given = evidence("gains", lambda row: {"train_accuracy": 0.1 * row["depth"]})
    table = draw("trainable_depth_map", given).table
    row = cell(table, dataset="digits", gain=0.5, depth=4)
    assert row["mean"] == pytest.approx(0.4)
    # He's weights have twice the variance: 2 · 0.5² at tanh's slope of 1.
    assert row["trainable"] == pytest.approx(6 / np.log(2), rel=1e-4)


def test_a_linear_probes_accuracy_is_read_before_and_after_training():
    table = draw("probe_accuracy_by_layer").table
    row = {"dataset": "digits", "activation": "relu", "layer": 2, "probe": "classes"}
    after, before = (cell(table, when=when, **row) for when in ("trained", "untrained"))
    assert after["mean"] == pytest.approx(0.2 + 4 / 9)
    assert before["mean"] == pytest.approx(0.2)
    assert table["layer"].max() == 4


def test_latent_probes_are_told_apart_by_level():
    given = evidence("gradients")
    latent = given.histories[given.histories["metric"] == "linear_probe"]
    renamed = [latent.assign(metric=f"latent_probe_{level}") for level in (1, 2)]
    histories = pd.concat([given.histories[given.histories["metric"] != "linear_probe"], *renamed])
    table = draw("probe_accuracy_by_layer", replace(given, histories=histories)).table
    assert set(table["probe"]) == {"level 1", "level 2"}


def test_gradient_errors_are_counted_layer_by_layer():
    table = draw("gradient_errors").table
    depth = 1 + int(evidence("parts").trials["depth"].iloc[0])
    assert set(table["n"]) == {2 * SPLITS * 4 * depth}
    assert table["worst"].to_numpy() == pytest.approx(1e-7)


def test_a_ridges_area_is_one_and_its_peak_stands_at_the_norm():
    table = draw("gradient_ridges").table.query("activation == 'relu' & initializer == 'he'")
    for layer, ridge in table.groupby("layer"):
        area = np.trapezoid(ridge["density"], ridge["log10"])
        assert area == pytest.approx(1, abs=0.01)
        peak = ridge.loc[ridge["density"].idxmax(), "log10"]
        assert peak == pytest.approx(np.log10(1 / layer), abs=0.02)


def test_attributions_are_read_at_the_end():
    table = draw("attribution_by_depth").table
    assert table["mean"].to_numpy() == pytest.approx(0.75)
    assert set(table["depth"]) == {1, 4}
