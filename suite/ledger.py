"""The ledger: results/ as append-only tables with one writer and any number of readers, these here.

A cohort is stored as two parts of one stem. Its trials part is the mark that all of it is stored:
what a kill leaves behind is never read.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from suite import parquet
from suite.errors import InputError
from suite.parquet import UnreadablePartError
from suite.schemas import DEFAULTS, KEY, METRICS, TABLES, Key
from suite.supplied import Supplied, read_supplied

log = logging.getLogger(__name__)

_STAMP = "%Y%m%dT%H%M%S.%f"
# Threads that read parts.
READERS = 4
# The directory of the users' own files, each named by its hash.
SUPPLIED = "supplied"
# The directory of notes on where tables of the users' own were read from.
NOTES = "tables"
# The directory of networks half trained, which a study may go on with.
STATES = "states"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of a stored measurement: how it ended, its probes and its final metrics."""

    outcome: str
    probes: frozenset[str]
    metrics: Mapping[str, float] = field(default_factory=dict)


def new_invocation_id() -> str:
    """An id that sorts by time: a UTC stamp and a random suffix."""
    return f"{datetime.now(UTC):{_STAMP}}-{secrets.token_hex(3)}"


def started_at(invocation: str) -> datetime:
    """When an invocation began, from its id."""
    return datetime.strptime(invocation.partition("-")[0], _STAMP).replace(tzinfo=UTC)


