"""Figures: what every one of them has to keep to."""

import dataclasses
import itertools
import zlib

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from suite.figures.catalogue import FIGURES
from suite.figures.drawing import NothingToDraw, render
from tests import drawings
from tests.drawings import DRAWN, HOLD, PICTURED, TUNED, draw, drawn, evidence, fail_one


def test_every_figure_has_a_design_here():
    assert set(DRAWN) == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_it_shows(name):
    drawing = drawn(name)
    assert len(drawing.table)
    assert "n = " in drawing.caption
    assert len(drawing.alt) > 60
    for text in (drawing.caption, drawing.alt):
        assert text.endswith(".")
        assert "nan" not in text
        assert "_" not in text


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_stands_on_another(name, monkeypatch):
    boxes = []
    original = Text.draw

    def record(text, renderer):
        original(text, renderer)
        if text.get_visible() and text.get_text():
            boxes.append((text.get_text(), text.get_window_extent(renderer)))

    monkeypatch.setattr(Text, "draw", record)
    figure = drawn(name).figure
    FigureCanvasAgg(figure).draw()
    assert len(boxes) > 10
    for text, box in boxes:
        assert figure.bbox.padded(1).containsx(box.x0), text
        assert figure.bbox.padded(1).containsx(box.x1), text
        assert figure.bbox.padded(1).containsy(box.y0), text
        assert figure.bbox.padded(1).containsy(box.y1), text
    for (text, box), (other, beside) in itertools.combinations(boxes, 2):
        overlap = box.intersection(box, beside)
        assert overlap is None or min(overlap.width, overlap.height) < 2, (text, other)


# One figure of each module; each is drawn twice, from evidence built twice.
@pytest.mark.parametrize("name", {entry.module: name for name, entry in FIGURES.items()}.values())
def test_the_same_evidence_gives_the_same_bytes_and_leaves_nothing_behind(name):
    before = dict(mpl.rcParams)
    first, second = render(draw(name)), render(draw(name))
    assert first == second
    assert first.png.startswith(b"\x89PNG")
    assert b"<svg" in first.svg
    assert b"date" not in first.svg.lower()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_trained_is_nothing_to_draw(name):
    with pytest.raises(NothingToDraw, match="trained"):
        draw(name, evidence(DRAWN[name], lambda _: {"outcome": None}))


# A point of `budget_curves` is of searches, which are there with fewer candidates; ranks are of
# splits on which all contenders met.
@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"budget_curves", "ranks"}))
def test_networks_that_are_missing_are_skipped_and_the_rest_is_drawn(name):
    def half(row):
        return {"outcome": None} if zlib.crc32(row["trial_id"].encode()) % 2 else {}

    given = evidence(DRAWN[name], half)
    assert draw(name, given).table["n"].sum() < drawn(name).table["n"].sum()


# What draws any experiment with two contenders.
ANYTHING = {"accuracy_against_cost", "accuracy_against_seconds", "metric_by_level"}


@pytest.mark.parametrize("name", sorted(set(FIGURES) - ANYTHING))
def test_an_experiment_without_the_factors_or_probes_is_told_so(name):
    other = "gradients" if DRAWN[name] in ("claimed", "regularizers", "gated") else "regularizers"
    given = evidence(other)
    bare = given.histories.head(0)
    with pytest.raises(NothingToDraw):
        draw(name, dataclasses.replace(given, histories=bare))


# Factors beyond the channels, a linear model, a single split and data set, half of it missing.
ODD = {
    "activation": ["mine", "relu"],
    "depth": ["0", "1", "2", "4"],
    "label_noise": ["0", "0.15"],
    "samples": ["100", "null"],
    "parameters": ["2000"],
}
# What needs factors or a claim that the odd design has not.
NARROW = {"gap_by_width", "gap_by_regularizer", "gates", "effects", "ranks", "throughput", *TUNED}
NARROW |= {"trainable_depth_map", "error_by_width", *PICTURED}
# Tables without an interval.
PLAIN = {"delta_by_layer", "gradient_by_layer", "gradient_over_training", "gradient_ridges"}
PLAIN |= {"gradient_errors", "epochs_to_target", "measured_against_theory"}
# Points of more than one network.
MANY = {"gradient_ridges", "gradient_errors", "cost_growth", "measured_against_theory"}


@pytest.mark.parametrize("name", sorted(set(FIGURES) - NARROW))
def test_odd_designs_are_drawn(name, monkeypatch):
    monkeypatch.setattr(drawings, "SPLITS", 1)
    monkeypatch.setitem(HOLD, "dataset", ["digits"])
    given = evidence("budgets", lambda row: fail_one(row) if row["depth"] == 2 else {}, vary=ODD)
    given.trials.loc[::2, "outcome"] = None
    table = draw(name, given).table
    assert set(table["n"]) == {1} or name in MANY
    if name not in PLAIN:
        assert table[["low", "high"]].isna().all(axis=None)


def test_entries_name_probes_that_experiments_can_record():
    from suite.training.probes import PROBES

    assert {probe for entry in FIGURES.values() for probe in entry.probes} <= set(PROBES)
