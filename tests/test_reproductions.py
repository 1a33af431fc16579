"""Experiments with a known answer: what they register against closed forms and publications."""

from pathlib import Path

import pytest

from suite.data.cards import CARDS
from suite.data.loading import load_split
from suite.parts.networks import parameter_count
from suite.planning import build_trial
from suite.reading import read_experiment
from suite.theory.sawtooth import least_error
from suite.training.fitting import fit
from suite.training.model import layers_of

SAWTOOTH = read_experiment(Path("experiments/sawtooth.yaml"))
HIERARCHY = read_experiment(Path("experiments/hierarchy.yaml"))
MNIST1D = read_experiment(Path("experiments/reproductions/mnist1d.yaml"))
POINTS = CARDS["sawtooth(points=16)"].distinct_rows


def parameters(experiment, contender):
    design = experiment.at("standard")
    trial = build_trial(design.recipe(contender), design.datasets[0])
    card = CARDS[trial.dataset]
    return parameter_count(layers_of(trial, card.input_shape, card.outputs))


def shape_of(claim):
    return {factor: levels[0] for factor, levels in SAWTOOTH.claims[claim].better.items()}


@pytest.mark.parametrize("width", [4, 8])
def test_the_sawtooths_gates_are_the_closed_form(width):
    most = (POINTS + width + 2) / (2 * POINTS)  # one hidden layer of so many units is right on
    assert most == 1 - least_error(POINTS, width)
    bound = SAWTOOTH.claims[f"depth-accuracy/sawtooth-bound-{width}"]
    past = SAWTOOTH.claims[f"depth-accuracy/sawtooth-best-{width}"]
    assert bound.band[1] == most
    assert past.band[0] == most + 1 / POINTS
    assert bound.statistic == past.statistic == "best"
    assert shape_of(f"depth-accuracy/sawtooth-bound-{width}") == {"depth": 1, "width": width}
    assert shape_of(f"depth-accuracy/sawtooth-best-{width}") == {"depth": 4, "width": width}


@pytest.mark.parametrize("training", SAWTOOTH.variants["training"])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_no_training_gets_one_hidden_layer_past_the_bound(width, training):
    recipe = SAWTOOTH.at("standard").recipe({"depth": 1, "width": 8, "training": training})
    recipe |= {"width": width, "epochs": 300}
    trials = [build_trial(recipe, "sawtooth(points=16)", split=s, seed=s) for s in range(8)]
    outcomes = fit(
        trials, {trial.replicate: load_split("sawtooth", trial.split) for trial in trials}
    )
    errors = [1 - outcome.metrics["test_accuracy"] for outcome in outcomes]
    assert min(errors) >= least_error(POINTS, width)
    assert min(errors) < 0.5  # they have been trained


@pytest.mark.parametrize("architecture", HIERARCHY.variants["architecture"])
def test_the_hierarchys_contenders_have_the_same_number_of_parameters(architecture):
    count = parameters(HIERARCHY, {"architecture": architecture, "samples": 2000})
    assert count == pytest.approx(10_000, rel=0.02)


def test_the_hierarchy_is_that_of_the_publication():
    card = CARDS[str(HIERARCHY.hold["dataset"][0])]
    assert card.input_shape == (8, 2**3)
    assert card.outputs == 8
    assert card.distinct_rows == 8 * 4**7  # roots, and four synonyms in each of seven productions
    assert card.train_samples == max(HIERARCHY.vary["samples"])


# Greydanus (2020): percent of the test samples; the convolutional network from 92 to 94.
@pytest.mark.parametrize(
    ("model", "lowest", "highest"),
    [("linear", 31.5, 31.5), ("dense", 65, 65), ("convolutional", 92, 94)],
)
def test_mnist1ds_bands_are_three_points_round_the_published_numbers(model, lowest, highest):
    claim = MNIST1D.claims[f"reproduction/mnist1d-{model}"]
    assert claim.statistic == "mean"
    assert claim.band == pytest.approx(((lowest - 3) / 100, (highest + 3) / 100))


def test_mnist1ds_models_have_the_published_sizes():
    counts = {m: parameters(MNIST1D, {"model": m}) for m in MNIST1D.variants["model"]}
    convolutions = (1 * 3 + 1) * 25 + 2 * (25 * 3 + 1) * 25
    assert counts == {
        "linear": 40 * 10 + 10,
        "dense_with_skip": 41 * 100 + 101 * 100 + 101 * 10,
        "convolutional": convolutions + (25 * 5 + 1) * 10,
    }
