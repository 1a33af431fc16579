"""Pictures of a network's numbers: histograms of each layer, and what the first layer looks for."""

import numpy as np
from numpy.typing import NDArray

from suite.pictures import BINS, FILTERS, WEIGHT_RANGE, activation_range
from suite.training.snapshots import Camera

Floats = NDArray[np.float64]


def activation_histograms(camera: Camera) -> Floats:
    """Shares of each hidden layer's activations in bins, as `suite.pictures` has them.

    They are those of the probed training rows.

    Returns:
        NaN in layers that overflowed.  # (member, place)
    """
    hidden = range(camera.networks.model.hidden)
    found = np.empty((len(camera.trials), len(hidden), BINS))
    for member, trial in enumerate(camera.trials):
        for layer in hidden:
            span = activation_range(trial.activation)
            found[member, layer] = _shares(camera.activations[layer][member], span)
    return found.reshape(len(found), -1)


def weight_histograms(camera: Camera) -> Floats:
    """Shares of each layer's weights in bins, and after these the share that is exactly zero.

    Returns:
        NaN in layers that overflowed.  # (member, place)
    """
    return np.array(
        [
            np.concatenate([_with_zeros(layer[member]) for layer in camera.weights])
            for member in range(len(camera.trials))
        ]
    )


def first_layer_filters(camera: Camera) -> Floats:
    """Incoming weights of the first layer's first units.  # (member, place)."""
    first = camera.weights[0][:, :, :FILTERS]  # (member, fan_in, unit)
    return np.array([own.T.reshape(-1) for own in first])


def _with_zeros(weights: Floats) -> Floats:
    zero = weights == 0
    shares = _shares(weights[~zero], WEIGHT_RANGE, weights.size)
    return np.append(shares, zero.mean() if np.isfinite(shares).all() else np.nan)


def _shares(values: Floats, span: tuple[float, float], size: int | None = None) -> Floats:
    """Of `size` numbers, all by default, the share in each bin.  # (bin,)."""
    if not np.isfinite(values).all():
        return np.full(BINS, np.nan)
    counts, _ = np.histogram(np.clip(values, *span), bins=BINS, range=span)
    shares: Floats = counts / (size or values.size)
    return shares
