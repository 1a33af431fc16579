"""Evidence and registered claims to verdicts: one row per claim, for reports/verdicts.json."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import statistics
from suite.data.cards import CARDS
from suite.decisions import (
    INCONCLUSIVE,
    SUPPORTED,
    Decision,
    Part,
    decide,
    distance,
    is_general,
    weigh,
)
from suite.errors import InputError
from suite.experiment import Claim, Side
from suite.metrics import METRICS
from suite.randomness import generator
from suite.statistics import Corrected

if TYPE_CHECKING:
    from suite.results import Evidence

Row = dict[str, Any]

ALPHA = 0.05
NAMED_SETS, IN_GENERAL = "named sets", "in general"


@dataclass(frozen=True, slots=True)
class _Case:
    """A claim with its evidence, its decision with and without failures, and why it has no word."""

    name: str
    claim: Claim
    evidence: Evidence
    parts: tuple[Part, ...]
    decision: Decision
    without_failures: Decision | None
    obstacles: tuple[str, ...]


def judge(
    evidences: Sequence[Evidence],
    family: Collection[str] | None = None,
    confirmatory: bool = True,
    code: str | None = None,
) -> list[Row]:
    """Verdict rows of all claims of one profile's experiments, headline claims first.

    Args:
        evidences: what was measured, one for each experiment.
        family: ids of all claims registered for the profile; those without results count as p = 1.
            The default is the claims of `evidences`.
        confirmatory: False makes every row a preview without a word.
        code: hash of the present code; what other code measured gets no word. None asks nothing.

    Raises:
        InputError: a claim names an unknown metric or stands in two experiments.
        ValueError: the evidences are of different profiles.
    """
    _check_distinct(evidences)
    claims = [(e, name) for e in evidences for name in e.experiment.claims]
    registered = frozenset(name for _, name in claims) if family is None else frozenset(family)
    cases = [
        _examine(e, name, _withheld(e, name, registered, confirmatory, code)) for e, name in claims
    ]
    confirmed = {case.name: case.decision.p for case in cases if not case.obstacles}
    p_values = dict.fromkeys(sorted(registered), 1.0) | confirmed
    rows = [_row(case, p_values) for case in cases]
    return sorted(rows, key=lambda row: "/" in row["claim"])


def _check_distinct(evidences: Sequence[Evidence]) -> None:
    if len({evidence.profile for evidence in evidences}) > 1:
        raise ValueError("claims of different profiles are no one family")
    owners: dict[str, str] = {}
    for evidence in evidences:
        for name in evidence.experiment.claims:
            if name in owners:
                place = evidence.experiment.path or evidence.experiment.name
                raise InputError(
                    f"{place}: claims.{name}", f"is also a claim of experiment {owners[name]!r}"
                )
            owners[name] = evidence.experiment.name


def _examine(evidence: Evidence, name: str, withheld: Iterable[str]) -> _Case:
    claim = evidence.experiment.claims[name]
    parts = weigh(evidence, name)
    without = None
    if any(part.pairs.failed for part in parts):
        without = decide(weigh(evidence, name, failures=False))
    return _Case(
        name=name,
        claim=claim,
        evidence=evidence,
        parts=parts,
        decision=decide(parts),
        without_failures=without,
        obstacles=(*withheld, *(gap for part in parts for gap in _gaps(part))),
    )


def _withheld(
    evidence: Evidence,
    name: str,
    registered: Collection[str],
    confirmatory: bool,
    code: str | None,
) -> Iterator[str]:
    """Why a claim gets no word, whatever was measured."""
    if evidence.profile == "quick":
        yield "Preview: the quick profile gives no verdicts."
    if not confirmatory:
        yield "Preview: not the registered run."
    if name not in registered:
        yield "Preview: the claim is not registered for this profile."
    if evidence.registered_hash != evidence.experiment.registered_hash(evidence.profile):
        yield "Preview: the measurements belong to an older registration."
    if code is not None and evidence.code_hash not in ("", code):
        yield "Stale: measured by another version of the code; run the experiment again."
    if not evidence.complete:
        yield "Partial: not all trials of the experiment are trained yet."


def _gaps(part: Part) -> Iterator[str]:
    pairs, metric = part.pairs, part.side.metric
    if pairs.unusable:
        yield f"Partial: {pairs.unusable} of {len(pairs.trials)} trials have no {metric}."
    if math.isnan(part.p):
        yield f"No test: {metric} needs pairs from two units or more in each data set."


@dataclass(frozen=True, slots=True)
class _Settled:
    """A claim after Holm: its word, the part to show and that part's level."""

    verdict: str | None
    part: Part
    level: float


def _settle(case: _Case, corrected: Mapping[str, Corrected]) -> _Settled:
    decision = case.decision
    if case.obstacles:
        return _Settled(None, decision.weakest, ALPHA)
    own = corrected[case.name]
    if own.rejected:
        return _Settled(decision.word, decision.part, own.level / decision.share)
    return _Settled(INCONCLUSIVE, decision.weakest, own.level)


