"""Schedules: how the learning rate moves in the course of training.

Factors are as torch.optim.lr_scheduler has them, for one step of the schedule an update.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

# One update in so many warms up.
WARM_UP = 10
# One cycle: the share of updates that the rate rises in, and where it starts and ends.
CYCLE_RISE = 0.3
CYCLE_START = 1 / 25
CYCLE_END = CYCLE_START / 1e4


@dataclass(frozen=True, slots=True)
class Schedule:
    """`factor(step, steps)` multiplies the learning rate at update `step` of `steps` in all.

    Updates count from 0.
    """

    description: str
    source: str
    factor: Callable[[int, int], float]


def constant(step: int, steps: int) -> float:
    """1."""
    return 1.0


def step_down(step: int, steps: int) -> float:
    """1, from one half on 0.1, from three quarters on 0.01."""
    return 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps))


def cosine(step: int, steps: int) -> float:
    """Half a cosine wave from 1 to 0."""
    return _half_wave(1.0, 0.0, step / steps)


def one_cycle(step: int, steps: int) -> float:
    """From 1/25 up to 1 in the first 30 %, then down to 1/250 000, by half cosine waves."""
    peak, end = CYCLE_RISE * steps - 1, steps - 1
    if step <= peak:
        return _half_wave(CYCLE_START, 1.0, step / peak)
    return _half_wave(1.0, CYCLE_END, (step - peak) / (end - peak))


def warm_up(step: int, steps: int) -> float:
    """A line up to 1 over the first tenth of the updates, 1 from there on."""
    return min(1.0, (step + 1) / _rise(steps))


def warm_up_cosine(step: int, steps: int) -> float:
    """A line up to 1 over the first tenth of the updates, then half a cosine wave to 0."""
    rise = _rise(steps)
    return warm_up(step, steps) if step < rise else cosine(step - rise, steps - rise)


def _rise(steps: int) -> int:
    """Updates that warming up takes."""
    return max(1, steps // WARM_UP)


def _half_wave(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule("one learning rate throughout", "baseline", constant),
    "step": Schedule(
        "a tenth at one half of training, a hundredth at three quarters",
        "He, Zhang, Ren & Sun 2016",
        step_down,
    ),
    "cosine": Schedule("half a cosine wave down to 0", "Loshchilov & Hutter 2017", cosine),
    "one_cycle": Schedule(
        "up from 1/25 in the first 30 % of training, then down to 1/250 000",
        "Smith & Topin 2019",
        one_cycle,
    ),
    "warm_up": Schedule(
        "up along a line in the first tenth of training, then constant",
        "Goyal et al. 2017",
        warm_up,
    ),
    "warm_up_cosine": Schedule(
        "up along a line in the first tenth of training, then half a cosine wave down to 0",
        "Goyal et al. 2017; Loshchilov & Hutter 2017",
        warm_up_cosine,
    ),
}
