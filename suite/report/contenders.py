"""The table of contenders: mean test score on each data set, and how many networks failed."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.experiment import Level
from suite.figures.drawing import NothingToDraw
from suite.figures.measurements import level_key, means, networks, plain_level, score_name
from suite.figures.words import factor_name, level_name
from suite.report.once import once
from suite.results import Evidence


@dataclass(frozen=True, slots=True)
class Contenders:
    """A table as text.

    Attributes:
        score: what the numbers are.
        header: names of the columns.
        factors: how many of the columns are factors.
        rows: one for each contender.
    """

    score: str
    header: tuple[str, ...]
    factors: int
    rows: tuple[tuple[str, ...], ...]


@once
def contenders(evidence: Evidence) -> Contenders | None:
    """Mean test score ± half of its interval per data set; None before anything is trained."""
    design = evidence.experiment.at(evidence.profile)
    factors = list(design.factors())
    try:
        table = means(networks(evidence), ["dataset", *factors], "score")
    except NothingToDraw:
        return None
    records = table.to_dict("records")
    found = {tuple(plain_level(row[f]) for f in ("dataset", *factors)): row for row in records}
    rows = []
    for contender in design.contenders():
        cells = [found.get(_key(name, contender)) for name in design.datasets]
        levels = [level_name(factor, level) for factor, level in contender.items()]
        rows.append((*levels, *map(_score, cells), _failed(cells)))
    names = [level_name("dataset", name) for name in design.datasets]
    return Contenders(
        score=score_name(design.datasets),
        header=(*map(factor_name, factors), *names, "failed"),
        factors=len(factors),
        rows=tuple(rows),
    )


_Row = Mapping[Hashable, Any] | None


def _key(dataset: str, contender: Mapping[str, Level]) -> tuple[Level, ...]:
    """A contender on a data set, as measurements have it."""
    levels = (level_key(factor, level) for factor, level in contender.items())
    return (dataset, *levels)


def _score(row: _Row) -> str:
    if row is None:
        return "–"
    half = row["high"] - row["mean"]
    return f"{row['mean']:.3f}" + ("" if math.isnan(half) else f" ± {half:.3f}")


def _failed(cells: Sequence[_Row]) -> str:
    measured = [row for row in cells if row is not None]
    if not measured:
        return "–"
    failed, total = (sum(row[name] for row in measured) for name in ("failed", "n"))
    return f"{failed} of {total}" if failed else "0"
