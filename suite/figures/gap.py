"""Figures of overfitting: generalization gap and test loss."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.experiment import Level
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine
from suite.figures.grid import Key, Look, Panel, keys, labels, legend, looks, panels
from suite.figures.marks import draw_failures, draw_line, failure_entry
from suite.figures.measurements import levels_in, means, networks, only
from suite.figures.theme import FAINT, doubling_axis, log_axis, styled
from suite.figures.words import described, factor_name, level_name
from suite.results import Evidence

# What is drawn: column of the measurements, and what readers call it.
QUANTITIES = {"generalization_gap": "generalization gap", "test_loss": "test loss"}
_REGULARIZER = ("regularizer", "regularizers")


@styled()
def gap_by_width(evidence: Evidence) -> Drawing:
    """Generalization gap and test loss against the units per layer."""
    return _gap_along(evidence, "width", "Does more capacity widen the gap?")


@styled()
def gap_by_samples(evidence: Evidence) -> Drawing:
    """Generalization gap and test loss against the number of training samples."""
    return _gap_along(evidence, "samples", "Does more data close the gap?")


def _gap_along(evidence: Evidence, factor: str, title: str) -> Drawing:
    frame = networks(evidence)
    frame = frame.assign(samples=frame["used_samples"]) if factor == "samples" else frame
    if factor not in evidence.experiment.at(evidence.profile).factors():
        raise NothingToDraw(f"the experiment does not vary the {factor_name(factor)}")
    facets = choose(evidence, frame, but=(factor,), column=False)
    frame = confine(frame, facets)
    table = _quantities(frame, [*facets.columns, factor])
    rows: list[Key] = [{"quantity": name} for name in QUANTITIES.values()]
    figure, drawn = panels(rows, keys(evidence, table, "dataset"))
    shown = looks(evidence, table, facets.colour)
    for panel in drawn:
        _draw_panel(panel, table, factor, facets.colour, shown)
    doubling_axis(drawn[0].axes, sorted(table[factor].unique()))
    legend(figure, facets.colour, shown, failure_entry(table))
    labels(figure, factor_name(factor), "")
    return Drawing(
        title=title,
        figure=figure,
        table=table,
        caption=f"{_definition(evidence)} Means, {captions.counts(table['n'])}; {captions.BANDS}."
        f"{captions.held(facets)}{captions.failures(frame.assign(n=1))}",
        alt=_alt(table, factor, facets.colour),
    )


def _quantities(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Means of every quantity, one below the other."""
    tables = [means(frame, by, column).assign(quantity=name) for column, name in QUANTITIES.items()]
    return pd.concat(tables, ignore_index=True)


def _draw_panel(
    panel: Panel, table: pd.DataFrame, x: str, colour: str | None, shown: Sequence[Look]
) -> None:
    here = only(table, panel.key)
    for look in shown:
        rows = here[here[colour] == look.level] if colour else here
        draw_line(panel.axes, rows[x], rows, look.colour, look.marker)
    _finish(panel.axes, str(panel.key["quantity"]), "y")


def _finish(axes: Axes, quantity: str, which: str) -> None:
    """A zero line under gaps; a logarithmic axis for losses."""
    if quantity == QUANTITIES["test_loss"]:
        log_axis(axes, "y" if which == "y" else "x", ticks=5)
    elif which == "y":
        axes.axhline(0, color=FAINT, linewidth=0.9, zorder=1.8)
    else:
        axes.axvline(0, color=FAINT, linewidth=0.9, zorder=1.8)


def _definition(evidence: Evidence) -> str:
    """What the gap is, and whether the training labels are noisy."""
    noise = evidence.experiment.at(evidence.profile).hold.get("label_noise", (0.0,))[0]
    text = "The gap is training less test accuracy (for regression, test less training loss)."
    if isinstance(noise, int | float) and noise > 0:
        return f"{text} {level_name('label_noise', noise)} of the training labels are noise."
    return text


