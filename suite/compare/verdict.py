"""From a comparison's numbers to its verdict: the ranking, depth's worth, and who is best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from suite import __version__, statistics
from suite.compare.difference import ALPHA, BETTER, Difference, difference
from suite.compare.plan import DEEP, DUMMY, SHALLOW
from suite.compare.scores import Measured
from suite.compare.table import Table
from suite.data.dataset import DatasetCard
from suite.randomness import generator
from suite.ranking import mean_ranks

NETWORKS = (DEEP, SHALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A contender's place in the ranking.

    Attributes:
        name: of the contender.
        mean: of its scores; None where one is missing.
        interval: of the mean over splits, Student's at 95 %; None for a single split.
        rank: its mean over splits, 1 being best; None where a score is missing.
        rank_interval: from a bootstrap over splits, for drawing.
        beside: its means in other metrics.
        tuning_trials: candidates tried, of all splits together.
        seconds: of training, tuning included.
        final_seconds: of that, what its final trials took.
        parameters: trained numbers, the median over splits.
        failed: splits on which it diverged or died, which count as chance.
        recipes: what it chose on each split.
    """

    name: str
    mean: float | None
    interval: tuple[float, float] | None
    rank: float | None
    rank_interval: tuple[float, float] | None
    beside: dict[str, float | None]
    tuning_trials: int
    seconds: float
    final_seconds: float
    parameters: int
    failed: int
    recipes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The best contender against another; the level is corrected for all that it could be."""

    over: str
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found.

    Attributes:
        metric: what ranks contenders.
        margin: the smallest difference of interest.
        splits: test folds, which share no row.
        places: contenders, the best first; those without all scores last.
        depth: deep less shallow; None where one of them has no score.
        depth_at_half: the same with half of the tuning budget.
        cost_ratio: deep over shallow, seconds of training with tuning.
        final_cost_ratio: the same of the final networks alone.
        lead: the best over the second.
        over_networks: the best over that network against which it does worse; None where it is one
            of them.
        over_others: the best, where it is a network, over the best that is none.
        over_dummy: the best over guessing.
    """

    metric: str
    margin: float
    splits: int
    places: tuple[Place, ...]
    depth: Difference | None
    depth_at_half: Difference | None
    cost_ratio: float | None
    final_cost_ratio: float | None
    lead: Lead | None
    over_networks: Lead | None
    over_others: Lead | None
    over_dummy: Lead | None

    @property
    def best(self) -> Place:
        """The contender with the highest mean."""
        return self.places[0]

    def place(self, name: str) -> Place:
        """A contender's place."""
        return next(place for place in self.places if place.name == name)


def judge(measured: Measured, margin: float) -> Verdict:
    """Rank the contenders and say what depth brings."""
    places = _places(measured)
    complete = [place.name for place in places if place.mean is not None]
    ratios = [_ratio(measured, *columns) for columns in (("tuning", "final"), ("final",))]
    return Verdict(
        metric=measured.metric,
        margin=margin,
        splits=len(measured.scores),
        places=places,
        depth=_depth(measured.scores, margin),
        depth_at_half=_depth(measured.half, margin),
        cost_ratio=ratios[0],
        final_cost_ratio=ratios[1],
        lead=_lead(measured, complete, complete[1:2], margin),
        over_networks=_over_networks(measured, complete, margin),
        over_others=_over_others(measured, complete, margin),
        over_dummy=_lead(measured, complete, [DUMMY], margin),
    )


def _places(measured: Measured) -> tuple[Place, ...]:
    ranks = _ranks(measured)
    places = [_place(measured, str(name), ranks) for name in measured.scores]
    return tuple(sorted(places, key=lambda p: (p.mean is None, -(p.mean or 0.0))))


