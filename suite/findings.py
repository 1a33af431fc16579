"""Findings: what probes saw inside networks, one number per trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

_LATENT = "latent_probe_"


def zero_share(evidence: Evidence) -> pd.Series:
    """Share of weights that are exactly zero at the end."""
    return _of_network(evidence, "zero_share")


def attribution_auc(evidence: Evidence) -> pd.Series:
    """How well attributions rank relevant features at the end."""
    return _of_network(evidence, "attribution_auc")


def unit_diversity(evidence: Evidence) -> pd.Series:
    """Mean over the hidden layers at the end; NaN where there are none."""
    layers = _of_hidden_layers(evidence, _at_end(evidence, "unit_diversity"))
    return _each(evidence, layers.groupby("trial_id")["value"].mean())


def gradient_error(evidence: Evidence) -> pd.Series:
    """Largest over the layers and the epochs at which it was measured."""
    histories = evidence.histories
    rows = histories[histories["metric"].eq("gradient_error")]
    return _each(evidence, rows.groupby("trial_id")["value"].max())


def last_layer_separability(evidence: Evidence) -> pd.Series:
    """What a linear model tells from the last hidden layer at the end; NaN where there is none."""
    layers = _of_hidden_layers(evidence, _at_end(evidence, "linear_probe"))
    last = layers[layers["layer"] == layers["depth"]]
    return _each(evidence, last.drop_duplicates("trial_id").set_index("trial_id")["value"])


def last_layer_readout(evidence: Evidence) -> pd.Series:
    """Likewise on test rows, of networks; NaN for all others."""
    return _of_network(evidence, "linear_readout")


def best_probe_layer_slope(evidence: Evidence) -> pd.Series:
    """Slope of the hidden layer that tells a latent level's symbols best, over the level."""
    return _latent_slope(evidence, _at_end(evidence, _LATENT))


def best_probe_layer_gain(evidence: Evidence) -> pd.Series:
    """The same at the end less the same before training."""
    histories = evidence.histories
    start = histories[histories["metric"].str.startswith(_LATENT) & histories["epoch"].eq(0)]
    return best_probe_layer_slope(evidence) - _latent_slope(evidence, start)


def _latent_slope(evidence: Evidence, rows: pd.DataFrame) -> pd.Series:
    """Layers per level by least squares; of layers that tell as well, the lowest is the best."""
    layers = _of_hidden_layers(evidence, rows).sort_values("layer")
    layers = layers[layers["depth"] >= 2]
    levels = layers["metric"].str.removeprefix(_LATENT).astype(np.float64)
    by_level = layers.assign(level=levels).groupby(["trial_id", "level"])
    best = layers.loc[by_level["value"].idxmax(), ["trial_id", "metric", "layer"]]
    best = best.assign(level=levels[best.index])
    centred = best["level"] - best.groupby("trial_id")["level"].transform("mean")
    sums = best.assign(along=centred * best["layer"], across=centred**2).groupby("trial_id")
    across = sums["across"].sum()
    return _each(evidence, sums["along"].sum() / across.where(across > 0))


def _of_network(evidence: Evidence, probe: str) -> pd.Series:
    rows = _at_end(evidence, probe)
    return _each(evidence, rows.drop_duplicates("trial_id").set_index("trial_id")["value"])


def _at_end(evidence: Evidence, probe: str) -> pd.DataFrame:
    """Rows of the probes whose name so begins, at each trial's last measured epoch."""
    histories = evidence.histories
    rows = histories[histories["metric"].str.startswith(probe)]
    return rows[rows["epoch"] == rows.groupby("trial_id")["epoch"].transform("max")]


def _of_hidden_layers(evidence: Evidence, rows: pd.DataFrame) -> pd.DataFrame:
    """The hidden layers' rows, with the networks' depths, numbered anew."""
    depths = evidence.trials[["trial_id", "depth"]].drop_duplicates("trial_id")
    layers = rows.merge(depths.astype({"depth": np.float64}), on="trial_id")
    return layers[layers["layer"].between(1, layers["depth"])]


def _each(evidence: Evidence, found: pd.Series) -> pd.Series:
    """Of every trial what was found for its id; NaN for all others."""
    return evidence.trials["trial_id"].map(found).astype(np.float64)
