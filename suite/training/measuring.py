"""Losses, accuracies and curves of a cohort, in evaluation mode."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.losses import Loss
from suite.training.forward import Networks
from suite.training.pool import Part, Pool
from suite.trial import Replicate

# Rows per forward pass. Fixed, so that a row's outputs never depend on how many rows there are.
ROWS = 128
# Rows of a part that curves are measured on; final metrics take all of them.
CURVE_ROWS = 512

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one part says of each member.

    Attributes:
        loss: mean loss, penalties left out.  # (member,)
        quality: accuracy for classes, R² for values.  # (member,)
        spread: largest range of any output over the rows, relative to its size; 0 for a network
            that gives every input the same answer.  # (member,)
    """

    loss: Floats
    quality: Floats
    spread: Floats


def evaluate(
    networks: Networks,
    loss: Loss,
    pool: Pool,
    part: Part,
    replicates: Sequence[Replicate],
    limit: int | None = None,
) -> Scores:
    """Score every member on the first `limit` rows (all by default) of its replicate's part."""
    counts = [min(part.counts[r], limit or part.counts[r]) for r in replicates]
    columns = []
    for start in range(0, max(counts), ROWS):
        index = _rows(part, replicates, counts, start)
        inputs, targets = part.gather(index)
        outputs = networks.outputs(inputs)[..., : pool.outputs]
        columns.append(_row_columns(outputs, targets[..., : pool.outputs], loss, pool))
    table = torch.cat(columns, dim=1).cpu().double().numpy()  # (member, row, column)
    scored = [_summarise(table[m, :count], pool) for m, count in enumerate(counts)]
    return Scores(*(np.array(column) for column in zip(*scored, strict=True)))


def _rows(
    part: Part, replicates: Sequence[Replicate], counts: Sequence[int], start: int
) -> NDArray[np.int64]:
    offsets = np.arange(start, start + ROWS)
    return np.stack(
        [
            part.starts[r] + np.minimum(offsets, c - 1)
            for r, c in zip(replicates, counts, strict=True)
        ]
    )


def _row_columns(outputs: Tensor, targets: Tensor, loss: Loss, pool: Pool) -> Tensor:
    """Per row: its loss, a hit (or squared error and target), and the outputs themselves."""
    losses = loss.values(outputs, targets)
    if pool.classification:
        hits = outputs.argmax(dim=-1) == targets.argmax(dim=-1)
        pair = [losses, hits.to(losses.dtype)]
    else:
        pair = [losses, targets[..., 0]]
    return torch.cat([torch.stack(pair, dim=-1), outputs], dim=-1)


def _summarise(rows: Floats, pool: Pool) -> tuple[float, float, float]:
    loss, quality, outputs = rows[:, 0].mean(), rows[:, 1], rows[:, 2:]
    with np.errstate(invalid="ignore", over="ignore"):
        size = 1 + np.abs(outputs).max()
        spread = float(np.ptp(outputs, axis=0).max() / size)
        if pool.classification:
            return float(loss), float(quality.mean()), spread
        residual = np.square(outputs[:, 0] - quality).sum()
        total = np.square(quality - quality.mean()).sum()
        # Of targets that are all the same there is nothing to explain.
        return float(loss), float(1 - residual / total) if total else 0.0, spread


def log_spaced(epochs: int, points: int) -> tuple[int, ...]:
    """0, then about `points` epochs evenly spaced in the logarithm, the last one included."""
    spaced = np.geomspace(1, epochs, points).round().astype(int)
    return (0, *np.unique(spaced).tolist())
