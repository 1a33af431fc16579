"""What stands in a panel: lines with bands, crosses for failures, entries of a legend."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from suite.figures.theme import FAINT, INK

_CROSS: dict[str, Any] = {
    "color": INK,
    "linestyle": "none",
    "marker": "x",
    "markersize": 7,
    "markeredgewidth": 1.2,
    "zorder": 5,
}


def draw_line(axes: Axes, x: pd.Series, rows: pd.DataFrame, colour: str, marker: str) -> None:
    """Means joined by a line, their intervals as a band, crosses where networks failed."""
    axes.fill_between(x, rows["low"], rows["high"], color=colour, alpha=0.16, linewidth=0)
    axes.plot(x, rows["mean"], color=colour, marker=marker)
    draw_failures(axes, x, rows["mean"], rows["failed"])


def cut_at_one(axes: Axes) -> None:
    """No score lies above 1, though a symmetric interval of its mean may reach there."""
    axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))


def draw_failures(axes: Axes, x: ArrayLike, y: ArrayLike, failed: pd.Series) -> None:
    """A cross over each point to which networks that diverged or died contribute."""
    some = failed.to_numpy() > 0
    axes.plot(pd.Series(x).to_numpy()[some], pd.Series(y).to_numpy()[some], **_CROSS)


def failure_entry(table: pd.DataFrame) -> list[Line2D]:
    """The legend's entry for crosses; none where nothing failed."""
    return [entry("some diverged or died", **_CROSS)] if (table["failed"] > 0).any() else []


def entry(label: str, **look: Any) -> Line2D:
    """A legend entry for what no level stands for."""
    return Line2D([], [], **{"color": FAINT, "label": label, **look})
