"""A thousand networks in a process of their own: the memory they take and how fast they train."""

import resource
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from suite.execution.local import InlineExecutor
from suite.planning import Cohort, group
from suite.speed.cohorts import make_trials
from suite.speed.work import Shape
from suite.speed.workers import train_all
from suite.trial import Trial

MEMBERS = 1000
DATASET = "mnist5k"
SHAPE = Shape(64, 4, 128)
TOGETHER = (4, 8, 16, 32)
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thousand:
    """What many networks took on one core, in cohorts as planned.

    Attributes:
        members: how many networks.
        dataset: what they learned.
        shape: theirs, in words.
        epochs: of each.
        cohorts: in how many cohorts.
        peak_bytes: most memory that the process held, Python and libraries included.
        networks_per_second: of all of them.
        best_together: the fastest number of networks together, of those tried.
        best_networks_per_second: at that number, measured in turns with the rest; its
            own where that was higher.
    """

    members: int
    dataset: str
    shape: str
    epochs: int
    cohorts: int
    peak_bytes: int
    networks_per_second: float
    best_together: int
    best_networks_per_second: float

    @property
    def share_of_best(self) -> float:
        """Its networks per second over the best there were."""
        return self.networks_per_second / self.best_networks_per_second


def measure_thousand(device: str) -> Thousand:
    """Train the thousand in a fresh process, so that the memory is theirs alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(train_many, MEMBERS, device).result()


def train_many(members: int, device: str, dataset: str = DATASET) -> Thousand:
    """Train the networks in this process for an epoch each, as planned and in other stacks."""
    trials = make_trials(SHAPE, members, epochs=1, dataset=dataset)
    sample = trials[: max(TOGETHER)]
    executor = InlineExecutor(device)
    train_all(executor, stack(sample[:1], 1))  # loads the data
    trial = {k: train_all(executor, stack(sample, k)) for k in TOGETHER}
    fastest = min(trial, key=lambda k: trial[k])
    cohorts = group(trials, (), workers=1)
    seconds = best_seconds = 0.0
    # In turns, so that a slow minute of the machine meets both.
    for first in range(_ROUNDS):
        seconds += train_all(executor, cohorts[first::_ROUNDS])
        best_seconds += train_all(executor, stack(sample, fastest))
    speed = members / seconds
    return Thousand(
        members=members,
        dataset=dataset,
        shape=str(SHAPE),
        epochs=1,
        cohorts=len(cohorts),
        peak_bytes=peak_memory(),
        networks_per_second=speed,
        best_together=fastest,
        best_networks_per_second=max(speed, _ROUNDS * len(sample) / best_seconds),
    )


def stack(trials: Sequence[Trial], together: int) -> list[Cohort]:
    """Cohorts of that many trials, the last one maybe smaller."""
    return [
        Cohort(trials=tuple(trials[start : start + together]), probes=())
        for start in range(0, len(trials), together)
    ]


def peak_memory() -> int:
    """Most bytes that this process has held in memory."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts what a parent held before it started this program into ru_maxrss.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kibibytes = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(kibibytes.split()[1])
