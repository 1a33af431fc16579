"""Heat maps over two factors, on one scale of colours for all data sets; that of the gap."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import Panel, keys, labels, outer_labels_only, panels
from suite.figures.measurements import means, networks, only, plain_level
from suite.figures.theme import GRID, styled
from suite.figures.words import factor_name, level_name
from suite.results import Evidence

# Two of these span the map of the gap, in this order; the first is across.
_SIZES = ("samples", "depth", "width", "parameters", "label_noise")


@styled()
def gap_map(evidence: Evidence) -> Drawing:
    """Generalization gap over two of samples, depth, width, parameters and label noise."""
    several = varied(evidence)
    pair = next((p for p in combinations(_SIZES, 2) if {*p} <= {*several}), None)
    if pair is None:
        raise NothingToDraw("a map of the gap needs two sizes to vary, such as width and samples")
    frame = networks(evidence)
    frame = frame.assign(samples=frame["used_samples"])
    facets = choose(evidence, frame, but=pair, colour=False, column=False)
    table = means(confine(frame, facets), ["dataset", *pair], "generalization_gap")
    figure, _ = maps(evidence, table, pair, "crest", "{:+.2f}".format)
    return Drawing(
        title="Where do training and test data part?",
        figure=figure,
        table=table,
        caption="Gap: training less test accuracy (for regression, test less training loss), by "
        f"{factor_name(pair[0])} and {factor_name(pair[1])}. Means, "
        f"{captions.counts(table['n'], 'cell')}; darker is wider, on one scale for all data sets."
        f"{captions.held(facets)}{captions.failures(table, 'they have no gap')}",
        alt=f"Heat maps of the generalization gap. {extremes(table, pair)}",
    )


def maps(
    evidence: Evidence,
    table: pd.DataFrame,
    pair: tuple[str, str],
    colours: str,
    written: Callable[[float], str],
) -> tuple[Figure, list[Panel]]:
    """A map of `mean` for each data set; the first factor of the pair across, the second upwards.

    Args:
        evidence: what the table was made of.
        table: a row for each data set and cell.
        pair: the two factors.
        colours: name of a colour map, which all data sets share.
        written: a cell's value as text.
    """
    grid = table.pivot_table(index=pair[1], columns=pair[0], values="mean").iloc[::-1]
    figure, drawn = panels(
        [{}], keys(evidence, table, "dataset"), 0.7 + 0.34 * len(grid), "none", "none"
    )
    shades = ScalarMappable(Normalize(table["mean"].min(), table["mean"].max()), colours)
    for panel in drawn:
        cells = only(table, panel.key).pivot(index=pair[1], columns=pair[0], values="mean")
        _draw_map(panel.axes, cells.reindex_like(grid), pair, shades, written)
    outer_labels_only(drawn)
    labels(figure, factor_name(pair[0]), factor_name(pair[1]))
    return figure, drawn


def _draw_map(
    axes: Axes,
    values: pd.DataFrame,
    pair: tuple[str, str],
    shades: ScalarMappable,
    written: Callable[[float], str],
) -> None:
    across, up = (
        [level_name(factor, plain_level(level)) for level in levels]
        for factor, levels in zip(pair, (values.columns, values.index), strict=True)
    )
    axes.set_facecolor(GRID)
    sns.heatmap(
        values,
        ax=axes,
        annot=values.map(lambda value: "" if np.isnan(value) else written(value)),
        fmt="",
        cmap=shades.cmap,
        norm=shades.norm,
        vmin=shades.norm.vmin,
        vmax=shades.norm.vmax,
        cbar=False,
        linewidths=1.2,
        annot_kws={"fontsize": 7.5},
        xticklabels=across,
        yticklabels=up,
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, rotation=0)
    axes.grid(False)


def extremes(table: pd.DataFrame, pair: tuple[str, str]) -> str:
    """Least and largest of each data set in words."""
    parts = []
    for dataset, rows in table.groupby("dataset", sort=False):
        ends = rows.sort_values("mean", kind="stable").iloc[[0, -1]].to_dict("records")
        words = [
            f"{end['mean']:.3g} at "
            + ", ".join(f"{factor_name(f)} {level_name(f, plain_level(end[f]))}" for f in pair)
            for end in ends
        ]
        parts.append(f"{level_name('dataset', str(dataset))}: {words[0]} to {words[1]}")
    return f"{'; '.join(parts)}."
