"""The order in which each member sees its rows, and what is drawn for each of its steps."""

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.regularizers import alpha_dropout_factors
from suite.training.forward import Drop
from suite.training.layout import Layout, padded
from suite.training.pool import Part
from suite.trial import Replicate, Trial

# Gathering several steps at once saves calls; beyond this many bytes it only leaves the cache.
CHUNK_BYTES = 2**20


def epoch_rows(
    part: Part, replicates: Sequence[Replicate], orders: Sequence[np.random.Generator]
) -> NDArray[np.int64]:
    """Each member's rows in the order of this epoch.  # (member, row)."""
    count = part.rows(replicates)
    return np.stack(
        [
            part.starts[replicate] + rng.permutation(count)
            for replicate, rng in zip(replicates, orders, strict=True)
        ]
    )


def batches(
    part: Part, rows: NDArray[np.int64], batch_size: int
) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Inputs (member, padded row, feature), targets and the number of true rows, step by step.

    The last batch of an epoch may be smaller. Padding rows repeat a true row; whoever uses them
    must give them no weight. A step's tensors are overwritten by a later one's.
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
    there = torch.from_numpy(np.ascontiguousarray(index)).to(part.inputs.device)
    step_bytes = 4 * index[0].size * part.inputs.shape[1]
    steps = min(len(index), max(1, CHUNK_BYTES // step_bytes))
    inputs, targets = (
        values.new_empty(steps, *index.shape[1:], values.shape[1])
        for values in (part.inputs, part.targets)
    )
    for start in range(0, len(index), steps):
        chunk = there[start : start + steps]
        for values, out in ((part.inputs, inputs), (part.targets, targets)):
            rows = out[: len(chunk)].view(-1, values.shape[1])
            torch.index_select(values, 0, chunk.reshape(-1), out=rows)
        for step in range(len(chunk)):
            yield inputs[step], targets[step], true_rows


def draw_drops(
    layout: Layout,
    rows: int,
    trials: Sequence[Trial],
    draws: Sequence[np.random.Generator],
    like: Tensor,
) -> list[Drop]:
    """What dropout does to each hidden layer in one step; nothing for recipes without.

    Sixteen random bits decide each unit, so rates are exact to 1/65536.
    """
    for name, factors in (("dropout", _dropped), ("alpha_dropout", _alpha_dropped)):
        if trials[0].strength(name):
            rates = [trial.strength(name) for trial in trials]
            return [
                factors(rates, _kept(shape, rates, draws), like)
                for shape in (
                    (rows * prod(placed.layer.maps), placed.columns)
                    for placed in layout.layers[:-1]
                )
            ]
    return []


def _kept(
    shape: tuple[int, int], rates: Sequence[float], draws: Sequence[np.random.Generator]
) -> NDArray[np.bool_]:
    """Whether each unit stays.  # (member, row and place, unit)."""
    return np.stack(
        [
            rng.integers(0, 65536, shape, dtype=np.uint16) >= round(rate * 65536)
            for rate, rng in zip(rates, draws, strict=True)
        ]
    )


def _dropped(rates: Sequence[float], kept: NDArray[np.bool_], like: Tensor) -> Drop:
    """Inverted dropout: 0, or 1/(1 - rate)."""
    grown = _column([1 / (1 - rate) for rate in rates])
    return Drop(torch.from_numpy(kept * grown).to(like))


def _alpha_dropped(rates: Sequence[float], kept: NDArray[np.bool_], like: Tensor) -> Drop:
    values, scales, shifts = zip(*map(alpha_dropout_factors, rates), strict=True)
    moved = _column([value * scale for value, scale in zip(values, scales, strict=True)])
    scale = torch.from_numpy(kept * _column(scales)).to(like)
    shift = torch.from_numpy(~kept * moved + _column(shifts)).to(like)
    return Drop(scale, shift)


def _column(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)[:, None, None]


def draw_noise(
    inputs: Tensor, features: int, trials: Sequence[Trial], draws: Sequence[np.random.Generator]
) -> Tensor:
    """Normal noise of each member's own strength, zero on padding features; shape of `inputs`."""
    noise = np.zeros(inputs.shape, dtype=np.float32)
    shape = (inputs.shape[1], features)
    for rng, member in zip(draws, noise, strict=True):
        member[:, :features] = rng.standard_normal(shape, dtype=np.float32)
    strengths = inputs.new_tensor([trial.strength("input_noise") for trial in trials])
    return torch.from_numpy(noise).to(inputs) * strengths[:, None, None]
