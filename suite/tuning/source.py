"""Sources of trials: what to train next, told how it went.

A source proposes requests in batches until it has none left. `running` trains what is missing and
tells the source what it needs to go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from suite.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A trial with the reason why it is asked for.

    Attributes:
        trial: what to train.
        stage: `tuning`, `final`; `half`, the final network of the best recipe that half of the
            tuning budget had found; or `variance`, a final network with other initial weights
            (number 0) or in another order (number 1).
        study: hash of contender and data set.
        contender: canonical JSON, factor to level.
        repeat: which of several searches on the trial's split.
        number: of the candidate in its search; 0 for final trials.
        continues: the same recipe with an earlier `stop_epoch`, whose training is taken up.
    """

    trial: Trial
    stage: str
    study: str
    contender: str
    repeat: int = 0
    number: int = 0
    continues: Trial | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a source learns of a trial: how it ended and its validation metrics, nothing else."""

    outcome: str
    validation_loss: float | None
    validation_accuracy: float | None


class Source(Protocol):
    """Proposes batches of requests and is told their outcomes."""

    def propose(self) -> Sequence[Request]:
        """The next batch; empty when there is nothing left to ask."""

    def tell(self, told: Mapping[str, Told]) -> None:
        """Take in the outcomes of the last batch, by trial id."""
