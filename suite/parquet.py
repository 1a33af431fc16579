"""A table as a directory of Parquet parts: listed, read, and written so that a kill leaves none."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from suite.errors import InputError

NOTHING: Mapping[str, Any] = MappingProxyType({})


class UnreadablePartError(Exception):
    """A file that is no part of the table, or one that has lost its content."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def part_names(directory: Path) -> list[str]:
    """Names of a table's files, oldest first; those that start with a dot are not parts."""
    if not directory.is_dir():
        return []
    # There are thousands, of which paths would take ten times as long.
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))  # noqa: PTH208


def list_parts(directory: Path) -> list[Path]:
    """Every file of a table, oldest first."""
    return [directory / name for name in part_names(directory)]


def write_part(path: Path, table: pa.Table) -> None:
    """Write a part whole or not at all, and on the disk before it has its name.

    Raises:
        OSError: the part could not be written; no file is left behind.
    """
    # Serialized in memory: Arrow's own file output loses the error number of a full disk.
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_page_checksum=True)
    write_whole(path, content.getvalue())


def write_whole(path: Path, content: "bytes | pa.Buffer") -> None:
    """Write a file whole or not at all, and on the disk before it has its name.

    Raises:
        OSError: the file could not be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105
        _sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(directory: Path) -> None:
    """Remove what a killed writer left half-written."""
    for path in directory.glob(".*.tmp"):
        path.unlink()


def read_part(
    path: Path, schema: pa.Schema, columns: Sequence[str], defaults: Mapping[str, Any] = NOTHING
) -> pa.Table:
    """Some columns of one part, as `schema` types them.

    A column that the part lacks, since it was written before there was one, has its default
    everywhere, or is null where it has none and may be null.

    Raises:
        UnreadablePartError: the file is torn, foreign or lacks a column.
        InputError: the file may not be read.
    """
    if path.suffix != ".parquet" or not path.is_file():
        raise UnreadablePartError(path, "is not a Parquet file")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            found = set(file.schema_arrow.names)
            _check_columns(path, found.union(defaults), schema)
            table = file.read([name for name in columns if name in found], use_threads=False)
        return _aligned(table, pa.schema([schema.field(name) for name in columns]), defaults)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None
        raise UnreadablePartError(path, "is torn or damaged") from error


def _check_columns(path: Path, found: Collection[str], wanted: pa.Schema) -> None:
    for field in wanted:
        if field.name not in found and not field.nullable:
            raise UnreadablePartError(path, f"has no column {field.name!r}")


def _aligned(table: pa.Table, schema: pa.Schema, defaults: Mapping[str, Any]) -> pa.Table:
    if table.schema.equals(schema):
        return table
    found = set(table.column_names)
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in found
        else pa.repeat(pa.scalar(defaults.get(field.name), field.type), table.num_rows)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
