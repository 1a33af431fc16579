"""Reproductions of publications: their files, and their bands against the published numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

from suite.data.cards import CARDS, DATASETS
from suite.experiment import PROFILES
from suite.figures.catalogue import FIGURES
from suite.installing import installed
from suite.metrics import METRICS
from suite.parts.initializers import INITIALIZERS, Fan
from suite.planning import build_trial, check_names, check_recipes
from suite.reading import read_experiment

FILES = {path.stem: path for path in sorted(Path("experiments/reproductions").glob("*.yaml"))}
EXPERIMENTS = {name: read_experiment(path) for name, path in FILES.items()}
CLAIMS = {
    name: (file, claim)
    for file, experiment in EXPERIMENTS.items()
    for name, claim in experiment.claims.items()
}
# Publications that are reproduced, each by the file of its name.
PUBLISHED = {
    *("alain_bengio2016", "cagnetta2024", "double_descent", "glorot2010", "hanin2018", "he2015"),
    *("he2016", "mnist1d", "scikit_learn_curves", "srivastava2014", "zhang2017"),
}
# Training scores of scikit-learn's example, digits, after 15 epochs.
SCORES = {"sgd": 0.956, "momentum": 0.993, "nesterov": 0.994, "adam": 0.992}
NO_END = math.inf
# What each gate holds its statistic to: a published number and its tolerance, or a sign.
BANDS = {
    **{f"scikit-learn-{n}": (s - 0.01, min(s + 0.01, 1)) for n, s in SCORES.items()},
    "double-descent-peak": (40, 70),
    "double-descent-rise": (0, NO_END),
    "double-descent-fall": (0, NO_END),
    "glorot2010-jacobian-standard": (-NO_END, 0.05),
    "glorot2010-jacobian-normalized": (-NO_END, 0.05),
    "glorot2010-shrinking": (0, NO_END),
    "glorot2010-less-shrinking": (0, NO_END),
    "he2015-22-first": (-NO_END, 0),
    "he2016-plain": (0, NO_END),
    "he2016-residual": (0, NO_END),
    "zhang2017-train": (0.99 - 0.02, 1.0),
    "zhang2017-test": (0.1 - 0.02, 0.1 + 0.02),
    "srivastava2014-100": (-NO_END, 0),
    "srivastava2014-100-shallow": (-NO_END, 0),
    "srivastava2014-1000": (0, NO_END),
    "hanin2018": (5 - 1, 5 + 1),
    "alain-bengio2016": (0, NO_END),
    "cagnetta2024": (1 - 0.3, 1 + 0.3),
}


def recipe(name, contender, profile="standard"):
    design = EXPERIMENTS[name].at(profile)
    with installed(EXPERIMENTS[name].supplied):
        return build_trial(design.recipe(contender), design.datasets[0])


def test_every_publication_has_its_file():
    assert FILES.keys() == PUBLISHED


@pytest.mark.parametrize("name", FILES)
def test_every_file_names_what_there_is_and_can_be_trained(name):
    experiment = EXPERIMENTS[name]
    assert experiment.profiles.keys() == set(PROFILES)
    with installed(experiment.supplied):
        # Either raises for a name that is not there, or a recipe that does not fit together.
        check_names(experiment, METRICS, FIGURES)
        for profile in PROFILES:
            check_recipes(experiment, profile)


@pytest.mark.parametrize("name", CLAIMS)
def test_reproductions_are_gates_and_no_claims_of_the_mission(name):
    assert name.startswith("reproduction/")
    assert CLAIMS[name][1].kind == "gate"


@pytest.mark.parametrize("name", BANDS)
def test_bands_are_the_published_numbers(name):
    assert CLAIMS[f"reproduction/{name}"][1].band == pytest.approx(BANDS[name])


def test_a_quick_look_is_short():
    networks = {
        name: len(list(design.contenders())) * len(design.datasets) * design.seeds
        for name, design in ((n, e.at("quick")) for n, e in EXPERIMENTS.items())
    }
    assert sum(networks.values()) <= 70


def test_scikit_learns_weights_are_drawn_as_it_draws_them():
    """Bounds of weights and biases, against an untrained network of scikit-learn's."""
    features, classes = load_digits(return_X_y=True)
    model = MLPClassifier((100,), random_state=0, max_iter=1, learning_rate_init=1e-12)
    with pytest.warns(ConvergenceWarning):
        model.fit(features, classes)
    supplied = EXPERIMENTS["scikit_learn_curves"].supplied
    with installed(supplied):
        draw = INITIALIZERS["scikit_learn"].draw
    fans = [Fan(64, 100, 100), Fan(100, 10, 10)]
    for fan, theirs, biases in zip(fans, model.coefs_, model.intercepts_, strict=True):
        ours = draw(np.random.default_rng(0), fan)
        for own, other in zip(ours, (theirs, biases), strict=True):
            assert own.shape == other.shape
            bound = math.sqrt(6 / (fan.fan_in + fan.fan_out))
            assert bound * 0.7 < np.abs(own).max() <= bound
            assert np.abs(other).max() <= bound * (1 + 1e-6)
            assert np.abs(own).max() == pytest.approx(np.abs(other).max(), rel=0.25)


@pytest.mark.parametrize("name", SCORES)
def test_scikit_learns_recipe_is_the_published_one(name):
    """Its own scores are those that are published, and ours makes as many updates with its rate."""
    trial = recipe("scikit_learn_curves", {"training": name})
    theirs = {"solver": "adam"} if name == "adam" else {"solver": "sgd", "momentum": trial.momentum}
    theirs |= {"nesterovs_momentum": name == "nesterov"}
    theirs |= {"momentum": 0.0} if name == "sgd" else {}
    features, classes = load_digits(return_X_y=True)
    features = MinMaxScaler().fit_transform(features)
    model = MLPClassifier(
        (trial.width,),
        max_iter=trial.epochs,
        learning_rate_init=trial.learning_rate,
        random_state=0,
        **theirs,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(features, classes)
    # To a bit more than a digit in a thousand: threads and versions change sums.
    assert model.score(features, classes) == pytest.approx(SCORES[name], abs=0.004)
    batch = min(200, len(features))
    updates = math.ceil(CARDS[trial.dataset].train_samples / trial.batch_size)
    assert updates == math.ceil(len(features) / batch)
    assert trial.strength("l2") == pytest.approx(model.alpha / trial.batch_size)


def test_glorots_standard_weights_are_uniform_up_to_the_root_of_the_fan_in():
    trial = recipe("glorot2010", {"weights": "standard"})
    weights, biases = INITIALIZERS[trial.initializer].draw(np.random.default_rng(0), Fan(81, 9, 9))
    weights = trial.gain * weights
    assert weights.std() == pytest.approx(1 / 9 / math.sqrt(3), rel=0.05)
    assert np.abs(weights).max() == pytest.approx(1 / 9, rel=0.02)
    assert not biases.any()


def test_the_hierarchies_differ_in_synonyms_alone():
    names = EXPERIMENTS["cagnetta2024"].at("standard").datasets
    parameters = [dict(DATASETS[name].parameters) for name in names]
    assert [p.pop("synonyms") for p in parameters] == [3, 4, 5]
    assert all(p == parameters[0] for p in parameters)
    assert parameters[0]["levels"] == recipe("cagnetta2024", {"samples": 500}).depth
