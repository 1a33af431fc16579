"""Columns of every kind become inputs by what the training part alone shows."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from suite.data.cards import DATASETS
from suite.data.loading import data_hash, load_split
from suite.data.partition import partition
from suite.data.samples import Samples
from suite.data.tables.columns import MOST_ONE_HOT, Column, encoded_width
from suite.data.tables.dataset import table_dataset
from suite.data.tables.encoding import date_parts, fit_encoding

ROWS = 240
CARD = {"source": "a test", "license": "none", "citation": "none", "description": "rows"}


def mixed_frame(seed=0):
    """A number with gaps, two and many categories, a truth value, a date, and two targets."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": rng.normal(50, 10, ROWS),
            "whole": rng.integers(0, 9, ROWS),
            "colour": rng.choice(["red", "green", "blue"], ROWS),
            "side": rng.choice(["left", "right"], ROWS),
            "shop": rng.choice([f"shop {i}" for i in range(40)], ROWS),
            "open": rng.choice([True, False], ROWS),
            "day": pd.Timestamp("2021-05-03") + pd.to_timedelta(rng.integers(0, 10**7, ROWS), "s"),
        }
    )
    frame["amount"] = frame["number"] + rng.normal(size=ROWS)
    frame["answer"] = np.where(rng.random(ROWS) < 0.4, "yes", "no")
    frame.loc[rng.choice(ROWS, 24, replace=False), "number"] = np.nan
    frame.loc[rng.choice(ROWS, 24, replace=False), "colour"] = None
    return frame


@pytest.fixture
def entered(monkeypatch):
    """Enters a frame as the data set 'frame'."""

    def enter(frame, target, **options):
        entry = table_dataset(frame, target, name="frame", **options, **CARD)
        monkeypatch.setitem(DATASETS, "frame", entry)
        return entry

    return enter


def arrays(split):
    return [getattr(split, f"{part}_inputs") for part in ("train", "validation", "test")]


def test_inputs_are_what_scikit_learns_column_transformer_gives(entered):
    frame = mixed_frame()
    entry = entered(frame, "amount", drop=["shop", "answer", "day"])
    rows = partition(entry.card, frame["amount"].to_numpy(), 3)
    texts = frame.assign(colour=frame["colour"].fillna("~missing"), open=frame["open"].astype(int))
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = make_pipeline(
        OneHotEncoder(drop="if_binary", sparse_output=False, handle_unknown="ignore"),
        StandardScaler(),
    )
    oracle = ColumnTransformer(
        [
            ("number", number, ["number"]),
            ("whole", StandardScaler(), ["whole"]),
            ("colour", words, ["colour"]),
            ("side", words, ["side"]),
            ("open", StandardScaler(), ["open"]),
        ]
    ).fit(texts.iloc[rows.train])
    for found, part in zip(arrays(load_split("frame", 3)), rows, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, oracle.transform(texts.iloc[part]), atol=1e-5)


def test_dates_become_what_pandas_says_of_them():
    texts = ["1969-12-31 23:00", "2024-02-29 12:30", "2000-01-03 00:00"]
    stamps = pd.Series(pd.to_datetime(texts))
    seconds = (stamps - pd.Timestamp(0)).dt.total_seconds().to_numpy()[:, None]
    parts = date_parts(np.vstack([seconds, [[np.nan]]]))
    expected = np.column_stack(
        [
            seconds.ravel() / 86400,
            stamps.dt.year,
            stamps.dt.month,
            stamps.dt.weekday,
            stamps.dt.hour + stamps.dt.minute / 60,
        ]
    )
    np.testing.assert_allclose(parts[:3], expected)
    assert np.isnan(parts[3]).all()


