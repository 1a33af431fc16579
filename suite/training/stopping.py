"""Early stopping: members end at their own time and go back to their best weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.training.measuring import Scores
from suite.training.state import State
from suite.trial import Trial


@dataclass(slots=True)
class Best:
    """A member's best moment: the epoch with its lowest validation loss, and its numbers then."""

    epoch: int
    loss: float
    theta: Tensor
    statistics: Tensor

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The numbers by the names that `State.arrays` has."""
        return {
            "best_theta": self.theta.cpu().numpy(),
            "best_statistics": self.statistics.cpu().numpy(),
        }


class EarlyStopping:
    """Watches the validation loss of every member. Source: Prechelt 1998.

    A member stops when as many epochs as its patience have brought no lower loss.
    """

    def __init__(self) -> None:
        self.best: dict[Trial, Best] = {}

    def take_up(self, trial: Trial, state: State, device: torch.device) -> None:
        """Go on from a member's state."""
        assert state.best is not None
        names = ("best_theta", "best_statistics")
        numbers = [torch.from_numpy(state.arrays[name]).to(device) for name in names]
        self.best[trial] = Best(*state.best, *numbers)

    def observe(
        self, trials: Sequence[Trial], scores: Scores, epoch: int, theta: Tensor, values: Tensor
    ) -> list[bool]:
        """Take in one epoch, and say which members go on.

        Args:
            trials: the members.
            scores: on the validation part.
            epoch: epochs trained so far.
            theta: (member, parameter).
            values: running statistics.  # (member, number)
        """
        return [
            self._goes_on(trial, float(scores.loss[m]), epoch, theta[m], values[m])
            for m, trial in enumerate(trials)
        ]

    def _goes_on(
        self, trial: Trial, loss: float, epoch: int, theta: Tensor, statistics: Tensor
    ) -> bool:
        best = self.best.get(trial)
        # No loss compares as lower than NaN: a bad first epoch would stay the best.
        loss = math.inf if math.isnan(loss) else loss
        if best is None or loss < best.loss:
            self.best[trial] = Best(epoch, loss, theta.clone(), statistics.clone())
            return True
        return epoch - best.epoch < trial.strength("early_stopping")
