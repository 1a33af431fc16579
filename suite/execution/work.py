"""What an executor is handed and what it gives back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from suite.planning import Cohort
from suite.trial import Outcome


@dataclass(frozen=True, slots=True)
class Started:
    """A cohort has begun to train."""

    cohort: Cohort


@dataclass(frozen=True, slots=True)
class Finished:
    """A cohort, or a part of one that had to be split, has ended."""

    cohort: Cohort
    outcomes: tuple[Outcome, ...]


Event = Started | Finished


class Executor(Protocol):
    """Trains cohorts. Every trial comes back in exactly one `Finished`, whatever happens to it.

    Attributes:
        device: cpu, cuda or mps.
    """

    device: str

    def start(self) -> None:
        """Get ready to train; `run` does so too where nobody asked before."""

    def run(self, cohorts: Sequence[Cohort]) -> Iterator[Event]:
        """Train in any order, and report as things happen."""

    def close(self) -> None:
        """Stop at once and leave no process behind."""
