"""Figure of how weight gradients are spread in each layer, as ridges."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.layers import probed
from suite.figures.theme import plain, styled, whole_numbers
from suite.results import Evidence

Floats = NDArray[np.float64]

_PLACES = 64  # along each ridge
_HEIGHT = 1.6  # of the highest ridge, in layers
# Bandwidth in decades: narrower than the steps from layer to layer of vanishing gradients.
_NARROWEST = 0.06
_FADING = 1e-3  # of a ridge's height, below which it is not drawn


@styled()
def gradient_ridges(evidence: Evidence) -> Drawing:
    """Density of weight-gradient norms in each layer over networks and training."""
    frame = probed(evidence, "gradient_norm")
    facets = choose(evidence, frame, but=("depth", "dataset"))
    frame = confine(frame[frame["value"] > 0], facets)
    by = [factor for factor in (facets.colour, facets.column) if factor]
    table = _densities(frame, by)
    figure, drawn = facetted(evidence, table, facets, _draw, height=3.4, share="all")
    drawn[0].axes.xaxis.set_major_formatter(lambda log, _: plain(10.0 ** round(log)))
    whole_numbers(drawn[0].axes, "x", ticks=5)
    whole_numbers(drawn[0].axes, "y", ticks=8)
    labels(figure, "Frobenius norm of ∂loss/∂weights", "layer, from the inputs up")
    names = captions.names(frame["dataset"].unique())
    return Drawing(
        title="How are gradients spread over the layers?",
        figure=figure,
        table=table,
        caption="Density of the logarithm of each layer's weight-gradient norm, over networks of "
        f"{int(frame['depth'].max())} hidden layers on {names} and over the measured epochs, "
        f"{captions.counts(table['n'], 'ridge').replace('network', 'measurement')}; each ridge has "
        f"the same area. The top one is the output layer.{captions.held(facets)}",
        alt="Ridge plot of weight-gradient norms, one ridge a layer. Medians at the first and the "
        f"last layer: {captions.ends(_medians(frame, by), 'layer', 'value', facets.colour)}",
    )


def _densities(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """A row for each place of each ridge; densities are per decade."""
    tables = []
    for levels, rows in frame.groupby([*by, "layer"], sort=True):
        logs = np.log10(rows["value"].to_numpy(np.float64))
        key = dict(zip([*by, "layer"], levels, strict=True))
        place, density = _density(logs)
        tables.append(pd.DataFrame({"log10": place, "density": density, "n": len(logs)} | key))
    table = pd.concat(tables, ignore_index=True)
    return table[[*by, "layer", "log10", "density", "n"]]


def _density(logs: Floats) -> tuple[Floats, Floats]:
    """A Gaussian kernel by Scott's rule, but none narrower than what can be seen."""
    spread = float(logs.std(ddof=1)) if len(logs) > 1 else 0.0
    width = max(spread * len(logs) ** -0.2, _NARROWEST)
    place = np.linspace(logs.min() - 4 * width, logs.max() + 4 * width, _PLACES)
    return place, stats.norm.pdf(place[:, None], logs, width).mean(axis=1)


def _medians(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return frame.groupby([*by, "layer"])["value"].median().reset_index()


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    scale = _HEIGHT / rows.groupby("layer")["density"].max().median()
    for layer, ridge in sorted(rows.groupby("layer"), reverse=True):
        height = np.minimum(ridge["density"] * scale, 2 * _HEIGHT)
        seen = ridge["density"] > _FADING * ridge["density"].max()
        base, order = float(str(layer)), 3 - float(str(layer)) / 100
        axes.fill_between(
            ridge["log10"][seen], base, base + height[seen], color=look.colour, alpha=0.35,
            linewidth=0.6, zorder=order,
        )  # fmt: skip
