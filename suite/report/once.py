"""What follows from evidence alone is computed once, for pages are written again and again."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from suite.results import Evidence

T = TypeVar("T")


def once(function: Callable[[Evidence], T]) -> Callable[[Evidence], T]:
    """Remember what `function` found of an evidence for as long as that lives."""
    known: dict[int, T] = {}

    @wraps(function)
    def remembered(evidence: Evidence) -> T:
        key = id(evidence)
        if key not in known:
            known[key] = function(evidence)
            weakref.finalize(evidence, known.pop, key, None)
        return known[key]

    return remembered
