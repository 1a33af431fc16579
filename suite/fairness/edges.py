"""Whether the best value lies on the edge of the range that was searched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from suite.fairness.searches import SEARCH, chosen, searched_values, steps, tuned
from suite.tune import Range

if TYPE_CHECKING:
    from suite.experiment import Level
    from suite.results import Evidence

# Of the range's length, in its own scale.
EDGE = 0.05
LOW, HIGH = "low", "high"


def edges(evidence: Evidence) -> pd.DataFrame:
    """One row for each search and range: `contender, dataset, split, repeat, name, value, edge`.

    `name` is the field, `regularizers.` or `settings.` with a name; `edge` is `low`, `high` or
    empty. Choices have no edge and are left out. Empty where nothing was tuned.
    """
    tune, found = tuned(evidence), steps(evidence)
    columns = [*SEARCH, "name", "value", "edge"]
    if tune is None or found.empty:
        return pd.DataFrame(columns=columns)
    rows = [
        [*(row[key] for key in SEARCH), name, value, edge_of(searched, value)]
        for row in chosen(found).to_dict("records")
        for name, searched, value in searched_values(row, tune)
        if searched.choice is None
    ]
    return pd.DataFrame(rows, columns=columns)


def edge_of(searched: Range, value: Level) -> str:
    """`low` or `high` within 5 % of the range's length, measured in its own scale, of that end."""
    assert isinstance(value, int | float)
    place = _place(searched, float(value))
    return LOW if place <= EDGE else HIGH if place >= 1 - EDGE else ""


def _place(searched: Range, value: float) -> float:
    """Where the value lies: 0 at the lowest, 1 at the highest."""
    low, high = searched.limits
    if searched.is_log:
        # Of a strength of 0 the recipe has none: further than any end of a logarithmic range.
        return math.log(value / low) / math.log(high / low) if value > 0 else 0.0
    return (value - low) / (high - low)


def at_edges(found: pd.DataFrame) -> pd.DataFrame:
    """For each name: `searches`, and how many of them end at its `low` and its `high` edge."""
    counted = found.assign(low=found["edge"] == LOW, high=found["edge"] == HIGH)
    table = counted.groupby("name", sort=False).agg(
        searches=("edge", "size"), low=("low", "sum"), high=("high", "sum")
    )
    return table.reset_index()
