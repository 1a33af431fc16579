"""Train a cohort from its first weights to its outcomes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from suite.data.split import Split
from suite.parts.networks import training_flops
from suite.training.cohort import Cohort, is_going_on
from suite.training.forward import Networks
from suite.training.kernels import kernel_name
from suite.training.measuring import (
    CURVE_ROWS,
    FinalScores,
    Scores,
    evaluate,
    evaluate_finally,
    log_spaced,
)
from suite.training.model import Parameters
from suite.training.normalization import Statistics
from suite.training.pool import PARTS
from suite.training.probes import PROBES, When, probe
from suite.training.recording import Recorder
from suite.training.snapshots import Camera
from suite.training.state import State, state_from_bytes
from suite.training.stopping import EarlyStopping
from suite.trial import Outcome, Replicate, Trial

CURVE_POINTS = 10
# Of a search's candidate, of whom there are many and only the end is asked for.
CANDIDATE_POINTS = 3
PROBE_POINTS = 4
# An output that varies less than this over all inputs, relative to its size, is constant.
DEAD_SPREAD = 1e-6


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take numbers too small for full precision as zero, inside the block alone."""
    before = _flushes()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushes() -> bool:
    """Whether this thread takes them as zero now, which torch does not tell."""
    return not bool((torch.full((1,), torch.finfo(torch.float32).tiny) / 4).item())


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on the calling thread alone, inside the block.

    Other threads would not flush denormal numbers, and sums shared with them are other sums.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# Vanished gradients would otherwise spend their time in the processor's denormal traps.
@one_thread()
@flushed_denormals()
@torch.no_grad()
def fit(
    trials: Sequence[Trial],
    splits: Mapping[Replicate, Split],
    probes: Sequence[str] = (),
    device: torch.device | None = None,
    states: Sequence[bytes] = (),
    keeps_states: bool = False,
) -> list[Outcome]:
    """Train the trials stacked; a trial's numbers do not depend on the others.

    Args:
        trials: recipes with one `cohort_key`.
        splits: the data of each replicate that a trial names, training parts of one size.
        probes: names of what to look at inside the networks.
        device: CPU by default.
        states: of each trial, the state in an earlier outcome of the same recipe that stopped
            sooner, all of them at one epoch; training goes on from there. Of trials with a
            `pretrained_on`, it may be that of the network they begin with. Empty starts anew.
        keeps_states: whether outcomes carry the state in which training stopped.

    Returns:
        One outcome a trial, in their order.
    """
    taken = [state_from_bytes(content) for content in states]
    return Fit(trials, splits, probes, device or torch.device("cpu"), taken).run(keeps_states)


