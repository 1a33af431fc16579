"""From a data set's name and a split's number to arrays ready for training."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.cards import DATASETS, check_request
from suite.data.dataset import Dataset, DatasetCard, Parameter
from suite.data.partition import partition
from suite.data.preprocessing import fit_standardization, standardize
from suite.data.samples import Samples, Targets
from suite.data.split import Split
from suite.randomness import generator

# A hash takes a big table by and by: it may lie on the disk, column by column.
_ROWS_AT_ONCE = 2**16


def load_split(
    dataset: str, split: int, samples: int | None = None, label_noise: float = 0.0
) -> Split:
    """One split of a data set, the same to the last bit in every process.

    Args:
        dataset: a name in `DATASETS`, with or without parameters.
        split: which replicate: test fold or fresh draw, validation part, subset, label noise.
        samples: training samples to keep; the smaller choices are prefixes of the bigger ones.
        label_noise: probability with which each training label is drawn anew over all classes.

    Raises:
        InputError: an unknown data set, or a request that it cannot meet.
    """
    card = check_request(dataset, samples, label_noise)
    raw, entry = raw_samples(dataset, split), DATASETS[dataset]
    rows = partition(card, raw.targets, split, entry.units and entry.units())
    labels = _with_label_noise(raw.targets[rows.train], label_noise, card.outputs, split)
    return _preprocess(
        entry,
        train=Samples(raw.inputs[rows.train[:samples]], labels[:samples]),
        validation=Samples(raw.inputs[rows.validation], raw.targets[rows.validation]),
        test=Samples(raw.inputs[rows.test], raw.targets[rows.test]),
    )


def raw_samples(dataset: str, split: int) -> Samples:
    """All rows from which a split is cut, unscaled; those of a finite set in every split."""
    entry = DATASETS[dataset]
    if entry.card.folds:
        return draw_rows(entry, split)
    return _drawn(entry.card, entry.draw, tuple(entry.parameters.items()), split)


# What differs in a training subset or in label noise alone has the same rows; a cohort has
# several such splits at once.
@lru_cache(maxsize=8)
def _drawn(
    card: DatasetCard,
    draw: Callable[..., Samples],
    parameters: tuple[tuple[str, Parameter], ...],
    split: int,
) -> Samples:
    return draw_rows(Dataset(card, draw, dict(parameters)), split)


def draw_rows(dataset: Dataset, split: int) -> Samples:
    """What the set's function gives for a split; nothing is remembered."""
    if dataset.card.folds:
        return dataset.draw(**dataset.parameters)
    rng = generator(split, dataset.card.name)
    return dataset.draw(rng, dataset.card.samples, **dataset.parameters)


def data_hash(dataset: str) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the raw rows (split 0's) and parameters.

    Raises:
        InputError: an unknown data set.
    """
    check_request(dataset)
    entry = DATASETS[dataset]
    parameters = tuple(sorted(entry.parameters.items()))
    return _data_hash(entry.card, entry.draw, parameters, entry.units)


# By content, since a name can stand for one data set of a user's own and later for another.
@cache
def _data_hash(
    card: DatasetCard,
    draw: Callable[..., Samples],
    parameters: tuple[tuple[str, Parameter], ...],
    units: Callable[[], NDArray[np.int64]] | None,
) -> str:
    dataset = Dataset(card, draw, dict(parameters))
    sha = hashlib.sha256(json.dumps(dataset.parameters).encode())
    arrays: list[NDArray[Any]] = [*draw_rows(dataset, 0)]
    for array in [*arrays, units()] if units else arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        for start in range(0, len(array), _ROWS_AT_ONCE):
            sha.update(np.ascontiguousarray(array[start : start + _ROWS_AT_ONCE]).data)
    return sha.hexdigest()[:16]


def _with_label_noise(labels: Targets, share: float, classes: int, split: int) -> Targets:
    if share == 0:
        return labels
    rng = generator(split, "label_noise")
    # Both draws are made for every label, so that more noise keeps the changes of less.
    changed = rng.random(len(labels)) < share
    drawn = rng.integers(classes, size=len(labels))
    return np.where(changed, drawn, labels)


def _preprocess(entry: Dataset, train: Samples, validation: Samples, test: Samples) -> Split:
    card, parts = entry.card, (train, validation, test)
    prepare = entry.prepare or partial(standardize, per_feature=card.scales_per_feature)
    prepared = prepare(train)
    targets, scale = _read_targets(card, [part.targets for part in parts])
    # Where preparing leaves out or adds columns, a feature's number is another's.
    same = prepared.train.shape == train.inputs.shape
    return Split(
        train_inputs=prepared.train,
        train_targets=targets[0],
        validation_inputs=prepared.apply(validation.inputs),
        validation_targets=targets[1],
        test_inputs=prepared.apply(test.inputs),
        test_targets=targets[2],
        task=card.task,
        outputs=card.outputs,
        shape=card.input_shape,
        target_scale=scale,
        relevant=card.relevant if same else (),
    )


def _read_targets(card: DatasetCard, parts: Sequence[Targets]) -> tuple[Sequence[Targets], float]:
    """The parts' targets on the scale of the first, which is the training part, and that scale."""
    if card.task == "classification":
        return parts, 1.0
    columns: list[Any] = [part[:, None] for part in parts]
    fitted = fit_standardization(columns[0], per_feature=True)
    slope = float(fitted.scale[0])
    # What is constant in training is 0 in every part, whatever its unit.
    return [fitted.apply(column) for column in columns], 1 / slope if slope else 1.0
