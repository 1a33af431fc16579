"""Figure of accuracies as training goes on: what is fitted, and what of it holds elsewhere."""

import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.measurements import chance, means, networks, only
from suite.figures.theme import FAINT, styled, whole_numbers
from suite.results import Evidence

_VALIDATION = (0, (3, 2))


@styled()
def accuracy_over_training(evidence: Evidence) -> Drawing:
    """Training and validation accuracy against the epoch, for every contender."""
    frame = networks(evidence)
    facets = choose(evidence, frame)
    table = _scores(evidence, confine(frame, facets), facets)
    parts = [entry("training"), entry("validation", linestyle=_VALIDATION)]
    figure, drawn = facetted(evidence, table, facets, _draw, share="row", marks=parts)
    for panel in drawn:
        here = only(table, panel.key)
        if len(here):
            guess = chance(str(here["dataset"].iloc[0]))
            panel.axes.axhline(guess, color=FAINT, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1.8)
    whole_numbers(drawn[0].axes, "x", ticks=5)
    labels(figure, "epoch", "accuracy (R² for regression)")
    ends = table[table["epoch"] == table.groupby("dataset")["epoch"].transform("max")]
    return Drawing(
        title="What is fitted, and what of it holds on other data?",
        figure=figure,
        table=table,
        caption="Accuracy (R² for regression) on training data and, dashed, on validation data as "
        f"training goes on. Means, {captions.counts(table['n'], 'line')}; {captions.BANDS}. "
        f"Dotted: chance.{captions.held(facets)}",
        alt=f"Line charts of accuracy against the epoch. {_ends(ends, facets)}",
    )


def _scores(evidence: Evidence, frame: pd.DataFrame, facets: Facets) -> pd.DataFrame:
    """Mean accuracy or R² per part and epoch, of networks that trained to the end."""
    histories = evidence.histories
    rows = histories[histories["metric"].isin(["accuracy", "r2"])]
    rows = rows.rename(columns={"split": "part"}).replace({"part": {"train": "training"}})
    trained = frame[~frame["failed"]].merge(
        rows[["trial_id", "epoch", "part", "value"]], on="trial_id"
    )
    if trained.empty:
        raise NothingToDraw("no network that trained to the end has accuracy curves")
    table = means(trained, [*facets.columns, "part", "epoch"], "value")
    return table.drop(columns="failed")


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    for part, line in rows.groupby("part"):
        style = _VALIDATION if part == "validation" else "-"
        axes.fill_between(
            line["epoch"], line["low"], line["high"].clip(upper=1), color=look.colour, alpha=0.14,
            linewidth=0,
        )  # fmt: skip
        axes.plot(line["epoch"], line["mean"], color=look.colour, linestyle=style)


def _ends(rows: pd.DataFrame, facets: Facets) -> str:
    by = ["part", *([facets.colour] if facets.colour else [])]
    words = []
    for levels, own in rows.groupby(by, sort=True):
        name = ", ".join(captions.level_words(by, levels))
        words.append(f"{name}: {own['mean'].min():.2f} to {own['mean'].max():.2f}")
    return f"At the end, over panels, {'; '.join(words)}."
