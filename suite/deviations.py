"""Deviations: what networks measure before training, less what theory predicts of their recipe.

Each prediction starts from the network's own first signal, so that it says nothing of the data.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from suite.data.cards import CARDS
from suite.theory import gradient_correlation, jacobian, mean_field

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

Floats = NDArray[np.float64]
# From trials of one recipe, each with its first signal, to one number for each.
Prediction = Callable[["pd.DataFrame"], Floats]

# What predictions depend on; `features` of the data set alone for Jacobians.
_RECIPE = ["activation", "initializer", "gain", "width", "depth", "features"]
# Signals between which mean singular values are interpolated: each costs a fixed point.
_GRID = 16


def at_start(evidence: Evidence, probe: str, layers: pd.Series) -> pd.Series:
    """A probe before training, for each trial at its own layer; NaN where not recorded."""
    import pandas as pd

    histories = evidence.histories
    start = histories[(histories["metric"] == probe) & (histories["epoch"] == 0)]
    recorded = start.set_index(["trial_id", "layer"])["value"]
    recorded = recorded[~recorded.index.duplicated(keep="last")]
    wanted = pd.MultiIndex.from_arrays([evidence.trials["trial_id"], layers])
    return pd.Series(recorded.reindex(wanted).to_numpy(np.float64), index=evidence.trials.index)


def gradient_decay(evidence: Evidence) -> pd.Series:
    """−log10(δ₁²/δ_L²)/(L − 1) of each trial; NaN where a gradient has vanished altogether."""
    return -_rise_back(evidence)


def weight_gradient_decay(evidence: Evidence) -> pd.Series:
    """The same of the weights' gradients, from the last hidden layer to the second.

    The first is left out, for what feeds it are the data. NaN with fewer than three hidden layers.
    """
    depth = _depth(evidence)
    last = at_start(evidence, "gradient_norm", depth)
    second = at_start(evidence, "gradient_norm", depth.clip(upper=2))
    flows = (depth >= 3) & (second > 0) & (last > 0)
    fallen = 2 * (np.log10(last.where(flows)) - np.log10(second.where(flows)))
    decay: pd.Series = fallen / (depth - 2).where(flows)
    return decay


def gradient_deviation(evidence: Evidence) -> pd.Series:
    """log10(δ₁²/δ_L²)/(L − 1), less mean field's."""
    return _less_predicted(evidence, _rise_back(evidence), _predicted_rise)


def signal_growth(evidence: Evidence) -> pd.Series:
    """log10(q_L/q_1)/(L − 1) of each trial."""
    depth = _depth(evidence)
    first = at_start(evidence, "signal", depth.clip(upper=1))
    return -_per_layer(first, at_start(evidence, "signal", depth), depth)


def signal_deviation(evidence: Evidence) -> pd.Series:
    """log10(q_L/q_1)/(L − 1), less mean field's."""
    return _less_predicted(evidence, signal_growth(evidence), _predicted_growth)


def mean_singular_value(evidence: Evidence) -> pd.Series:
    """Mean singular value of the layers' own Jacobians, hidden layers 2 … L, of each trial."""
    histories = evidence.histories
    between = histories["metric"].eq("jacobian_mean") & histories["epoch"].eq(0)
    inner = histories[between & histories["layer"].gt(1)].merge(
        evidence.trials[["trial_id", "depth"]].drop_duplicates("trial_id"), on="trial_id"
    )
    means = inner[inner["layer"] <= inner["depth"]].groupby("trial_id")["value"].mean()
    return evidence.trials["trial_id"].map(means).astype(np.float64)


def jacobian_deviation(evidence: Evidence) -> pd.Series:
    """Mean singular value of the layers' own Jacobians, hidden layers 2 … L, less theory's."""
    return _less_predicted(evidence, mean_singular_value(evidence), _predicted_singular_value)


def glorot_deviation(evidence: Evidence) -> pd.Series:
    """Largest distance, over hidden layers 2 … L, of that mean from (8/3π)·√(σ² E φ′²)."""
    import pandas as pd

    depth = _depth(evidence)
    deviations = [
        _less_predicted(
            evidence,
            at_start(evidence, "jacobian_mean", depth.clip(layer, layer)).where(depth >= layer),
            partial(_glorot_mean, layer=layer),
        )
        for layer in range(2, max(2, depth.max()) + 1)
    ]
    return pd.concat(deviations, axis=1).abs().max(axis=1)


def log_spread(evidence: Evidence) -> pd.Series:
    """ln(1 + spread of the Jacobian from the inputs to the last hidden layer) of each trial."""
    spread: pd.Series = np.log1p(at_start(evidence, "jacobian_spread", _depth(evidence)))
    return spread


def jacobian_spread_deviation(evidence: Evidence) -> pd.Series:
    """ln(1 + spread of the Jacobian from the inputs to the last hidden layer), less theory's."""
    return _less_predicted(evidence, log_spread(evidence), _predicted_spread)


def gradient_cosine(evidence: Evidence) -> pd.Series:
    """Mean cosine between rows' back-propagated gradients at hidden layer 2 of each trial."""
    return at_start(evidence, "gradient_cosine", _depth(evidence).clip(2, 2))


