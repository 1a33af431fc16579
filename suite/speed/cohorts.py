"""Leadline's own way: networks stacked in one cohort."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from suite.data.split import Split
from suite.speed.accelerator import wait
from suite.speed.work import LEARNING_RATE, Shape, Work
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.measuring import evaluate
from suite.training.probes import PROBES
from suite.trial import Trial

# Rows outside the training part, which a whole fit is measured on as well.
_HELD_OUT = 100


class CohortRun:
    """One cohort, epoch by epoch."""

    def __init__(self, work: Work, shape: Shape, together: int, device: str) -> None:
        trials = make_trials(shape, together, epochs=1)
        self.networks = together
        self._device = torch.device(device)
        self._cohort = Cohort(trials, {trials[0].replicate: _split(work)}, self._device)

    @torch.no_grad()
    def epoch(self) -> None:
        """Train every network for one epoch."""
        self._cohort.train_epoch()
        wait(self._device)

    @torch.no_grad()
    def losses(self) -> tuple[float, ...]:
        """Mean cross-entropy over all rows, a network each."""
        cohort, pool = self._cohort, self._cohort.pool
        scores = evaluate(cohort.networks, cohort.loss, pool, pool.train, cohort.replicates)
        return tuple(scores.loss.tolist())


def make_trials(shape: Shape, count: int, epochs: int, dataset: str = "mnist1d") -> list[Trial]:
    """Recipes of the shape that differ in their seeds alone."""
    return [
        Trial(
            dataset=dataset,
            depth=shape.depth,
            width=shape.width,
            batch_size=shape.batch,
            learning_rate=LEARNING_RATE,
            epochs=epochs,
            seed=seed,
        )
        for seed in range(count)
    ]


def fit_seconds(
    work: Work, shape: Shape, together: int, epochs: int, probes: Sequence[str], device: str
) -> float:
    """Wall time of a whole fit, curves and probes at their default schedule included."""
    trials = make_trials(shape, together, epochs)
    splits = {trials[0].replicate: _split(work)}
    start = time.perf_counter()
    outcomes = fit(trials, splits, probes, torch.device(device))
    seconds = time.perf_counter() - start
    unfinished = {outcome.outcome for outcome in outcomes} - {"completed"}
    if unfinished:
        raise RuntimeError(f"networks of {shape} ended {', '.join(sorted(unfinished))}")
    return seconds


def probe_names() -> tuple[str, ...]:
    """Every probe that is not marked as costly."""
    return tuple(name for name, probe in PROBES.items() if not probe.costly)


def _split(work: Work) -> Split:
    """The rows as a training part; the other parts are their first rows."""
    few = slice(0, min(_HELD_OUT, work.samples))
    inputs, labels = work.inputs, work.labels.astype(np.int64)
    return Split(
        train_inputs=inputs,
        train_targets=labels,
        validation_inputs=inputs[few],
        validation_targets=labels[few],
        test_inputs=inputs[few],
        test_targets=labels[few],
        task="classification",
        outputs=work.classes,
    )
