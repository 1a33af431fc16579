"""Which rows of a data set train, validate and test in a split."""

from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import DatasetCard
from suite.data.samples import Targets
from suite.randomness import generator

Rows = NDArray[np.intp]


class Partition(NamedTuple):
    """Row numbers; every prefix of `train` has nearly the class shares of the whole."""

    train: Rows
    validation: Rows
    test: Rows


def partition(card: DatasetCard, targets: Targets, split: int) -> Partition:
    """The rows of each part, a function of the data set and the split's number alone.

    A finite set's split s tests on fold s mod `card.folds`; a set drawn afresh is cut in order.
    """
    classes = targets if card.task == "classification" else np.zeros(len(targets), np.int64)
    train, validation, test = _cut(card) if card.folds == 0 else _fold(card, classes, split)
    order = _nested_order(classes[train], generator(split, "subset"))
    return Partition(train[order], validation, test)


def _cut(card: DatasetCard) -> Partition:
    ends = [card.train_samples, 2 * card.train_samples]
    return Partition(*np.split(np.arange(card.samples), ends))


def _fold(card: DatasetCard, classes: Targets, split: int) -> Partition:
    from sklearn.model_selection import StratifiedKFold, train_test_split

    # With one class, as regression has here, stratified folds are plain folds.
    folds = StratifiedKFold(card.folds, shuffle=True, random_state=_seed(0, f"{card.name} folds"))
    rest, test = next(islice(folds.split(classes, classes), split % card.folds, None))
    train, validation = train_test_split(
        rest,
        train_size=card.train_samples,
        stratify=classes[rest],
        random_state=_seed(split, "validation"),
    )
    return Partition(train, validation, test)


def _seed(seed: int, purpose: str) -> int:
    """A seed for scikit-learn, which takes no NumPy generators."""
    return int(generator(seed, purpose).integers(2**32))


def _nested_order(classes: Targets, rng: np.random.Generator) -> Rows:
    """A random order in which every prefix is stratified: each class is spread evenly along it."""
    shuffled = rng.permutation(len(classes))
    place = np.empty(len(classes))
    for label in np.unique(classes):
        members = classes[shuffled] == label
        count = np.count_nonzero(members)
        place[members] = (np.arange(count) + 0.5) / count
    return shuffled[np.argsort(place, kind="stable")]
