"""The figure of weight gradients per layer as training goes on."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import choose, confine
from suite.figures.grid import Panel, keys, labels, outer_labels_only, panels
from suite.figures.layers import per_layer, probed
from suite.figures.measurements import only
from suite.figures.theme import GRID, plain, styled
from suite.results import Evidence

_COLOURS = "viridis"


@styled()
def gradient_over_training(evidence: Evidence) -> Drawing:
    """Heat map of weight-gradient norms over layer and epoch, one for each contender."""
    frame = probed(evidence, "gradient_norm")
    # Both channels of panels go to the contenders; data sets and splits are averaged.
    facets = choose(evidence, frame, but=("depth", "dataset"))
    frame = confine(frame, facets)
    by = [factor for factor in (facets.colour, facets.column) if factor]
    table = per_layer(frame, [*by, "epoch"])
    rows, columns = (keys(evidence, table, factor) for factor in (facets.colour, facets.column))
    figure, drawn = panels(rows, columns, height=1.6, share="none", share_x="none")
    scale = LogNorm(table["mean"].min(), table["mean"].max())
    grid = table.pivot_table(index="layer", columns="epoch", values="mean").iloc[::-1]
    for panel in drawn:
        _draw_map(panel.axes, only(table, panel.key), scale, grid)
    outer_labels_only(drawn)
    _draw_scale(figure, drawn, scale)
    labels(figure, "epoch (as measured, not to scale)", "layer, from the inputs up")
    names = captions.names(frame["dataset"].unique())
    return Drawing(
        title="Do gradients recover while the network trains?",
        figure=figure,
        table=table,
        caption="Frobenius norm of each layer's weight gradient during training, in networks with "
        f"{int(frame['depth'].max())} hidden layers; the top row is the output layer. Geometric "
        f"means over {names}, {captions.counts(table['n'], 'cell')}. Grey: gradient exactly 0 or "
        f"not measured.{captions.held(facets)}",
        alt="Heat maps of weight-gradient norms over layer and epoch. At the first layer, start "
        "and end of training: "
        + captions.ends(
            table[table["layer"] == 1], "epoch", "mean", facets.colour
        ),
    )  # fmt: skip


def _draw_scale(figure: Figure, drawn: list[Panel], scale: LogNorm) -> None:
    bar = figure.colorbar(
        ScalarMappable(scale, _COLOURS),
        ax=[panel.axes for panel in drawn],
        format=FuncFormatter(lambda value, _: plain(value)),
        label="Frobenius norm of ∂loss/∂weights",
        fraction=0.04,
        aspect=40,
    )
    bar.minorticks_off()
    bar.outline.set_visible(False)


def _draw_map(axes: Axes, rows: pd.DataFrame, scale: LogNorm, grid: pd.DataFrame) -> None:
    """One contender's norms on the grid of all layers and epochs."""
    norms = rows.pivot(index="layer", columns="epoch", values="mean").reindex_like(grid)
    axes.set_facecolor(GRID)
    # As an image: the edges of thousands of vector cells would shine through.
    sns.heatmap(
        norms,
        ax=axes,
        norm=scale,
        vmin=scale.vmin,
        vmax=scale.vmax,
        cmap=_COLOURS,
        cbar=False,
        rasterized=True,
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
    axes.grid(False)
