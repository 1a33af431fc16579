"""Who proposes candidates: Optuna's samplers, asked in batches.

A batch is a function of what is known and a seed alone: for each, a study in memory is built anew
from the records. So a search that was killed goes on from stored results to the same candidates.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from suite.tune import Range, Sampler
from suite.tuning.space import Space, Values, rounded


@dataclass(slots=True)
class Candidate:
    """One proposed recipe of a search.

    Attributes:
        number: counts from 0.
        values: what the recipe has of what is searched.
        scores: at each rung that it has finished, lower is better; infinite for a failure.
        notes: what the sampler remembers with it.
    """

    number: int
    values: Values
    scores: list[float] = field(default_factory=list)
    notes: Mapping[str, Any] = field(default_factory=dict)


def suggest(
    space: Space,
    known: Sequence[Candidate],
    epochs: Sequence[int],
    sampler: Sampler,
    seed: int,
    count: int,
) -> list[Candidate]:
    """The next candidates.

    Args:
        space: what is searched.
        known: all candidates so far, in their order; those without a score are in training.
        epochs: at which each rung ends; who has finished the last is complete.
        sampler: tpe, random or cmaes.
        seed: of this batch.
        count: how many.
    """
    study = _optuna().create_study(sampler=_sampler(sampler, seed))
    study.add_trials([_frozen(space, candidate, epochs) for candidate in known])
    asked = [study.ask(dict(distributions(space))) for _ in range(count)]
    notes = [trial.system_attrs for trial in study.get_trials(deepcopy=False)[len(known) :]]
    return [
        Candidate(len(known) + place, rounded(space, trial.params), notes=own)
        for place, (trial, own) in enumerate(zip(asked, notes, strict=True))
    ]


@cache
def _optuna() -> Any:
    """Optuna, imported when it is first needed, and silent."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    return optuna


def _sampler(name: Sampler, seed: int) -> Any:
    samplers = _optuna().samplers
    if name == "random":
        return samplers.RandomSampler(seed=seed)
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return samplers.TPESampler(seed=seed)


def distributions(space: Space) -> dict[str, Any]:
    """The ranges as Optuna has them."""
    return {name: _distribution(searched) for name, searched in space.items()}


def _distribution(searched: Range) -> Any:
    kinds = _optuna().distributions
    if searched.choice is not None:
        return kinds.CategoricalDistribution(searched.choice)
    low, high = searched.limits
    whole = "integer" in searched.kind
    kind = kinds.IntDistribution if whole else kinds.FloatDistribution
    return kind(low, high, log=searched.is_log)


def _frozen(space: Space, candidate: Candidate, epochs: Sequence[int]) -> Any:
    """A candidate as a trial of a study: complete, pruned at its last rung, or in training."""
    optuna = _optuna()
    states = optuna.trial.TrialState
    scores = candidate.scores
    complete = len(scores) == len(epochs)
    return optuna.trial.create_trial(
        state=states.COMPLETE if complete else states.PRUNED if scores else states.RUNNING,
        params=dict(candidate.values),
        distributions=distributions(space),
        value=scores[-1] if complete else None,
        intermediate_values=dict(zip(epochs, scores, strict=False)),
        system_attrs=dict(candidate.notes),
    )
