"""Figures of histograms layer by layer: activations and weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import keys, labels, looks, panels
from suite.figures.marks import entry
from suite.figures.measurements import only
from suite.figures.pictures import pictured
from suite.figures.theme import INK, plain, styled, whole_numbers
from suite.figures.words import listed
from suite.pictures import BINS, WEIGHT_PLACES, WEIGHT_RANGE, activation_range
from suite.results import Evidence

_MOST_LAYERS = 8  # that a panel has room for
_MARGIN = 0.55  # for what is written beside ridges, of their width
_WORDS = {"untrained": "before", "trained": "after"}
_HEIGHT = 0.86  # of a ridge's highest bin, in layers


@dataclass(frozen=True)
class _Kind:
    """What tells the two figures apart."""

    what: str
    title: str
    x: str
    note: str


_ACTIVATIONS = _Kind(
    "activations of the hidden layers",
    "Do signals reach the last layer, or saturate on the way?",
    "activation",
    "",
)
_WEIGHTS = _Kind(
    "weights",
    "Which weights are left, and how many are zero?",
    "weight",
    " Beside each ridge, which leaves them out, is the share of weights that are exactly zero.",
)


@styled()
def activation_histograms(evidence: Evidence) -> Drawing:
    """Histogram of each hidden layer's activations, before and after training."""
    frame = pictured(evidence, "activation_histogram")
    frame = frame[frame["depth"] == frame["depth"].max()]
    facets, frame = _start(evidence, frame)
    layer, place = np.divmod(frame["place"].to_numpy(), BINS)
    first, last = np.array([activation_range(name) for name in frame["activation"]]).T
    frame = frame.assign(
        layer=layer + 1,
        bin=place,
        low=(first + place * (last - first) / BINS).round(9),
        high=(first + (place + 1) * (last - first) / BINS).round(9),
        when=np.where(frame["epoch"] == 0, "untrained", "trained"),
    )
    table = _means(frame, [*_factors(facets), "when", "layer", "bin", "low", "high"])
    return _drawing(evidence, frame, table, facets, _ACTIVATIONS)


@styled()
def weight_histograms(evidence: Evidence) -> Drawing:
    """Histogram of each layer's weights after training, and the share that is exactly zero."""
    facets, frame = _start(evidence, pictured(evidence, "weight_histogram"))
    layer, place = np.divmod(frame["place"].to_numpy(), WEIGHT_PLACES)
    frame = frame.assign(layer=layer + 1, bin=place, when="trained")
    columns = [*_factors(facets), "when", "layer"]
    zeros = _means(frame[place == BINS], columns).rename(columns={"share": "zero"})
    edges = np.linspace(*WEIGHT_RANGE, BINS + 1)
    bins = frame[place < BINS]
    numbers = bins["bin"].to_numpy()
    bins = bins.assign(low=edges[numbers], high=edges[numbers + 1])
    table = _means(bins, [*columns, "bin", "low", "high"])
    table = table.merge(zeros.drop(columns="n"), on=columns)
    return _drawing(evidence, frame, table, facets, _WEIGHTS)


def _start(evidence: Evidence, frame: pd.DataFrame) -> tuple[Facets, pd.DataFrame]:
    # Both channels of panels go to the contenders; data sets and splits are averaged.
    facets = choose(evidence, frame, but=("depth", "dataset"))
    return facets, confine(frame, facets)


def _factors(facets: Facets) -> list[str]:
    return [factor for factor in (facets.colour, facets.column) if factor]


