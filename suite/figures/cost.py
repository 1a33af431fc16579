"""Figures that weigh test scores against cost and shape."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine, varied
from suite.figures.grid import Look, facetted, keys, labels, outer_labels_only, panels
from suite.figures.marks import cut_at_one, draw_failures, entry, failure_entry
from suite.figures.measurements import means, networks, only, plain_level, score_name
from suite.figures.theme import FAINT, INK, log_axis, styled
from suite.figures.words import counted, factor_name, level_name, listed
from suite.results import Evidence

_SHAPES = ("parameters", "width")


_SECONDS = "training time (seconds on one core)"
_FLOPS = "training cost (floating-point operations)"


@styled()
def accuracy_against_cost(evidence: Evidence) -> Drawing:
    """Test score of each contender against its training FLOPs, with the Pareto front."""
    return _against(evidence, "flops", _FLOPS, "floating-point operations")


@styled()
def accuracy_against_seconds(evidence: Evidence) -> Drawing:
    """The same against the seconds of training, which classical models have too."""
    return _against(evidence, "seconds", _SECONDS, "training time")


def _against(evidence: Evidence, cost: str, label: str, short: str) -> Drawing:
    frame = networks(evidence)
    table = _costs(evidence, frame, cost)
    score, variants = score_name(table["dataset"].unique()), evidence.experiment.variants
    # Depth tells networks apart, but classical models have none; variants may differ in it too.
    first = ("depth", *variants) if cost == "flops" else (*variants, "depth")
    colour = _colour(evidence, first)
    facets = Facets(colour=colour, column="dataset", row=None, held={})
    front = entry("best for its cost", linewidth=1.2, drawstyle="steps-post")
    marks = [front, *failure_entry(table)]
    draw = partial(_draw_points, cost)
    figure, drawn = facetted(evidence, table, facets, draw, share="none", marks=marks)
    for panel in drawn:
        _draw_front(panel.axes, only(table, panel.key), cost)
        cut_at_one(panel.axes)
    log_axis(drawn[0].axes, "x", ticks=4)
    labels(figure, label, score)
    best = table.loc[table.groupby("dataset")["mean"].idxmax()]
    return Drawing(
        title="What does accuracy cost?",
        figure=figure,
        table=table,
        caption=f"Mean {score} of each contender against what training one of it costs, "
        f"{captions.counts(table['n'])}; {captions.WHISKERS}, cut off at 1. The grey steps are the "
        f"Pareto front: no contender left of it scores higher.{_beside(evidence, colour)}"
        f"{captions.failures(table)}",
        alt=f"Scatter plot of {score} against {short}. Best of each data set: "
        + "; ".join(_best(row) for row in best.to_dict("records"))
        + ".",
    )


def _colour(evidence: Evidence, factors: Sequence[str]) -> str | None:
    """The first of these factors that varies."""
    several = varied(evidence)
    return next((factor for factor in factors if factor in several), None)


def _beside(evidence: Evidence, colour: str | None) -> str:
    """A sentence on the factors that tell points of one colour apart; empty where none does."""
    others = [factor_name(factor) for factor in varied(evidence) if factor != colour]
    return f" Points of one colour differ in {listed(others)}." if colour and others else ""


def _costs(evidence: Evidence, frame: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Score and mean cost of every contender, cheapest first, and whether it is on the front."""
    factors = list(evidence.experiment.at(evidence.profile).factors())
    by = list(dict.fromkeys(["dataset", "depth", *factors]))
    costly = frame[frame[cost] > 0]
    spent = costly.groupby(by)[cost].mean().reset_index()
    table = means(costly, by, "score").merge(spent, on=by)
    table = table.sort_values(["dataset", cost], kind="stable", ignore_index=True)
    best = table.groupby("dataset")["mean"].cummax()
    before = best.groupby(table["dataset"]).shift(fill_value=-np.inf)
    return table.assign(front=table["mean"] > before)


