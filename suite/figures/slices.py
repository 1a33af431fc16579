"""Figure of slices of the loss around where training ended."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.measurements import geometric_means
from suite.figures.pictures import pictured
from suite.figures.theme import log_axis, plain, styled
from suite.pictures import STEPS
from suite.results import Evidence


@styled()
def loss_slices(evidence: Evidence) -> Drawing:
    """Training loss along a random direction through the trained weights, for every contender."""
    frame = pictured(evidence, "loss_slice")
    facets = choose(evidence, frame)
    frame = confine(frame, facets)
    frame = frame.assign(step=np.linspace(-1, 1, STEPS)[frame["place"]].round(6))
    table = geometric_means(frame, [*facets.columns, "step"], "value").drop(columns="failed")
    figure, drawn = facetted(evidence, table, facets, _draw_slice, share="row")
    for panel in drawn:
        panel.axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        panel.axes.xaxis.set_major_formatter(lambda value, _: plain(value))
        log_axis(panel.axes, "y", ticks=5)
    labels(figure, "step along the direction, in lengths of the weights", "training loss")
    return Drawing(
        title="How rugged is the loss around the trained network?",
        figure=figure,
        table=table,
        caption="Training loss along a random direction in which each unit's part is as long as "
        "its incoming weights (Li et al. 2018), a direction of its own for each network; 0 is the "
        f"trained network. Geometric mean, {captions.counts(table['n'])}; {captions.BANDS}, on the "
        f"logarithm.{captions.held(facets)}",
        alt="Line charts of training loss along a random direction from the trained weights. "
        f"{captions.ends(table[table['step'] >= 0], 'step', 'mean', facets.colour)}",
    )


def _draw_slice(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    axes.fill_between(
        rows["step"], rows["low"], rows["high"], color=look.colour, alpha=0.16, linewidth=0
    )
    axes.plot(
        rows["step"], rows["mean"], color=look.colour, marker=look.marker, markevery=5, markersize=4
    )
