"""What each contender's tuning was allowed, and what it spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from suite.fairness.searches import SEARCH, budget_of, epochs_of, furthest, steps, tuned

if TYPE_CHECKING:
    from suite.experiment import Design
    from suite.results import Evidence

_BY = ["contender", "dataset"]


def budgets(evidence: Evidence) -> pd.DataFrame:
    """One row for each contender on each data set, in the order in which they were asked for.

    Columns: the factors' levels, `contender, dataset, searches`, then of all these searches
    together what was asked (`asked_trainings` of a candidate to the end, `asked_epochs`) and what
    was spent (`trainings, candidates, networks, epochs, seconds, flops`). Epochs are those of all
    networks; NaN for models without epochs and where the number of epochs is itself searched.
    A candidate that went on from rung to rung counts once. Empty where nothing was tuned.
    """
    found = steps(evidence)
    if found.empty:
        return found
    design = evidence.experiment.at(evidence.profile)
    ends = furthest(found)
    table = _spent(found, ends)
    asked = [_asked(design, text) for text in table["contender"]]
    table["asked_trainings"] = table["searches"] * [trainings for trainings, _ in asked]
    table["asked_epochs"] = table["searches"] * [epochs for _, epochs in asked]
    table.loc[table["epochs"].isna(), "asked_epochs"] = np.nan
    levels = pd.DataFrame([json.loads(text) for text in table["contender"]], index=table.index)
    return pd.concat([levels[list(design.factors())], table], axis=1)


def _spent(found: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    last = found.drop_duplicates(SEARCH, keep="last")
    groups = ends.groupby(_BY, sort=False)
    table = groups.agg(
        candidates=("number", "size"),
        networks=("networks", "sum"),
        seconds=("all_seconds", "sum"),
    )
    # A sum without any number would be 0, which was not measured either.
    table["epochs"] = groups["network_epochs"].sum(min_count=1)
    table["flops"] = groups["all_flops"].sum(min_count=1)
    table["searches"] = last.groupby(_BY, sort=False).size()
    table["trainings"] = last.groupby(_BY, sort=False)["trainings"].sum()
    return table.reset_index()


def _asked(design: Design, text: str) -> tuple[float, float]:
    """One search's budget: whole trainings, and epochs of all networks."""
    contender = json.loads(text)
    trainings = budget_of(design, contender)
    assert design.tune is not None
    if "epochs" in design.tune.space:
        return trainings, np.nan
    return trainings, trainings * epochs_of(design.recipe(contender)) * design.tune.seeds


def is_equal(table: pd.DataFrame) -> bool:
    """Whether every search had the same budget, in whole trainings or in epochs."""
    each = table[["asked_trainings", "asked_epochs"]].div(table["searches"], axis=0)
    return bool((each.round(9).nunique() == 1).any())


def was_tuned(evidence: Evidence) -> bool:
    """Whether there are tuning trials to speak of."""
    return tuned(evidence) is not None and not evidence.tuning.empty
