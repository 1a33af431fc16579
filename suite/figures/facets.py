"""Which factor a figure shows by what: colour, column, row, or one level only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from suite.experiment import Level
from suite.figures.drawing import NothingToDraw
from suite.figures.measurements import levels_in, levels_of, only
from suite.results import Evidence

_COLOUR_FIRST = ("initializer", "parameters", "width", "samples", "optimizer", "loss")
_COLUMN_FIRST = ("activation",)
# Of a factor with no channel left, the level at which effects are easiest to see.
_SHOWN_LEVEL = {"samples": min}


@dataclass(frozen=True, kw_only=True)
class Facets:
    """The factor behind each channel; None where nothing varies that way.

    Attributes:
        colour: told apart by colour and mark.
        column: a column of panels for each level.
        row: a row of panels for each level.
        held: factors with no channel left, and the one level of each that is shown.
    """

    colour: str | None
    column: str | None
    row: str | None
    held: Mapping[str, Level]

    @property
    def columns(self) -> list[str]:
        """What tells rows of a figure's table apart: the data set, then factors with a channel."""
        channels = [factor for factor in (self.column, self.colour) if factor]
        return ["dataset", *(factor for factor in channels if factor != "dataset")]


def varied(evidence: Evidence, but: Collection[str] = ()) -> list[str]:
    """Factors with more than one level in the design, in its order, without `but`.

    What only one level has been trained of still varies: a figure has to say which it is.
    """
    factors = evidence.experiment.at(evidence.profile).factors()
    return [name for name, levels in factors.items() if name not in but and len(levels) > 1]


def choose(
    evidence: Evidence,
    frame: pd.DataFrame,
    but: Collection[str] = (),
    colour: bool = True,
    column: bool = True,
) -> Facets:
    """Give each varied factor a channel: first colour, then columns; what is left is held.

    Data sets take the rows, or the columns where these are free. `but` names the factors that the
    figure shows otherwise; False for `colour` or `column` keeps it for something else.
    """
    factors = varied(evidence, but)
    coloured = min(factors, key=_colour_rank, default=None) if colour else None
    rest = [factor for factor in factors if factor != coloured]
    columned = min(rest, key=_column_rank, default=None) if column else None
    held = _only_levels(evidence, but)
    held |= {f: shown_level(f, levels_in(evidence, frame, f)) for f in rest if f != columned}
    if "dataset" in but:
        return Facets(colour=coloured, column=columned, row=None, held=held)
    if columned is None:
        return Facets(colour=coloured, column="dataset", row=None, held=held)
    return Facets(colour=coloured, column=columned, row="dataset", held=held)


def _only_levels(evidence: Evidence, but: Collection[str]) -> dict[str, Level]:
    """Factors that a profile confines to one level."""
    factors = evidence.experiment.at(evidence.profile).factors()
    levels = {factor: levels_of(evidence, factor) for factor in factors if factor not in but}
    return {factor: single[0] for factor, single in levels.items() if len(single) == 1}


def _colour_rank(factor: str) -> int:
    # With a second factor to share the channels, activation is left to the columns.
    if factor in _COLUMN_FIRST:
        return len(_COLOUR_FIRST) + 1
    return _COLOUR_FIRST.index(factor) if factor in _COLOUR_FIRST else len(_COLOUR_FIRST)


def _column_rank(factor: str) -> int:
    return 0 if factor in _COLUMN_FIRST else 1


def confine(frame: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """The rows at the levels that are held.

    Raises:
        NothingToDraw: there are none.
    """
    rows = only(frame, facets.held)
    if rows.empty:
        raise NothingToDraw("no network has been trained at the levels that would be shown")
    return rows


def shown_level(factor: str, levels: list[Level]) -> Level:
    """The level of a factor that stands for all when only one can be shown.

    The largest number (the smallest of samples), or the first name.
    """
    numbers = [level for level in levels if isinstance(level, int | float)]
    if len(numbers) < len(levels):
        return levels[0]
    return _SHOWN_LEVEL.get(factor, max)(numbers)
