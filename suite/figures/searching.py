"""Figures of how tuning went: each candidate's score, and the best so far against the budget."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.fairness.searches import CANDIDATE, SEARCH, furthest, steps, tuned
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.measurements import FEWEST, geometric_means, means
from suite.figures.theme import log_axis, styled, whole_numbers
from suite.figures.words import counted
from suite.results import Evidence
from suite.trial import OPTIONAL

# Places at which budgets are compared where searches have too many of their own.
_MOST_PLACES = 24
_QUARTILES = {"low": 0.25, "middle": 0.5, "high": 0.75}
# Losses that span more than so much are drawn in logarithms.
_WIDE = 4.0


def searches(evidence: Evidence) -> pd.DataFrame:
    """The steps of all searches, with levels as figures have them.

    Raises:
        NothingToDraw: nothing was tuned yet.
    """
    found = steps(evidence)
    if found.empty:
        raise NothingToDraw("no tuning trial of this experiment has been trained")
    words = {f: found[f].astype(object) for f in OPTIONAL if f in found and f != "stop_epoch"}
    return found.assign(
        **{name: values.where(values.notna(), OPTIONAL[name]) for name, values in words.items()},
        failed=False,
        unit=found["split"],
    )


def metric_name(evidence: Evidence) -> str:
    """'validation loss' or 'validation accuracy'."""
    tune = tuned(evidence)
    assert tune is not None
    return tune.metric.replace("_", " ")


def counted_searches(count: int) -> str:
    """'1 search', '24 searches'."""
    return f"{count} search" if count == 1 else f"{count} searches"


@styled()
def optimization_history(evidence: Evidence) -> Drawing:
    """Each candidate's validation score in the order of their numbers, and the best so far."""
    found = searches(evidence)
    facets = choose(evidence, found)
    found = confine(found, facets)
    table = _history(found, facets)
    figure, drawn = facetted(
        evidence,
        table,
        facets,
        _draw_history,
        share="none",
        marks=[
            entry("candidate", linestyle="none", marker="."),
            entry("best so far", marker=""),
        ],
    )
    name = metric_name(evidence)
    for panel in drawn:
        _suit(panel.axes, table["middle"])
        whole_numbers(panel.axes, "x", ticks=5)
    labels(figure, "candidate", name)
    return Drawing(
        title="How did the search for a recipe go?",
        figure=figure,
        table=table,
        caption=_history_caption(found, table, name, facets),
        alt=f"Line chart of the best {name} so far against the candidate's number. "
        f"{captions.ends(_first_and_last(table, facets), 'candidate', 'best', facets.colour)}",
    )


