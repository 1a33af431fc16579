"""Figure of decision surfaces: what networks predict over the plane of two inputs."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from suite.data.cards import CARDS
from suite.figures import captions
from suite.figures.drawing import Drawing
from suite.figures.facets import Facets, choose, confine
from suite.figures.grid import Key, Panel, keys, labels, outer_labels_only, panels, title
from suite.figures.measurements import only, plain_level, score_name
from suite.figures.palette import BLUE, CYCLE, ORANGE
from suite.figures.pictures import first_networks, pictured
from suite.figures.theme import INK, styled, whole_numbers
from suite.figures.words import level_name
from suite.pictures import GRID, REACH
from suite.results import Evidence

_TWO = LinearSegmentedColormap.from_list("two classes", [BLUE, "#ffffff", ORANGE])
_STEP = 2 * REACH / (GRID - 1)
_MOST_COLUMNS = 4  # with more, data sets may not be the rows


@styled()
def decision_boundaries(evidence: Evidence) -> Drawing:
    """Predictions of one network of every contender over the plane of its two inputs."""
    frame = pictured(evidence, "decision_surface")
    facets = choose(evidence, frame)
    table = _surfaces(confine(frame, facets), facets.columns)
    rows, columns = keys(evidence, table, "dataset"), _contenders(evidence, table, facets)
    figure, drawn = panels(rows, columns, 1.95, "all")
    for panel in drawn:
        _draw_surface(panel.axes, only(table, panel.key))
    if len(columns) <= _MOST_COLUMNS:
        _name_rows(drawn)
    whole_numbers(drawn[0].axes, "x", ticks=5)
    whole_numbers(drawn[0].axes, "y", ticks=5)
    outer_labels_only(drawn)
    _draw_scale(figure, drawn, table)
    labels(figure, "first input (standardised)", "second input (standardised)")
    score = score_name(table["dataset"].unique())
    return Drawing(
        title="Where does each network draw its boundary?",
        figure=figure,
        table=table,
        caption="Prediction over the plane of the inputs, of the network of the first split after "
        f"training. The line is where two classes are equally likely. The number is the mean "
        f"{score}, {captions.counts(table['n'], 'panel')}.{captions.held(facets)}",
        alt=_alt(table, facets, score),
    )


def _name_rows(drawn: list[Panel]) -> None:
    """The data set beside its row, and the contender alone above each panel."""
    for panel in drawn:
        others = {factor: level for factor, level in panel.key.items() if factor != "dataset"}
        panel.axes.set_title(title(others))
        place = panel.axes.get_subplotspec()
        if place is not None and place.is_first_col():
            panel.axes.set_ylabel(level_name("dataset", panel.key["dataset"]))


def _contenders(evidence: Evidence, table: pd.DataFrame, facets: Facets) -> list[Key]:
    """Every combination of the factors that have a channel."""
    factors = [factor for factor in facets.columns if factor != "dataset"]
    found = product(*(keys(evidence, table, factor) for factor in factors))
    return [{factor: level for one in levels for factor, level in one.items()} for levels in found]


def _surfaces(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """A row for each place of each panel's network."""
    first = first_networks(frame, by).sort_values([*by, "place"])
    row, column = np.divmod(first["place"].to_numpy(), GRID)
    table = first.assign(
        first_input=(column * _STEP - REACH).round(6), second_input=(row * _STEP - REACH).round(6)
    )
    columns = [*by, "first_input", "second_input", "value", "mean_score", "n"]
    return table[columns].reset_index(drop=True)


def _shade(dataset: str) -> tuple[Colormap | str, Normalize | None]:
    """Colours of predictions, and the numbers at their two ends."""
    card = CARDS[dataset]
    if card.task != "classification":
        return "viridis", None
    if card.outputs == 2:
        return _TWO, Normalize(0, 1)
    return ListedColormap(CYCLE[: card.outputs]), Normalize(-0.5, card.outputs - 0.5)


def _draw_surface(axes: Axes, rows: pd.DataFrame) -> None:
    dataset = str(rows["dataset"].iloc[0])
    colours, scale = _shade(dataset)
    grid = rows.pivot(index="second_input", columns="first_input", values="value")
    reach = REACH + _STEP / 2
    axes.imshow(
        grid, cmap=colours, norm=scale, origin="lower", extent=(-reach, reach, -reach, reach),
        interpolation="bilinear" if colours is _TWO else "nearest", alpha=0.75, aspect="equal",
    )  # fmt: skip
    if colours is _TWO and rows["value"].min() < 0.5 < rows["value"].max():
        axes.contour(grid.columns, grid.index, grid, levels=[0.5], colors=INK, linewidths=1)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))
    axes.grid(visible=False)
    number = f"{rows['mean_score'].iloc[0]:.2f}"
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    axes.text(0.04, 0.05, number, transform=axes.transAxes, fontsize=8, color=INK, bbox=box)


def _draw_scale(figure: Figure, drawn: list[Panel], table: pd.DataFrame) -> None:
    """A bar of colours where all panels are of two classes."""
    if any(_shade(str(name))[0] is not _TWO for name in table["dataset"].unique()):
        return
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), _TWO), ax=[panel.axes for panel in drawn], alpha=0.75,
        label="probability of the second class", fraction=0.03, aspect=45, ticks=[0, 0.5, 1],
    )  # fmt: skip
    bar.outline.set_visible(False)


def _alt(table: pd.DataFrame, facets: Facets, score: str) -> str:
    scores = table.drop_duplicates(facets.columns)
    words = [
        f"{title({f: plain_level(row[f]) for f in facets.columns}, ', ')} {row['mean_score']:.2f}"
        for row in scores.to_dict("records")
    ]
    return f"Maps of predictions over two inputs, one for each network. Mean {score}: " + (
        "; ".join(words) + "."
    )
