"""Evidence and registered claims to verdicts: one row per claim, for reports/verdicts.json."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import gates, statistics
from suite.claim import Claim, Side
from suite.data.cards import CARDS
from suite.decisions import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    Decision,
    Part,
    decide,
    is_general,
    weigh,
)
from suite.errors import InputError
from suite.gates import Gate
from suite.metrics import METRICS
from suite.obstacles import Present, gaps, missing, untimed, withheld
from suite.pairing import Pairs
from suite.randomness import generator
from suite.statistics import Corrected

if TYPE_CHECKING:
    from suite.results import Evidence

Row = dict[str, Any]

ALPHA = 0.05
NAMED_SETS, IN_GENERAL, THIS_MACHINE = "named sets", "in general", "on this machine"

# The keys of a row; what is not applicable is None.
COLUMNS = (
    *("claim", "experiment", "kind", "says", "verdict", "effect", "interval", "p", "p_corrected"),
    *("margin", "scope", "tau", "seeds", "seeds_needed", "datasets", "trials"),
    *("registered_hash", "profile", "metric", "per_dataset", "without_failures", "notes", "unit"),
    *("band", "verdict_at_half_budget"),
)


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
    data: Mapping[str, str] | None = None,
) -> list[Row]:
    """Verdict rows of all claims of one profile's experiments, headline claims first.

    Args:
        evidences: what was measured, one for each experiment.
        family: ids of all claims registered for the profile; those without results count as p = 1,
            gates are exact and do not count. The default is the claims of `evidences`.
        confirmatory: False makes every row a preview without a word.
        code: hash of the present code; what other code measured gets no word. None asks nothing.
        data: hashes of the present data sets by name, likewise.

    Raises:
        InputError: a claim names an unknown metric or stands in two experiments.
        ValueError: the evidences are of different profiles.
    """
    _check_distinct(evidences)
    claims = [(e, name) for e in evidences for name in e.experiment.claims]
    registered = frozenset(name for _, name in claims) if family is None else frozenset(family)
    present = Present(registered=registered, confirmatory=confirmatory, code=code, data=data or {})
    gated = {name for e, name in claims if e.experiment.claims[name].kind == "gate"}
    cases = [_examine(e, name, present) for e, name in claims if name not in gated]
    confirmed = {case.name: case.decision.p for case in cases if not case.obstacles}
    p_values = dict.fromkeys(sorted(registered - gated), 1.0) | confirmed
    rows = {case.name: _row(case, p_values) for case in cases}
    rows |= {name: _gate_row(e, name, present) for e, name in claims if name in gated}
    return sorted((rows[name] for _, name in claims), key=lambda row: "/" in row["claim"])


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


def _examine(evidence: Evidence, name: str, present: Present) -> _Case:
    claim = evidence.experiment.claims[name]
    parts = weigh(evidence, name)
    without = None
    if any(part.pairs.failed for part in parts):
        without = decide(weigh(evidence, name, failures=False))
    obstacles = [*withheld(evidence, name, present), *(gap for part in parts for gap in gaps(part))]
    if claim.kind == "timing":
        obstacles += untimed(evidence, parts)
    return _Case(
        name=name,
        claim=claim,
        evidence=evidence,
        parts=parts,
        decision=decide(parts),
        without_failures=without,
        obstacles=tuple(obstacles),
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """A claim after Holm: its word, the part to show, its level, and what would settle it."""

    verdict: str | None
    part: Part
    level: float
    seeds_needed: tuple[int, int] | None = None


def _settle(case: _Case, corrected: Mapping[str, Corrected]) -> _Settled:
    decision = case.decision
    if case.obstacles:
        return _Settled(None, decision.weakest, ALPHA)
    own = corrected[case.name]
    if own.rejected:
        return _Settled(decision.word, decision.part, own.level / decision.share)
    needed = _seeds_needed(decision.weakest, own.level)
    return _Settled(INCONCLUSIVE, decision.weakest, own.level, needed)


def _row(case: _Case, p_values: Mapping[str, float]) -> Row:
    corrected = statistics.holm(p_values, ALPHA)
    settled = _settle(case, corrected)
    part, worded = settled.part, settled.verdict is not None
    without = _without_failures(case, p_values) if worded else None
    return _completed(
        case.evidence,
        case.name,
        verdict=settled.verdict,
        effect=_number(part.estimate.effect) if part.estimate else None,
        interval=_interval(part, settled.level),
        p=case.decision.p if worded else None,
        p_corrected=corrected[case.name].p if worded else None,
        margin=part.side.margin,
        scope=_scope(case, settled),
        tau=_tau(part),
        seeds=part.pairs.splits,
        seeds_needed=list(settled.seeds_needed) if settled.seeds_needed else None,
        datasets=len(part.pairs.differences),
        trials=len(frozenset().union(*(each.pairs.trials for each in case.parts))),
        metric=part.side.metric,
        per_dataset=_per_dataset(part, settled.level),
        without_failures=without,
        notes=list(_notes(case, settled, without)),
        unit=_unit(part.side),
    )


def _gate_row(evidence: Evidence, name: str, present: Present) -> Row:
    """An exact check: in the band or not, without p-value, margin or correction."""
    claim, gate = evidence.experiment.claims[name], gates.check(evidence, name)
    obstacles = [*withheld(evidence, name, present), *missing(gate.pairs, claim)]
    verdict = None if obstacles else _gate_word(gate)
    without = None
    if verdict is not None and gate.pairs.failed:
        without = _gate_word(gates.check(evidence, name, failures=False))
    notes = [*obstacles, *_counted_otherwise(gate.pairs)]
    if verdict is not None and gate.pairs.failed:
        notes.append(_change(verdict, without))
    return _completed(
        evidence,
        name,
        verdict=verdict,
        effect=gate.statistic,
        interval=list(gate.interval) if gate.interval else None,
        scope=NAMED_SETS,
        seeds=gate.pairs.splits,
        datasets=len(gate.per_dataset),
        trials=len(gate.pairs.trials),
        metric=claim.metric,
        per_dataset={dataset: list(numbers) for dataset, numbers in gate.per_dataset.items()},
        without_failures=without,
        notes=notes,
        unit=_unit(claim, exact=True),
        band=[_number(end) for end in claim.band],
    )


def _gate_word(gate: Gate) -> str | None:
    return None if gate.holds is None else SUPPORTED if gate.holds else REFUTED


def _completed(evidence: Evidence, name: str, **found: Any) -> Row:
    """A row with all columns, in their order."""
    experiment, claim = evidence.experiment, evidence.experiment.claims[name]
    fixed = {
        "claim": name,
        "experiment": experiment.name,
        "kind": claim.kind,
        "says": claim.says,
        "registered_hash": experiment.registered_hash(evidence.profile, name),
        "profile": evidence.profile,
    }
    return dict.fromkeys(COLUMNS) | fixed | found


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(part: Part, level: float) -> list[float] | None:
    if part.estimate is None or math.isnan(part.p):
        return None
    return [float(limit) for limit in statistics.interval(part.estimate, level)]


def _tau(part: Part) -> float | None:
    return statistics.spread_between(part.moments) if part.moments else None


def _unit(side: Side, exact: bool = False) -> str:
    """Of a gate (`exact`), places are levels; of a test, they lie beyond one."""
    unit = METRICS[side.metric].unit
    if side.along is None:
        return unit
    if side.of == "exponent":
        return f"exponent in {side.along}"
    doubles = side.scale == "log2"
    if not side.finds_a_place:
        return f"{unit} per {'doubling' if doubles else 'unit'} of {side.along}".strip()
    place = f"{side.along} at the {side.of}"
    if exact:
        return place
    return f"{'doublings of ' if doubles else ''}{place}, beyond {side.at:g}"


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
    if case.claim.kind == "timing":
        return THIS_MACHINE
    if settled.verdict in (None, INCONCLUSIVE):
        return NAMED_SETS
    # What two parts say holds in general only if both do; one part refutes by itself.
    parts = case.parts if settled.verdict == SUPPORTED else (settled.part,)
    general = all(is_general(part, settled.level) for part in parts)
    return IN_GENERAL if general else NAMED_SETS


def _seeds_needed(part: Part, level: float) -> tuple[int, int] | None:
    if part.moments is None:
        return None
    return statistics.seeds_needed(part.moments, part.side.margin, level, sameness=part.equal)


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
    for each in case.parts:
        yield from _counted_otherwise(each.pairs, as_chance=case.claim.kind != "timing")
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


def _counted_otherwise(pairs: Pairs, *, as_chance: bool = True) -> Iterator[str]:
    """Failures, whose time is what it was, and crossings outside the levels."""
    if pairs.failed:
        share = f"{pairs.failed} of {len(pairs.trials)} trials"
        yield f"{share} diverged or died and count {'as chance' if as_chance else 'as timed'}."
    total = f"of {sum(map(len, pairs.each.values()))} crossings"
    if pairs.early:
        yield f"{pairs.early} {total} came before the first level and count as there."
    if pairs.never:
        yield f"{pairs.never} {total} never came and count as at the last level."


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
    needed = settled.seeds_needed
    if needed is None:
        yield f"More than {statistics.MOST_SEEDS} seeds would be needed."
        return
    finite = [n for n in part.pairs.differences if 0 < CARDS[n].folds < needed[1]]
    if finite:
        yield f"More splits than test folds give no new units on {', '.join(finite)}."
