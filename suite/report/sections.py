"""One experiment as the pages show it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from suite.links import runs_link
from suite.report.claims import ClaimView, Row, claim_view
from suite.report.contenders import Contenders, contenders
from suite.report.fairness import Fairness, fairness
from suite.report.reading import expected, reading, trained
from suite.report.registration import design_in_words
from suite.report.shown import Shown
from suite.results import Evidence

_REGISTERED = "experiments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One experiment as the pages show it.

    Attributes:
        name: of the experiment, and of its folder.
        question: in one sentence.
        command: what runs exactly this.
        browse: what opens its runs.
        runs: where they are then.
        complete: whether all of its networks are trained.
        stale: why its measurements do not count any more; empty where they do.
        trained: networks that are.
        expected: networks that will be.
        reading: what was found, in sentences.
        registration: what was fixed beforehand: headings and contents.
        hash: of the registration.
        amended: what was changed after results had been seen, and why.
        claims: what was tested.
        figures: drawn or missing, the one that shows the answer best first.
        contenders: their scores; None before anything is trained.
        fairness: of their tuning; None where nothing is tuned.
    """

    name: str
    question: str
    command: str
    browse: str
    runs: str
    complete: bool
    stale: str
    trained: int
    expected: int
    reading: tuple[str, ...]
    registration: tuple[tuple[str, str], ...]
    amended: tuple[str, ...]
    hash: str
    claims: tuple[ClaimView, ...]
    figures: tuple[Shown, ...]
    contenders: Contenders | None
    fairness: Fairness | None

    @property
    def drawn(self) -> tuple[Shown, ...]:
        """Figures that there are."""
        return tuple(figure for figure in self.figures if not figure.missing)


def section(
    evidence: Evidence,
    verdicts: Sequence[Row],
    figures: tuple[Shown, ...],
    options: Sequence[str] = (),
) -> Section:
    """What the pages say of an experiment.

    Args:
        evidence: what was measured.
        verdicts: rows of all experiments.
        figures: what `draw_figures` returned.
        options: further words of the command that runs it.
    """
    experiment = evidence.experiment
    rows = [row for row in verdicts if row["experiment"] == experiment.name]
    words = ["leadline", "run", _asked(evidence), "--profile", evidence.profile, *options]
    claims = tuple(claim_view(row, experiment, evidence.complete) for row in rows)
    return Section(
        name=experiment.name,
        question=experiment.question,
        command=shlex.join(words),
        browse=f"leadline ui {experiment.name}",
        runs=runs_link(experiment.name),
        complete=evidence.complete,
        stale=_stale(rows),
        trained=trained(evidence),
        expected=expected(evidence),
        reading=tuple(reading(evidence, claims)),
        registration=tuple(design_in_words(evidence)),
        amended=evidence.experiment.amended,
        hash=evidence.registered_hash,
        claims=claims,
        figures=figures,
        contenders=contenders(evidence),
        fairness=fairness(evidence, rows),
    )


def _asked(evidence: Evidence) -> str:
    """The experiment's name, or its file where that is not among the registered ones."""
    path = PurePath(evidence.experiment.path)
    if not path.parts or path.parts[0] == _REGISTERED:
        return evidence.experiment.name
    # Where a file lies on one machine means nothing on another.
    return path.name if path.is_absolute() else path.as_posix()


def _stale(rows: Sequence[Row]) -> str:
    notes = (note for row in rows for note in row["notes"])
    return next((note for note in notes if note.startswith("Stale:")), "")
