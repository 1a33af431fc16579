"""Tables are cut by rows, by groups or in time, into as many folds as they have rows for."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from suite.data.cards import DATASETS
from suite.data.loading import load_split
from suite.data.partition import partition
from suite.data.tables.dataset import table_dataset
from suite.errors import InputError

CARD = {"source": "a test", "license": "none", "citation": "none", "description": "rows"}


@pytest.fixture
def entered(monkeypatch):
    """Enters a frame as the data set 'frame'; gives its entry and the parts of some splits."""

    def enter(frame, target, splits=30, **options):
        entry = table_dataset(frame, target, name="frame", **options, **CARD)
        monkeypatch.setitem(DATASETS, "frame", entry)
        targets, units = entry.draw().targets, entry.units and entry.units()
        parts = [partition(entry.card, targets, number, units) for number in range(splits)]
        for number, rows in enumerate(parts):
            assert len(rows.train) == entry.card.train_samples
            assert all(not set(a) & set(b) for a, b in combinations(rows, 2))
            assert len(load_split("frame", number).train_inputs) == entry.card.train_samples
        return entry, parts

    return enter


def frame_of(targets, seed=0, **columns):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(size=len(targets)), **columns, "target": targets})


@pytest.mark.parametrize(
    ("counts", "folds"), [((30, 30), 10), ((40, 7), 7), ((40, 3), 3), ((4, 4, 4), 4)]
)
def test_a_rare_class_has_rows_in_every_part_of_fewer_folds(entered, counts, folds):
    targets = np.repeat([f"class {number}" for number in range(len(counts))], counts)
    entry, parts = entered(frame_of(targets), "target")
    assert entry.card.folds == folds
    for rows in parts:
        for part in rows:
            assert set(targets[part]) == set(targets)
    tested = np.concatenate([rows.test for rows in parts[:folds]])
    np.testing.assert_array_equal(np.sort(tested), np.arange(len(targets)))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_group_is_never_on_two_sides(entered, task):
    rng = np.random.default_rng(1)
    groups = rng.choice([f"g{number}" for number in range(24)], 300)
    targets = rng.choice(["a", "b", "c"], 300) if task == "classification" else rng.normal(size=300)
    entry, parts = entered(frame_of(targets, who=groups), "target", group="who", splits=100)
    card = entry.card
    assert (card.division, card.folds, card.features) == ("groups", 10, 1)
    for rows in parts:
        whole = np.concatenate([rows.validation, rows.test])
        rest = np.setdiff1d(np.arange(300), whole)
        assert set(rows.train) <= set(rest)
        for a, b in combinations((rest, rows.validation, rows.test), 2):
            assert not set(groups[a]) & set(groups[b])
    tested = np.concatenate([rows.test for rows in parts[:10]])
    np.testing.assert_array_equal(np.sort(tested), np.arange(300))
    # In time every fold validates for every other one.
    assert len({tuple(rows.validation) for rows in parts[::10]}) == 9
    assert card.train_samples == min(
        300 - len(rows.validation) - len(rows.test) for rows in parts[:90]
    )


def test_groups_keep_the_classes_shares_as_far_as_they_can(entered):
    """A third of the groups holds all of one class: by chance some folds would have none."""
    groups = np.repeat(np.arange(30), 10)
    targets = np.where(groups % 3 == 0, "rare", "common")
    _, parts = entered(frame_of(targets, who=groups.astype(str)), "target", group="who")
    for rows in parts[:10]:
        assert set(targets[rows.test]) == {"rare", "common"}


def test_few_groups_make_few_folds(entered):
    groups = np.repeat(list("abcd"), 15)
    entry, _ = entered(frame_of(np.arange(60.0) ** 1.1, who=groups), "target", group="who")
    assert (entry.card.folds, entry.card.train_samples) == (4, 30)


@pytest.mark.parametrize("kind", ["dates", "numbers", "ties", "row numbers"])
def test_nothing_later_than_a_tested_row_trains(entered, kind):
    rng = np.random.default_rng(2)
    days = {"ties": rng.integers(0, 60, 400)}.get(kind, rng.permutation(400))
    times = {
        "dates": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D"),
        "numbers": days**1.5,
    }.get(kind, days)
    entry, parts = entered(frame_of(rng.normal(size=400), at=times), "target", time="at")
    assert (entry.card.division, entry.card.folds, entry.card.features) == ("time", 10, 1)
    for rows in parts:
        assert days[rows.train].max() < days[rows.validation].min()
        assert days[rows.validation].max() < days[rows.test].min()
        assert len(rows.test) == 20
    starts = [days[rows.test].min() for rows in parts[:10]]
    assert starts == sorted(starts)
    tested = np.concatenate([rows.test for rows in parts[:10]])
    assert len(np.unique(tested)) == 200
    assert days[tested].min() >= np.median(days) - 1
    for first, again in zip(parts[:10], parts[10:20], strict=True):
        np.testing.assert_array_equal(first.test, again.test)
        assert list(first.train) != list(again.train)


def test_the_training_window_is_the_latest_that_there_is(entered):
    """Of 400 days in a row, the 180 to 199 validate for the first test block, all before train."""
    frame = frame_of(np.random.default_rng(0).normal(size=400), at=np.arange(400))
    entry, parts = entered(frame, "target", time="at")
    assert entry.card.train_samples == 180
    for number, rows in enumerate(parts[:10]):
        start = 200 + 20 * number
        np.testing.assert_array_equal(np.sort(rows.test), np.arange(start, start + 20))
        np.testing.assert_array_equal(np.sort(rows.validation), np.arange(start - 20, start))
        np.testing.assert_array_equal(np.sort(rows.train), np.arange(start - 200, start - 20))


def test_a_class_that_comes_late_is_warned_of(entered):
    targets = np.where(np.arange(400) < 230, np.where(np.arange(400) % 2, "a", "b"), "late")
    entry, _ = entered(frame_of(targets, at=np.arange(400)), "target", time="at")
    assert any("'late' is in no training row of 3 of 10" in w for w in entry.card.warnings)


@pytest.mark.parametrize(
    ("targets", "columns", "options", "message"),
    [
        (["a"] * 40 + ["b"] * 2, {}, {}, "class 'b' has 2 rows; 3 are needed"),
        (["a"] * 4 + ["b"] * 5, {}, {}, "has 9 rows; 10 are needed"),
        (["a"] * 40, {}, {}, "one class only: a"),
        ([1.5] * 40, {}, {"task": "regression"}, "one value only"),
        (["a", "b"] * 20, {"g": ["u", "v"] * 20}, {"group": "g"}, "has 2 groups; 3 are needed"),
        (["a"] * 30 + ["b"] * 10, {"g": [*"uvw"] * 10 + ["z"] * 10}, {"group": "g"},
         "class 'b' is in 1 of the groups"),
        (["a", "b"] * 20, {"g": [None, *"uvw"] * 10}, {"group": "g"}, "no group 'g', the .* row 1"),
        (["a", "b"] * 20, {"t": [None, *range(39)]}, {"time": "t"}, "no time 't', the .* row 1"),
        (["a", "b"] * 20, {"t": ["now", "then"] * 20}, {"time": "t"}, "neither dates nor numbers"),
        (["a", "b"] * 20, {"t": [1, 2] * 20}, {"time": "t"}, "too few different times"),
        (["a", "b"] * 20, {}, {"time": "t"}, "has no column 't', its time"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_divided_are_told_with_what_is_needed(
    targets, columns, options, message
):
    frame = frame_of(targets, **columns)
    with pytest.raises(InputError, match=message):
        table_dataset(frame, "target", name="frame", **options, **CARD)
