"""Hand-made features against scikit-learn and scikit-image by hand, and how recipes name them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.feature import hog
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from threadpoolctl import threadpool_limits

from suite.classical.features import FEATURES, NAMES, known_of, settle
from suite.classical.fitting import fit_classical
from suite.classical.models import CLASSICAL
from suite.classical.planning import estimate_seconds
from suite.data.cards import CARDS
from suite.data.loading import load_split
from suite.errors import InputError
from suite.levels import read_value
from suite.metrics import METRICS
from suite.planning import build_trial, check_recipes
from suite.reading import build_experiment
from suite.training.cohort import Cohort
from suite.training.layout import unpad_parameters
from suite.training.probes import probe
from suite.training.snapshots import Camera
from suite.trial import Trial
from suite.tuning.checking import check_search
from suite.tuning.space import with_values

pytestmark = pytest.mark.usefixtures("one_thread")

SAMPLES = 200


@pytest.fixture(scope="module")
def splits():
    """Small parts of an image, a text and a regression set."""
    sets = {"digits": SAMPLES, "words": 120, "diabetes": SAMPLES}
    return {name: _short(load_split(name, 0, samples)) for name, samples in sets.items()}


def _short(split):
    parts = {
        f"{part}_{kind}": getattr(split, f"{part}_{kind}")[:60]
        for part in ("validation", "test")
        for kind in ("inputs", "targets")
    }
    return replace(split, **parts)


def fitted(splits, dataset, settings, network="logistic_regression", **fields):
    samples = len(splits[dataset].train_inputs)
    recipe = {"network": network, "settings": settings, "samples": samples}
    trial = replace(build_trial(recipe, dataset), **fields)
    (outcome,) = fit_classical([trial], {trial.replicate: splits[dataset]})
    return outcome


def doubles(split):
    return split.train_inputs.astype(np.float64), split.test_inputs.astype(np.float64)


def by_hand(features, split, model):
    """Test accuracy of a model on standardised features, given as (training, test)."""
    scaled = make_pipeline(StandardScaler(), model)
    with threadpool_limits(1):
        scaled.fit(features[0], split.train_targets)
        return scaled.score(features[1], split.test_targets)


def logistic(penalty=1.0):
    return LogisticRegression(solver="newton-cg", C=penalty)


def test_principal_components_are_scikit_learns(splits):
    split = splits["digits"]
    made = make_pipeline(PCA(20, whiten=True, svd_solver="full"), logistic(0.1))
    made.fit(doubles(split)[0], split.train_targets)
    expected = made.score(doubles(split)[1], split.test_targets)
    found = fitted(splits, "digits", "features=pca,components=20,C=0.1")
    assert found.metrics["test_accuracy"] == expected
    assert found.parameters == 10 * 21 + 20 * 64 + 64 + 20


def test_polynomials_are_squares_and_products_of_components(splits):
    split = splits["digits"]
    whitened = PCA(5, whiten=True, svd_solver="full").fit(doubles(split)[0])
    products = PolynomialFeatures(2, include_bias=False)
    features = [products.fit_transform(whitened.transform(part)) for part in doubles(split)]
    assert features[0].shape[1] == 5 + 5 + 10
    found = fitted(splits, "digits", "features=polynomial,components=5")
    assert found.metrics["test_accuracy"] == by_hand(features, split, logistic())


def test_gaussian_kernels_of_all_rows_span_the_kernel(splits):
    """With every training row a component, inner products of features are the kernel itself."""
    split = splits["digits"]
    settings = {"features": "rbf", "components": 10**4}
    known = known_of(settings, split.shape, SAMPLES, 0)
    kernels = FEATURES["rbf"].build(known)[0].fit(doubles(split)[0])
    made = kernels.transform(doubles(split)[0])
    assert made.shape == (SAMPLES, SAMPLES)
    expected = rbf_kernel(doubles(split)[0], gamma=1 / 64)
    assert np.allclose(made @ made.T, expected, atol=1e-6)


def test_histograms_of_gradients_are_scikit_images(splits):
    split = splits["digits"]
    features = [
        [hog(row.reshape(8, 8), pixels_per_cell=(2, 2), cells_per_block=(2, 2)) for row in part]
        for part in doubles(split)
    ]
    found = fitted(splits, "digits", "features=hog")
    assert found.metrics["test_accuracy"] == by_hand(features, split, logistic())
    assert found.parameters == 325 * 10 + 2 * 324


def test_histograms_see_edges_and_not_brightness(splits):
    """Brighter, of more contrast, or both: the features are what they were."""
    split = splits["digits"]
    made = FEATURES["hog"].build(known_of({"features": "hog"}, split.shape, SAMPLES, 0))[0]
    images = doubles(split)[0][:5]
    assert np.allclose(made.transform(images), made.transform(3 * images + 2), atol=1e-4)
    assert not np.allclose(made.transform(images), made.transform(images[::-1]), atol=1e-1)


def test_a_spectrum_knows_no_place():
    rows = np.random.default_rng(0).standard_normal((4, 24))
    made = FEATURES["spectrum"].build(known_of({"features": "spectrum"}, (2, 12), 4, 0))[0]
    moved = np.roll(rows.reshape(4, 2, 12), 5, axis=-1).reshape(4, -1)
    assert np.allclose(made.transform(rows), made.transform(moved))
    direct = np.exp(-2j * np.pi * np.outer(np.arange(12), np.arange(7)) / 12)
    expected = np.log1p(np.abs(rows.reshape(4, 2, 12) @ direct)).reshape(4, -1)
    assert np.allclose(made.transform(rows), expected)


def test_ngrams_are_runs_of_the_largest_channels(splits):
    """One-hot symbols 0 1 1: with the mark of the beginning, eight different runs."""
    rows = np.eye(3)[[[0, 1, 1], [2, 2, 2]]].transpose(0, 2, 1).reshape(2, 9)
    made = FEATURES["ngrams"].build(known_of({"features": "ngrams"}, (3, 3), 2, 0)).fit(rows)
    spelled = str.maketrans({0xE000: "^", 0xE001: "0", 0xE002: "1", 0xE003: "2"})
    names = [name.translate(spelled) for name in made[-1].get_feature_names_out()]
    first = {n for n, value in zip(names, made.transform(rows).toarray()[0], strict=True) if value}
    assert first == {"^", "0", "1", "^0", "01", "11", "^01", "011"}
    assert np.allclose(np.square(made.transform(rows).toarray()).sum(axis=1), 1)
    plain = fitted(splits, "words", "C=0.1").metrics["test_accuracy"]
    assert fitted(splits, "words", "features=ngrams,C=10").metrics["test_accuracy"] > plain + 0.05


@pytest.mark.parametrize("name", [name for name in FEATURES if name != "hog"])
def test_nothing_is_learned_from_rows_that_are_not_for_training(name, splits):
    split = splits["words"]
    other = replace(split, validation_inputs=split.validation_inputs[::-1] * 2)
    recipe = {"network": "ridge", "settings": f"features={name}", "samples": 120}
    trial = build_trial(recipe, "words")
    found = [fit_classical([trial], {trial.replicate: s})[0].metrics for s in (split, other)]
    assert found[0]["test_accuracy"] == found[1]["test_accuracy"]


def test_ridge_takes_features_for_classes_and_values(splits):
    train, test = doubles(splits["diabetes"])
    made = make_pipeline(PCA(4, whiten=True, svd_solver="full"), Ridge(alpha=2.0))
    made.fit(train, splits["diabetes"].train_targets.ravel())
    found = fitted(splits, "diabetes", "features=pca,components=4,alpha=2", "ridge")
    assert found.metrics["test_r2"] == pytest.approx(
        made.score(test, splits["diabetes"].test_targets.ravel())
    )
    assert fitted(splits, "digits", "features=hog", "ridge").metrics["test_accuracy"] > 0.7


def test_the_same_recipe_gives_the_same_numbers_and_draws_come_from_the_seed(splits):
    settings = "features=rbf,components=20"
    one, again, other = (fitted(splits, "digits", settings, seed=seed) for seed in (1, 1, 2))
    assert one.metrics == again.metrics != other.metrics


def test_raw_inputs_are_the_default_and_what_is_customary_has_a_name():
    recipe = {"network": "logistic_regression", "settings": "C=1"}
    plain = build_trial(recipe, "digits")
    assert build_trial(recipe | {"settings": "C=1,features=raw"}, "digits") == plain
    names = {"digits": "hog", "words": "ngrams", "mnist1d": "spectrum", "wine": "polynomial"}
    for dataset, name in names.items():
        customary = build_trial(recipe | {"settings": "C=1,features=customary"}, dataset)
        assert customary == build_trial(recipe | {"settings": f"C=1,features={name}"}, dataset)
    assert {settle({"features": "customary"}, card)["features"] for card in map(
        CARDS.__getitem__, ("digits", "words", "vowels", "mnist1d", "iris")
    )} <= set(FEATURES)  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "dataset", "text"),
    [
        ("features=hog", "mnist1d", "features hog cannot be made of mnist1d"),
        ("features=ngrams", "wine", "of wine can: pca, polynomial, rbf"),
        ("features=ngrams", "mnist1d", "features ngrams cannot be made of mnist1d"),
        ("features=hgo", "digits", "features is raw or customary or pca"),
        ("components=5", "digits", "features raw have no components to choose"),
        ("features=hog,components=5", "digits", "there are of pca, polynomial, rbf"),
    ],
)
def test_features_that_cannot_be_made_are_one_clear_line(settings, dataset, text):
    with pytest.raises(InputError, match=r"^settings: ") as caught:
        build_trial({"network": "logistic_regression", "settings": settings}, dataset)
    assert text in str(caught.value)


def test_default_searches_are_of_raw_inputs():
    for entry in CLASSICAL.values():
        assert not {"features", "components"} & entry.space.keys()
    assert {n for n, e in CLASSICAL.items() if "features" in e.options} == {
        "logistic_regression",
        "ridge",
    }


def experiment(**keys):
    content = {
        "question": "Do features help?",
        "vary": {"settings": ["features=pca", "features=customary"]},
        "hold": {"dataset": ["digits", "words"], "network": "logistic_regression"},
        "profiles": {"quick": {"seeds": 1}},
    }
    return build_experiment("x", content | keys)


def test_features_are_varied_and_searched():
    check_recipes(experiment(), "quick")
    searched = {"features": ["raw", "pca"], "C": {"log": ["0.01", "1"]}}
    tune = {"settings": {"logistic_regression": searched}, "budget": {"trials": 4}}
    made = experiment(vary={"samples": [50, 100]}, tune=tune)
    check_search(made, "quick")
    wrong = {"settings": {"logistic_regression": {"feature": ["raw", "pca"]}}}
    with pytest.raises(InputError, match="did you mean 'features'"):
        check_search(experiment(tune=wrong | {"budget": {"trials": 4}}), "quick")


def test_held_settings_stay_beside_those_that_are_searched():
    held = {"network": "logistic_regression", "settings": "C=1,features=pca"}
    mixed = with_values(held, {"settings.C": 0.5})
    assert mixed["settings"] == "C=0.5,features=pca"
    assert read_value("settings", {"features": "pca", "C": "0.5"}) == mixed["settings"]


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_guessed_for_every_kind(name):
    suited = {"hog": "mnist5k", "ngrams": "words"}.get(name, "mnist1d")
    recipe = {"network": "logistic_regression", "settings": f"features={name}", "samples": 500}
    assert 1e-3 < estimate_seconds(build_trial(recipe, suited)) < 20


# The last hidden layer as features


def hidden_by_numpy(cohort, member, inputs):
    """Activations of a ReLU network's last hidden layer."""
    for weights, biases in unpad_parameters(cohort.model.layout, cohort.parameters.theta[member])[
        :-1
    ]:
        inputs = np.maximum(
            inputs.astype(np.float64) @ weights.double().numpy() + biases.numpy(), 0
        )
    return inputs


