"""From a data set's name and a split's number to arrays ready for training."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import numpy as np

from suite.data.cards import DATASETS, check_request
from suite.data.dataset import Dataset, DatasetCard, Parameter
from suite.data.partition import partition
from suite.data.preprocessing import fit_standardization
from suite.data.samples import Inputs, Samples, Targets
from suite.data.split import Split
from suite.randomness import generator


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
    raw = raw_samples(dataset, split)
    rows = partition(card, raw.targets, split)
    labels = _with_label_noise(raw.targets[rows.train], label_noise, card.outputs, split)
    return _preprocess(
        card,
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
    return _data_hash(entry.card, entry.draw, tuple(sorted(entry.parameters.items())))


# By content, since a name can stand for one data set of a user's own and later for another.
@cache
def _data_hash(
    card: DatasetCard, draw: Callable[..., Samples], parameters: tuple[tuple[str, Parameter], ...]
) -> str:
    dataset = Dataset(card, draw, dict(parameters))
    sha = hashlib.sha256(json.dumps(dataset.parameters).encode())
    for array in draw_rows(dataset, 0):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()[:16]


def _with_label_noise(labels: Targets, share: float, classes: int, split: int) -> Targets:
    if share == 0:
        return labels
    rng = generator(split, "label_noise")
    # Both draws are made for every label, so that more noise keeps the changes of less.
    changed = rng.random(len(labels)) < share
    drawn = rng.integers(classes, size=len(labels))
    return np.where(changed, drawn, labels)


def _preprocess(card: DatasetCard, train: Samples, validation: Samples, test: Samples) -> Split:
    parts = (train, validation, test)
    inputs = _standardized([part.inputs for part in parts], card.scales_per_feature)
    targets = _read_targets(card, parts)
    return Split(
        train_inputs=inputs[0],
        train_targets=targets[0],
        validation_inputs=inputs[1],
        validation_targets=targets[1],
        test_inputs=inputs[2],
        test_targets=targets[2],
        task=card.task,
        outputs=card.outputs,
        shape=card.input_shape,
    )


def _read_targets(card: DatasetCard, parts: Sequence[Samples]) -> Sequence[Targets]:
    if card.task == "classification":
        return [part.targets for part in parts]
    columns = [part.targets[:, None].astype(np.float32) for part in parts]
    return _standardized(columns, per_feature=True)


def _standardized(parts: Sequence[Inputs], per_feature: bool) -> Sequence[Inputs]:
    """All parts on the scale of the first, which is the training part."""
    fitted = fit_standardization(parts[0], per_feature=per_feature)
    return [fitted.apply(part) for part in parts]
