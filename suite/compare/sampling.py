"""A file with more rows than are used: some of them, drawn at random, as a smaller file."""

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.tables.reading import read_table
from suite.data.tables.spec import TableSpec
from suite.errors import InputError
from suite.randomness import generator

Rows = NDArray[np.intp]
Words = NDArray[np.str_]

_TEXT = (".csv", ".tsv", ".txt")
# Targets with more different values than this are amounts, which have no shares to keep.
_MOST_CLASSES = 100
# As many rows of a rare class are kept, where it has them.
_FEWEST = 20


class Sample(NamedTuple):
    """What is read: the file itself, or some of its rows in another.

    Attributes:
        spec: names the file that is read.
        rows: in the whole file; None where all of them are read.
        how: in words, how the rows were drawn.
    """

    spec: TableSpec
    rows: int | None = None
    how: str = ""


def sample_file(spec: TableSpec, most: int, folder: Path) -> Sample:
    """The file itself where it has at most so many rows, else some of them in `folder`.

    A text file is gone through row by row, so it may be larger than the memory. Rows are drawn
    by a fixed seed: groups whole, classes by their shares, and they keep their order.

    Raises:
        InputError: the file cannot be read, or the sample cannot be written.
    """
    if spec.file.suffix.lower() in _TEXT:
        return _sample_text(spec, most, folder)
    frame = read_table(spec).frame
    if len(frame) <= most:
        return Sample(spec)
    named = [name for name in (spec.target, spec.group) if name is not None and name in frame]
    words = {name: frame[name].astype(str).to_numpy(dtype=str) for name in named}
    rows, how = choose(spec, words, len(frame), most)
    path = folder / f"{spec.file.stem}.parquet"
    with _writing(path):
        frame.iloc[rows].reset_index(drop=True).to_parquet(path)
    return Sample(replace(spec, file=path), len(frame), how)


def _sample_text(spec: TableSpec, most: int, folder: Path) -> Sample:
    try:
        words, count = _read_words(spec)
    except OSError as error:
        raise InputError(str(spec.file), f"cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError):
        # Whoever reads the table says what is wrong with it.
        return Sample(spec)
    if count <= most:
        return Sample(spec)
    rows, how = choose(spec, words, count, most)
    path = folder / spec.file.name
    with _writing(path):
        _copy(spec, set(rows.tolist()), path)
    return Sample(replace(spec, file=path), count, how)


def _read_words(spec: TableSpec) -> tuple[dict[str, Words], int]:
    """Targets and groups as they are written, and the number of rows."""
    rows = _values(spec)
    names = [name.strip() for name in next(rows, [])]
    places = {n: names.index(n) for n in (spec.target, spec.group) if n is not None and n in names}
    found: dict[str, list[str]] = {name: [] for name in places}
    count = 0
    for row in rows:
        count += 1
        for name, place in places.items():
            found[name].append(row[place] if place < len(row) else "")
    return {name: np.array(values) for name, values in found.items()}, count


def _values(spec: TableSpec) -> Iterator[list[str]]:
    """The header and every row that is not blank."""
    with spec.file.open(encoding="utf-8-sig", newline="") as file:
        yield from filter(None, csv.reader(file, delimiter=_separator(spec)))


def _separator(spec: TableSpec) -> str:
    return spec.separator or ("\t" if spec.file.suffix.lower() == ".tsv" else ",")


def _copy(spec: TableSpec, chosen: Collection[int], path: Path) -> None:
    rows = _values(spec)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=_separator(spec), lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(row for number, row in enumerate(rows) if number in chosen)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {error.strerror}") from None


def choose(spec: TableSpec, words: dict[str, Words], count: int, most: int) -> tuple[Rows, str]:
    """Numbers of the rows that are used, ascending, and how they were drawn.

    Args:
        spec: says which columns are target and group.
        words: values of these columns, as text.
        count: rows in the file.
        most: rows that are used, but for a few more where a class is rare.
    """
    rng = generator(0, "rows of a large table")
    if spec.group is not None and spec.group in words:
        return _whole_groups(words[spec.group], most, rng), "whole groups, drawn at random"
    classes = words.get(spec.target)
    if spec.task != "regression" and classes is not None:
        values, numbers = np.unique(classes, return_inverse=True)
        if len(values) <= _MOST_CLASSES:
            rows = _by_class(numbers, len(values), most, rng)
            return rows, "drawn at random within each class"
    return np.sort(rng.choice(count, most, replace=False)), "drawn at random"


def _whole_groups(groups: Words, most: int, rng: np.random.Generator) -> Rows:
    """Groups in random order, as many as fit; the first one in any case."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    order = rng.permutation(len(sizes))
    kept = order[np.cumsum(sizes[order]) <= most]
    return np.flatnonzero(np.isin(numbers, kept if len(kept) else order[:1]))


def _by_class(numbers: NDArray[Any], classes: int, most: int, rng: np.random.Generator) -> Rows:
    drawn: Sequence[Rows] = [
        _some(np.flatnonzero(numbers == label), most / len(numbers), rng)
        for label in range(classes)
    ]
    return np.sort(np.concatenate(drawn))


def _some(rows: Rows, share: float, rng: np.random.Generator) -> Rows:
    wanted = min(len(rows), max(_FEWEST, round(share * len(rows))))
    return rng.choice(rows, wanted, replace=False)
