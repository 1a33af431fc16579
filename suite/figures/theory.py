"""Figure of closed forms: what networks measured against what theory predicts of their recipe."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.grid import Key, labels, legend, panels
from suite.figures.marks import entry
from suite.figures.measurements import networks, only
from suite.figures.palette import BLUE
from suite.figures.theme import FAINT, styled
from suite.predictions import TheorySummary, theory_rows, theory_summary
from suite.results import Evidence


@styled()
def measured_against_theory(evidence: Evidence) -> Drawing:
    """Every closed form that the experiment's networks measured, one point a recipe."""
    networks(evidence)
    rows = theory_rows([evidence])
    if not rows:
        raise NothingToDraw("no closed form speaks of what these networks measured")
    table = pd.DataFrame([asdict(row) for row in rows]).drop(columns="experiment")
    keys: list[Key] = [{"curve": curve} for curve in table["curve"].unique()]
    figure, drawn = panels([{}], keys, height=2.5, share="none", share_x="none")
    for panel in drawn:
        _draw(panel.axes, only(table, panel.key))
    same = entry("measured as predicted", linestyle=(0, (4, 3)))
    legend(figure, None, [], [entry("recipe", color=BLUE, marker="o", linestyle="none"), same])
    labels(figure, "predicted", "measured")
    return Drawing(
        title="Is it as theory says?",
        figure=figure,
        table=table,
        caption="What networks measured against what a closed form predicts of their recipe, a "
        f"point for each recipe, {captions.counts(table['n'], 'point')}; whiskers: standard "
        "deviation of the deviation between networks.",
        alt=_in_words(theory_summary(rows)),
    )


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    ends = rows[["measured", "predicted"]].to_numpy(np.float64)
    spare = 0.06 * (ends.max() - ends.min() or 1.0)
    line = (float(ends.min() - spare), float(ends.max() + spare))
    axes.plot(line, line, color=FAINT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.8)
    axes.errorbar(
        rows["predicted"],
        rows["measured"],
        yerr=rows["scatter"].astype(np.float64),
        color=BLUE,
        fmt="o",
        elinewidth=1,
        alpha=0.7,
    )
    axes.set_xlim(line)
    axes.set_ylim(line)


def _in_words(summaries: Sequence[TheorySummary]) -> str:
    words = [
        f"{each.curve}: {each.recipes} recipes, mean deviation {each.mean:.2g}, largest "
        f"{each.largest:.2g}, of {each.where}"
        for each in summaries
    ]
    return f"Scatter plots of measured against predicted values. {'; '.join(words)}."
