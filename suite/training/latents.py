"""Latent probes: which of a grammar's hidden symbols a linear model reads off a layer."""

import numpy as np
from numpy.typing import NDArray

from suite.data.hierarchy import latents_of
from suite.training.pool import Part
from suite.training.separability import ROWS, predict
from suite.training.snapshots import Camera

Floats = NDArray[np.float64]
Symbols = NDArray[np.int64]


def latent_accuracies(camera: Camera, level: int) -> Floats:
    """Validation accuracy, over all places, of ridge regression on each layer's activations.

    It tells the symbols that strings of the random hierarchy grew from; of the levels, 1 is next
    to the strings and the last one the class.

    Returns:
        NaN for other data sets, and where the grammar has fewer levels.  # (member, layer)
    """
    members = range(len(camera.trials))
    return np.array([_member(camera.some(slice(m, m + 1)), level) for m in members])


def _member(camera: Camera, level: int) -> list[float]:
    pool = camera.pool
    fitted, symbols = _read(camera, pool.train, level)
    judged, truth = _read(camera, pool.validation, level)
    if symbols is None or truth is None:
        return [np.nan] * len(camera.networks.model.layout.layers)
    count = 1 + max(symbols.max(), truth.max())
    targets = np.eye(count)[symbols].reshape(len(symbols), -1)  # (row, place and symbol)
    return [
        _accuracy(predict(layer, targets, other), truth)
        for layer, other in zip(fitted, judged, strict=True)
    ]


def _read(camera: Camera, part: Part, level: int) -> tuple[list[Floats], Symbols | None]:
    """Every layer's activations of the first rows and the level's symbols, (row, place)."""
    inputs, _, rows = camera.rows(part, ROWS)
    features = int(np.prod(camera.pool.shape))
    symbols = latents_of(camera.trials[0].dataset, inputs[0, :rows, :features].cpu().numpy())
    if len(symbols) < level:
        return [], None
    activations = camera.by_row(camera.record(inputs).activations, rows)
    return [one[0] for one in activations], symbols[level - 1]


def _accuracy(predictions: Floats, truth: Symbols) -> float:
    """Share of right symbols; NaN for a layer that overflowed."""
    if not np.isfinite(predictions).all():
        return np.nan
    # (row, place, symbol)
    scores = predictions.reshape(*truth.shape, -1)
    return float((scores.argmax(axis=2) == truth).mean())
