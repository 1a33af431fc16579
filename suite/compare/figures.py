"""Figures of a comparison: the ranking, what rows bring, and what scores cost."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.compare.growth import Growth
from suite.compare.plan import DUMMY, FACTOR
from suite.compare.scores import Measured
from suite.compare.sentences import METRIC_NAMES, NAMES
from suite.compare.verdict import Place, Verdict
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.palette import colours
from suite.figures.theme import DPI, FAINT, MARKERS, WIDTH, doubling_axis, log_axis, styled
from suite.figures.words import counted

_FAINT_DOTS: dict[str, Any] = {
    "alpha": 0.35,
    "markersize": 3.5,
    "markeredgewidth": 0,
    "linestyle": "none",
}
_INTERVALS = "are 95 % intervals of the mean over splits (Student)"


def _look(names: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and mark of each contender."""
    shades = colours(FACTOR, names)
    return {n: (shades[n], MARKERS[i % len(MARKERS)]) for i, n in enumerate(names)}


@styled()
def ranking(verdict: Verdict, measured: Measured) -> Drawing:
    """Mean scores with intervals, best first, over the scores of every split."""
    places = [place for place in verdict.places if place.mean is not None]
    looks = _look(list(map(str, measured.scores)))
    height = 0.7 + 0.36 * len(places)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    for row, place in enumerate(places):
        _draw_place(axes, row, place, measured.scores[place.name], looks[place.name])
    axes.set_yticks(range(len(places)), [NAMES[place.name] for place in places])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.grid(axis="y", visible=False)
    metric = METRIC_NAMES[verdict.metric]
    axes.set_xlabel(f"test {metric}")
    _confine(axes, verdict, measured)
    return Drawing(
        title="Who does best?",
        figure=figure,
        table=_ranking_table(places, measured),
        caption=f"Test {metric}: faint dots are splits (n = {verdict.splits}, one test fold each), "
        f"large marks their means; lines {_INTERVALS}. Contenders met the same splits, so their "
        f"differences are known better than their means.{_left_out(verdict)}",
        alt=f"Points. Mean test {metric}: "
        + ", ".join(f"{NAMES[p.name]} {p.mean:.3f}" for p in places)
        + ".",
    )


def _draw_place(
    axes: Axes, row: int, place: Place, scores: pd.Series, look: tuple[str, str]
) -> None:
    colour, marker = look
    axes.plot(scores, [row + 0.22] * len(scores), marker="o", color=colour, **_FAINT_DOTS)
    if place.interval is not None:
        axes.plot(place.interval, [row, row], color=colour, linewidth=2.2, solid_capstyle="round")
    assert place.mean is not None
    axes.plot([place.mean], [row], color=colour, marker=marker, markersize=7)


def _confine(axes: Axes, verdict: Verdict, measured: Measured) -> None:
    """Leave room for contenders rather than for the guess, where that is far below them."""
    rest = [n for n in measured.complete if n != DUMMY]
    scores = measured.scores[rest]
    ends = [end for p in verdict.places if p.name in rest for end in p.interval or ()]
    low, high = min([scores.min().min(), *ends]), max([scores.max().max(), *ends])
    spare = 0.06 * ((high - low) or 1.0)
    guess = float(measured.scores[DUMMY].mean())
    if low - guess > 1.5 * (high - low):
        axes.set_xlim(low - spare, high + spare)
        words = f"guessing: {guess:.3f}, left of here"
        row = [p.name for p in verdict.places if p.mean is not None].index(DUMMY)
        axes.annotate(
            f"← {words}",
            (0, row),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=FAINT,
            fontsize=8,
        )


def _ranking_table(places: list[Place], measured: Measured) -> pd.DataFrame:
    rows = [
        {
            FACTOR: place.name,
            "mean": place.mean,
            "low": place.interval[0] if place.interval else None,
            "high": place.interval[1] if place.interval else None,
            **{f"split_{split}": value for split, value in measured.scores[place.name].items()},
        }
        for place in places
    ]
    return pd.DataFrame(rows)


def _left_out(verdict: Verdict) -> str:
    missing = [NAMES[p.name] for p in verdict.places if p.mean is None]
    return f" Not shown: {', '.join(missing)}, without a score on every split." if missing else ""


