"""Which rows of a data set train, validate and test in a split."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import DatasetCard
from suite.data.samples import Targets
from suite.randomness import generator

Rows = NDArray[np.intp]
Units = NDArray[np.int64]


class Partition(NamedTuple):
    """Row numbers; every prefix of `train` has nearly the class shares of the whole."""

    train: Rows
    validation: Rows
    test: Rows


def partition(
    card: DatasetCard, targets: Targets, split: int, units: Units | None = None
) -> Partition:
    """The rows of each part, a function of the data set and the split's number alone.

    A finite set's split s tests on fold s mod `card.folds`; a set drawn afresh is cut in order.

    Args:
        card: says how the rows are divided.
        targets: class numbers, whose shares every part has as nearly as can be, or values.
        split: number of the split.
        units: each row's fold where groups stay together, or its place in time.
    """
    classes = targets if card.task == "classification" else np.zeros(len(targets), np.int64)
    if units is not None:
        divide = _grouped if card.division == "groups" else _in_time
        train, validation, test = divide(card, units, split)
    else:
        train, validation, test = _cut(card) if card.folds == 0 else _fold(card, classes, split)
    order = _nested_order(classes[train], generator(split, "subset"))
    return Partition(train[order][: card.train_samples], validation, test)


def partitions(card: DatasetCard, targets: Targets, units: Units | None) -> Iterator[Partition]:
    """The parts of a finite set with units, for each fold, or pair of folds, that there can be."""
    repeats = card.folds - 1 if card.division == "groups" else 1
    return (partition(card, targets, split, units) for split in range(repeats * card.folds))


def _grouped(card: DatasetCard, folds: Units, split: int) -> Partition:
    """Groups stay together in folds: one tests, another validates, all others train.

    Splits of one test fold take each of the other folds in turn for validation.
    """
    tested = split % card.folds
    validated = (tested + 1 + split // card.folds % (card.folds - 1)) % card.folds
    test, validation = folds == tested, folds == validated
    return Partition(*(np.flatnonzero(part) for part in (~(test | validation), validation, test)))


def _in_time(card: DatasetCard, times: Units, split: int) -> Partition:
    """Consecutive blocks of the later half test; before each lie its validation and training rows.

    Every validation row is earlier than every test row, and every training row earlier still.
    """
    block = len(times) // (2 * card.folds)
    order = np.argsort(times, kind="stable")
    start = len(times) - block * (card.folds - split % card.folds)
    test = order[start : start + block]
    earlier = order[:start][times[order[:start]] < times[test[0]]]
    validation, left = earlier[-block:], earlier[:-block]
    train = left[times[left] < times[validation].min(initial=times[test[0]])]
    return Partition(train[-card.train_samples :], validation, test)


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
