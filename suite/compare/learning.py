"""How scores grow with rows: the chosen recipes trained again on parts of the training rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suite.compare.plan import DUMMY, FACTOR, NAME, PROFILE, held
from suite.compare.table import Table
from suite.experiment import Experiment
from suite.ledger import Ledger
from suite.reading import build_experiment
from suite.results import gather
from suite.schemas import to_trial
from suite.trial import Trial, digest
from suite.tuning.source import Request, Told
from suite.tuning.studies import DesignSource

SHARES = (8, 4, 2)
FEWEST = 10


def sizes(table: Table) -> tuple[int, ...]:
    """An eighth, a quarter and a half of the training rows, as far as that is enough to learn."""
    card = table.card
    fewest = max(FEWEST, 2 * card.outputs)
    return tuple(n for n in (card.train_samples // share for share in SHARES) if n >= fewest)


def plan_learning(table: Table, main: Experiment) -> Experiment | None:
    """The experiment; None where there are too few rows for a part of them."""
    if not sizes(table):
        return None
    compared = {k: dict(v) for k, v in main.variants[FACTOR].items() if k != DUMMY}
    content = {
        "question": "What would more rows bring?",
        "vary": {FACTOR: compared, "samples": list(sizes(table))},
        "hold": held(table),
        "profiles": {PROFILE: {"seeds": main.profiles[PROFILE].seeds}},
    }
    return build_experiment(f"{NAME}_learning", content)


@dataclass(slots=True)
class LearningSource:
    """The recipe that each contender chose on each split, with fewer training rows.

    It looks for the chosen recipes when it is asked, after the comparison itself has run.

    Attributes:
        main: the comparison.
        learning: this experiment.
        results: the ledger's directory.
    """

    main: Experiment
    learning: Experiment
    results: Path
    _finished: bool = False

    def propose(self) -> Sequence[Request]:
        """Everything at once."""
        if self._finished:
            return ()
        self._finished = True
        trials = gather(Ledger(self.results), self.main, PROFILE).trials
        found = trials[trials["outcome"].notna()].to_dict("records")
        return [
            request
            for row in found
            for request in self._parts(str(row[FACTOR]), to_trial({str(k): row[k] for k in row}))
        ]

    def tell(self, told: Mapping[str, Told]) -> None:
        """Nothing follows from what is found."""

    def count(self) -> int:
        """Trials in all."""
        return len(self.preview())

    def preview(self) -> Sequence[Request]:
        """The same with examples of recipes."""
        finals = [r for r in DesignSource(self.main.at(PROFILE)).preview() if r.stage == "final"]
        names = [str(json.loads(request.contender)[FACTOR]) for request in finals]
        parts = zip(names, finals, strict=True)
        return [part for name, request in parts for part in self._parts(name, request.trial)]

    def _parts(self, name: str, trial: Trial) -> list[Request]:
        if name == DUMMY:
            return []
        rows = [n for n in self.learning.vary["samples"] if isinstance(n, int)]
        return [_request(name, replace(trial, samples=count)) for count in rows]


def _request(name: str, trial: Trial) -> Request:
    contender = json.dumps({FACTOR: name, "samples": trial.samples}, sort_keys=True)
    study = digest([contender, trial.dataset])[:12]
    return Request(trial=trial, stage="final", study=study, contender=contender)
