"""Milestones: how long networks train until they are nearly as good as the best contender.

The target is a share of the best contender's median final score on the data set. A network whose
curve never comes there is censored: it counts as if it came there at its last epoch, which is the
least that it can have needed. How many were is in `target_reached`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

Floats = NDArray[np.float64]

# Of the best median final validation accuracy (R² of values).
SHARE = 0.95
_MINUTE = 60


def log_epochs_to_target(evidence: Evidence, final: pd.Series) -> pd.Series:
    """Natural logarithm of the first epoch at which the validation curve is at the target.

    Between measured epochs the curve is drawn straight over the logarithm of the epoch; what is
    there by epoch 1 counts as 1.

    Args:
        evidence: the trials and their curves.
        final: validation score of each trial at its end.

    Returns:
        One value per trial, censored ones at the last epoch; NaN where there is no curve, or the
        best score is not above 0.
    """
    return _epochs(evidence, final).apply(np.log)


def target_reached(evidence: Evidence, final: pd.Series) -> pd.Series:
    """1 where the validation curve comes to the target and 0 where not; NaN likewise."""
    return _crossings(evidence, final).notna().astype(np.float64).where(_measured(evidence, final))


def log10_seconds_to_target(evidence: Evidence, final: pd.Series) -> pd.Series:
    """log10 of the training seconds to the target over a minute, probes left out.

    All epochs count as equally long, so that a network that ends early costs what its whole
    training would have.
    """
    trials = evidence.trials
    training = _numbers(trials["seconds"]) - _numbers(trials["probe_seconds"]).fillna(0)
    per_epoch = training / _numbers(trials["epochs_trained"])
    seconds = per_epoch * _epochs(evidence, final)
    return (seconds.where(seconds > 0) / _MINUTE).apply(np.log10)


def _epochs(evidence: Evidence, final: pd.Series) -> pd.Series:
    """Epochs to the target, censored at the last one."""
    crossings = _crossings(evidence, final)
    last = _numbers(evidence.trials["epochs"]).where(_measured(evidence, final))
    return crossings.fillna(last)


def _targets(evidence: Evidence, final: pd.Series) -> pd.Series:
    """Of each trial's data set; NaN where the best score is not above 0."""
    factors = list(evidence.experiment.at(evidence.profile).factors())
    contenders = [evidence.trials[name].astype(str) for name in factors]
    datasets = evidence.trials["dataset"]
    medians = final.groupby([datasets, *contenders]).median()
    best = medians.groupby("dataset").max()
    return SHARE * datasets.map(best.where(best > 0)).astype(np.float64)


def _curves(evidence: Evidence) -> pd.DataFrame:
    """Validation accuracy or R² of every trial, in the order of epochs."""
    histories = evidence.histories
    scores = histories["metric"].isin(["accuracy", "r2"]) & histories["split"].eq("validation")
    rows = histories.loc[scores, ["trial_id", "epoch", "value"]]
    return rows.drop_duplicates(["trial_id", "epoch"], keep="last").sort_values("epoch")


def _measured(evidence: Evidence, final: pd.Series) -> pd.Series:
    has_curve = evidence.trials["trial_id"].isin(_curves(evidence)["trial_id"])
    return has_curve & _targets(evidence, final).notna()


def _crossings(evidence: Evidence, final: pd.Series) -> pd.Series:
    """Epochs at which curves first are at their targets; NaN where they never are."""
    curves = dict(list(_curves(evidence).query("epoch >= 1").groupby("trial_id")))
    targets = _targets(evidence, final)
    pairs = zip(evidence.trials["trial_id"], targets, strict=True)
    found = [_crossing(curves.get(trial_id), target) for trial_id, target in pairs]
    return targets.where(targets.isna(), found)


def _crossing(curve: pd.DataFrame | None, target: float) -> float:
    if curve is None:
        return np.nan
    scores = curve["value"].to_numpy(np.float64)
    logs = np.log(curve["epoch"].to_numpy(np.float64))
    there = scores >= target
    first = int(there.argmax())
    if not there[first]:
        return np.nan
    ends = slice(max(first - 1, 0), first + 1)
    return float(np.exp(np.interp(target, scores[ends], logs[ends])))


def _numbers(column: pd.Series) -> pd.Series:
    return column.astype(np.float64)
