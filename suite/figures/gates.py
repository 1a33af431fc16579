"""Figure of gates: what each exact check is made of, and the band that it has to lie in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from suite import gates as checks
from suite.claim import Claim
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.grid import Key, Look, legend, looks, panels
from suite.figures.marks import entry
from suite.figures.measurements import networks, only
from suite.figures.theme import FAINT, GRID, INK, styled
from suite.figures.words import counted, level_name, listed, selection
from suite.levels import Levels
from suite.results import Evidence

# Equal values are drawn beside each other, across so much of their row at most.
_REACH, _STEP = 0.32, 0.06
_STATISTIC: dict[str, Any] = {"marker": "|", "markersize": 17, "markeredgewidth": 2.2}
_BAND = {"color": GRID, "linewidth": 9}


@styled()
def gates(evidence: Evidence) -> Drawing:
    """Every value behind each gate, its statistic, and the band where that has to lie."""
    names = [name for name, claim in evidence.experiment.claims.items() if claim.kind == "gate"]
    if not names:
        raise NothingToDraw("the experiment has no gate")
    networks(evidence)
    found = {name: checks.check(evidence, name) for name in names}
    tables = [_values(evidence.experiment.claims[n], n, gate) for n, gate in found.items()]
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        raise NothingToDraw("nothing that a gate looks at has been measured yet")
    failed = sum(gate.pairs.failed for gate in found.values())
    return Drawing(
        title="Is each result where it has to be?",
        figure=_draw(evidence, table),
        table=table,
        caption=_caption(table, failed),
        alt=_in_words(table),
    )


def _values(claim: Claim, name: str, gate: checks.Gate) -> pd.DataFrame:
    """One row for each value of each data set, with how many have it."""
    rows = [
        {"dataset": dataset, "value": value, "n": int(count)}
        for dataset, values in gate.pairs.each.items()
        for value, count in zip(*np.unique(values, return_counts=True), strict=True)
    ]
    low, high = claim.band
    return pd.DataFrame(rows, columns=["dataset", "value", "n"]).assign(
        claim=name,
        row=_row_name(claim, name),
        metric=claim.metric,
        looks_at=claim.statistic,
        statistic=gate.statistic,
        low=low,
        high=high,
        holds=gate.holds,
    )


def _row_name(claim: Claim, name: str) -> str:
    """What a gate speaks of, as its levels, and which statistic it looks at."""
    levels = {**(claim.better or {}), **claim.where}
    named = ", ".join(_named(factor, values) for factor, values in levels.items())
    return f"{named or name.rpartition('/')[2].replace('-', ' ')}: {claim.statistic}"


def _named(factor: str, levels: Levels) -> str:
    """Names speak for themselves, numbers of their factor."""
    if all(isinstance(level, str) for level in levels):
        return listed([level_name(factor, level) for level in levels])
    return selection(factor, levels, "and")


def _draw(evidence: Evidence, table: pd.DataFrame) -> Figure:
    """A panel for each metric with a row for each gate, in the experiment's order."""
    rows: list[Key] = [{"metric": metric} for metric in table["metric"].unique()]
    most = int(table.groupby("metric")["claim"].nunique().max())
    figure, drawn = panels(rows, [{}], height=0.25 + 0.22 * most, share="none", share_x="none")
    factor = "dataset" if table["dataset"].nunique() > 1 else None
    shown = looks(evidence, table, factor)
    for panel in drawn:
        _draw_panel(panel.axes, only(table, panel.key), shown, factor)
    legend(figure, factor, shown, _entries())
    return figure


def _entries() -> Sequence[Line2D]:
    values = entry("measured", marker="o", linestyle="none")
    statistic = entry("statistic", color=INK, linestyle="none", **_STATISTIC | {"markersize": 9})
    return (values, statistic, entry("where it has to lie", **_BAND))


def _draw_panel(axes: Axes, rows: pd.DataFrame, shown: Sequence[Look], factor: str | None) -> None:
    heads = rows.drop_duplicates("claim")
    places = {claim: place for place, claim in enumerate(heads["claim"])}
    for look in shown:
        part = rows[rows["dataset"] == look.level] if factor else rows
        x, y = _beside(part, places)
        axes.plot(x, y, color=look.colour, marker=look.marker, linestyle="none", alpha=0.55)
    axes.set_xmargin(0.06)
    # What is invisible stretches the axis to the ends of the bands.
    bounds = heads[["low", "high"]].to_numpy()
    axes.plot(bounds[np.isfinite(bounds)], np.zeros(np.isfinite(bounds).sum()), alpha=0)
    ends = axes.get_xlim()
    for head in heads.to_dict("records"):
        _draw_gate(axes, head, places[head["claim"]], ends)
    axes.set_xlim(ends)
    axes.set_yticks(range(len(places)), list(heads["row"]))
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _beside(rows: pd.DataFrame, places: Mapping[str, int]) -> tuple[list[float], list[float]]:
    """A place for each measured value; equal ones stand above each other round their row."""
    x: list[float] = []
    y: list[float] = []
    for row in rows.to_dict("records"):
        count = int(row["n"])
        reach = min(_REACH, _STEP * (count - 1) / 2)
        x += [float(row["value"])] * count
        y += list(places[row["claim"]] + np.linspace(-reach, reach, count))
    return x, y


def _draw_gate(axes: Axes, head: Mapping[Any, Any], place: int, ends: tuple[float, float]) -> None:
    """The band, as far as the panel shows it, and the statistic over it."""
    low, high = max(head["low"], ends[0]), min(head["high"], ends[1])
    if low < high:
        axes.fill_betweenx([place - 0.4, place + 0.4], low, high, color=GRID, zorder=0.5)
    for end in (head["low"], head["high"]):
        if np.isfinite(end):
            axes.plot([end, end], [place - 0.4, place + 0.4], color=FAINT, linewidth=1.0)
    axes.plot([head["statistic"]], [place], color=INK, zorder=4, **_STATISTIC)


def _caption(table: pd.DataFrame, failed: int) -> str:
    sizes = table.groupby("claim")["n"].sum()
    low, high = int(sizes.min()), int(sizes.max())
    n = f"{low}" if low == high else f"{low} to {high}"
    lost = f" {counted(failed, 'network')} diverged or died and count as chance." if failed else ""
    return (
        f"Each value that a gate looks at, n = {n} a row; equal ones stand above each other. "
        f"Black: the statistic. Grey: where it has to lie.{lost}"
    )


def _in_words(table: pd.DataFrame) -> str:
    heads = table.drop_duplicates("claim").to_dict("records")
    words = [
        f"{head['row']} {head['statistic']:.3g}, {'inside' if head['holds'] else 'outside'} "
        f"{_band(head['low'], head['high'])}"
        for head in heads
    ]
    return f"Dot plot of gates. {'; '.join(words)}."


def _band(low: float, high: float) -> str:
    if np.isinf(low):
        return f"at most {high:g}"
    return f"at least {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
