"""A verdict in words: one sentence, what to be careful of, and what to try next."""

import math
from collections.abc import Iterator, Sequence

from suite.compare.difference import BETTER, EQUIVALENT, OPEN, WORSE
from suite.compare.growth import Growth
from suite.compare.plan import DEEP, DEPTHS, DUMMY, SHALLOW
from suite.compare.scores import Measured
from suite.compare.table import Table
from suite.compare.verdict import Lead, Place, Verdict, all_overlap
from suite.figures.theme import plain
from suite.figures.words import counted, listed
from suite.report.numbers import signed

METRIC_NAMES = {
    "test_accuracy": "accuracy",
    "test_balanced_accuracy": "balanced accuracy",
    "test_roc_auc": "ROC-AUC",
    "test_r2": "R²",
    "test_rmse": "RMSE",
    "test_mae": "MAE",
}
NAMES = {
    DUMMY: "guessing",
    "linear": "the linear model",
    "nearest_neighbours": "nearest neighbours",
    "random_forest": "the random forest",
    "gradient_boosting": "gradient boosting",
    SHALLOW: "the shallow network",
    DEEP: "the deep network",
}
_PLURAL = ("nearest_neighbours",)
_NUMERALS = {1: "one", 2: "two", 3: "three"}
# A share of the searches that end on an edge, from which on it is worth a word.
_MANY = 0.5


def places_of(half: float | None) -> int:
    """Decimals that an effect and half of its interval are shown with."""
    if half is None or not half > 0:
        return 3
    return 2 if half >= 0.1 else min(max(math.ceil(-math.log10(half)), 3), 5)


def amount(effect: float, half: float | None, sign: bool = False) -> str:
    """'0.012 ± 0.004', with a sign where it may be either."""
    places = places_of(half)
    text = signed(effect, places)
    text = text if sign else text.removeprefix("+")
    return text if half is None else f"{text} ± {half:.{places}f}"