def _draw_points(cost: str, axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    reach = [rows["mean"] - rows["low"], rows["high"].clip(upper=1) - rows["mean"]]
    axes.errorbar(
        rows[cost], rows["mean"], yerr=reach, color=look.colour, fmt=look.marker, elinewidth=1
    )
    draw_failures(axes, rows[cost], rows["mean"], rows["failed"])


def _draw_front(axes: Axes, rows: pd.DataFrame, cost: str) -> None:
    front = rows[rows["front"]]
    if front.empty:
        return
    x = [*front[cost], rows[cost].max()]
    y = [*front["mean"], front["mean"].max()]
    axes.plot(x, y, color=FAINT, linewidth=1.1, drawstyle="steps-post", zorder=1.8)


def _best(row: Mapping[Any, Any]) -> str:
    name = level_name("dataset", row["dataset"])
    return f"{name} {row['mean']:.3g} with {counted(int(row['depth']), 'hidden layer')}"


@styled()
def depth_width_map(evidence: Evidence) -> Drawing:
    """Heat map of test scores over depth and parameter budget (or width), one per data set."""
    frame = networks(evidence)
    factors = evidence.experiment.at(evidence.profile).factors()
    shape = next((factor for factor in _SHAPES if factor in factors), None)
    if shape is None or frame["depth"].nunique() < 2:
        raise NothingToDraw("a map needs several depths, and widths or parameter budgets")
    facets = choose(evidence, frame, but=("depth", shape), colour=False, column=False)
    table = means(confine(frame, facets), ["dataset", "depth", shape], "score")
    grid = table.pivot_table(index=shape, columns="depth", values="mean").iloc[::-1]
    columns, height = keys(evidence, table, "dataset"), 0.7 + 0.4 * len(grid)
    figure, drawn = panels([{}], columns, height, share="none", share_x="none")
    for panel in drawn:
        _draw_map(panel.axes, only(table, panel.key), shape, grid)
    outer_labels_only(drawn)
    labels(figure, "hidden layers", factor_name(shape))
    score = score_name(table["dataset"].unique())
    return Drawing(
        title="Which shape of network does best?",
        figure=figure,
        table=table,
        caption=f"Mean {score} over depth and {factor_name(shape)}, "
        f"{captions.counts(table['n'], 'cell')}. Darker is better, on each data set's own scale; "
        "the frame marks its best cell."
        f"{captions.held(facets)}{captions.failures(table, 'an asterisk marks where')}",
        alt=f"Heat maps of {score}, one per data set. "
        + "; ".join(_peak(rows, shape) for _, rows in table.groupby("dataset", sort=False))
        + ".",
    )


def _draw_map(axes: Axes, rows: pd.DataFrame, shape: str, grid: pd.DataFrame) -> None:
    """One data set's scores on the grid of all shapes and depths."""
    cells = rows.assign(text=rows["mean"].map("{:.3f}".format) + np.where(rows["failed"], "*", ""))
    scores, text = (
        cells.pivot(index=shape, columns="depth", values=name).reindex_like(grid)
        for name in ("mean", "text")
    )
    sns.heatmap(
        scores,
        ax=axes,
        annot=text,
        fmt="",
        cmap="crest",
        cbar=False,
        linewidths=1.5,
        annot_kws={"fontsize": 8},
        yticklabels=[level_name(shape, plain_level(level)) for level in grid.index],
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, rotation=0)
    axes.grid(False)
    _frame_best(axes, scores.to_numpy())


def _frame_best(axes: Axes, scores: NDArray[np.float64]) -> None:
    row, column = np.unravel_index(np.nanargmax(scores), scores.shape)
    place = (float(column), float(row))
    axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=INK, lw=1.8, clip_on=False))


def _peak(rows: pd.DataFrame, shape: str) -> str:
    best = rows.sort_values("mean", kind="stable").iloc[-1]
    name = level_name("dataset", str(best["dataset"]))
    depth = counted(int(best["depth"]), "hidden layer")
    return (
        f"{name} is best, {best['mean']:.3g}, with {depth} at {factor_name(shape)} {best[shape]:g}"
    )
