"""What a comparison found, as plain data: the content of speed.json."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from suite.speed.agreement import Agreement, compare_losses
from suite.speed.contenders import REFERENCE, Entrant
from suite.speed.measuring import Timing
from suite.speed.probing import ProbeCost
from suite.speed.work import Shape

# Of one core: with less at work, other programs took the rest; more is more than one thread.
_LEAST_CORE, _MOST_CORE = 0.95, 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One contender at one shape.

    Attributes:
        name: of the contender.
        together: networks that trained side by side, the fastest number of those tried.
        ms_per_network_epoch: median over rounds.
        gflops: billions of operations a second by the closed form, true sizes.
        share_of_sgemm: of the device's own matrix product.
        ratio_to_leadline: its time over Leadline's.
        ratio_low: least over rounds, paired.
        ratio_high: most over rounds, paired.
        final_loss: mean training loss of its networks; None where it is not finite.
        same_loss: whether that agrees with the others'.
        networks: networks that trained.
        device: where.
        compile_seconds: by which the first epoch took longer than an ordinary one.
        cores: at work, by processor time over wall time.
        note: what a reader must know; empty mostly.
    """

    name: str
    together: int
    ms_per_network_epoch: float
    gflops: float
    share_of_sgemm: float
    ratio_to_leadline: float
    ratio_low: float
    ratio_high: float
    final_loss: float | None
    same_loss: bool
    networks: int
    device: str
    compile_seconds: float
    cores: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All shapes.

    Attributes:
        device: where Leadline trained.
        sgemm: billions of operations a second of a square matrix product, by device.
        shapes: the rows of each shape, Leadline's first.
        missing: why contenders did not take part, by name.
        probes: what Leadline's probes cost.
        samples: rows of an epoch.
        rounds: timed laps of each contender.
        epochs: epochs in each lap.
    """

    device: str
    sgemm: Mapping[str, float]
    shapes: Mapping[Shape, tuple[Row, ...]]
    missing: Mapping[str, str]
    probes: ProbeCost
    samples: int
    rounds: int
    epochs: int

    @property
    def same_loss(self) -> bool:
        """Whether all contenders reached the same loss everywhere."""
        return all(row.same_loss for rows in self.shapes.values() for row in rows)

    @property
    def disturbed(self) -> float | None:
        """The least share of a core that a contender had, where other programs took some."""
        rows = [row for rows in self.shapes.values() for row in rows]
        least = min((row.cores for row in rows if row.device == "cpu"), default=1.0)
        return least if least < _LEAST_CORE else None

    def content(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "sgemm_gflops": self.sgemm[self.device],
            "sgemm_gflops_by_device": dict(self.sgemm),
            "device": self.device,
            "threads": 1,
            "samples": self.samples,
            "rounds": self.rounds,
            "epochs": self.epochs,
            "same_loss": self.same_loss,
            "disturbed": self.disturbed,
            "shapes": [
                {**asdict(shape), "contenders": [asdict(row) for row in rows]}
                for shape, rows in self.shapes.items()
            ],
            "probes": asdict(self.probes),
            "missing": dict(self.missing),
        }


def make_rows(
    entrants: Mapping[str, Entrant],
    timings: Mapping[str, Timing],
    flops: float,
    sgemm: Mapping[str, float],
) -> tuple[Row, ...]:
    """One shape's rows.

    Args:
        entrants: by name.
        timings: of each entrant.
        flops: operations of one network's epoch.
        sgemm: billions of operations a second, by device.
    """
    agreements = compare_losses({name: timing.losses for name, timing in timings.items()})
    return tuple(
        _row(entrants[name], timing, timings[REFERENCE], agreements[name], flops, sgemm)
        for name, timing in timings.items()
    )


def _row(
    entrant: Entrant,
    timing: Timing,
    reference: Timing,
    agreement: Agreement,
    flops: float,
    sgemm: Mapping[str, float],
) -> Row:
    pairs = zip(timing.laps, reference.laps, strict=True)
    ratios = [theirs.seconds / ours.seconds for theirs, ours in pairs]
    gflops = flops / timing.seconds / 1e9
    return Row(
        name=entrant.name,
        together=timing.together,
        ms_per_network_epoch=1e3 * timing.seconds,
        gflops=gflops,
        share_of_sgemm=gflops / sgemm[entrant.device],
        ratio_to_leadline=timing.seconds / reference.seconds,
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        final_loss=agreement.mean if math.isfinite(agreement.mean) else None,
        same_loss=agreement.agrees,
        networks=timing.networks,
        device=entrant.device,
        compile_seconds=timing.compilation,
        cores=timing.cores,
        note="; ".join(_notes(timing, agreement)),
    )


def _notes(timing: Timing, agreement: Agreement) -> list[str]:
    notes = []
    if not agreement.agrees:
        notes.append(
            f"its loss differs from that of {agreement.reference} by {agreement.difference:+.3g}, "
            f"more than {agreement.tolerance:.2g}"
        )
    if timing.cores > _MOST_CORE:
        notes.append(f"kept {timing.cores:.1f} cores busy instead of one")
    return notes
