"""Columns of a table: what each holds, and how many inputs of a network it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "boolean", "category", "date"]

# With more categories than this, a column is encoded by the targets that go with them.
MOST_ONE_HOT = 16
# What a date becomes: days, year, month, weekday and hour.
DATE_PARTS = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A column that networks see.

    Attributes:
        name: its name in the file.
        kind: what its values are; they are stored as numbers: a boolean as 0 or 1, a category as
            its place in the alphabet, a date as seconds since 1970.
        missing: whether any row has no value there, which is stored as NaN; categories have one
            of their own for it instead, the last.
        categories: how many there are.
    """

    name: str
    kind: Kind
    missing: bool = False
    categories: int = 0


def encoded_width(column: Column, outputs: int) -> int:
    """Inputs that a column becomes, the same in every split."""
    if column.kind != "category":
        return (DATE_PARTS if column.kind == "date" else 1) + column.missing
    if column.categories > MOST_ONE_HOT:
        return outputs if outputs > 2 else 1
    return column.categories if column.categories > 2 else 1


def encoded_places(columns: Sequence[Column], outputs: int) -> list[slice]:
    """Where each column's inputs lie among all."""
    places, start = [], 0
    for column in columns:
        stop = start + encoded_width(column, outputs)
        places.append(slice(start, stop))
        start = stop
    return places
