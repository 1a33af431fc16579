"""Figure of how many networks have come to a target by each epoch."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from suite.figures import captions
from suite.figures.contenders import with_metric
from suite.figures.drawing import Drawing
from suite.figures.facets import choose, confine
from suite.figures.grid import Look, facetted, labels
from suite.figures.marks import entry
from suite.figures.measurements import plain_level
from suite.figures.theme import log_axis, styled
from suite.figures.words import described
from suite.metrics import METRICS
from suite.milestones import SHARE
from suite.results import Evidence


@styled()
def epochs_to_target(evidence: Evidence) -> Drawing:
    """Share of networks that have come to the target by each epoch; misses are marked."""
    frame = with_metric(evidence, "log_epochs_to_target")
    frame = frame.assign(reached=METRICS["target_reached"].values(evidence).loc[frame.index])
    frame = frame.dropna(subset=["measured"])
    facets = choose(evidence, frame)
    table = _steps(confine(frame, facets), facets.columns)
    missed = entry("some never came there", marker="o", markerfacecolor="white", linestyle="none")
    marks = [missed] if table["missed"].any() else []
    figure, drawn = facetted(evidence, table, facets, _draw, share="all", marks=marks)
    drawn[0].axes.set_ylim(-0.04, 1.06)
    drawn[0].axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    log_axis(drawn[0].axes, "x", ticks=6)
    labels(figure, "epoch", "networks at the target")
    return Drawing(
        title="How soon is each contender nearly as good as the best?",
        figure=figure,
        table=table,
        caption="Share of networks whose validation accuracy (R²) has come to "
        f"{100 * SHARE:g} % of the best contender's median on the data set by each epoch, "
        f"{captions.counts(table['n'], 'line')}. Open marks stand where training ended before all "
        f"had come there.{captions.held(facets)}",
        alt=_in_words(table, facets.colour or "dataset"),
    )


def _steps(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """One row for each epoch at which a share rises, and one for where training ends."""
    tables = []
    for levels, rows in frame.groupby(by, sort=True):
        key: dict[str, Any] = dict(zip(by, levels, strict=True))
        came = np.sort(np.exp(rows.loc[rows["reached"] == 1, "measured"].to_numpy(np.float64)))
        last = float(rows["epochs"].max())
        steps = [(1.0, float((came <= 1).sum()), 0)]
        steps += [(epoch, rank + 1.0, 0) for rank, epoch in enumerate(came) if epoch > 1]
        steps.append((last, float(len(came)), len(rows) - len(came)))
        found = pd.DataFrame(steps, columns=["epoch", "share", "missed"])
        tables.append(found.assign(**key, share=found["share"] / len(rows), n=len(rows)))
    table = pd.concat(tables, ignore_index=True)
    return table[[*by, "epoch", "share", "missed", "n"]]


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    axes.plot(rows["epoch"], rows["share"], color=look.colour, drawstyle="steps-post")
    end = rows.iloc[-1:]
    inside = "white" if end["missed"].iloc[0] else look.colour
    axes.plot(
        end["epoch"], end["share"], color=look.colour, marker=look.marker, markerfacecolor=inside
    )


def _in_words(table: pd.DataFrame, factor: str) -> str:
    parts = []
    for level, rows in table.groupby(factor, sort=False):
        ends = rows.groupby("dataset", sort=False)["share"].max()
        words = f"{ends.min():.0%} to {ends.max():.0%}"
        parts.append(f"{described(factor, plain_level(level))}: {words}")
    return f"Step charts of networks at the target. At the end, over data sets, {'; '.join(parts)}."
