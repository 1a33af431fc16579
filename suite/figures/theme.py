"""How every figure looks: size, type, marks, and axes in plain numbers."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

WIDTH = 8.0  # inches
DPI = 110
INK = "#1b1f24"
FAINT = "#6b7280"
GRID = "#e5e7eb"

_RC: Any = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titley": 1.0,  # to look for a free place takes a third of the drawing time
    "axes.unicode_minus": True,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.title_fontsize": 8.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "savefig.dpi": DPI,
    "svg.fonttype": "path",
    "svg.hashsalt": "leadline",
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Inside, or in a function decorated with it, what is drawn or saved looks as it should."""
    with mpl.rc_context(_RC):
        yield


# Shape repeats what colour says, for those who cannot tell the colours apart.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")

_LABEL_SHARE = 0.16  # of a narrow panel's width, taken by the label of a tick
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_THIN_SPACE = "\u2009"


def plain(value: float) -> str:
    """A number as people write it: 0.05, 3, 20 000, 10⁻²⁰.

    Numbers from 0.001 up to a million are written out; others as powers of ten.
    """
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        return text.replace(",", _THIN_SPACE).replace("-", "−")
    return _power(value)


def _power(value: float) -> str:
    """'10⁻²⁰', '3·10⁵'."""
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    factor = value / 10.0**exponent
    power = f"10{str(exponent).translate(_SUPERSCRIPT)}"
    return power if abs(factor - 1) < 1e-6 else f"{factor:.2g}·{power}".replace("-", "−")


def _axis(axes: Axes, which: Literal["x", "y"]) -> Axis:
    return axes.xaxis if which == "x" else axes.yaxis


def log_axis(axes: Axes, which: Literal["x", "y"], ticks: int = 6) -> None:
    """A logarithmic axis labelled in plain numbers, whether it spans half a decade or thirty."""
    axes.set(**{f"{which}scale": "log"})
    axis = _axis(axes, which)
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low) if low > 0 else 1.0
    axis.set_major_locator(_log_locator(decades, ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    axis.set_minor_formatter(NullFormatter())


def _tick(value: float) -> str:
    """As `plain`, but large numbers short."""
    return _power(value) if value >= 1e5 else plain(value)


def _log_locator(decades: float, ticks: int) -> Locator:
    if decades < 0.7:  # too short for 1, 2, 5: even steps, few of them
        return MaxNLocator(nbins=ticks - 1, steps=[1, 2, 2.5, 5, 10])
    subs = next((s for s in ((1, 2, 5), (1, 3)) if decades * len(s) <= ticks), (1,))
    return LogLocator(subs=subs, numticks=ticks)


def doubling_axis(axes: Axes, levels: list[float]) -> None:
    """An x axis in powers of two with ticks at measured levels (0 stands left of the others)."""
    least = min((level for level in levels if level > 0), default=1.0)
    linear = {"linthresh": least, "linscale": 1.0} if min(levels) <= 0 else {}
    axes.set_xscale("symlog" if linear else "log", base=2, **linear)
    axes.xaxis.set_major_locator(FixedLocator(_apart(levels, least)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))


def _apart(levels: list[float], least: float) -> list[float]:
    """The levels, largest first, but those whose labels would stand on the one before."""
    places = {level: math.log2(max(level, least / 2)) for level in levels}
    room = _LABEL_SHARE * (max(places.values()) - min(places.values()))
    kept: list[float] = []
    for level in sorted(levels, reverse=True):
        if not kept or places[kept[-1]] - places[level] >= room:
            kept.append(level)
    return kept


def whole_numbers(axes: Axes, which: Literal["x", "y"], ticks: int = 6) -> None:
    """Ticks at whole numbers only: layers, epochs."""
    locator = MaxNLocator(nbins=ticks, integer=True, min_n_ticks=1)
    _axis(axes, which).set_major_locator(locator)
