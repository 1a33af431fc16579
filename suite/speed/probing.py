"""What probes cost: whole fits with and without them, in turns."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from suite.speed.cohorts import fit_seconds, probe_names
from suite.speed.work import Shape, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCost:
    """By how much probes lengthen a fit.

    Attributes:
        share: median over pairs of fits of the time added, relative to the fit without probes.
        share_low: least of the pairs.
        share_high: most of the pairs.
        together: networks in the cohort.
        epochs: of each fit.
        probes: names of those that were on.
    """

    share: float
    share_low: float
    share_high: float
    together: int
    epochs: int
    probes: tuple[str, ...]


def measure_probes(
    work: Work, shape: Shape, together: int, *, epochs: int, rounds: int, device: str
) -> ProbeCost:
    """Fit with no probe and with all of them, in turns."""
    names = probe_names()

    def seconds(probes: Sequence[str]) -> float:
        return fit_seconds(work, shape, together, epochs, probes, device)

    shares = []
    for _ in range(rounds):
        without = seconds(())
        shares.append(seconds(names) / without - 1)
    return ProbeCost(
        share=statistics.median(shares),
        share_low=min(shares),
        share_high=max(shares),
        together=together,
        epochs=epochs,
        probes=names,
    )
