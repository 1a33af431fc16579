"""Figures of test scores against depth, and against the number of training samples."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, Panel, facetted, labels
from suite.figures.marks import draw_line, failure_entry
from suite.figures.measurements import chance, means, networks, only, score_name
from suite.figures.theme import FAINT, doubling_axis, styled
from suite.figures.words import factor_name
from suite.results import Evidence


@styled()
def accuracy_by_depth(evidence: Evidence) -> Drawing:
    """Test score against the number of hidden layers, for every contender."""
    frame = _of_several_depths(networks(evidence))
    facets = choose(evidence, frame, but=("depth",))
    return _along(evidence, frame, facets, "depth", "How deep can each contender go?")


@styled()
def accuracy_by_depth_at_equal_parameters(evidence: Evidence) -> Drawing:
    """Test score against depth while the number of parameters stays the same."""
    design = evidence.experiment.at(evidence.profile)
    if "parameters" not in {**design.vary, **design.hold}:
        raise NothingToDraw("the experiment sets no parameter budget")
    frame = _of_several_depths(networks(evidence))
    facets = choose(evidence, frame, but=("depth",), column=False)
    return _along(evidence, frame, facets, "depth", "Deeper or wider, at equal parameters?")


@styled()
def accuracy_by_samples(evidence: Evidence) -> Drawing:
    """Test score against the number of training samples, for every contender."""
    if "samples" not in evidence.experiment.at(evidence.profile).factors():
        raise NothingToDraw(f"the experiment does not vary the {factor_name('samples')}")
    frame = networks(evidence)
    frame = frame.assign(samples=frame["used_samples"])
    facets = choose(evidence, frame, but=("samples",))
    return _along(evidence, frame, facets, "samples", "How much data does each contender need?")


def _of_several_depths(frame: pd.DataFrame) -> pd.DataFrame:
    if frame["depth"].nunique() < 2:
        raise NothingToDraw("networks of one depth only have been trained")
    return frame


def _along(
    evidence: Evidence, frame: pd.DataFrame, facets: Facets, factor: str, title: str
) -> Drawing:
    table = means(confine(frame, facets), [*facets.columns, factor], "score")
    score = score_name(table["dataset"].unique())
    figure, drawn = facetted(
        evidence,
        table,
        facets,
        partial(_draw_level, factor),
        share="row" if facets.row else "none",
        marks=failure_entry(table),
    )
    doubling_axis(drawn[0].axes, sorted(table[factor].unique()))
    for panel in drawn:
        _draw_chance(panel, table)
        _cut_at_one(panel.axes)
    labels(figure, factor_name(factor), score)
    return Drawing(
        title=title,
        figure=figure,
        table=table,
        caption=_caption(score, factor, table, facets),
        alt=f"Line chart of {score} against {factor_name(factor)}. "
        f"{captions.ends(table, factor, 'mean', facets.colour)}",
    )


def _draw_level(factor: str, axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    draw_line(axes, rows[factor], rows, look.colour, look.marker)


def _draw_chance(panel: Panel, table: pd.DataFrame) -> None:
    """The score of a guess, where a panel's scores come near it."""
    here = only(table, panel.key)
    guess = chance(str(here["dataset"].iloc[0])) if len(here) else -1.0
    if here["mean"].min() < guess + 0.1:
        panel.axes.axhline(guess, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.8)


def _cut_at_one(axes: Axes) -> None:
    """No score lies above 1, though a band may reach there."""
    axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))


def _caption(score: str, factor: str, table: pd.DataFrame, facets: Facets) -> str:
    return (
        f"Mean {score} by number of {factor_name(factor)}, {captions.counts(table['n'])}; "
        f"{captions.BANDS}. Dashed: chance, where it is near."
        f"{captions.held(facets)}{captions.failures(table)}"
    )
