"""Searches as they went: each step with its score, its cost and what stood best after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from suite.experiment import Design, Level, regularizer_pairs, setting_pairs
from suite.trial import Trial
from suite.tune import Range, Tune

if TYPE_CHECKING:
    from suite.results import Evidence

# What names one search, and one candidate in it.
SEARCH = ["contender", "dataset", "split", "repeat"]
CANDIDATE = [*SEARCH, "number"]
REGULARIZER, SETTING = "regularizers.", "settings."
# How kernels begin whose trials are classical models: they have no epochs.
_CLASSICAL = "sklearn"
_EPOCHS = Trial.__dataclass_fields__["epochs"].default


def tuned(evidence: Evidence) -> Tune | None:
    """How the experiment tunes at its profile; None where it does not."""
    return evidence.experiment.at(evidence.profile).tune


def steps(evidence: Evidence) -> pd.DataFrame:
    """One row for each candidate at the end of each rung, in the order in which they were asked.

    The columns are those of the evidence's tuning trials (of the first of several seeds) and

    - `rung`: from 0; `at_end`: whether it is the last;
    - `score`: mean over the seeds, lower is better, infinite where one did not complete; `value`:
      the same in the metric's own sense, NaN there;
    - `networks`: how many seeds;
    - `network_epochs, all_seconds, all_flops`: of all seeds, with the candidate's earlier rungs;
    - `trainings`: whole trainings of a candidate that the search has paid for so far; `share`: of
      its budget;
    - `best, best_value, best_at_end`: number and value of the candidate that would be chosen if
      the search ended here, and whether it was trained to the end.

    Empty where nothing was tuned yet.
    """
    tune = tuned(evidence)
    if tune is None or evidence.tuning.empty:
        return pd.DataFrame()
    trained = evidence.tuning[evidence.tuning["outcome"].notna()]
    if trained.empty:
        return pd.DataFrame()
    sign = -1 if tune.metric == "validation_accuracy" else 1
    found = _gathered(_scored(trained, tune.metric, sign), sign)
    found["rung"] = found.groupby(CANDIDATE, sort=False).cumcount()
    found["at_end"] = np.isinf(found["reached"])
    return _with_best(_with_costs(found, evidence.experiment.at(evidence.profile)))


def _scored(rows: pd.DataFrame, metric: str, sign: int) -> pd.DataFrame:
    value = rows[metric].astype(np.float64)
    fine = (rows["outcome"] == "completed") & value.notna()
    stop = rows["stop_epoch"].astype("Float64").to_numpy(np.float64, na_value=np.inf)
    last = np.minimum(stop, rows["epochs"].to_numpy(np.float64))
    trained = rows["epochs_trained"].where(~rows["kernel"].str.startswith(_CLASSICAL))
    return rows.assign(
        score=(sign * value).where(fine, np.inf),
        reached=stop,
        fraction=last / rows["epochs"].to_numpy(np.float64),
        trained=trained.astype(np.float64),
    )


def _gathered(rows: pd.DataFrame, sign: int) -> pd.DataFrame:
    """Seeds of one candidate at one rung as one row."""
    groups = rows.groupby([*CANDIDATE, "reached"], sort=False)
    first = rows.drop_duplicates([*CANDIDATE, "reached"]).reset_index(drop=True)
    score = groups["score"].mean().to_numpy(np.float64)
    return first.assign(
        score=score,
        value=np.where(np.isfinite(score), sign * score, np.nan),
        networks=groups.size().to_numpy(),
        network_epochs=groups["trained"].sum(min_count=1).to_numpy(np.float64),
        all_seconds=groups["seconds"].sum().to_numpy(np.float64),
        all_flops=groups["flops"].sum(min_count=1).to_numpy(np.float64),
    )


def _with_costs(found: pd.DataFrame, design: Design) -> pd.DataFrame:
    """What each step costs beyond the candidate's rung before, and the search's sum so far."""
    before = found.groupby(CANDIDATE, sort=False)["fraction"].shift(fill_value=0.0)
    trainings = (
        (found["fraction"] - before).groupby([found[name] for name in SEARCH], sort=False).cumsum()
    )
    budgets = {text: budget_of(design, json.loads(text)) for text in found["contender"].unique()}
    share = trainings / found["contender"].map(budgets)
    # Thirds of a training do not add up to it exactly.
    return found.assign(trainings=trainings.round(9), share=share.round(9))


def budget_of(design: Design, contender: Mapping[str, Level]) -> float:
    """What one search may cost, in whole trainings of a candidate."""
    assert design.tune is not None
    recipe = design.recipe(contender)
    tune = design.tune.of(recipe)
    if tune.budget.trials is not None:
        return float(tune.budget.trials)
    assert tune.budget.epochs is not None
    return tune.budget.epochs // tune.seeds / epochs_of(recipe)


def epochs_of(recipe: Mapping[str, Level]) -> int:
    """Epochs of a whole training."""
    epochs = recipe.get("epochs", _EPOCHS)
    assert isinstance(epochs, int)
    return epochs


def _with_best(found: pd.DataFrame) -> pd.DataFrame:
    """The candidate that came furthest, of those the one with the lowest score, so far."""
    found = found.reset_index(drop=True)
    standing: dict[tuple[Any, ...], tuple[tuple[float, ...], int]] = {}
    places = []
    keys = zip(*(found[name] for name in SEARCH), strict=True)
    ranks = zip(-found["rung"], found["score"], found["number"], strict=True)
    for place, (search, rank) in enumerate(zip(keys, ranks, strict=True)):
        standing[search] = min(standing.get(search, (rank, place)), (rank, place))
        places.append(standing[search][1])
    best = found.loc[places].reset_index(drop=True)
    return found.assign(best=best["number"], best_value=best["value"], best_at_end=best["at_end"])


def furthest(found: pd.DataFrame) -> pd.DataFrame:
    """Each candidate once, at its highest rung, whose cost is that of all its rungs."""
    return found.drop_duplicates(CANDIDATE, keep="last")


def chosen(found: pd.DataFrame) -> pd.DataFrame:
    """Each search's best candidate, at its highest rung."""
    last = found.drop_duplicates(SEARCH, keep="last")
    return furthest(found).merge(
        last[[*SEARCH, "best"]].rename(columns={"best": "number"}), on=CANDIDATE
    )


def ranges(tune: Tune, network: str) -> dict[str, Range]:
    """What is searched of a network family or a classical model, as the experiment says."""
    if network in tune.settings:
        return {f"{SETTING}{name}": found for name, found in tune.settings[network].items()}
    penalties = {f"{REGULARIZER}{name}": found for name, found in tune.regularizers.items()}
    return {**tune.space, **penalties}


def searched_values(row: Mapping[Any, Any], tune: Tune) -> Iterator[tuple[str, Range, Level]]:
    """Name, range and value of everything searched in a row of `steps`.

    A classical model is searched over its own space where the experiment names none: of such a
    one nothing is given.
    """
    if row["kernel"].startswith(_CLASSICAL) and row["network"] not in tune.settings:
        return
    strengths = dict(regularizer_pairs(row["regularizers"]))
    settings = dict(setting_pairs(row["settings"]))
    for name, searched in ranges(tune, row["network"]).items():
        if name.startswith(REGULARIZER):
            yield name, searched, strengths.get(name.removeprefix(REGULARIZER), 0.0)
        elif name.startswith(SETTING):
            # Raw inputs are the default, of which recipes say nothing.
            yield name, searched, {"features": "raw", **settings}[name.removeprefix(SETTING)]
        else:
            yield name, searched, row[name]
