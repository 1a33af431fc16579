"""Figures as files: drawn once, with what the pages say beside them."""

from dataclasses import dataclass
from pathlib import Path

from suite.figures.catalogue import FIGURES
from suite.figures.drawing import NothingToDraw, csv, render
from suite.report import files
from suite.results import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure as the pages show it, or why it could not be drawn.

    Attributes:
        name: of the figure, and the stem of its files.
        title: a few words.
        caption: what is shown, how many networks, what bands and marks mean.
        alt: what the picture shows, for those who cannot see it.
        width: of the picture, in CSS pixels.
        height: of the picture, in CSS pixels.
        missing: why there is no picture; empty where there is one.
    """

    name: str
    title: str
    caption: str = ""
    alt: str = ""
    width: int = 0
    height: int = 0
    missing: str = ""


def draw_figures(evidence: Evidence, directory: Path) -> tuple[Shown, ...]:
    """Draw an experiment's figures into `directory`/<experiment>/; remove those of before."""
    place = directory / evidence.experiment.name
    shown = tuple(_draw(evidence, name, place) for name in evidence.experiment.figures)
    kept = {
        f"{each.name}{suffix}" for each in shown if not each.missing for suffix in files.FIGURES
    }
    files.remove_others(place, kept, files.FIGURES)
    return shown


def _draw(evidence: Evidence, name: str, place: Path) -> Shown:
    try:
        drawing = FIGURES[name].draw(evidence)
    except NothingToDraw as reason:
        return Shown(name=name, title=FIGURES[name].description, missing=str(reason))
    pictures = render(drawing)
    files.write(place / f"{name}.svg", pictures.svg)
    files.write(place / f"{name}.png", pictures.png)
    files.write(place / f"{name}.csv", csv(drawing))
    width, height = drawing.figure.get_size_inches() * drawing.figure.dpi
    return Shown(
        name=name,
        title=drawing.title,
        caption=drawing.caption,
        alt=drawing.alt,
        width=round(width),
        height=round(height),
    )