def test_a_readout_is_ridge_regression_on_the_last_hidden_layer(make_split):
    splits = {(s, 0.0): make_split(s, (700, 21, 60 + s)) for s in range(2)}
    trials = [Trial(dataset="synthetic", depth=2, width=9, split=s, seed=s) for s in range(2)]
    cohort = Cohort(trials, splits, torch.device("cpu"))
    cohort.train_epoch()
    camera = Camera(cohort.networks, cohort.loss, cohort.pool, trials)
    found = probe(["linear_readout"], camera)["linear_readout"]
    for member, split in enumerate(splits.values()):
        parts = split.train_inputs, split.test_inputs
        fit_rows, rows = (hidden_by_numpy(cohort, member, part) for part in parts)
        model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1.0))
        expected = model.fit(fit_rows, split.train_targets).score(rows, split.test_targets)
        assert found[member] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("change", [{"reports_test": False}, {"network": "linear"}])
def test_nothing_is_read_out_of_no_layer_and_for_no_tuning_trial(change, make_split):
    trial = replace(Trial(dataset="synthetic", width=9), **change)
    cohort = Cohort([trial], {(0, 0.0): make_split(0)}, torch.device("cpu"))
    camera = Camera(cohort.networks, cohort.loss, cohort.pool, [trial])
    assert np.isnan(probe(["linear_readout"], camera)["linear_readout"]).all()


def test_the_metric_is_of_networks_their_readout_and_of_classical_models_their_own():
    trials = pd.DataFrame(
        {
            "trial_id": ["a", "b", "c"],
            "dataset": "digits",
            "kernel": ["numba-cpu", "sklearn-cpu", "numba-cpu"],
            "outcome": ["completed", "completed", "diverged"],
            "test_accuracy": [0.9, 0.8, np.nan],
        }
    )
    rows = [("a", 0, 0.1), ("a", 5, 0.7)]
    histories = pd.DataFrame(rows, columns=["trial_id", "epoch", "value"])
    evidence = type("Seen", (), {})()
    evidence.trials, evidence.histories = (
        trials,
        histories.assign(metric="linear_readout", layer=-1),
    )
    found = METRICS["readout_test_accuracy"].values(evidence)
    assert found.tolist() == [0.7, 0.8, 0.1]
