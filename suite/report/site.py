"""What all pages have in common: templates, navigation, style and scripts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suite.report import files

_TEMPLATES = Path(__file__).parent / "templates"
_ASSETS = Path(__file__).parent / "assets"
_SHEET = "style.css"
# Stands in the page of every experiment, so that those of before are known again.
MARK = '<meta name="generator" content="Leadline, page of an experiment">'


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation."""

    name: str
    address: str


@cache
def environment() -> Environment:
    """Templates, read once in a process."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters["cell"] = _cell
    made.filters["spaced"] = lambda name: str(name).replace("_", " ")
    return made


def navigation(root: str, explorer: Path | None) -> tuple[Entry, ...]:
    """The bar's entries as a page at `root` from the report's directory links them."""
    entries = [
        Entry("Claims", f"{root}index.html"),
        Entry("How to read", f"{root}index.html#how-to-read"),
        Entry("Experiments", f"{root}index.html#experiments"),
        Entry("Methods", f"{root}methods.html"),
    ]
    if explorer is not None:
        entries.insert(3, Entry("Explorer", f"{root}{explorer.as_posix()}"))
    return tuple(entries)


def write_page(template: str, path: Path, context: Mapping[str, Any]) -> None:
    """Render a template into a file."""
    page = environment().get_template(template).render(context)
    files.write(path, (_bare_quotes(page) if path.suffix == ".md" else page).encode())


def write_assets(directory: Path) -> None:
    """Put style and scripts beside the pages."""
    sources = [_TEMPLATES / _SHEET, *sorted(_ASSETS.glob("*.*"))]
    for source in sources:
        files.write(directory / source.name, source.read_bytes())


def remove_pages(directory: Path, kept: Collection[str]) -> None:
    """Remove what experiments that are not `kept` once had here: their pages and figures."""
    for page in sorted(directory.glob("*/index.html")):
        place = page.parent
        if place.name in kept or MARK not in page.read_text(encoding="utf-8"):
            continue
        page.unlink()
        files.remove_others(place, (), files.FIGURES)
        if not any(place.iterdir()):
            place.rmdir()


def _bare_quotes(page: str) -> str:
    """Markdown needs no escaped quotes, and people read it as it stands."""
    return page.replace("&#39;", "'").replace("&#34;", '"')


def _cell(text: object) -> str:
    """Text for a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())
