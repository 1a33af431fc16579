"""Guesses of one core's seconds for a classical model, to plan with; no number depends on them."""

# ruff: noqa: ARG001, all guesses are asked for in one way

import math
from collections.abc import Mapping
from typing import NamedTuple

from suite.trial import Setting

Settings = Mapping[str, Setting]
# Checks of the input and the scores of three parts. The factors below are of one laptop core, on
# digits, diabetes, breast cancer and MNIST-1D: within a factor of about 3.
_START = 6e-3
# Training rows up to which an SVM's kernel is worked out beforehand: then it takes 200 MB.
GRAM_ROWS = 5000


class Work(NamedTuple):
    """What an estimator has to do: fit the training rows, and answer for all rows.

    Attributes:
        rows: of the training part.
        answered: of all parts together.
        features: of a row.
        outputs: number of classes; 1 for values.
    """

    rows: int
    answered: int
    features: int
    outputs: int


def _number(settings: Settings, name: str, default: float) -> float:
    return float(settings.get(name, default))


def dummy(work: Work, settings: Settings) -> float:
    """A pass over the targets."""
    return 1e-3 + 2e-8 * work.answered


def least_squares(work: Work, settings: Settings) -> float:
    """Products of all pairs of features."""
    return _START + 3e-10 * work.rows * work.features**2 + 2e-9 * work.answered * work.features


def logistic_regression(work: Work, settings: Settings) -> float:
    """Some hundred products of the rows with weights."""
    return _START + 4e-6 * work.rows * (1 + work.features * work.outputs / 50)


def nearest_neighbours(work: Work, settings: Settings) -> float:
    """Every row against every training row."""
    return _START + 1.5e-10 * work.answered * work.rows * (work.features + 20)


def linear_svm(work: Work, settings: Settings) -> float:
    """Passes over the rows, the more the weaker the penalty."""
    passes = 100 * max(1.0, _number(settings, "C", 1.0))
    return _START + 1e-9 * min(passes, 5000) * work.rows * work.features * work.outputs


def rbf_svm(work: Work, settings: Settings) -> float:
    """Every pair of training rows several times, and every row against the support vectors."""
    pairs = work.rows * (2 * work.rows + work.answered)
    products = work.features / 10 if work.rows <= GRAM_ROWS else work.features
    return _START + 5e-10 * pairs * (products + 20)


def tree(work: Work, settings: Settings) -> float:
    """Every feature sorted once a level."""
    return _START + 6e-8 * work.rows * work.features * _levels(work, settings)


def _levels(work: Work, settings: Settings) -> float:
    levels = math.log2(work.rows + 2)
    return min(levels, _number(settings, "max_depth", levels))


def forest(work: Work, settings: Settings) -> float:
    """As many trees, of which each looks at a share of the features."""
    usual = 1.0 if work.outputs == 1 else math.sqrt(work.features) / work.features
    looked = max(1.0, work.features * _number(settings, "max_features", usual))
    each = 1.2e-3 + 6e-8 * work.rows * looked * _levels(work, settings) + 2e-7 * work.answered
    return _number(settings, "n_estimators", 100) * each


def extra_trees(work: Work, settings: Settings) -> float:
    """Nothing is sorted."""
    return 0.6 * forest(work, settings)


def boosting(work: Work, settings: Settings) -> float:
    """A tree a round and class, each on histograms of the features."""
    trees = _number(settings, "max_iter", 100) * (work.outputs if work.outputs > 2 else 1)
    leaves = min(_number(settings, "max_leaf_nodes", 31), work.rows / 20 + 1)
    levels = math.log2(leaves + 1)
    each = 1.5e-6 * leaves * work.features + 1e-9 * work.rows * work.features * levels
    return _START + trees * (2e-4 + each + 1e-8 * work.answered * levels)


def naive_bayes(work: Work, settings: Settings) -> float:
    """A pass over the rows."""
    return _START + 5e-9 * work.answered * work.features * work.outputs


def perceptron(work: Work, settings: Settings) -> float:
    """Six operations a weight, row and epoch."""
    depth, width = _number(settings, "depth", 1), _number(settings, "width", 100)
    weights = width * (work.features + work.outputs + width * (depth - 1))
    epochs, batch = _number(settings, "epochs", 200), _number(settings, "batch_size", 200)
    steps = math.ceil(work.rows / batch)
    return epochs * (3e-10 * 6 * weights * work.rows / 6 + steps * (2 + depth) * 1e-4)
