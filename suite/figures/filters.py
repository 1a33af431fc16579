"""Figure of what the first layer looks for: incoming weights of some of its units."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from suite.data.cards import CARDS
from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Key, looks, title
from suite.figures.measurements import levels_in, plain_level
from suite.figures.pictures import first_networks, pictured
from suite.figures.theme import DPI, FAINT, WIDTH, styled
from suite.pictures import FILTERS
from suite.results import Evidence

Floats = NDArray[np.float64]

_COLOURS = "PuOr_r"
_FOOT = 0.4  # inches below the lowest row
_GAP = 0.22  # inches above each row, for its name


@styled()
def first_layer_filters(evidence: Evidence) -> Drawing:
    """Incoming weights of the first units of one network of every contender."""
    frame = pictured(evidence, "first_layer_filter")
    facets = choose(evidence, frame)
    by = facets.columns
    table = _weights(first_networks(confine(frame, facets), by), by)
    recipe = [name for name in ("network", "kernel_size") if name not in by]
    return Drawing(
        title="What does the first layer look for?",
        figure=_draw(evidence, table, facets),
        table=table.drop(columns=recipe),
        caption="Incoming weights of the first units of the first layer after training, in the "
        f"network of the first split ({captions.counts(table['n'], 'row')}). Images: "
        "violet is negative, orange positive, white zero, each on a scale of its own. Signals of "
        "one channel are lines, of several channels images with a row for each; of coloured images "
        f"the mean over colours is shown.{captions.held(facets)}",
        alt=_alt(table, by),
    )


def _draw(evidence: Evidence, table: pd.DataFrame, facets: Facets) -> Figure:
    """A row of small panels for each contender and data set."""
    shades = {look.level: look.colour for look in looks(evidence, table, facets.colour)}
    groups = _groups(evidence, table, facets.columns)
    height = (0.9 + _GAP) * len(groups) + _FOOT
    # The layout knows nothing of the names above the rows.
    engine = ConstrainedLayoutEngine(h_pad=_GAP / 2, rect=(0, 0, 1, 1 - _GAP / 2 / height))
    figure = Figure((WIDTH, height), DPI, layout=engine)
    grid = figure.subplots(len(groups), FILTERS, squeeze=False)
    for row, (key, rows) in zip(grid, groups, strict=True):
        # As a title, a name longer than its image is wide would make room for itself.
        row[0].text(0, 1.06, title(key), transform=row[0].transAxes, in_layout=False)
        _draw_row(row, rows, shades[key[facets.colour] if facets.colour else None])
    for number, axes in enumerate(grid[-1], start=1):
        axes.set_xlabel(str(number), fontsize=8)
    figure.supxlabel("unit", fontsize=9)
    return figure


def _groups(evidence: Evidence, table: pd.DataFrame, by: list[str]) -> list[tuple[Key, Any]]:
    """Levels and rows of each network drawn, in the experiment's order of levels."""
    order = {name: levels_in(evidence, table, name) for name in by}
    groups = [(_key(by, levels), rows) for levels, rows in table.groupby(by, sort=False)]
    return sorted(groups, key=lambda group: [order[name].index(group[0][name]) for name in by])


def _key(by: list[str], levels: Any) -> Key:
    return {name: plain_level(level) for name, level in zip(by, levels, strict=True)}


def _weights(first: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """A row for each weight, in the order of the inputs."""
    first = first.sort_values([*by, "place"]).reset_index(drop=True)
    columns = ["dataset", "network", "kernel_size"]
    inputs = np.array([prod(_shape(*row)) for row in first[columns].itertuples(index=False)])
    places = first["place"].to_numpy()
    table = first.assign(unit=places // inputs + 1, input=places % inputs + 1)
    kept = [*by, *columns[1:], "unit", "input", "value", "n"]
    return table[list(dict.fromkeys(kept))]


def _shape(dataset: str, network: str, kernel_size: int) -> tuple[int, ...]:
    """Of one filter: channels, then places in each direction."""
    shape = CARDS[dataset].input_shape
    if "convolutional" in network:
        return (shape[0], *[int(kernel_size)] * (len(shape) - 1))
    return shape if len(shape) > 1 else (1, *shape)


def _filter(rows: pd.DataFrame) -> Floats:
    """One unit's weights.  # (channel, place...)."""
    first = rows.iloc[0]
    shape = _shape(first["dataset"], first["network"], first["kernel_size"])
    weights = rows["value"].to_numpy(np.float64)
    if "convolutional" in first["network"]:
        # Of a convolution's inputs, the channels lie next to each other.
        return np.moveaxis(weights.reshape(*shape[1:], shape[0]), -1, 0)
    return weights.reshape(shape)


def _draw_row(row: Sequence[Axes], rows: pd.DataFrame, colour: str) -> None:
    """The filters of one network; places without one stay empty."""
    for axes in row:
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    for axes, (_, own) in zip(row, rows.groupby("unit"), strict=False):
        weights = _filter(own)
        if weights.ndim == 2 and len(weights) == 1:
            axes.axhline(0, color=FAINT, linewidth=0.7)
            axes.plot(weights[0], color=colour, linewidth=1.3, marker=_dots(weights.size))
            axes.margins(0.08, 0.12)
        else:
            _draw_image(axes, weights if weights.ndim == 2 else weights.mean(axis=0))


def _dots(count: int) -> str:
    """A kernel of few places is read from its points."""
    return "o" if count < 10 else ""


def _draw_image(axes: Axes, weights: Floats) -> None:
    largest = max(float(np.abs(weights).max()), 1e-12)
    shape: Any = "equal" if weights.shape[0] < 3 * weights.shape[1] else "auto"
    axes.imshow(weights, cmap=_COLOURS, vmin=-largest, vmax=largest, aspect=shape)


def _alt(table: pd.DataFrame, by: list[str]) -> str:
    sizes = table.groupby([*by, "unit"])["value"].agg(lambda values: np.abs(values).max())
    words = [
        f"{title(_key(by, levels), ', ')} {largest:.2g}"
        for levels, largest in sizes.groupby(by).max().items()
    ]
    return (
        f"Rows of up to {FILTERS} small images or lines, one for each unit of the first layer. "
        f"Largest weight drawn in each row: {'; '.join(words)}."
    )
