"""Figure of which of the searched values decide the score."""

import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.experiment import Level
from suite.fairness.searches import SEARCH, searched_values, tuned
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, facetted, labels, looks
from suite.figures.measurements import means, plain_level
from suite.figures.searching import between, metric_name, searches
from suite.figures.theme import INK, styled
from suite.figures.words import described, searched_label
from suite.results import Evidence
from suite.tune import Range, Tune

# Candidates below which an analysis of variance says nothing.
FEWEST_CANDIDATES = 4
# Thickness of all bars of one row together; the rest of the row is free.
_ROW = 0.7


@styled()
def parameter_importances(evidence: Evidence) -> Drawing:
    """Share of each searched value in what sets the best candidates apart, for every contender."""
    found = searches(evidence)
    facets = choose(evidence, found)
    tune = tuned(evidence)
    assert tune is not None
    measured = _measured(confine(found, facets), tune, facets)
    table = means(measured, [*facets.columns, "searched"], "importance").drop(columns="failed")
    names = sorted(table["searched"].unique(), key=_order(tune))
    shown = looks(evidence, table, facets.colour)

    def draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
        _draw_bars(axes, rows, look, names, [each.level for each in shown])

    height = 0.55 + 0.14 * len(names) * (1 + len(shown))
    figure, drawn = facetted(evidence, table, facets, draw, height=height, share="all")
    for panel in drawn:
        panel.axes.set_yticks(range(len(names)), [searched_label(name) for name in names])
        panel.axes.set_ylim(len(names) - 0.5, -0.5)
        panel.axes.set_xlim(0, 1.02)
        panel.axes.grid(visible=False, axis="y")
    labels(figure, "importance", "")
    return Drawing(
        title="Which of the searched values matter?",
        figure=figure,
        table=table,
        caption=_caption(table, evidence, facets),
        alt=f"Bar chart of importances. {_sentences(table, facets)}",
    )


def _measured(found: pd.DataFrame, tune: Tune, facets: Facets) -> pd.DataFrame:
    """Importances of each search's values; the columns of `facets` and the unit stand beside."""
    rows = []
    for _, own in found[found["rung"] == 0].groupby(SEARCH, sort=False):
        first = {name: own[name].iloc[0] for name in (*facets.columns, "unit", "failed")}
        for name, importance in _importances(own, tune).items():
            rows.append({**first, "searched": name, "importance": importance})
    if not rows:
        raise NothingToDraw(
            f"only one thing is searched, or fewer than {FEWEST_CANDIDATES} candidates have a score"
        )
    return pd.DataFrame(rows)


def _importances(rows: pd.DataFrame, tune: Tune) -> Mapping[str, float]:
    """PED-ANOVA (Watanabe et al. 2023) of one search's candidates at their first rung.

    All candidates have that rung, so that none is compared at another length of training.
    """
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    trials = list(_trials(rows, tune))
    if len(trials) < FEWEST_CANDIDATES or len(trials[0].params) < 2:
        return {}
    study = optuna.create_study()
    study.add_trials(trials)
    with warnings.catch_warnings():
        # The evaluator is marked as one that may still change.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: share for name, share in found.items() if math.isfinite(share)}


def _trials(rows: pd.DataFrame, tune: Tune) -> Iterator[Any]:
    """Candidates with a score, as Optuna has them."""
    import optuna

    for row in rows[np.isfinite(rows["score"])].to_dict("records"):
        searched = list(searched_values(row, tune))
        yield optuna.trial.create_trial(
            params={name: value for name, _, value in searched},
            distributions={name: _distribution(found) for name, found, _ in searched},
            value=row["score"],
        )


def _distribution(searched: Range) -> Any:
    """A range as Optuna has it."""
    from optuna import distributions

    if searched.choice is not None:
        return distributions.CategoricalDistribution(searched.choice)
    low, high = searched.limits
    if "integer" in searched.kind:
        return distributions.IntDistribution(int(low), int(high), log=searched.is_log)
    return distributions.FloatDistribution(low, high, log=searched.is_log)


def _order(tune: Tune) -> Any:
    """Names in the order of the experiment's file; a model's own settings behind."""
    known = [*tune.space, *(f"regularizers.{name}" for name in tune.regularizers)]
    return lambda name: (known.index(name) if name in known else len(known), name)


def _draw_bars(
    axes: Axes, rows: pd.DataFrame, look: Look, names: list[str], levels: list[Level]
) -> None:
    """One bar for each name, those of several levels side by side."""
    thick = _ROW / len(levels)
    shift = (levels.index(look.level) - (len(levels) - 1) / 2) * thick
    places = rows["searched"].map(names.index) + shift
    axes.barh(places, rows["mean"], height=0.9 * thick, color=look.colour, zorder=2.1)
    reach = rows[["low", "high"]].clip(lower=0, upper=1)
    axes.hlines(places, reach["low"], reach["high"], color=INK, linewidth=0.9, zorder=2.2)


def _caption(table: pd.DataFrame, evidence: Evidence, facets: Facets) -> str:
    return (
        f"Importance of what is searched for the {metric_name(evidence)} of candidates (PED-ANOVA "
        "by Optuna: what sets the best quarter apart from all, at the end of the first rung), of "
        f"which the shares in one search sum to 1. Mean, n = {between(table['n'])} searches "
        f"a bar; {captions.WHISKERS}, "
        "cut off at 0 and 1."
        f"{captions.held(facets)}"
    )


def _sentences(table: pd.DataFrame, facets: Facets) -> str:
    by = [facets.colour] if facets.colour else ["dataset"]
    parts = []
    for (level,), rows in table.groupby(by, sort=False):
        shares = rows.groupby("searched", sort=False)["mean"].mean().sort_values(ascending=False)
        words = ", ".join(
            f"{searched_label(str(name))} {share:.2f}" for name, share in shares.items()
        )
        parts.append(f"{described(by[0], plain_level(level))}: {words}")
    return "; ".join(parts) + "."
