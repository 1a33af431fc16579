"""One normalization of one hidden layer in the fast kernel, with what it keeps for its way back."""

import numpy as np
from numpy.typing import NDArray

from suite.training import native_norms
from suite.training.forward import Networks
from suite.training.normalization import Rows

Floats = NDArray[np.float32]


class Normalizer:
    """Forward and backward pass of a layer's normalization.

    Args:
        networks: structure and numbers; running statistics are updated in place.
        index: of the hidden layer.
        norm: of the normalization among the layer's.
    """

    def __init__(self, networks: Networks, index: int, norm: int) -> None:
        placed = networks.model.layout.layers[index]
        running = networks.statistics.of(index)
        self.shifts = networks.parameters.shifts[index][norm].numpy()
        self._gains = networks.parameters.gains[index][norm].numpy()
        self._means, self._variances = running.mean.numpy(), running.variance.numpy()
        self._over_rows = networks.model.norms[norm] == "batch_norm"
        self._units = placed.layer.units
        self._kept: dict[int, tuple[Floats, Floats]] = {}

    def _room(self, values: Floats) -> tuple[Floats, Floats]:
        """For normalized values, and for what rows or columns were multiplied by."""
        members, rows, columns = values.shape
        if rows not in self._kept:
            scales = columns if self._over_rows else rows
            self._kept[rows] = np.zeros_like(values), np.zeros((members, scales), np.float32)
        return self._kept[rows]

    def forward(self, values: Floats, rows: Rows) -> None:
        """Normalize in place and multiply by the gains; the shifts are not added yet.

        Args:
            values: (member, row, column).
            rows: the batch's.
        """
        normal, scales = self._room(values)
        if not self._over_rows:
            native_norms.layer_forward(values, self._gains, self._units, normal, scales)
            return
        weights = rows.weights[:, 0].numpy()
        running = self._means, self._variances
        native_norms.batch_forward(
            values, self._gains, weights, rows.true, *running, normal, scales
        )

    def backward(self, delta: Floats, rows: Rows, to_gains: Floats, to_added: Floats) -> None:
        """Turn the gradient after the last `forward` into the one before it, in place.

        Args:
            delta: (member, row, column).
            rows: the batch's.
            to_gains: receives the gradient of the gains.  # (member, column)
            to_added: receives that of what was added before.  # (member, column)
        """
        normal, scales = self._room(delta)
        sums = to_gains, to_added
        if self._over_rows:
            weights = rows.weights[:, 0].numpy()
            native_norms.batch_backward(delta, normal, scales, self._gains, weights, *sums)
        else:
            native_norms.layer_backward(delta, normal, scales, self._gains, self._units, *sums)
