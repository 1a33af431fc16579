"""Metrics: what claims and figures compare, one value per final trial.

A network that diverged or died counts as chance: accuracy 1/C, cross-entropy ln C, and on
standardised targets R² 0 and squared error 1; other losses likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite.data.cards import CARDS
from suite.errors import unknown

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

Values = Callable[["Evidence"], "pd.Series"]
Floats = NDArray[np.float64]

# Outcomes that are results of the recipe; out of memory and the like are none.
FAILURES = ("diverged", "dead")
# Loss of a uniform guess among so many classes (for all but cross-entropy a mean over one-hot
# outputs), and of the mean as a guess of standard normal values.
CHANCE_LOSSES: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "cross_entropy": (np.log, np.nan),
    "squared_error": (lambda classes: (classes - 1) / classes**2, 1.0),
    "absolute": (lambda classes: 2 * (classes - 1) / classes**2, float(np.sqrt(2 / np.pi))),
    "huber": (lambda classes: (classes - 1) / (2 * classes**2), 0.42466022),
}
# Below float32's resolution a loss is rounding.
_SMALLEST_LOSS = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that claims and figures compare.

    Attributes:
        description: one line for people.
        higher_is_better: None where neither is: then claims compare as measured.
        unit: of the values; empty for shares and other bare numbers.
        values: evidence to one value per row of its trials (same index), NaN where not measured.
        at_start: measured before training, so that what training did later does not count.
    """

    description: str
    higher_is_better: bool | None
    unit: str
    values: Values
    at_start: bool = False


def _card_field(trials: pd.DataFrame, field: str) -> pd.Series:
    names = trials["dataset"].unique()
    for name in names:
        if name not in CARDS:
            raise unknown("trials", "data set", name, CARDS)
    return trials["dataset"].map({name: getattr(CARDS[name], field) for name in names})


def _chance_loss(trials: pd.DataFrame) -> Floats:
    classes = _card_field(trials, "outputs").to_numpy(dtype=np.float64)
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    chance = np.full(len(trials), np.nan)
    for loss, (of_classes, of_values) in CHANCE_LOSSES.items():
        rows = (trials["loss"] == loss).to_numpy(dtype=bool)
        chance[rows] = np.where(regression, of_values, of_classes(classes))[rows]
    return chance


def _chance_accuracy(trials: pd.DataFrame) -> Floats:
    classes = _card_field(trials, "outputs").to_numpy(dtype=np.float64)
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    return np.where(regression, np.nan, 1 / classes)


def _chance_r2(trials: pd.DataFrame) -> Floats:
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    return np.where(regression, 0.0, np.nan)


def _no_gap(trials: pd.DataFrame) -> Floats:
    return np.zeros(len(trials))


def _score(column: str, chance: Callable[[pd.DataFrame], Floats]) -> Values:
    """A column of the trials, with chance in place of failures."""

    def values(evidence: Evidence) -> pd.Series:
        trials = evidence.trials
        measured = trials[column].astype(np.float64)
        return measured.mask(trials["outcome"].isin(FAILURES), chance(trials))

    return values


def _log(of: Values, least: float) -> Values:
    """Natural logarithm; values below `least` count as `least`, which may be 0."""

    def values(evidence: Evidence) -> pd.Series:
        raised = of(evidence).clip(lower=least)
        return raised.where(raised > 0).apply(np.log)

    return values


def _column(name: str) -> Values:
    return lambda evidence: evidence.trials[name].astype(np.float64)


_test_accuracy = _score("test_accuracy", _chance_accuracy)
_test_r2 = _score("test_r2", _chance_r2)
_test_loss = _score("test_loss", _chance_loss)
_train_loss = _score("train_loss", _chance_loss)


def _test_score(evidence: Evidence) -> pd.Series:
    regression = _card_field(evidence.trials, "task") == "regression"
    return _test_r2(evidence).where(regression, _test_accuracy(evidence))


def _gap_loss(evidence: Evidence) -> pd.Series:
    return _test_loss(evidence) - _train_loss(evidence)


