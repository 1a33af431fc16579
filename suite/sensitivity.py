"""Whether verdicts would change if every contender had been tuned with half of its budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from suite.results import Evidence
    from suite.verdicts import Row

UNCHANGED = "unchanged"
_UNIT = ["contender", "dataset", "split", "repeat"]


def with_half_budget(
    judged: Callable[[Sequence[Evidence]], list[Row]], evidences: Sequence[Evidence]
) -> list[Row]:
    """The rows of `judged` with `verdict_at_half_budget`: `unchanged`, or the other word.

    All claims are judged again, corrected for together as before, on the final trials of the
    recipes that half of the budget had found. None where there is no word, or nothing was tuned.

    Args:
        judged: `judge` with all that it is to know beside the evidences.
        evidences: what was measured, one for each experiment.
    """
    rows = judged(evidences)
    halved = {e.experiment.name for e in evidences if len(e.half)}
    if not halved:
        return rows
    again = judged([at_half_budget(evidence) for evidence in evidences])
    words = {row["claim"]: row["verdict"] for row in again if row["experiment"] in halved}
    return [{**row, "verdict_at_half_budget": _word(row, words)} for row in rows]


def _word(row: Row, words: Mapping[str, str | None]) -> str | None:
    word = words.get(row["claim"])
    if row["verdict"] is None or word is None:
        return None
    return UNCHANGED if word == row["verdict"] else word


def at_half_budget(evidence: Evidence) -> Evidence:
    """The evidence with the final trials that half of the tuning budget would have led to.

    Contenders of which nothing is searched keep theirs.
    """
    half = evidence.half
    if half.empty:
        return evidence
    found = pd.MultiIndex.from_frame(half[_UNIT])
    rest = evidence.trials[~pd.MultiIndex.from_frame(evidence.trials[_UNIT]).isin(found)]
    # Values of all trials keep their types: a column of nothing has none of its own.
    trials = pd.concat([frame for frame in (half, rest) if len(frame)], ignore_index=True)
    complete = evidence.complete and bool(trials["outcome"].notna().all())
    return replace(evidence, trials=trials, complete=complete)
