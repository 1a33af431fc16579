"""Figure of how candidates fall away from rung to rung."""

import pandas as pd
from matplotlib.axes import Axes

from suite.fairness.searches import CANDIDATE, SEARCH, chosen
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.searching import counted_searches, metric_name, searches
from suite.figures.theme import log_axis, styled
from suite.results import Evidence

_WIDE = 4.0


@styled()
def rungs(evidence: Evidence) -> Drawing:
    """Validation score of each candidate at the end of each rung, in the first search of each."""
    found = searches(evidence)
    climbed = found.groupby(SEARCH, sort=False)["rung"].transform("max") > 0
    if not climbed.any():
        raise NothingToDraw("the experiment tunes without rungs")
    found = found[climbed]
    facets = choose(evidence, found)
    found = confine(found, facets)
    table = _climbs(found[(found["split"] == 0) & (found["repeat"] == 0)], facets)
    best = entry("chosen", marker="o", linewidth=2.2)
    figure, drawn = facetted(evidence, table, facets, _draw_climbs, share="none", marks=[best])
    stops = sorted(table["epoch"].unique())
    for panel in drawn:
        if table["value"].min() > 0 and table["value"].max() / table["value"].min() > _WIDE:
            log_axis(panel.axes, "y", ticks=5)
        log_axis(panel.axes, "x")
        panel.axes.set_xticks(stops, [f"{stop:g}" for stop in stops])
    labels(figure, "epoch", metric_name(evidence))
    return Drawing(
        title="How do candidates fall away?",
        figure=figure,
        table=table,
        caption=_caption(table, facets),
        alt=f"Line chart of {metric_name(evidence)} against the epoch, one line for each "
        f"candidate. {_fallen(table)}",
    )


def _climbs(rows: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """One row for each candidate and rung, and whether the candidate was chosen."""
    best = chosen(rows)[CANDIDATE].assign(chosen=True)
    rows = rows.merge(best, on=CANDIDATE, how="left")
    table = rows.assign(
        chosen=rows["chosen"].eq(True),
        candidate=rows["number"],
        epoch=(rows["fraction"] * rows["epochs"]).round().astype(int),
    )
    table = table.rename(columns={"networks": "n"})
    kept = [*facets.columns, "candidate", "epoch", "value", "chosen", "n"]
    return table[kept].dropna(subset="value").reset_index(drop=True)


def _draw_climbs(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    for candidate, climb in rows.groupby("candidate"):
        strong = bool(climb["chosen"].any())
        axes.plot(
            climb["epoch"],
            climb["value"],
            color=look.colour,
            alpha=1.0 if strong else 0.4,
            linewidth=2.2 if strong else 0.9,
            marker="o" if strong else ".",
            zorder=3 if strong else 2,
            label=str(candidate),
        )


def _at_each(table: pd.DataFrame) -> str:
    """'40 at epoch 1, 13 at 3 and …' over all panels and lines."""
    return ", ".join(
        f"{count} at {epoch}" for epoch, count in table.groupby("epoch").size().items()
    )


def _fallen(table: pd.DataFrame) -> str:
    return f"Candidates that finished a rung, by its last epoch: {_at_each(table)}."


def _caption(table: pd.DataFrame, facets: Facets) -> str:
    searched = counted_searches(table.groupby(facets.columns).ngroups)
    return (
        "Each candidate's score at the end of each rung that it reached, in the first of the "
        f"searches of each contender ({searched}, split 0), {captions.counts(table['n'])}; the "
        "thick line was chosen. "
        f"{_fallen(table)}{captions.held(facets)}"
    )
