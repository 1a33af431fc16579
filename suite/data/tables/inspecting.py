"""What a column holds: told from its values, with a warning for what a reader should know."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.tables.columns import Column
from suite.errors import shown

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
Where = Callable[[int], str]

# What is beyond this is no measurement, and its square is too large for a spread.
LARGEST = 1e30
# Numbers as some countries write them: 3,14 with a decimal comma, and 1,234,567.
_DECIMAL_COMMA, _THOUSANDS = r"[+-]?\d*,\d+", r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"
# A column of numbers with a larger share of words is no column of numbers.
_FEW_WORDS = 0.05
_MANY_NUMBERS = 0.5
# Fewer rows than this may all differ by chance.
_FEWEST_IDS = 20
_TRUE, _FALSE = frozenset({"true", "yes", "y", "t"}), frozenset({"false", "no", "n", "f"})
# Formats of dates besides ISO 8601, the first that fits every value being taken.
_DATE_FORMATS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")


class Inspected(NamedTuple):
    """A column with its values as numbers, or None where it is left out; and what to warn of."""

    column: Column | None
    values: Values
    warnings: tuple[str, ...] = ()


def inspect_column(name: str, series: "pd.Series[Any]", where: Where) -> Inspected:
    """Tell what a column holds.

    Args:
        name: of the column.
        series: its values, in the rows' order with the index 0, 1, …
        where: says where in the file a row is.
    """
    if not series.notna().any():
        return _left_out(name, "is empty")
    return _without_useless(_read(name, series, where))


def _left_out(name: str, why: str, warnings: tuple[str, ...] = ()) -> Inspected:
    return Inspected(None, np.empty(0), (*warnings, f"column {name!r} {why}: it is left out"))


def _without_useless(found: Inspected) -> Inspected:
    """Leave out what is the same, or another, in every row."""
    column, values = found.column, found.values
    if column is None:
        return found
    present = values[~np.isnan(values)]
    if not len(present):
        return _left_out(column.name, "has no number", found.warnings)
    if present.min() == present.max() and not column.missing:
        return _left_out(column.name, "has one value only", found.warnings)
    if column.kind == "category" and column.categories == len(values) >= _FEWEST_IDS:
        return _left_out(column.name, "has another text in every row", found.warnings)
    if column.kind == "number" and not column.missing and _counts_rows(values):
        return _left_out(column.name, "numbers the rows", found.warnings)
    return found


def _counts_rows(values: Values) -> bool:
    """Whether whole numbers run from one to the next without a gap or a repetition."""
    if len(values) < _FEWEST_IDS or np.ptp(values) != len(values) - 1:
        return False
    return bool(np.array_equal(np.sort(values), values.min() + np.arange(len(values))))


def _read(name: str, series: "pd.Series[Any]", where: Where) -> Inspected:
    import pandas as pd
    from pandas.api import types

    if isinstance(series.dtype, pd.CategoricalDtype):
        # Who stored it so means categories, also where they are written as numbers.
        return _categories(name, _text(series))
    if types.is_bool_dtype(series.dtype):
        return _column(name, "boolean", _floats(series))
    if types.is_datetime64_any_dtype(series.dtype):
        return _column(name, "date", seconds_of(series))
    if types.is_timedelta64_dtype(series.dtype):
        return _column(name, "number", _floats(series.dt.total_seconds()))
    if types.is_numeric_dtype(series.dtype):
        return _finite(name, _floats(series), where)
    return _read_text(name, series, where)


def _floats(series: "pd.Series[Any]") -> Values:
    return np.asarray(series.astype("Float64").to_numpy(np.float64, na_value=np.nan), np.float64)


def _column(name: str, kind: Any, values: Values, warnings: tuple[str, ...] = ()) -> Inspected:
    return Inspected(Column(name, kind, bool(np.isnan(values).any())), values, warnings)


def _finite(name: str, values: Values, where: Where, warnings: tuple[str, ...] = ()) -> Inspected:
    huge = np.abs(values) > LARGEST
    if huge.any():
        values = np.where(huge, np.nan, values)
        found = f"{huge.sum()} infinite values" if huge.sum() > 1 else "an infinite value"
        first = where(int(np.flatnonzero(huge)[0]))
        rows = f"{found} (or beyond {LARGEST:g}; first in {first})"
        warnings = (*warnings, f"column {name!r} has {rows}: read as missing")
    return _column(name, "number", values, warnings)


def _read_text(name: str, series: "pd.Series[Any]", where: Where) -> Inspected:
    import pandas as pd

    text = _text(series)
    if not text.notna().any():
        return _left_out(name, "is empty")
    lowered = set(text.dropna().str.lower().unique())
    if lowered <= _TRUE | _FALSE and len(lowered) == 2 and lowered & _TRUE and lowered & _FALSE:
        truth = text.str.lower().isin(_TRUE).to_numpy(np.float64)
        return _column(name, "boolean", np.where(text.isna(), np.nan, truth))
    numbers = _floats(pd.to_numeric(text, errors="coerce"))
    odd = text.notna().to_numpy() & np.isnan(numbers)
    share = odd.sum() / text.notna().sum()
    if share <= _FEW_WORDS:
        warnings = (_words_warning(name, text, odd, where, "read as missing"),) if odd.any() else ()
        return _finite(name, numbers, where, warnings)
    found = _with_commas(name, text, odd, where) or _dates(name, text)
    if found or share > 1 - _MANY_NUMBERS:
        return found or _categories(name, text)
    return _categories(name, text, _words_warning(name, text, odd, where, "read as categories"))


def _text(series: "pd.Series[Any]") -> "pd.Series[str]":
    text = series.astype("string").str.strip()
    return text.mask(text == "")


def _with_commas(
    name: str, text: "pd.Series[str]", odd: NDArray[np.bool_], where: Where
) -> Inspected | None:
    """Numbers that only a comma keeps from being read as such."""
    import pandas as pd

    for form, comma, reading in (
        (_THOUSANDS, "", "commas between thousands"),
        (_DECIMAL_COMMA, ".", "decimal commas"),
    ):
        if text[odd].str.fullmatch(form).all():
            numbers = pd.to_numeric(text.str.replace(",", comma), errors="coerce")
            warning = f"column {name!r} has {reading}: read as numbers"
            return _finite(name, _floats(numbers), where, (warning,))
    return None


def _words_warning(
    name: str, text: "pd.Series[str]", odd: NDArray[np.bool_], where: Where, reading: str
) -> str:
    examples = ", ".join(shown(word) for word in text[odd].unique()[:3])
    first = where(int(np.flatnonzero(odd)[0]))
    count = f"{odd.sum()} of its values are" if odd.sum() > 1 else "one of its values is"
    return f"column {name!r} has numbers, but {count} not ({examples}; first in {first}): {reading}"


def _dates(name: str, text: "pd.Series[str]") -> Inspected | None:
    import pandas as pd

    present = text.notna()
    fitting = []
    for form in ("ISO8601", *_DATE_FORMATS):
        dates = pd.to_datetime(text, format=form, errors="coerce", utc=True)
        if dates[present].notna().all():
            fitting.append((form, dates))
    if not fitting:
        return None
    warnings: tuple[str, ...] = ()
    if len(fitting) > 1:
        warnings = (f"column {name!r}: its dates may be read in two ways: taken as month/day/year",)
    return _column(name, "date", seconds_of(fitting[0][1]), warnings)


def seconds_of(dates: "pd.Series[Any]") -> Values:
    """Seconds since 1970 in universal time; NaN where there is no date."""
    import pandas as pd

    stamps = pd.to_datetime(dates, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
    missing = np.isnat(stamps)
    return np.where(missing, np.nan, stamps.astype(np.int64) / 1e6)


def _categories(name: str, text: "pd.Series[str]", *warnings: str) -> Inspected:
    import pandas as pd

    codes, words = pd.factorize(text, sort=True)
    missing = bool((codes < 0).any())
    values = np.where(codes < 0, len(words), codes).astype(np.float64)
    return Inspected(Column(name, "category", categories=len(words) + missing), values, warnings)