def _place(measured: Measured, name: str, ranks: dict[str, tuple[float, float, float]]) -> Place:
    cost = {str(column): float(measured.costs[column][name]) for column in measured.costs}
    rank, *rank_interval = ranks.get(name, (None, None, None))
    whole = name in ranks
    return Place(
        name=name,
        mean=float(measured.scores[name].mean()) if whole else None,
        interval=_interval(measured.scores[name]) if whole else None,
        rank=rank,
        rank_interval=(rank_interval[0], rank_interval[1]) if whole else None,  # type: ignore[arg-type]
        beside={metric: _number(found[name].mean()) for metric, found in measured.beside.items()},
        tuning_trials=int(cost["trials"]),
        seconds=cost["tuning_seconds"] + cost["final_seconds"],
        final_seconds=cost["final_seconds"],
        parameters=0 if math.isnan(cost["parameters"]) else round(cost["parameters"]),
        failed=int(measured.failed.get(name, 0)),
        recipes=measured.recipes[name],
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(scores: pd.Series) -> tuple[float, float] | None:
    if len(scores) < 2:
        return None
    found = statistics.estimate(statistics.moments([scores.to_numpy(np.float64)]))
    low, high = statistics.interval(found, ALPHA)
    return float(low), float(high)


def _ranks(measured: Measured) -> dict[str, tuple[float, float, float]]:
    """Mean rank with the ends of its interval, of contenders with all scores."""
    names = measured.complete
    if not names:
        return {}
    scores = measured.scores[names].to_numpy(np.float64)
    found = mean_ranks([scores], generator(0, "ranks of a comparison"))
    rows = np.stack([found.value, found.low, found.high], axis=1).tolist()
    return {name: tuple(row) for name, row in zip(names, rows, strict=True)}


def _depth(scores: pd.DataFrame, margin: float) -> Difference | None:
    if scores[[DEEP, SHALLOW]].isna().to_numpy().any():
        return None
    deep, shallow = (scores[name].to_numpy(np.float64) for name in (DEEP, SHALLOW))
    return difference(deep, shallow, margin)


def _ratio(measured: Measured, *stages: str) -> float | None:
    columns = [f"{stage}_seconds" for stage in stages]
    seconds = measured.costs[columns].sum(axis=1)
    return float(seconds[DEEP] / seconds[SHALLOW]) if seconds[SHALLOW] > 0 else None


def _lead(
    measured: Measured, complete: Sequence[str], over: Sequence[str], margin: float
) -> Lead | None:
    """The best over another; any of the others could have been the best (Bonferroni)."""
    if len(complete) < 2 or not over or over[0] not in complete or over[0] == complete[0]:
        return None
    first, second = (measured.scores[n].to_numpy(np.float64) for n in (complete[0], over[0]))
    found = difference(first, second, margin, ALPHA / (len(complete) - 1))
    return Lead(over=over[0], difference=found)


def _over_networks(measured: Measured, complete: Sequence[str], margin: float) -> Lead | None:
    """Better than both means better than each."""
    networks = [name for name in complete if name in NETWORKS]
    if not networks or complete[0] in networks:
        return None
    leads = [_lead(measured, complete, [name], margin) for name in networks]
    return next((lead for lead in leads if lead and lead.difference.verdict != BETTER), leads[0])


def _over_others(measured: Measured, complete: Sequence[str], margin: float) -> Lead | None:
    if not complete or complete[0] not in NETWORKS:
        return None
    others = [name for name in complete if name not in (*NETWORKS, DUMMY)]
    return _lead(measured, complete, others[:1], margin)


def all_overlap(verdict: Verdict) -> bool:
    """Whether the intervals of all contenders but the guess have a point in common."""
    known = [p.interval for p in verdict.places if p.name != DUMMY and p.interval is not None]
    return bool(known) and max(low for low, _ in known) <= min(high for _, high in known)


def as_json(
    verdict: Verdict, table: Table, sentence: str, warnings: Sequence[str], code: str
) -> dict[str, Any]:
    """The content of verdict.json; what is not applicable is None."""
    card: DatasetCard = table.card
    return {
        "file": table.spec.file.name,
        "target": table.spec.target,
        "task": card.task,
        "rows": table.rows,
        "rows_used": card.samples,
        "features": card.features,
        "metric": verdict.metric,
        "splits": verdict.splits,
        "contenders": [_contender(place) for place in verdict.places],
        "depth": _depth_json(verdict),
        "best": verdict.best.name,
        "lead": _lead_json(verdict.lead),
        "sentence": sentence,
        "warnings": list(warnings),
        "leadline_version": __version__,
        "code_hash": code,
    }


def _contender(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "mean": place.mean,
        "interval": _pair(place.interval),
        "rank": place.rank,
        "rank_interval": _pair(place.rank_interval),
        **place.beside,
        "tuning_trials": place.tuning_trials,
        "seconds": place.seconds,
        "final_seconds": place.final_seconds,
        "parameters": place.parameters,
        "failed": place.failed,
        "recipes": place.recipes,
    }


def _pair(ends: tuple[float, float] | tuple[int, int] | None) -> list[float] | None:
    return None if ends is None else list(ends)


def _depth_json(verdict: Verdict) -> dict[str, Any]:
    found, half = verdict.depth, verdict.depth_at_half
    return {
        "effect": found and found.effect,
        "interval": found and _pair(found.interval),
        "margin": verdict.margin,
        "verdict": found and found.verdict,
        "verdict_at_half_budget": half and half.verdict,
        "cost_ratio": verdict.cost_ratio,
        "final_cost_ratio": verdict.final_cost_ratio,
        "seeds": verdict.splits,
        "seeds_needed": found and _pair(found.seeds_needed),
    }


def _lead_json(lead: Lead | None) -> dict[str, Any] | None:
    if lead is None:
        return None
    found = lead.difference
    return {
        "over": lead.over,
        "effect": found.effect,
        "interval": _pair(found.interval),
        "verdict": found.verdict,
    }
