"""Ensembles: what shows only in many networks of one recipe, taken together.

Each of them gets its share of it, or the number of them all, so that claims compare it like any
other metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence


def norm_variance_slope(evidence: Evidence) -> pd.Series:
    """Slope over Σ 1/width, hidden layer by hidden layer, of the variance of ln‖Ju‖².

    The variance is that between the networks of a recipe before training. Each of them has the
    slope of its squared distance from the recipe's mean times n/(n − 1), so that their mean is the
    slope of the unbiased variance. NaN where a recipe has one network or one hidden layer.
    """
    layers = _layers(evidence, "jacobian_log_norm")
    layers = layers[layers["epoch"] == 0]
    alike = layers.groupby(["recipe", "layer"])["value"]
    count = alike.transform("size").astype(np.float64)
    squares = (layers["value"] - alike.transform("mean")) ** 2 * count / (count - 1)
    places = layers["layer"] / layers["width"].astype(np.float64)
    centred = places - places.groupby(layers["trial_id"]).transform("mean")
    sums = layers.assign(along=centred * squares, across=centred**2).groupby("trial_id")
    across = sums["across"].sum()
    slopes = sums["along"].sum(min_count=1) / across.where(across > 0)
    return evidence.trials["trial_id"].map(slopes).astype(np.float64)


def separability_step(evidence: Evidence) -> pd.Series:
    """Smallest step of a linear model's score from one hidden layer to the next, at the end.

    Steps are those of the mean over a recipe's networks, which above 0 rises all the way. NaN
    where there is one hidden layer.
    """
    layers = _layers(evidence, "linear_probe")
    layers = layers[layers["epoch"] == layers.groupby("trial_id")["epoch"].transform("max")]
    means = layers.groupby(["recipe", "layer"])["value"].mean()
    steps = means.groupby("recipe").diff().groupby("recipe").min()
    return _recipes(evidence).map(steps).astype(np.float64)


def _layers(evidence: Evidence, probe: str) -> pd.DataFrame:
    """A probe's rows of hidden layers, each with its network's recipe, depth and width."""
    histories, trials = evidence.histories, evidence.trials.assign(recipe=_recipes(evidence))
    known = trials.drop_duplicates("trial_id")[["trial_id", "recipe", "depth", "width"]]
    rows = histories[histories["metric"] == probe].merge(known, on="trial_id")
    return rows[rows["layer"].between(1, rows["depth"].astype(np.float64))]


def _recipes(evidence: Evidence) -> pd.Series:
    """One number per trial for its data set and contender."""
    factors = evidence.experiment.at(evidence.profile).factors()
    columns = [evidence.trials[name].astype(str) for name in ("dataset", *factors)]
    return evidence.trials.groupby(columns).ngroup()
