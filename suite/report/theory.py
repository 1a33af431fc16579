"""How far measurements lie from closed forms: a table of the methods page, and theory.csv."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from suite.predictions import (
    TheoryRow,
    TheorySummary,
    simulated_rows,
    theory_csv,
    theory_rows,
    theory_summary,
)
from suite.report import files
from suite.report.once import once
from suite.results import Evidence

FILE = "theory.csv"


@once
def _rows_of(evidence: Evidence) -> list[TheoryRow]:
    return theory_rows([evidence])


@cache
def _simulated() -> tuple[TheoryRow, ...]:
    return tuple(simulated_rows())


def rows(evidences: Sequence[Evidence]) -> list[TheoryRow]:
    """Rows of every experiment that measured a closed form; simulations follow where any did."""
    measured = [row for evidence in evidences for row in _rows_of(evidence)]
    return [*measured, *_simulated()] if measured else []


def write_theory(evidences: Sequence[Evidence], directory: Path) -> list[TheorySummary]:
    """Write theory.csv, or remove it where there is nothing to say; returns a line a curve."""
    found = rows(evidences)
    if found:
        files.write(directory / FILE, theory_csv(found))
    else:
        (directory / FILE).unlink(missing_ok=True)
    return theory_summary(found)
