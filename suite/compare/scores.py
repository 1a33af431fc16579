"""What was measured of each contender: scores split by split, cost, and the recipes it chose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from suite.compare.plan import FACTOR
from suite.experiment import regularizer_pairs, setting_pairs
from suite.fairness.edges import edges
from suite.metrics import METRICS
from suite.results import Evidence

_CLASS_METRICS = ("test_accuracy", "test_balanced_accuracy", "test_roc_auc")
_VALUE_METRICS = ("test_r2", "test_rmse", "test_mae")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The comparison's numbers.

    Attributes:
        metric: what ranks contenders.
        scores: (split, contender), in the metric; NaN where a model crashed or ran out of time.
        beside: the same in other metrics.
        half: the metric of the recipes that half of the tuning budget had found.
        failed: how many of each contender's final trials diverged or died and count as chance.
        costs: of each contender `trials, tuning_seconds, final_seconds, parameters`.
        edges: of each contender, what it searched and in how many of its searches the best value
            lies on the edge of its range: `model, name, searches, low, high`.
        recipes: of each contender, what it chose on each split.
    """

    metric: str
    scores: pd.DataFrame
    beside: dict[str, pd.DataFrame]
    half: pd.DataFrame
    failed: pd.Series
    costs: pd.DataFrame
    edges: pd.DataFrame
    recipes: dict[str, list[dict[str, Any]]]

    @property
    def complete(self) -> list[str]:
        """Contenders with a score on every split."""
        return [str(name) for name in self.scores if self.scores[name].notna().all()]


def measure(evidence: Evidence, metric: str) -> Measured:
    """The numbers of a comparison that has run."""
    trials = evidence.trials
    names = [str(level) for level in evidence.experiment.vary[FACTOR]]
    known = _CLASS_METRICS if metric in _CLASS_METRICS else _VALUE_METRICS
    return Measured(
        metric=metric,
        scores=_scores(evidence, metric, names),
        beside={name: _scores(evidence, name, names) for name in known if name != metric},
        half=_scores(_at_half(evidence), metric, names),
        failed=trials.groupby(FACTOR)["outcome"].agg(lambda o: o.isin(["diverged", "dead"]).sum()),
        costs=_costs(evidence, names),
        edges=_edges(evidence),
        recipes={name: _recipes(evidence, trials[trials[FACTOR] == name]) for name in names},
    )


def _scores(evidence: Evidence, metric: str, names: Sequence[str]) -> pd.DataFrame:
    values = METRICS[metric].values(evidence).astype(np.float64)
    rows = evidence.trials[[FACTOR, "split"]].assign(value=values)
    found = rows.pivot(index="split", columns=FACTOR, values="value")
    return found.reindex(columns=pd.Index(names))


def _at_half(evidence: Evidence) -> Evidence:
    """As if tuning had ended at half of its budget; what was not tuned stays."""
    half = evidence.half
    rest = evidence.trials[~evidence.trials[FACTOR].isin(half[FACTOR])]
    return replace(evidence, trials=pd.concat([half, rest], ignore_index=True))


def _costs(evidence: Evidence, names: Sequence[str]) -> pd.DataFrame:
    final = evidence.trials.groupby(FACTOR)
    tuning = evidence.tuning.groupby(FACTOR)
    costs = pd.DataFrame(
        {
            "trials": tuning.size(),
            "tuning_seconds": tuning["seconds"].sum(),
            "final_seconds": final["seconds"].sum(),
            "parameters": final["trained_parameters"].median(),
        }
    )
    return costs.reindex(pd.Index(names)).fillna({"trials": 0, "tuning_seconds": 0.0})


def _edges(evidence: Evidence) -> pd.DataFrame:
    found = edges(evidence)
    by_contender = evidence.trials.drop_duplicates("contender").set_index("contender")[FACTOR]
    found = found.assign(
        model=found["contender"].map(by_contender),
        low=found["edge"] == "low",
        high=found["edge"] == "high",
    )
    groups = found.groupby(["model", "name"], sort=False)
    return groups.agg(
        searches=("edge", "size"), low=("low", "sum"), high=("high", "sum")
    ).reset_index()


def _recipes(evidence: Evidence, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """What was searched, as each split's final trial has it."""
    tune = evidence.experiment.tune
    assert tune is not None
    searched = tune.settings.get(str(rows["network"].iloc[0]), {}) if len(rows) else {}
    return [
        _settings(row, searched) if row["settings"] != "none" or searched else _network(row)
        for row in rows.sort_values("split").to_dict("records")
        if row["network"] not in ("dummy",)
    ]


def _settings(row: Any, searched: Any) -> dict[str, Any]:
    given = dict(setting_pairs(str(row["settings"])))
    return {name: given[name] for name in searched}


def _network(row: Any) -> dict[str, Any]:
    strengths = dict(regularizer_pairs(str(row["regularizers"])))
    return {
        "learning_rate": float(row["learning_rate"]),
        "width": int(row["width"]),
        "weight_decay": strengths.get("weight_decay", 0.0),
    }
