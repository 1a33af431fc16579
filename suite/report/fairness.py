"""Whether contenders were tuned alike, in sentences and tables made from the numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from suite.experiment import Tune
from suite.fairness.budgets import budgets, is_equal, was_tuned
from suite.fairness.edges import at_edges, edges
from suite.fairness.searches import SEARCH, tuned
from suite.fairness.variance import variance_table
from suite.figures.theme import plain
from suite.figures.words import counted, factor_name, level_name, listed, searched_label
from suite.report.numbers import span
from suite.report.once import once
from suite.results import Evidence

Row = Mapping[str, Any]
_SPENT = ("searches", "candidates", "budget spent", "network-epochs", "time", "FLOPs", "at an edge")
_SUMS = ("searches", "trainings", "asked_trainings", "candidates", "epochs", "seconds", "flops")
_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """What the pages say of an experiment's tuning.

    Attributes:
        sentences: on budgets, edges of ranges, and verdicts at half of the budget.
        header: of the table of what each contender spent.
        factors: how many of its columns are factors.
        rows: one for each contender.
        sources: where a score's variance may come from; empty where that is not known.
        variances: data set, then each source's standard deviation and share, as text.
    """

    sentences: tuple[str, ...]
    header: tuple[str, ...]
    factors: int
    rows: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]
    variances: tuple[tuple[str, ...], ...]


def fairness(evidence: Evidence, verdicts: Sequence[Row]) -> Fairness | None:
    """The section of one experiment; None where nothing was tuned.

    Args:
        evidence: what was measured.
        verdicts: the experiment's rows of verdicts.json.
    """
    found = _spent(evidence)
    if found is None:
        return None
    return replace(found, sentences=(*found.sentences, *_half_sentences(verdicts)))


@once
def _spent(evidence: Evidence) -> Fairness | None:
    """All of the section but what the verdicts say."""
    if not was_tuned(evidence) or (spent := budgets(evidence)).empty:
        return None
    ends = edges(evidence)
    factors = list(evidence.experiment.at(evidence.profile).factors())
    again = None if evidence.variance.empty else evidence.variance
    sources, variances = _variances(variance_table(evidence, again))
    return Fairness(
        sentences=(
            *_budget_sentences(evidence, spent),
            *_edge_sentences(ends, spent),
        ),
        header=(*map(factor_name, factors), *_SPENT),
        factors=len(factors),
        rows=tuple(_rows(spent, ends, factors)),
        sources=sources,
        variances=variances,
    )


def _budget_sentences(evidence: Evidence, spent: pd.DataFrame) -> Iterator[str]:
    tune = tuned(evidence)
    assert tune is not None
    times = {1: "", 2: ", twice"}.get(tune.repeats, f", {tune.repeats} times")
    each = spent["asked_trainings"] / spent["searches"]
    if is_equal(spent):
        yield f"Each contender had {_size(tune, each.iloc[0])} for each data set and split{times}."
    else:
        low, high = (f"{end:.3g}" for end in (each.min(), each.max()))
        yield f"By design budgets differ: {low} to {high} whole trainings for each search{times}."
    share = spent["trainings"] / spent["asked_trainings"]
    least, most = (f"{100 * end:.0f}" for end in (share.min(), share.max()))
    used = f"{least} %" if least == most else f"{least} to {most} %"
    yield f"They spent {used} of it: {_costs(spent)}."


def _size(tune: Tune, trainings: float) -> str:
    """'12 candidates', 'the epochs of 12 whole trainings', '240 network-epochs'."""
    seeds = f" of {tune.seeds} networks each" if tune.seeds > 1 else ""
    if tune.budget.epochs:
        return f"{plain(tune.budget.epochs)} network-epochs"
    if tune.halving:
        return f"the epochs of {trainings:.3g} whole trainings{seeds}"
    return f"{trainings:.0f} candidates{seeds}"


def _costs(spent: pd.DataFrame) -> str:
    """'940 candidates, 2 592 network-epochs, 41 s and 1.1·10⁹ FLOPs in all'."""
    parts = [counted(int(spent["candidates"].sum()), "candidate")]
    if spent["epochs"].notna().any():
        parts.append(f"{plain(spent['epochs'].sum())} network-epochs")
    parts.append(span(spent["seconds"].sum()))
    if spent["flops"].notna().any():
        parts.append(f"{plain(spent['flops'].sum())} FLOPs")
    return f"{listed(parts)} in all"


def _edge_sentences(ends: pd.DataFrame, spent: pd.DataFrame) -> Iterator[str]:
    table = at_edges(ends)
    touched = table[table["low"] + table["high"] > 0]
    for row in touched.to_dict("records"):
        ways = [f"{row[end]} at the {end} end" for end in ("low", "high") if row[end]]
        yield (
            f"The best value of {searched_label(row['name'])} lay on the edge of its range in "
            f"{row['low'] + row['high']} of {row['searches']} searches ({listed(ways)}): the range "
            "may be too narrow."
        )
    if len(table) and touched.empty:
        yield "No best value lay on the edge of its range."
    unknown = int(spent["searches"].sum()) - len(ends.drop_duplicates(SEARCH))
    if len(table) and unknown:
        yield f"{unknown} searches, among choices or over a model's own ranges, have no known edge."


def _half_sentences(verdicts: Sequence[Row]) -> Iterator[str]:
    words = {row["claim"]: row["verdict_at_half_budget"] for row in verdicts}
    known = {claim: word for claim, word in words.items() if word is not None}
    if not known:
        return
    other = {claim: word for claim, word in known.items() if word != "unchanged"}
    tests = counted(len(known), "registered test")
    if not other:
        yield f"At half of the budget every verdict would be the same ({tests})."
        return
    changed = listed([f"{claim} would be {word}" for claim, word in other.items()])
    yield f"At half of the budget {len(other)} of {tests} would end otherwise: {changed}."


def _rows(
    spent: pd.DataFrame, ends: pd.DataFrame, factors: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """One row for each contender, over all data sets."""
    touched = ends[ends["edge"] != ""].groupby("contender").size()
    judged = ends.groupby("contender").size()
    for text, own in spent.groupby("contender", sort=False):
        levels = json.loads(str(text))
        sums = {name: own[name].sum(min_count=1) for name in _SUMS}
        yield (
            *(level_name(factor, levels[factor]) for factor in factors),
            plain(sums["searches"]),
            plain(sums["candidates"]),
            f"{sums['trainings']:.4g} of {sums['asked_trainings']:.4g} trainings",
            _number(sums["epochs"]),
            span(sums["seconds"]),
            _number(sums["flops"]),
            f"{touched.get(text, 0)} of {judged[text]}" if text in judged else "–",
        )


def _number(value: float) -> str:
    return "–" if pd.isna(value) else plain(value)


def _variances(
    table: pd.DataFrame,
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    sources = tuple(dict.fromkeys(table["source"]))
    rows = []
    for dataset, own in table.groupby("dataset", sort=False):
        found = own.set_index("source")[["variance", "share"]]
        cells = [_component(found.loc[name]) if name in found.index else "–" for name in sources]
        rows.append((level_name("dataset", str(dataset)), *cells))
    return sources, tuple(rows)


def _component(found: pd.Series) -> str:
    """'0.0120 (31 %)': a standard deviation and its share of the variance."""
    deviation, share = float(found["variance"]) ** 0.5, float(found["share"])
    percent = "" if pd.isna(share) else f" ({100 * share:.0f} %)"
    return f"{deviation:.3g}{percent}"
