"""Figure of learning curves: error against samples, with fitted power laws and crossings."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import draw_failures, entry, failure_entry
from suite.figures.measurements import chance, means, networks, only, plain_level
from suite.figures.theme import FAINT, INK, doubling_axis, log_axis, plain, styled
from suite.figures.words import factor_name, level_name
from suite.results import Evidence
from suite.theory.learning_curves import fit_power_law

_FEWEST = 4  # numbers of samples for a fit of three parameters
_PLACES = 60  # along each fitted curve
_LAW = ("floor", "scale", "exponent", "exponent_low", "exponent_high")
_CROSSING: dict[str, Any] = {
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "linestyle": "none",
}


@styled()
def learning_curves(evidence: Evidence) -> Drawing:
    """Test error against training samples, with power laws and where one overtakes another."""
    if "samples" not in varied(evidence):
        raise NothingToDraw(f"the experiment does not vary the {factor_name('samples')}")
    frame = networks(evidence)
    frame = frame.assign(samples=frame["used_samples"], error=1 - frame["score"])
    facets = choose(evidence, frame, but=("samples",))
    frame = confine(frame, facets)
    table = means(frame, [*facets.columns, "samples"], "error")
    table = table.merge(_laws(frame, facets.columns), on=facets.columns)
    table = _with_crossings(table, facets.colour, facets.columns)
    law = [entry("power law")] if table["exponent"].notna().any() else []
    crossed = [entry("a new best", **_CROSSING)] if table["overtakes_at"].notna().any() else []
    marks = [*law, *crossed, *failure_entry(table)]
    figure, drawn = facetted(
        evidence, _visible(table, table), facets, _draw, share="none", marks=marks
    )
    for panel in drawn:
        here = _visible(only(table, panel.key), table)
        _mark_crossings(panel.axes, here)
        if len(here):
            guess = 1 - chance(str(here["dataset"].iloc[0]))
            panel.axes.axhline(guess, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.8)
        log_axis(panel.axes, "y", ticks=5)
    doubling_axis(drawn[0].axes, sorted(table["samples"].unique()))
    labels(figure, factor_name("samples"), "test error")
    return Drawing(
        title="How fast does each contender learn from data, and where do they cross?",
        figure=figure,
        table=table,
        caption=f"Mean test error, {captions.counts(table['n'])}; {captions.WHISKERS}. Lines are "
        "power laws, floor + scale · samples^(−exponent), fitted to all networks of a contender "
        "where it met four numbers of samples (without a floor where it met three), else straight "
        "between points. Circles: where "
        f"another contender becomes the best, between means. Dashed: chance.{_faultless(table)}"
        f"{captions.held(facets)}{captions.failures(table)}",
        alt=f"Learning curves in logarithms. {_in_words(table, facets.colour)}",
    )


def _laws(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The power law of each contender on each data set; NaN where there are too few samples."""
    rows: list[dict[Hashable, Any]] = []
    for levels, own in frame.dropna(subset=["error"]).groupby(by, sort=True):
        law: dict[Hashable, Any] = dict.fromkeys(_LAW, np.nan)
        counts, errors = (own[name].to_numpy(np.float64) for name in ("samples", "error"))
        if own["samples"].nunique() >= _FEWEST:
            fitted = fit_power_law(counts, errors)
            found = (fitted.floor, fitted.scale, fitted.exponent, *fitted.interval)
            law = dict(zip(_LAW, found, strict=True))
        elif own["samples"].nunique() == _FEWEST - 1 and (errors > 0).all():
            slope, height = np.polyfit(np.log(counts), np.log(errors), 1)
            law |= {"floor": 0.0, "scale": float(np.exp(height)), "exponent": float(-slope)}
        rows.append({**dict(zip(by, levels, strict=True)), **law})
    return pd.DataFrame(rows)


