"""Native passes of batch and layer normalization, forward and backward.

Every loop runs member by member. Arrays are float32; those with rows are (member, row, column), of
whose columns the first `units` are true and the others stay zero.
"""

import numpy as np
from numpy.typing import NDArray

from suite.training.compiling import compiled, compiled_sums
from suite.training.normalization import EPSILON, UPDATE_SHARE

Floats = NDArray[np.float32]

_EPSILON = np.float32(EPSILON)
_SHARE = np.float32(UPDATE_SHARE)
_ZERO = np.float32(0)
_ONE = np.float32(1)


@compiled_sums
def layer_forward(
    values: Floats, gains: Floats, units: int, normal: Floats, scales: Floats
) -> None:
    """Give each row mean 0 and variance 1, then its gains, in place.

    Args:
        values: what is normalized.
        gains: (member, column).
        units: true columns.
        normal: receives the values before the gains.
        scales: receives what each row was multiplied by.  # (member, row)
    """
    count = np.float32(units)
    for k in range(values.shape[0]):
        gain = gains[k].copy()
        for b in range(values.shape[1]):
            row, own = values[k, b], normal[k, b]
            total = _ZERO
            for j in range(units):
                total += row[j]
            mean = total / count
            squares = _ZERO
            for j in range(units):
                centred = row[j] - mean
                squares += centred * centred
            scale = _ONE / np.sqrt(squares / count + _EPSILON)
            scales[k, b] = scale
            for j in range(units):
                value = (row[j] - mean) * scale
                own[j] = value
                row[j] = value * gain[j]
            for j in range(units, row.size):
                own[j] = _ZERO
                row[j] = _ZERO


@compiled_sums
def layer_backward(
    delta: Floats,
    normal: Floats,
    scales: Floats,
    gains: Floats,
    units: int,
    gain_sums: Floats,
    sums: Floats,
) -> None:
    """The gradient at the values from that at the results, in place.

    Args:
        delta: (member, row, column).
        normal: what `layer_forward` left.
        scales: likewise.
        gains: (member, column).
        units: true columns.
        gain_sums: receives the gradient of the gains.  # (member, column)
        sums: receives the sums over rows of what `delta` becomes.  # (member, column)
    """
    count = np.float32(units)
    for k in range(delta.shape[0]):
        gain, to_gain, to_values = gains[k].copy(), gain_sums[k], sums[k]
        to_gain[:] = _ZERO
        to_values[:] = _ZERO
        for b in range(delta.shape[1]):
            row, own = delta[k, b], normal[k, b]
            mean = _ZERO
            along = _ZERO
            for j in range(units):
                slope = row[j] * gain[j]
                to_gain[j] += row[j] * own[j]
                row[j] = slope
                mean += slope
                along += slope * own[j]
            mean, along, scale = mean / count, along / count, scales[k, b]
            for j in range(units):
                value = (row[j] - mean - own[j] * along) * scale
                row[j] = value
                to_values[j] += value
            for j in range(units, row.size):
                row[j] = _ZERO


@compiled
def batch_forward(
    values: Floats,
    gains: Floats,
    rows: Floats,
    true: int,
    means: Floats,
    variances: Floats,
    normal: Floats,
    scales: Floats,
) -> None:
    """Give each column mean 0 and variance 1 over the true rows, then its gain, in place.

    Args:
        values: what is normalized.
        gains: (member, column).
        rows: weight of each row, 1/number or 0.
        true: number of true rows.
        means: running means, moved towards the batch's.  # (member, column)
        variances: running variances, likewise.  # (member, column)
        normal: receives the values before the gains.
        scales: receives what each column was multiplied by.  # (member, column)
    """
    unbiased = np.float32(true / max(true - 1, 1))
    for k in range(values.shape[0]):
        gain, scale = gains[k].copy(), scales[k]
        mean, variance = np.zeros(gain.size, np.float32), np.zeros(gain.size, np.float32)
        for b in range(values.shape[1]):
            row, weight = values[k, b], rows[b]
            for j in range(row.size):
                mean[j] += row[j] * weight
        for b in range(values.shape[1]):
            row, weight = values[k, b], rows[b]
            for j in range(row.size):
                row[j] -= mean[j]
                variance[j] += row[j] * row[j] * weight
        for j in range(gain.size):
            means[k, j] += _SHARE * (mean[j] - means[k, j])
            variances[k, j] += _SHARE * (variance[j] * unbiased - variances[k, j])
            scale[j] = _ONE / np.sqrt(variance[j] + _EPSILON)
        for b in range(values.shape[1]):
            row, own = values[k, b], normal[k, b]
            for j in range(row.size):
                value = row[j] * scale[j]
                own[j] = value
                row[j] = value * gain[j]


@compiled
def batch_backward(
    delta: Floats,
    normal: Floats,
    scales: Floats,
    gains: Floats,
    rows: Floats,
    gain_sums: Floats,
    sums: Floats,
) -> None:
    """The gradient at the values from that at the results, in place.

    Args:
        delta: (member, row, column), zero in rows that are not true.
        normal: what `batch_forward` left.
        scales: likewise.
        gains: (member, column).
        rows: weight of each row.
        gain_sums: receives the gradient of the gains.  # (member, column)
        sums: receives the sums over rows of what `delta` becomes.  # (member, column)
    """
    for k in range(delta.shape[0]):
        gain, scale, to_gain, to_values = gains[k].copy(), scales[k], gain_sums[k], sums[k]
        total = np.zeros(gain.size, np.float32)
        along = np.zeros(gain.size, np.float32)
        for b in range(delta.shape[1]):
            row, own = delta[k, b], normal[k, b]
            for j in range(row.size):
                total[j] += row[j]
                along[j] += row[j] * own[j]
        factor = gain * scale
        to_gain[:] = along
        to_values[:] = _ZERO
        for b in range(delta.shape[1]):
            row, own, weight = delta[k, b], normal[k, b], rows[b]
            for j in range(row.size):
                value = (row[j] - weight * (total[j] + own[j] * along[j])) * factor[j]
                row[j] = value
                to_values[j] += value
