"""A stored recipe trained once more, for its final weights, which results do not keep."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from suite.data.cards import DATASETS
from suite.data.loading import load_split, raw_samples
from suite.data.partition import partition
from suite.data.preprocessing import fit_standardization
from suite.data.split import Split
from suite.exporting.building import build
from suite.exporting.modules import Network, Scale
from suite.training.fitting import fit
from suite.training.model import make_model
from suite.training.state import state_from_bytes
from suite.trial import Outcome, Trial


@dataclass(frozen=True, slots=True)
class Export:
    """A trained network as a module.

    Attributes:
        module: in evaluation mode.
        split: what it was trained, chosen and tested on.
        test_rows: those of the split, as the module takes them.
        takes_raw: whether preprocessing is a part of the module, so that it takes rows as the data
            set has them; otherwise it takes those of the split.
        metrics: what training reported, bit by bit what it reports of the same recipe anywhere.
    """

    module: Network
    split: Split
    test_rows: Tensor
    takes_raw: bool
    metrics: Mapping[str, float]

    @torch.no_grad()
    def test_accuracy(self) -> float:
        """Share of the test rows whose class gets the highest score."""
        found = self.module(self.test_rows).argmax(dim=1).numpy()
        return float((found == self.split.test_targets).mean())

    @torch.no_grad()
    def test_error(self) -> float:
        """Mean squared error on the test rows, in the data set's own units."""
        missed = self.module(self.test_rows).numpy() - self.split.test_targets
        return float((missed.astype(np.float64) ** 2).mean()) * self.split.target_scale**2

    def agrees(self, metrics: Mapping[str, float]) -> bool:
        """Whether the module scores on test data as the trained network did.

        Classes are the same to the last one; values differ by rounding.
        """
        if self.split.task == "classification":
            return self.test_accuracy() == metrics["test_accuracy"]
        return math.isclose(self.test_error(), metrics["test_rmse"] ** 2, rel_tol=1e-4)


def export(trial: Trial, best_epoch: int | None = None, device: str = "cpu") -> Export:
    """Train a recipe anew, alone, and hand out its final network.

    Args:
        trial: the recipe; parts of a user's own are installed.
        best_epoch: with early stopping, the epoch whose weights are the final ones.
        device: what trained it before.

    Raises:
        ValueError: training came to no end.
    """
    split = _split_of(trial)
    with _one_thread():
        outcome = _train_to_the_end(trial, best_epoch, torch.device(device))
    state = state_from_bytes(_state_of(outcome))
    arrays = {name: torch.from_numpy(values) for name, values in state.arrays.items()}
    numbers = [arrays.get(f"best_{name}", arrays[name]) for name in ("theta", "statistics")]
    module = build(make_model(trial, split.shape, split.outputs), *numbers)
    scaling, rows = _preprocessing(trial)
    if scaling is not None:
        module.scale = scaling
    test_rows = torch.from_numpy(split.test_inputs) if rows is None else rows
    return Export(module.eval(), split, test_rows, scaling is not None, outcome.metrics)


def _split_of(trial: Trial) -> Split:
    return load_split(trial.dataset, trial.split, trial.samples, trial.label_noise)


def _train_to_the_end(trial: Trial, best_epoch: int | None, device: torch.device) -> Outcome:
    # What stops early ends with the weights of an epoch before; its training is ended there.
    stops = trial.strength("early_stopping") and best_epoch not in {None, trial.last_epoch}
    wanted = replace(trial, stop_epoch=best_epoch) if stops else trial
    first = trial.pretraining
    before = [] if first is None else [_state_of(_train(first, device))]
    return _train(wanted, device, before)


def _train(trial: Trial, device: torch.device, before: Sequence[bytes] = ()) -> Outcome:
    splits = {trial.replicate: _split_of(trial)}
    (outcome,) = fit([trial], splits, (), device, before, keeps_states=True)
    return outcome


def _state_of(outcome: Outcome) -> bytes:
    if outcome.state is None:
        raise ValueError(f"{outcome.trial.id} came to no end: {outcome.outcome}")
    return outcome.state


def _preprocessing(trial: Trial) -> tuple[Scale | None, Tensor | None]:
    """The map from raw rows and the raw test rows, where the data set is only standardised."""
    entry = DATASETS[trial.dataset]
    if entry.prepare is not None:
        return None, None
    raw = raw_samples(trial.dataset, trial.split)
    rows = partition(entry.card, raw.targets, trial.split, entry.units and entry.units())
    train = raw.inputs[rows.train[: trial.samples]]
    fitted = fit_standardization(train, per_feature=entry.card.scales_per_feature)
    scale = Scale(torch.from_numpy(fitted.mean), torch.from_numpy(fitted.scale))
    return scale, torch.from_numpy(raw.inputs[rows.test])


@contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
