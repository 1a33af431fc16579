"""From a table's columns to a network's inputs, by what the training part alone shows.

Scikit-learn's parts are fitted to one column at a time, so that a table of a million rows needs no
second copy in double precision.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.preprocessing import Prepared, fit_standardization
from suite.data.samples import Inputs, Raw, Samples
from suite.data.tables.columns import MOST_ONE_HOT, Column, encoded_places
from suite.randomness import generator

Values = NDArray[np.float64]
Encode = Callable[[Values], Values]
# An encoder gives the encoded training column, and the function for other rows.
Fitted = tuple[Values, Encode]

# Parts of the training rows in which the other parts' targets stand in for a row's own.
_FOLDS = 5
_DAY = 86_400

PREPROCESSING = (
    "numbers and dates (days, year, month, weekday, hour): the median where one is missing, and a "
    f"column that says so; up to {MOST_ONE_HOT} categories: one column each; more: the mean target "
    "of each, from other rows than the row itself (Micci-Barreca 2001); all to mean 0 and standard "
    "deviation 1; everything fitted on the training part"
)


def fit_encoding(train: Samples, *, columns: Sequence[Column], outputs: int) -> Prepared:
    """Encode a training part, and give the function that was fitted on it for other rows.

    Args:
        train: raw rows, a column for each of `columns`, with class numbers or values.
        columns: what they hold.
        outputs: number of classes; 1 for regression.
    """
    places = encoded_places(columns, outputs)
    targets = _target_columns(train, outputs)
    encoded = np.empty((len(train.inputs), places[-1].stop), np.float32)
    steps: list[Callable[[Values], Inputs]] = []
    for index, (column, place) in enumerate(zip(columns, places, strict=True)):
        values, encode = _ENCODERS[_way(column)](column, _column(train.inputs, index), targets)
        scaling = fit_standardization(values, per_feature=True)
        encoded[:, place] = scaling.apply(values)
        steps.append(partial(_in_turn, encode, scaling.apply))
    return Prepared(encoded, partial(_apply, steps, places))


def _way(column: Column) -> str:
    return "many" if column.categories > MOST_ONE_HOT else column.kind


def _column(inputs: Raw, index: int) -> Values:
    return np.ascontiguousarray(inputs[:, index : index + 1], np.float64)  # (row, 1)


def _target_columns(train: Samples, outputs: int) -> Values:
    """What an encoding averages: the value, or for each class whether it is the row's."""
    if outputs <= 2:
        return train.targets[:, None].astype(np.float64)
    return np.eye(outputs)[train.targets.astype(np.int64)]  # (row, class)


def _in_turn(first: Encode, second: Callable[[Raw], Inputs], values: Values) -> Inputs:
    return second(first(values))


def _apply(
    steps: Sequence[Callable[[Values], Inputs]], places: Sequence[slice], inputs: Raw
) -> Inputs:
    encoded = np.empty((len(inputs), places[-1].stop), np.float32)
    for index, (step, place) in enumerate(zip(steps, places, strict=True)):
        encoded[:, place] = step(_column(inputs, index))
    return encoded


def _fit_numbers(column: Column, values: Values, _targets: Values) -> Fitted:
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import FeatureUnion

    if not column.missing:
        return values, np.asarray
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    # Without this, a column is as wide as its training part has gaps.
    indicator = MissingIndicator(features="all", error_on_new=False)
    union = FeatureUnion([("value", imputer), ("missing", indicator)])
    encoded = union.fit_transform(values)
    return encoded[:, : values.shape[1] + 1], lambda v: union.transform(v)[:, : v.shape[1] + 1]


def _fit_dates(column: Column, values: Values, targets: Values) -> Fitted:
    # The gaps of all parts of a date are the same; the first one's indicator tells them.
    encoded, encode = _fit_numbers(column, date_parts(values), targets)
    return encoded, lambda v: encode(date_parts(v))


def date_parts(seconds: Values) -> Values:
    """Days since 1970, year, month, weekday (Monday is 0) and hour  # (row, part)."""
    missing = np.isnan(seconds)
    stamps = np.where(missing, 0, np.floor(seconds)).astype("datetime64[s]")
    days = stamps.astype("datetime64[D]").astype(np.int64)
    months = stamps.astype("datetime64[M]").astype(np.int64)
    parts = [
        seconds / _DAY,
        np.floor_divide(months, 12) + 1970,
        months % 12 + 1,
        (days + 3) % 7,
        np.mod(seconds, _DAY) / 3600,
    ]
    return np.where(missing, np.nan, np.hstack(parts))


def _fit_categories(column: Column, values: Values, _targets: Values) -> Fitted:
    from sklearn.preprocessing import OneHotEncoder

    encoder: Any = OneHotEncoder(
        categories=[np.arange(column.categories, dtype=np.float64)],
        drop="if_binary",
        sparse_output=False,
        dtype=np.float32,
    )
    return encoder.fit_transform(values), encoder.transform


def _fit_many_categories(column: Column, values: Values, targets: Values) -> Fitted:
    """The mean target of each category: of a training row, from the rows of other folds."""
    folds = generator(0, "target encoding").permutation(np.arange(len(values)) % _FOLDS)
    whole = _fit_means(column, values, targets)
    encoded = np.empty((len(values), targets.shape[1]))
    for fold in range(_FOLDS):
        inside = folds == fold
        if inside.all() or not inside.any():
            # Of a single row no other row can tell anything.
            encoded[inside] = targets.mean(axis=0)
            continue
        encoded[inside] = _fit_means(column, values[~inside], targets[~inside])(values[inside])
    return encoded, whole


def _fit_means(column: Column, values: Values, targets: Values) -> Encode:
    from sklearn.preprocessing import TargetEncoder

    categories = [np.arange(column.categories, dtype=np.float64)]
    encoders = [
        TargetEncoder(categories=categories, target_type="continuous").fit(values, target)
        for target in targets.T
    ]
    return lambda v: np.hstack([encoder.transform(v) for encoder in encoders])


_ENCODERS: dict[str, Callable[[Column, Values, Values], Fitted]] = {
    "number": _fit_numbers,
    "boolean": _fit_numbers,
    "date": _fit_dates,
    "category": _fit_categories,
    "many": _fit_many_categories,
}
