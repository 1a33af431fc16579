"""Figures of pictures: the very numbers that probes stored, each at its place."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from suite.figures import filters
from suite.figures.drawing import csv
from suite.pictures import BINS, GRID, REACH, STEPS, WEIGHT_PLACES
from tests.drawings import EPOCHS, SPLITS, draw, evidence

CHOSEN = {"dataset": "circles", "activation": "relu", "initializer": "he"}


@pytest.fixture(scope="module")
def given():
    return evidence("pictured", vary={"depth": ["2"]})


def stored(given, metric, epoch=EPOCHS[-1], **levels):
    """Values by place and split, of the networks at these levels.  # (split, place)."""
    trials = given.trials
    for factor, level in levels.items():
        trials = trials[trials[factor] == level]
    rows = given.histories.query("metric == @metric & epoch == @epoch")
    rows = rows[rows["trial_id"].isin(trials["trial_id"])]
    rows = rows.drop(columns="split").merge(trials[["trial_id", "split"]], on="trial_id")
    return rows.pivot(index="split", columns="layer", values="value").to_numpy()


def chosen(table, **levels):
    for factor, level in levels.items():
        table = table[table[factor] == level]
    return table


def test_a_boundary_is_the_surface_of_the_first_split(given) -> None:
    table = chosen(draw("decision_boundaries", given).table, **CHOSEN)
    assert len(table) == GRID**2
    expected = stored(given, "decision_surface", **CHOSEN)[0].reshape(GRID, GRID)
    grid = table.pivot(index="second_input", columns="first_input", values="value")
    assert np.array_equal(grid.to_numpy(), expected)
    assert grid.index.to_numpy() == pytest.approx(np.linspace(-REACH, REACH, GRID), abs=1e-6)
    trials = chosen(given.trials, **CHOSEN)
    assert table["mean_score"].unique() == pytest.approx([trials["test_accuracy"].mean()])
    assert table["n"].unique().tolist() == [SPLITS]


def test_a_missing_first_split_is_replaced_by_the_next(given) -> None:
    later = evidence(
        "pictured",
        lambda row: {"outcome": None} if row["split"] == 0 else {},
        vary={"depth": ["2"]},
    )
    table = chosen(draw("decision_boundaries", later).table, **CHOSEN)
    expected = stored(given, "decision_surface", **CHOSEN)[1]
    assert sorted(table["value"]) == sorted(expected)


@pytest.mark.parametrize("when", ["untrained", "trained"])
def test_activation_histograms_are_means_of_shares(given, when) -> None:
    table = chosen(draw("activation_histograms", given).table, when=when, activation="relu",
                   initializer="he")  # fmt: skip
    levels = {"activation": "relu", "initializer": "he"}
    epoch = 0 if when == "untrained" else EPOCHS[-1]
    both = [stored(given, "activation_histogram", epoch, dataset=d, **levels)
            for d in ("spirals", "circles")]  # fmt: skip
    expected = np.concatenate(both).mean(axis=0)
    assert table["share"].to_numpy() == pytest.approx(expected)
    assert table["layer"].tolist() == [1] * BINS + [2] * BINS
    assert table["n"].unique().tolist() == [2 * SPLITS]
    edges = np.linspace(-1, 4, BINS + 1)
    assert table["low"].to_numpy() == pytest.approx(np.tile(edges[:-1], 2))
    assert table["high"].to_numpy() == pytest.approx(np.tile(edges[1:], 2))


def test_of_many_layers_eight_are_drawn_both_ends_included() -> None:
    table = draw("activation_histograms", evidence("pictured", vary={"depth": ["30"]})).table
    layers = sorted(table["layer"].unique())
    assert (len(layers), layers[0], layers[-1]) == (8, 1, 30)


def test_weight_histograms_keep_zeros_apart(given) -> None:
    levels = {"activation": "relu", "initializer": "he"}
    drawing = draw("weight_histograms", given)
    table = chosen(drawing.table, **levels)
    both = [stored(given, "weight_histogram", dataset=d, **levels) for d in ("spirals", "circles")]
    expected = np.concatenate(both).mean(axis=0).reshape(3, WEIGHT_PLACES)
    assert table["share"].to_numpy() == pytest.approx(expected[:, :BINS].ravel())
    zeros = table.groupby("layer")["zero"].first().to_numpy()
    assert zeros == pytest.approx(expected[:, BINS])
    texts = {text.get_text() for axes in drawing.figure.axes for text in axes.texts}
    assert {f"{100 * zero:.0f} % zero" for zero in zeros} <= texts


def test_a_ridge_rises_with_the_root_of_the_share(given) -> None:
    drawing = draw("weight_histograms", given)
    axes = drawing.figure.axes[0]
    ridge = next(c for c in axes.collections if isinstance(c, FillBetweenPolyCollection))
    heights = ridge.get_paths()[0].vertices[:, 1]
    table = drawing.table
    panel = table[(table["layer"] == 1)].groupby(["activation", "initializer"])["share"]
    assert heights.max() == pytest.approx(0.86)
    ratios = [np.sqrt(share.min() / share.max()) for _, share in panel]
    assert min(abs(heights[heights > 0].min() / 0.86 - ratio) for ratio in ratios) < 1e-9


def test_filters_are_the_weights_of_the_first_split(given) -> None:
    table = chosen(draw("first_layer_filters", given).table, **CHOSEN)
    assert np.array_equal(table["value"], stored(given, "first_layer_filter", **CHOSEN)[0])
    assert table["unit"].tolist() == [unit for unit in range(1, 9) for _ in range(2)]
    assert table["input"].tolist() == [1, 2] * 8


@pytest.mark.parametrize(
    ("dataset", "network", "shape", "at"),
    [
        # Of features, channel after channel; of kernels, tap after tap with all its channels.
        ("words", "dense", (61, 14), lambda c, x: c * 14 + x),
        ("words", "convolutional", (61, 3), lambda c, x: x * 61 + c),
        ("mnist5k", "dense", (1, 28, 28), None),
        ("digits", "residual_convolutional", (1, 3, 3), None),
        ("wine", "dense", (1, 13), None),
    ],
)
def test_a_filter_has_the_shape_of_what_it_looks_at(dataset, network, shape, at) -> None:
    size = int(np.prod(shape))
    rows = pd.DataFrame({"dataset": dataset, "network": network, "kernel_size": 3,
                         "value": np.arange(size)})  # fmt: skip
    found = filters._filter(rows)
    assert found.shape == shape
    if at is None:
        assert found.ravel().tolist() == list(range(size))
    else:
        assert found[5, 2] == at(5, 2)


def test_slices_average_in_the_logarithm(given) -> None:
    table = chosen(draw("loss_slices", given).table, **CHOSEN)
    expected = np.exp(np.log(stored(given, "loss_slice", **CHOSEN)).mean(axis=0))
    assert table["mean"].to_numpy() == pytest.approx(expected)
    assert table["step"].to_numpy() == pytest.approx(np.linspace(-1, 1, STEPS))
    assert (table["low"] < table["mean"]).all()


def test_the_csv_has_the_numbers_that_were_stored(given) -> None:
    content = csv(draw("first_layer_filters", given))
    table = chosen(pd.read_csv(io.BytesIO(content)), **CHOSEN)
    expected = stored(given, "first_layer_filter", **CHOSEN)[0]
    assert table["value"].to_numpy() == pytest.approx(expected, rel=1e-9)
