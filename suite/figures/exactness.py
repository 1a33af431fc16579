"""Figure of how exact back-propagated gradients are."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import varied
from suite.figures.grid import Key, labels, legend, looks, panels
from suite.figures.marks import entry
from suite.figures.measurements import levels_in, networks
from suite.figures.theme import INK, log_axis, styled
from suite.figures.words import counted, factor_name, level_name
from suite.results import Evidence

# Below this a relative error is what rounding in float64 leaves.
_LEAST = 1e-16
_SPREAD = 0.7  # of a row's height, what all of its marks take


@styled()
def gradient_errors(evidence: Evidence) -> Drawing:
    """Relative error of back-propagated gradients, each layer a point, over the gate."""
    factor = _parts(evidence)
    frame = _measured(evidence)
    colour = next((name for name in varied(evidence) if name != factor), None)
    by = [factor, *([colour] if colour else [])]
    table = frame.groupby(by)["value"].agg(n="size", median="median", worst="max").reset_index()
    gate = _gate(evidence)
    return Drawing(
        title="Is the gradient of back-propagation the gradient of the loss?",
        figure=_draw(evidence, frame, factor, colour, gate),
        table=table,
        caption="Relative error of each layer's back-propagated gradient against numerical "
        f"differences in float64, by {factor_name(factor)}: each layer of each network before and "
        f"after training is a point, n = {counted(len(frame), 'point')} of "
        f"{counted(frame['trial_id'].nunique(), 'network')}.",
        alt=_worst(table.to_dict("records"), factor, gate),
    )


def _measured(evidence: Evidence) -> pd.DataFrame:
    """A row for each layer of each network and each time."""
    histories = evidence.histories
    errors = histories.loc[
        histories["metric"] == "gradient_error", ["trial_id", "epoch", "layer", "value"]
    ]
    frame = networks(evidence).merge(errors, on="trial_id")
    if frame.empty:
        raise NothingToDraw("no trained network has the probe 'gradient_error'")
    return frame.assign(value=frame["value"].clip(lower=_LEAST))


def _draw(
    evidence: Evidence, frame: pd.DataFrame, factor: str, colour: str | None, gate: float | None
) -> Figure:
    levels, shown = levels_in(evidence, frame, factor), looks(evidence, frame, colour)
    one: list[Key] = [{}]
    figure, (panel,) = panels(one, one, height=0.35 + 0.13 * len(levels))
    axes, places = panel.axes, {level: place for place, level in enumerate(levels)}
    for rank, look in enumerate(shown):
        rows = frame[frame[colour] == look.level] if colour else frame
        y = rows[factor].map(places) + _SPREAD * ((rank + 0.5) / len(shown) - 0.5)
        axes.plot(
            rows["value"], y, color=look.colour, marker=look.marker, ls="none", ms=3, alpha=0.45
        )
    log_axis(axes, "x")
    _draw_gate(axes, gate)
    axes.set_yticks(range(len(levels)), [level_name(factor, level) for level in levels])
    axes.set_ylim(len(levels) - 0.5, -0.5)
    marks = [] if gate is None else [entry("allowed at most", color=INK, linewidth=1.2)]
    legend(figure, colour, shown, marks)
    labels(figure, "relative error of the gradient", "")
    return figure


def _draw_gate(axes: Axes, gate: float | None) -> None:
    if gate is not None:
        axes.axvline(gate, color=INK, linewidth=1.2)


def _parts(evidence: Evidence) -> str:
    """The factor with the most levels takes the rows."""
    several = varied(evidence)
    levels = evidence.experiment.at(evidence.profile).factors()
    if not several:
        raise NothingToDraw("the experiment varies nothing")
    return max(several, key=lambda name: len(levels[name]))


def _gate(evidence: Evidence) -> float | None:
    claims = evidence.experiment.claims.values()
    ends = [c.at_most for c in claims if c.kind == "gate" and c.metric == "gradient_error"]
    return next((end for end in ends if end is not None), None)


def _worst(rows: Sequence[Mapping[Any, Any]], factor: str, gate: float | None) -> str:
    worst = max(rows, key=lambda row: row["worst"])
    line = "" if gate is None else f"; allowed are {gate:.0e} at most"
    return (
        f"Dot plot of relative errors in powers of ten. The largest is {worst['worst']:.1e}, "
        f"with {level_name(factor, worst[factor])}{line}."
    )
