"""Map of how deep networks can be trained, with the boundary that mean-field theory draws."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from suite.figures import captions
from suite.figures.contenders import with_metric
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.facets import choose, confine, varied
from suite.figures.grid import legend
from suite.figures.maps import extremes, maps
from suite.figures.marks import entry
from suite.figures.measurements import means
from suite.figures.theme import INK, styled
from suite.figures.words import described
from suite.results import Evidence
from suite.theory import mean_field
from suite.theory.correlation import LENGTHS, trainable_depth

Floats = NDArray[np.float64]

_PAIR = ("gain", "depth")
_STEPS = 12  # of the boundary between two gains
_LINE: dict[str, Any] = {
    "color": "white",
    "linewidth": 1.8,
    "path_effects": [withStroke(linewidth=3.4, foreground=INK)],
}


@styled()
def trainable_depth_map(evidence: Evidence) -> Drawing:
    """Training accuracy over depth and the weights' gain, with theory's trainable depth."""
    if not {*_PAIR} <= {*varied(evidence)}:
        raise NothingToDraw("a map of trainable depth needs depth and gain to vary")
    frame = with_metric(evidence, "train_accuracy")
    facets = choose(evidence, frame, but=_PAIR, colour=False, column=False)
    frame = confine(frame, facets)
    table = means(frame, ["dataset", *_PAIR], "measured")
    known = frame[mean_field.applies(frame)]
    if known.empty:
        raise NothingToDraw("mean-field theory does not speak of networks like these")
    figure, drawn = maps(evidence, table, _PAIR, "crest_r", "{:.2f}".format)
    gains, depths = (np.array(sorted(table[name].unique()), np.float64) for name in _PAIR)
    recipe = known.iloc[0]
    for panel in drawn:
        _draw_boundary(panel.axes, recipe, gains, depths)
    legend(figure, None, [], [entry(f"trainable depth by theory, {LENGTHS:g} ξ", **_LINE)])
    reach = {gain: boundary(recipe, gain) for gain in gains}
    return Drawing(
        title="How deep can a network be trained?",
        figure=figure,
        table=table.assign(trainable=table["gain"].map(reach)),
        caption="Training accuracy by hidden layers and gain, by which all weights are multiplied, "
        f"of {described('activation', recipe['activation'])} with "
        f"{described('initializer', recipe['initializer'])}: means, "
        f"{captions.counts(table['n'], 'cell')}; lighter is better. The line is {LENGTHS:g} "
        "times ξ, the layers over which, by mean-field theory, a network forgets how two inputs "
        "differ (below the edge of chaos, how large they are); it has no end at the edge itself."
        f"{captions.held(facets)}{captions.failures(table, 'they count as chance')}",
        alt=f"Heat maps of training accuracy. {extremes(table, _PAIR)}",
    )


def boundary(recipe: pd.Series, gain: float) -> float:
    """Hidden layers up to which theory says that such networks can be trained, at a gain.

    Where the signal dies or has no bound, and below the edge of chaos, ξ is what gradients take
    to fade or grow e-fold, 1/|ln χ₁|.
    """
    width, name = int(recipe["width"]), str(recipe["initializer"])
    given = (
        str(recipe["activation"]),
        mean_field.weight_variance(name, width, width, gain),
        mean_field.bias_variance(name, width),
    )
    factor = mean_field.settled_factor(*given)
    if np.isclose(factor, 1, atol=1e-9):
        return float(np.inf)
    chaotic = factor > 1 and np.isfinite(mean_field.settled_signal(*given))
    return trainable_depth(*given) if chaotic else LENGTHS * mean_field.gradient_length(*given)


def _draw_boundary(axes: Axes, recipe: pd.Series, gains: Floats, depths: Floats) -> None:
    """Over cells, whose centres stand at levels: straight between them, depths in logarithms."""
    fine = _between(gains)
    reach = np.array([boundary(recipe, gain) for gain in fine])
    across = np.interp(fine, gains, np.arange(len(gains)) + 0.5)
    # Beyond the last level as fast as between the last two.
    logs = np.log2(np.clip(reach, depths[0] / 2, 4 * depths[-1]))
    steps = np.append(np.log2(depths), 2 * np.log2(depths[-1]) - np.log2(depths[-2]))
    up = np.interp(logs, steps, np.arange(len(steps)) + 0.5)
    axes.plot(across, len(depths) - up, **_LINE)
    axes.set_xlim(0, len(gains))
    axes.set_ylim(len(depths), 0)


def _between(gains: Sequence[float] | Floats) -> Floats:
    """The levels and many places between each two."""
    pieces = [np.linspace(low, high, _STEPS, endpoint=False) for low, high in pairwise(gains)]
    return np.concatenate([*pieces, np.array(gains[-1:])])
