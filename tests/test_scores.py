"""Scores against scikit-learn's, with ties, missing classes and units."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from suite.data.split import Split
from suite.training.fitting import fit
from suite.training.scores import class_scores, roc_auc, value_scores
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")


def softmax(outputs):
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def oracle(outputs, classes, probabilities):
    predicted = outputs.argmax(axis=1)
    with warnings.catch_warnings():
        # It speaks of predicted classes that do not occur.
        warnings.simplefilter("ignore")
        return {
            "accuracy": metrics.accuracy_score(classes, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(classes, predicted),
            "f1": metrics.f1_score(classes, predicted, average="macro"),
        } | (
            {"roc_auc": area(classes, probabilities)}
            if len(set(classes)) == outputs.shape[1]
            else {}
        )


def area(classes, probabilities):
    if probabilities.shape[1] == 2:
        return metrics.roc_auc_score(classes, probabilities[:, 1])
    return metrics.roc_auc_score(classes, probabilities, multi_class="ovr")


def draw(seed, rows, count, missing=False):
    rng = np.random.default_rng(seed)
    classes = np.append(np.arange(count), rng.integers(count - missing, size=rows))
    classes = classes[classes < count - missing]
    return rng.normal(size=(len(classes), count)) + np.eye(count)[classes], classes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rows", "count"), [(40, 2), (90, 3), (200, 10), (5, 4)])
def test_scores_of_logits_are_scikit_learns(rows, count, seed):
    outputs, classes = draw(seed, rows, count)
    expected = oracle(outputs, classes, softmax(outputs))
    assert class_scores(outputs, classes, logits=True) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_outputs_that_are_no_logits_rank_as_they_are(count):
    """Integers over a few values: ties everywhere, in rank and in prediction."""
    outputs, classes = draw(1, 150, count)
    shares = softmax(np.round(outputs))
    expected = oracle(shares, classes, shares)
    assert class_scores(shares, classes) == pytest.approx(expected, abs=1e-12)
    coarse = np.round(outputs[:, :2])
    two = classes % 2
    difference = coarse[:, 1] - coarse[:, 0]
    assert len(set(difference)) < 12
    assert roc_auc(coarse, two) == pytest.approx(metrics.roc_auc_score(two, difference))


@pytest.mark.parametrize("count", [2, 3, 6])
def test_a_missing_class_leaves_the_area_out_and_the_rest_as_it_is(count):
    outputs, classes = draw(2, 60, count, missing=True)
    scores = class_scores(outputs, classes, logits=True)
    assert "roc_auc" not in scores
    assert scores == pytest.approx(oracle(outputs, classes, None))


def test_the_same_answer_for_every_row_is_chance():
    classes = np.arange(30) % 3
    scores = class_scores(np.ones((30, 3)), classes, logits=True)
    assert scores["roc_auc"] == 0.5
    assert scores["accuracy"] == scores["balanced_accuracy"] == pytest.approx(1 / 3)
    assert scores["f1"] == pytest.approx(metrics.f1_score(classes, 0 * classes, average="macro"))


def test_a_hundred_to_one_is_seen():
    """A guess of the usual class is right on 99 of 100 rows, and worth nothing."""
    classes = np.repeat([0, 1], [99, 1])
    scores = class_scores(np.tile([1.0, 0.0], (100, 1)), classes)
    assert scores["accuracy"] == 0.99
    assert (scores["balanced_accuracy"], scores["roc_auc"]) == (0.5, 0.5)


@pytest.mark.parametrize("scale", [1.0, 77.5])
def test_scores_of_values_are_scikit_learns_in_their_own_units(scale):
    rng = np.random.default_rng(3)
    targets = rng.normal(size=70)
    outputs = targets + rng.normal(size=70)
    own, guessed = 10 + scale * targets, 10 + scale * outputs
    assert value_scores(outputs, targets, scale) == pytest.approx(
        {
            "r2": metrics.r2_score(own, guessed),
            "mae": metrics.mean_absolute_error(own, guessed),
            "rmse": metrics.root_mean_squared_error(own, guessed),
        }
    )


def test_targets_that_are_all_the_same_have_nothing_to_explain():
    scores = value_scores(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert scores == {"r2": 0.0, "mae": 1.0, "rmse": 1.0}


def test_a_networks_final_scores_are_those_of_its_task(make_split):
    trial = Trial(dataset="wine", epochs=2)
    (outcome,) = fit([trial], {trial.replicate: make_split(0)})
    names = {"loss", "accuracy", "balanced_accuracy", "f1", "roc_auc"}
    parts = ("train", "validation", "test")
    assert set(outcome.metrics) == {f"{part}_{name}" for part in parts for name in names}
    assert {*outcome.histories.metric} == {"loss", "accuracy"}


def test_a_networks_errors_are_in_the_targets_own_units(make_split):
    trial = Trial(dataset="diabetes", loss="squared_error", epochs=2)
    plain = make_split(0, task="regression", outputs=1)
    scaled = Split(**{**vars(plain), "target_scale": 50.0})
    found = [fit([trial], {trial.replicate: split})[0].metrics for split in (plain, scaled)]
    for part in ("train", "validation", "test"):
        one, fifty = ({n: m[f"{part}_{n}"] for n in ("loss", "mae", "rmse", "r2")} for m in found)
        assert fifty == one | {"mae": 50 * one["mae"], "rmse": 50 * one["rmse"]}
        assert one["rmse"] == pytest.approx(np.sqrt(one["loss"]), rel=1e-5)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_scores_do_not_depend_on_company(make_split, task):
    loss = "cross_entropy" if task == "classification" else "squared_error"
    trials = [Trial(dataset="wine", loss=loss, epochs=2, seed=s, split=s % 2) for s in range(5)]
    sizes = [(45, 33, 21), (45, 41, 37)]
    outputs = 3 if task == "classification" else 1
    splits = {
        t.replicate: make_split(t.split, counts=sizes[t.split], task=task, outputs=outputs)
        for t in trials
    }
    together = fit(trials, splits)
    alone = [fit([t], {t.replicate: splits[t.replicate]})[0] for t in trials[::-1]][::-1]
    assert [o.metrics for o in together] == [o.metrics for o in alone]
