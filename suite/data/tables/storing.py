"""Tables on disk between processes: read and checked once, found by their name alone."""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.cache import cache_folder, telling_of
from suite.data.dataset import Dataset, DatasetCard
from suite.data.tables.columns import Column
from suite.data.tables.dataset import Table, as_dataset

_log = logging.getLogger(__name__)

_SCHEMA = "table.json"


def stored_dataset(name: str) -> Dataset | None:
    """The data set of a table that is in the cache; None where it is not."""
    table = stored_table(name)
    return None if table is None else as_dataset(table)


def stored_table(name: str) -> Table | None:
    """A table from the cache, whose rows stay on the disk until they are looked at."""
    folder = _folder(name)
    with telling_of(folder):
        if not folder.is_dir():
            return None
        try:
            return _read(folder)
        # Damaged bytes make the readers raise almost anything; the cure is one.
        except Exception as error:
            _log.warning("%s is damaged (%s) and is made again from its file", folder, error)
            return None


def store_table(table: Table) -> None:
    """Put a table into the cache, where no process ever sees half of it.

    Raises:
        InputError: the cache folder cannot be used.
    """
    folder = _folder(table.card.name)
    with telling_of(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            _write(partial, table)
            _put_in_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _put_in_place(partial: Path, folder: Path) -> None:
    try:
        os.rename(partial, folder)  # noqa: PTH104, a folder that is there must not be replaced
    except OSError:
        if stored_table(folder.name) is not None:
            # Another process was sooner; its rows are the same.
            return
        shutil.rmtree(folder)
        os.rename(partial, folder)  # noqa: PTH104


def _folder(name: str) -> Path:
    return cache_folder() / "tables" / _reader_digest() / name


@cache
def _reader_digest() -> str:
    """Of the code that reads tables: what other code has read is read anew."""
    here = Path(__file__).parent
    paths = [*sorted(here.glob("*.py")), here.parent / "dataset.py", here.parent / "partition.py"]
    sha = hashlib.sha256(version("pandas").encode())
    for path in paths:
        sha.update(path.read_bytes())
    return sha.hexdigest()[:8]


def _arrays(table: Table) -> dict[str, Any]:
    arrays = {"inputs": table.inputs, "targets": table.targets, "units": table.units}
    return {name: array for name, array in arrays.items() if array is not None}


def _write(folder: Path, table: Table) -> None:
    for name, array in _arrays(table).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    content = {"card": asdict(table.card), "columns": [asdict(column) for column in table.columns]}
    (folder / _SCHEMA).write_text(json.dumps(content), encoding="utf-8")


def _read(folder: Path) -> Table:
    content = json.loads((folder / _SCHEMA).read_text(encoding="utf-8"))
    card: Mapping[str, Any] = content["card"]
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in card.items()}
    columns = tuple(Column(**column) for column in content["columns"])
    inputs, targets = _mapped(folder, "inputs"), _mapped(folder, "targets")
    units = _mapped(folder, "units") if fields["division"] != "rows" else None
    return Table(DatasetCard(**fields), columns, inputs, targets, units)


def _mapped(folder: Path, name: str) -> Any:
    """An array whose pages all processes share."""
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
