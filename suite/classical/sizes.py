"""How many numbers a fitted estimator has learned, to set beside a network's parameters."""

from typing import Any

import numpy as np


def dummy(estimator: Any) -> int:
    """The classes' shares, or the mean."""
    return int(np.size(getattr(estimator, "class_prior_", 1)))


def linear(estimator: Any) -> int:
    """Weights and intercepts."""
    return int(np.size(estimator.coef_) + np.size(estimator.intercept_))


def nearest_neighbours(estimator: Any) -> int:
    """The training rows, which are all kept."""
    return int(estimator.n_samples_fit_ * estimator.n_features_in_)


def rbf_svm(estimator: Any) -> int:
    """The support vectors with their coefficients, and intercepts."""
    # Where kernels were worked out beforehand, the vectors themselves are not kept in it.
    vectors = estimator.n_support_.sum() * estimator.shape_fit_[1]
    return int(vectors + np.size(estimator.dual_coef_) + np.size(estimator.intercept_))


def tree(estimator: Any) -> int:
    """Nodes, each a question or an answer."""
    return int(estimator.tree_.node_count)


def forest(estimator: Any) -> int:
    """Nodes of all trees."""
    return sum(tree(one) for one in estimator.estimators_)


def boosting(estimator: Any) -> int:
    """Nodes of all trees; scikit-learn keeps them in a private attribute."""
    return sum(len(one.nodes) for round_ in estimator._predictors for one in round_)


def naive_bayes(estimator: Any) -> int:
    """A mean and a variance for each class and feature, and the classes' shares."""
    return int(2 * np.size(estimator.theta_) + np.size(estimator.class_prior_))


def perceptron(estimator: Any) -> int:
    """Weights and biases."""
    return int(sum(array.size for array in (*estimator.coefs_, *estimator.intercepts_)))
