"""Figures: axes, colours, names and files."""

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from suite.figures.catalogue import FIGURES
from suite.figures.drawing import csv
from suite.figures.grid import _across
from suite.figures.palette import COLOURS, RAMPS, colours
from suite.figures.theme import doubling_axis, plain
from suite.figures.words import brief_datasets, described, level_name, listed
from suite.reading import read_experiment
from tests.drawings import drawn

DIRECTORY = Path(__file__).parent.parent / "experiments"


@pytest.mark.parametrize(
    ("levels", "ticks"),
    [([1, 2, 4, 8], [1, 2, 4, 8]), ([100, 142, 4000], [142, 4000]), ([0, 1, 2, 4], [0, 1, 2, 4])],
)
def test_ticks_stand_apart_and_the_largest_is_kept(levels, ticks):
    axes = Figure().subplots()
    doubling_axis(axes, levels)
    assert sorted(axes.get_xticks()) == ticks


def test_the_csv_has_the_numbers_of_the_table():
    drawing = drawn("accuracy_by_depth")
    lines = csv(drawing).decode().splitlines()
    assert lines[0].split(",") == list(drawing.table.columns)
    assert len(lines) == len(drawing.table) + 1


def test_a_level_has_one_colour_whatever_stands_beside_it():
    assert colours("initializer", ["he", "zero"])["he"] == colours("initializer", ["he"])["he"]
    assert colours("depth", [2, 8])[8] == colours("depth", [1, 8, 16])[8]
    for factor, known in COLOURS.items():
        assert len(set(known.values())) == len(known), factor


def test_levels_without_a_colour_of_their_own_never_share_one():
    mixed = colours("initializer", ["he", "mine", "yours", "theirs", "xavier"])
    assert len(set(mixed.values())) == 5


@pytest.mark.parametrize("factor", [*RAMPS, "label_noise"])
def test_more_is_darker(factor):
    levels = [1, 100, 200, 2000]
    shades = [sum(mpl.colors.to_rgb(c)) for c in colours(factor, levels).values()]
    assert shades == sorted(shades, reverse=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.05, "0.05"),
        (3, "3"),
        (-0.5, "−0.5"),
        (1234, "1\u2009234"),
        (20000, "20\u2009000"),
        (1e6, "10⁶"),
        (5e8, "5·10⁸"),
        (1e-20, "10⁻²⁰"),
        (0.0002, "2·10⁻⁴"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, text):
    assert plain(value) == text


def test_names_are_words():
    assert level_name("regularizer", "l2_0.003") == "L2 0.003"
    assert level_name("label_noise", 0.15) == "15 %"
    assert level_name("samples", None) == "all"
    assert level_name("dataset", "mnist5k(side=14)") == "MNIST-5k (side 14)"
    assert level_name("dataset", "MNIST-5k (side 14)") == "MNIST-5k (side 14)"
    assert level_name("dataset", "vowels(noise=0.6,voices=men)") == "vowels (noise 0.6, voices men)"
    assert described("gradient_clip", None) == "gradient clipping none"
    assert described("depth", 1) == "1 hidden layer"
    assert listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize("path", sorted(DIRECTORY.rglob("*.yaml")), ids=lambda path: path.stem)
def test_an_experiment_shows_first_what_its_claims_compare(path):
    experiment = read_experiment(path)
    if experiment.claims:
        # Curves of training are a poor picture of a comparison.
        assert experiment.figures
        assert experiment.figures[0] != "training_curves"
    for name in experiment.figures:
        assert set(FIGURES[name].probes) <= set(experiment.probes), name


@pytest.mark.parametrize(
    ("names", "brief"),
    [
        (["digits", "mnist1d"], ["digits", "MNIST-1D"]),
        (["moons(noise=0.1)"], ["moons (noise 0.1)"]),
        (["a(x=1,y=2)", "b(x=1,z=3)"], ["a (y 2)", "b (z 3)"]),
        (["a", "a(x=1)"], ["a", "a (x 1)"]),
    ],
)
def test_data_sets_beside_each_other_are_named_by_what_they_do_not_share(names, brief):
    assert list(brief_datasets(names).values()) == brief


@pytest.mark.parametrize(
    ("names", "across"),
    [
        (["ab", "cd"], 2),
        ([], 0),
        (["a" * 30] * 4, 2),
        (["a" * 30] * 13, 3),
        (["abc"] * 8, 4),
        (["a" * 200] * 3, 1),
    ],
)
def test_a_legend_has_as_many_columns_as_fit(names, across):
    assert _across(names) == across
