"""Figures of a comparison and of how time grows."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.figures.drawing import Drawing
from suite.figures.palette import BLUE, colours
from suite.figures.theme import FAINT, INK, WIDTH, doubling_axis, log_axis, plain, styled
from suite.figures.words import counted, listed
from suite.speed.comparison import Comparison
from suite.speed.contenders import CONTENDERS, REFERENCE
from suite.speed.scaling import Scaling, Sweep
from suite.speed.work import Shape

# Room beside the slowest point for its label, and before the fastest.
_BEFORE, _BESIDE = 1.5, 6.0
_MS = "ms_per_network_epoch"


@styled()
def draw_comparison(comparison: Comparison) -> Drawing:
    """Points at milliseconds per network and epoch, a panel for each shape."""
    table = _comparison_table(comparison)
    shapes, most = list(comparison.shapes), table.groupby("shape")["name"].count().max()
    height = 0.5 + len(shapes) * (0.45 + 0.28 * most)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(len(shapes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, shape in zip(panels, shapes, strict=True):
        _draw_points(axes, table[table["shape"] == str(shape)], str(shape))
    panels[0].set_xlim(table[_MS].min() / _BEFORE, table[_MS].max() * _BESIDE)
    for axes in panels:
        log_axis(axes, "x")
    figure.supxlabel("milliseconds per network and epoch", fontsize=9)
    return Drawing(
        title="How long does a network's epoch take?",
        figure=figure,
        table=table,
        caption=f"Wall time of one epoch of one network ({counted(comparison.samples, 'row')}, "
        "Adam, float32), one thread each, every contender with its fastest number of networks "
        f"together; median of {counted(comparison.rounds, 'round')} in turns. × is the time over "
        "Leadline's, in brackets its least and most over rounds. "
        f"{_sgemm(comparison)}",
        alt="Points. " + " ".join(_spoken(comparison, shape) for shape in shapes),
    )


def _comparison_table(comparison: Comparison) -> pd.DataFrame:
    rows = [
        {
            "shape": str(shape),
            "name": row.name,
            "together": row.together,
            _MS: row.ms_per_network_epoch,
            "ratio_to_leadline": row.ratio_to_leadline,
            "ratio_low": row.ratio_low,
            "ratio_high": row.ratio_high,
            "gflops": row.gflops,
            "share_of_sgemm": row.share_of_sgemm,
        }
        for shape, rows in comparison.shapes.items()
        for row in rows
    ]
    return pd.DataFrame(rows)


def _draw_points(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    # All names, so that a contender keeps its colour where others are missing.
    palette: dict[Any, str] = dict(colours("contender", CONTENDERS))
    # Points: on a logarithmic axis the length of a bar would mean nothing.
    sns.stripplot(
        rows,
        x=_MS,
        y="name",
        hue="name",
        palette=palette,
        jitter=False,
        size=7,
        legend=False,
        ax=axes,
    )
    axes.set(title=title, xlabel="", ylabel="")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0, labelsize=9)
    for place, row in enumerate(rows.to_dict("records")):
        axes.annotate(
            _label(row),
            (row[_MS], place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=8,
        )


def _label(row: dict[Any, Any]) -> str:
    text = f"{plain(float(f'{row[_MS]:.3g}'))} ms"
    if row["name"] == REFERENCE:
        return f"{text}, {row['together']} together, {row['share_of_sgemm']:.0%} of sgemm"
    low, ratio, high = (
        f"{row[name]:.3g}" for name in ("ratio_low", "ratio_to_leadline", "ratio_high")
    )
    return f"{text}, {ratio}× ({low} to {high})"


def _sgemm(comparison: Comparison) -> str:
    peaks = [f"{gflops:.0f} GFLOP/s ({device})" for device, gflops in comparison.sgemm.items()]
    return f"The machine's own matrix product does {listed(peaks)}."


def _spoken(comparison: Comparison, shape: Shape) -> str:
    rows = [f"{row.name} {row.ms_per_network_epoch:.3g} ms" for row in comparison.shapes[shape]]
    return f"{shape}: {', '.join(rows)}."


@styled()
def draw_scaling(scaling: Scaling) -> Drawing:
    """Points and power laws, a panel for each factor."""
    columns = 3
    lines = -(-len(scaling.sweeps) // columns)
    figure = Figure(figsize=(WIDTH, 0.4 + 2.3 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(scaling.sweeps) :]:
        axes.remove()
    for axes, sweep in zip(panels, scaling.sweeps, strict=False):
        _draw_sweep(axes, sweep)
    figure.supylabel("milliseconds per network and epoch", fontsize=9)
    return Drawing(
        title="How does a network's time grow?",
        figure=figure,
        table=_scaling_table(scaling),
        caption="Wall time per network and epoch against one factor at a time, the others held; "
        f"median of {scaling.rounds} rounds, whiskers from the least to the most. Lines are power "
        "laws by least squares in the logarithms; titles give their exponents ± standard errors.",
        alt="Logarithmic plots. "
        + "; ".join(f"{sweep.factor}: {sweep.growth_text}" for sweep in scaling.sweeps)
        + ".",
    )


def _draw_sweep(axes: Axes, sweep: Sweep) -> None:
    values = [float(point.value) for point in sweep.points]
    medians = [1e3 * point.seconds_per_network for point in sweep.points]
    below = [m - 1e3 * point.low for m, point in zip(medians, sweep.points, strict=True)]
    above = [1e3 * point.high - m for m, point in zip(medians, sweep.points, strict=True)]
    axes.errorbar(values, medians, yerr=[below, above], fmt="none", ecolor=BLUE, elinewidth=1)
    sns.scatterplot(x=values, y=medians, color=BLUE, ax=axes)
    if sweep.growth is not None:
        ends = [min(values), max(values)]
        axes.plot(ends, [1e3 * sweep.growth.at(v) for v in ends], color=FAINT, linewidth=1.1)
    axes.set(title=f"{sweep.factor}: {sweep.growth_text}", xlabel=sweep.factor, ylabel="")
    doubling_axis(axes, values)
    log_axis(axes, "y", ticks=4)


def _scaling_table(scaling: Scaling) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "factor": sweep.factor,
            "held": sweep.held,
            "value": point.value,
            "ms_per_network_epoch": 1e3 * point.seconds_per_network,
            "low": 1e3 * point.low,
            "high": 1e3 * point.high,
            "fitted": 1e3 * sweep.growth.at(point.value) if sweep.growth else None,
        }
        for sweep in scaling.sweeps
        for point in sweep.points
    )
