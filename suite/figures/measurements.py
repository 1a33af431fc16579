"""Evidence as one row per network, with what every figure needs of it; and means with intervals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from suite import statistics
from suite.data.cards import CARDS
from suite.experiment import Level
from suite.figures.drawing import NothingToDraw
from suite.metrics import FAILURES, METRICS
from suite.results import Evidence
from suite.trial import OPTIONAL

MISS = 0.05  # what every band and whisker leaves out
FEWEST = 3  # units for an interval: Student's from two spans 18 standard errors


def networks(evidence: Evidence) -> pd.DataFrame:
    """The trained final networks: factors, measurements, `score`, whether it `failed`, its `unit`.

    A field's level that is no value, such as the whole training part, is its word in `OPTIONAL`;
    how many training samples were used is in `used_samples`.

    Failures count as chance, as in the claims' tests. Networks that crashed, ran out of memory or
    out of time measured nothing and are left out.

    Raises:
        NothingToDraw: no network has been trained.
    """
    trials = evidence.trials
    if trials["outcome"].isna().all():
        raise NothingToDraw("no network of this experiment has been trained yet")
    failed = trials["outcome"].isin(FAILURES)
    frame = trials.assign(
        **_present(trials),
        failed=failed,
        score=METRICS["test_score"].values(evidence),
        test_loss=METRICS["test_loss"].values(evidence),
        generalization_gap=METRICS["generalization_gap"].values(evidence),
        used_samples=_used_samples(trials),
        unit=_units(trials),
    )[failed | (trials["outcome"] == "completed")]
    if frame.empty:
        raise NothingToDraw("no network of this experiment has been trained yet")
    return frame


def _present(trials: pd.DataFrame) -> dict[str, pd.Series]:
    """Columns in which a word stands for None, which no group would have a place for."""
    columns = {name: trials[name].astype(object) for name in OPTIONAL}
    return {name: values.where(values.notna(), OPTIONAL[name]) for name, values in columns.items()}


def _used_samples(trials: pd.DataFrame) -> pd.Series:
    whole = trials["dataset"].map(lambda name: CARDS[name].train_samples)
    given = trials["samples"].astype(np.float64)
    return given.where(given.notna(), whole)


def _units(trials: pd.DataFrame) -> pd.Series:
    """Splits that share a test fold are one unit: together they say no more than one."""
    folds = trials["dataset"].map(lambda name: CARDS[name].folds)
    return trials["split"].where(folds == 0, trials["split"] % folds.replace(0, 1))


def score_name(datasets: Iterable[str]) -> str:
    """What `score` is on these data sets."""
    tasks = {CARDS[name].task for name in datasets}
    if tasks == {"classification"}:
        return "test accuracy"
    return "test R²" if tasks == {"regression"} else "test accuracy (R² for regression)"


def chance(dataset: str) -> float:
    """Score of a guess: one in the number of classes, or an R² of 0."""
    card = CARDS[dataset]
    return 1 / card.outputs if card.task == "classification" else 0.0


def levels_of(evidence: Evidence, factor: str) -> list[Level]:
    """A factor's levels in the experiment's order, as `networks` has them."""
    design = evidence.experiment.at(evidence.profile)
    levels = design.datasets if factor == "dataset" else design.vary[factor]
    return [level_key(factor, level) for level in levels]


def levels_in(evidence: Evidence, frame: pd.DataFrame, factor: str) -> list[Level]:
    """The levels that `frame` holds: numbers ascending, names in the experiment's order."""
    present = [plain_level(level) for level in frame[factor].dropna().unique()]
    numbers = [level for level in present if isinstance(level, int | float)]
    if len(numbers) == len(present):
        return [*sorted(numbers)]
    return sorted(present, key=levels_of(evidence, factor).index)


def level_key(factor: str, level: Level) -> Level:
    """A factor's level as `networks` has it."""
    return OPTIONAL[factor] if level is None else plain_level(level)


def plain_level(level: object) -> Level:
    """A level as the experiment writes it: no NumPy scalar, and whole floats as int."""
    value = level.item() if isinstance(level, np.generic) else level
    whole = isinstance(value, float) and value.is_integer()
    return int(cast(float, value)) if whole else cast(Level, value)


def means(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Mean of `value` with its 95 % Student interval over units, `n` networks, `failed` of them.

    `low` and `high` are NaN where there are fewer than three units.

    Raises:
        NothingToDraw: `value` was measured nowhere.
    """
    units = frame.dropna(subset=[value]).groupby([*by, "unit"], sort=True)
    table = units.agg(value=(value, "mean"), n=(value, "size"), failed=("failed", "sum"))
    if table.empty:
        raise NothingToDraw(f"no network has a measured {value.replace('_', ' ')}")
    table = (
        table.groupby(list(by), sort=True)
        .agg(
            mean=("value", "mean"),
            variance=("value", "var"),
            units=("value", "size"),
            n=("n", "sum"),
            failed=("failed", "sum"),
        )
        .reset_index()
    )
    columns = (table[[name]].to_numpy(np.float64) for name in ("mean", "variance", "units"))
    estimate = statistics.estimate(statistics.Moments(*columns))
    low, high = statistics.interval(estimate, MISS)
    enough = table["units"] >= FEWEST
    table = table.assign(low=low, high=high)
    table[["low", "high"]] = table[["low", "high"]].where(enough)
    return table[[*by, "mean", "low", "high", "n", "failed"]]


def geometric_means(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """As `means`, of the logarithm: it averages fairly over powers of ten. Needs `value` > 0."""
    positive = frame[frame[value] > 0]
    table = means(positive.assign(**{value: np.log(positive[value])}), by, value)
    return table.assign(**{name: np.exp(table[name]) for name in ("mean", "low", "high")})


def only(frame: pd.DataFrame, levels: Mapping[str, Level]) -> pd.DataFrame:
    """The rows at these levels."""
    for factor, level in levels.items():
        frame = frame[frame[factor] == level]
    return frame
