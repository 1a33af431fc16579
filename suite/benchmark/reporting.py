"""The report of a selection, written anew while a run goes on."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.benchmark.machine import default_workers
from suite.benchmark.selection import Selection
from suite.errors import InputError
from suite.experiment import Experiment

if TYPE_CHECKING:
    from suite.report.shown import Shown
    from suite.results import Evidence

# Between two writings of the report, so many times what the last one took: all claims are judged
# and corrected for together each time.
TRAINING_BETWEEN = 60


class Report:
    """The report of a selection; figures of experiments that stand are not drawn again."""

    def __init__(self, selection: Selection, results: Path) -> None:
        from suite.ledger import Ledger

        self.selection = selection
        # One for the report and the mirror, which ask it again after every experiment.
        self.ledger = Ledger(results)
        self.verdicts: list[dict[str, Any]] = []
        self._evidences: list[Evidence] = []
        self._drawn: dict[str, tuple[Shown, ...]] = {}
        self._explorer: Path | None = None
        self._due = -math.inf

    def refresh(self, experiment: Experiment) -> None:
        """Write the report anew after an experiment has run, unless that was done just before."""
        self._drawn.pop(experiment.name, None)
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Judge, draw and write what the results hold now."""
        start = time.monotonic()
        self._write()
        # Whoever waits for the report wants it fresh; whoever waits for its networks does not.
        self._due = time.monotonic() + TRAINING_BETWEEN * (time.monotonic() - start)

    def _write(self) -> None:
        from suite.explorer import page as explorer
        from suite.provenance import code_hash
        from suite.report.build import prepare
        from suite.report.drawing import drawing
        from suite.results import gather_all
        from suite.sensitivity import with_half_budget
        from suite.verdicts import judge

        chosen = self.selection
        self._evidences = gather_all(self.ledger, chosen.family, chosen.profile)
        missing = [e for e in self._evidences if e.experiment.name not in self._drawn]
        # While other processes draw, this one judges and works out what the pages say.
        with (
            _writing(chosen.reports),
            drawing(missing, chosen.reports, default_workers()) as drawn,
        ):
            judged = partial(
                judge,
                confirmatory=chosen.confirmatory,
                code=code_hash(),
                data=_data_hashes(self._evidences),
            )
            self.verdicts = with_half_budget(judged, self._evidences)
            prepare(self._evidences)
            self._drawn |= drawn()
            for evidence in missing:
                if evidence.experiment.name == explorer.NAME:
                    self._explorer = explorer.write(evidence, chosen.reports)
        self.restate()

    def restate(self) -> None:
        """Write the pages again with the times that are booked by now."""
        from suite.report.build import build
        from suite.report.facts import run_facts

        chosen = self.selection
        facts = run_facts(self.ledger, self._evidences, chosen.profile)
        explorer = self._explorer and Path(self._explorer.name)
        with _writing(chosen.reports):
            build(
                self._evidences,
                self.verdicts,
                facts,
                chosen.reports,
                drawn=self._drawn,
                explorer=explorer,
                options=chosen.options,
            )


def _data_hashes(evidences: Sequence["Evidence"]) -> dict[str, str]:
    """Hashes of the data sets that were measured, but for those that a report must not fetch."""
    from suite.data.cards import CARDS
    from suite.data.loading import data_hash

    names = {str(name) for evidence in evidences for name in evidence.trials["dataset"]}
    return {name: data_hash(name) for name in sorted(names) if not CARDS[name].downloaded}


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Those without a number are not the system's, such as Jinja's for a missing template.
        if error.errno is None:
            raise
        problem = f"cannot be written: {error.strerror}"
        raise InputError(f"{directory}/", problem, "what was measured is stored") from error
