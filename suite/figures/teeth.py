"""Figure of the sawtooth: what trained networks get wrong, over what one layer must get wrong."""

from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from suite.data.cards import CARDS
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.measurements import networks
from suite.figures.theme import FAINT, styled
from suite.figures.words import described
from suite.results import Evidence
from suite.theory.sawtooth import least_error

_BOUND: dict[str, Any] = {"color": FAINT, "linestyle": (0, (4, 3)), "linewidth": 1.2}
_DOTS: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3, "alpha": 0.25}


@styled()
def error_by_width(evidence: Evidence) -> Drawing:
    """Error of every network and of the best one against width, over the bound of one layer."""
    if not {"width", "depth"} <= {*varied(evidence)}:
        raise NothingToDraw("error against width needs width and depth to vary")
    frame = _on_teeth(networks(evidence))
    facets = choose(evidence, frame, but=("width",))
    frame = confine(frame, facets)
    table = _summary(frame, [*facets.columns, "width"])
    marks = [
        entry("every network", **_DOTS),
        entry("least error of one layer", **_BOUND),
    ]
    draw = partial(_draw, frame)
    figure, drawn = facetted(evidence, table, facets, draw, 2.2, "all", marks)
    widths = sorted(table["width"].unique())
    for panel in drawn:
        _draw_bound(panel.axes, table)
        panel.axes.set_xticks(widths)
    labels(figure, "units in each layer", "share of points that are wrong")
    return Drawing(
        title="Does training find what depth can do?",
        figure=figure,
        table=table,
        caption="Share of the sawtooth's points that a network gets wrong: lines join the best "
        f"network of each width, {captions.counts(table['n'])}, faint dots are all networks. "
        "Dashed, the share that no network with one hidden layer gets below, whatever trains it: "
        f"(n − m − 2)/(2n) for n points and m units.{captions.held(facets)}",
        alt=f"Charts of the error against width. {_in_words(table)}",
    )


def _on_teeth(frame: pd.DataFrame) -> pd.DataFrame:
    """Networks on a sawtooth with their `error` and the `bound` of one layer of their width."""
    frame = frame[frame["dataset"].str.partition("(")[0].eq("sawtooth")]
    frame = frame.dropna(subset=["score"])
    if frame.empty:
        raise NothingToDraw("no network was trained on a sawtooth")
    points = frame["dataset"].map(lambda name: CARDS[name].train_samples)
    pairs = zip(points, frame["width"], strict=True)
    bound = [least_error(int(n), int(units)) for n, units in pairs]
    return frame.assign(error=1 - frame["score"], bound=bound)


def _summary(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Error of the best and of the middle network of each group, `n` networks, and the bound."""
    groups = frame.groupby(by, as_index=False)
    return groups.agg(
        best=("error", "min"),
        median=("error", "median"),
        n=("error", "size"),
        failed=("failed", "sum"),
        bound=("bound", "first"),
    )


def _draw(frame: pd.DataFrame, axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    shared = [name for name in rows if name in frame and name not in ("width", "failed", "bound")]
    own = frame.merge(rows[shared].drop_duplicates(), on=shared)
    axes.plot(own["width"], own["error"], color=look.colour, **_DOTS)
    axes.plot(rows["width"], rows["best"], color=look.colour, marker=look.marker)


def _draw_bound(axes: Axes, table: pd.DataFrame) -> None:
    bound = table.drop_duplicates("width").sort_values("width")
    axes.plot(bound["width"], bound["bound"], **_BOUND)
    axes.set_ylim(bottom=-0.02)


def _in_words(table: pd.DataFrame) -> str:
    rows = table.sort_values(["depth", "width"]).groupby(["depth", "width"])
    found = rows.agg(best=("best", "min"), bound=("bound", "first")).reset_index()
    columns = (found[name].to_list() for name in ("depth", "width", "best", "bound"))
    return " ".join(
        f"{described('depth', int(depth))} of {int(width)}: best {best:.2f}, "
        f"bound of one layer {bound:.2f}."
        for depth, width, best, bound in zip(*columns, strict=True)
    )
