"""Predictions: every curve with a closed form beside what networks measured, one row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from suite import deviations
from suite.data.cards import CARDS
from suite.theory.sawtooth import least_error
from suite.theory.simulation import Simulated, simulate

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

_RECIPE = ("activation", "initializer", "gain", "width", "depth")
_SIZES = ("depth", "width", "samples")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TheoryRow:
    """One closed form and what networks of one recipe measured of it.

    Attributes:
        experiment: whose networks, or 'simulation'.
        curve: what is predicted, with its unit.
        recipe: of the networks, in words.
        measured: mean over networks.
        predicted: mean over networks, each from its own first signal where theory starts from one.
        deviation: measured less predicted, mean over networks.
        scatter: standard deviation of that between networks; None of one.
        n: how many networks, or draws of a simulation.
    """

    experiment: str
    curve: str
    recipe: str
    measured: float
    predicted: float
    deviation: float
    scatter: float | None
    n: int


@dataclass(frozen=True, slots=True)
class _Curve:
    """A closed form: what networks measure of it and by how much they deviate, one each."""

    name: str
    measured: Callable[[Evidence], pd.Series]
    deviation: Callable[[Evidence], pd.Series]


_CURVES = (
    _Curve(
        "gradient: log10 of δ₁²/δL² per layer",
        lambda evidence: -deviations.gradient_decay(evidence),
        deviations.gradient_deviation,
    ),
    _Curve(
        "signal: log10 of qL/q₁ per layer", deviations.signal_growth, deviations.signal_deviation
    ),
    _Curve(
        "mean singular value of a layer's Jacobian",
        deviations.mean_singular_value,
        deviations.jacobian_deviation,
    ),
    _Curve(
        "ln(1 + spread of the Jacobian's squared singular values)",
        deviations.log_spread,
        deviations.jacobian_spread_deviation,
    ),
    _Curve(
        "cosine of two rows' gradients at hidden layer 2",
        deviations.gradient_cosine,
        deviations.gradient_angle_deviation,
    ),
)


def theory_rows(evidences: Sequence[Evidence]) -> list[TheoryRow]:
    """Every closed form that the experiments' networks measured, by experiment and recipe."""
    return [
        row
        for evidence in evidences
        if evidence.trials["outcome"].notna().any()
        for row in (*_of_start(evidence), *_of_sawtooth(evidence), *_of_cost(evidence))
    ]


def simulated_rows() -> list[TheoryRow]:
    """Closed forms that no experiment measures, held to simulations; the same each time."""
    return [_simulated(each) for each in simulate()]


def _simulated(each: Simulated) -> TheoryRow:
    measured = float(each.draws.mean())
    return TheoryRow(
        experiment="simulation",
        curve=each.curve,
        recipe=each.recipe,
        measured=measured,
        predicted=each.predicted,
        deviation=measured - each.predicted,
        scatter=float(each.draws.std(ddof=1)) if len(each.draws) > 1 else None,
        n=len(each.draws),
    )


def _of_start(evidence: Evidence) -> Iterator[TheoryRow]:
    """Curves of networks before training, from what probes recorded there."""
    for curve in _CURVES:
        measured = curve.measured(evidence)
        if measured.isna().all():
            continue
        rows = evidence.trials.assign(measured=measured, deviation=curve.deviation(evidence))
        for levels, own in rows.dropna(subset=["deviation"]).groupby(list(_RECIPE), sort=True):
            recipe = _in_words(dict(zip(_RECIPE, levels, strict=True)))
            yield _row(evidence, curve.name, recipe, own)


def _row(evidence: Evidence, curve: str, recipe: str, own: pd.DataFrame) -> TheoryRow:
    """Of networks with `measured` and `deviation`."""
    measured, deviation = float(own["measured"].mean()), float(own["deviation"].mean())
    return TheoryRow(
        experiment=evidence.experiment.name,
        curve=curve,
        recipe=recipe,
        measured=measured,
        predicted=measured - deviation,
        deviation=deviation,
        scatter=float(own["deviation"].std()) if len(own) > 1 else None,
        n=len(own),
    )


def _in_words(recipe: Mapping[str, Any]) -> str:
    """'tanh, xavier, 16 layers of 64', with the gain where that is not 1."""
    gain = "" if recipe["gain"] == 1 else f" times {recipe['gain']:g}"
    shape = f"{int(recipe['depth'])} layers of {int(recipe['width'])}"
    return f"{recipe['activation']}, {recipe['initializer']}{gain}, {shape}".replace("_", " ")


