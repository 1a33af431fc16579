"""Sentences that captions and alternative texts share: how many, what is held, what failed."""

from collections.abc import Iterable, Sequence

import pandas as pd

from suite.figures.facets import Facets
from suite.figures.measurements import plain_level
from suite.figures.words import counted, described, level_name, listed

_INTERVALS = "are 95 % intervals of the mean over splits (Student), from three splits on"
BANDS = f"bands {_INTERVALS}"
WHISKERS = f"whiskers {_INTERVALS}"


def counts(n: pd.Series, of: str = "point") -> str:
    """'n = 8 networks a point', or the range where points differ."""
    low, high = int(n.min()), int(n.max())
    number = f"n = {counted(low, 'network')}" if low == high else f"n = {low} to {high} networks"
    return f"{number} a {of}"


def held(facets: Facets) -> str:
    """A sentence on the factors of which one level is shown; empty where there is none."""
    if not facets.held:
        return ""
    levels = [described(factor, level) for factor, level in facets.held.items()]
    return f" Shown: {listed(levels)}."


def names(datasets: Iterable[str]) -> str:
    """'digits, wine and XOR'."""
    return listed([level_name("dataset", name) for name in datasets])


def failures(table: pd.DataFrame, shown: str = "crosses mark where") -> str:
    """A sentence on networks that diverged or died; empty where none did."""
    failed = int(table["failed"].sum())
    if not failed:
        return ""
    total = counted(int(table["n"].sum()), "network")
    return f" {failed} of {total} diverged or died and count as chance: {shown}."


def ends(table: pd.DataFrame, x: str, value: str, colour: str | None) -> str:
    """What lines do from end to end, in words: for each colour its range over panels."""
    low, high = table[x].min(), table[x].max()
    groups = table.groupby(colour, sort=False) if colour else [("", table)]
    sentences = []
    for level, rows in groups:
        name = f"{described(colour, plain_level(level))}: " if colour else ""
        first, last = rows[rows[x] == low][value], rows[rows[x] == high][value]
        sentences.append(f"{name}{_span(first)} at {low:g}, {_span(last)} at {high:g}")
    return "; ".join(sentences) + "."


def level_words(factors: Sequence[str], levels: Iterable[object]) -> list[str]:
    """Each level in words, with its factor's name where that is one of an experiment's."""
    return [
        str(level) if factor == "part" else described(factor, plain_level(level))
        for factor, level in zip(factors, levels, strict=True)
    ]


def _span(values: pd.Series) -> str:
    if values.empty:
        return "nothing"
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"
