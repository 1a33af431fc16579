"""The table that is asked about: read, cut down where it is large, and what to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.compare.sampling import Sample, sample_file
from suite.data.cards import CARDS
from suite.data.dataset import DatasetCard
from suite.data.tables.registering import register
from suite.data.tables.spec import TableSpec, read_spec
from suite.errors import InputError
from suite.figures.theme import plain

MOST_ROWS = 10_000
FEWEST_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that is ready to be learned from.

    Attributes:
        spec: the file as the user named it, and how it is read.
        dataset: name of the data set.
        card: what it is.
        rows: in the file.
        warnings: what a reader should know before trusting a score.
    """

    spec: TableSpec
    dataset: str
    card: DatasetCard
    rows: int
    warnings: tuple[str, ...]

    @property
    def leaks(self) -> bool:
        """Whether a column gives the target away."""
        return any("gives the target away" in warning for warning in self.warnings)


def read_spec_of(raw: Mapping[str, Any]) -> TableSpec:
    """How the file is read, from options of the command line.

    Raises:
        InputError: they do not fit together.
    """
    try:
        return read_spec(raw, Path())
    except ValueError as error:
        raise InputError("compare", str(error)) from None


def read(spec: TableSpec, most: int, folder: Path) -> Table:
    """Read the file, or as many of its rows as are used.

    Args:
        spec: the file, and which column is what.
        most: rows that are used of a larger file.
        folder: where the rows that are used go as a file of their own.

    Raises:
        InputError: the file is not such as can be learned from.
    """
    drawn = sample_file(spec, most, folder)
    try:
        dataset = register(_mapping(drawn.spec), Path())
    except InputError as error:
        raise _as_named(error, spec, drawn) from None
    card = CARDS[dataset]
    rows = card.samples if drawn.rows is None else drawn.rows
    return Table(
        spec=spec,
        dataset=dataset,
        card=card,
        rows=rows,
        warnings=(*_on_size(card, drawn), *card.warnings),
    )


def _mapping(spec: TableSpec) -> dict[str, Any]:
    return {"file": spec.file, **{k: v for k, v in spec.options().items() if v}}


def _as_named(error: InputError, spec: TableSpec, drawn: Sample) -> InputError:
    """The error with the file that the user knows, whose rows may be in another."""
    if drawn.rows is None or error.place != str(drawn.spec.file):
        return error
    hint = f"seen in the rows that are used, {drawn.spec.file}"
    return InputError(str(spec.file), error.problem, error.hint or hint)


def _on_size(card: DatasetCard, drawn: Sample) -> tuple[str, ...]:
    if drawn.rows is not None:
        used, rows = plain(card.samples), plain(drawn.rows)
        lines = f"line numbers below are those of {drawn.spec.file}"
        return (f"{used} of {rows} rows are used, {drawn.how} (--rows uses more); {lines}",)
    if card.samples < FEWEST_ROWS:
        return (f"{card.samples} rows are very few: intervals will be wide",)
    return ()
