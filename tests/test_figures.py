"""Figures: what they draw against numbers worked out by hand, and how they look."""

import dataclasses
import functools
import itertools
import zlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats

from suite.data.cards import CARDS
from suite.figures.catalogue import FIGURES
from suite.figures.drawing import NothingToDraw, csv, render
from suite.figures.palette import COLOURS, RAMPS, colours
from suite.figures.theme import doubling_axis, plain
from suite.figures.words import described, level_name, listed
from suite.reading import build_experiment
from suite.results import Evidence
from suite.schemas import METRICS as COLUMNS
from suite.trial import OPTIONAL, Trial
from tests.tuned import TUNE, climbing

SPLITS = 4
EPOCHS = (0, 1, 2, 4)
HOLD = {"dataset": ["digits", "diabetes"], "learning_rate": "0.1"}
REGULARIZERS = {"none": {}, "dropout_0.5": {"regularizers": {"dropout": "0.5"}}}
DESIGNS = {
    "gradients": {
        "activation": ["tanh", "relu"],
        "initializer": ["xavier", "he"],
        "depth": ["2", "4"],
    },
    "capacity": {"width": ["8", "32"], "samples": ["100", "200"]},
    "regularizers": {"regularizer": REGULARIZERS},
    "budgets": {"depth": ["1", "2"], "parameters": ["2000", "8000"]},
    "clips": {"depth": ["2", "4"], "gradient_clip": ["0.5", "null", "2"]},
    "tuned": {"depth": ["1", "2"]},
    "gated": {"depth": ["1", "2"]},
}
GATES = {
    "deep": {"better": {"depth": "2"}, "within": ["0.5", "1"]},
    "shallow": {"better": {"depth": "1"}, "statistic": "best", "at_most": "0.2"},
    "all": {"statistic": "worst", "at_least": "0.8"},
}
TUNED = ("optimization_history", "budget_curves", "parameter_importances", "rungs")
# Every figure, with a design that has what it draws.
DRAWN = {
    "delta_by_layer": "gradients",
    "gradient_by_layer": "gradients",
    "gradient_over_training": "gradients",
    "accuracy_by_depth": "gradients",
    "training_curves": "regularizers",
    "gap_by_width": "capacity",
    "gap_by_samples": "capacity",
    "gap_by_regularizer": "regularizers",
    "accuracy_by_depth_at_equal_parameters": "budgets",
    "accuracy_against_cost": "budgets",
    "accuracy_by_samples": "capacity",
    "gates": "gated",
    "depth_width_map": "budgets",
} | dict.fromkeys(TUNED, "tuned")
RECIPE = {
    name: getattr(Trial(dataset="digits"), name)
    for name in (
        "network",
        "depth",
        "width",
        "activation",
        "initializer",
        "gain",
        "loss",
        *OPTIONAL,
    )
} | {"regularizers": "none"}


def experiment(design, vary):
    content = {"question": "Why?", "vary": DESIGNS[design] | vary, "hold": HOLD}
    if design == "gated":
        gate = {"says": "So it is.", "kind": "gate", "metric": "test_accuracy"}
        content |= {"claims": {name: gate | own for name, own in GATES.items()}}
    if design == "tuned":
        content |= {"tune": TUNE, "hold": {"dataset": HOLD["dataset"], "epochs": "9"}}
    return build_experiment(design, content | {"profiles": {"standard": {"seeds": str(SPLITS)}}})


def evidence(design, change=lambda _: {}, probe=lambda _, layer: 1.0 / layer, vary=None):
    """One network for each contender, data set and split; `change` gives columns to overwrite."""
    tested = experiment(design, vary or {})
    rows, histories = [], []
    grid = itertools.product(
        tested.at("standard").contenders(), tested.at("standard").datasets, range(SPLITS)
    )
    for contender, dataset, split in grid:
        row = network(contender, dataset, split)
        row |= change(row)
        rows.append(row)
        histories += [] if row["outcome"] is None else history(row, probe)
    names = ["trial_id", "epoch", "split", "metric", "layer", "value"]
    return Evidence(
        experiment=tested,
        profile="standard",
        registered_hash="r",
        code_hash="c",
        trials=pd.DataFrame(rows),
        tuning=pd.DataFrame(climbing(tested, change=change) if tested.tune else None),
        histories=pd.DataFrame(histories, columns=names),
        complete=True,
    )


