"""What was measured: all of it, or one experiment's evidence for verdicts, figures and report."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from suite.errors import InputError
from suite.experiment import KEYS, Experiment
from suite.ledger import Ledger
from suite.schemas import KEY, TABLES

# Of a trial that several invocations asked for, the last request is shown.
_UNIT = {
    "final": ["contender", "dataset", "split", "repeat"],
    "half": ["contender", "dataset", "split", "repeat"],
    "variance": ["contender", "dataset", "split", "repeat", "number"],
    "tuning": ["contender", "dataset", "split", "repeat", "number", "trial_id"],
}
_PLAN = TABLES["plan"].names
_OWN = ("stage", "study", "repeat", "number", "dataset", "split")


@dataclass(frozen=True, slots=True)
class Results:
    """The four tables of results/; of measurements with one key, the last stored."""

    trials: pd.DataFrame
    histories: pd.DataFrame
    plan: pd.DataFrame
    invocations: pd.DataFrame


def load_tables(path: str | Path = "results") -> Results:
    """Everything that was measured.

    Raises:
        InputError: there is no such directory.
    """
    ledger = _ledger(path)
    return Results(ledger.trials(), ledger.histories(), ledger.plan(), ledger.invocations())


def load_results(
    results: str | Path = "results",
    experiment: Experiment | str | None = None,
    profile: str | None = None,
    *,
    histories: bool = False,
) -> pd.DataFrame:
    """The final networks and classical models, one row a trial.

    Of an experiment that was changed or run again with other code, those asked for last.

    Args:
        results: directory of the ledger.
        experiment: only what this experiment asked for, with a column for each of its factors.
        profile: only what was asked for at quick, standard or full.
        histories: what was measured during training instead, in long form: `trial_id, epoch, split,
            metric, layer, value`.

    Returns:
        Columns of the recipe (`dataset, split, depth, …`), of what was measured
        (`test_accuracy, generalization_gap, seconds, …`) and of where it comes from.

    Raises:
        InputError: there is no such directory, or nothing in it of such an experiment.
    """
    ledger = _ledger(results)
    name = experiment.name if isinstance(experiment, Experiment) else experiment
    plan = _last_finals(ledger.plan(), name, profile)
    if plan.empty and name is not None:
        raise InputError(f"{ledger.root}/", f"holds no final trial of {name!r}", "run it first")
    keys = plan.drop_duplicates("trial_id", keep="last")
    if histories:
        return ledger.histories(keys).drop(columns=list(KEY[1:]))
    if name is not None:
        levels = pd.DataFrame([json.loads(text) for text in keys["contender"]])
        keys = keys.reset_index(drop=True).join(levels)
    trials = ledger.trials()
    new = [column for column in keys.columns if column not in (*trials.columns, *_PLAN)]
    return keys[[*KEY, *new]].merge(trials, how="inner", on=list(KEY))


def _last_finals(plan: pd.DataFrame, name: str | None, profile: str | None) -> pd.DataFrame:
    """Requests for final trials by each experiment's last design and by its last code."""
    for column, wanted in (("experiment", name), ("profile", profile)):
        if wanted is not None:
            plan = plan[plan[column] == wanted]
    plan = plan.sort_values("invocation", kind="stable")
    for column in ("registered_hash", "code_hash"):
        plan = plan[
            plan[column] == plan.groupby(["experiment", "profile"])[column].transform("last")
        ]
    finals = plan[plan["stage"] == "final"]
    return finals.drop_duplicates(["experiment", "profile", *_UNIT["final"]], keep="last")


def _ledger(path: str | Path) -> Ledger:
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root}/", "holds no results yet", "run an experiment first")
    return Ledger(root)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One experiment's measurements at one profile.

    Attributes:
        experiment: the experiment.
        profile: quick, standard or full.
        registered_hash: hash of the design and the claims' tests.
        code_hash: of the measurements; empty when there are none.
        trials: one row per planned final trial: a column for each factor with its levels, the
            plan's `dataset, split, stage, study, repeat, number, trial_id`, and the columns of the
            trials table (null until the trial is stored). `trained_parameters` is the count of
            trained numbers.
        tuning: the same for tuning trials; `repeat` and `number` name a search's candidate.
        histories: measurements during training of the final trials.
        complete: whether every final trial of the design is planned and stored.
        half: as `trials`, of the recipes that half of the tuning budget had found.
        variance: as `trials`, with other initial weights (`number` 0) or in another order (1).
    """

    experiment: Experiment
    profile: str
    registered_hash: str
    code_hash: str
    trials: pd.DataFrame
    tuning: pd.DataFrame
    histories: pd.DataFrame
    complete: bool
    half: pd.DataFrame = field(default_factory=pd.DataFrame)
    variance: pd.DataFrame = field(default_factory=pd.DataFrame)


def gather(ledger: Ledger, experiment: Experiment, profile: str) -> Evidence:
    """The measurements that an experiment as it is registered now asked for.

    Only plans of the current design and claims count, and of those only the code and the rows of
    each data set that were asked for last, so that versions never mix.

    Raises:
        InputError: a factor has the name of a column that results have.
    """
    return gather_all(ledger, [experiment], profile)[0]


def gather_all(ledger: Ledger, experiments: Sequence[Experiment], profile: str) -> list[Evidence]:
    """What `gather` finds for each of several experiments; the ledger is read once.

    Raises:
        InputError: a factor has the name of a column that results have.
    """
    plan = ledger.plan()
    measured = _measured(ledger)
    found = [_without_histories(experiment, profile, plan, measured) for experiment in experiments]
    keys = [evidence.trials[list(KEY)] for evidence in found]
    histories = ledger.histories(pd.concat(keys)) if keys else pd.DataFrame()
    parts = _of_each(histories, keys)
    return [replace(evidence, histories=own) for evidence, own in zip(found, parts, strict=True)]


def _of_each(histories: pd.DataFrame, keys: Sequence[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """For each table of keys its rows of the histories, which are grouped once for all of them."""
    if not keys:
        return
    numbers = histories.groupby(list(KEY), sort=False).ngroup().to_numpy()
    order = np.argsort(numbers, kind="stable")
    known = histories.drop_duplicates(list(KEY))[list(KEY)].reset_index(drop=True)
    ends = np.searchsorted(numbers[order], np.arange(len(known) + 1))
    for own in keys:
        found = known.reset_index().merge(own.drop_duplicates(), on=list(KEY))["index"]
        rows = [order[ends[number] : ends[number + 1]] for number in found]
        taken = np.sort(np.concatenate([np.empty(0, dtype=order.dtype), *rows]))
        yield histories.iloc[taken].reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class _Measured:
    """The trials table, and where each key's row is."""

    trials: pd.DataFrame
    keys: pd.MultiIndex


