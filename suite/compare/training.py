"""The figure of the two networks' losses as training goes on."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.compare.plan import DEEP, FACTOR, SHALLOW
from suite.compare.sentences import NAMES
from suite.figures import captions
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.measurements import geometric_means, networks
from suite.figures.palette import COLOURS
from suite.figures.theme import DPI, WIDTH, log_axis, styled, whole_numbers
from suite.results import Evidence

_PARTS = {"train": "training", "validation": "validation"}
# Where early stopping has left fewer of them, a mean would be of the slowest alone.
_FEWEST = 0.5


@styled()
def training_curves(evidence: Evidence) -> Drawing:
    """Training and validation loss against the epoch, a panel for each network.

    Raises:
        NothingToDraw: no network has trained to its end.
    """
    table = _losses(evidence)
    names = [name for name in (SHALLOW, DEEP) if name in set(table[FACTOR])]
    figure = Figure(figsize=(WIDTH, 3.0), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        _draw(axes, table[table[FACTOR] == name])
        axes.set_title(NAMES[name])
    log_axis(panels[0], "y", ticks=5)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("loss", fontsize=9)
    panels[0].figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2
    )
    return Drawing(
        title="Where does training turn into overfitting?",
        figure=figure,
        table=table,
        caption="Loss of the final networks, geometric mean as long as half of them still train: "
        f"early stopping ends each at its own time. B{captions.BANDS[1:]}, on the "
        "logarithm.",
        alt="Line charts. " + " ".join(_spoken(table, name) for name in names),
    )


def _losses(evidence: Evidence) -> pd.DataFrame:
    curves = evidence.histories
    curves = curves.loc[curves["metric"] == "loss", ["trial_id", "epoch", "split", "value"]]
    curves = curves.rename(columns={"split": "part"}).replace({"part": _PARTS})
    frame = networks(evidence)
    trained = frame[~frame["failed"]].merge(curves, on="trial_id")
    if trained.empty:
        raise NothingToDraw("no network has trained to its end")
    table = geometric_means(trained, [FACTOR, "part", "epoch"], "value").drop(columns="failed")
    most = table.groupby(FACTOR)["n"].transform("max")
    return table[table["n"] >= _FEWEST * most].reset_index(drop=True)


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    for part in _PARTS.values():
        line, colour = rows[rows["part"] == part], COLOURS["part"][part]
        axes.fill_between(
            line["epoch"], line["low"], line["high"], color=colour, alpha=0.16, linewidth=0
        )
        axes.plot(line["epoch"], line["mean"], color=colour, label=part)
    whole_numbers(axes, "x", ticks=5)


def _spoken(table: pd.DataFrame, name: str) -> str:
    rows = table[table[FACTOR] == name]
    last = rows[rows["epoch"] == rows["epoch"].max()].set_index("part")["mean"]
    ends = " and ".join(f"{part} {value:.3g}" for part, value in last.items())
    return f"{NAMES[name]}: at epoch {rows['epoch'].max():.0f}, {ends}."