def gradient_angle_deviation(evidence: Evidence) -> pd.Series:
    """Mean cosine between rows' back-propagated gradients at hidden layer 2, less theory's.

    The rows' correlation there is read off the probes: what layer 1's activations vary by, passed
    on by the weights, is what layer 2's pre-activations do not share. Rows are paired at their mean
    correlation, which makes predictions a few hundredths too low where a ReLU's rows differ much.
    """
    twos = _depth(evidence).clip(2, 2)
    measured = gradient_cosine(evidence)
    probed = evidence.trials.assign(
        second_signal=at_start(evidence, "signal", twos),
        variance=at_start(evidence, "activation_variance", twos - 1),
    )
    known = probed["second_signal"].gt(0) & probed["variance"].notna() & _depth(evidence).ge(2)
    return _less_predicted(evidence, measured.where(known), _predicted_cosine, probed)


def _depth(evidence: Evidence) -> pd.Series:
    return evidence.trials["depth"].fillna(0).astype(np.int64)


def _per_layer(first: pd.Series, last: pd.Series, depth: pd.Series) -> pd.Series:
    """log10 of the first layer's number over the last one's, divided by the layers between."""
    flows = (depth >= 2) & (first > 0) & (last > 0)
    ratio = np.log10(first.where(flows)) - np.log10(last.where(flows))
    slope: pd.Series = ratio / (depth - 1).where(flows)
    return slope


def _rise_back(evidence: Evidence) -> pd.Series:
    depth = _depth(evidence)
    first = at_start(evidence, "delta_norm", depth.clip(upper=1))
    return 2 * _per_layer(first, at_start(evidence, "delta_norm", depth), depth)


def _less_predicted(
    evidence: Evidence,
    measured: pd.Series,
    predict: Prediction,
    probed: pd.DataFrame | None = None,
) -> pd.Series:
    """NaN where theory does not speak of a trial, or no first signal was recorded.

    `probed` are the trials with more columns that the prediction reads.
    """
    deviation = measured.astype(np.float64)
    first = at_start(evidence, "signal", _depth(evidence).clip(upper=1))
    trials = (evidence.trials if probed is None else probed).assign(first_signal=first)
    known = mean_field.applies(trials) & first.gt(0) & measured.notna()
    trials = trials[known].assign(features=_features(trials[known]))
    deviation = deviation.where(known)
    for _, group in trials.groupby(_RECIPE):
        deviation[group.index] = deviation[group.index] - predict(group)
    return deviation


def _features(trials: pd.DataFrame) -> pd.Series:
    return trials["dataset"].map({n: CARDS[n].features for n in trials["dataset"].unique()})


def _variances(recipe: pd.Series) -> tuple[float, float]:
    """Of weights, times their fan-in, and biases between hidden layers."""
    width, initializer = int(recipe["width"]), str(recipe["initializer"])
    return (
        mean_field.weight_variance(initializer, width, width, float(recipe["gain"])),
        mean_field.bias_variance(initializer, width),
    )


def _signals(alike: pd.DataFrame) -> Floats:
    """Mean field's signals from each trial's own first.  # (trial, layer)."""
    recipe, first = alike.iloc[0], alike["first_signal"].to_numpy(np.float64)
    depth = int(recipe["depth"])
    return mean_field.signals(recipe["activation"], first, *_variances(recipe), depth=depth)


def _predicted_rise(alike: pd.DataFrame) -> Floats:
    recipe, first = alike.iloc[0], alike["first_signal"].to_numpy(np.float64)
    depth = int(recipe["depth"])
    given = (recipe["activation"], first, *_variances(recipe))
    slopes: Floats = mean_field.log10_deltas(*given, depth=depth)[:, 0] / (depth - 1)
    return slopes


def _predicted_growth(alike: pd.DataFrame) -> Floats:
    signals = _signals(alike)
    slopes: Floats = np.log10(signals[:, -1] / signals[:, 0]) / (signals.shape[1] - 1)
    return slopes


def _predicted_singular_value(alike: pd.DataFrame) -> Floats:
    recipe, logs = alike.iloc[0], np.log(_signals(alike)[:, 1:])  # (trial, layer from the second)
    grid = np.linspace(logs.min(), logs.max(), _GRID)
    orthogonal = recipe["initializer"] == "orthogonal"
    variance = _variances(recipe)[0]
    exact = [
        jacobian.mean_singular_value(
            recipe["activation"], float(signal), variance, orthogonal=orthogonal
        )
        for signal in np.exp(grid)
    ]
    means: Floats = np.interp(logs, grid, exact).mean(axis=1)
    return means


def _glorot_mean(alike: pd.DataFrame, *, layer: int) -> Floats:
    recipe, signals = alike.iloc[0], _signals(alike)[:, layer - 1]
    variance = _variances(recipe)[0]
    return jacobian.glorot_mean_singular_value(recipe["activation"], signals, variance)


def _predicted_spread(alike: pd.DataFrame) -> Floats:
    recipe = alike.iloc[0]
    widths = [int(recipe["features"]), *[int(recipe["width"])] * int(recipe["depth"])]
    orthogonal = recipe["initializer"] == "orthogonal"
    predicted = []
    for signals in _signals(alike):
        layers = [jacobian.slopes(recipe["activation"], float(signal)) for signal in signals]
        predicted.append(jacobian.spreads(widths, layers, orthogonal=orthogonal)[-1])
    return np.log1p(predicted)


def _predicted_cosine(alike: pd.DataFrame) -> Floats:
    recipe = alike.iloc[0]
    weight, bias = _variances(recipe)
    signals = alike["second_signal"].to_numpy(np.float64)
    correlations = 1 - weight * alike["variance"].to_numpy(np.float64) / signals
    return np.array(
        [
            gradient_correlation.gradient_cosines(
                recipe["activation"],
                float(correlation),
                float(signal),
                weight,
                bias,
                depth=int(recipe["depth"]) - 1,
            )[-1]
            for correlation, signal in zip(correlations, signals, strict=True)
        ]
    )
