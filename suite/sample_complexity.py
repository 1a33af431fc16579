"""Sample complexity: how the samples that a random hierarchy takes grow with its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from suite import statistics
from suite.data.cards import CARDS, DATASETS
from suite.data.naming import base_name
from suite.theory.learning_curves import hierarchy_samples

if TYPE_CHECKING:
    import pandas as pd

    from suite.results import Evidence

# A hierarchy is learned where the test error has come down to this share of chance's.
SHARE = 0.1
_HIERARCHY = "random_hierarchy"
_SIZES = ("classes", "synonyms", "levels")


def hierarchy_exponent(evidence: Evidence, accuracy: pd.Series) -> pd.Series:
    """Slope of ln P* over ln(n_c·m^L), P* the samples from which on a hierarchy is learned.

    n_c are the classes, m the synonyms of a symbol and L the levels (Cagnetta et al. 2024, section
    III). Between numbers of samples the error is drawn straight over their logarithm. All trials of
    a split and contender, samples aside, have its slope over the data sets; NaN where a set was
    learned before the first or not by the last number of samples, or all sets are alike.
    """
    trials = evidence.trials
    factors = list(evidence.experiment.at(evidence.profile).factors())
    keys = [trials["split"], *(trials[name].astype(str) for name in factors if name != "samples")]
    sized = trials.assign(
        excess=_target(trials) - (1 - accuracy),
        size=_log_sizes(trials),
        position=np.log(trials["samples"].astype(np.float64)),
    )
    known = sized[sized["size"].notna()]
    groups = trials.groupby(keys).ngroup()
    slopes = {number: _slope(own) for number, own in known.groupby(groups)}
    return groups.map(slopes).astype(np.float64)


def _target(trials: pd.DataFrame) -> pd.Series:
    """Error that counts as learned."""
    chance = {name: 1 - 1 / CARDS[name].outputs for name in trials["dataset"].unique()}
    return SHARE * trials["dataset"].map(chance)


def _log_sizes(trials: pd.DataFrame) -> pd.Series:
    """ln(n_c·m^L) of each trial's data set; NaN of what is no hierarchy."""
    return trials["dataset"].map({name: _log_size(name) for name in trials["dataset"].unique()})


def _log_size(dataset: str) -> float:
    if base_name(dataset) != _HIERARCHY:
        return np.nan
    sizes = (int(DATASETS[dataset].parameters[name]) for name in _SIZES)
    return float(np.log(hierarchy_samples(*sizes)))


def _slope(trials: pd.DataFrame) -> float:
    table = trials.pivot_table("excess", "size", "position", dropna=False)
    found = statistics.crossings(table.columns.to_numpy(np.float64), table.to_numpy(np.float64))
    places = np.where(found.early | found.never, np.nan, found.places)
    if np.isnan(places).any():
        return np.nan
    return float(statistics.slopes(table.index.to_numpy(np.float64), places[None])[0])
