"""What the terminal shows of a comparison, and the facts that terminal and page share."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from suite import __version__
from suite.compare.plan import PROFILE
from suite.compare.sentences import METRIC_NAMES, NAMES, amount
from suite.compare.table import Table
from suite.compare.verdict import Place, Verdict
from suite.experiment import Experiment
from suite.figures.theme import plain
from suite.figures.words import counted
from suite.provenance import machine
from suite.report.numbers import span


def print_verdict(verdict: Verdict, sentence: str, console: Console) -> None:
    """The ranking, then the sentence."""
    grid = Grid(box=None, header_style="bold")
    metric = METRIC_NAMES[verdict.metric]
    for title in ("", "contender", f"test {metric}", "rank", "cost"):
        grid.add_column(title, no_wrap=True)
    for number, place in enumerate(verdict.places, start=1):
        grid.add_row(str(number) if place.mean is not None else "–", *_cells(place))
    console.print(grid)
    console.print()
    console.print(sentence)


def _cells(place: Place) -> tuple[str, ...]:
    if place.mean is None:
        return NAMES[place.name], "–", "–", span(place.seconds)
    half = place.interval and (place.interval[1] - place.interval[0]) / 2
    return (
        NAMES[place.name],
        amount(place.mean, half),
        f"{place.rank:.1f}",
        span(place.seconds),
    )


def facts(table: Table, experiment: Experiment, device: str) -> tuple[tuple[str, str], ...]:
    """How it was measured, as rows of a table."""
    return tuple(_facts(table, experiment, device))


def _facts(table: Table, experiment: Experiment, device: str) -> Iterator[tuple[str, str]]:
    card, design, tune = table.card, experiment.at(PROFILE), experiment.tune
    assert tune is not None
    rows = plain(card.samples)
    if table.rows > card.samples:
        rows = f"{rows} of {plain(table.rows)}"
    yield "Rows and inputs", f"{rows} rows, {plain(card.features)} inputs, {card.task}"
    yield "Splits", f"{_splits(table, design.seeds)}"
    folds = "a ninth of the rest" if card.division == "rows" else "rows of the rest"
    yield "Validation", f"{folds}; it alone chooses recipes and ends training early"
    yield (
        "Budget",
        (
            f"{tune.budget.trials} recipes for each contender and split, proposed by TPE, chosen "
            "by validation loss"
        ),
    )
    shared = {k: v[0] for k, v in design.hold.items() if k in ("epochs", "batch_size")}
    yield (
        "Networks",
        (
            f"dense, ReLU, He's initial weights, Adam, at most {shared['epochs']} epochs, early "
            f"stopping, batches of {shared['batch_size']}; one hidden layer (shallow) or three"
        ),
    )
    for name, searched in tune.space.items():
        yield f"Searched: {name.replace('_', ' ')}", searched.text
    for name, searched in tune.regularizers.items():
        yield f"Searched: {name.replace('_', ' ')}", searched.text
    for model, ranges in tune.settings.items():
        text = "; ".join(f"{n.replace('_', ' ')} {r.text}" for n, r in ranges.items())
        yield f"Searched: {model.replace('_', ' ')}", text
    yield "Machine", f"{machine()}, {device}"
    yield "Leadline", __version__


def _splits(table: Table, seeds: int) -> str:
    card = table.card
    if card.division == "groups":
        return f"{seeds}, each testing on groups of {table.spec.group} of its own"
    if card.division == "time":
        return f"{seeds}, each testing on rows later by {table.spec.time} than it trains on"
    return f"{seeds} of {counted(card.folds, 'disjoint test fold')}"


def command_text(options: Mapping[str, Any]) -> str:
    """The command line that asks for the same; what is None, empty or False is left out.

    The values of a list stand one by one.
    """
    words = ["leadline", "compare", str(options["file"])]
    for name, value in options.items():
        if name == "file" or value is None or value is False or value == ():
            continue
        values = value if isinstance(value, tuple) else (value,)
        for each in values:
            words += [f"--{name}"] if each is True else [f"--{name}", _word(each)]
    return shlex.join(words)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
