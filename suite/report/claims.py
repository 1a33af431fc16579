"""Verdict rows as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from suite.experiment import Experiment
from suite.figures.words import counted, level_name, listed
from suite.report.numbers import effect_text, probability, seeds_text
from suite.report.picture import effect_picture, gate_picture
from suite.report.registration import claim_in_words

Row = Mapping[str, Any]

# Shape says what colour says.
GLYPHS = {"supported": "✓", "refuted": "✗", "equivalent": "≈", "inconclusive": "?"}


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
        picture: the same, drawn.
        bound: what the numbers are held against: a margin or, of a gate, a band.
        margin: the smallest effect of interest, or the band.
        measured: what the numbers are of.
        splits: how many.
        datasets: how many.
        test: the registered test in words.
        per_dataset: data set and effect with interval, as text.
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
    bound: str
    margin: str
    measured: str
    splits: str
    datasets: str
    test: str
    per_dataset: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    notes: tuple[str, ...]
    hash: str

    @property
    def is_headline(self) -> bool:
        """Whether it is a claim of its own and not a further contrast."""
        return "/" not in self.name


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
        picture=_picture(row),
        bound="margin" if row["band"] is None else "band",
        margin=_bound(row),
        measured=_measured(row),
        splits=counted(row["seeds"], "split"),
        datasets=counted(row["datasets"], "data set"),
        test=claim_in_words(experiment.claims[row["claim"]]),
        per_dataset=_per_dataset(row),
        facts=tuple(_facts(row)),
        notes=tuple(row["notes"]),
        hash=row["registered_hash"],
    )


def _measured(row: Row) -> str:
    """'test accuracy', 'generalization gap per doubling of samples'."""
    name = row["metric"].replace("_", " ")
    unit = row["unit"].removeprefix("ln").strip() if name.startswith("log ") else row["unit"]
    return f"{name} {unit}" if unit.startswith("per ") else f"{name}, {unit}".removesuffix(", ")


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


def _picture(row: Row) -> Markup:
    if row["band"] is None:
        return effect_picture(row["effect"], row["interval"], row["margin"])
    return gate_picture(row["effect"], row["interval"], row["band"])


def _bound(row: Row) -> str:
    """'0.02', '0.285 to 0.345', 'at least 0'."""
    if row["band"] is None:
        return f"{row['margin']:g}"
    low, high = row["band"]
    if low is None or high is None:
        return f"at most {high:g}" if low is None else f"at least {low:g}"
    return f"{low:g} to {high:g}"


def _per_dataset(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(
        (level_name("dataset", name), _text(row, effect, _limits(low, high)))
        for name, (effect, low, high) in row["per_dataset"].items()
    )


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
