"""Metrics: what claims and figures compare, one value per final trial.

A network that diverged or died counts as chance: accuracy, balanced accuracy and F1 1/C, area under
the ROC curve .5, cross-entropy ln C, and on standardised targets R² 0 and squared error 1; other
losses likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite import deviations, ensembles, findings, milestones, sample_complexity
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


def _chance_area(trials: pd.DataFrame) -> Floats:
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    return np.where(regression, np.nan, 0.5)


def _chance_r2(trials: pd.DataFrame) -> Floats:
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    return np.where(regression, 0.0, np.nan)


def _chance_error(part: str, per_deviation: float = 1.0) -> Callable[[pd.DataFrame], Floats]:
    """Error of the mean as a guess, in the target's own units.

    The spread of a split's targets is in every measured pair of error and R²; NaN where no trial
    of the split has one.
    """

    def chance(trials: pd.DataFrame) -> Floats:
        error = trials[f"{part}_rmse"].to_numpy(np.float64, na_value=np.nan)
        unexplained = 1 - trials[f"{part}_r2"].to_numpy(np.float64, na_value=np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(unexplained > 0, error / np.sqrt(unexplained), np.nan)
        rows = trials.assign(spread=spread).groupby(["dataset", "split"])["spread"]
        known = rows.transform("median")
        return per_deviation * known.to_numpy(np.float64)

    return chance


def _nothing(trials: pd.DataFrame) -> Floats:
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


def _held_out(part: str) -> dict[str, Metric]:
    """What scores beside loss, accuracy and R² say of a part that networks are not fitted to."""
    # Of normal values the mean absolute deviation is this share of the standard deviation.
    absolute = CHANCE_LOSSES["absolute"][1]
    entries: list[tuple[str, str, bool, str, Callable[[pd.DataFrame], Floats]]] = [
        ("balanced_accuracy", "mean recall of the classes", True, "", _chance_accuracy),
        ("f1", "F1, the mean over the classes,", True, "", _chance_accuracy),
        (
            "roc_auc",
            "area under the ROC curve, of several classes the mean of each against the rest,",
            *(True, "", _chance_area),
        ),
        ("mae", "mean absolute error", False, _OWN_UNIT, _chance_error(part, absolute)),
        ("rmse", "root of the mean squared error", False, _OWN_UNIT, _chance_error(part)),
    ]
    return {
        f"{part}_{name}": Metric(
            f"{says} on {part} data", better, unit, _score(f"{part}_{name}", chance)
        )
        for name, says, better, unit, chance in entries
    }


_test_accuracy = _score("test_accuracy", _chance_accuracy)
_test_r2 = _score("test_r2", _chance_r2)
_test_loss = _score("test_loss", _chance_loss)
_train_loss = _score("train_loss", _chance_loss)


def _test_score(evidence: Evidence) -> pd.Series:
    regression = _card_field(evidence.trials, "task") == "regression"
    return _test_r2(evidence).where(regression, _test_accuracy(evidence))


_validation_accuracy = _score("validation_accuracy", _chance_accuracy)
_validation_r2 = _score("validation_r2", _chance_r2)


def _validation_score(evidence: Evidence) -> pd.Series:
    regression = _card_field(evidence.trials, "task") == "regression"
    return _validation_r2(evidence).where(regression, _validation_accuracy(evidence))


def _to_target(measure: Callable[[Evidence, pd.Series], pd.Series]) -> Values:
    return lambda evidence: measure(evidence, _validation_score(evidence))


def _or_chance(of: Values, chance: Callable[[pd.DataFrame], Floats]) -> Values:
    """What was found, with chance in place of failures."""

    def values(evidence: Evidence) -> pd.Series:
        trials = evidence.trials
        return of(evidence).mask(trials["outcome"].isin(FAILURES), chance(trials))

    return values


def _chance_score(trials: pd.DataFrame) -> Floats:
    regression = (_card_field(trials, "task") == "regression").to_numpy()
    return np.where(regression, 0.0, _chance_accuracy(trials))


def _readout(evidence: Evidence) -> pd.Series:
    """Classical models read out their features themselves."""
    # Not known of trials that are not trained yet.
    classical = evidence.trials["kernel"].str.startswith("sklearn").eq(True)
    own = evidence.trials["test_accuracy"].astype(np.float64).where(classical)
    return findings.last_layer_readout(evidence).where(~classical, own)


def _coin(trials: pd.DataFrame) -> Floats:
    return np.full(len(trials), 0.5)


def _gap_loss(evidence: Evidence) -> pd.Series:
    return _test_loss(evidence) - _train_loss(evidence)


def _log2_throughput(evidence: Evidence) -> pd.Series:
    trials = evidence.trials
    rows = trials["samples"].astype(np.float64).fillna(_card_field(trials, "train_samples"))
    passed = rows * trials["epochs_trained"].astype(np.float64)
    rate = passed / _column("seconds")(evidence)
    return rate.where((rate > 0) & np.isfinite(rate)).apply(np.log2)


def _log10_minutes(evidence: Evidence) -> pd.Series:
    seconds = _column("seconds")(evidence)
    return (seconds.where(seconds > 0) / 60).apply(np.log10)


_GRADIENT = "log10 per layer"
_OWN_UNIT = "the target's unit"

METRICS: dict[str, Metric] = {
    "test_accuracy": Metric("accuracy on test data", True, "", _test_accuracy),
    "validation_accuracy": Metric("accuracy on validation data", True, "", _validation_accuracy),
    "train_accuracy": Metric(
        "accuracy on training data", True, "", _score("train_accuracy", _chance_accuracy)
    ),
    "test_loss": Metric("loss on test data", False, "", _test_loss),
    "validation_loss": Metric(
        "loss on validation data", False, "", _score("validation_loss", _chance_loss)
    ),
    "train_loss": Metric("loss on training data", False, "", _train_loss),
    "test_error": Metric(
        "share of test data told wrongly", False, "", lambda e: 1 - _test_accuracy(e)
    ),
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
    **_held_out("test"),
    **_held_out("validation"),
    "generalization_gap": Metric(
        "training less test accuracy; for regression test less training loss",
        False,
        "",
        _score("generalization_gap", _nothing),
    ),
    "gap_loss": Metric("loss on test less loss on training data", False, "", _gap_loss),
    "gradient_decay": Metric(
        "how fast squared back-propagated gradients shrink from the last hidden layer to the first"
        " before training: −log10(δ₁²/δ_L²)/(L−1)",
        None,
        _GRADIENT,
        deviations.gradient_decay,
        at_start=True,
    ),
    "weight_gradient_decay": Metric(
        "how fast squared weight gradients shrink from the last hidden layer to the second before"
        " training",
        None,
        _GRADIENT,
        deviations.weight_gradient_decay,
        at_start=True,
    ),
    "glorot_deviation": Metric(
        "largest distance, over hidden layers from the second, of the mean singular value of a"
        " layer's own Jacobian from (8/3π)·√(σ²·E[φ′²]), before training",
        *(False, "", deviations.glorot_deviation),
        at_start=True,
    ),
    "norm_variance_slope": Metric(
        "slope over the sum of 1/width of the variance of ln ‖Jacobian · u‖² between networks",
        *(None, "", ensembles.norm_variance_slope),
        at_start=True,
    ),
    **{
        f"{name}_theory_deviation": Metric(
            f"measured less predicted {says}, before training", None, unit, values, at_start=True
        )
        for name, says, unit, values in (
            ("gradient", "log10 of δ₁²/δ_L² per layer", _GRADIENT, deviations.gradient_deviation),
            ("signal", "log10 of q_L/q₁ per layer", _GRADIENT, deviations.signal_deviation),
            (
                "gradient_angle",
                "mean cosine of two rows' gradients at hidden layer 2",
                *("", deviations.gradient_angle_deviation),
            ),
            (
                "jacobian",
                "mean singular value of hidden layers' own Jacobians, the first's left out",
                *("", deviations.jacobian_deviation),
            ),
            (
                "jacobian_spread",
                "ln(1 + relative variance of the squared singular values) of the Jacobian from the"
                " inputs to the last hidden layer",
                *("ln", deviations.jacobian_spread_deviation),
            ),
        )
    },
    "gradient_error": Metric(
        "largest relative error of back-propagated gradients, over layers and epochs",
        *(False, "", findings.gradient_error),
    ),
    "unit_diversity": Metric(
        "how unlike each other a hidden layer's units are at the end: mean of 1 less the largest"
        " |cosine| with another's incoming weights",
        *(True, "", findings.unit_diversity),
    ),
    "zero_share": Metric(
        "share of weights that are exactly zero at the end", True, "", findings.zero_share
    ),
    "attribution_auc": Metric(
        "area under the ROC curve with which |gradient × input| ranks relevant features",
        *(True, "", _or_chance(findings.attribution_auc, _coin)),
    ),
    "last_layer_separability": Metric(
        "validation accuracy (R² of values) of a linear model of the last hidden layer",
        *(True, "", _or_chance(findings.last_layer_separability, _chance_score)),
    ),
    "separability_step": Metric(
        "smallest step of a linear model's validation accuracy (R² of values) from one hidden layer"
        " to the next, mean over networks",
        *(True, "", ensembles.separability_step),
    ),
    "readout_test_accuracy": Metric(
        "test accuracy of a linear model of the last hidden layer; of a classical model, its own",
        *(True, "", _or_chance(_readout, _chance_accuracy)),
    ),
    "best_probe_layer_slope": Metric(
        "slope of the hidden layer that tells a latent level best, over the level, at the end",
        *(True, "layers per level", _or_chance(findings.best_probe_layer_slope, _nothing)),
    ),
    "best_probe_layer_gain": Metric(
        "the same slope at the end less that before training",
        *(True, "layers per level", _or_chance(findings.best_probe_layer_gain, _nothing)),
    ),
    "hierarchy_exponent": Metric(
        "slope of the logarithm of the samples that a random hierarchy takes over that of"
        " classes · synonyms^levels",
        *(None, "", lambda e: sample_complexity.hierarchy_exponent(e, _test_accuracy(e))),
    ),
    "log_epochs_to_target": Metric(
        f"natural logarithm of the epochs until validation accuracy (R²) is {milestones.SHARE:g} of"
        " the best contender's median; misses count as the last epoch",
        *(False, "ln epoch", _to_target(milestones.log_epochs_to_target)),
    ),
    "log10_seconds_to_target": Metric(
        "log10 of the minutes of training until then, misses likewise",
        *(False, "log10 min", _to_target(milestones.log10_seconds_to_target)),
    ),
    "target_reached": Metric(
        "whether validation accuracy (R²) comes to that target at all",
        *(True, "", _to_target(milestones.target_reached)),
    ),
    "log_seconds": Metric(
        "natural logarithm of the training seconds", False, "ln s", _log(_column("seconds"), 0)
    ),
    "log10_minutes": Metric(
        "logarithm to base 10 of the training minutes: above 0, more than one minute",
        None,
        "log10 min",
        _log10_minutes,
    ),
    "log2_throughput": Metric(
        "logarithm to base 2 of the training rows that pass in a second",
        True,
        "log2 rows/s",
        _log2_throughput,
    ),
    "log_flops": Metric(
        "natural logarithm of the floating-point operations of training",
        False,
        "ln FLOP",
        _log(_column("flops"), 0),
    ),
}
