"""The mean-field line that stands beside measured deltas."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from suite.theory import mean_field

_RECIPE = ["activation", "initializer", "gain", "width", "depth"]


def with_mean_field(
    table: pd.DataFrame, networks: pd.DataFrame, histories: pd.DataFrame, by: Sequence[str]
) -> pd.DataFrame:
    """`table` (a row per `by` and layer, with `mean`) with the column `mean_field`.

    The prediction is of ratios; it is put on the measured scale at the last hidden layer. NaN
    where mean field does not apply, or no signal was probed.
    """
    ratios = _ratios(networks, histories, by)
    joined = table.merge(ratios, on=[*by, "layer"], how="left")
    last = joined[joined["layer"] == joined["layer"].max()]
    joined = joined.join(last.set_index(list(by))["mean"].rename("scale"), on=list(by))
    return joined.assign(mean_field=joined["scale"] * joined.pop("ratio")).drop(columns="scale")


def _ratios(networks: pd.DataFrame, histories: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """RMS δ_l / RMS δ_L per layer: geometric mean of predictions from each network's own q_1."""
    first = histories[
        (histories["metric"] == "signal") & (histories["epoch"] == 0) & (histories["layer"] == 1)
    ]
    signal = first[["trial_id", "value"]].rename(columns={"value": "signal"})
    started = networks.merge(signal.drop_duplicates("trial_id"), on="trial_id")
    predicted = started[mean_field.applies(started)].groupby(_RECIPE)
    lines = [_predicted(group, by) for _, group in predicted]
    if not lines:
        return networks[list(by)].head(0).assign(layer=0, ratio=0.0)
    logs = pd.concat(lines).groupby([*by, "layer"])["log"].mean()
    return (10.0**logs).rename("ratio").reset_index()


def _predicted(alike: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The logarithm of each network's ratios, for networks of one recipe."""
    recipe = alike.iloc[0]
    width, depth = int(recipe["width"]), int(recipe["depth"])
    squared = mean_field.log10_deltas(
        str(recipe["activation"]),
        alike["signal"].to_numpy(np.float64),
        mean_field.weight_variance(str(recipe["initializer"]), width, width, float(recipe["gain"])),
        mean_field.bias_variance(str(recipe["initializer"]), width),
        depth=depth,
    )  # (network, layer)
    repeated = alike.loc[alike.index.repeat(depth), list(by)].reset_index(drop=True)
    layers = np.tile(np.arange(1, depth + 1), len(alike))
    finite = np.where(np.isfinite(squared), squared / 2, np.nan)
    return repeated.assign(layer=layers, log=finite.ravel())
