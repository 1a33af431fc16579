"""Figures of losses as training goes on."""

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import keys, labels, panels, title
from suite.figures.measurements import geometric_means, networks, only, plain_level
from suite.figures.palette import COLOURS
from suite.figures.theme import INK, log_axis, styled, whole_numbers
from suite.results import Evidence

_COLOURS = COLOURS["part"]


@styled()
def training_curves(evidence: Evidence) -> Drawing:
    """Training and validation loss against the epoch, one panel per contender and data set."""
    frame = networks(evidence)
    facets = choose(evidence, frame, colour=False)
    frame = confine(frame, facets)
    table = _losses(evidence, frame, facets)
    rows, columns = (keys(evidence, table, f) for f in (facets.row, facets.column))
    figure, drawn = panels(rows, columns, share="row")
    for panel in drawn:
        _draw_curves(panel.axes, only(table, panel.key))
    # A network that was not trained has points in place of lines.
    longest = max(drawn, key=lambda panel: only(table, panel.key)["epoch"].max())
    _name_lines(longest.axes, only(table, longest.key))
    whole_numbers(drawn[0].axes, "x", ticks=5)
    labels(figure, "epoch", "loss")
    return Drawing(
        title="Where does training turn into overfitting?",
        figure=figure,
        table=table,
        caption=_caption(frame, table, facets),
        alt="Line charts of training and validation loss against the epoch. "
        + "; ".join(_sentence(rows, facets) for _, rows in table.groupby(facets.columns))
        + ".",
    )


def _losses(evidence: Evidence, frame: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """Geometric mean loss per part and epoch, of the networks that trained to the end."""
    histories = evidence.histories
    curves = histories.loc[histories["metric"] == "loss", ["trial_id", "epoch", "split", "value"]]
    curves = curves.rename(columns={"split": "part"}).replace({"part": {"train": "training"}})
    trained = frame[~frame["failed"]].merge(curves, on="trial_id")
    if trained.empty:
        raise NothingToDraw("no network that trained to the end has loss curves")
    by = [*facets.columns, "part"]
    table = geometric_means(trained, [*by, "epoch"], "value").drop(columns="failed")
    table = table[table.groupby(by)["epoch"].transform("nunique") > 1]
    if table.empty:
        raise NothingToDraw("no network has been trained for an epoch or more")
    least = table.groupby(by)["mean"].transform("min")
    return table.assign(best=(table["mean"] == least) & (table["part"] == "validation"))


def _draw_curves(axes: Axes, rows: pd.DataFrame) -> None:
    for part, line in rows.groupby("part"):
        colour = _COLOURS[str(part)]
        axes.fill_between(
            line["epoch"], line["low"], line["high"], color=colour, alpha=0.16, linewidth=0
        )
        axes.plot(line["epoch"], line["mean"], color=colour)
    best = rows[rows["best"]]
    axes.plot(best["epoch"], best["mean"], color=_COLOURS["validation"], marker="o")
    axes.margins(y=0.14)
    log_axis(axes, "y", ticks=5)
    for epoch, loss in zip(best["epoch"], best["mean"], strict=True):
        _write(axes, f"{epoch:g}", (epoch, loss), (0, 5), INK, "center")


def _name_lines(axes: Axes, rows: pd.DataFrame) -> None:
    """Write each line's name at its end: the higher one above, the lower one below."""
    last = rows["epoch"].max()
    ends = rows[rows["epoch"] == last].sort_values("mean", ascending=False)
    # Above the line stands the number of the best epoch too, where that is near the end.
    late = bool((rows["best"] & (rows["epoch"] > 0.6 * last)).any())
    for part, loss, offset in zip(
        ends["part"], ends["mean"], (15 if late else 4, -4), strict=False
    ):
        _write(axes, str(part), (last, loss), (0, offset), _COLOURS[str(part)], "right")


def _write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[int, int],
    colour: str,
    horizontal: Literal["center", "right"],
) -> None:
    axes.annotate(
        text,
        place,
        xytext=offset,
        textcoords="offset points",
        ha=horizontal,
        va="bottom" if offset[1] > 0 else "top",
        color=colour,
        fontsize=8,
    )


def _caption(frame: pd.DataFrame, table: pd.DataFrame, facets: Facets) -> str:
    failed = int(frame["failed"].sum())
    left_out = f" {failed} networks that diverged or died are left out." if failed else ""
    return (
        f"Loss during training, geometric mean, {captions.counts(table['n'], 'line')}; "
        f"{captions.BANDS}, on the logarithm. The dot and its "
        "number mark the epoch with the lowest mean validation loss. What is not trained has no "
        "curve and no panel."
        f"{captions.held(facets)}{left_out}"
    )


def _sentence(rows: pd.DataFrame, facets: Facets) -> str:
    """One panel in words."""
    first = rows.iloc[0]
    name = title({factor: plain_level(first[factor]) for factor in facets.columns})
    best = rows[rows["best"]]
    last = rows[rows["epoch"] == rows["epoch"].max()].set_index("part")["mean"]
    ends = " and ".join(f"{part} {value:.3g}" for part, value in last.items())
    lowest = f"lowest validation loss at epoch {int(best['epoch'].iloc[0])}, " if len(best) else ""
    return f"{name}: {lowest}at the end {ends}"
