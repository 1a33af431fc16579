"""The report: pages, figures and numbers in one directory. The same results give the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suite.report import files, methods
from suite.report.claims import ClaimView, Row, claim_view
from suite.report.contenders import Contenders, contenders
from suite.report.fairness import Fairness, fairness
from suite.report.reading import expected, reading, trained
from suite.report.registration import design_in_words
from suite.report.shown import Shown, draw_figures
from suite.results import Evidence

TITLE = "What does depth buy?"
_PAGES = {"index.html.j2": "index.html", "README.md.j2": "README.md"}
_NOTHING: Mapping[str, tuple[Shown, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One experiment as the pages show it."""

    name: str
    question: str
    command: str
    complete: bool
    trained: int
    expected: int
    reading: tuple[str, ...]
    registration: tuple[tuple[str, str], ...]
    hash: str
    claims: tuple[ClaimView, ...]
    figures: tuple[Shown, ...]
    contenders: Contenders | None
    fairness: Fairness | None


def build(
    evidences: Sequence[Evidence],
    verdicts: Sequence[Row],
    run_facts: Mapping[str, Any],
    directory: Path,
    *,
    title: str = TITLE,
    drawn: Mapping[str, tuple[Shown, ...]] = _NOTHING,
) -> Path:
    """Write the report and return the path of its page.

    Args:
        evidences: what was measured, one for each experiment, in the order of the page.
        verdicts: rows of `judge`.
        run_facts: content of run.json.
        directory: where the report goes; made if it is not there.
        title: of the page.
        drawn: figures of experiments that stand already, as `draw_figures` returned them.
    """
    sections = [
        _section(evidence, verdicts, drawn.get(evidence.experiment.name), directory)
        for evidence in evidences
    ]
    context = {
        "title": title,
        "profile": run_facts["profile"],
        "sections": sections,
        "claims": [_find(sections, row) for row in verdicts],
        "families": methods.families(evidences),
        "tuned": methods.tuned(evidences),
        "cards": [(card, methods.card_size(card)) for card in methods.cards(evidences)],
        "run": methods.run_rows(run_facts),
    }
    environment = _environment()
    for template, name in _PAGES.items():
        page = environment.get_template(template).render(context)
        files.write(directory / name, _bare_quotes(name, page).encode())
    files.write_json(directory / "verdicts.json", [dict(row) for row in verdicts])
    files.write_json(directory / "run.json", dict(run_facts))
    return directory / "index.html"


def _section(
    evidence: Evidence,
    verdicts: Sequence[Row],
    figures: tuple[Shown, ...] | None,
    directory: Path,
) -> Section:
    experiment = evidence.experiment
    rows = [row for row in verdicts if row["experiment"] == experiment.name]
    claims = tuple(claim_view(row, experiment, evidence.complete) for row in rows)
    return Section(
        name=experiment.name,
        question=experiment.question,
        command=f"leadline run {experiment.name} --profile {evidence.profile}",
        complete=evidence.complete,
        trained=trained(evidence),
        expected=expected(evidence),
        reading=tuple(reading(evidence, claims)),
        registration=tuple(design_in_words(evidence)),
        hash=evidence.registered_hash,
        claims=claims,
        figures=draw_figures(evidence, directory) if figures is None else figures,
        contenders=contenders(evidence),
        fairness=fairness(evidence, rows),
    )


def _find(sections: Sequence[Section], row: Row) -> ClaimView:
    return next(c for section in sections for c in section.claims if c.name == row["claim"])


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["spaced"] = lambda name: str(name).replace("_", " ")
    return environment


def _bare_quotes(name: str, page: str) -> str:
    """Markdown needs no escaped quotes, and people read it as it stands."""
    return page.replace("&#39;", "'").replace("&#34;", '"') if name.endswith(".md") else page


def _cell(text: object) -> str:
    """Text for a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())