def _at_start(evidence: Evidence, probe: str, layers: pd.Series) -> pd.Series:
    """A probe before training, for each trial at its own layer; NaN where not recorded."""
    import pandas as pd

    histories = evidence.histories
    start = histories[(histories["metric"] == probe) & (histories["epoch"] == 0)]
    recorded = start.set_index(["trial_id", "layer"])["value"]
    recorded = recorded[~recorded.index.duplicated(keep="last")]
    wanted = pd.MultiIndex.from_arrays([evidence.trials["trial_id"], layers])
    return pd.Series(recorded.reindex(wanted).to_numpy(np.float64), index=evidence.trials.index)


def _gradient_decay(evidence: Evidence) -> pd.Series:
    depth = evidence.trials["depth"].fillna(0).astype(np.int64)
    first = _at_start(evidence, "delta_norm", depth.clip(upper=1))
    last = _at_start(evidence, "delta_norm", depth)
    flows = (depth >= 2) & (first > 0) & (last > 0)
    ratio = np.log10(first.where(flows)) - np.log10(last.where(flows))
    decay: pd.Series = -2 * ratio / (depth - 1).where(flows)
    return decay


def _gradient_theory_deviation(evidence: Evidence) -> pd.Series:
    from suite import theory

    decay = _gradient_decay(evidence)
    ones = decay.notna().astype(np.int64)
    trials = evidence.trials.assign(first_signal=_at_start(evidence, "signal", ones))
    predicted = theory.applies(trials) & decay.notna()
    deviation = decay.mask(decay.notna())
    recipe = ["activation", "initializer", "gain", "width", "depth"]
    for _, group in trials[predicted].groupby(recipe):
        deviation[group.index] = -decay[group.index] - _predicted_slope(group)
    return deviation


def _predicted_slope(alike: pd.DataFrame) -> Floats:
    """Mean-field log10 δ_1²/δ_L² per layer for trials of one recipe, each from its own q_1."""
    from suite import theory

    first = alike.iloc[0]
    width, depth = int(first["width"]), int(first["depth"])
    deltas = theory.log10_deltas(
        first["activation"],
        alike["first_signal"].to_numpy(np.float64),
        theory.weight_variance(first["initializer"], width, width, float(first["gain"])),
        theory.bias_variance(first["initializer"], width),
        depth=depth,
    )
    return deltas[:, 0] / (depth - 1)


_GRADIENT = "log10 per layer"

METRICS: dict[str, Metric] = {
    "test_accuracy": Metric("accuracy on test data", True, "", _test_accuracy),
    "validation_accuracy": Metric(
        "accuracy on validation data", True, "", _score("validation_accuracy", _chance_accuracy)
    ),
    "train_accuracy": Metric(
        "accuracy on training data", True, "", _score("train_accuracy", _chance_accuracy)
    ),
    "test_loss": Metric("loss on test data", False, "", _test_loss),
    "validation_loss": Metric(
        "loss on validation data", False, "", _score("validation_loss", _chance_loss)
    ),
    "train_loss": Metric("loss on training data", False, "", _train_loss),
    "log_test_loss": Metric(
        "natural logarithm of the loss on test data",
        False,
        "ln",
        _log(_test_loss, _SMALLEST_LOSS),
    ),
    "test_r2": Metric("R² on test data", True, "", _test_r2),
    "test_score": Metric(
        "on test data, accuracy of classifiers and R² of regressors", True, "", _test_score
    ),
    "generalization_gap": Metric(
        "training less test accuracy; for regression test less training loss",
        False,
        "",
        _score("generalization_gap", _no_gap),
    ),
    "gap_loss": Metric("loss on test less loss on training data", False, "", _gap_loss),
    "gradient_decay": Metric(
        "how fast squared back-propagated gradients shrink from the last hidden layer to the first"
        " before training: −log10(δ₁²/δ_L²)/(L−1)",
        None,
        _GRADIENT,
        _gradient_decay,
        at_start=True,
    ),
    "gradient_theory_deviation": Metric(
        "measured less mean-field log10 of δ₁²/δ_L² per layer, before training",
        None,
        _GRADIENT,
        _gradient_theory_deviation,
        at_start=True,
    ),
    "log_seconds": Metric(
        "natural logarithm of the training seconds", False, "ln s", _log(_column("seconds"), 0)
    ),
    "log_flops": Metric(
        "natural logarithm of the floating-point operations of training",
        False,
        "ln FLOP",
        _log(_column("flops"), 0),
    ),
}
