"""Figures of time: how training seconds grow with a network's size, and what passes in a second."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite import statistics
from suite.figures import captions
from suite.figures.contenders import with_metric
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import Key, Look, facetted, keys, labels, legend, panels
from suite.figures.marks import draw_line, entry
from suite.figures.measurements import geometric_means, networks, only
from suite.figures.palette import BLUE
from suite.figures.theme import FAINT, doubling_axis, log_axis, styled
from suite.figures.words import factor_name
from suite.results import Evidence

_SIZES = ("depth", "width", "samples", "parameters", "epochs")
_LOOKS: dict[str, dict[str, Any]] = {
    "seconds": {"color": BLUE},
    "flops": {"color": FAINT, "linestyle": (0, (4, 3))},
}


@styled()
def cost_growth(evidence: Evidence) -> Drawing:
    """Training seconds against depth, width and samples, with fitted exponents and FLOPs."""
    frame = networks(evidence)
    frame = frame[(frame["seconds"] > 0) & (frame["flops"] > 0)]
    factors = [factor for factor in _SIZES if factor in varied(evidence)]
    if not factors or frame.empty:
        raise NothingToDraw("the experiment varies no size of networks whose FLOPs are known")
    table = pd.concat([_growth(frame, factor) for factor in factors], ignore_index=True)
    rows: list[Key] = [{"against": f"by {factor_name(factor)}"} for factor in factors]
    columns = keys(evidence, table, "dataset")
    figure, drawn = panels(rows, columns, share="row", share_x="row")
    for panel in drawn:
        _draw_growth(panel.axes, only(table, panel.key))
    legend(figure, None, [], [
        entry("seconds", color=BLUE, marker="o", linestyle="none"),
        entry("fitted power", color=BLUE),
        entry("FLOPs, at the same middle", linestyle=(0, (4, 3))),
    ])  # fmt: skip
    labels(figure, "size", "training seconds")
    return Drawing(
        title="How does the cost of training grow?",
        figure=figure,
        table=table,
        caption="Seconds of training one network, geometric means over the other factors and "
        f"splits, {captions.counts(table['n'])}; {captions.WHISKERS}, on the logarithm. Lines are "
        "powers fitted to the logarithms; dashed, the counted floating-point operations, moved to "
        "the same middle.",
        alt=_exponents(table),
    )


def _growth(frame: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Seconds and FLOPs at each level of a factor, and the exponent of each over it."""
    frame = frame.assign(level=frame["used_samples"] if factor == "samples" else frame[factor])
    # A power has no place for networks without hidden layers.
    frame = frame[frame["level"] > 0]
    by = ["dataset", "level"]
    table = geometric_means(frame, by, "seconds")
    flops = np.exp(np.log(frame["flops"]).groupby([frame[name] for name in by]).mean())
    table = table.merge(flops.reset_index(), on=by).rename(columns={"mean": "seconds"})
    exponents = [
        {"dataset": dataset, **{f"{cost}_exponent": _exponent(rows, cost) for cost in _LOOKS}}
        for dataset, rows in table.groupby("dataset")
    ]
    return table.merge(pd.DataFrame(exponents), on="dataset").assign(
        against=f"by {factor_name(factor)}"
    )


def _exponent(rows: pd.DataFrame, cost: str) -> float:
    """Slope of the cost's logarithm over the level's; NaN of a single level."""
    if len(rows) < 2:
        return float("nan")
    logs = np.log(rows[["level", cost]].to_numpy(np.float64))
    return float(statistics.slopes(logs[:, 0], logs[None, :, 1])[0])


def _draw_growth(axes: Axes, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    level = rows["level"].to_numpy(np.float64)
    reach = [rows["seconds"] - rows["low"], rows["high"] - rows["seconds"]]
    axes.errorbar(level, rows["seconds"], yerr=reach, color=BLUE, fmt="o", elinewidth=1)
    log_axis(axes, "y", ticks=4)
    doubling_axis(axes, sorted(level))
    middle = np.exp(np.log(level).mean())
    height = np.exp(np.log(rows["seconds"]).mean())
    for cost, look in _LOOKS.items():
        exponent = rows[f"{cost}_exponent"].iloc[0]
        axes.plot(level, height * (level / middle) ** exponent, **look, linewidth=1.2)
    text = f"exponent {rows['seconds_exponent'].iloc[0]:.2f}"
    axes.text(0.04, 0.9, text, transform=axes.transAxes, fontsize=8, color=BLUE, va="top")


def _exponents(table: pd.DataFrame) -> str:
    words = [
        f"{against}: {rows['seconds_exponent'].min():.2f} to "
        f"{rows['seconds_exponent'].max():.2f} (FLOPs {rows['flops_exponent'].mean():.2f})"
        for against, rows in table.groupby("against", sort=False)
    ]
    return (
        f"Charts of training seconds in logarithms. Exponents over data sets, {'; '.join(words)}."
    )


@styled()
def throughput(evidence: Evidence) -> Drawing:
    """Training rows that pass in a second against batch size, or networks trained together."""
    factor = next((f for f in ("batch_size", "together") if f in varied(evidence)), None)
    if factor is None:
        raise NothingToDraw("the experiment varies neither the batch nor how many train together")
    frame = with_metric(evidence, "log2_throughput")
    frame = frame.assign(rate=2.0 ** frame["measured"])
    facets = choose(evidence, frame, but=(factor,), column=False)
    table = geometric_means(confine(frame, facets), [*facets.columns, factor], "rate")
    figure, drawn = facetted(evidence, table, facets, partial(_draw_rate, factor), share="all")
    doubling_axis(drawn[0].axes, sorted(table[factor].unique()))
    log_axis(drawn[0].axes, "y", ticks=5)
    labels(figure, factor_name(factor), "training rows a second")
    return Drawing(
        title="How much passes through one core in a second?",
        figure=figure,
        table=table,
        caption="Training rows that pass through one network in a second of its share of the time, "
        f"geometric means, {captions.counts(table['n'])}; {captions.BANDS}, on the logarithm."
        f"{captions.held(facets)}",
        alt=f"Line chart of training rows a second against {factor_name(factor)}. "
        f"{captions.ends(table, factor, 'mean', facets.colour)}",
    )


def _draw_rate(factor: str, axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    draw_line(axes, rows[factor], rows, look.colour, look.marker)
