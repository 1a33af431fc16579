"""Figure of effects: what each test compares, by data set, against the smallest that matters."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from suite import statistics
from suite.decisions import Part, weigh
from suite.experiment import Selection
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.grid import Key, legend, panels
from suite.figures.marks import entry
from suite.figures.measurements import MISS, networks, only
from suite.figures.palette import BLUE
from suite.figures.theme import FAINT, GRID, INK, styled
from suite.figures.words import (
    brief_datasets,
    counted,
    factor_name,
    level_name,
    listed,
    metric_words,
    selection,
)
from suite.results import Evidence

MEAN = "all data sets"
_ABOVE = 0.24  # of a row, by which units stand above their mean
_ROOM = 84  # characters of a title above a panel whose rows have long names
_UNITS: dict[str, Any] = {"marker": "o", "markersize": 3.4, "linestyle": "none", "alpha": 0.5}
_ESTIMATE: dict[str, Any] = {"markersize": 5, "elinewidth": 1.6, "fmt": "D"}


@styled()
def effects(evidence: Evidence) -> Drawing:
    """Each claim's differences (or slopes) by data set, their means, and the claim's margin."""
    frame = networks(evidence)
    tests = [
        (_title(name, part), part)
        for name, claim in evidence.experiment.claims.items()
        if claim.kind != "gate"
        for part in weigh(evidence, name)
    ]
    if not tests:
        raise NothingToDraw("the experiment compares nothing: all its claims are gates")
    order = evidence.experiment.at(evidence.profile).datasets
    tables = [_values(title, part, order) for title, part in tests if part.estimate is not None]
    if not tables:
        raise NothingToDraw("nothing that a claim compares has been trained yet")
    table = pd.concat(tables, ignore_index=True)
    return Drawing(
        title="How large is the effect, and is it more than the margin?",
        figure=_draw(table),
        table=table,
        caption=_caption(table, _failed(frame, [part for _, part in tests])),
        alt=_in_words(table),
    )


def _title(name: str, part: Part) -> str:
    """'dropout: log test loss, none less dropout 0.2', or of a trend what it is along."""
    side = part.side
    what = metric_words(side.metric)
    if side.along:
        what = f"{side.of} of {what} along {factor_name(side.along)}"
    if side.worse is not None:
        what = f"{what}, {_levels(side.better)} against {_levels(side.worse)}"
    elif side.better and not side.along:
        what = f"{what}, {_levels(side.better)}"
    return f"{name.replace('_', ' ').replace('-', ' ')}: {what}"


def _levels(levels: Selection | None) -> str:
    """Names speak for themselves, numbers of their factor."""
    return " with ".join(
        listed([level_name(factor, level) for level in values], "or")
        if all(isinstance(level, str) for level in values)
        else selection(factor, values, "or")
        for factor, values in (levels or {}).items()
    )


def _values(title: str, part: Part, order: Sequence[str]) -> pd.DataFrame:
    """A row for each unit of each data set, and below them one for all: its mean and interval."""
    found = part.pairs.differences
    differences = {name: found[name] for name in order if name in found}
    rows = [
        {"claim": title, "dataset": name, "value": value, **own_mean}
        for name, own in differences.items()
        for own_mean in [_estimate([own])]
        for value in own
    ]
    overall = _estimate(list(differences.values()))
    if len(differences) > 1:
        rows.append({"claim": title, "dataset": MEAN, "value": np.nan, **overall})
    return pd.DataFrame(rows).assign(margin=part.side.margin)


def _estimate(samples: Sequence[Any]) -> dict[str, float]:
    found = statistics.estimate(statistics.moments(samples))
    low, high = statistics.interval(found, MISS)
    n = sum(len(own) for own in samples)
    return {"mean": float(found.effect), "low": float(low), "high": float(high), "n": n}


def _draw(table: pd.DataFrame) -> Figure:
    keys: list[Key] = [{"claim": title} for title in table["claim"].unique()]
    most = int(table.groupby("claim")["dataset"].nunique().max())
    height = 0.42 + 0.13 * most
    figure, drawn = panels(keys, [{}], height, share="none", share_x="none")
    for panel in drawn:
        _draw_claim(panel.axes, only(table, panel.key))
        panel.axes.set_title(fill(str(panel.key["claim"]), _ROOM))
    legend(figure, None, [], _entries())
    figure.supxlabel("difference that the claim says is above 0 (or slope)", fontsize=9)
    return figure


def _entries() -> Sequence[Line2D]:
    return (
        entry("unit", color=BLUE, **_UNITS),
        entry("mean", color=INK, marker="D", linewidth=1.6),
        entry("smaller than the margin", color=GRID, linewidth=9),
    )


def _draw_claim(axes: Axes, rows: pd.DataFrame) -> None:
    heads = rows.drop_duplicates("dataset").reset_index(drop=True)
    margin = float(heads["margin"].iloc[0])
    axes.axvspan(-margin, margin, color=GRID, zorder=0.5, linewidth=0)
    axes.axvline(0, color=FAINT, linewidth=0.9, zorder=1.8)
    for place, head in enumerate(heads.to_dict("records")):
        units = rows.loc[rows["dataset"] == head["dataset"], "value"].dropna()
        axes.plot(units, np.full(len(units), place - _ABOVE), color=BLUE, **_UNITS)
        reach = np.array([[head["mean"] - head["low"]], [head["high"] - head["mean"]]])
        whiskers = None if np.isnan(reach).any() else reach
        shade = INK if head["dataset"] == MEAN else BLUE
        axes.errorbar([head["mean"]], [place], xerr=whiskers, color=shade, zorder=4, **_ESTIMATE)
    names = brief_datasets(name for name in heads["dataset"] if name != MEAN)
    axes.set_yticks(range(len(heads)), [names.get(name, name) for name in heads["dataset"]])
    axes.set_ylim(len(heads) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _failed(frame: pd.DataFrame, parts: Sequence[Part]) -> int:
    """Networks that count as chance in some test, each once."""
    ids: set[str] = set().union(*(part.pairs.trials for part in parts if part.pairs.failed))
    return int((frame["failed"] & frame["trial_id"].isin(ids)).sum())


def _caption(table: pd.DataFrame, failed: int) -> str:
    sizes = table.loc[table["dataset"] != MEAN].groupby(["claim", "dataset"]).size()
    low, high = int(sizes.min()), int(sizes.max())
    n = f"{low}" if low == high else f"{low} to {high}"
    lost = f" {counted(failed, 'network')} diverged or died and count as chance." if failed else ""
    return (
        "Paired difference of each unit, a split of the data on which both sides meet the same "
        f"rows and draws, as the claim is oriented: above 0 speaks for it; n = {n} units a row. "
        "Of trends, each unit's slope. Whiskers are 95 % intervals of the mean (Student), without "
        f"the verdicts' correction for many claims. Grey: less than the margin.{lost}"
    )


def _in_words(table: pd.DataFrame) -> str:
    # The last row of each claim is all data sets', or the only one's.
    heads = table.drop_duplicates("claim", keep="last").to_dict("records")
    words = [f"{h['claim']}: mean {h['mean']:.3g}, margin {h['margin']:.3g}" for h in heads]
    return f"Dot plot of effects by data set. {'; '.join(words)}."
