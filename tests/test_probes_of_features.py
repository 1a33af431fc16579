"""Probes of units and features: diversity, zeros, attributions, a grammar's hidden symbols."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from suite.data.cards import CARDS
from suite.data.hierarchy import draw_hierarchy, grammar, latents_of
from suite.data.loading import load_split
from suite.training.fitting import fit
from suite.training.layout import unpad_parameters
from suite.training.pool import make_pool
from suite.training.snapshots import PROBE_ROWS
from suite.trial import Trial
from tests.probed import CPU, cohort_of, measure, with_shape
from tests.test_probes import Plain

pytestmark = pytest.mark.usefixtures("one_thread")

# ---- units ----


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_units_are_as_unlike_as_their_cosines_say(network, make_split) -> None:
    split = with_shape(make_split(0), (1, 11))
    cohort, _ = cohort_of(split, split, network=network, depth=2, width=5)
    found = measure("unit_diversity", cohort)
    for member in range(2):
        pairs = unpad_parameters(cohort.model.layout, cohort.parameters.theta[member].double())
        for layer, (weights, biases) in enumerate(pairs):
            cosines = np.abs(cosine_similarity(np.vstack([weights, biases]).T))
            cosines[np.diag_indices_from(cosines)] = 0
            assert found[member, layer] == pytest.approx(1 - cosines.max(axis=1).mean(), rel=1e-6)


@pytest.mark.parametrize("initializer", ["zero", "constant"])
def test_copies_stay_copies(initializer, make_split) -> None:
    cohort, _ = cohort_of(make_split(0), initializer=initializer, activation="tanh", depth=2)
    assert measure("unit_diversity", cohort)[0, :2] == pytest.approx([0, 0], abs=1e-12)


def test_perpendicular_units_differ_wholly_and_a_mirrored_one_does_not(make_split) -> None:
    cohort, _ = cohort_of(make_split(0, features=4), width=4, depth=1)
    weights, biases = cohort.parameters.weights[0], cohort.parameters.biases[0]
    weights.zero_()
    biases.zero_()
    weights[0, :4, :4] = torch.eye(4) * 1e-20
    assert measure("unit_diversity", cohort)[0, 0] == pytest.approx(1)
    weights[0, :4, 1] = -3 * weights[0, :4, 0]
    assert measure("unit_diversity", cohort)[0, 0] == pytest.approx(0.5)
    weights[0, :, :2] = 0  # two without any weights are copies of each other
    assert measure("unit_diversity", cohort)[0, 0] == pytest.approx(0.5)


def test_the_share_of_zeros_is_that_of_all_weights(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), make_split(1), depth=1, width=5)
    cohort.parameters.weights[0][1, :7, :2] = 0  # 14 of 7·5 + 5·3 weights
    assert measure("zero_share", cohort) == pytest.approx([0, 14 / 50])


# ---- attributions ----

RELEVANT = (0, 2, 3)


def attribution_by_torch(net: Plain, split) -> np.ndarray:
    """Mean |gradient × input| of the largest output against all, or of the only one."""
    inputs = torch.from_numpy(split.train_inputs[:PROBE_ROWS]).double().requires_grad_()
    outputs = net.layers(inputs)[-1]["z"]
    rows, best = torch.arange(len(inputs)), outputs.argmax(dim=1)
    scores = outputs[rows, best]
    if outputs.shape[1] > 1:
        scores = scores - outputs.mean(dim=1)
    (slopes,) = torch.autograd.grad(scores.sum(), inputs)
    return (slopes * inputs).abs().mean(dim=0).detach().numpy()


@pytest.mark.parametrize(
    "recipe",
    [
        {"activation": "tanh", "regularizers": (("batch_norm", 1),)},
        {"network": "residual", "activation": "relu"},
        {"activation": "sigmoid", "loss": "squared_error"},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_attributions_rank_features_as_scikit_learn_says(task, recipe, make_split) -> None:
    loss = {"loss": "squared_error"} if task == "regression" else {}
    splits = [replace(make_split(k, task=task), relevant=RELEVANT) for k in range(3)]
    cohort, _ = cohort_of(*splits, depth=2, **recipe | loss)
    truth = np.isin(np.arange(7), RELEVANT)
    expected = [
        roc_auc_score(truth, attribution_by_torch(Plain(cohort, member), split))
        for member, split in enumerate(splits)
    ]
    assert measure("attribution_auc", cohort) == pytest.approx(expected)


@pytest.mark.parametrize("relevant", [(), tuple(range(7))])
def test_there_is_nothing_to_rank_where_none_or_all_are_relevant(relevant, make_split) -> None:
    cohort, _ = cohort_of(replace(make_split(0), relevant=relevant))
    assert np.isnan(measure("attribution_auc", cohort)).all()


@pytest.mark.parametrize("dataset", ["linear", "linear(relevant=2)", "stepwise", "digits"])
def test_a_split_knows_what_its_card_knows(dataset) -> None:
    split = load_split(dataset, 0)
    assert split.relevant == CARDS[dataset].relevant
    assert make_pool({(0, 0.0): split}, CPU).relevant == split.relevant


def test_a_linear_model_comes_to_attribute_a_linear_task_rightly() -> None:
    name = "linear(noise=0.1)"
    trial = Trial(dataset=name, network="linear", learning_rate=0.01, epochs=10)
    (outcome,) = fit([trial], {(0, 0.0): load_split(name, 0)}, ["attribution_auc"])
    rows = outcome.histories
    found = [v for v, m in zip(rows.value, rows.metric, strict=True) if m == "attribution_auc"]
    assert found[-1] > 0.95
    assert found[-1] > found[0]


# ---- a grammar's hidden symbols ----

SMALL = {"classes": 3, "vocabulary": 4, "synonyms": 2, "branching": 2, "levels": 3, "instance": 1}
NAME = "random_hierarchy(classes=3,vocabulary=4,synonyms=2,levels=3,instance=1,samples=200)"


def grown(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Symbols of each level, root first, string last, one symbol at a time."""
    rules = grammar(**SMALL)
    levels = [[[int(rng.integers(3))] for _ in range(count)]]
    for rule in rules:
        below = []
        for symbols in levels[-1]:
            pieces = [rule[symbol, int(rng.integers(2))] for symbol in symbols]
            below.append([int(letter) for piece in pieces for letter in piece])
        levels.append(below)
    return [np.array(level) for level in levels]


