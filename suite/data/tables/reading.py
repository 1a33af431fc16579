"""From a file to a pandas frame, or to one clear line about what is wrong with it."""

import csv
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from suite.data.tables.spec import TableSpec
from suite.errors import InputError, shown

if TYPE_CHECKING:
    import pandas as pd

# Separators that a file may have instead of the one it is read with.
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# Bytes of memory that a byte of a file may become, at most, while it is read.
_GROWTH = {".npz": 2.0, ".parquet": 8.0, ".pq": 8.0}
_TEXT_GROWTH = 4.0
# Names of the two arrays of an NPZ file that has inputs and targets.
_PAIRS = (("X", "y"), ("x", "y"), ("inputs", "targets"))

Where = Callable[[int], str]


class Read(NamedTuple):
    """A file's rows, and a function that says where in the file a row is."""

    frame: "pd.DataFrame"
    where: Where


def check_file(spec: TableSpec) -> None:
    """Check what can be told of a file without looking into it.

    Raises:
        InputError: it is missing, is no file or is empty; its ending says nothing of its kind; or
            reading it would take more memory than there is.
    """
    place, kind = str(spec.file), spec.file.suffix.lower()
    try:
        size = spec.file.stat().st_size
    except OSError as error:
        raise InputError(place, f"cannot be read: {error.strerror}") from None
    if not spec.file.is_file():
        raise InputError(place, "is a directory" if spec.file.is_dir() else "is no plain file")
    if kind not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise InputError(place, f"has the ending {shown(kind)}", f"known: {known}")
    if not size:
        raise InputError(place, "is empty")
    _check_memory(place, size, _GROWTH.get(kind, _TEXT_GROWTH))


def _check_memory(place: str, size: int, growth: float) -> None:
    import psutil

    free = psutil.virtual_memory().available
    if size * growth > free:
        problem = f"has {size / 2**30:.1f} GiB; reading it takes about {size * growth / 2**30:.1f}"
        raise InputError(place, f"{problem}, and {free / 2**30:.1f} GiB of memory are free")


def read_table(spec: TableSpec) -> Read:
    """The rows of a file that `check_file` has seen, as they are.

    Raises:
        InputError: the file is damaged, or has no rows.
    """
    kind = spec.file.suffix.lower()
    try:
        read = _READERS[kind](spec)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or _first_line(error)}"
        raise InputError(str(spec.file), problem) from None
    except (InputError, MemoryError):
        raise
    # Damaged bytes make the readers of three libraries raise almost anything.
    except Exception as error:
        raise InputError(str(spec.file), f"cannot be read: {_first_line(error)}") from None
    if read.frame.empty:
        raise InputError(str(spec.file), "has no rows")
    return read


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line.removeprefix("Error tokenizing data. C error: ")


def _read_csv(spec: TableSpec) -> Read:
    import pandas as pd

    separator = spec.separator or ("\t" if spec.file.suffix.lower() == ".tsv" else ",")
    try:
        _check_header(spec, separator)
        with warnings.catch_warnings():
            # What the parser would only warn of, such as values beyond the last column, is wrong.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # A name is text and a column is a whole: nothing is guessed from its first rows alone.
            frame = pd.read_csv(
                spec.file,
                sep=separator,
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
                float_precision="round_trip",
                skipinitialspace=True,
            )
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        raise InputError(str(spec.file), f"is not UTF-8 text (byte {error.start})", hint) from None
    except pd.errors.ParserWarning:
        raise ValueError("a row has more values than the first line has names") from None
    frame.columns = [str(name).strip() for name in frame.columns]
    return Read(frame, lambda row: f"line {_line(spec.file, separator, row)}")


def _check_header(spec: TableSpec, separator: str) -> None:
    with spec.file.open(encoding="utf-8-sig", newline="") as file:
        names = [name.strip() for name in next(csv.reader(file, delimiter=separator), [])]
    if not names:
        raise ValueError("its first line names no columns")
    if len(names) == 1:
        for other, word in _SEPARATORS.items():
            if other != separator and other in names[0]:
                hint = f'add separator: "{_escaped(other)}"'
                problem = f"has one column only, whose name has a {word} in it: {shown(names[0])}"
                raise InputError(str(spec.file), problem, hint)
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{count} columns are called {shown(name)}")


def _escaped(separator: str) -> str:
    return "\\t" if separator == "\t" else separator


def _line(path: Path, separator: str, row: int) -> int:
    """The line on which a row ends: values in quotes may go over several, others may be blank."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        count = -2
        for values in reader:
            count += bool(values)
            if count == row:
                break
        return reader.line_num


def _read_parquet(spec: TableSpec) -> Read:
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(spec.file)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError("it is no Parquet file, or a damaged one") from None
    # An index that was stored is a column like any other.
    named = [name is not None for name in frame.index.names]
    return Read(_named(frame.reset_index(drop=not all(named))), _row)


def _named(frame: "pd.DataFrame") -> "pd.DataFrame":
    names = [str(name) for name in frame.columns]
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{count} columns are called {shown(name)}")
    frame.columns = names
    return frame


def _row(row: int) -> str:
    return f"row {row + 1}"


def _read_npz(spec: TableSpec) -> Read:
    import pandas as pd

    # Opened here, since numpy leaves a file that is no archive open.
    with spec.file.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        if isinstance(stored, np.ndarray):
            raise ValueError("it is a single array, not an NPZ file")
        arrays = {name: stored[name] for name in stored.files}
    columns = _columns(arrays)
    if len({len(values) for values in columns.values()}) > 1:
        sizes = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise ValueError(f"its arrays differ in length: {sizes}")
    return Read(pd.DataFrame(columns), _row)


def _columns(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of arrays; one with two axes gives a column for each place on the second."""
    for inputs, targets in _PAIRS:
        if {inputs, targets} <= arrays.keys() and arrays[inputs].ndim > 2:
            shape = arrays[inputs].shape
            raise ValueError(f"{inputs} has the shape {shape}; give it as (rows, columns)")
    columns = {}
    for name, values in arrays.items():
        if values.ndim not in (1, 2) or values.dtype.kind == "c":
            raise ValueError(f"{name} is no array of rows, or of rows and columns, of real numbers")
        parts = {name: values} if values.ndim == 1 else _spread(name, values)
        columns.update(parts)
    return columns


def _spread(name: str, values: Any) -> dict[str, Any]:
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name}{index}": values[:, index] for index in range(values.shape[1])}


_READERS: dict[str, Callable[[TableSpec], Read]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".npz": _read_npz,
}
