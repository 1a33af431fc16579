"""Obstacles: why a claim gets no word, whatever its numbers are, in sentences."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.claim import Side
from suite.metrics import FAILURES
from suite.pairing import Pairs

if TYPE_CHECKING:
    from suite.decisions import Part
    from suite.results import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What measurements are held against.

    Attributes:
        registered: ids of all claims registered for the profile.
        confirmatory: False makes every row a preview.
        code: hash of the present code; None asks nothing.
        data: hash of each present data set; sets that are not named are not asked for.
    """

    registered: Collection[str]
    confirmatory: bool
    code: str | None
    data: Mapping[str, str]


def withheld(evidence: Evidence, name: str, present: Present) -> Iterator[str]:
    """What speaks against a word on the claim before a number is looked at."""
    if evidence.profile == "quick":
        yield "Preview: the quick profile gives no verdicts."
    if not present.confirmatory:
        yield "Preview: not the registered run."
    if name not in present.registered:
        yield "Preview: the claim is not registered for this profile."
    if evidence.registered_hash != evidence.experiment.registered_hash(evidence.profile):
        yield "Preview: the measurements belong to an older registration."
    if present.code is not None and evidence.code_hash not in ("", present.code):
        yield "Stale: measured by another version of the code; run the experiment again."
    changed = _changed(evidence, present.data)
    if changed:
        names = ", ".join(changed)
        yield f"Stale: measured on other rows of {names}; run the experiment again."
    if not evidence.complete:
        yield "Partial: not all trials of the experiment are trained yet."


def _changed(evidence: Evidence, present: Mapping[str, str]) -> list[str]:
    """Data sets whose rows are not any more, or not all, what was measured on."""
    if not present:
        return []
    pairs = evidence.trials[["dataset", "data_hash"]].drop_duplicates()
    measured = zip(pairs["dataset"], pairs["data_hash"], strict=True)
    return sorted({str(name) for name, found in measured if present.get(name, found) != found})


def gaps(part: Part) -> Iterator[str]:
    """What a test lacks."""
    yield from missing(part.pairs, part.side)
    if math.isnan(part.p):
        metric = part.side.metric
        yield f"No test: {metric} needs pairs from two units or more in each data set."


def missing(pairs: Pairs, side: Side) -> Iterator[str]:
    """Whether trials lack what a claim compares."""
    if pairs.unusable:
        yield f"Partial: {pairs.unusable} of {len(pairs.trials)} trials have no {side.metric}."


def untimed(evidence: Evidence, parts: Sequence[Part]) -> Iterator[str]:
    """Why times do not count as those of separate rounds on one machine."""
    named = frozenset().union(*(part.pairs.trials for part in parts))
    trials = evidence.trials[evidence.trials["trial_id"].isin(named)]
    ended = trials["outcome"].isin(["completed", *FAILURES])
    trials = trials[ended].drop_duplicates("trial_id")
    machines = sorted(trials["machine"].dropna().unique())
    if len(machines) > 1:
        yield f"No test: timed on several machines ({'; '.join(machines)})."
    # Members of a cohort have equal shares of its time, so that they are one measurement.
    if trials["seconds"].duplicated().any():
        yield "No test: trials that trained as one cohort were timed together, not in rounds."