def _measured(ledger: Ledger) -> _Measured:
    trials = ledger.trials().rename(columns={"parameters": "trained_parameters"})
    return _Measured(with_plain_texts(trials), pd.MultiIndex.from_frame(trials[list(KEY)]))


def with_plain_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose columns of text hold Python's own texts, each text once.

    Picking rows takes as long for every one of Arrow's columns as for all plain ones together, and
    claims and figures pick rows thousands of times.
    """
    texts = {
        str(name): _plain(column)
        for name, column in frame.items()
        if isinstance(column.dtype, pd.StringDtype)
    }
    return frame.assign(**texts).copy() if texts else frame


def _plain(column: pd.Series) -> pd.Series:
    codes, levels = pd.factorize(column, use_na_sentinel=True)
    known = np.append(levels.astype(object), [np.nan]).astype(object)
    return pd.Series(known[codes], index=column.index, dtype=object)


def _without_histories(
    experiment: Experiment, profile: str, plan: pd.DataFrame, measured: _Measured
) -> Evidence:
    registered = experiment.registered_hash(profile)
    design = experiment.at(profile)
    factors = tuple(design.factors())
    _check_factors(experiment, factors)
    plan = _current(plan, experiment.name, profile, registered)
    trials = _joined(plan, measured, "final", factors)
    repeats = design.tune.repeats if design.tune else 1
    expected = len(list(design.contenders())) * len(design.datasets) * design.seeds * repeats
    return Evidence(
        experiment=experiment,
        profile=profile,
        registered_hash=registered,
        code_hash="" if plan.empty else str(plan["code_hash"].iloc[-1]),
        trials=trials,
        tuning=_joined(plan, measured, "tuning", factors),
        half=_joined(plan, measured, "half", factors),
        variance=_joined(plan, measured, "variance", factors),
        histories=pd.DataFrame(),
        complete=int(trials["outcome"].notna().sum()) == expected,
    )


def _check_factors(experiment: Experiment, factors: tuple[str, ...]) -> None:
    taken = {*TABLES["trials"].names, *_OWN, "contender", "trained_parameters"} - set(KEYS)
    for factor in factors:
        if factor in taken:
            place = experiment.path or experiment.name
            raise InputError(place, f"vary.{factor}: is the name of a column of the results")


def _current(plan: pd.DataFrame, name: str, profile: str, registered: str) -> pd.DataFrame:
    ours = (plan["experiment"] == name) & (plan["profile"] == profile)
    plan = plan[ours & (plan["registered_hash"] == registered)]
    plan = plan.sort_values("invocation", kind="stable")
    if plan.empty:
        return plan
    plan = plan[plan["code_hash"] == plan["code_hash"].iloc[-1]]
    return plan[plan["data_hash"] == plan.groupby("dataset")["data_hash"].transform("last")]


def _joined(
    plan: pd.DataFrame, measured: _Measured, stage: str, factors: tuple[str, ...]
) -> pd.DataFrame:
    """Planned trials of a stage, with factor columns in front and what was measured behind."""
    plan = plan[plan["stage"] == stage].drop_duplicates(_UNIT[stage], keep="last")
    plan = with_plain_texts(plan[["contender", *_OWN, *KEY]].reset_index(drop=True))
    overlap = [name for name in (*factors, *_OWN, *KEY) if name in measured.trials.columns]
    # Looked up, not merged: the table is wide, and most of its rows are other experiments'.
    places = measured.keys.get_indexer(pd.MultiIndex.from_frame(plan[list(KEY)]))
    own = measured.trials.reindex(places).drop(columns=overlap)
    frame = pd.concat([plan, own.set_axis(plan.index)], axis=1)
    contenders = [json.loads(text) for text in plan["contender"]]
    levels = {name: _levels([c[name] for c in contenders]) for name in factors}
    # A copy puts columns of one type side by side, where rows are picked from all of them at once.
    return pd.concat([pd.DataFrame(levels, index=frame.index), frame], axis=1).copy()


def _levels(values: list[str | int | float | None]) -> pd.Series:
    # Inference would turn None into a gap and mixed levels into text.
    kinds = {type(value) for value in values}
    alike = kinds <= {int, float} or kinds == {str}
    return pd.Series(values, dtype=None if alike else object)
