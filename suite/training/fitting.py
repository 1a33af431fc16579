"""Train a cohort from its first weights to its outcomes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from suite.data.split import Split
from suite.parts.networks import training_flops
from suite.training.cohort import Cohort
from suite.training.measuring import CURVE_ROWS, Scores, evaluate, log_spaced
from suite.training.pool import PARTS
from suite.training.probes import probe
from suite.training.recording import Recorder
from suite.trial import Outcome, Trial

CURVE_POINTS = 10
PROBE_POINTS = 4
# An output that varies less than this over all inputs, relative to its size, is constant.
DEAD_SPREAD = 1e-6


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers too small for full precision as zero, inside the block alone."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


# Vanished gradients would otherwise spend their time in the processor's denormal traps.
@flushed_denormals()
def fit(
    trials: Sequence[Trial],
    splits: Mapping[int, Split],
    probes: Sequence[str] = (),
    device: torch.device | None = None,
) -> list[Outcome]:
    """Train the trials stacked; a trial's numbers do not depend on the others.

    Args:
        trials: recipes with one `cohort_key`.
        splits: the data of each split that a trial names, with training parts of one size.
        probes: names of what to look at inside the networks.
        device: CPU by default.

    Returns:
        One outcome a trial, in their order.
    """
    start = time.perf_counter()
    device = device or torch.device("cpu")
    cohort = Cohort(trials, splits, device)
    recorder = Recorder(trials, "accuracy" if cohort.pool.classification else "r2")
    with torch.inference_mode():
        _train(cohort, recorder, tuple(probes))
        outcomes = {} if not cohort.trials else _finish(cohort, recorder)
    seconds = (time.perf_counter() - start) / len(trials)
    shared = {
        "parameters": cohort.layout.parameters,
        "seconds": seconds,
        "kernel": kernel_name(device.type),
        "probes": tuple(sorted(probes)),
    }
    return [_outcome(t, outcomes.get(t), recorder, cohort, shared) for t in trials]


def kernel_name(device: str) -> str:
    """The code path that computes a trial, part of a measurement's key; `device` as in torch."""
    return f"torch-{device}"


def _train(cohort: Cohort, recorder: Recorder, probes: tuple[str, ...]) -> None:
    epochs = cohort.trials[0].epochs
    curve_epochs = set(log_spaced(epochs, CURVE_POINTS))
    probe_epochs = set(log_spaced(epochs, PROBE_POINTS)) if probes else set()
    for epoch in range(epochs + 1):
        if epoch:
            cohort.train_epoch()
            _drop_diverged(cohort, recorder, epoch)
        if not cohort.trials:
            return
        if epoch in curve_epochs:
            _measure_curves(cohort, recorder, epoch)
        if epoch in probe_epochs:
            _measure_probes(cohort, recorder, epoch, probes)


def _drop_diverged(cohort: Cohort, recorder: Recorder, epoch: int) -> None:
    finite = cohort.finite()
    if all(finite):
        return
    for trial, whole in zip(cohort.trials, finite, strict=True):
        if not whole:
            recorder.diverged[trial] = epoch
    cohort.keep([member for member, whole in enumerate(finite) if whole])


def _measure_curves(cohort: Cohort, recorder: Recorder, epoch: int) -> None:
    for name in ("train", "validation"):
        scores = _evaluate(cohort, name, CURVE_ROWS)
        recorder.curve(cohort.trials, epoch, name, scores)


def _measure_probes(
    cohort: Cohort, recorder: Recorder, epoch: int, probes: tuple[str, ...]
) -> None:
    measured = probe(
        probes, cohort.parameters, cohort.activation, cohort.loss, cohort.pool, cohort.splits
    )
    for name, values in measured.items():
        recorder.layers(cohort.trials, epoch, name, values)


def _evaluate(cohort: Cohort, part: str, limit: int | None = None) -> Scores:
    return evaluate(
        cohort.parameters,
        cohort.activation,
        cohort.loss,
        cohort.pool,
        getattr(cohort.pool, part),
        cohort.splits,
        limit,
    )


def _finish(cohort: Cohort, recorder: Recorder) -> dict[Trial, tuple[str, dict[str, float]]]:
    """Each surviving trial's outcome word and final metrics."""
    reports_test = cohort.trials[0].reports_test
    scores = {name: _evaluate(cohort, name) for name in PARTS if name != "test" or reports_test}
    finished = {}
    for member, trial in enumerate(cohort.trials):
        metrics = {}
        for name, score in scores.items():
            metrics[f"{name}_loss"] = float(score.loss[member])
            metrics[f"{name}_{recorder.quality}"] = float(score.quality[member])
        finished[trial] = _judge(metrics, float(scores["train"].spread[member]))
    return finished


def _judge(metrics: dict[str, float], spread: float) -> tuple[str, dict[str, float]]:
    if not np.isfinite([*metrics.values(), spread]).all():
        return "diverged", {}
    return ("dead" if spread <= DEAD_SPREAD else "completed"), metrics


def _outcome(
    trial: Trial,
    finished: tuple[str, dict[str, float]] | None,
    recorder: Recorder,
    cohort: Cohort,
    shared: dict[str, object],
) -> Outcome:
    word, metrics = finished or ("diverged", {})
    epochs = recorder.diverged.get(trial, trial.epochs)
    shapes = tuple((layer.fan_in, layer.fan_out) for layer in cohort.layout.layers)
    samples = next(iter(cohort.pool.train.counts.values()))
    return Outcome(
        trial=trial,
        outcome=word,
        error="non-finite loss or weights" if word == "diverged" else None,
        metrics=metrics,
        histories=recorder.histories(trial),
        best_epoch=recorder.best_epoch(trial),
        epochs=epochs,
        flops=training_flops(shapes, samples, epochs),
        **shared,  # type: ignore[arg-type]
    )
