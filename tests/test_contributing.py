"""What CONTRIBUTING.md tells a contributor to add is added here, word for word, and works."""

import numpy as np
import pytest
import torch

from suite.data import cards, toys
from suite.data.cards import canonical
from suite.data.loading import load_split
from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.parts import activations
from suite.planning import check_names, check_recipes
from suite.reading import read_experiment
from suite.training.fitting import fit
from suite.trial import Trial
from tests import documents


def blocks(heading: str, language: str) -> list[str]:
    return [block.text for block in documents.blocks("CONTRIBUTING.md", language, heading)]


@pytest.fixture
def squareplus(monkeypatch):
    function, entry = blocks("Add an activation", "python")
    names = dict(vars(activations))
    exec(function, names)
    for name, activation in eval(f"{{{entry}}}", names).items():
        monkeypatch.setitem(activations.ACTIVATIONS, name, activation)
    return activations.ACTIVATIONS["squareplus"]


@pytest.fixture
def stripes(monkeypatch):
    function, entry = blocks("Add a data set", "python")
    names = dict(vars(toys))
    exec(function, names)
    (dataset,) = eval(f"[{entry}]", names)
    monkeypatch.setitem(cards.DATASETS, dataset.card.name, dataset)
    return dataset.card


def test_added_activation_is_the_published_curve(squareplus):
    points = torch.linspace(-20, 20, 81, dtype=torch.float64)
    output = squareplus.function(points)
    # The upper branch of the hyperbola a (a - z) = 1, whose asymptotes are ReLU.
    torch.testing.assert_close(output * (output - points), torch.ones_like(points))
    assert (output > points.clamp_min(0)).all()
    assert torch.isfinite(squareplus.function(torch.tensor([-3e38, 3e38]))).all()
    assert activations.ACTIVATIONS["softsign"].by_hand is not None


def test_added_activation_and_data_set_train(squareplus, stripes):
    fields = {"activation": "squareplus", "width": 16, "epochs": 15, "learning_rate": 0.02}
    trial = Trial(dataset=canonical("upright_stripes( count = 2 )"), **fields)
    (outcome,) = fit([trial], {trial.replicate: load_split(trial.dataset, 0)})
    assert (outcome.outcome, outcome.kernel) == ("completed", "torch-cpu")
    assert outcome.metrics["test_accuracy"] > 0.8


def test_added_data_set_keeps_its_cards_word(stripes):
    split = load_split("upright_stripes", 3)
    parts = (split.train_inputs, split.validation_inputs, split.test_inputs)
    assert sum(map(len, parts)) == stripes.samples
    assert {part.shape[1] for part in parts} == {stripes.features}
    assert set(np.unique(split.train_targets)) == set(range(stripes.outputs))


def test_added_experiment_can_be_planned(tmp_path):
    (text,) = blocks("Add an experiment", "yaml")
    path = tmp_path / "second_layer.yaml"
    path.write_text(text, encoding="utf-8")
    experiment = read_experiment(path)
    check_names(experiment, METRICS, FIGURES)
    for profile in experiment.profiles:
        check_recipes(experiment, profile)
    assert len(list(experiment.at("standard").contenders())) == 2
