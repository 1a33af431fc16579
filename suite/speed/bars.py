"""What Leadline sets out to reach on one core of a CPU, and whether it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from suite.speed.comparison import Comparison, Row
from suite.speed.contenders import REFERENCE
from suite.speed.work import Shape

# How many times Leadline's time each contender takes, at least.
RATIOS: Mapping[Shape, Mapping[str, float]] = {
    Shape(64, 4, 128): {"torch": 3.0, "scikit-learn": 3.0, "jax": 1.0},
    Shape(32, 2, 32): {"torch": 15.0, "scikit-learn": 15.0, "jax": 1.0},
    Shape(128, 8, 128): {"torch": 1.4, "scikit-learn": 2.5, "jax": 1.0},
}
# Where contenders are to be level, the noise of a comparison.
_NOISE = {"jax": 0.05}
SHARE_OF_SGEMM, LEAST_WIDTH = 0.6, 64
PROBES_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and what was measured.

    Attributes:
        subject: what is measured, in words.
        relation: "≥" or "≤".
        wanted: the bar.
        measured: the measurement.
        verdict: met, within noise, or missed.
    """

    subject: str
    relation: str
    wanted: float
    measured: float
    verdict: str


def judge(comparison: Comparison) -> tuple[Bar, ...]:
    """Every bar that the comparison measured; none where Leadline trained on an accelerator."""
    return tuple(_bars(comparison)) if comparison.device == "cpu" else ()


def _bars(comparison: Comparison) -> Iterator[Bar]:
    for shape, rows in comparison.shapes.items():
        yield from _bars_at(shape, {row.name: row for row in rows})
    share = comparison.probes.share
    verdict = "met" if share <= PROBES_SHARE else "missed"
    yield Bar("cost of probes", "≤", PROBES_SHARE, share, verdict)


def _bars_at(shape: Shape, rows: Mapping[str, Row]) -> Iterator[Bar]:
    for name, wanted in RATIOS.get(shape, {}).items():
        if name in rows:
            subject = f"{shape}: time of {name} / Leadline's"
            yield _at_least(subject, wanted, rows[name].ratio_to_leadline, _NOISE.get(name, 0.0))
    if shape in RATIOS and shape.width >= LEAST_WIDTH:
        subject = f"{shape}: share of sgemm"
        yield _at_least(subject, SHARE_OF_SGEMM, rows[REFERENCE].share_of_sgemm, 0.0)


def _at_least(subject: str, wanted: float, measured: float, noise: float) -> Bar:
    near = "within noise" if measured >= wanted - noise else "missed"
    return Bar(subject, "≥", wanted, measured, "met" if measured >= wanted else near)