def _history(found: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """Quartiles over searches of each number's score, and of the best among those up to it."""
    ends = furthest(found).sort_values(CANDIDATE, kind="stable")
    by = [*facets.columns, "number"]
    best = _quartiles(_carried_on(ends, facets), by, "best_so_far").drop(columns="n")
    best = best.rename(columns={"low": "best_low", "middle": "best", "high": "best_high"})
    own = _quartiles(ends, by, "value")
    table = best.merge(own, on=by, how="left").rename(columns={"number": "candidate"})
    return table.assign(n=table["n"].fillna(0).astype(int))


def _carried_on(ends: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """The best up to each number; where another split's search went on, that stays the last."""
    table = ends.assign(best_so_far=_standing(ends)).pivot(
        index=list(dict.fromkeys([*SEARCH, *facets.columns])),
        columns="number",
        values="best_so_far",
    )
    carried = pd.DataFrame(table.ffill(axis="columns").stack(), columns=["best_so_far"])
    most = ends.groupby(facets.columns)["number"].max().rename("most").reset_index()
    carried = carried.reset_index().merge(most, on=facets.columns)
    return carried[carried["number"] <= carried["most"]]


def _standing(ends: pd.DataFrame) -> pd.Series:
    """Value of the best of the candidates up to each, those who came further before others."""
    ranked = ends.sort_values(["rung", "score", "number"], ascending=[False, True, True])
    places = pd.Series(np.arange(len(ends)), index=ranked.index).reindex(ends.index)
    best = places.groupby([ends[name] for name in SEARCH], sort=False).cummin()
    return pd.Series(ranked["value"].to_numpy()[best.to_numpy()], index=ends.index)


def _quartiles(rows: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    measured = rows.dropna(subset=value)
    if measured.empty:
        raise NothingToDraw("no candidate of any search could be trained")
    groups = measured.groupby(list(by), sort=True)[value]
    table = pd.DataFrame({name: groups.quantile(q) for name, q in _QUARTILES.items()})
    return table.assign(n=groups.size()).reset_index()


def _draw_history(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    number = rows["candidate"]
    axes.plot(number, rows["middle"], color=look.colour, linestyle="none", marker=".", alpha=0.55)
    _draw_band(axes, number, rows["best_low"], rows["best_high"], look)
    axes.plot(number, rows["best"], color=look.colour, drawstyle="steps-post")


def _draw_band(axes: Axes, x: pd.Series, low: pd.Series, high: pd.Series, look: Look) -> None:
    axes.fill_between(x, low, high, step="post", color=look.colour, alpha=0.16, linewidth=0)


def _suit(axes: Axes, values: pd.Series) -> None:
    """Scores over powers of ten on a logarithmic axis."""
    if values.min() > 0 and values.max() / values.min() > _WIDE:
        log_axis(axes, "y", ticks=5)


def between(counts: pd.Series) -> str:
    """'6', '2 to 6'."""
    low, high = int(counts.min()), int(counts.max())
    return f"{high}" if low == high else f"{low} to {high}"


def _history_caption(found: pd.DataFrame, table: pd.DataFrame, name: str, facets: Facets) -> str:
    searched = counted_searches(found.groupby(SEARCH).ngroups)
    dots = table.loc[table["n"] > 0, "n"]
    lost = furthest(found)["value"].isna()
    failed = f" {lost.sum()} of {len(lost)} candidates have no score." if lost.any() else ""
    rungs = " Each candidate has the score of the last rung that it reached." * bool(
        found["rung"].any()
    )
    return (
        f"{name[0].upper()}{name[1:]} of each candidate (dots) and of the best so far (line), "
        f"medians of {searched} in all, n = {between(dots)} searches a dot; bands reach from "
        f"the lower to the upper quartile of the best.{rungs}{captions.held(facets)}{failed}"
    )


def _first_and_last(table: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """The rows at each line's ends, under the first and the last number of all."""
    by = [facets.colour] if facets.colour else ["dataset"]
    groups = table.sort_values("candidate", kind="stable").groupby([*by, "dataset"], sort=False)
    low, high = table["candidate"].min(), table["candidate"].max()
    first, last = groups.head(1), groups.tail(1)
    return pd.concat([first.assign(candidate=low), last.assign(candidate=high)])


@styled()
def budget_curves(evidence: Evidence) -> Drawing:
    """Score of what would have been chosen against the share of the budget spent until then."""
    found = searches(evidence)
    facets = choose(evidence, found)
    found = confine(found, facets)
    name = metric_name(evidence)
    positive = bool((found["best_value"].dropna() > 0).all())
    average = geometric_means if positive and "loss" in name else means
    table = _curves(found, facets, average is geometric_means)
    figure, drawn = facetted(evidence, table, facets, _draw_curve, share="none")
    for panel in drawn:
        _suit(panel.axes, table["mean"])
        panel.axes.set_xlim(0, 1)
        panel.axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    labels(figure, "budget spent", f"best {name} so far")
    mean = "geometric mean" if average is geometric_means else "mean"
    return Drawing(
        title="Was the budget for tuning large enough?",
        figure=figure,
        table=table,
        caption=_curve_caption(table, found, name, mean, facets),
        alt=f"Line chart of the best {name} so far against the share of the budget spent. "
        f"{captions.ends(_ends(table, facets), 'share', 'mean', facets.colour)}",
    )


def _curves(found: pd.DataFrame, facets: Facets, geometric: bool) -> pd.DataFrame:
    standing = pd.concat([_at(found, share) for share in _places(found)], ignore_index=True)
    average = geometric_means if geometric else means
    by = [*facets.columns, "share"]
    table = average(standing, by, "best_value").drop(columns="failed")
    spent = standing.groupby(by, sort=True)["spent_epochs"].mean().reset_index()
    return table.merge(spent, on=by)


def _places(found: pd.DataFrame) -> list[float]:
    shares = sorted(set(found["share"]))
    if len(shares) <= _MOST_PLACES:
        return shares
    return [place / _MOST_PLACES for place in range(1, _MOST_PLACES + 1)]


def _at(found: pd.DataFrame, share: float) -> pd.DataFrame:
    """Each search's last step within a share of its budget."""
    last = found[found["share"] <= share].drop_duplicates(SEARCH, keep="last")
    epochs = last["trainings"] * last["epochs"].astype(np.float64) * last["networks"]
    # Of models without epochs none are spent.
    spent = epochs.where(last["network_epochs"].notna())
    return last.assign(share=share, spent_epochs=spent)


def _draw_curve(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    share = rows["share"]
    _draw_band(axes, share, rows["low"], rows["high"], look)
    axes.plot(share, rows["mean"], color=look.colour, drawstyle="steps-post")
    axes.plot(share.iloc[-1:], rows["mean"].iloc[-1:], color=look.colour, marker=look.marker)


def _ends(table: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    return _first_and_last(table.assign(candidate=table["share"]), facets).assign(
        share=lambda rows: rows["candidate"]
    )


def _curve_caption(
    table: pd.DataFrame, found: pd.DataFrame, name: str, mean: str, facets: Facets
) -> str:
    whole = found["share"].max() and (found["trainings"] / found["share"]).max()
    rungs = ""
    if found["rung"].any():
        rungs = (
            " A candidate that goes on to a longer rung takes the place of those that have not, "
            "also where its score is worse."
        )
    intervals = captions.BANDS if table["low"].notna().any() else f"no bands below {FEWEST} splits"
    return (
        f"{name[0].upper()}{name[1:]} of the candidate that would be chosen if the search ended "
        f"there, {mean}, n = {between(table['n'])} searches a point; {intervals}. The whole "
        f"budget is {counted(round(whole), 'training')} to the last epoch.{rungs}"
        f"{captions.held(facets)}"
    )
