"""Figure of ranks: several methods over several data sets."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from suite import ranking
from suite.figures.contenders import compared_factor, headline_metric
from suite.figures.drawing import Drawing, NothingToDraw
from suite.figures.grid import Key, panels
from suite.figures.measurements import levels_of, networks
from suite.figures.palette import colours
from suite.figures.theme import INK, styled
from suite.figures.words import counted, level_name, metric_words
from suite.pairing import level_scores
from suite.randomness import generator
from suite.results import Evidence

_ROOM = 40  # characters of names that fit below the map side by side
_MANY = 8
_RANK, _WINS = "mean rank (1 is best)", "probability that the row beats the column"


@styled()
def ranks(evidence: Evidence) -> Drawing:
    """Mean rank of each level over data sets, and how probably each beats each other."""
    networks(evidence)
    factor, metric = compared_factor(evidence), headline_metric(evidence)
    levels, scores = level_scores(evidence, metric, factor, {})
    if len(levels) < 3 or not scores:
        raise NothingToDraw("ranks need three contenders or more that met on the same splits")
    table = _ranked(levels, list(scores.values()))
    table = table.sort_values("rank", kind="stable", ignore_index=True)
    units = sum(map(len, scores.values()))
    return Drawing(
        title="Which contender ranks first, and how surely?",
        figure=_draw(evidence, table, factor),
        table=table.assign(n=units),
        caption=f"Left: mean rank by {metric_words(metric)} on each split, ties shared, data sets "
        "weighing the same. Right: how probably a network of the row beats one of the column on a "
        f"data set (ties count half). n = {counted(units, 'split')} of "
        f"{counted(len(scores), 'data set')}; whiskers are 95 % bootstrap intervals over splits "
        "within data sets, for the eye: no verdict rests on them.",
        alt=_in_words(table, factor),
    )


def _ranked(levels: Sequence[str], scores: Sequence[ranking.Floats]) -> pd.DataFrame:
    rank = ranking.mean_ranks(scores, generator(0, "mean ranks"))
    wins = ranking.probability_of_improvement(scores, generator(0, "probability of improvement"))
    table = pd.DataFrame({"level": levels, "rank": rank.value, "low": rank.low, "high": rank.high})
    beats = {f"beats_{name}": wins.value[:, place] for place, name in enumerate(levels)}
    return table.assign(**beats)


def _draw(evidence: Evidence, table: pd.DataFrame, factor: str) -> Figure:
    columns: list[Key] = [{"shows": _RANK}, {"shows": _WINS}]
    height = 0.4 + 0.3 * len(table)
    figure, (left, right) = panels([{}], columns, height, share="none", share_x="none")
    shades = colours(factor, levels_of(evidence, factor))
    by_name = {str(level): shade for level, shade in shades.items()}
    _draw_ranks(left.axes, table, by_name)
    names = [level_name(factor, level) for level in table["level"]]
    left.axes.set_yticks(range(len(names)), names)
    _draw_wins(right.axes, table, names)
    return figure


def _draw_ranks(axes: Axes, table: pd.DataFrame, shades: dict[str, str]) -> None:
    for place, row in enumerate(table.to_dict("records")):
        reach = [[row["rank"] - row["low"]], [row["high"] - row["rank"]]]
        axes.errorbar(row["rank"], place, xerr=reach, color=shades.get(row["level"], INK), fmt="o")
    axes.set_xlim(0.8, len(table) + 0.2)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _draw_wins(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    wins = table[[f"beats_{level}" for level in table["level"]]].to_numpy(np.float64)
    text = np.vectorize("{:.2f}".format)(wins)
    np.fill_diagonal(wins, np.nan)
    sns.heatmap(
        wins,
        ax=axes,
        annot=text,
        fmt="",
        cmap="vlag_r",
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=1.2,
        annot_kws={"fontsize": 7.5 if len(names) <= _MANY else 6.0},
        xticklabels=list(names),
        yticklabels=list(names),
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, axis="y", rotation=0)
    axes.tick_params(length=0, axis="x", rotation=90 if sum(map(len, names)) > _ROOM else 0)
    axes.grid(False)


def _in_words(table: pd.DataFrame, factor: str) -> str:
    rows = table.to_dict("records")
    words = [f"{level_name(factor, row['level'])} {row['rank']:.2f}" for row in rows]
    return f"Dot plot of mean ranks and heat map of probabilities. Ranks: {', '.join(words)}."
