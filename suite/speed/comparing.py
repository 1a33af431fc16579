"""The comparison itself: every shape, every contender, in turns."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from suite.figures.words import counted
from suite.speed.comparison import Comparison, make_rows
from suite.speed.contenders import REFERENCE, Entrant
from suite.speed.measuring import Note, Timing, choose_together, measure
from suite.speed.peak import sgemm_gflops
from suite.speed.probing import ProbeCost, measure_probes
from suite.speed.threads import one_thread
from suite.speed.work import Shape, Work, epoch_flops

PROBE_ROUNDS = 3
PROBE_EPOCHS = 20


def compare(
    entrants: Sequence[Entrant],
    missing: Mapping[str, str],
    work: Work,
    shapes: Sequence[Shape],
    *,
    rounds: int,
    epochs: int,
    note: Note,
) -> Comparison:
    """Train the same networks with every entrant, on one thread.

    Args:
        entrants: who takes part, Leadline among them.
        missing: why others do not.
        work: the data.
        shapes: of the networks; the cost of probes is measured at the first.
        rounds: timed laps of each entrant.
        epochs: epochs in each lap.
        note: is told what begins.
    """
    peaks: list[dict[str, float]] = []
    timings: dict[Shape, dict[str, Timing]] = {}
    with one_thread():
        for shape in shapes:
            peaks.append(_peaks(entrants))
            timings[shape] = _measure(entrants, work, shape, rounds, epochs, note)
        peaks.append(_peaks(entrants))
        probes = _probes(entrants, work, shapes[0], timings[shapes[0]], note)
    sgemm = {d: statistics.median(peak[d] for peak in peaks) for d in peaks[0]}
    named = {entrant.name: entrant for entrant in entrants}
    return Comparison(
        device=named[REFERENCE].device,
        sgemm=sgemm,
        shapes={
            shape: make_rows(named, measured, epoch_flops(work, shape), sgemm)
            for shape, measured in timings.items()
        },
        missing=missing,
        probes=probes,
        samples=work.samples,
        rounds=rounds,
        epochs=epochs,
    )


def _peaks(entrants: Iterable[Entrant]) -> dict[str, float]:
    return {device: sgemm_gflops(device) for device in sorted({e.device for e in entrants})}


def _measure(
    entrants: Sequence[Entrant], work: Work, shape: Shape, rounds: int, epochs: int, note: Note
) -> dict[str, Timing]:
    note(f"{shape}: choosing how many networks together")
    together = choose_together(entrants, work, shape)
    note(f"{shape}: timing {counted(rounds, 'round')} of {counted(epochs, 'epoch')}")
    return measure(entrants, work, shape, together=together, rounds=rounds, epochs=epochs)


def _probes(
    entrants: Sequence[Entrant], work: Work, shape: Shape, timings: Mapping[str, Timing], note: Note
) -> ProbeCost:
    note(f"{shape}: {PROBE_EPOCHS} epochs with and without probes")
    return measure_probes(
        work,
        shape,
        timings[REFERENCE].together,
        epochs=PROBE_EPOCHS,
        rounds=PROBE_ROUNDS,
        device=next(e.device for e in entrants if e.name == REFERENCE),
    )
