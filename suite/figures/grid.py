"""A figure as a grid of small panels that share their axes, with one legend above."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from textwrap import fill
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from suite.experiment import Level
from suite.figures.facets import Facets
from suite.figures.marks import entry
from suite.figures.measurements import levels_in, only
from suite.figures.palette import colours
from suite.figures.theme import DPI, FAINT, MARKERS, WIDTH
from suite.figures.words import brief_datasets, factor_name, level_name, short
from suite.results import Evidence

Key = Mapping[str, Level]
Share = Literal["all", "row", "col", "none"]

_MOST_COLUMNS = 4
_TITLE_ROOM = 110  # characters of a title that fit into the figure's width
_MOST_ENTRIES = 7
_ENTRY_ROOM = 6  # what a mark and the space round it take, likewise in characters
_HEAD = 0.75  # inches for the legend above and the label below


@dataclass(frozen=True)
class Panel:
    """One panel and the levels that it shows."""

    axes: Axes
    key: Key


@dataclass(frozen=True)
class Look:
    """How one level is drawn."""

    level: Level
    colour: str
    marker: str


Draw = Callable[[Axes, pd.DataFrame, Look], None]


def looks(evidence: Evidence, frame: pd.DataFrame, factor: str | None) -> list[Look]:
    """Colour and mark of each level of the coloured factor; without one, of the only line."""
    levels = levels_in(evidence, frame, factor) if factor else [None]
    shades = colours(factor or "", levels)
    return [
        Look(level, shades[level], MARKERS[rank % len(MARKERS)])
        for rank, level in enumerate(levels)
    ]


def keys(evidence: Evidence, frame: pd.DataFrame, factor: str | None) -> list[Key]:
    """One key for each level in `frame`; a single empty one where no factor is given."""
    return [{factor: level} for level in levels_in(evidence, frame, factor)] if factor else [{}]


def facetted(
    evidence: Evidence,
    table: pd.DataFrame,
    facets: Facets,
    draw: Draw,
    height: float = 1.75,
    share: Share = "row",
    marks: Sequence[Line2D] = (),
    share_x: Share = "all",
) -> tuple[Figure, list[Panel]]:
    """Panels as `facets` has them; `draw` is called for each panel and level of the colour."""
    rows, columns = (keys(evidence, table, f) for f in (facets.row, facets.column))
    figure, drawn = panels(rows, columns, height, share, share_x)
    shown = looks(evidence, table, facets.colour)
    for panel in drawn:
        here = only(table, panel.key)
        for look in shown:
            part = here[here[facets.colour] == look.level] if facets.colour else here
            if not part.empty:
                draw(panel.axes, part, look)
        if here.empty:
            _say_nothing(panel.axes)
    legend(figure, facets.colour, shown, marks)
    return figure, drawn


def panels(
    rows: Sequence[Key],
    columns: Sequence[Key],
    height: float = 1.75,
    share: Share = "row",
    share_x: Share = "all",
) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each pair of row and column, titled by its levels.

    A single row with many columns is wrapped; more columns than fit become rows.
    """
    if len(columns) > _MOST_COLUMNS and 1 < len(rows) <= _MOST_COLUMNS:
        rows, columns, share = columns, rows, "col" if share == "row" else share
    cells: list[Key | None] = [{**row, **column} for row, column in product(rows, columns)]
    across = len(columns)
    if len(rows) == 1 and across > _MOST_COLUMNS:
        across = 3 if across in (5, 6, 9) else _MOST_COLUMNS
        cells += [None] * (-len(cells) % across)
    down = len(cells) // across
    size = (WIDTH, down * height * _stretch(down, across) + _HEAD)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    grid = figure.subplots(down, across, sharex=share_x, sharey=share, squeeze=False)
    return figure, _titled(list(grid.flat), cells, across)


def _stretch(down: int, across: int) -> float:
    """A panel alone in its row is taller; of many rows each is lower."""
    if across == 1:
        return 1.6
    return 0.8 if down > 4 else 1.0


def _titled(grid: list[Axes], cells: Sequence[Key | None], across: int) -> list[Panel]:
    drawn = []
    brief = brief_datasets(str(key["dataset"]) for key in cells if key and "dataset" in key)
    named = [{**key, **_brief(key, brief)} if key else {} for key in cells]
    longest = max(len(title(key)) for key in named)
    # In narrow panels the parts of a title stand below each other.
    between = " · " if longest * across < _TITLE_ROOM else "\n"
    for place, (axes, key, name) in enumerate(zip(grid, cells, named, strict=True)):
        if key is None:
            axes.set_visible(False)
            # The panel above an empty place is the lowest of its column.
            grid[place - across].tick_params(labelbottom=True)
        else:
            axes.set_title(_wrapped(title(name, between), _TITLE_ROOM // across - 4))
            drawn.append(Panel(axes, key))
    return drawn


def _brief(key: Key, names: Mapping[str, str]) -> Key:
    """What takes the place of a data set's whole name in a title; empty without one."""
    return {"dataset": names[str(key["dataset"])]} if "dataset" in key else {}


def _wrapped(text: str, room: int) -> str:
    """Lines no longer than the room, broken between words and a name's parameters."""
    return "\n".join(
        line if len(line) <= room else fill(" ".join(_breakable(line).split()), room)
        for line in text.splitlines()
    )


def _breakable(line: str) -> str:
    return line.replace("(", " (").replace(",", ", ")


def title(key: Key, between: str = " · ") -> str:
    """'ReLU · digits', 'MNIST-1D · width 128'."""
    return between.join(short(factor, level) for factor, level in key.items())


def labels(figure: Figure, x: str, y: str) -> None:
    """One label for all x axes and one for all y axes."""
    figure.supxlabel(x, fontsize=9)
    figure.supylabel(y, fontsize=9)


def legend(
    figure: Figure, factor: str | None, shown: Sequence[Look], marks: Sequence[Line2D] = ()
) -> None:
    """One legend above the panels: the coloured factor's levels, then other marks."""
    handles = list(marks)
    if factor:
        entries = [
            entry(level_name(factor, look.level), color=look.colour, marker=look.marker)
            for look in shown
        ]
        name = entry(f"{factor_name(factor)}:", linestyle="none")
        handles = [name, *entries, *handles]
    if handles:
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=_across([str(handle.get_label()) for handle in handles]),
            handlelength=1.8,
            columnspacing=1.4,
        )


def _across(names: Sequence[str]) -> int:
    """Entries of a legend that stand beside each other: all, or as many as leave no row too long.

    Entries go down its columns, each as wide as its longest.
    """
    widths = [len(name) + _ENTRY_ROOM for name in names]
    fewest = 2 if len(names) > _MOST_ENTRIES else 1
    for down in range(fewest, len(names)):
        columns = [widths[start : start + down] for start in range(0, len(names), down)]
        if sum(map(max, columns)) <= _TITLE_ROOM:
            return len(columns)
    return 1 if len(names) > 1 else len(names)


def outer_labels_only(drawn: Sequence[Panel]) -> None:
    """Tick labels at the figure's left and bottom alone, for panels with the same ticks."""
    for panel in drawn:
        panel.axes.label_outer()


def _say_nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "nothing measured", transform=axes.transAxes, ha="center", color=FAINT)
