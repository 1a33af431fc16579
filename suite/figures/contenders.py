"""Figure of what a claim measures, at each level of what the experiment compares."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.experiment import Level
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import Look, Share, facetted, labels
from suite.figures.marks import draw_failures, failure_entry
from suite.figures.measurements import levels_in, means, networks, plain_level
from suite.figures.theme import FAINT, styled
from suite.figures.words import described, factor_name, level_name, metric_words
from suite.metrics import METRICS
from suite.results import Evidence

# Of the row's height, what all marks of one level take.
_SPREAD = 0.6


@styled()
def metric_by_level(evidence: Evidence) -> Drawing:
    """What the first claim measures, at each level of the factor that it compares."""
    metric = headline_metric(evidence)
    factor = compared_factor(evidence)
    frame = with_metric(evidence, metric)
    facets = choose(evidence, frame, but=(factor,))
    frame = confine(frame, facets)
    table = means(frame, [*facets.columns, factor], "measured")
    levels = levels_in(evidence, table, factor)
    ranks = levels_in(evidence, table, facets.colour) if facets.colour else [None]
    height = 0.5 + 0.1 * len(levels) * (1 + len(ranks))
    draw = partial(_draw, factor, levels, ranks)
    marks = failure_entry(table)
    # Differences on one data set are small beside those between data sets.
    share_x: Share = "row" if facets.row else "none"
    figure, drawn = facetted(evidence, table, facets, draw, height, "all", marks, share_x)
    names = [level_name(factor, level) for level in levels]
    for panel in drawn:
        panel.axes.set_yticks(range(len(levels)), names)
        panel.axes.set_ylim(len(levels) - 0.5, -0.5)
        panel.axes.grid(visible=False, axis="y")
    labels(figure, metric_words(metric), "")
    return Drawing(
        title="How do the contenders compare?",
        figure=figure,
        table=table,
        caption=f"{_sentence(metric)}, by {factor_name(factor)}. Means, "
        f"{captions.counts(table['n'])}; {captions.WHISKERS}."
        f"{captions.held(facets)}{captions.failures(table)}",
        alt=_in_words(table, factor, metric),
    )


def headline_metric(evidence: Evidence) -> str:
    """What the first claim compares; the test score where the experiment claims nothing."""
    claims = evidence.experiment.claims.values()
    tests = [side for claim in claims for side in claim.tests()]
    return tests[0].metric if tests else "test_score"


def with_metric(evidence: Evidence, metric: str) -> pd.DataFrame:
    """`networks`, with the metric's values in `measured`.

    Raises:
        NothingToDraw: it was measured nowhere.
    """
    frame = networks(evidence)
    values = METRICS[metric].values(evidence)
    frame = frame.assign(measured=values.loc[frame.index])
    if frame["measured"].isna().all():
        raise NothingToDraw(f"no network has a measured {metric_words(metric)}")
    return frame


def compared_factor(evidence: Evidence) -> str:
    """The factor whose levels the first claim sets against each other, else the first by names."""
    several = varied(evidence)
    tests = [side for claim in evidence.experiment.claims.values() for side in claim.tests()]
    named = [factor for side in tests for factor in side.better or {} if factor in several]
    by_name = [factor for factor in several if factor in evidence.experiment.variants]
    found = [*named, *by_name, *several]
    if not found:
        raise NothingToDraw("the experiment compares no contenders")
    return found[0]


def _draw(
    factor: str,
    levels: Sequence[Level],
    ranks: Sequence[Level],
    axes: Axes,
    rows: pd.DataFrame,
    look: Look,
) -> None:
    """One colour's means with whiskers, a little above or below those of the others."""
    shift = _SPREAD * ((ranks.index(look.level) + 0.5) / len(ranks) - 0.5)
    y = rows[factor].map({level: place + shift for place, level in enumerate(levels)})
    reach = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
    axes.errorbar(
        rows["mean"], y, xerr=reach, color=look.colour, fmt=look.marker, elinewidth=1.2, zorder=3
    )
    draw_failures(axes, rows["mean"], y, rows["failed"])
    if axes.get_xlim()[0] < 0 < axes.get_xlim()[1]:
        axes.axvline(0, color=FAINT, linewidth=0.9, zorder=1.8)


def _sentence(metric: str) -> str:
    description = METRICS[metric].description
    return description[0].upper() + description[1:]


def _in_words(table: pd.DataFrame, factor: str, metric: str) -> str:
    parts = []
    for level, rows in table.groupby(factor, sort=False):
        low, high = np.nanmin(rows["mean"]), np.nanmax(rows["mean"])
        parts.append(f"{described(factor, plain_level(level))}: {low:.3g} to {high:.3g}")
    return f"Dot plot of {metric_words(metric)}. {'; '.join(parts)}."
