"""Rows of data frames as plain mappings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

# A row of a data frame, with None for what is missing.
Row = Mapping[Any, Any]


def records(frame: pd.DataFrame) -> list[Row]:
    """A data frame's rows, with None for what is missing."""
    columns = [_values(column) for _, column in frame.items()]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pd.Series) -> list[Any]:
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = None
    return list(values)
