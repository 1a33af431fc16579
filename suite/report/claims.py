"""Verdict rows as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from suite.experiment import Experiment
from suite.figures.words import counted, level_name, listed, metric_words
from suite.report.numbers import effect_text, probability, seeds_text
from suite.report.picture import effect_picture, gate_picture, shared_picture
from suite.report.registration import claim_in_words

Row = Mapping[str, Any]

# Shape says what colour says.
GLYPHS = {"supported": "✓", "refuted": "✗", "equivalent": "≈", "inconclusive": "?"}
# How a metric's name and how its unit begin.
LOGARITHMS = {"log": "ln", "log2": "log2", "log10": "log10"}


@dataclass(frozen=True, slots=True)
class Single:
    """What a claim's test found on one data set.

    Attributes:
        name: of the data set.
        numbers: effect and interval as text.
        picture: the same, drawn on the scale of the claim.
    """

    name: str
    numbers: str
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimView:
    """One claim as the pages show it.

    Attributes:
        name: id of the claim.
        anchor: its place on the page.
        experiment: where it is tested.
        says: the textbook sentence.
        word: the verdict, or why there is none.
        glyph: a sign for the verdict.
        style: class of the verdict's badge.
        numbers: effect and interval as text.
        picture: the same, drawn on the claim's own scale.
        shared: the same, drawn on the scale of all claims; a gate has its own.
        effect: the number itself, to sort by; None where nothing was measured.
        in_margins: the effect in margins, to sort by; None for gates too.
        bound: what the numbers are held against: a margin or, of a gate, a band.
        margin: the smallest effect of interest, or the band.
        measured: what the numbers are of.
        seeds: splits of each data set.
        splits: the same in words.
        names: the data sets, those that differ in parameters alone as one.
        sets: how many there are.
        datasets: how many, in words.
        test: the registered test in words.
        per_dataset: what was found on each data set.
        facts: p-values, scope, spread between sets, seeds needed.
        notes: what a reader must know beside the numbers.
        hash: of the claim's registration.
    """

    name: str
    anchor: str
    experiment: str
    says: str
    word: str
    glyph: str
    style: str
    numbers: str
    picture: Markup
    shared: Markup
    effect: float | None
    in_margins: float | None
    bound: str
    margin: str
    measured: str
    seeds: int
    splits: str
    names: tuple[str, ...]
    sets: int
    datasets: str
    test: str
    per_dataset: tuple[Single, ...]
    facts: tuple[str, ...]
    notes: tuple[str, ...]
    hash: str

    @property
    def is_headline(self) -> bool:
        """Whether it is a claim of its own and not a further contrast."""
        return "/" not in self.name

    @property
    def is_gate(self) -> bool:
        """Whether it is an exact check, held against a band."""
        return self.bound == "band"

    @property
    def address(self) -> str:
        """Where it is told in full, from the report's directory."""
        return f"{self.experiment}/index.html#{self.anchor}"


def claim_view(row: Row, experiment: Experiment, complete: bool) -> ClaimView:
    """A row of verdicts as the pages show it."""
    word = row["verdict"] or _no_word(row, complete)
    return ClaimView(
        name=row["claim"],
        anchor=f"claim-{row['claim'].replace('/', '-')}",
        experiment=row["experiment"],
        says=row["says"],
        word=word,
        glyph=GLYPHS.get(word, "…"),
        style=word if word in GLYPHS else "open",
        numbers=_numbers(row),
        picture=_picture(row, row["effect"], row["interval"]),
        shared=_shared(row),
        effect=row["effect"],
        in_margins=_in_margins(row),
        bound="margin" if row["band"] is None else "band",
        margin=_bound(row),
        measured=_measured(row),
        seeds=row["seeds"],
        splits=counted(row["seeds"], "split"),
        names=tuple(dict.fromkeys(map(_short_name, row["per_dataset"]))),
        sets=row["datasets"],
        datasets=counted(row["datasets"], "data set"),
        test=claim_in_words(experiment.claims[row["claim"]]),
        per_dataset=_per_dataset(row),
        facts=tuple(_facts(row)),
        notes=tuple(row["notes"]),
        hash=row["registered_hash"],
    )