def _alt(table: pd.DataFrame, x: str, colour: str | None) -> str:
    sentences = [
        f"{name} against {factor_name(x)}: {captions.ends(rows, x, 'mean', colour)}"
        for name, rows in table.groupby("quantity", sort=False)
    ]
    return "Line charts. " + " ".join(sentences)


@styled()
def gap_by_regularizer(evidence: Evidence) -> Drawing:
    """Generalization gap and test loss of each regularizer, one point per data set."""
    factors = evidence.experiment.at(evidence.profile).factors()
    factor = next((name for name in _REGULARIZER if name in factors), None)
    if factor is None:
        raise NothingToDraw("the experiment varies no regularizer")
    frame = networks(evidence)
    facets = choose(evidence, frame, but=(factor,), colour=False, column=False)
    frame = confine(frame, facets)
    table = _quantities(frame, ["dataset", factor])
    figure = _draw_dots(evidence, table, factor)
    return Drawing(
        title="Which regularizer closes the gap, and at what price?",
        figure=figure,
        table=table,
        caption=f"{_definition(evidence)} Means, {captions.counts(table['n'])}; "
        f"{captions.WHISKERS}; dotted lines: without a regularizer. A smaller gap with a larger "
        f"test loss is underfitting.{captions.held(facets)}{captions.failures(frame.assign(n=1))}",
        alt=_dots_in_words(table, factor),
    )


def _draw_dots(evidence: Evidence, table: pd.DataFrame, factor: str) -> Figure:
    """A row for each regularizer, in the experiment's order from the top; a panel per quantity."""
    levels = levels_in(evidence, table, factor)
    shown = looks(evidence, table, "dataset")
    height = 0.6 + 0.13 * len(levels) * (1 + len(shown))
    columns: list[Key] = [{"quantity": name} for name in QUANTITIES.values()]
    figure, drawn = panels([{}], columns, height=height, share="row", share_x="none")
    for panel in drawn:
        here = only(table, panel.key)
        for rank, look in enumerate(shown):
            rows = here[here["dataset"] == look.level]
            _draw_dataset(panel.axes, rows, factor, levels, look, _offset(rank, len(shown)))
        _finish(panel.axes, str(panel.key["quantity"]), "x")
    names = [level_name(factor, level) for level in levels]
    drawn[0].axes.set_yticks(range(len(levels)), names)
    drawn[0].axes.set_ylim(len(levels) - 0.5, -0.5)
    legend(figure, "dataset", shown, failure_entry(table))
    labels(figure, "mean over splits", "")
    return figure


def _offset(rank: int, count: int) -> float:
    return 0.6 * ((rank + 0.5) / count - 0.5)


def _draw_dataset(
    axes: Axes,
    rows: pd.DataFrame,
    factor: str,
    levels: Sequence[Level],
    look: Look,
    offset: float,
) -> None:
    """One data set's points with whiskers, and a dotted line at its score without a regularizer."""
    y = rows[factor].map({level: place + offset for place, level in enumerate(levels)})
    axes.errorbar(
        rows["mean"],
        y,
        xerr=rows["high"] - rows["mean"],
        color=look.colour,
        fmt=look.marker,
        elinewidth=1.2,
    )
    draw_failures(axes, rows["mean"], y, rows["failed"])
    for value in rows.loc[rows[factor] == "none", "mean"]:
        axes.axvline(value, color=look.colour, linewidth=0.9, linestyle=":", zorder=1.8)


def _dots_in_words(table: pd.DataFrame, factor: str) -> str:
    rows = table[table["quantity"] == QUANTITIES["test_loss"]]
    best = rows.loc[rows.groupby("dataset", sort=False)["mean"].idxmin()]
    words = [
        f"{level_name('dataset', row['dataset'])} with {described(factor, row[factor])}, "
        f"{row['mean']:.3g}"
        for row in best.to_dict("records")
    ]
    return f"Dot plots of gap and test loss by regularizer. Lowest test loss: {'; '.join(words)}."
