"""Reading pictures: arrays that probes stored, with the networks they are of."""

from collections.abc import Sequence

import pandas as pd

from suite.figures.drawing import NothingToDraw
from suite.figures.measurements import networks
from suite.results import Evidence

# Of the many columns of a network, those that a picture's reader needs.
_OF_NETWORKS = (
    *("dataset", "split", "repeat", "unit", "trial_id", "score", "failed"),
    *("depth", "network", "activation", "kernel_size"),
)


def pictured(evidence: Evidence, metric: str) -> pd.DataFrame:
    """One row per place of every network's pictures: factors, `epoch`, `place` and `value`.

    Raises:
        NothingToDraw: no network has such a picture.
    """
    frame = networks(evidence)
    factors = evidence.experiment.at(evidence.profile).factors()
    kept = list(dict.fromkeys(c for c in (*factors, *_OF_NETWORKS) if c in frame))
    rows = evidence.histories
    rows = rows.loc[rows["metric"] == metric, ["trial_id", "epoch", "layer", "value"]]
    found = frame[kept].merge(rows.rename(columns={"layer": "place"}), on="trial_id")
    if found.empty:
        raise NothingToDraw(f"no trained network has the probe {metric!r}")
    return found


def first_networks(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The rows of one network of each group: that of its first split.

    Of all the group's networks, `mean_score` is the mean score and `n` their number.
    """
    single = frame.drop_duplicates("trial_id").sort_values(["split", "repeat", "trial_id"])
    groups = single.groupby(list(by), sort=True)
    chosen = groups.agg(
        trial_id=("trial_id", "first"), mean_score=("score", "mean"), n=("trial_id", "size")
    )
    return frame.merge(chosen.reset_index(), on=[*by, "trial_id"])
