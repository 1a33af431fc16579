"""Losses, accuracies and curves of a cohort, in evaluation mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.losses import Loss
from suite.training.forward import Networks
from suite.training.pool import Part, Pool
from suite.training.scores import class_scores, value_scores
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
    """

    loss: Floats
    quality: Floats


@dataclass(frozen=True, slots=True)
class FinalScores:
    """What one part says of one member at the end.

    Attributes:
        metrics: loss, and all that `class_scores` or `value_scores` know.
        spread: largest range of any output over the rows, relative to its size; 0 for a network
            that gives every input the same answer.
    """

    metrics: Mapping[str, float]
    spread: float


def evaluate(
    networks: Networks,
    loss: Loss,
    pool: Pool,
    part: Part,
    replicates: Sequence[Replicate],
    limit: int | None = None,
) -> Scores:
    """Score every member on the first `limit` rows (all by default) of its replicate's part."""
    tables = _tabulate(networks, loss, pool, part, replicates, limit)
    quality = _accuracy if pool.classification else _explained
    return Scores(
        loss=np.array([rows[:, 0].mean() for rows in tables]),
        quality=np.array([quality(rows[:, 1], rows[:, 2:]) for rows in tables]),
    )


def evaluate_finally(
    networks: Networks, loss: Loss, pool: Pool, part: Part, replicates: Sequence[Replicate]
) -> list[FinalScores]:
    """All scores of every member on all rows of its replicate's part."""
    tables = _tabulate(networks, loss, pool, part, replicates)
    return [_score(*pair, loss, pool) for pair in zip(tables, replicates, strict=True)]


def _score(rows: Floats, replicate: Replicate, loss: Loss, pool: Pool) -> FinalScores:
    targets, outputs = rows[:, 1], np.ascontiguousarray(rows[:, 2:])
    if pool.classification:
        scores = class_scores(outputs, targets.astype(np.int64), logits=loss.of_logits)
    else:
        scores = value_scores(outputs[:, 0], targets, pool.target_scales[replicate])
    with np.errstate(invalid="ignore", over="ignore"):
        spread = float(np.ptp(outputs, axis=0).max() / (1 + np.abs(outputs).max()))
    return FinalScores({"loss": float(rows[:, 0].mean()), **scores}, spread)


def _tabulate(
    networks: Networks,
    loss: Loss,
    pool: Pool,
    part: Part,
    replicates: Sequence[Replicate],
    limit: int | None = None,
) -> list[Floats]:
    """A table for each member: each row's loss, class number or target value, and outputs."""
    counts = [min(part.counts[r], limit or part.counts[r]) for r in replicates]
    columns = []
    for start in range(0, max(counts), ROWS):
        index = _rows(part, replicates, counts, start)
        inputs, targets = part.gather(index)
        outputs = networks.outputs(inputs)[..., : pool.outputs]
        columns.append(_row_columns(outputs, targets[..., : pool.outputs], loss, pool))
    table = torch.cat(columns, dim=1).cpu().double().numpy()  # (member, row, column)
    return [table[member, :count] for member, count in enumerate(counts)]


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
    losses = loss.values(outputs, targets)
    truth = targets.argmax(dim=-1).to(losses.dtype) if pool.classification else targets[..., 0]
    return torch.cat([torch.stack([losses, truth], dim=-1), outputs], dim=-1)


def _accuracy(classes: Floats, outputs: Floats) -> float:
    return float((outputs.argmax(axis=1) == classes).mean())


def _explained(targets: Floats, outputs: Floats) -> float:
    return value_scores(outputs[:, 0], targets)["r2"]


def log_spaced(epochs: int, points: int) -> tuple[int, ...]:
    """0, then about `points` epochs evenly spaced in the logarithm, the last one included."""
    spaced = np.geomspace(1, epochs, points).round().astype(int)
    return (0, *np.unique(spaced).tolist())