def _measured(row: Row) -> str:
    """'test accuracy', 'generalization gap per doubling of samples'.

    A unit that the name says, too, is left out: 'log2 throughput, rows/s', 'log10 minutes'.
    """
    name = metric_words(row["metric"])
    kind, _, of = name.partition(" ")
    unit = row["unit"].removeprefix(LOGARITHMS.get(kind, "")).strip()
    if unit.startswith("per "):
        return f"{name} {unit}"
    return name if of.startswith(unit) else f"{name}, {unit}"


def _no_word(row: Row, complete: bool) -> str:
    if row["profile"] == "quick":
        return "preview"
    return "no verdict" if complete else "not finished"


def _numbers(row: Row) -> str:
    return _text(row, row["effect"], row["interval"])


def _text(row: Row, effect: float | None, limits: Sequence[float] | None) -> str:
    """An effect has a sign; what a gate looks at is a level and has none of its own."""
    text = effect_text(effect, limits)
    return text if row["band"] is None else text.replace("+", "")


def _picture(row: Row, effect: float | None, limits: Sequence[float] | None) -> Markup:
    """Drawn on the scale that holds what was found on each data set, too."""
    found = [number for single in row["per_dataset"].values() for number in single]
    beside = [number for number in (*found, *(row["interval"] or ())) if number is not None]
    if row["band"] is None:
        return effect_picture(effect, limits, row["margin"], beside)
    return gate_picture(effect, limits, row["band"], beside)


def _shared(row: Row) -> Markup:
    if row["band"] is None:
        return shared_picture(row["effect"], row["interval"], row["margin"])
    return gate_picture(row["effect"], row["interval"], row["band"])


def _in_margins(row: Row) -> float | None:
    if row["band"] is not None or row["effect"] is None:
        return None
    return float(row["effect"] / row["margin"])


def _bound(row: Row) -> str:
    """'0.02', '0.285 to 0.345', 'at least 0'."""
    if row["band"] is None:
        return f"{row['margin']:g}"
    low, high = row["band"]
    if low is None or high is None:
        return f"at most {high:g}" if low is None else f"at least {low:g}"
    return f"{low:g} to {high:g}"


def _per_dataset(row: Row) -> tuple[Single, ...]:
    singles = []
    for name, (effect, low, high) in row["per_dataset"].items():
        limits = _limits(low, high)
        numbers, picture = _text(row, effect, limits), _picture(row, effect, limits)
        singles.append(Single(level_name("dataset", name), numbers, picture))
    return tuple(singles)


def _short_name(dataset: str) -> str:
    """'random hierarchy' of 'random_hierarchy(levels=4)'."""
    return level_name("dataset", dataset.partition("(")[0])


def _limits(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _facts(row: Row) -> list[str]:
    facts = []
    if row["p"] is not None:
        corrected = probability(row["p_corrected"])
        facts.append(f"p {probability(row['p'])}, after Holm's correction {corrected}")
    if row["verdict"] is not None:
        facts.append(_scope(row))
    if row["tau"] is not None:
        facts.append(f"spread between data sets τ = {row['tau']:.2g}")
    if row["seeds_needed"] is not None:
        facts.append(f"{seeds_text(row['seeds_needed'])} a data set would settle it")
    if row["verdict_at_half_budget"] is not None:
        facts.append(f"at half of the tuning budget {row['verdict_at_half_budget']}")
    return facts


def _scope(row: Row) -> str:
    names = listed([level_name("dataset", name) for name in row["per_dataset"]])
    where = {"in general": "holds in general, over", "on this machine": "on this machine, on"}
    return f"{where.get(row['scope'], 'on')} {names}"
