"""How Leadline's time grows: one thing at a time, the others held."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from suite.speed.contenders import CONTENDERS, REFERENCE, Entrant, Run
from suite.speed.growth import Growth, fit_growth
from suite.speed.measuring import Note, take_turns
from suite.speed.thousand import Thousand, measure_thousand
from suite.speed.threads import one_thread
from suite.speed.work import Shape, make_work
from suite.speed.workers import describe_work, time_workers


@dataclass(frozen=True, slots=True)
class Setting:
    """What a sweep varies one of, and holds the rest of."""

    together: int
    width: int
    depth: int
    samples: int
    batch: int


BASE = Setting(together=16, width=64, depth=2, samples=2000, batch=64)
SWEEPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "together": (1, 2, 4, 8, 16, 32, 64),
        "width": (16, 32, 64, 128, 256),
        "depth": (1, 2, 4, 8, 16),
        "samples": (500, 1000, 2000, 4000, 8000),
    }
)


@dataclass(frozen=True, slots=True)
class Point:
    """Wall time per network and epoch at one value: median, least and most over rounds."""

    value: int
    seconds_per_network: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """Times over the values of one factor, and the power law through them."""

    factor: str
    held: str
    points: tuple[Point, ...]
    growth: Growth | None

    @property
    def growth_text(self) -> str:
        """The exponent with its standard error."""
        return f"exponent {self.growth}" if self.growth else "one value only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """All sweeps, and what a thousand networks take."""

    device: str
    rounds: int
    sweeps: tuple[Sweep, ...]
    thousand: Thousand

    def content(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "device": self.device,
            "rounds": self.rounds,
            "sweeps": [asdict(sweep) for sweep in self.sweeps],
            "thousand": {**asdict(self.thousand), "share_of_best": self.thousand.share_of_best},
        }


def measure_scaling(device: str, cores: int, rounds: int, note: Note) -> Scaling:
    """Sweep networks together, width, depth, samples and worker processes; train a thousand.

    Args:
        device: what trains.
        cores: most worker processes.
        rounds: timed laps of each point.
        note: is told what begins.
    """
    note(f"{rounds} rounds over {', '.join(SWEEPS)}")
    sweeps = sweep_factors(SWEEPS, BASE, device, rounds)
    workers = sweep_workers(cores, device, rounds, note)
    note("a thousand networks")
    return Scaling(
        device=device,
        rounds=rounds,
        sweeps=(*sweeps, workers),
        thousand=measure_thousand(device),
    )


def sweep_factors(
    sweeps: Mapping[str, Sequence[int]], base: Setting, device: str, rounds: int
) -> tuple[Sweep, ...]:
    """Time every value of every factor, in turns, on one thread."""
    with one_thread():
        runs = {
            (factor, value): _prepare(replace(base, **{factor: value}), device)
            for factor, values in sweeps.items()
            for value in values
        }
        take_turns(runs, rounds=1)
        laps = take_turns(runs, rounds)
    seconds = {key: [lap.seconds for lap in timed] for key, timed in laps.items()}
    return tuple(
        make_sweep(factor, _held(base, factor), {v: seconds[factor, v] for v in values})
        for factor, values in sweeps.items()
    )


def _prepare(setting: Setting, device: str) -> Run:
    shape = Shape(setting.width, setting.depth, setting.batch)
    leadline = Entrant(REFERENCE, CONTENDERS[REFERENCE], device)
    return leadline.prepare(make_work(setting.samples), shape, setting.together)


def _held(base: Setting, factor: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(base).items() if name != factor)


def make_sweep(factor: str, held: str, seconds: Mapping[int, Sequence[float]]) -> Sweep:
    """A sweep from the times of each value's rounds."""
    points = tuple(
        Point(value, statistics.median(times), min(times), max(times))
        for value, times in seconds.items()
    )
    medians = [point.seconds_per_network for point in points]
    return Sweep(factor, held, points, fit_growth([point.value for point in points], medians))


def sweep_workers(cores: int, device: str, rounds: int, note: Note) -> Sweep:
    """Time the same trials on 1, 2, 4 … processes, one a core at most."""
    levels = sorted({cores, *(2**k for k in range(cores.bit_length()) if 2**k <= cores)})
    seconds = {}
    for workers in levels:
        note(f"{workers} worker processes")
        seconds[workers] = time_workers(workers, most=cores, device=device, rounds=rounds)
    return make_sweep("workers", describe_work(cores), seconds)