def _means(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    groups = frame.groupby(list(by), sort=True)["value"]
    return groups.agg(share="mean", n="size").reset_index()


def _drawing(
    evidence: Evidence, frame: pd.DataFrame, table: pd.DataFrame, facets: Facets, kind: _Kind
) -> Drawing:
    rows, columns = (keys(evidence, table, factor) for factor in (facets.colour, facets.column))
    if len(columns) == 1:
        rows, columns = columns, rows
    layers = _shown(sorted(table["layer"].unique()))
    table = table[table["layer"].isin(layers)].reset_index(drop=True)
    height = 0.7 + 0.2 * len(layers)
    figure, drawn = panels(rows, columns, height, "all", "none")
    shown = {look.level: look.colour for look in looks(evidence, table, facets.colour)}
    for panel in drawn:
        colour = shown[panel.key[facets.colour] if facets.colour else None]
        _draw_ridges(panel.axes, only(table, panel.key), layers, colour)
    if table["when"].nunique() > 1:
        marks = [entry("trained", linewidth=5, alpha=0.5), entry("untrained", color=INK)]
        figure.legend(handles=marks, loc="outside upper left", ncols=2)
    labels(figure, kind.x, "layer, from the inputs up")
    return Drawing(
        title=kind.title,
        figure=figure,
        table=table,
        caption=_caption(frame, table, facets, kind),
        alt=f"Ridge plots of histograms of {kind.what}, one ridge a layer. {_peaks(table, facets)}",
    )


def _shown(layers: Sequence[int]) -> list[int]:
    """All layers, or so many evenly spaced ones as there is room for, both ends included."""
    if len(layers) <= _MOST_LAYERS:
        return list(layers)
    places = np.linspace(0, len(layers) - 1, _MOST_LAYERS).round().astype(int)
    return [layers[place] for place in places]


def _draw_ridges(axes: Axes, rows: pd.DataFrame, layers: list[int], colour: str) -> None:
    filled = "trained" if "trained" in set(rows["when"]) else "untrained"
    for base, layer in enumerate(layers):
        own = rows[rows["layer"] == layer]
        for when, ridge in own.groupby("when"):
            _draw_ridge(axes, ridge, base, colour if when == filled else None)
    axes.set_yticks(range(len(layers)), [plain(layer) for layer in layers])
    axes.set(ylim=(-0.1, len(layers)), xlim=(rows["low"].min(), rows["high"].max()))
    axes.grid(visible=False, axis="y")
    _few_ticks(axes)
    if "zero" in rows:
        _write_zeros(axes, rows, layers)


def _draw_ridge(axes: Axes, ridge: pd.DataFrame, base: int, colour: str | None) -> None:
    """One layer's bins, filled or, without a colour, as an outline."""
    edges = np.append(ridge["low"], ridge["high"].iloc[-1])
    heights = _HEIGHT * np.sqrt(ridge["share"] / max(ridge["share"].max(), 1e-9))
    steps = base + np.append(heights, heights.iloc[-1])
    if colour is None:
        axes.step(edges, steps, where="post", color=INK, linewidth=0.8, zorder=2.6)
        return
    axes.fill_between(
        edges, base, steps, step="post", color=colour, alpha=0.5, linewidth=0, zorder=2.5
    )


def _few_ticks(axes: Axes) -> None:
    """Few ticks, so that those of narrow panels stand apart."""
    low, high = axes.get_xlim()
    if high - low > 2.5:
        whole_numbers(axes, "x", ticks=5)
    else:
        axes.set_xticks([low, (low + high) / 2, high])
        axes.xaxis.set_major_formatter(lambda value, _: plain(value))


def _write_zeros(axes: Axes, rows: pd.DataFrame, layers: list[int]) -> None:
    """The share of weights that are zero, in a margin to the right of the ridges."""
    low, high = axes.get_xlim()
    for layer, share in rows.groupby("layer")["zero"].first().items():
        place = (high + 0.04 * (high - low), layers.index(int(str(layer))) + 0.4)
        axes.text(*place, f"{100 * share:.0f} % zero", va="center", fontsize=8, color=INK)
    axes.set_xlim(low, high + _MARGIN * (high - low))


def _caption(frame: pd.DataFrame, table: pd.DataFrame, facets: Facets, kind: _Kind) -> str:
    depth = int(frame["depth"].max())
    found = set(table["when"])
    when = listed([word for name, word in _WORDS.items() if name in found]) + " training"
    return (
        f"Histograms of the {kind.what} {when}, in networks with {depth} hidden layers, mean of "
        f"shares over {captions.names(frame['dataset'].unique())} and splits, "
        f"{captions.counts(table['n'], 'ridge')}. Heights are square roots of shares, and each "
        f"ridge is as high as its fullest bin; the outermost bins hold what lies beyond."
        f"{kind.note}{captions.held(facets)}"
    )


def _peaks(table: pd.DataFrame, facets: Facets) -> str:
    """In words, the share in the fullest bin at both ends; of weights the share of zeros."""
    value = "zero" if "zero" in table else "share"
    what = "Share of zeros" if value == "zero" else "Share in the fullest bin"
    last = table[table["when"] == ("trained" if "trained" in set(table["when"]) else "untrained")]
    fullest = last.groupby([*_factors(facets), "layer"])[value].max().reset_index()
    return f"{what} at the first and the last layer: " + captions.ends(
        fullest, "layer", value, facets.colour
    )
