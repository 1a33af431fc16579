"""The report: pages, figures and numbers in one directory. The same results give the same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suite.report import files, methods, site
from suite.report.claims import GLYPHS, ClaimView, Row
from suite.report.contenders import contenders
from suite.report.fairness import fairness
from suite.report.picture import axis_picture
from suite.report.reading import counts
from suite.report.sections import Section, section
from suite.report.shortfalls import losses, shortfalls
from suite.report.shown import Shown, draw_figures
from suite.report.theory import rows, write_theory
from suite.results import Evidence

TITLE = "What does depth buy?"
_PAGES = ("index.html", "methods.html", "README.md")
_ASSETS = "assets"
_NOTHING: Mapping[str, tuple[Shown, ...]] = MappingProxyType({})


def build(
    evidences: Sequence[Evidence],
    verdicts: Sequence[Row],
    run_facts: Mapping[str, Any],
    directory: Path,
    *,
    title: str = TITLE,
    drawn: Mapping[str, tuple[Shown, ...]] = _NOTHING,
    explorer: Path | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Write the report and return the path of its first page.

    Args:
        evidences: what was measured, one for each experiment, in the order of the pages.
        verdicts: rows of `judge`.
        run_facts: content of run.json.
        directory: where the report goes; made if it is not there.
        title: of the first page.
        drawn: figures of experiments that stand already, as `draw_figures` returned them.
        explorer: page of the explorer, from `directory`; None where there is none.
        options: what else of the command made the experiments what they are.
    """
    sections = []
    for evidence in evidences:
        figures = drawn.get(evidence.experiment.name)
        figures = draw_figures(evidence, directory) if figures is None else figures
        sections.append(section(evidence, verdicts, figures, options))
    context = _context(evidences, sections, verdicts, run_facts) | {
        "title": title,
        "theory": write_theory(evidences, directory),
    }
    _write_pages(directory, sections, context, explorer)
    site.write_assets(directory / _ASSETS)
    site.remove_pages(directory, {each.name for each in sections})
    files.write_json(directory / "verdicts.json", [dict(row) for row in verdicts])
    files.write_json(directory / "run.json", dict(run_facts))
    return directory / _PAGES[0]


def prepare(evidences: Sequence[Evidence]) -> None:
    """Work out what pages say of measurements alone, which `build` then finds done."""
    for evidence in evidences:
        contenders(evidence)
        fairness(evidence, ())
    rows(evidences)


def _write_pages(
    directory: Path,
    sections: Sequence[Section],
    context: Mapping[str, Any],
    explorer: Path | None,
) -> None:
    top = {"root": "", "navigation": site.navigation("", explorer)}
    for name in _PAGES:
        site.write_page(f"{name}.j2", directory / name, {**context, **top})
    below = {"root": "../", "navigation": site.navigation("../", explorer), "mark": site.MARK}
    for index, each in enumerate(sections):
        own = {
            "section": each,
            "before": sections[index - 1] if index else None,
            "after": sections[index + 1] if index + 1 < len(sections) else None,
        }
        page = directory / each.name / "index.html"
        site.write_page("experiment.html.j2", page, {**context, **below, **own})


def _context(
    evidences: Sequence[Evidence],
    sections: Sequence[Section],
    verdicts: Sequence[Row],
    run_facts: Mapping[str, Any],
) -> dict[str, Any]:
    """What all pages may say."""
    claims = [_find(sections, row) for row in verdicts]
    return {
        "profile": run_facts["profile"],
        "sections": sections,
        "amended": sum(bool(section.amended) for section in sections),
        "claims": claims,
        "headlines": [claim for claim in claims if claim.is_headline],
        "further": [claim for claim in claims if not claim.is_headline and not claim.is_gate],
        "checks": [claim for claim in claims if not claim.is_headline and claim.is_gate],
        "gates": [claim for claim in claims if claim.is_gate],
        "found": counts(claims),
        "words": _counted_words(claims),
        "tally": _counted_words([claim for claim in claims if claim.is_headline]),
        "datasets": sorted({name for claim in claims for name in claim.names}, key=str.lower),
        "axis": axis_picture(),
        "families": methods.families(evidences),
        "tuned": methods.tuned(evidences),
        "cards": [
            (names, card, methods.card_size(card))
            for names, card in methods.described_cards(evidences)
        ],
        "run": methods.run_rows(run_facts),
        "shortfalls": shortfalls(sections, evidences),
        "losses": losses(claims),
    }


def _counted_words(claims: Sequence[ClaimView]) -> list[tuple[str, str, str, int]]:
    """Style, sign, word and number of claims of each verdict that there is, in their order."""
    found: dict[str, ClaimView] = {}
    for claim in claims:
        found.setdefault(claim.word, claim)
    order = [word for word in GLYPHS if word in found]
    order += sorted({*found} - {*GLYPHS})
    numbers = {word: sum(claim.word == word for claim in claims) for word in order}
    return [(found[word].style, found[word].glyph, word, numbers[word]) for word in order]


def _find(sections: Sequence[Section], row: Row) -> ClaimView:
    return next(c for section in sections for c in section.claims if c.name == row["claim"])