class Fit:
    """One cohort's training, from first weights to outcomes."""

    def __init__(
        self,
        trials: Sequence[Trial],
        splits: Mapping[Replicate, Split],
        probes: Sequence[str],
        device: torch.device,
        states: Sequence[State] = (),
    ) -> None:
        self._start = time.perf_counter()
        self._trials, self._probes, self._device = list(trials), tuple(probes), device
        self._cohort = Cohort(trials, splits, device, states=states)
        if trials[0].pretrained_on and not states:
            raise ValueError("networks trained before need the weights that they begin with")
        if states and not is_going_on(trials[0], states[0]):
            states = ()
        self._first_epoch = states[0].epoch + 1 if states else 0
        self._before = dict(zip(trials, states, strict=True)) if states else {}
        self._pool = self._cohort.pool
        quality = "accuracy" if self._pool.classification else "r2"
        self._recorder = Recorder(trials, quality)
        self._stopping = EarlyStopping() if trials[0].strength("early_stopping") else None
        self._diverged: set[Trial] = set()
        self._probe_seconds = 0.0
        for trial, state in self._before.items():
            self._recorder.take_up(trial, state.rows)
            if self._stopping:
                self._stopping.take_up(trial, state, device)

    def run(self, keeps_states: bool = False) -> list[Outcome]:
        """Train and measure."""
        self._train()
        trials, networks = self._final_networks()
        finished = self._finish(trials, networks) if trials else {}
        # Before the last look: who goes on from here takes that at its own end.
        kept = self._states(*self._spent()) if keeps_states else {}
        if trials:
            self._look_at_last(trials, networks)
        seconds, probing = self._spent()
        return [
            replace(self._outcome(t, finished.get(t), seconds, probing), state=kept.get(t))
            for t in self._trials
        ]

    def _spent(self) -> tuple[float, float]:
        """Each trial's share of the seconds so far, and of those that went into probes."""
        share = 1 / len(self._trials)
        return (time.perf_counter() - self._start) * share, self._probe_seconds * share

    def _states(self, seconds: float, probing: float) -> dict[Trial, bytes]:
        """Where the members stand that have not ended before their last epoch."""
        return {
            trial: self._state(member, trial, seconds, probing).to_bytes()
            for member, trial in enumerate(self._cohort.trials)
        }

    def _state(self, member: int, trial: Trial, seconds: float, probing: float) -> State:
        best = self._stopping.best[trial] if self._stopping else None
        before = self._before.get(trial)
        return State(
            recipe=trial.whole.id,
            epoch=trial.last_epoch,
            arrays=self._cohort.rows_of(member) | (best.arrays() if best else {}),
            draws=self._cohort.draws_of(member),
            rows=self._recorder.rows(trial),
            best=(best.epoch, best.loss) if best else None,
            seconds=seconds + (before.seconds if before else 0),
            probe_seconds=probing + (before.probe_seconds if before else 0),
        )

    def _train(self) -> None:
        cohort, epochs = self._cohort, self._trials[0].epochs
        last = self._trials[0].last_epoch
        points = CURVE_POINTS if self._trials[0].reports_test else CANDIDATE_POINTS
        curve_epochs = set(log_spaced(epochs, points))
        probe_epochs = set(log_spaced(epochs, PROBE_POINTS)) if self._probes else set()
        before = None
        for epoch in range(self._first_epoch, last + 1):
            if epoch:
                before = cohort.train_epoch()
                finite = cohort.finite()
                self._diverged |= _where(cohort.trials, finite, False)
                before = self._keep(finite, epoch, before)
            if not cohort.trials:
                return
            if epoch in curve_epochs:
                self._measure_curves(epoch)
            if epoch in probe_epochs:
                self._measure_probes(epoch, before)
            if self._stopping and epoch:
                self._stop(self._stopping, epoch)
            if not cohort.trials:
                return

    def _keep(self, stays: Sequence[bool], epoch: int, before: Tensor) -> Tensor:
        """Go on with some members; the rest ended at this epoch."""
        if all(stays):
            return before
        self._recorder.ended |= dict.fromkeys(_where(self._cohort.trials, stays, False), epoch)
        members = [member for member, stay in enumerate(stays) if stay]
        self._cohort.keep(members)
        return before[members]

    def _stop(self, stopping: EarlyStopping, epoch: int) -> None:
        cohort = self._cohort
        scores = self._evaluate(cohort.networks, cohort.trials, "validation")
        values = cohort.networks.statistics.values
        theta = cohort.parameters.theta
        self._keep(stopping.observe(cohort.trials, scores, epoch, theta, values), epoch, theta)

    def _measure_curves(self, epoch: int) -> None:
        for name in ("train", "validation"):
            scores = self._evaluate(self._cohort.networks, self._cohort.trials, name, CURVE_ROWS)
            self._recorder.curve(self._cohort.trials, epoch, name, scores)

    def _measure_probes(self, epoch: int, before: Tensor | None) -> None:
        trials, networks = self._cohort.trials, self._cohort.networks
        due: list[When] = ["throughout", "ends"] if epoch == 0 else ["throughout"]
        self._look(due, trials, networks, [epoch] * len(trials), before)

    def _look_at_last(self, trials: Sequence[Trial], networks: Networks) -> None:
        """Take the probes of the final networks, after the epoch that these are of."""
        last = self._trials[0].last_epoch
        due: list[When] = ["ends", "end"] if last else ["end"]
        epochs = [self._stopping.best[t].epoch if self._stopping else last for t in trials]
        self._look(due, trials, networks, epochs)

    def _look(
        self,
        due: Sequence[When],
        trials: Sequence[Trial],
        networks: Networks,
        epochs: Sequence[int],
        before: Tensor | None = None,
    ) -> None:
        names = [name for name in self._probes if PROBES[name].when in due]
        if not names:
            return
        start = time.perf_counter()
        camera = Camera(networks, self._cohort.loss, self._pool, trials, before)
        for name, values in probe(names, camera).items():
            first = 0 if PROBES[name].picture else 1
            self._recorder.probe(trials, epochs, name, values, first)
        self._probe_seconds += time.perf_counter() - start

    def _evaluate(
        self, networks: Networks, trials: Sequence[Trial], part: str, limit: int | None = None
    ) -> Scores:
        replicates = [trial.replicate for trial in trials]
        rows = getattr(self._pool, part)
        return evaluate(networks, self._cohort.loss, self._pool, rows, replicates, limit)

    def _final_networks(self) -> tuple[list[Trial], Networks]:
        """The trials that have come to an end with finite weights, each with its final ones."""
        if self._stopping is None:
            return self._cohort.trials, self._cohort.networks
        best = {t: b for t, b in self._stopping.best.items() if t not in self._diverged}
        if not best:
            return [], self._cohort.networks
        theta = torch.stack([moment.theta for moment in best.values()])
        values = torch.stack([moment.statistics for moment in best.values()])
        layout = self._cohort.model.layout
        statistics = Statistics(layout, theta, values)
        return list(best), Networks(self._cohort.model, Parameters(layout, theta), statistics)

    def _finish(
        self, trials: Sequence[Trial], networks: Networks
    ) -> dict[Trial, tuple[str, dict[str, float]]]:
        """Outcome word and final metrics of each trial that has a final network."""
        parts = [name for name in PARTS if name != "test" or trials[0].reports_test]
        replicates = [trial.replicate for trial in trials]
        scores = {
            name: evaluate_finally(
                networks, self._cohort.loss, self._pool, getattr(self._pool, name), replicates
            )
            for name in parts
        }
        return {
            trial: _judge({name: scores[name][member] for name in parts})
            for member, trial in enumerate(trials)
        }

    def _outcome(
        self,
        trial: Trial,
        finished: tuple[str, dict[str, float]] | None,
        seconds: float,
        probing: float,
    ) -> Outcome:
        word, metrics = finished or ("diverged", {})
        epochs = self._recorder.ended.get(trial, trial.last_epoch)
        before = self._before.get(trial)
        layout = self._cohort.model.layout
        layers = tuple(placed.layer for placed in layout.layers)
        samples = self._pool.train.counts[trial.replicate]
        best = self._stopping.best.get(trial) if self._stopping else None
        return Outcome(
            trial=trial,
            outcome=word,
            error="non-finite loss or weights" if word == "diverged" else None,
            metrics=metrics,
            histories=self._recorder.histories(trial),
            best_epoch=best.epoch if best else self._recorder.best_epoch(trial),
            epochs=epochs,
            parameters=layout.parameters,
            flops=training_flops(layers, samples, epochs),
            seconds=seconds + (before.seconds if before else 0),
            kernel=kernel_name(trial, self._device.type),
            probes=tuple(sorted(self._probes)),
            probe_seconds=probing + (before.probe_seconds if before else 0),
        )


def _where(trials: Sequence[Trial], flags: Sequence[bool], wanted: bool) -> set[Trial]:
    return {trial for trial, flag in zip(trials, flags, strict=True) if flag is wanted}


def _judge(scores: Mapping[str, FinalScores]) -> tuple[str, dict[str, float]]:
    metrics = {
        f"{name}_{key}": v for name, part in scores.items() for key, v in part.metrics.items()
    }
    spread = scores["train"].spread
    if not np.isfinite([*metrics.values(), spread]).all():
        return "diverged", {}
    return ("dead" if spread <= DEAD_SPREAD else "completed"), metrics
