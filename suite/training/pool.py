"""The rows that a cohort trains and is measured on: all its members' data in one matrix each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.data.split import Split
from suite.training.layout import pad_columns, padded
from suite.trial import Replicate

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Part:
    """One part (train, validation or test) of every replicate, one below the other.

    Attributes:
        inputs: (replicate and row, padded feature).
        targets: (replicate and row, padded output); classes as one-hot rows.
        starts: first row of each replicate.
        counts: rows of each replicate.
    """

    inputs: Tensor
    targets: Tensor
    starts: Mapping[Replicate, int]
    counts: Mapping[Replicate, int]

    def rows(self, replicates: Sequence[Replicate]) -> int:
        """Rows of the longest of the given replicates."""
        return max(self.counts[replicate] for replicate in replicates)

    def gather(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Inputs and targets at the given rows, of the index's shape and one axis more."""
        flat = torch.from_numpy(index.reshape(-1)).to(self.inputs.device)
        shape = (*index.shape, -1)
        inputs = self.inputs.index_select(0, flat).view(shape)
        return inputs, self.targets.index_select(0, flat).view(shape)


@dataclass(frozen=True, slots=True)
class Pool:
    """Everything a cohort needs to know of its data.

    Attributes:
        train: rows to fit.
        validation: rows to choose on.
        test: rows to report.
        shape: of one input.
        outputs: number of classes; 1 for values.
        classification: whether targets are classes.
        target_scales: one unit of each replicate's targets in their own units.
        relevant: numbers of the features that the target depends on; empty where not known.
    """

    train: Part
    validation: Part
    test: Part
    shape: tuple[int, ...]
    outputs: int
    classification: bool
    target_scales: Mapping[Replicate, float]
    relevant: tuple[int, ...] = ()


def make_pool(splits: Mapping[Replicate, Split], device: torch.device) -> Pool:
    """Stack splits of one data set.

    Raises:
        ValueError: the splits' training parts differ in size.
    """
    first = next(iter(splits.values()))
    if len({len(split.train_inputs) for split in splits.values()}) > 1:
        raise ValueError("training parts of one cohort must have one size")
    parts = {name: _make_part(splits, name, device) for name in PARTS}
    return Pool(
        **parts,
        shape=first.shape,
        outputs=first.outputs,
        classification=first.task == "classification",
        target_scales={replicate: split.target_scale for replicate, split in splits.items()},
        relevant=first.relevant,
    )


def _make_part(splits: Mapping[Replicate, Split], name: str, device: torch.device) -> Part:
    inputs = [getattr(split, f"{name}_inputs") for split in splits.values()]
    targets = [_target_rows(split, getattr(split, f"{name}_targets")) for split in splits.values()]
    counts = [len(rows) for rows in inputs]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).tolist()
    columns, outputs = padded(inputs[0].shape[1]), padded(targets[0].shape[1])
    return Part(
        inputs=torch.cat([pad_columns(rows, columns) for rows in inputs]).to(device),
        targets=torch.cat([pad_columns(rows, outputs) for rows in targets]).to(device),
        starts=dict(zip(splits, starts, strict=True)),
        counts=dict(zip(splits, counts, strict=True)),
    )


def _target_rows(split: Split, targets: NDArray[np.generic]) -> NDArray[np.float32]:
    if split.task == "regression":
        return targets.astype(np.float32)
    return np.eye(split.outputs, dtype=np.float32)[targets.astype(np.int64)]
