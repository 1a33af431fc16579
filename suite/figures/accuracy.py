"""Figures of test scores against depth, and against the number of training samples."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.contenders import with_metric
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, Panel, facetted, labels
from suite.figures.marks import cut_at_one, draw_line, failure_entry
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
def attribution_by_depth(evidence: Evidence) -> Drawing:
    """How well attributions find the relevant inputs, against the number of hidden layers."""
    frame = _of_several_depths(with_metric(evidence, "attribution_auc"))
    facets = choose(evidence, frame, but=("depth",))
    quantity = Quantity(
        "area under the ROC curve", "measured", lambda _: 0.5, "attributions (gradient × input)"
    )
    title = "Do deeper networks say less clearly what matters to them?"
    return _along(evidence, frame, facets, "depth", title, quantity)


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


@dataclass(frozen=True)
class Quantity:
    """What is drawn against a factor: its name, its column, a guess's value, whose it is."""

    name: str
    column: str
    chance: Callable[[str], float]
    of: str = ""


def _along(
    evidence: Evidence,
    frame: pd.DataFrame,
    facets: Facets,
    factor: str,
    title: str,
    quantity: Quantity | None = None,
) -> Drawing:
    drawn_of = quantity or Quantity(score_name(frame["dataset"].unique()), "score", chance)
    score = drawn_of.name
    table = means(confine(frame, facets), [*facets.columns, factor], drawn_of.column)
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
        _draw_chance(panel, table, drawn_of.chance)
        cut_at_one(panel.axes)
    labels(figure, factor_name(factor), score)
    name = f"{score} of {drawn_of.of}" if drawn_of.of else score
    return Drawing(
        title=title,
        figure=figure,
        table=table,
        caption=_caption(name, factor, table, facets),
        alt=f"Line chart of {score} against {factor_name(factor)}. "
        f"{captions.ends(table, factor, 'mean', facets.colour)}",
    )


def _draw_level(factor: str, axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    below_one = rows.assign(high=rows["high"].clip(upper=1))
    draw_line(axes, rows[factor], below_one, look.colour, look.marker)


def _draw_chance(panel: Panel, table: pd.DataFrame, chance: Callable[[str], float]) -> None:
    """The score of a guess, where a panel's scores come near it."""
    here = only(table, panel.key)
    guess = chance(str(here["dataset"].iloc[0])) if len(here) else -1.0
    if here["mean"].min() < guess + 0.1:
        panel.axes.axhline(guess, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.8)


def _caption(score: str, factor: str, table: pd.DataFrame, facets: Facets) -> str:
    return (
        f"Mean {score} by number of {factor_name(factor)}, {captions.counts(table['n'])}; "
        f"{captions.BANDS}, cut off at 1. Dashed: chance, where it is near."
        f"{captions.held(facets)}{captions.failures(table)}"
    )
