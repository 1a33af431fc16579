"""A design as a source of trials: all its searches side by side, then the final trials."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from suite.classical.models import CLASSICAL
from suite.experiment import Design, Level
from suite.planning import build_trial
from suite.trial import Trial, digest
from suite.tuning.search import Asked, Search
from suite.tuning.source import Request, Told
from suite.tuning.space import Space, Values, example, space_of, with_values
from suite.tuning.suggesting import Candidate

# Seeds of tuning trials start here, so that no final trial shares its first weights with one.
TUNING_SEEDS = 10_000
# And those of networks that show how scores vary.
VARIANCE_SEEDS = 20_000_000


@dataclass(frozen=True)
class Study:
    """One contender on one data set."""

    contender: Mapping[str, Level]
    dataset: str

    @cached_property
    def text(self) -> str:
        """The contender as canonical JSON."""
        return json.dumps(dict(self.contender), sort_keys=True)

    @cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits that name the study."""
        return digest([self.text, self.dataset])[:12]


@dataclass(slots=True)
class Place:
    """A study's search on one split, of which there may be several."""

    study: Study
    split: int
    repeat: int
    search: Search


class DesignSource:
    """All that a design asks for: every contender's searches, then its final trials.

    Each split is a replicate of its own: a contender's recipe is chosen on that split's validation
    part, with first weights that the final trial does not share, and only the final trial looks at
    that split's test part. Searches of all contenders and splits go on side by side, so that a
    small batch of each fills large cohorts.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.studies = [
            Study(contender, dataset)
            for dataset in design.datasets
            for contender in design.contenders()
        ]
        self._built: dict[tuple[str, tuple[tuple[str, Level], ...]], Trial] = {}
        self._spaces = [self._space(study) for study in self.studies]
        self._places = (
            [
                Place(study, split, repeat, self._search(study, space, split, repeat))
                for study, space in zip(self.studies, self._spaces, strict=True)
                for split in range(design.seeds)
                for repeat in range(self._repeats)
            ]
            if design.tune
            else []
        )
        self._asked: list[tuple[Place, Sequence[Asked]]] = []
        self._told: Mapping[str, Told] = {}
        self._finished = False

    @property
    def _repeats(self) -> int:
        return self.design.tune.repeats if self.design.tune else 1

    def propose(self) -> Sequence[Request]:
        """The next batch of every search; when none has any left, all final trials."""
        self._asked = [(place, asked) for place in self._places if (asked := place.search.ask())]
        requests = tuple(
            self._request(place, trial, asked)
            for place, batch in self._asked
            for asked in batch
            for trial in self._trials(place, asked)
        )
        if requests or self._finished:
            return requests
        self._finished = True
        return tuple(self._finals())

    def tell(self, told: Mapping[str, Told]) -> None:
        """Take in the batch's outcomes."""
        self._told = told
        for place, batch in self._asked:
            place.search.tell({a.candidate.number: self._score(place, a) for a in batch})
        self._asked = []

    def preview(self) -> list[Request]:
        """As many requests as the budgets pay for, with examples of what is not yet chosen."""
        tuning = [
            self._request(place, trial, asked)
            for place in self._places
            for asked in self._examples(place)
            for trial in self._trials(place, asked)
        ]
        return [*tuning, *self._finals(previewed=True)]

    def _examples(self, place: Place) -> list[Asked]:
        space = self._space(place.study)
        return [
            Asked(Candidate(number, example(space, number)), rung)
            for rung, count in enumerate(place.search.expected())
            for number in range(count)
        ]

    def _space(self, study: Study) -> Space:
        if self.design.tune is None:
            return {}
        return space_of(self.design.tune, self._network(study))

    def _network(self, study: Study) -> str:
        return str(self.design.recipe(study.contender).get("network", "dense"))

    def _search(self, study: Study, space: Space, split: int, repeat: int) -> Search:
        assert self.design.tune is not None
        tune = self.design.tune.of(self.design.recipe(study.contender))
        epochs = self._build(study, {}).epochs
        if self._network(study) in CLASSICAL:
            # There are no epochs to halve, and several settings have no grid.
            sampler = "tpe" if tune.sampler == "grid" else tune.sampler
            tune, epochs = tune.model_copy(update={"halving": None, "sampler": sampler}), 1
        # The same for all contenders, so that luck in the proposals is shared.
        return Search(space, tune, epochs, f"{study.dataset} {split} {repeat}")

    def _build(
        self, study: Study, values: Values, split: int = 0, seed: int = 0, reports_test: bool = True
    ) -> Trial:
        # What is asked for again and again differs in these three fields alone.
        key = study.id, tuple(sorted(values.items()))
        if key not in self._built:
            recipe = with_values(self.design.recipe(study.contender), values)
            self._built[key] = build_trial(recipe, study.dataset)
        return replace(self._built[key], split=split, seed=seed, reports_test=reports_test)

    def _trials(self, place: Place, asked: Asked) -> list[Trial]:
        """A candidate's trials, one for each tuning seed."""
        assert self.design.tune is not None
        first = self._build(
            place.study, asked.candidate.values, split=place.split, reports_test=False
        )
        epochs = place.search.rungs[asked.rung]
        if asked.rung < len(place.search.rungs) - 1:
            first = replace(first, stop_epoch=epochs)
        repeats = self.design.tune.seeds
        start = TUNING_SEEDS + (place.split * self._repeats + place.repeat) * repeats
        return [replace(first, seed=start + number) for number in range(repeats)]

    def _request(self, place: Place, trial: Trial, asked: Asked) -> Request:
        before = place.search.rungs[asked.rung - 1] if asked.rung else None
        return Request(
            trial=trial,
            stage="tuning",
            study=place.study.id,
            contender=place.study.text,
            repeat=place.repeat,
            number=asked.candidate.number,
            continues=None if before is None else replace(trial, stop_epoch=before),
        )

    def _finals(self, previewed: bool = False) -> Iterator[Request]:
        if self.design.tune is None:
            for study in self.studies:
                for split in range(self.design.seeds):
                    yield self._final(study, split, 0, {}, "final")
            return
        for place in self._places:
            best = self._chosen(place, previewed)
            for stage, values in best.items():
                yield self._final(place.study, place.split, place.repeat, values, stage)
            if self.design.tune.variance and place.repeat == 0:
                yield from self._varied(place, best["final"])

    def _varied(self, place: Place, values: Values) -> Iterator[Request]:
        """The final network with other initial weights, and in another order."""
        final = self._final(place.study, place.split, 0, values, "variance")
        seed, other = final.trial.seed, VARIANCE_SEEDS + place.split
        if final.trial.network not in CLASSICAL:
            weights = replace(final.trial, seed=other, order=seed)
            for number, trial in enumerate((weights, replace(final.trial, order=other))):
                yield replace(final, trial=trial, number=number)

    def _chosen(self, place: Place, previewed: bool) -> dict[str, Values]:
        search = place.search
        values = {"final": search.best.values, "half": search.best_at_half.values}
        if previewed:
            space = self._space(place.study)
            values = {stage: example(space, number) for number, stage in enumerate(values)}
        return values if search.has_half else {"final": values["final"]}

    def _final(self, study: Study, split: int, repeat: int, values: Values, stage: str) -> Request:
        trial = self._build(study, values, split=split, seed=split)
        return Request(
            trial=trial, stage=stage, study=study.id, contender=study.text, repeat=repeat
        )

    def _score(self, place: Place, asked: Asked) -> float:
        """Mean over the tuning seeds, lower is better; infinite where one did not complete."""
        scores = [self._trial_score(trial) for trial in self._trials(place, asked)]
        mean = float(np.mean(scores))
        return mean if math.isfinite(mean) else math.inf

    def _trial_score(self, trial: Trial) -> float:
        assert self.design.tune is not None
        told, metric = self._told[trial.id], self.design.tune.metric
        higher = metric == "validation_accuracy"
        value = told.validation_accuracy if higher else told.validation_loss
        if told.outcome != "completed" or value is None:
            return math.inf
        return -value if higher else value
