"""Linear probes: how well a linear model of a layer's activations tells the targets."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from suite.training.pool import Part
from suite.training.snapshots import PROBE_ROWS, Camera

Floats = NDArray[np.float64]

# Training rows that a linear model is fitted on, and validation rows that it is judged on.
ROWS = 512
# Ridge penalty: squared errors summed over the rows, plus this times the squared weights.
PENALTY = 1.0
# Rows at most that a last layer is read out from: as many as any other linear model has.
READOUT_ROWS = 2**16


def linear_probe(camera: Camera) -> Floats:
    """Accuracy, or R² of values, on validation rows.  # (member, layer).

    The model is ridge regression on standardised activations of training rows, whose targets are
    one-hot for classes, with an intercept.
    """
    members = range(len(camera.replicates))
    return np.array([_member(camera.some(slice(member, member + 1))) for member in members])


def linear_readout(camera: Camera) -> Floats:
    """Accuracy, or R² of values, on test rows of that model of what the output layer is fed.

    It is fitted on all training rows, so that it can be held against linear models of other
    features. NaN without a hidden layer, and where nothing of the test part may be told.

    Returns:
        (member,)
    """
    if len(camera.networks.model.layout.layers) < 2 or not camera.trials[0].reports_test:
        return np.full(len(camera.trials), np.nan)
    members = range(len(camera.trials))
    return np.array([_read_out(camera.some(slice(member, member + 1))) for member in members])


def _read_out(camera: Camera) -> float:
    fitted, targets = _read(camera, camera.pool.train)
    judged, truth = _read(camera, camera.pool.test)
    return _score(camera, predict(fitted, targets, judged), truth)


def _read(camera: Camera, part: Part) -> tuple[Floats, Floats]:
    """What the output layer is fed, padding included, and the targets.  # (row, column)."""
    inputs, targets, rows = camera.rows(part, READOUT_ROWS)
    # A few rows at a time: all maps of all rows would take hundreds of megabytes.
    chunks = [camera.record(chunk).read[0] for chunk in torch.split(inputs, PROBE_ROWS, dim=1)]
    found: Floats = torch.cat(chunks, dim=1)[0, :rows].cpu().numpy()
    return found, targets[0, :rows, : camera.pool.outputs].cpu().numpy()


def _member(camera: Camera) -> list[float]:
    fitted, targets = _features(camera, camera.pool.train)
    judged, truth = _features(camera, camera.pool.validation)
    return [
        _score(camera, predict(layer, targets, other), truth)
        for layer, other in zip(fitted, judged, strict=True)
    ]


def _score(camera: Camera, predictions: Floats, truth: Floats) -> float:
    score = _accuracy if camera.pool.classification else _explained
    return score(predictions, truth) if np.isfinite(predictions).all() else np.nan


def _features(camera: Camera, part: Part) -> tuple[list[Floats], Floats]:
    """Every layer's activations and the targets of the first rows.  # (row, unit)."""
    inputs, targets, rows = camera.rows(part, ROWS)
    activations = camera.by_row(camera.record(inputs).activations, rows)
    return [one[0] for one in activations], targets[0, :rows, : camera.pool.outputs].cpu().numpy()


def predict(fitted: Floats, targets: Floats, judged: Floats) -> Floats:
    """Outputs for some rows of ridge regression on others, features standardised.

    Args:
        fitted: (row, feature).
        targets: (row, output).
        judged: (other row, feature).

    Returns:
        (other row, output), not finite where the features are not.
    """
    means, offsets = fitted.mean(axis=0), targets.mean(axis=0)
    fitted, targets = fitted - means, targets - offsets
    deviations = np.sqrt(np.square(fitted).mean(axis=0))
    # Of a feature that is always the same, rounding leaves a deviation of its own.
    same = deviations <= len(fitted) * np.finfo(np.float64).eps * np.abs(means)
    scales = np.where(same, np.inf, deviations)
    if not (np.isfinite(deviations).all() and np.isfinite(judged).all()):
        return np.full((len(judged), len(offsets)), np.nan)
    slopes = _ridge(fitted / scales, targets) / scales[:, None]
    predictions: Floats = (judged - means) @ slopes + offsets
    return predictions


def _ridge(features: Floats, targets: Floats) -> NDArray[np.floating[Any]]:
    """Slopes of the standardised features.  # (feature, output)."""
    rows, columns = features.shape
    if columns <= rows:
        gram = features.T @ features + PENALTY * np.eye(columns)
        return np.linalg.solve(gram, features.T @ targets)
    # The same by Woodbury's identity, with a matrix of rows by rows.
    kernel = features @ features.T + PENALTY * np.eye(rows)
    return features.T @ np.linalg.solve(kernel, targets)


def _accuracy(predictions: Floats, truth: Floats) -> float:
    return float((predictions.argmax(axis=1) == truth.argmax(axis=1)).mean())


def _explained(predictions: Floats, truth: Floats) -> float:
    """R²; NaN where the targets are all the same."""
    total = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(predictions - truth).sum() / total) if total else np.nan