def _row(case: _Case, p_values: Mapping[str, float]) -> Row:
    """A claim's row; what is not applicable is None."""
    corrected = statistics.holm(p_values, ALPHA)
    settled = _settle(case, corrected)
    part, worded = settled.part, settled.verdict is not None
    without = _without_failures(case, p_values) if worded else None
    experiment, profile = case.evidence.experiment, case.evidence.profile
    return {
        "claim": case.name,
        "experiment": experiment.name,
        "kind": case.claim.kind,
        "says": case.claim.says,
        "verdict": settled.verdict,
        "effect": _number(part.estimate.effect) if part.estimate else None,
        "interval": _interval(part, settled.level),
        "p": case.decision.p if worded else None,
        "p_corrected": corrected[case.name].p if worded else None,
        "margin": part.side.margin,
        "scope": _scope(case, settled),
        "tau": _tau(part),
        "seeds": part.pairs.splits,
        "seeds_needed": _seeds_needed(settled),
        "datasets": len(part.pairs.differences),
        "trials": len(frozenset().union(*(each.pairs.trials for each in case.parts))),
        "registered_hash": experiment.registered_hash(profile, case.name),
        "profile": profile,
        "metric": part.side.metric,
        "per_dataset": _per_dataset(part, settled.level),
        "without_failures": without,
        "notes": list(_notes(case, settled, without)),
        "unit": _unit(part.side),
    }


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(part: Part, level: float) -> list[float] | None:
    if part.estimate is None or math.isnan(part.p):
        return None
    return [float(limit) for limit in statistics.interval(part.estimate, level)]


def _tau(part: Part) -> float | None:
    return statistics.spread_between(part.moments) if part.moments else None


def _unit(side: Side) -> str:
    unit = METRICS[side.metric].unit
    if side.along is None:
        return unit
    step = "doubling" if side.scale == "log2" else "unit"
    return f"{unit} per {step} of {side.along}".strip()


def _per_dataset(part: Part, level: float) -> dict[str, list[float | None]]:
    """Each data set's own effect and interval at the claim's level."""
    if part.moments is None:
        return {}
    own = statistics.estimate(part.moments.apart())
    low, high = statistics.interval(own, level)
    numbers = np.stack([own.effect, low, high], axis=-1)
    names = part.pairs.differences
    return {name: [_number(x) for x in row] for name, row in zip(names, numbers, strict=True)}


def _scope(case: _Case, settled: _Settled) -> str:
    if settled.verdict in (None, INCONCLUSIVE):
        return NAMED_SETS
    # What two parts say holds in general only if both do; one part refutes by itself.
    parts = case.parts if settled.verdict == SUPPORTED else (settled.part,)
    general = all(is_general(part, settled.level) for part in parts)
    return IN_GENERAL if general else NAMED_SETS


def _seeds_needed(settled: _Settled) -> list[int] | None:
    moments = settled.part.moments
    if settled.verdict != INCONCLUSIVE or moments is None:
        return None
    needed = statistics.seeds_needed(moments, distance(settled.part), settled.level)
    return list(needed) if needed else None


def _without_failures(case: _Case, p_values: Mapping[str, float]) -> str | None:
    """The word with failed trials left out; None without failures or with too little left."""
    decision = case.without_failures
    if decision is None or math.isnan(decision.p):
        return None
    corrected = statistics.holm({**p_values, case.name: decision.p}, ALPHA)
    return decision.word if corrected[case.name].rejected else INCONCLUSIVE


def _notes(case: _Case, settled: _Settled, without: str | None) -> Iterator[str]:
    """What a reader must know beside the numbers, in sentences."""
    part = settled.part
    yield from case.obstacles
    yield from _failed(case.parts)
    if settled.verdict is None:
        if not math.isnan(part.p):
            yield f"The interval is a {1 - ALPHA:.0%} one, not corrected for other claims."
        return
    yield from _part_notes(case.parts)
    if case.without_failures is not None:
        yield _change(settled.verdict, without)
    if settled.verdict == INCONCLUSIVE:
        yield from _open_notes(settled)
    samples = list(part.pairs.differences.values())
    p = statistics.sign_flip(samples, generator(0, f"sign_flip {case.name}"))
    yield f"Sign-flip check within data sets: p = {p:.2g}."


def _part_notes(parts: Sequence[Part]) -> Iterator[str]:
    for number, part in enumerate(parts, start=1):
        assert part.estimate is not None
        if len(parts) > 1:
            effect, margin = float(part.estimate.effect), part.side.margin
            yield (
                f"Part {number}, {part.side.metric}: effect {effect:.3g}, margin {margin:.3g}, "
                f"p = {part.p:.2g}."
            )
        if part.estimate.standard_error == 0:
            yield "All units differ by the same amount, so the interval has no width."
        if part.pairs.folded:
            yield "Splits that share a test fold are averaged into one unit."


def _failed(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if part.pairs.failed:
            share = f"{part.pairs.failed} of {len(part.pairs.trials)} trials"
            yield f"{share} diverged or died and count as chance."


def _change(verdict: str, without: str | None) -> str:
    if without is None:
        return "Without failed trials too little is left to test."
    if without == verdict:
        return "Without failed trials the verdict is the same."
    return f"Without failed trials the verdict is {without} in place of {verdict}."


def _open_notes(settled: _Settled) -> Iterator[str]:
    part, margin = settled.part, settled.part.side.margin
    assert part.estimate is not None
    if abs(abs(float(part.estimate.effect)) - margin) < 0.1 * margin:
        yield "The effect is on the margin."
    tau = _tau(part)
    if tau is not None and tau > margin:
        yield "Data sets differ by more than the margin: more data sets, not more seeds."
    needed = _seeds_needed(settled)
    if needed is None:
        yield f"More than {statistics.MOST_SEEDS} seeds would be needed."
        return
    finite = [n for n in part.pairs.differences if 0 < CARDS[n].folds < needed[1]]
    if finite:
        yield f"More splits than test folds give no new units on {', '.join(finite)}."
