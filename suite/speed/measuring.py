"""Timing contenders in turns, so that a slow moment of the machine meets all of them."""

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from suite.speed.contenders import Entrant, Run
from suite.speed.work import Shape, Work

_TRIAL_ROUNDS = 4

Key = TypeVar("Key", bound=Hashable)
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lap:
    """Epochs of one run, timed.

    Attributes:
        seconds: wall time per network and epoch.
        cores: processor time over wall time: how many cores were at work.
    """

    seconds: float
    cores: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured of one entrant at one shape.

    Attributes:
        together: networks that trained side by side.
        networks: networks that trained.
        warm_up: seconds that the first epoch took, compilation included.
        laps: one a round.
        losses: mean training loss of each network in the end.
    """

    together: int
    networks: int
    warm_up: float
    laps: tuple[Lap, ...]
    losses: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Median wall time per network and epoch."""
        return statistics.median(lap.seconds for lap in self.laps)

    @property
    def compilation(self) -> float:
        """Seconds by which the first epoch took longer than an ordinary one."""
        return max(0.0, self.warm_up - self.seconds * self.networks)

    @property
    def cores(self) -> float:
        """Median number of cores at work."""
        return statistics.median(lap.cores for lap in self.laps)


def time_lap(run: Run, epochs: int = 1) -> Lap:
    """Train for some epochs against the clock."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(epochs):
        run.epoch()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Lap(wall / (epochs * run.networks), cpu / wall)


def take_turns(runs: Mapping[Key, Run], rounds: int, epochs: int = 1) -> dict[Key, list[Lap]]:
    """Laps of every run, A B C A B C and so on."""
    laps: dict[Key, list[Lap]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            laps[key].append(time_lap(run, epochs))
    return laps


def choose_together(entrants: Sequence[Entrant], work: Work, shape: Shape) -> dict[str, int]:
    """The number of networks together at which each entrant is fastest, by a short trial."""
    candidates = {e.name: e.candidates(work, shape) for e in entrants}
    runs = {
        (entrant.name, together): entrant.prepare(work, shape, together)
        for entrant in entrants
        for together in candidates[entrant.name]
        if len(candidates[entrant.name]) > 1
    }
    take_turns(runs, rounds=1)
    best = {name: numbers[0] for name, numbers in candidates.items()}
    fastest: dict[str, float] = {}
    for (name, together), laps in take_turns(runs, _TRIAL_ROUNDS).items():
        seconds = min(lap.seconds for lap in laps)
        if seconds < fastest.get(name, math.inf):
            best[name], fastest[name] = together, seconds
    return best


def measure(
    entrants: Sequence[Entrant],
    work: Work,
    shape: Shape,
    *,
    together: Mapping[str, int],
    rounds: int,
    epochs: int,
) -> dict[str, Timing]:
    """Train all entrants at a shape for one epoch to warm up and `epochs` in each round."""
    runs = {e.name: e.prepare(work, shape, together[e.name]) for e in entrants}
    warm_up = take_turns(runs, rounds=1)
    laps = take_turns(runs, rounds, epochs)
    return {
        name: Timing(
            together=together[name],
            networks=run.networks,
            warm_up=warm_up[name][0].seconds * run.networks,
            laps=tuple(laps[name]),
            losses=run.losses(),
        )
        for name, run in runs.items()
    }
