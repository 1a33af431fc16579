"""What a figure function returns, and how it becomes bytes."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from suite.figures.theme import DPI, styled

# Neither dates nor library versions: the same results give the same bytes.
_SVG_METADATA: dict[str, Any] = {"Date": None, "Creator": None}
_PNG_METADATA: dict[str, Any] = {"Software": None}


class NothingToDraw(Exception):  # noqa: N818 - says what is the case, not that something broke
    """The evidence lacks what a figure needs; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure and what a reader needs beside it.

    Attributes:
        title: a few words.
        figure: the picture.
        table: the very numbers drawn.
        caption: what is shown, how many networks, and what bands and marks mean.
        alt: what the picture shows, for those who cannot see it.
    """

    title: str
    figure: Figure
    table: pd.DataFrame
    caption: str
    alt: str


@dataclass(frozen=True)
class Pictures:
    """One figure as a file's content.

    Attributes:
        svg: text as outlines, so that it looks the same whatever fonts there are.
        png: the same in dots.
    """

    svg: bytes
    png: bytes


def render(drawing: Drawing) -> Pictures:
    """Both pictures of a drawing."""
    figure = drawing.figure
    with styled():
        svg = _saved(cast(Any, FigureCanvasSVG(figure)).print_svg, _SVG_METADATA)
        # Laying out costs as much as drawing: the first picture's serves the second.
        figure.set_layout_engine("none")
        figure.set_dpi(DPI)  # writing SVG has set its own
        png = _saved(FigureCanvasAgg(figure).print_png, _PNG_METADATA)
    return Pictures(svg, png)


def _saved(write: Callable[..., None], metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    write(buffer, metadata=metadata)
    return buffer.getvalue()


def csv(drawing: Drawing) -> bytes:
    """The numbers as CSV, to ten significant digits."""
    text: str = drawing.table.to_csv(index=False, float_format="%.10g", lineterminator="\n")
    return text.encode()
