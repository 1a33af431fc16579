"""The only writer of results/: its lock, what it stores, and what it mends when it begins.

A cohort's histories are written before its trials, which are the mark that all of it is stored.
"""

import errno
import logging
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from suite import parquet
from suite.errors import InputError
from suite.ledger import NOTES, STATES, SUPPLIED, Ledger, read_part
from suite.parquet import UnreadablePartError
from suite.provenance import Provenance
from suite.schemas import TABLES, Invocation, PlanRow, histories_table, key_of, trials_table
from suite.supplied import Supplied
from suite.trial import Outcome

log = logging.getLogger(__name__)

COHORT_TABLES = ("histories", "trials")
_FULL = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "disk quota is used up",
    errno.EFBIG: "the limit on the size of a file is reached",
}


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
            read_part(path, name, columns)
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