def test_the_symbols_that_strings_grew_from_are_found_again() -> None:
    *latent, strings = grown(np.random.default_rng(0), 50)
    one_hot = np.eye(4)[strings].transpose(0, 2, 1).reshape(50, -1)
    found = latents_of(NAME, 2.5 * one_hot - 0.7)
    assert len(found) == 3
    for symbols, expected in zip(reversed(found), latent, strict=True):
        np.testing.assert_array_equal(symbols, expected)


def test_the_last_level_is_the_class_whatever_standardisation_did() -> None:
    split = load_split(NAME, 3)
    *_, root = latents_of(NAME, split.train_inputs)
    np.testing.assert_array_equal(root[:, 0], split.train_targets)


def test_other_inputs_have_no_such_symbols() -> None:
    assert latents_of("digits", np.zeros((2, 64))) == ()
    drawn = draw_hierarchy(np.random.default_rng(0), 5, **SMALL)
    with pytest.raises(ValueError, match="no string of the grammar"):
        latents_of(NAME, np.random.default_rng(0).permuted(drawn.inputs, axis=1))


def test_latent_probes_are_ridge_regression_of_one_hot_symbols() -> None:
    split = load_split(NAME, 0)
    cohort, _ = cohort_of(split, dataset=NAME, depth=2, width=9, activation="tanh")
    found = measure([f"latent_probe_{level}" for level in range(1, 5)], cohort)
    net = Plain(cohort, 0)
    parts = [split.train_inputs, split.validation_inputs]
    activations = [net.layers(torch.from_numpy(part).double()) for part in parts]
    latent = [latents_of(NAME, part) for part in parts]
    for level in range(1, 4):
        symbols, truth = (levels[level - 1] for levels in latent)
        targets = np.eye(symbols.max() + 1)[symbols].reshape(len(symbols), -1)
        for layer in range(3):
            fitted, judged = (one[layer]["a"].detach().numpy() for one in activations)
            model = make_pipeline(StandardScaler(), Ridge(alpha=1.0)).fit(fitted, targets)
            scores = model.predict(judged).reshape(*truth.shape, -1)
            expected = (scores.argmax(axis=2) == truth).mean()
            assert found[f"latent_probe_{level}"][0, layer] == pytest.approx(expected)
    assert np.isnan(found["latent_probe_4"]).all()


def test_a_members_latents_do_not_depend_on_its_company() -> None:
    splits = [load_split(NAME, k) for k in range(3)]
    settings = {"dataset": NAME, "width": 5, "depth": 2, "epochs": 1}
    together = measure("latent_probe_2", cohort_of(*splits, **settings)[0])
    alone = measure("latent_probe_2", cohort_of(splits[0], **settings)[0])
    np.testing.assert_array_equal(together[0], alone[0])


def test_relevant_features_do_not_depend_on_company(make_split) -> None:
    splits = [replace(make_split(k), relevant=RELEVANT) for k in range(3)]
    together = measure("attribution_auc", cohort_of(*splits)[0])
    alone = measure("attribution_auc", cohort_of(splits[0])[0])
    np.testing.assert_array_equal(together[:1], alone)
