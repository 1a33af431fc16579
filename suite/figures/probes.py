"""Figure of what a linear model tells from each layer of a network."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine
from suite.figures.grid import Look, keys, labels, legend, panels
from suite.figures.marks import entry
from suite.figures.measurements import means, networks, only
from suite.figures.palette import CYCLE
from suite.figures.theme import MARKERS, styled, whole_numbers
from suite.results import Evidence

_LATENT, _LINEAR = "latent_probe_", "linear_probe"
_UNTRAINED: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": 1.0}


@styled()
def probe_accuracy_by_layer(evidence: Evidence) -> Drawing:
    """What a linear model tells from each layer, after training and before it."""
    frame = _read_from_layers(evidence)
    facets = choose(evidence, frame, colour=False)
    frame = confine(frame, facets)
    table = means(frame, [*facets.columns, "probe", "when", "layer"], "value")
    rows, columns = (keys(evidence, table, factor) for factor in (facets.row, facets.column))
    figure, drawn = panels(rows, columns, share="row")
    shown = _looks(table)
    for panel in drawn:
        for look in shown:
            _draw_probe(panel.axes, only(table, {**panel.key, "probe": look.level}), look)
        panel.axes.set_ylim(top=min(panel.axes.get_ylim()[1], 1.03))
    whole_numbers(drawn[0].axes, "x")
    several = len(shown) > 1
    legend(figure, "probe" if several else None, shown, [
        entry("trained"), entry("untrained", **_UNTRAINED)
    ])  # fmt: skip
    labels(figure, "layer, from the inputs on", "accuracy of a linear model")
    return Drawing(
        title="Which layer tells what?",
        figure=figure,
        table=table,
        caption="Validation accuracy (R² of values) of a linear model of each layer's activations, "
        f"after training and, dashed, before it. Means, {captions.counts(table['n'])}; "
        f"{captions.BANDS}.{captions.held(facets)}",
        alt=_peaks(table),
    )


def _read_from_layers(evidence: Evidence) -> pd.DataFrame:
    """A row for each network, probe, layer and time: before training and at its end."""
    histories = evidence.histories
    names = histories["metric"]
    rows = histories[names.str.startswith(_LATENT) | names.eq(_LINEAR)]
    last = rows.groupby("trial_id")["epoch"].transform("max")
    ends = rows[rows["epoch"].isin([0]) | rows["epoch"].eq(last)]
    ends = ends.assign(
        when=np.where(ends["epoch"] == 0, "untrained", "trained"),
        probe=ends["metric"].map(_probe_name),
    )
    found = networks(evidence).merge(
        ends[["trial_id", "layer", "value", "when", "probe"]], on="trial_id"
    )
    if found.empty:
        raise NothingToDraw("no trained network has a probe of what its layers tell")
    return found[found["layer"] <= found["depth"]]


def _probe_name(metric: str) -> str:
    level = metric.removeprefix(_LATENT)
    return f"level {level}" if level != metric else "classes"


def _looks(table: pd.DataFrame) -> list[Look]:
    return [
        Look(str(name), CYCLE[rank], MARKERS[rank % len(MARKERS)])
        for rank, name in enumerate(sorted(table["probe"].unique()))
    ]


def _draw_probe(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    before, after = (rows[rows["when"] == when] for when in ("untrained", "trained"))
    axes.plot(before["layer"], before["mean"], color=look.colour, **_UNTRAINED)
    axes.fill_between(
        after["layer"], after["low"], after["high"].clip(upper=1), color=look.colour, alpha=0.16,
        linewidth=0,
    )  # fmt: skip
    axes.plot(after["layer"], after["mean"], color=look.colour, marker=look.marker)


def _peaks(table: pd.DataFrame) -> str:
    trained = table[table["when"] == "trained"]
    means_of = trained.groupby(["probe", "layer"])["mean"].mean().reset_index()
    best = means_of.loc[means_of.groupby("probe")["mean"].idxmax()].to_dict("records")
    words = [f"{row['probe']} at layer {row['layer']} with {row['mean']:.2f}" for row in best]
    return (
        "Line charts of what a linear model tells from each layer. Trained networks tell best, on "
        f"average over panels, {'; '.join(words)}."
    )
