"""The verdicts, as a run ends with them on a terminal or in a log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {
    "supported": "green",
    "refuted": "red",
    "equivalent": "blue",
    "inconclusive": "yellow",
}
PREVIEW = "preview"
# A narrower terminal shows the interval no more, which the report has.
WIDE = 72


def print_verdicts(verdicts: Sequence[Mapping[str, Any]], console: "Console") -> None:
    """One row for each claim, and how often each verdict was found."""
    if not verdicts:
        return
    console.print(_table(verdicts, wide=console.width >= WIDE), soft_wrap=False)
    console.print(_counts(verdicts))


def _table(verdicts: Sequence[Mapping[str, Any]], *, wide: bool) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("claim", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for title in ("effect", "interval", "seeds") if wide else ("effect", "seeds"):
        table.add_column(title, no_wrap=True, justify="right")
    for row in verdicts:
        interval = " to ".join(_number(row, bound) for bound in row["interval"] or ())
        numbers = (_number(row, row["effect"]), interval, str(row["seeds"] or ""))
        table.add_row(row["claim"], _verdict(row), *(numbers if wide else numbers[::2]))
    return table


def _verdict(row: Mapping[str, Any]) -> Any:
    from rich.text import Text

    from suite.report.claims import GLYPHS

    word = row["verdict"] or PREVIEW
    return Text(f"{GLYPHS.get(word, '…')} {word}", style=COLOURS.get(word, "dim"))


def _number(row: Mapping[str, Any], value: float | None) -> str:
    """Three digits; a difference has its sign, what a gate looks at is a level."""
    if value is None:
        return ""
    return f"{value:.3g}" if row["kind"] == "gate" else f"{value:+.3g}"


def _counts(verdicts: Sequence[Mapping[str, Any]]) -> str:
    words = Counter(row["verdict"] or PREVIEW for row in verdicts)
    said = ", ".join(f"{words[word]} {word}" for word in (*COLOURS, PREVIEW) if words[word])
    return f"{len(verdicts)} claims: {said}"
