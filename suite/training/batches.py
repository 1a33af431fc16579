"""The order in which each member sees its rows, and which of its units are dropped."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.training.layout import Layout, padded
from suite.training.pool import Part

# Gathering several steps at once saves calls; beyond this many bytes it only leaves the cache.
CHUNK_BYTES = 2**24


def epoch_rows(
    part: Part, splits: Sequence[int], orders: Sequence[np.random.Generator]
) -> NDArray[np.int64]:
    """Each member's rows in the order of this epoch.  # (member, row)."""
    count = part.rows(splits)
    return np.stack(
        [
            part.starts[split] + rng.permutation(count)
            for split, rng in zip(splits, orders, strict=True)
        ]
    )


def batches(
    part: Part, rows: NDArray[np.int64], batch_size: int
) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Inputs (member, padded row, feature), targets and the number of true rows, step by step.

    The last batch of an epoch may be smaller. Padding rows repeat a true row; whoever uses them
    must give them no weight.
    """
    count = rows.shape[1]
    full = count // batch_size
    if full:
        index = rows[:, : full * batch_size].reshape(len(rows), full, batch_size)
        yield from _chunks(part, index.swapaxes(0, 1), batch_size)
    if count % batch_size:
        yield from _chunks(part, rows[None, :, full * batch_size :], count % batch_size)


def _chunks(
    part: Part, index: NDArray[np.int64], true_rows: int
) -> Iterator[tuple[Tensor, Tensor, int]]:
    extra = padded(true_rows) - true_rows
    if extra:
        index = np.concatenate([index, np.repeat(index[:, :, :1], extra, axis=2)], axis=2)
    step_bytes = 4 * index[0].size * part.inputs.shape[1]
    steps = max(1, CHUNK_BYTES // step_bytes)
    for start in range(0, len(index), steps):
        inputs, targets = part.gather(np.ascontiguousarray(index[start : start + steps]))
        for step in range(len(inputs)):
            yield inputs[step], targets[step], true_rows


def dropout_masks(
    layout: Layout,
    rows: int,
    rates: Sequence[float],
    draws: Sequence[np.random.Generator],
    device: torch.device,
) -> list[Tensor]:
    """Inverted-dropout factors of each hidden layer: 0, or 1/(1 - rate).  # (member, row, unit).

    Sixteen random bits decide each unit, so rates are exact to 1/65536.
    """
    masks = []
    for layer in layout.layers[:-1]:
        shape = (rows, layer.columns)
        kept = [
            rng.integers(0, 65536, shape, dtype=np.uint16) >= round(rate * 65536)
            for rate, rng in zip(rates, draws, strict=True)
        ]
        factors = [
            np.multiply(keep, np.float32(1 / (1 - rate)), dtype=np.float32)
            for keep, rate in zip(kept, rates, strict=True)
        ]
        masks.append(torch.from_numpy(np.stack(factors)).to(device))
    return masks
