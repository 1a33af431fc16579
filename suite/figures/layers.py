"""Figures of what happens inside, layer by layer: back-propagated deltas and weight gradients."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.mean_field import with_mean_field
from suite.figures.measurements import networks
from suite.figures.theme import log_axis, styled, whole_numbers
from suite.results import Evidence


def probed(evidence: Evidence, metric: str) -> pd.DataFrame:
    """One row per epoch and layer of the deepest networks in which `metric` was probed.

    Raises:
        NothingToDraw: no network has the probe.
    """
    histories = evidence.histories
    columns = ["trial_id", "epoch", "layer", "value"]
    frame = networks(evidence).merge(
        histories.loc[histories["metric"] == metric, columns], on="trial_id"
    )
    if frame.empty:
        raise NothingToDraw(f"no trained network has the probe {metric!r}")
    deepest: pd.DataFrame = frame[frame["depth"] == frame["depth"].max()]
    return deepest


def per_layer(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Geometric mean and range over networks, of layers that a gradient reaches.

    Raises:
        NothingToDraw: no gradient reaches any layer.
    """
    reached = frame[frame["value"] > 0]
    if reached.empty:
        raise NothingToDraw("every gradient is exactly zero, which a logarithm cannot show")
    logs = reached.assign(log=np.log10(reached["value"])).groupby([*by, "layer"])["log"]
    table = logs.agg(mean="mean", low="min", high="max", n="size")
    table[["mean", "low", "high"]] = 10.0 ** table[["mean", "low", "high"]]
    return table.reset_index()


@styled()
def delta_by_layer(evidence: Evidence) -> Drawing:
    """Back-propagated deltas of the hidden layers before training, over the mean-field line."""
    frame, facets, by = _start(evidence, "delta_norm")
    frame = frame[frame["layer"] <= frame["depth"]]
    single = frame.drop(columns=["layer", "value"]).drop_duplicates([*by, "trial_id"])
    table = with_mean_field(per_layer(frame, by), single, evidence.histories, by)
    return Drawing(
        title="How far back does the gradient reach?",
        figure=_draw(evidence, table, facets, "RMS of ∂loss/∂pre-activation"),
        table=table,
        caption=_caption("Back-propagated gradient of", frame, table, facets)
        + _theory_sentence(table),
        alt=_alt("Back-propagated gradient", table, facets),
    )


@styled()
def gradient_by_layer(evidence: Evidence) -> Drawing:
    """Norm of each layer's weight gradient before training."""
    frame, facets, by = _start(evidence, "gradient_norm")
    table = per_layer(frame, by)
    output = f" Layer {int(frame['depth'].max()) + 1} is the output layer."
    return Drawing(
        title="How large a gradient does each layer get?",
        figure=_draw(evidence, table, facets, "Frobenius norm of ∂loss/∂weights"),
        table=table,
        caption=_caption("Weight gradient of", frame, table, facets) + output,
        alt=_alt("Weight-gradient norm", table, facets),
    )


def _start(evidence: Evidence, metric: str) -> tuple[pd.DataFrame, Facets, list[str]]:
    """A probe of the deepest networks before training, the channels, and what tells rows apart."""
    frame = probed(evidence, metric)
    frame = frame[frame["epoch"] == 0].drop(columns="epoch")
    facets = choose(evidence, frame, but=("depth",))
    return confine(frame, facets), facets, facets.columns


def _draw(evidence: Evidence, table: pd.DataFrame, facets: Facets, quantity: str) -> Figure:
    predicted = "mean_field" in table and bool(table["mean_field"].notna().any())
    line = [entry("mean-field theory", linewidth=1.2)] if predicted else []
    figure, drawn = facetted(evidence, table, facets, _draw_level, share="all", marks=line)
    log_axis(drawn[0].axes, "y")
    whole_numbers(drawn[0].axes, "x")
    labels(figure, "layer, from the inputs on", quantity)
    return figure


def _draw_level(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    """Points with whiskers, over the line of theory or joined by a thin line."""
    theory = "mean_field" in rows
    if theory:
        axes.plot(rows["layer"], rows["mean_field"], color=look.colour, linewidth=1.1)
    axes.errorbar(
        rows["layer"],
        rows["mean"],
        yerr=[(rows["mean"] - rows["low"]).clip(0), (rows["high"] - rows["mean"]).clip(0)],
        color=look.colour,
        marker=look.marker,
        markersize=3.6,
        linestyle="none" if theory else "-",
        linewidth=0.8,
        elinewidth=1,
    )


def _caption(what: str, frame: pd.DataFrame, table: pd.DataFrame, facets: Facets) -> str:
    depth = int(frame["depth"].max())
    return (
        f"{what} networks with {depth} hidden layers before training. Points are geometric means, "
        f"{captions.counts(table['n'])}; whiskers run from the smallest to the largest network."
        f"{captions.held(facets)}{_unreached(frame)}"
    )


def _unreached(frame: pd.DataFrame) -> str:
    zeros = frame[frame["value"] == 0]["trial_id"].nunique()
    if not zeros:
        return ""
    return f" Layers with a gradient of exactly 0 ({zeros} networks have some) are left out."


def _theory_sentence(table: pd.DataFrame) -> str:
    if table["mean_field"].notna().any():
        return (
            " Lines are the mean-field prediction, set equal to the measurement at the last "
            "hidden layer only."
        )
    return ""


def _alt(what: str, table: pd.DataFrame, facets: Facets) -> str:
    return (
        f"Points per layer, logarithmic scale. {what} at the first and the last layer: "
        f"{captions.ends(table, 'layer', 'mean', facets.colour)}"
    )
