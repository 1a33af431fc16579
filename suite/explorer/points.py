"""The points behind a decision boundary, drawn again as the networks had them."""

import pandas as pd

from suite.data.cards import CARDS
from suite.data.loading import data_hash, load_split
from suite.results import Evidence

MOST = 160  # of a split's training points: more hide the boundary
DECIMALS = 2

Point = list[float]  # x, y, class


def training_points(evidence: Evidence) -> dict[str, dict[int, list[Point]]]:
    """Standardised training points by data set and split, of generated sets in the plane.

    Sets whose rows are not those that the networks were trained on any more have none.
    """
    trials = evidence.trials[evidence.trials["outcome"].notna()]
    found: dict[str, dict[int, list[Point]]] = {}
    units = trials.drop_duplicates(["dataset", "split"]).sort_values(["dataset", "split"])
    for row in units.to_dict("records"):
        name, split = row["dataset"], int(row["split"])
        if _in_the_plane(name) and row["data_hash"] == data_hash(name):
            samples = None if pd.isna(row["samples"]) else int(row["samples"])
            found.setdefault(name, {})[split] = _points(name, split, samples)
    return found


def _in_the_plane(name: str) -> bool:
    card = CARDS[name]
    return card.folds == 0 and card.features == 2 and card.outputs == 2


def _points(name: str, split: int, samples: int | None) -> list[Point]:
    drawn = load_split(name, split, samples)
    inputs = drawn.train_inputs[:MOST].astype(float).round(DECIMALS)
    targets = drawn.train_targets[:MOST].astype(int)
    return [[float(x), float(y), int(t)] for (x, y), t in zip(inputs, targets, strict=True)]