def test_dates_keep_their_seconds(entered):
    rng = np.random.default_rng(0)
    seconds = rng.permutation(ROWS)
    frame = pd.DataFrame({"at": pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, "s")})
    frame["amount"] = seconds.astype(float)
    entry = entered(frame.iloc[rng.permutation(ROWS)], "amount")
    split = load_split("frame", 0)
    assert entry.card.features == 5
    assert np.corrcoef(split.train_inputs[:, 0], split.train_targets[:, 0])[0, 1] > 0.999999
    assert split.target_scale == pytest.approx(np.std(seconds), rel=0.1)


def test_many_categories_become_the_mean_target_of_each(entered):
    frame = mixed_frame()[["shop", "answer"]]
    entry = entered(frame, "answer")
    rows = partition(entry.card, (frame["answer"] == "yes").to_numpy(np.int64), 5)
    assert entry.card.features == 1
    oracle = TargetEncoder(target_type="binary").fit(
        frame[["shop"]].iloc[rows.train], frame["answer"].iloc[rows.train]
    )
    found = load_split("frame", 5).test_inputs.ravel()
    expected = oracle.transform(frame[["shop"]].iloc[rows.test]).ravel()
    slope, start = np.polyfit(expected, found, 1)
    assert slope > 0
    np.testing.assert_allclose(found, slope * expected + start, atol=1e-5)


def changed_outside(frame, outside, rng):
    """Other values, of the same kinds, in rows that may not matter."""
    frame = frame.copy()
    count = len(outside)
    frame.loc[outside, "number"] = rng.normal(-1e6, 1e5, count)
    frame.loc[outside, "whole"] = 10**6
    frame.loc[outside, "colour"] = rng.choice(["red", "green"], count)
    frame.loc[outside, "side"] = "left"
    frame.loc[outside, "shop"] = rng.choice(frame["shop"].unique(), count)
    frame.loc[outside, "open"] = True
    frame.loc[outside, "day"] += pd.Timedelta("9000D")
    frame.loc[outside, "amount"] = rng.normal(1e4, 1e3, count)
    return frame


@pytest.mark.parametrize("samples", [None, 40])
def test_nothing_of_the_rows_outside_reaches_training(entered, samples):
    """Planted leak: means, medians, shares and mean targets would all be others."""
    frame, rng = mixed_frame().drop(columns="answer"), np.random.default_rng(1)
    entry = entered(frame, "amount")
    rows = partition(entry.card, frame["amount"].to_numpy(), 4)
    clean = load_split("frame", 4, samples)
    outside = np.setdiff1d(np.arange(ROWS), rows.train[:samples])
    planted = changed_outside(frame, outside, rng)
    planted.loc[outside[0], ["number", "colour"]] = None
    planted["shop"] = np.where(np.isin(np.arange(ROWS), outside), planted["shop"], frame["shop"])
    assert entered(planted, "amount").card.features == entry.card.features
    leaky = load_split("frame", 4, samples)
    np.testing.assert_array_equal(leaky.train_inputs, clean.train_inputs)
    np.testing.assert_array_equal(leaky.train_targets, clean.train_targets)
    assert leaky.target_scale == clean.target_scale
    assert not np.array_equal(leaky.test_inputs, clean.test_inputs)


def test_nothing_of_the_test_rows_reaches_validation(entered):
    frame, rng = mixed_frame().drop(columns="answer"), np.random.default_rng(1)
    entry = entered(frame, "amount")
    clean = load_split("frame", 7)
    test = partition(entry.card, frame["amount"].to_numpy(), 7).test
    entered(changed_outside(frame, test, rng), "amount")
    leaky = load_split("frame", 7)
    np.testing.assert_array_equal(leaky.train_inputs, clean.train_inputs)
    np.testing.assert_array_equal(leaky.validation_inputs, clean.validation_inputs)
    np.testing.assert_array_equal(leaky.validation_targets, clean.validation_targets)


