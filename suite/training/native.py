"""Native passes of the fast kernel: what torch needs several sweeps over memory for, in one.

Every loop runs member by member, so that a member's numbers cannot depend on its company. Arrays
are float32 and contiguous.
"""

import numpy as np
from numpy.typing import NDArray

from suite.training.compiling import compiled, compiled_sums

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# exp(x) = 2^n exp(r) with |r| ≤ ln 2 / 2 and a polynomial for exp(r): Cephes, expf.
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_LEAST = np.float32(-87.0)
_HALF = np.float32(0.5)
_ZERO = np.float32(0)
_ONE = np.float32(1)


@compiled_sums
def _exponentials(values: Floats, powers: NDArray[np.int32]) -> None:
    """Replace values by their exponentials; `powers` is scratch of the same length."""
    scales = powers.view(np.float32)
    for i in range(values.size):
        x = values[i]
        # In this order, NaN stays NaN.
        x = _LEAST if x < _LEAST else x
        n = np.floor(x * _LOG2_E + _HALF)
        x = x - n * _LN2_HIGH - n * _LN2_LOW
        p = np.float32(1.9875691500e-4)
        p = p * x + np.float32(1.3981999507e-3)
        p = p * x + np.float32(8.3334519073e-3)
        p = p * x + np.float32(4.1665795894e-2)
        p = p * x + np.float32(1.6666665459e-1)
        p = p * x + np.float32(5.0000001201e-1)
        values[i] = p * x * x + x + _ONE
        powers[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
    for i in range(values.size):
        values[i] *= scales[i]


@compiled_sums
def _lower_by_highest(outputs: Floats, classes: int, out: Floats) -> None:
    """Subtract from each row its largest true output, so that no exponential overflows."""
    for b in range(outputs.shape[0]):
        highest = outputs[b, 0]
        for j in range(1, classes):
            highest = outputs[b, j] if outputs[b, j] > highest else highest
        for j in range(outputs.shape[1]):
            out[b, j] = outputs[b, j] - highest


@compiled_sums
def cross_entropy_gradient(
    outputs: Floats, targets: Floats, rows: Floats, classes: int, delta: Floats, biases: Floats
) -> None:
    """Gradient of the mean cross-entropy at the outputs, and its sums over rows.

    Args:
        outputs: (member, row, column), of which the first `classes` columns are true.
        targets: likewise; each row sums to 1.
        rows: weight of each row.
        classes: true outputs.
        delta: receives rows * (softmax(outputs) - targets), zeros in padding columns.
        biases: receives the sums of delta over rows.  # (member, column)
    """
    columns = outputs.shape[2]
    powers = np.empty(outputs.shape[1] * columns, np.int32)
    for k in range(outputs.shape[0]):
        target, out, sums = targets[k], delta[k], biases[k]
        _lower_by_highest(outputs[k], classes, out)
        _exponentials(out.reshape(-1), powers)
        sums[:] = _ZERO
        for b in range(outputs.shape[1]):
            total = _ZERO
            for j in range(classes):
                total += out[b, j]
            scale, weight = rows[b] / total, rows[b]
            for j in range(columns):
                out[b, j] = out[b, j] * scale - target[b, j] * weight
            for j in range(classes, columns):
                out[b, j] = _ZERO
            for j in range(columns):
                sums[j] += out[b, j]


@compiled
def squared_error_gradient(
    outputs: Floats, targets: Floats, rows: Floats, classes: int, delta: Floats, biases: Floats
) -> None:
    """Likewise of the mean squared error: rows * 2 (outputs - targets) / outputs' number."""
    factor = np.float32(2) / np.float32(classes)
    for k in range(outputs.shape[0]):
        sums = biases[k]
        sums[:] = _ZERO
        for b in range(outputs.shape[1]):
            row, target, out = outputs[k, b], targets[k, b], delta[k, b]
            for j in range(row.size):
                out[j] = (row[j] - target[j]) * factor * rows[b]
                sums[j] += out[j]


@compiled
def add_biases(values: Floats, biases: Floats) -> None:
    """Add each member's biases (member, column) to its rows (member, row, column) in place."""
    for k in range(values.shape[0]):
        # A copy, since loops over a strided view are not vectorised.
        bias = biases[k].copy()
        for b in range(values.shape[1]):
            row = values[k, b]
            for j in range(row.size):
                row[j] += bias[j]


@compiled
def relu_forward(values: Floats, biases: Floats) -> None:
    """Add biases and zero what is negative, in place."""
    for k in range(values.shape[0]):
        # A copy, since loops over a strided view are not vectorised.
        bias = biases[k].copy()
        for b in range(values.shape[1]):
            row = values[k, b]
            for j in range(row.size):
                value = row[j] + bias[j]
                # In this order, NaN stays NaN.
                row[j] = _ZERO if value < _ZERO else value


@compiled
def relu_backward(delta: Floats, activations: Floats, biases: Floats) -> None:
    """Zero the gradient of idle units in place; `biases` receives its sums over rows."""
    for k in range(delta.shape[0]):
        sums = biases[k]
        sums[:] = _ZERO
        for b in range(delta.shape[1]):
            row, active = delta[k, b], activations[k, b]
            for j in range(row.size):
                value = row[j] if active[j] > _ZERO else _ZERO
                row[j] = value
                sums[j] += value


@compiled
def _shrunk(weight: np.float32, threshold: np.float32) -> np.float32:
    """Soft threshold, whose zeros are exact."""
    return weight - min(max(weight, -threshold), threshold)


@compiled
def _adam_block(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    rate: np.float32,
    scale: np.float32,
    l2: np.float32,
    decay: np.float32,
    l1: np.float32,
) -> None:
    for i in range(theta.size):
        weight = theta[i]
        slope = gradient[i] + l2 * weight
        mean = np.float32(0.9) * first[i] + np.float32(0.1) * slope
        square = np.float32(0.999) * second[i] + np.float32(0.001) * slope * slope
        first[i] = mean
        second[i] = square
        step = rate * mean / (np.sqrt(square) * scale + np.float32(1e-8))
        theta[i] = _shrunk(weight * (_ONE - decay) - step, l1)


@compiled
def adam(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    starts: Ints,
    sizes: Ints,
    penalised: NDArray[np.bool_],
    rates: Floats,
    penalties: Floats,
    corrections: Floats,
) -> None:
    """Adam, L2 in the gradient, decoupled decay and the L1 step, in one sweep.

    Args:
        theta: (member, parameter).
        gradient: flat; one field of all members after the other.
        first: first moments.  # (member, parameter)
        second: second moments.  # (member, parameter)
        starts: each field's first place in a row of `theta`.
        sizes: each field's length.
        penalised: whether a field's numbers are weights.
        rates: learning rate of each member.
        penalties: (member, 3): strengths of L2, decoupled decay and L1.
        corrections: 1/(1 - 0.9^t) and 1/√(1 - 0.999^t).
    """
    place = 0
    for field in range(starts.size):
        start, size = starts[field], sizes[field]
        for k in range(theta.shape[0]):
            there = slice(start, start + size)
            on = _ONE if penalised[field] else _ZERO
            _adam_block(
                theta[k, there],
                gradient[place : place + size],
                first[k, there],
                second[k, there],
                rates[k] * corrections[0],
                corrections[1],
                on * penalties[k, 0],
                on * penalties[k, 1] * rates[k],
                on * penalties[k, 2] * rates[k],
            )
            place += size


@compiled
def _momentum_block(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    velocity: Floats,
    rate: np.float32,
    momentum: np.float32,
    lookahead: np.float32,
    l2: np.float32,
    decay: np.float32,
    l1: np.float32,
) -> None:
    for i in range(theta.size):
        weight = theta[i]
        slope = gradient[i] + l2 * weight
        speed = momentum * velocity[i] + slope
        velocity[i] = speed
        step = rate * (speed + lookahead * (slope + momentum * speed - speed))
        theta[i] = _shrunk(weight * (_ONE - decay) - step, l1)


@compiled
def momentum(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    velocity: Floats,
    starts: Ints,
    sizes: Ints,
    penalised: NDArray[np.bool_],
    rates: Floats,
    penalties: Floats,
    momenta: Floats,
    lookahead: float,
) -> None:
    """Gradient descent with momentum and penalties in one sweep; arguments as `adam` has them.

    Args:
        theta: (member, parameter).
        gradient: flat.
        velocity: (member, parameter).
        starts: each field's first place.
        sizes: each field's length.
        penalised: whether a field's numbers are weights.
        rates: learning rate of each member.
        penalties: (member, 3).
        momenta: momentum of each member; 0 is plain gradient descent.
        lookahead: 1 for Nesterov's momentum, else 0.
    """
    place = 0
    for field in range(starts.size):
        start, size = starts[field], sizes[field]
        for k in range(theta.shape[0]):
            there = slice(start, start + size)
            on = _ONE if penalised[field] else _ZERO
            _momentum_block(
                theta[k, there],
                gradient[place : place + size],
                velocity[k, there],
                rates[k],
                momenta[k],
                np.float32(lookahead),
                on * penalties[k, 0],
                on * penalties[k, 1] * rates[k],
                on * penalties[k, 2] * rates[k],
            )
            place += size


@compiled
def _scaled_block(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    squares: Floats,
    rate: np.float32,
    kept: np.float32,
    added: np.float32,
    epsilon: np.float32,
    l2: np.float32,
    decay: np.float32,
    l1: np.float32,
) -> None:
    for i in range(theta.size):
        weight = theta[i]
        slope = gradient[i] + l2 * weight
        square = kept * squares[i] + added * slope * slope
        squares[i] = square
        step = rate * slope / (np.sqrt(square) + epsilon)
        theta[i] = _shrunk(weight * (_ONE - decay) - step, l1)


@compiled
def scaled(  # noqa: PLR0913, PLR0917
    theta: Floats,
    gradient: Floats,
    squares: Floats,
    starts: Ints,
    sizes: Ints,
    penalised: NDArray[np.bool_],
    rates: Floats,
    penalties: Floats,
    scaling: Floats,
) -> None:
    """Steps over the root of squared gradients, with penalties, in one sweep.

    Args:
        theta: (member, parameter).
        gradient: flat.
        squares: what has been gathered of squared gradients.  # (member, parameter)
        starts: each field's first place.
        sizes: each field's length.
        penalised: whether a field's numbers are weights.
        rates: learning rate of each member.
        penalties: (member, 3).
        scaling: share of the squares that is kept, of the new one that is added, and what is added
            to the root.
    """
    place = 0
    for field in range(starts.size):
        start, size = starts[field], sizes[field]
        for k in range(theta.shape[0]):
            there = slice(start, start + size)
            on = _ONE if penalised[field] else _ZERO
            _scaled_block(
                theta[k, there],
                gradient[place : place + size],
                squares[k, there],
                rates[k],
                scaling[0],
                scaling[1],
                scaling[2],
                on * penalties[k, 0],
                on * penalties[k, 1] * rates[k],
                on * penalties[k, 2] * rates[k],
            )
            place += size