@styled()
def learning_curve(growth: Growth | None, metric: str, splits: int) -> Drawing:
    """Mean score against training rows, a line for each contender.

    Raises:
        NothingToDraw: there were too few rows to train on a part of them.
    """
    if growth is None:
        raise NothingToDraw("there are too few rows to train on a part of them")
    table = growth.table
    names = [n for n in NAMES if n in set(table[FACTOR])]
    looks = _look(list(NAMES))
    figure = Figure(figsize=(WIDTH, 3.6), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    for name in names:
        rows = table[table[FACTOR] == name].sort_values("samples")
        colour, marker = looks[name]
        axes.fill_between(
            rows["samples"], rows["low"], rows["high"], color=colour, alpha=0.1, linewidth=0
        )
        axes.plot(rows["samples"], rows["mean"], color=colour, marker=marker, label=NAMES[name])
    # Of few splits on few rows, an interval may be wider than all that is worth seeing.
    low, high = float(table["mean"].min()), float(table["mean"].max())
    spare = 0.35 * ((high - low) or 1.0)
    axes.set_ylim(low - spare, high + spare)
    doubling_axis(axes, sorted(map(float, table["samples"].unique())))
    axes.set(xlabel="training rows", ylabel=f"test {METRIC_NAMES[metric]}")
    figure.legend(loc="outside upper left", ncols=3, handlelength=1.8, columnspacing=1.4)
    return Drawing(
        title="Would more rows help?",
        figure=figure,
        table=table,
        caption="Mean score of the chosen recipes, trained again on an eighth, a quarter and a "
        f"half of the training rows (n = {counted(splits, 'split')} a point); bands {_INTERVALS}, "
        "from three splits on. Recipes were chosen with all rows, so fewer rows might do better "
        "with their own.",
        alt="Line chart. " + " ".join(_spoken(table, name) for name in names),
    )


def _spoken(table: pd.DataFrame, name: str) -> str:
    rows = table[table[FACTOR] == name].sort_values("samples")
    first, last = rows.iloc[0], rows.iloc[-1]
    return (
        f"{NAMES[name]}: {first['mean']:.3f} with {first['samples']:.0f} rows, "
        f"{last['mean']:.3f} with {last['samples']:.0f}."
    )


@styled()
def cost(verdict: Verdict) -> Drawing:
    """Mean score against seconds of training."""
    places = [p for p in verdict.places if p.mean is not None and p.name != DUMMY]
    if not places:
        raise NothingToDraw("no contender has a score on every split")
    looks = _look(list(NAMES))
    figure = Figure(figsize=(WIDTH, 3.4), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    for place in places:
        _draw_cost(axes, place, looks[place.name])
    metric = METRIC_NAMES[verdict.metric]
    figure.legend(loc="outside upper left", ncols=3, columnspacing=1.4)
    axes.set(xlabel="seconds of training on one core, tuning included", ylabel=f"test {metric}")
    log_axis(axes, "x")
    return Drawing(
        title="What does a score cost?",
        figure=figure,
        table=pd.DataFrame(
            {
                FACTOR: [p.name for p in places],
                "mean": [p.mean for p in places],
                "seconds": [p.seconds for p in places],
                "final_seconds": [p.final_seconds for p in places],
                "parameters": [p.parameters for p in places],
            }
        ),
        caption=f"Mean test {metric} against the seconds that all of a contender's training took, "
        f"tuning included; whiskers {_INTERVALS}. Each had the same number of candidates. Networks "
        "train stacked, which is cheaper than one by one; times are of this machine.",
        alt="Scatter plot. "
        + " ".join(f"{NAMES[p.name]}: {p.mean:.3f} for {p.seconds:.3g} s." for p in places),
    )


def _draw_cost(axes: Axes, place: Place, look: tuple[str, str]) -> None:
    assert place.mean is not None
    colour, marker = look
    low, high = place.interval or (place.mean, place.mean)
    reach = [[place.mean - low], [high - place.mean]]
    axes.errorbar(
        [place.seconds],
        [place.mean],
        yerr=reach,
        color=colour,
        fmt=marker,
        elinewidth=1,
        label=NAMES[place.name],
    )