def sentence(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    return f"{_on_depth(verdict)}; {_on_best(verdict)}."


def _on_depth(verdict: Verdict) -> str:
    found, metric = verdict.depth, METRIC_NAMES[verdict.metric]
    if found is None:
        return "Whether depth helps was not measured, since a network did not come to its end"
    deep, shallow = _NUMERALS[DEPTHS[DEEP]], _NUMERALS[DEPTHS[SHALLOW]]
    cost = "" if verdict.cost_ratio is None else f" at {verdict.cost_ratio:.1f}× the cost"
    size = amount(abs(found.effect), found.half)
    if found.verdict == BETTER:
        return f"{deep.capitalize()} layers beat {shallow} by {size} {metric}{cost}"
    if found.verdict == WORSE:
        return f"{deep.capitalize()} layers do worse than {shallow} by {size} {metric}{cost}"
    seen = f"{amount(found.effect, found.half, sign=True)} {metric}"
    if found.verdict == EQUIVALENT:
        within = f"{seen}, within {verdict.margin:g} either way"
        return f"{deep.capitalize()} layers do as well as {shallow} ({within}){cost}"
    splits = counted(verdict.splits, "split")
    return f"Whether {deep} layers beat {shallow} stays open: {seen} over {splits}{cost}"


def _on_best(verdict: Verdict) -> str:
    best = verdict.best
    if best.name == DUMMY or not _is(verdict.over_dummy, BETTER):
        return "no contender is shown to be better than guessing"
    if verdict.over_networks is not None:
        return _above_networks(best.name, verdict.over_networks)
    if verdict.over_others is None:
        return f"{NAMES[best.name]} ranks first"
    other = NAMES[verdict.over_others.over]
    if _is(verdict.over_others, BETTER):
        return f"{NAMES[best.name]} is better than {other}, the best of the others"
    return f"{NAMES[best.name]} ranks first, but is not shown to be better than {other}"


def _above_networks(best: str, over: Lead) -> str:
    plural = best in _PLURAL
    name, found = NAMES[best], over.difference
    if found.verdict == BETTER:
        return f"{name} {'are' if plural else 'is'} better than both"
    rank = f"{name} {'rank' if plural else 'ranks'} first"
    if found.verdict == EQUIVALENT:
        return f"{rank}, but by no difference that matters over {NAMES[over.over]}"
    return f"{rank}, but {'are' if plural else 'is'} not shown to be better than {NAMES[over.over]}"


def _is(lead: Lead | None, word: str) -> bool:
    return lead is not None and lead.difference.verdict == word


def cautions(verdict: Verdict, measured: Measured, table: Table) -> tuple[str, ...]:
    """What a reader must know before trusting the ranking."""
    return tuple(_cautions(verdict, measured, table))


def _cautions(verdict: Verdict, measured: Measured, table: Table) -> Iterator[str]:
    if table.leaks:
        yield "A column gives the target away: if it is not known beforehand, no score here counts."
    if not _is(verdict.over_dummy, BETTER):
        yield (
            "No contender is shown to beat guessing: the columns may say nothing of the target, or "
            "there are too few rows to tell."
        )
    if all_overlap(verdict):
        yield (
            "The intervals of all contenders but the guess overlap. Differences on the same "
            "splits, as the verdict has them, say more than the intervals of the means do."
        )
    yield from _absent(verdict)
    at_half, found = verdict.depth_at_half, verdict.depth
    if at_half is not None and found is not None and at_half.verdict != found.verdict:
        yield (
            f"With half of the tuning budget the verdict on depth would be “{at_half.verdict}” "
            f"rather than “{found.verdict}”: it hangs on the search."
        )
    yield from _on_edges(verdict.best, measured)


def _absent(verdict: Verdict) -> Iterator[str]:
    for place in verdict.places:
        if place.mean is None:
            name = NAMES[place.name].capitalize()
            yield f"{name} did not come to its end on every split: unranked."
        elif place.failed:
            splits = counted(place.failed, "split")
            yield f"{NAMES[place.name].capitalize()} diverged on {splits}, which count as chance."


def _on_edges(best: Place, measured: Measured) -> Iterator[str]:
    """Ranges at whose edge most searches of the networks or the best contender end."""
    watched = dict.fromkeys([best.name, DEEP, SHALLOW])
    for row in measured.edges.to_dict("records"):
        for end in ("low", "high"):
            if row["model"] in watched and row[end] >= _MANY * row["searches"]:
                name = str(row["name"]).rpartition(".")[2].replace("_", " ")
                count = f"{row[end]} of {counted(row['searches'], 'split')}"
                where = "lowest" if end == "low" else "highest"
                yield (
                    f"The best {name} of {NAMES[row['model']]} lies at the {where} end of what is "
                    f"searched, on {count}: a wider range may change its score."
                )


def next_steps(verdict: Verdict, table: Table, growth: Growth | None) -> tuple[str, ...]:
    """What to try next, the most promising first."""
    steps = [*_on_leak(table), *_on_open(verdict, table), *_on_rows(verdict, table, growth)]
    return (*steps, *_on_choice(verdict))


def _on_leak(table: Table) -> Iterator[str]:
    if table.leaks:
        yield "Drop the column that gives the target away (--drop NAME) and compare again."


def _on_open(verdict: Verdict, table: Table) -> Iterator[str]:
    found, folds = verdict.depth, table.card.folds
    if found is None or found.verdict != OPEN:
        return
    needed = found.seeds_needed
    if needed is None:
        yield (
            "No number of splits would settle what depth brings here: the effect lies too near to "
            "the smallest one of interest. Choose what is worth having (--margin)."
        )
    elif needed[0] <= folds and verdict.splits < folds:
        yield (
            f"About {_splits_text(needed)} would settle what depth brings: --seeds {folds} has all "
            "disjoint test folds there are; what is trained already is kept."
        )
    else:
        yield (
            f"About {_splits_text(needed)} of this size would settle what depth brings, and these "
            f"rows have {folds} disjoint test folds: it takes more rows."
        )


def _splits_text(needed: tuple[int, int]) -> str:
    low, high = needed
    return f"{low} splits" if low == high else f"{low} to {high} splits"


def _on_rows(verdict: Verdict, table: Table, growth: Growth | None) -> Iterator[str]:
    if table.rows > table.card.samples:
        rows = plain(table.rows)
        yield f"Use more of the {rows} rows (--rows): {plain(table.card.samples)} were."
    if growth is None:
        return
    yield _on_growth(verdict, growth.rising(verdict.margin))


def _on_growth(verdict: Verdict, rising: Sequence[str]) -> str:
    names, best = listed([NAMES[name] for name in rising]), verdict.best.name
    step = "from half of the training rows to all of them"
    if not rising:
        return f"More rows promise little: {step}, no score grows by more than {verdict.margin:g}."
    grows = f"{step}, the score of {names} still grows by more than {verdict.margin:g}"
    if best in rising:
        return f"Collect more rows: {grows}."
    return f"More rows may change the ranking: {grows}, that of {NAMES[best]} does not."


def _on_choice(verdict: Verdict) -> Iterator[str]:
    found, best = verdict.depth, verdict.best
    if best.name == DUMMY:
        yield "Look for columns that say more of the target."
        return
    if found is not None and found.verdict == BETTER:
        yield (
            "Depth pays here: try more layers in an experiment of your own, with "
            "vary: {depth: [3, 6, 12]} and this file as its data set."
        )
    elif best.name not in (DEEP, SHALLOW):
        yield f"For use, take {NAMES[best.name]} with the settings below."
    elif found is not None and found.verdict in (EQUIVALENT, WORSE):
        yield "For use, take the shallow network: it is cheaper and no worse."
