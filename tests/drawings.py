"""Evidence for figures, made by hand: one network for each contender, data set and split."""

import functools
import itertools
import zlib

import numpy as np
import pandas as pd

from suite.data.cards import CARDS
from suite.figures.catalogue import FIGURES
from suite.pictures import BINS, FILTERS, GRID, STEPS, WEIGHT_PLACES
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
    "claimed": {"optimizer": ["sgd", "momentum", "adam"], "depth": ["1", "4"]},
    "speeds": {"batch_size": ["16", "64"], "together": ["1", "16"]},
    "gains": {"gain": ["0.5", "1", "1.5"], "depth": ["2", "4"], "activation": ["tanh"]},
    "parts": {"activation": ["tanh", "relu", "sigmoid"], "loss": ["cross_entropy", "huber"]},
    "pictured": {"activation": ["tanh", "relu"], "initializer": ["xavier", "he"]},
    "teeth": {"depth": ["1", "4"], "width": ["4", "8"]},
}
CONTRAST = {"says": "So it is.", "metric": "test_score", "margin": "0.02"}
CLAIMS = {
    "optimization": CONTRAST | {"better": {"optimizer": "adam"}, "worse": {"optimizer": "sgd"}},
    "depth-accuracy/trend": CONTRAST | {"kind": "trend", "along": "depth", "direction": "falls"},
}
GATES = {
    "deep": {"better": {"depth": "2"}, "within": ["0.5", "1"]},
    "shallow": {"better": {"depth": "1"}, "statistic": "best", "at_most": "0.2"},
    "all": {"statistic": "worst", "at_least": "0.8"},
}
TUNED = ("optimization_history", "budget_curves", "parameter_importances", "rungs")
PICTURED = (
    *("decision_boundaries", "activation_histograms", "weight_histograms"),
    *("first_layer_filters", "loss_slices"),
)
# Every figure, with a design that has what it draws.
DRAWN = (
    {
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
        "effects": "claimed",
        "metric_by_level": "claimed",
        "ranks": "claimed",
        "epochs_to_target": "claimed",
        "attribution_by_depth": "claimed",
        "accuracy_over_training": "regularizers",
        "accuracy_against_seconds": "budgets",
        "cost_growth": "capacity",
        "error_by_width": "teeth",
        "throughput": "speeds",
        "gap_map": "capacity",
        "learning_curves": "capacity",
        "trainable_depth_map": "gains",
        "probe_accuracy_by_layer": "gradients",
        "gradient_errors": "parts",
        "gradient_ridges": "gradients",
        "measured_against_theory": "gradients",
    }
    | dict.fromkeys(TUNED, "tuned")
    | dict.fromkeys(PICTURED, "pictured")
)
RECIPE = {
    name: getattr(Trial(dataset="digits"), name)
    for name in (
        "network",
        "depth",
        "width",
        "kernel_size",
        "activation",
        "initializer",
        "gain",
        "loss",
        "epochs",
        "together",
        "batch_size",
        *OPTIONAL,
    )
} | {"regularizers": "none"}


def experiment(design, vary):
    content = {"question": "Why?", "vary": DESIGNS[design] | vary, "hold": HOLD}
    if design == "gated":
        gate = {"says": "So it is.", "kind": "gate", "metric": "test_accuracy"}
        content |= {"claims": {name: gate | own for name, own in GATES.items()}}
    if design == "pictured":
        content |= {"hold": HOLD | {"dataset": ["spirals", "circles"]}}
    if design == "teeth":
        content |= {"hold": HOLD | {"dataset": ["sawtooth", "sawtooth(points=64)"]}}
    if design == "claimed":
        content |= {"claims": CLAIMS}
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
        if design == "pictured" and row["outcome"] is not None:
            histories += pictures(row)
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
    row |= {"dataset": dataset, "split": split, "repeat": 0, "outcome": "completed", "flops": 1e6}
    row |= {"seconds": 2.0, "probe_seconds": 0.5, "epochs_trained": 4, "kernel": "torch-cpu"}
    row["trial_id"] = repr((sorted(contender.items(), key=str), dataset, split))
    noise = np.random.default_rng(zlib.crc32(row["trial_id"].encode())).uniform(0, 0.05)
    if CARDS[dataset].task == "classification":
        row |= {"train_accuracy": 0.99, "validation_accuracy": 0.9, "test_accuracy": 0.9 - noise}
    else:
        row |= {"train_r2": 0.6, "validation_r2": 0.9, "test_r2": 0.5 - noise}
    losses = {"train_loss": 0.1, "validation_loss": 0.2, "test_loss": 0.2 + noise}
    return row | losses | {"generalization_gap": 0.09 + noise}


def history(row, probe):
    rows = [
        (row["trial_id"], epoch, part, "loss", -1, 2.0 / (1 + epoch) + slope * epoch)
        for epoch in EPOCHS
        for part, slope in (("train", 0.0), ("validation", 0.3))
    ]
    score = "accuracy" if CARDS[row["dataset"]].task == "classification" else "r2"
    rows += [
        (row["trial_id"], epoch, part, score, -1, 0.1 + best * epoch)
        for epoch in EPOCHS
        for part, best in (("train", 0.22), ("validation", 0.2))
    ]
    rows.append((row["trial_id"], EPOCHS[-1], "test", "attribution_auc", -1, 0.75))
    for epoch, layer in itertools.product(EPOCHS, range(1, int(row["depth"]) + 2)):
        value = probe(row, layer)
        rows.append((row["trial_id"], epoch, "train", "delta_norm", layer, value))
        rows.append((row["trial_id"], epoch, "train", "gradient_norm", layer, value))
        rows.append((row["trial_id"], epoch, "train", "signal", layer, 1.0))
        rows.append(
            (row["trial_id"], epoch, "train", "linear_probe", layer, 0.1 * layer + epoch / 9)
        )
        rows.append((row["trial_id"], epoch, "train", "gradient_error", layer, 10.0**-layer / 1e6))
    return rows


def pictures(row):
    """What probes store of a network with one number for each input and unit."""
    rng = np.random.default_rng(zlib.crc32(row["trial_id"].encode()))
    depth, inputs = int(row["depth"]), CARDS[row["dataset"]].features
    found = [("activation_histogram", 0, rng.random(depth * BINS))]
    sizes = {
        "decision_surface": GRID**2,
        "activation_histogram": depth * BINS,
        "weight_histogram": (depth + 1) * WEIGHT_PLACES,
        "first_layer_filter": FILTERS * inputs,
        "loss_slice": STEPS,
    }
    found += [(name, EPOCHS[-1], rng.random(size)) for name, size in sizes.items()]
    return [
        (row["trial_id"], epoch, "train", name, place, float(value))
        for name, epoch, values in found
        for place, value in enumerate(values)
    ]


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
