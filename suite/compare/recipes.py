"""What each contender chose, summed up over splits."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from suite.compare.sentences import NAMES
from suite.compare.verdict import Place, Verdict
from suite.figures.theme import plain


def recipe_rows(verdict: Verdict) -> list[tuple[str, str]]:
    """Contender and what it chose, in words; those without a choice are left out."""
    return [(NAMES[place.name], _chosen(place)) for place in verdict.places if place.recipes]


def _chosen(place: Place) -> str:
    names = place.recipes[0]
    parts = (_summary(name, [recipe[name] for recipe in place.recipes]) for name in names)
    return "; ".join(parts)


def _summary(name: str, values: Sequence[Any]) -> str:
    """'learning rate 0.003 (0.001 to 0.01)', 'weights distance (6 of 10)'."""
    words = name.replace("_", " ")
    if all(isinstance(value, int | float) for value in values) and len(set(values)) > 2:
        low, high = plain(_short(min(values))), plain(_short(max(values)))
        return f"{words} {plain(_short(median(values)))} ({low} to {high})"
    value, count = Counter(values).most_common(1)[0]
    shown = plain(value) if isinstance(value, int | float) else str(value)
    return f"{words} {shown}" + (f" ({count} of {len(values)})" if count < len(values) else "")


def _short(value: float) -> float:
    return float(f"{value:.2g}") if abs(value) < 100 else float(round(value))
