"""Rows of data frames as plain mappings."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

# A row of a data frame, with None for what is missing.
Row = Mapping[Any, Any]


def records(frame: pd.DataFrame) -> list[Row]:
    """A data frame's rows, with None for what is missing."""
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))