class Ledger:
    """Reads results/, also while a run writes it.

    A part that cannot be read is skipped with a logged warning; the next writer sets it aside.
    Parts never change, so that one that was read whole stays in memory: a ledger that is asked
    again reads only what is new. Histories, the bulk, are read each time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._kept: dict[Path, pa.Table] = {}
        self._joined: dict[str, tuple[list[str], pa.Table]] = {}
        self._placed: tuple[list[str], dict[Key, str]] = [], {}

    def directory(self, table: str) -> Path:
        """Where a table's parts lie."""
        return self.root / f"{table}.parquet"

    def stored(self) -> dict[Key, Stored]:
        """Every measurement's key with what is known of it."""
        rows = self._read("trials", (*KEY, "outcome", "probes", *METRICS)).to_pydict()
        probes = {text: frozenset(filter(None, text.split(","))) for text in set(rows["probes"])}
        recorded = map(probes.__getitem__, rows["probes"])
        columns = zip(*(rows[name] for name in METRICS), strict=True)
        metrics = (_given(dict(zip(METRICS, values, strict=True))) for values in columns)
        found = map(Stored, rows["outcome"], recorded, metrics)
        return dict(zip(_keys(rows), found, strict=True))

    def trials(self, ids: Collection[str] | None = None) -> pd.DataFrame:
        """One row for each measurement.

        Args:
            ids: of the trials wanted; None for all.
        """
        table = self._read("trials")
        if ids is not None:
            table = table.filter(pc.is_in(table["trial_id"], pa.array(ids, pa.string())))
        frame = _to_pandas(table)
        return frame.drop_duplicates(list(KEY), keep="last", ignore_index=True)

    def histories(self, trials: pd.DataFrame | None = None) -> pd.DataFrame:
        """Measurements during training, in long form.

        Args:
            trials: rows with the columns of a key, to which the histories are confined.
        """
        wanted = None if trials is None else set(_keys(trials[list(KEY)].to_dict("list")))
        members = self._members(wanted)
        tables = [TABLES["histories"].empty_table()]
        there = parquet.part_names(self.directory("histories"))
        wanted_parts = [name for name in there if name.rpartition(".")[0] in members]
        for stem, table in self._parts("histories", TABLES["histories"].names, wanted_parts):
            # A trial is in a cohort once, so its id is enough to find it there.
            tables.append(table.filter(pc.is_in(table["trial_id"], pa.array(members[stem]))))
        return _to_pandas(pa.concat_tables(tables))

    def _members(self, wanted: Collection[Key] | None) -> Mapping[str, list[str]]:
        """Ids of the trials whose last measurement is in a part, by the part's stem."""
        placed = self._stems()
        members = defaultdict(list)
        for key in placed if wanted is None else wanted:
            if key in placed:
                members[placed[key]].append(key.trial_id)
        return members

    def _stems(self) -> Mapping[Key, str]:
        """Stem of the part with each trial's last measurement."""
        names = parquet.part_names(self.directory("trials"))
        known, stems = self._placed
        if names[: len(known)] != known:
            known, stems = [], {}
        for stem, table in self._parts("trials", KEY, names[len(known) :]):
            stems |= dict.fromkeys(_keys(table.to_pydict()), stem)
        self._placed = names, stems
        return stems

    def plan(self) -> pd.DataFrame:
        """Every request for a trial, oldest first."""
        return _to_pandas(self._read("plan"))

    def invocations(self) -> pd.DataFrame:
        """One row for each run."""
        frame = _to_pandas(self._read("invocations"))
        return frame.drop_duplicates("invocation", keep="last", ignore_index=True)

    def supplied_path(self, digest: str) -> Path:
        """Where a user's own file of parts is kept."""
        return self.root / SUPPLIED / f"{digest}.py"

    def supplied(self, digest: str) -> Supplied | None:
        """The user's own file that trials were trained with; None for the empty digest.

        Raises:
            InputError: it is not there any more, or is not what it was.
        """
        if not digest:
            return None
        path = self.supplied_path(digest)
        if not path.exists():
            problem = "is missing; it held the parts of the user's own that trials were made of"
            raise InputError(str(path), problem)
        found = read_supplied(path)
        if found.digest != digest:
            raise InputError(str(path), "is not what it was when trials were trained with it")
        return found

    def table_path(self, dataset: str) -> Path:
        """Where it is kept what file a table of the user's own was read from, and how."""
        return self.root / NOTES / f"{dataset}.json"

    def table(self, dataset: str) -> str:
        """What is kept of a table of the user's own; empty for other data sets."""
        try:
            return self.table_path(dataset).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def state(self, key: Key) -> bytes | None:
        """Where a trial that stopped at a rung was left; None where that is not kept."""
        try:
            return self.state_path(key).read_bytes()
        except FileNotFoundError:
            return None

    def state_path(self, key: Key) -> Path:
        """Where a trial's state in training is kept, while its study goes on."""
        return self.root / STATES / f"{'-'.join(key)}.npz"

    def _read(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        if columns is None:
            return self._whole(name)
        schema = TABLES[name]
        empty = pa.schema([schema.field(column) for column in columns]).empty_table()
        return pa.concat_tables([empty, *(table for _, table in self._parts(name, columns))])

    def _whole(self, name: str) -> pa.Table:
        """A table in one piece, to which only parts are added that are new."""
        names = parquet.part_names(self.directory(name))
        known, table = self._joined.get(name, ([], TABLES[name].empty_table()))
        if names[: len(known)] != known:
            known, table = [], TABLES[name].empty_table()
        new = names[len(known) :]
        if new:
            parts = self._parts(name, TABLES[name].names, new)
            table = pa.concat_tables([table, *(part for _, part in parts)]).combine_chunks()
        self._joined[name] = names, table
        return table

    def _parts(
        self, name: str, columns: Sequence[str], names: Sequence[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        """Stem and content of each part; of all of them where no names are given."""
        directory = self.directory(name)
        names = parquet.part_names(directory) if names is None else names
        paths = [directory / part for part in names]
        # A part takes milliseconds, nearly all of them in Arrow, and there are thousands.
        with ThreadPoolExecutor(READERS) as readers:
            read = readers.map(lambda path: self._readable(path, name, columns), paths)
            for path, table in zip(paths, read, strict=True):
                if table is not None:
                    yield path.stem, table

    def _readable(self, path: Path, name: str, columns: Sequence[str]) -> pa.Table | None:
        """Some columns of a part; None of what is no part, which is said."""
        try:
            return self._part(path, name, columns)
        except UnreadablePartError as problem:
            log.warning("%s; it is skipped", problem)
            return None

    def _part(self, path: Path, name: str, columns: Sequence[str]) -> pa.Table:
        if path in self._kept:
            return self._kept[path].select(list(columns))
        table = read_part(path, name, columns)
        if name != "histories" and list(columns) == TABLES[name].names:
            self._kept[path] = table
        return table


def read_part(path: Path, name: str, columns: Sequence[str]) -> pa.Table:
    """Some columns of a table's part.

    Raises:
        UnreadablePartError: the file is torn, foreign or lacks a column.
    """
    return parquet.read_part(path, TABLES[name], columns, DEFAULTS.get(name, {}))


def _keys(rows: Mapping[Any, list[Any]]) -> Iterator[Key]:
    return map(Key, *(rows[name] for name in KEY))


def _given(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value is not None}


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    # Arrow hands out whole numbers with gaps as floats.
    gaps = [f.name for f in table.schema if f.nullable and pa.types.is_integer(f.type)]
    return frame.astype(dict.fromkeys(gaps, "Int64"))