def network(contender, dataset, split):
    row = {**RECIPE, **dict.fromkeys(COLUMNS, np.nan), **contender}
    row |= {"dataset": dataset, "split": split, "outcome": "completed", "flops": 1e6}
    row["trial_id"] = repr((sorted(contender.items(), key=str), dataset, split))
    noise = np.random.default_rng(zlib.crc32(row["trial_id"].encode())).uniform(0, 0.05)
    if CARDS[dataset].task == "classification":
        row |= {"train_accuracy": 0.99, "test_accuracy": 0.9 - noise}
    else:
        row |= {"train_r2": 0.6, "test_r2": 0.5 - noise}
    losses = {"train_loss": 0.1, "validation_loss": 0.2, "test_loss": 0.2 + noise}
    return row | losses | {"generalization_gap": 0.09 + noise}


def history(row, probe):
    rows = [
        (row["trial_id"], epoch, part, "loss", -1, 2.0 / (1 + epoch) + slope * epoch)
        for epoch in EPOCHS
        for part, slope in (("train", 0.0), ("validation", 0.3))
    ]
    for epoch, layer in itertools.product(EPOCHS, range(1, int(row["depth"]) + 2)):
        value = probe(row, layer)
        rows.append((row["trial_id"], epoch, "train", "delta_norm", layer, value))
        rows.append((row["trial_id"], epoch, "train", "gradient_norm", layer, value))
        rows.append((row["trial_id"], epoch, "train", "signal", layer, 1.0))
    return rows


def draw(name, given=None):
    return FIGURES[name].draw(given or evidence(DRAWN[name]))


@functools.cache
def drawn(name):
    return draw(name)


def cell(table, **levels):
    for factor, level in levels.items():
        table = table[table[factor] == level]
    (row,) = table.to_dict("records")
    return row


def fail_one(row):
    return {"outcome": "diverged", "test_accuracy": np.nan} if row["split"] == 0 else {}


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


@pytest.mark.parametrize("name", ["accuracy_by_depth", "delta_by_layer"])
def test_no_clipping_is_a_level_like_others(name):
    levels = draw(name, evidence("clips")).table["gradient_clip"].unique().tolist()
    assert sorted(levels, key=str) == [0.5, 2, "none"]


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


# A point of `budget_curves` is of searches, which are there with fewer candidates.
@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"budget_curves"}))
def test_networks_that_are_missing_are_skipped_and_the_rest_is_drawn(name):
    def half(row):
        return {"outcome": None} if zlib.crc32(row["trial_id"].encode()) % 2 else {}

    given = evidence(DRAWN[name], half)
    assert draw(name, given).table["n"].sum() < drawn(name).table["n"].sum()


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"accuracy_against_cost"}))
def test_an_experiment_without_the_factors_or_probes_is_told_so(name):
    other = {"gradients": "regularizers", "budgets": "regularizers"}.get(DRAWN[name], "gradients")
    given = evidence(other)
    bare = given.histories.head(0)
    with pytest.raises(NothingToDraw):
        draw(name, dataclasses.replace(given, histories=bare))


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


# Factors beyond the channels, a linear model, a single split and data set, half of it missing.
ODD = {
    "activation": ["mine", "relu"],
    "depth": ["0", "1", "2", "4"],
    "label_noise": ["0", "0.15"],
    "samples": ["100", "null"],
    "parameters": ["2000"],
}


@pytest.mark.parametrize(
    "name", sorted(set(FIGURES) - {"gap_by_width", "gap_by_regularizer", "gates", *TUNED})
)
def test_odd_designs_are_drawn(name, monkeypatch):
    monkeypatch.setitem(globals(), "SPLITS", 1)
    monkeypatch.setitem(HOLD, "dataset", ["digits"])
    given = evidence("budgets", lambda row: fail_one(row) if row["depth"] == 2 else {}, vary=ODD)
    given.trials.loc[::2, "outcome"] = None
    table = draw(name, given).table
    assert set(table["n"]) == {1}
    if name not in ("delta_by_layer", "gradient_by_layer", "gradient_over_training"):
        assert table[["low", "high"]].isna().all(axis=None)


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
    assert described("gradient_clip", None) == "gradient clipping none"
    assert described("depth", 1) == "1 hidden layer"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_entries_name_probes_that_experiments_can_record():
    from suite.training.probes import PROBES

    assert {probe for entry in FIGURES.values() for probe in entry.probes} <= set(PROBES)
