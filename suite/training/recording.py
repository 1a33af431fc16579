"""Keeps each trial's curves and probes while its cohort trains."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from suite.training.measuring import Scores
from suite.trial import Histories, Trial

Row = tuple[int, str, str, int, float]  # epoch, split, metric, layer, value


class Recorder:
    """Long-form rows per trial. Values that are not finite are left out.

    Attributes:
        quality: accuracy or r2.
        ended: epochs trained by the trials that ended early.
    """

    def __init__(self, trials: Sequence[Trial], quality: str) -> None:
        self.quality = quality
        self.ended: dict[Trial, int] = {}
        self._rows: dict[Trial, list[Row]] = {trial: [] for trial in trials}

    def take_up(self, trial: Trial, rows: Sequence[Row]) -> None:
        """Go on after what was recorded earlier."""
        self._rows[trial] = list(rows)

    def rows(self, trial: Trial) -> tuple[Row, ...]:
        """What was recorded so far."""
        return tuple(self._rows[trial])

    def curve(self, trials: Sequence[Trial], epoch: int, split: str, scores: Scores) -> None:
        """Record loss and accuracy (or R²) of every member."""
        for member, trial in enumerate(trials):
            self._add(trial, (epoch, split, "loss", -1, float(scores.loss[member])))
            self._add(trial, (epoch, split, self.quality, -1, float(scores.quality[member])))

    def probe(
        self,
        trials: Sequence[Trial],
        epochs: Sequence[int],
        metric: str,
        values: NDArray[np.float64],
        first: int = 1,
    ) -> None:
        """Record one probe.

        Args:
            trials: the members.
            epochs: of each, after which it was measured.
            metric: the probe's name.
            values: (member, layer or place); or (member,) for the whole network.
            first: number of the first layer or place.
        """
        whole = values.ndim == 1
        for trial, epoch, own in zip(trials, epochs, values, strict=True):
            for layer, value in enumerate(np.atleast_1d(own), start=-1 if whole else first):
                self._add(trial, (epoch, "train", metric, layer, float(value)))

    def _add(self, trial: Trial, row: Row) -> None:
        if np.isfinite(row[-1]):
            self._rows[trial].append(row)

    def best_epoch(self, trial: Trial) -> int | None:
        """The measured epoch with the lowest validation loss."""
        losses = [
            (value, epoch)
            for epoch, split, metric, _, value in self._rows[trial]
            if split == "validation" and metric == "loss"
        ]
        return min(losses)[1] if losses else None

    def histories(self, trial: Trial) -> Histories | None:
        """The trial's rows as columns; None where nothing was recorded."""
        if not self._rows[trial]:
            return None
        epoch, split, metric, layer, value = zip(*self._rows[trial], strict=True)
        return Histories(
            epoch=np.array(epoch, dtype=np.int32),
            split=split,
            metric=metric,
            layer=np.array(layer, dtype=np.int32),
            value=np.array(value, dtype=np.float64),
        )