def _with_crossings(table: pd.DataFrame, colour: str | None, by: list[str]) -> pd.DataFrame:
    """`overtakes_at` and `crossing_error`: where a contender becomes the best of its panel."""
    table = table.assign(overtakes_at=np.nan, crossing_error=np.nan)
    if colour is None:
        return table
    for _, panel in table.groupby([name for name in by if name != colour], sort=False):
        errors = panel.pivot(index="samples", columns=colour, values="mean").dropna(axis="columns")
        for level, samples, error in _new_bests(errors):
            first = panel.index[panel[colour] == level][0]
            table.loc[first, ["overtakes_at", "crossing_error"]] = samples, error
    return table


def _new_bests(errors: pd.DataFrame) -> list[tuple[Hashable, float, float]]:
    """Each change of the least error: who, at how many samples, at what error.

    Between numbers of samples errors are straight lines over their logarithm; a contender that
    leads twice is named where it first takes the lead.
    """
    logs = np.log(errors.index.to_numpy(np.float64))
    fine = np.unique(np.concatenate([np.linspace(logs[0], logs[-1], 2000), logs]))
    lines = np.stack([np.interp(fine, logs, errors[name]) for name in errors.columns])
    if not len(lines):
        return []
    best = lines.argmin(axis=0)
    found: dict[Hashable, tuple[float, float]] = {}
    for place in np.flatnonzero(best[1:] != best[:-1]) + 1:
        name = errors.columns[best[place]]
        if best[place] != best[0]:
            found.setdefault(name, (float(np.exp(fine[place])), float(lines[:, place].min())))
    return [(name, *where) for name, where in found.items()]


def _visible(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Errors as they are drawn: those of 0, which a logarithm lacks, at half the least other."""
    errors = table.loc[table["mean"] > 0, "mean"]
    least = 0.5 * errors.min() if len(errors) else 1.0
    return rows.assign(mean=rows["mean"].clip(lower=least), high=rows["high"].clip(lower=least))


def _faultless(table: pd.DataFrame) -> str:
    return " Errors of 0 stand at half the least other one." if (table["mean"] == 0).any() else ""


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    reach = [rows["mean"] - rows["low"].clip(lower=0.5 * rows["mean"]), rows["high"] - rows["mean"]]
    axes.errorbar(
        rows["samples"], rows["mean"], yerr=reach, color=look.colour, fmt=look.marker, elinewidth=1
    )
    law = rows.iloc[0]
    if np.isnan(law["exponent"]):
        axes.plot(rows["samples"], rows["mean"], color=look.colour, linewidth=1.0)
    else:
        samples = np.geomspace(rows["samples"].min(), rows["samples"].max(), _PLACES)
        error = law["floor"] + law["scale"] * samples ** -law["exponent"]
        axes.plot(samples, error, color=look.colour, linewidth=1.3)
    draw_failures(axes, rows["samples"], rows["mean"], rows["failed"])


def _mark_crossings(axes: Axes, rows: pd.DataFrame) -> None:
    found = rows.dropna(subset=["overtakes_at"])
    axes.plot(found["overtakes_at"], found["crossing_error"], zorder=5, **_CROSSING)


def _in_words(table: pd.DataFrame, colour: str | None) -> str:
    parts = []
    for dataset, rows in table.groupby("dataset", sort=False):
        last = rows[rows["samples"] == rows["samples"].max()]
        best = last.loc[last["mean"].idxmin()]
        who = f" with {level_name(colour, plain_level(best[colour]))}" if colour else ""
        words = f"least error {best['mean']:.3g}{who} at {plain(best['samples'])} samples"
        parts.append(f"{level_name('dataset', str(dataset))}: {words}")
    found = table.dropna(subset=["overtakes_at"])
    crossed = [
        f"{level_name(str(colour), plain_level(row[colour]))} leads on "
        f"{level_name('dataset', str(row['dataset']))} from {plain(round(row['overtakes_at']))}"
        for row in found.to_dict("records")
    ]
    return f"{'; '.join([*parts, *crossed])}."
