"""The page of a comparison: one file that needs no other, its Markdown twin, and its figures."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.compare import figures
from suite.compare.folder import FIGURES as FIGURES_FOLDER
from suite.compare.growth import Growth
from suite.compare.recipes import recipe_rows
from suite.compare.scores import Measured
from suite.compare.sentences import METRIC_NAMES, NAMES, amount
from suite.compare.table import Table
from suite.compare.training import training_curves
from suite.compare.verdict import Place, Verdict
from suite.figures.catalogue import FIGURES
from suite.figures.drawing import Drawing, NothingToDraw, csv, render
from suite.figures.theme import plain
from suite.report import files, site
from suite.report.numbers import effect_text, span
from suite.report.picture import effect_picture
from suite.results import Evidence

_PAGES = {"compare.html.j2": "index.html", "compare.md.j2": "README.md"}
_WORDS = {
    "better": ("✓", "supported", "deeper is better"),
    "worse": ("✗", "refuted", "deeper is worse"),
    "equivalent": ("≈", "equivalent", "no difference that matters"),
    "open": ("?", "inconclusive", "open"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure as the pages show it, or why there is none."""

    name: str
    title: str
    caption: str = ""
    alt: str = ""
    width: int = 0
    height: int = 0
    source: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything that the pages say.

    Attributes:
        table: what was asked about.
        evidence: the comparison's measurements.
        measured: its numbers.
        verdict: what follows from them.
        growth: scores by training rows; None where there are too few.
        why: of the metric, what it is and why.
        sentence: the verdict.
        cautions: what to be careful of.
        steps: what to try next.
        facts: rows of the table on how it was measured.
        command: what makes this page again.
    """

    table: Table
    evidence: Evidence
    measured: Measured
    verdict: Verdict
    growth: Growth | None
    why: str
    sentence: str
    cautions: tuple[str, ...]
    steps: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    command: str

    @property
    def said(self) -> tuple[str, ...]:
        """All warnings: of the table, then of the ranking."""
        return (*self.table.warnings, *self.cautions)

    @property
    def code(self) -> str:
        """Hash of the code that made the numbers."""
        return self.evidence.code_hash


def write_page(content: Content, directory: Path) -> Path:
    """Write figures, page and twin; return the page's path."""
    pictures = [_picture(name, draw, directory) for name, draw in _drawings(content)]
    context = _context(content, pictures)
    for template, name in _PAGES.items():
        site.write_page(template, directory / name, context)
    return directory / "index.html"


Draw = Callable[[], Drawing]


def _drawings(content: Content) -> list[tuple[str, Draw]]:
    verdict, evidence = content.verdict, content.evidence
    return [
        ("ranking", lambda: figures.ranking(verdict, content.measured)),
        (
            "learning_curve",
            lambda: figures.learning_curve(content.growth, verdict.metric, verdict.splits),
        ),
        ("training_curves", lambda: training_curves(evidence)),
        ("cost", lambda: figures.cost(verdict)),
        ("budget_curves", lambda: FIGURES["budget_curves"].draw(evidence)),
    ]


def _picture(name: str, draw: Draw, directory: Path) -> Picture:
    try:
        drawing = draw()
    except NothingToDraw as reason:
        return Picture(name=name, title=name.replace("_", " "), missing=str(reason))
    pictures, place = render(drawing), directory / FIGURES_FOLDER
    files.write(place / f"{name}.svg", pictures.svg)
    files.write(place / f"{name}.png", pictures.png)
    files.write(place / f"{name}.csv", csv(drawing))
    width, height = drawing.figure.get_size_inches() * drawing.figure.dpi
    encoded = base64.b64encode(pictures.svg).decode()
    return Picture(
        name=name,
        title=drawing.title,
        caption=drawing.caption,
        alt=drawing.alt,
        width=round(width),
        height=round(height),
        source=f"data:image/svg+xml;base64,{encoded}",
    )


def _context(content: Content, pictures: list[Picture]) -> Mapping[str, Any]:
    verdict, table = content.verdict, content.table
    return {
        "target": table.spec.target,
        "file": table.spec.file.name,
        "sentence": content.sentence,
        "depth": _depth(verdict),
        "metric": METRIC_NAMES[verdict.metric],
        "why": content.why,
        "beside": [METRIC_NAMES[name] for name in verdict.best.beside],
        "ranking": [_row(number, place) for number, place in enumerate(verdict.places, start=1)],
        "warnings": table.warnings,
        "cautions": content.cautions,
        "steps": content.steps,
        "pictures": {picture.name: picture for picture in pictures},
        "recipes": recipe_rows(verdict),
        "facts": content.facts,
        "command": content.command,
        "folder": FIGURES_FOLDER,
    }


def _depth(verdict: Verdict) -> Mapping[str, Any] | None:
    found = verdict.depth
    if found is None:
        return None
    glyph, style, word = _WORDS[found.verdict]
    return {
        "glyph": glyph,
        "style": style,
        "word": word,
        "numbers": effect_text(found.effect, found.interval),
        "picture": effect_picture(found.effect, found.interval, verdict.margin),
        "margin": f"{verdict.margin:g}",
        "splits": verdict.splits,
        "cost": "–" if verdict.cost_ratio is None else f"{verdict.cost_ratio:.1f}×",
        "final_cost": "–"
        if verdict.final_cost_ratio is None
        else f"{verdict.final_cost_ratio:.1f}×",
    }


def _row(number: int, place: Place) -> Mapping[str, Any]:
    half = (place.interval[1] - place.interval[0]) / 2 if place.interval else None
    rank = "–" if place.rank is None else f"{place.rank:.1f}"
    if place.rank_interval is not None:
        rank += f" [{place.rank_interval[0]:.1f}, {place.rank_interval[1]:.1f}]"
    return {
        "number": number if place.mean is not None else "–",
        "name": NAMES[place.name],
        "score": "–" if place.mean is None else amount(place.mean, half),
        "rank": rank,
        "beside": ["–" if v is None else f"{v:.4g}" for v in place.beside.values()],
        "seconds": span(place.seconds) if place.seconds >= 10 else f"{place.seconds:.1f} s",
        "parameters": plain(place.parameters),
    }