def _of_sawtooth(evidence: Evidence) -> Iterator[TheoryRow]:
    """The least error of networks with one hidden layer, over the bound that none gets below."""
    trials = evidence.trials
    teeth = trials["dataset"].str.partition("(")[0].eq("sawtooth")
    one = trials["network"].eq("dense") & trials["depth"].eq(1) & trials["activation"].eq("relu")
    known = trials[teeth & one & trials["test_accuracy"].notna()]
    known = known.astype({"width": np.int64})
    for (dataset, width), own in known.groupby(["dataset", "width"], sort=True):
        points = CARDS[str(dataset)].train_samples
        error, bound = 1 - float(own["test_accuracy"].max()), least_error(points, int(str(width)))
        yield TheoryRow(
            experiment=evidence.experiment.name,
            curve="least error on the sawtooth, bound from below",
            recipe=f"relu, 1 layer of {width}, {points} points",
            measured=error,
            predicted=bound,
            deviation=error - bound,
            scatter=None,
            n=len(own),
        )


def _of_cost(evidence: Evidence) -> Iterator[TheoryRow]:
    """Exponents of the seconds of networks trained alone, over those of the counted FLOPs."""
    trials = evidence.trials
    several = [f for f in _SIZES if trials[f].nunique() > 1]
    timed = trials[trials["together"].eq(1) & (trials["seconds"] > 0) & (trials["flops"] > 0)]
    if not several or len(timed) <= len(several) + timed["dataset"].nunique():
        return
    seconds, flops = (_exponents(timed, several, cost) for cost in ("seconds", "flops"))
    for factor, own, counted in zip(several, seconds, flops, strict=True):
        yield TheoryRow(
            experiment=evidence.experiment.name,
            curve=f"exponent of training seconds over {factor}, against that of FLOPs",
            recipe="networks trained alone",
            measured=float(own),
            predicted=float(counted),
            deviation=float(own - counted),
            scatter=None,
            n=len(timed),
        )


def _exponents(timed: pd.DataFrame, factors: Sequence[str], cost: str) -> Floats:
    """Slopes of a cost's logarithm over the factors', all at once, data sets apart."""
    logs = np.log(timed[list(factors)].to_numpy(np.float64))
    names = timed["dataset"].to_numpy()
    own = (names[:, None] == np.unique(names)).astype(np.float64)  # (network, data set)
    found = np.linalg.lstsq(np.hstack([logs, own]), np.log(timed[cost].to_numpy(np.float64)))
    slopes: Floats = found[0][: len(factors)]
    return slopes


@dataclass(frozen=True, slots=True, kw_only=True)
class TheorySummary:
    """All rows of one curve in one experiment.

    Attributes:
        experiment: whose networks.
        curve: what is predicted, with its unit.
        recipes: how many rows there are.
        n: how many networks, all recipes together.
        mean: deviation, mean over recipes.
        largest: the deviation that is furthest from 0.
        where: the recipe that has it.
    """

    experiment: str
    curve: str
    recipes: int
    n: int
    mean: float
    largest: float
    where: str


def theory_summary(rows: Sequence[TheoryRow]) -> list[TheorySummary]:
    """One line for each curve of each experiment, in the order of `rows`."""
    groups: dict[tuple[str, str], list[TheoryRow]] = {}
    for row in rows:
        groups.setdefault((row.experiment, row.curve), []).append(row)
    return [_summary(own) for own in groups.values()]


def _summary(own: Sequence[TheoryRow]) -> TheorySummary:
    furthest = max(own, key=lambda row: abs(row.deviation))
    return TheorySummary(
        experiment=furthest.experiment,
        curve=furthest.curve,
        recipes=len(own),
        n=sum(row.n for row in own),
        mean=float(np.mean([row.deviation for row in own])),
        largest=furthest.deviation,
        where=furthest.recipe,
    )


def theory_csv(rows: Sequence[TheoryRow]) -> bytes:
    """The rows as CSV, numbers to six significant digits; an empty field where there is none."""
    import pandas as pd

    names = [field.name for field in fields(TheoryRow)]
    table = pd.DataFrame([asdict(row) for row in rows], columns=names)
    text: str = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return text.encode()
