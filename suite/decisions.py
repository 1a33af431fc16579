"""One claim's test: its parts weighed on paired differences, and what they come to together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suite import statistics
from suite.experiment import Side
from suite.pairing import Pairs, pair
from suite.statistics import ABOVE, BELOW, WITHIN, Estimate, Moments

if TYPE_CHECKING:
    from suite.results import Evidence

SUPPORTED, REFUTED, EQUIVALENT = "supported", "refuted", "equivalent"
INCONCLUSIVE = "inconclusive"
# One or two data sets say nothing in general, whatever the rule's "all but one" would allow.
_FEWEST_SETS = 3
_GRAVEST_FIRST = (REFUTED, EQUIVALENT, SUPPORTED, INCONCLUSIVE)
DIFFERENCE = {ABOVE: SUPPORTED, BELOW: REFUTED, WITHIN: EQUIVALENT}
SAMENESS = {ABOVE: REFUTED, BELOW: REFUTED, WITHIN: SUPPORTED}


@dataclass(frozen=True, slots=True)
class Part:
    """One tested side of a claim. `p` is NaN where the differences allow no test."""

    side: Side
    equal: bool
    pairs: Pairs
    moments: Moments | None
    estimate: Estimate | None
    p: float
    found: str
    word: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a claim comes to if its p-value is rejected.

    `part` is the one that then decides, `weakest` the one that is in doubt otherwise; `share`
    divides the level where any one of several parts could have decided alone.
    """

    p: float
    word: str
    part: Part
    weakest: Part
    share: int = 1


def weigh(evidence: Evidence, name: str, *, failures: bool = True) -> tuple[Part, ...]:
    """Each test of a claim; `failures=False` leaves out the trials that diverged or died.

    Raises:
        InputError: the claim names an unknown metric, or a trend along levels without numbers.
    """
    claim = evidence.experiment.claims[name]
    kind, equal = claim.kind, claim.kind == "equal"
    place = f"{evidence.experiment.path or evidence.experiment.name}: claims.{name}"
    return tuple(
        _weigh(side, pair(evidence, side, place, kind=kind, failures=failures), equal)
        for side in claim.tests()
    )


def _weigh(side: Side, pairs: Pairs, equal: bool) -> Part:
    if not pairs.differences:
        return Part(side, equal, pairs, None, None, math.nan, "", INCONCLUSIVE)
    moments = statistics.moments(list(pairs.differences.values()))
    estimate = statistics.estimate(moments)
    if np.isnan(estimate.standard_error):
        return Part(side, equal, pairs, moments, estimate, math.nan, "", INCONCLUSIVE)
    find = statistics.find_sameness if equal else statistics.find_difference
    p, found = find(estimate, side.margin)
    word = (SAMENESS if equal else DIFFERENCE)[str(found)]
    return Part(side, equal, pairs, moments, estimate, float(p), str(found), word)


def _doubt(part: Part) -> float:
    return math.inf if math.isnan(part.p) else part.p


def decide(parts: Sequence[Part]) -> Decision:
    """All parts together: the larger p; refuted if any part is.

    Any of several parts can refute the claim alone: its p is then multiplied by their number.
    """
    weakest = max(parts, key=_doubt)
    word = next(word for word in _GRAVEST_FIRST if any(part.word == word for part in parts))
    alike = [part for part in parts if part.word == word]
    strongest = min(alike, key=_doubt)
    if word == REFUTED and len(parts) * strongest.p < weakest.p:
        alone = len(parts) * strongest.p
        return Decision(alone, word, strongest, weakest, share=len(parts))
    return Decision(weakest.p, word, max(alike, key=_doubt), weakest)


def is_general(part: Part, level: float) -> bool:
    """No data set's own interval contradicts what was found, and all estimates but one agree."""
    if part.moments is None or len(part.pairs.differences) < _FEWEST_SETS:
        return False
    own = statistics.estimate(part.moments.apart())
    low, high = statistics.interval(own, level)
    if part.found == WITHIN:
        margin = part.side.margin
        against = (low > margin) | (high < -margin)
        agree = np.abs(own.effect) < margin
    else:
        sign = 1 if part.found == ABOVE else -1
        bound = part.side.margin if part.equal else 0.0
        against = np.maximum(sign * low, sign * high) < bound
        agree = sign * own.effect > bound
    return not against.any() and int((~agree).sum()) <= 1