def test_an_identifier_encoded_by_targets_tells_nothing_of_other_rows(entered):
    """Were a row's own target in its code, the training score would be near 1."""
    rng = np.random.default_rng(2)
    names = [f"p{number}" for number in rng.permutation(600)]
    names[1] = names[0]
    frame = pd.DataFrame({"person": names, "answer": rng.choice(["a", "b"], 600)})
    assert entered(frame, "answer").card.features == 1
    scores = {"train": [], "test": []}
    for number in range(10):
        split = load_split("frame", number)
        model = LogisticRegression().fit(split.train_inputs, split.train_targets)
        for part, found in scores.items():
            inputs, targets = getattr(split, f"{part}_inputs"), getattr(split, f"{part}_targets")
            found.append(model.score(inputs, targets))
    assert 0.4 < np.mean(scores["test"]) < 0.6
    assert np.mean(scores["train"]) < 0.65


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_the_width_follows_from_the_columns_alone(outputs):
    """Also where a part lacks categories, or has no value at all."""
    columns = [
        Column("a", "number", missing=True),
        Column("b", "boolean"),
        Column("c", "category", categories=2),
        Column("d", "category", categories=MOST_ONE_HOT),
        Column("e", "category", categories=MOST_ONE_HOT + 1),
        Column("f", "date", missing=True),
    ]
    width = 2 + 1 + 1 + MOST_ONE_HOT + (5 if outputs == 5 else 1) + 6
    assert sum(encoded_width(column, outputs) for column in columns) == width
    for rows in (1, 2, 3, 50):
        inputs = np.zeros((rows, 6))
        inputs[:, [0, 5]] = np.nan
        targets = np.zeros(rows, np.float64 if outputs == 1 else np.int64)
        with warnings.catch_warnings(action="error"):
            found = fit_encoding(Samples(inputs, targets), columns=columns, outputs=outputs)
        assert found.train.shape == (rows, width)
        assert not found.train.any()
        others = np.array([[3.0, 1, 1, 9, 16, 1e9]])
        assert not found.apply(others).any()


def test_the_hash_is_of_rows_and_of_what_divides_them(entered):
    frame = mixed_frame()
    entered(frame, "answer")
    first = data_hash("frame")
    entered(frame, "answer", group="shop")
    grouped = data_hash("frame")
    entered(frame.assign(shop=frame["shop"].sample(frac=1, random_state=0).to_numpy()), "answer",
            group="shop")  # fmt: skip
    assert len({first, grouped, data_hash("frame")}) == 3


def test_classes_of_any_type_become_numbers_with_names(entered):
    frame = mixed_frame()
    for column, names in (
        (frame["answer"], ("no", "yes")),
        (frame["open"], ("False", "True")),
        (frame["whole"] % 3 - 1, ("-1", "0", "1")),
        (frame["whole"] % 2 + 0.0, ("0", "1")),
    ):
        entry = entered(frame.assign(target=column), "target")
        assert (entry.card.task, entry.card.classes) == ("classification", names)
        words = column.map(lambda v: f"{v:g}" if isinstance(v, float) else str(v))
        expected = [names.index(word) for word in words]
        np.testing.assert_array_equal(entry.draw().targets, expected)
    assert "classes: 0 5" in entry.card.description or "classes: 1 5" in entry.card.description


def test_what_was_stored_as_categories_stays_so(entered):
    """Also where the categories are numbers, as OpenML has them, or a target's are many."""
    frame = mixed_frame()[["whole"]].astype("category")
    frame["target"] = pd.Series(np.arange(ROWS) % 24).astype("category")
    frame.loc[5, "whole"] = None
    entry = entered(frame, "target")
    assert (entry.card.task, entry.card.outputs, entry.card.folds) == ("classification", 24, 10)
    assert entry.card.features == 10
    np.testing.assert_array_equal(entry.draw().targets, np.arange(ROWS) % 24)
    truths = frame.assign(whole=(mixed_frame()["side"] == "left").astype("category"))
    assert entered(truths, "target").card.features == 1
