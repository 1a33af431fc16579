"""The ledger: results/ as append-only tables with one writer and any number of readers.

A cohort is stored as two parts of one stem. Its histories come first, so that its trials part is
the mark that all of it is stored: what a kill leaves behind is never read.
"""

import errno
import logging
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from suite import parquet
from suite.errors import InputError
from suite.parquet import UnreadablePartError
from suite.provenance import Provenance
from suite.schemas import (
    DEFAULTS,
    KEY,
    METRICS,
    TABLES,
    Invocation,
    Key,
    PlanRow,
    histories_table,
    key_of,
    trials_table,
)
from suite.supplied import Supplied, read_supplied
from suite.trial import Outcome

log = logging.getLogger(__name__)

_STAMP = "%Y%m%dT%H%M%S.%f"
COHORT_TABLES = ("histories", "trials")
# The directory of the users' own files, each named by its hash.
SUPPLIED = "supplied"
# The directory of notes on where tables of the users' own were read from.
NOTES = "tables"
# The directory of networks half trained, which a study may go on with.
STATES = "states"
_FULL = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "disk quota is used up",
    errno.EFBIG: "the limit on the size of a file is reached",
}


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

    def trials(self) -> pd.DataFrame:
        """One row for each measurement."""
        frame = _to_pandas(self._read("trials"))
        return frame.drop_duplicates(list(KEY), keep="last", ignore_index=True)

    def histories(self, trials: pd.DataFrame | None = None) -> pd.DataFrame:
        """Measurements during training, in long form.

        Args:
            trials: rows with the columns of a key, to which the histories are confined.
        """
        wanted = None if trials is None else set(_keys(trials[list(KEY)].to_dict("list")))
        members = self._members(wanted)
        tables = [TABLES["histories"].empty_table()]
        for stem, table in self._parts("histories", TABLES["histories"].names, members):
            # A trial is in a cohort once, so its id is enough to find it there.
            tables.append(table.filter(pc.is_in(table["trial_id"], pa.array(members[stem]))))
        return _to_pandas(pa.concat_tables(tables))

    def _members(self, wanted: Collection[Key] | None) -> Mapping[str, list[str]]:
        """Ids of the trials whose last measurement is in a part, by the part's stem."""
        stems: dict[Key, str] = {}
        for stem, table in self._parts("trials", KEY):
            stems |= dict.fromkeys(_keys(table.to_pydict()), stem)
        members = defaultdict(list)
        for key, stem in stems.items():
            if wanted is None or key in wanted:
                members[stem].append(key.trial_id)
        return members

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
        schema = TABLES[name]
        columns = columns or schema.names
        empty = pa.schema([schema.field(column) for column in columns]).empty_table()
        return pa.concat_tables([empty, *(table for _, table in self._parts(name, columns))])

    def _parts(
        self, name: str, columns: Sequence[str], stems: Collection[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        for path in parquet.list_parts(self.directory(name)):
            if stems is not None and path.stem not in stems:
                continue
            try:
                yield path.stem, self._part(path, name, columns)
            except UnreadablePartError as problem:
                log.warning("%s; it is skipped", problem)

    def _part(self, path: Path, name: str, columns: Sequence[str]) -> pa.Table:
        if path in self._kept:
            return self._kept[path].select(list(columns))
        table = _read_part(path, name, columns)
        if name != "histories" and list(columns) == TABLES[name].names:
            self._kept[path] = table
        return table


def _read_part(path: Path, name: str, columns: Sequence[str]) -> pa.Table:
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


@contextmanager
def writing(root: Path) -> Iterator["Writer"]:
    """Hold the ledger's lock, mend what a kill left behind, and hand out the only writer.

    Raises:
        InputError: another process writes results/, or nothing can be written there.
    """
    lock = FileLock(root / ".lock", timeout=0)
    with _storing(root):
        for name in TABLES:
            Ledger(root).directory(name).mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise InputError(f"{root}/", f"another run{_holder(root)} is writing here") from None
    try:
        with _storing(root):
            _holder_file(root).write_text(str(os.getpid()), encoding="ascii")
            _mend(Ledger(root))
        yield Writer(Ledger(root))
    finally:
        lock.release()


class Writer:
    """Stores what was asked for and what was measured; made by `writing`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._count = _last_number(ledger)

    def store(self, outcomes: Sequence[Outcome], provenance: Provenance) -> None:
        """Store a cohort's outcomes, all of them or none.

        Raises:
            InputError: they cannot be written; everything stored so far is intact.
        """
        histories = histories_table(outcomes, provenance)
        self._write({"histories": histories, "trials": trials_table(outcomes, provenance)})

    def store_plan(self, rows: Sequence[PlanRow]) -> None:
        """Store which trials an experiment asks for.

        Raises:
            InputError: they cannot be written; everything stored so far is intact.
        """
        content = [asdict(row) for row in rows]
        self._write({"plan": pa.Table.from_pylist(content, schema=TABLES["plan"])})

    def store_invocation(self, invocation: Invocation) -> None:
        """Store an invocation's times; of several with one id the last counts.

        Raises:
            InputError: it cannot be written; everything stored so far is intact.
        """
        content = [asdict(invocation)]
        self._write({"invocations": pa.Table.from_pylist(content, schema=TABLES["invocations"])})

    def store_supplied(self, supplied: Supplied) -> None:
        """Keep a user's own file, so that its trials can be trained again; once is enough.

        Raises:
            InputError: it cannot be written; everything stored so far is intact.
        """
        path = self._ledger.supplied_path(supplied.digest)
        with _storing(self._ledger.root):
            if path.is_file() and path.read_bytes() == supplied.source:
                return
            path.parent.mkdir(exist_ok=True)
            parquet.write_whole(path, supplied.source)

    def store_table(self, dataset: str, text: str) -> None:
        """Keep what file a table of the user's own was read from, and how.

        Raises:
            InputError: it cannot be written; everything stored so far is intact.
        """
        path = self._ledger.table_path(dataset)
        with _storing(self._ledger.root):
            path.parent.mkdir(exist_ok=True)
            parquet.write_whole(path, text.encode())

    def store_states(self, outcomes: Sequence[Outcome], provenance: Provenance) -> None:
        """Keep where trials were left that may go on.

        Raises:
            InputError: they cannot be written; everything stored so far is intact.
        """
        with _storing(self._ledger.root):
            for outcome in outcomes:
                if outcome.state is not None:
                    path = self._ledger.state_path(key_of(outcome, provenance))
                    path.parent.mkdir(exist_ok=True)
                    parquet.write_whole(path, outcome.state)

    def drop_states(self) -> None:
        """Forget where trials were left: their studies have ended."""
        with _storing(self._ledger.root):
            for path in (self._ledger.root / STATES).glob("*"):
                path.unlink()

    def _write(self, tables: dict[str, pa.Table]) -> None:
        self._count += 1
        name = f"{self._count:08d}-{secrets.token_hex(2)}.parquet"
        paths = {table: self._ledger.directory(table) / name for table in tables}
        with _storing(self._ledger.root):
            try:
                for table, content in tables.items():
                    parquet.write_part(paths[table], content)
            except BaseException:
                for path in paths.values():
                    path.unlink(missing_ok=True)
                raise


def _last_number(ledger: Ledger) -> int:
    paths = (path for name in TABLES for path in parquet.list_parts(ledger.directory(name)))
    numbers = (re.match(r"\d{8}", path.name) for path in paths)
    return max((int(number[0]) for number in numbers if number), default=0)


@contextmanager
def _storing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = _FULL.get(error.errno or 0, f"cannot be written: {error.strerror or error}")
        raise InputError(f"{root}/", f"{problem}; everything stored so far is intact") from error


def _holder_file(root: Path) -> Path:
    return root / ".writer"


def _holder(root: Path) -> str:
    path = _holder_file(root)
    return f" (process {path.read_text(encoding='ascii')})" if path.exists() else ""


def _mend(ledger: Ledger) -> None:
    """Remove half-written files and uncommitted histories; set aside what cannot be read."""
    parquet.remove_temporaries(ledger.root / SUPPLIED)
    parquet.remove_temporaries(ledger.root / NOTES)
    parquet.remove_temporaries(ledger.root / STATES)
    for name in TABLES:
        parquet.remove_temporaries(ledger.directory(name))
        for problem in _problems(ledger, name):
            _set_aside(ledger, problem.path, problem.reason)
    trials, histories = (_by_name(ledger, name) for name in ("trials", "histories"))
    for name in trials.keys() - histories.keys():
        _set_aside(ledger, trials[name], "has lost its histories")
    for name in histories.keys() - trials.keys():
        histories[name].unlink()


def _problems(ledger: Ledger, name: str) -> Iterator[UnreadablePartError]:
    # A trials part that is there will not be trained again, so all of it must be sound.
    columns = TABLES[name].names if name == "trials" else ()
    for path in parquet.list_parts(ledger.directory(name)):
        try:
            _read_part(path, name, columns)
        except UnreadablePartError as problem:
            yield problem


def _by_name(ledger: Ledger, table: str) -> dict[str, Path]:
    return {path.name: path for path in parquet.list_parts(ledger.directory(table))}


def _set_aside(ledger: Ledger, path: Path, reason: str) -> None:
    shelter = ledger.root / "unreadable"
    shelter.mkdir(exist_ok=True)
    # Half of a cohort is no use: its other half goes with it, and its trials are trained again.
    together = COHORT_TABLES if path.parent.stem in COHORT_TABLES else (path.parent.stem,)
    for part in (ledger.directory(table) / path.name for table in together):
        if part.exists():
            part.replace(shelter / f"{part.parent.stem}-{secrets.token_hex(2)}-{part.name}")
    log.warning("%s: %s; moved to %s/", path, reason, shelter)
