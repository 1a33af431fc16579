"""Sources of trials: what to train next, told how it went.

A source proposes requests in batches until it has none left. `running` trains what is missing and
tells the source what it needs to go on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from suite.experiment import Design, Level, Tune
from suite.planning import build_trial
from suite.trial import Trial, digest

# Seeds of tuning trials start here, so that no final trial shares its first weights with one.
TUNING_SEEDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A trial with the reason why it is asked for."""

    trial: Trial
    stage: str
    study: str
    contender: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a source learns of a trial: how it ended and its validation metrics, nothing else."""

    outcome: str
    validation_loss: float | None
    validation_accuracy: float | None


class Source(Protocol):
    """Proposes batches of requests and is told their outcomes."""

    def propose(self) -> Sequence[Request]:
        """The next batch; empty when there is nothing left to ask."""

    def tell(self, told: Mapping[str, Told]) -> None:
        """Take in the outcomes of the last batch, by trial id."""


@dataclass(frozen=True, slots=True)
class Study:
    """One contender on one data set."""

    contender: Mapping[str, Level]
    dataset: str

    @property
    def text(self) -> str:
        """The contender as canonical JSON."""
        return json.dumps(dict(self.contender), sort_keys=True)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name the study."""
        return digest([self.text, self.dataset])[:12]


def candidates(tune: Tune) -> tuple[float, ...]:
    """Learning rates evenly spaced in the logarithm, ends included, to three digits."""
    low, high = tune.learning_rate.log
    return tuple(float(f"{rate:.3g}") for rate in np.geomspace(low, high, tune.budget.trials))


class GridSource:
    """The whole grid of a design: first every contender's candidates, then its final trials.

    Each split is a replicate of its own: a contender's learning rate is chosen on that split's
    validation part, with first weights that the final trial does not share, and only the final
    trial looks at that split's test part.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.studies = [
            Study(contender, dataset)
            for dataset in design.datasets
            for contender in design.contenders()
        ]
        self._batches = [self._finals, self._tuning] if design.tune else [self._finals]
        self._told: dict[str, Told] = {}

    def propose(self) -> Sequence[Request]:
        """All tuning trials at first, then all final ones."""
        return self._batches.pop()() if self._batches else ()

    def tell(self, told: Mapping[str, Told]) -> None:
        """Remember the batch's outcomes."""
        self._told.update(told)

    def count(self) -> int:
        """Networks that the source asks for in all."""
        tune = self.design.tune
        each = 1 + (tune.budget.trials * tune.seeds if tune else 0)
        return len(self.studies) * self.design.seeds * each

    def preview(self) -> list[Request]:
        """Every request, with the lowest candidate in place of learning rates not yet chosen."""
        if not self.design.tune:
            return self._finals()
        return self._tuning() + self._final_requests(lambda _study, _split: self._rates()[0])

    def _rates(self) -> tuple[float, ...]:
        assert self.design.tune
        return candidates(self.design.tune)

    def _tuning(self) -> list[Request]:
        return [
            self._request(study, trial, "tuning")
            for study in self.studies
            for split in range(self.design.seeds)
            for rate in self._rates()
            for trial in self._tuning_trials(study, split, rate)
        ]

    def _tuning_trials(self, study: Study, split: int, rate: float) -> list[Trial]:
        assert self.design.tune
        first = build_trial(
            self.design.recipe(study.contender),
            study.dataset,
            learning_rate=rate,
            split=split,
            reports_test=False,
        )
        repeats = self.design.tune.seeds
        return [replace(first, seed=TUNING_SEEDS + split * repeats + r) for r in range(repeats)]

    def _finals(self) -> list[Request]:
        return self._final_requests(self._chosen_rate if self.design.tune else lambda *_: None)

    def _final_requests(self, rate_of: "RateOf") -> list[Request]:
        return [
            self._request(
                study,
                build_trial(
                    self.design.recipe(study.contender),
                    study.dataset,
                    learning_rate=rate_of(study, split),
                    split=split,
                    seed=split,
                ),
                "final",
            )
            for study in self.studies
            for split in range(self.design.seeds)
        ]

    def _request(self, study: Study, trial: Trial, stage: str) -> Request:
        return Request(trial=trial, stage=stage, study=study.id, contender=study.text)

    def _chosen_rate(self, study: Study, split: int) -> float:
        """The candidate with the best mean validation score; the smaller one where they tie."""
        scores = {
            rate: [self._score(trial) for trial in self._tuning_trials(study, split, rate)]
            for rate in self._rates()
        }
        return min(scores, key=lambda rate: (float(np.mean(scores[rate])), rate))

    def _score(self, trial: Trial) -> float:
        """Lower is better; infinite for a trial that did not complete."""
        assert self.design.tune
        told = self._told[trial.id]
        value = getattr(told, self.design.tune.metric)
        if told.outcome != "completed" or value is None:
            return float("inf")
        return -value if self.design.tune.metric == "validation_accuracy" else float(value)


class RateOf(Protocol):
    """Gives a study's learning rate on a split; None where the recipe holds it."""

    def __call__(self, study: Study, split: int, /) -> float | None: ...  # noqa: D102
