"""One experiment's networks as the explorer's page reads them: settings, curves, profiles."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from suite.experiment import Level
from suite.figures.measurements import levels_of, means, networks, plain_level
from suite.results import Evidence

PARTS = ("train", "validation")
MEASURES = ("loss", "accuracy")
DIGITS = 4  # of every number; losses and gradient norms span many powers of ten
# What a picture's values, from 0 to 1, are written with: one sign each, in even steps.
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
GRADIENT, SURFACE = "gradient_norm", "decision_surface"

Curve = list[float | None]
Record = dict[str, Any]


def factors(evidence: Evidence) -> dict[str, list[Level]]:
    """What varies, the data set first, with its levels in the order of the controls.

    Numbers ascend; names keep the experiment's order.
    """
    names = ("dataset", *evidence.experiment.at(evidence.profile).factors())
    return {name: _in_order(levels_of(evidence, name)) for name in names}


def _in_order(levels: list[Level]) -> list[Level]:
    numbers = [level for level in levels if isinstance(level, int | float)]
    return [*sorted(numbers)] if len(numbers) == len(levels) else levels


def key(levels: Sequence[Level]) -> str:
    """A setting's name in the data: its levels but for the data set, such as '4,16,relu'."""
    return ",".join(map(str, levels))


def epochs(evidence: Evidence) -> list[int]:
    """The epochs at which the curves were measured."""
    rows = _curve_rows(evidence.histories)
    return sorted(int(epoch) for epoch in rows["epoch"].unique())


def settings(evidence: Evidence) -> dict[str, dict[str, Record]]:
    """What was measured at each setting, by data set and `key`.

    Each has the mean test accuracy with its 95 % interval (null below three units), and one record
    per trained network: where it came from, its curves at `epochs`, its gradient norms by layer at
    the start and the end, and its decision surface, where it has one.
    """
    frame = networks(evidence)
    names = list(factors(evidence))
    records = dict(_records(evidence, frame))
    trained = frame.sort_values("split").groupby(names)["trial_id"].agg(list)
    found: dict[str, dict[str, Record]] = {}
    for row in means(frame, names, "score").to_dict("records"):
        dataset, *levels = (plain_level(row[name]) for name in names)
        found.setdefault(str(dataset), {})[key(levels)] = {
            # An accuracy lies between 0 and 1, which Student's interval does not know.
            "score": [*map(rounded, (row["mean"], max(row["low"], 0.0), min(row["high"], 1.0)))],
            "networks": [records[name] for name in trained[tuple(row[name] for name in names)]],
        }
    return found


def _records(evidence: Evidence, frame: pd.DataFrame) -> Iterator[tuple[str, Record]]:
    curves = _curves(evidence.histories, epochs(evidence))
    profiles = _profiles(evidence.histories)
    surfaces = _surfaces(evidence.histories)
    for row in frame.to_dict("records"):
        name = row["trial_id"]
        yield (
            name,
            {
                "id": name,
                "split": int(row["split"]),
                "outcome": row["outcome"],
                "score": rounded(row["score"]),
                "parameters": int(row["trained_parameters"]),
                **curves.get(name, {}),
                **profiles.get(name, {}),
                **surfaces.get(name, {}),
            },
        )


def rounded(value: float) -> float | None:
    """A number as the data has it, with `DIGITS` digits; None for NaN."""
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def _curve_rows(histories: pd.DataFrame) -> pd.DataFrame:
    rows = histories[histories["metric"].isin(MEASURES)]
    return rows[rows["split"].isin(PARTS)]


def _curves(histories: pd.DataFrame, at: Sequence[int]) -> dict[str, dict[str, Curve]]:
    """Each network's curves, by part and metric; None where it was not measured any more."""
    found: dict[str, dict[str, Curve]] = {}
    for (part, metric), own in _curve_rows(histories).groupby(["split", "metric"]):
        table = own.pivot(index="trial_id", columns="epoch", values="value").reindex(columns=[*at])
        for name, values in _rows(table):
            found.setdefault(name, {})[f"{part}_{metric}"] = [*map(rounded, values)]
    return found


def _profiles(histories: pd.DataFrame) -> dict[str, dict[str, Curve]]:
    """Norms of each layer's gradient, first layer first, before training and after its end."""
    rows = histories[histories["metric"] == GRADIENT]
    epochs = rows.groupby("trial_id")["epoch"]
    found: dict[str, dict[str, Curve]] = {}
    for word, epoch in (("start", epochs.transform("min")), ("end", epochs.transform("max"))):
        own = rows[rows["epoch"] == epoch]
        for name, values in _rows(own.pivot(index="trial_id", columns="layer", values="value")):
            layers = int(np.flatnonzero(~np.isnan(values))[-1]) + 1  # others are deeper
            found.setdefault(name, {})[word] = [*map(rounded, values[:layers])]
    return found


def _surfaces(histories: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Each network's picture of the plane, row by row, as text; whole pictures alone."""
    rows = histories[histories["metric"] == SURFACE]
    table = rows.pivot(index="trial_id", columns="layer", values="value")
    return {name: {"surface": signs(values)} for name, values in _rows(table.dropna())}


def _rows(table: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.float64]]]:
    return zip(map(str, table.index), table.to_numpy(np.float64), strict=True)


def signs(values: NDArray[np.float64]) -> str:
    """Values from 0 to 1 as text, one of `SIGNS` each."""
    steps = np.rint(np.clip(values, 0, 1) * (len(SIGNS) - 1)).astype(int)
    return "".join(SIGNS[step] for step in steps)
