"""Splits are disjoint, repeatable and nested, and nothing leaks from one part into another."""

import hashlib
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from suite.data.cards import CARDS, DATASETS, Dataset, check_request
from suite.data.loading import load_split, raw_samples
from suite.data.partition import partition
from suite.data.samples import Samples, labelled
from suite.errors import InputError

AT_HAND = {n: e.card for n, e in DATASETS.items() if not e.card.downloaded and e.installed}
FINITE = [name for name, card in AT_HAND.items() if card.folds]
# The sawtooth is a grid, the same in every part.
DRAWN = [name for name, card in CARDS.items() if not card.folds and name != "sawtooth"]
CLASSIFIED = [name for name, card in AT_HAND.items() if card.task == "classification"]


def split_digest(name: str, split: int) -> str:
    parts = load_split(name, split)
    arrays = [
        value for f in fields(parts) if isinstance(value := getattr(parts, f.name), np.ndarray)
    ]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


@pytest.mark.parametrize("name", FINITE)
def test_ten_test_folds_cover_every_row_once_and_parts_are_disjoint(name):
    card, targets = CARDS[name], raw_samples(name, 0).targets
    rows = [partition(card, targets, number) for number in range(card.folds)]
    everything = np.arange(card.samples)
    np.testing.assert_array_equal(np.sort(np.concatenate([r.test for r in rows])), everything)
    for parts in rows:
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), everything)
        assert abs(len(parts.validation) - len(parts.test)) <= 2
        assert len(parts.train) == card.train_samples


@pytest.mark.parametrize("name", sorted(set(FINITE) & set(CLASSIFIED)))
def test_every_part_has_the_class_shares_of_the_whole(name):
    targets = raw_samples(name, 0).targets
    shares = np.bincount(targets) / len(targets)
    for number in (0, 9):
        for rows in partition(CARDS[name], targets, number):
            counts = np.bincount(targets[rows], minlength=len(shares))
            assert np.abs(counts - shares * len(rows)).max() < 2


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_sets_are_new_in_every_split_and_never_repeat_a_row(name):
    splits, quarter = [load_split(name, number) for number in (0, 1)], CARDS[name].samples // 4
    for split in splits:
        parts = (split.train_inputs, split.validation_inputs, split.test_inputs)
        assert [len(part) for part in parts] == [quarter, quarter, 2 * quarter]
        assert len(np.unique(np.concatenate(parts), axis=0)) == 4 * quarter
    if CARDS[name].distinct_rows is None:
        rows = np.concatenate([split.test_inputs for split in splits])
        assert len(np.unique(rows, axis=0)) == len(rows)
    assert not np.array_equal(splits[0].train_targets, splits[1].train_targets)


def numbered_rows() -> Samples:
    """Two hundred rows in which the input is the row's number, so that rows can be told apart."""
    numbers = np.arange(200)
    return labelled(numbers[:, None], numbers % 4 == 0)


@pytest.fixture
def numbered(monkeypatch):
    card = replace(CARDS["wine"], name="numbered", samples=200, features=1, outputs=2)
    monkeypatch.setitem(DATASETS, "numbered", Dataset(card, numbered_rows))
    return card


def row_numbers(card, split, **request):
    """The rows of (train, validation, test), read back from the standardised inputs."""
    loaded = load_split(card.name, split, **request)
    parts = (loaded.train_inputs, loaded.validation_inputs, loaded.test_inputs)
    held = np.concatenate([loaded.validation_inputs, loaded.test_inputs]).ravel()
    known = partition(card, numbered_rows().targets, split)
    line = np.polyfit(held, np.concatenate([known.validation, known.test]), 1)
    return [np.rint(np.polyval(line, part.ravel())).astype(int) for part in parts]


def test_test_rows_depend_on_the_fold_alone_and_validation_rows_on_the_split(numbered):
    validation, test = zip(*(row_numbers(numbered, s)[1:] for s in range(20)), strict=True)
    np.testing.assert_array_equal(np.sort(np.concatenate(test[:10])), np.arange(200))
    for number in range(10):
        np.testing.assert_array_equal(test[number], test[number + 10])
        assert set(validation[number]) != set(validation[number + 10])


@pytest.mark.parametrize("name", FINITE)
def test_splits_of_one_fold_share_test_targets_and_not_validation_targets(name):
    first, second = load_split(name, 3), load_split(name, 13)
    test, other = first.test_targets, second.test_targets
    if CARDS[name].task == "regression":
        # Each is standardised by its own training part, so compare the order of the values.
        test, other = np.argsort(test, axis=0), np.argsort(other, axis=0)
    np.testing.assert_array_equal(test, other)
    assert not np.array_equal(first.validation_targets, second.validation_targets)


def test_targets_belong_to_their_rows(numbered):
    split = load_split("numbered", 5)
    rows = row_numbers(numbered, 5)
    targets = (split.train_targets, split.validation_targets, split.test_targets)
    for numbers, part in zip(rows, targets, strict=True):
        np.testing.assert_array_equal(numbers % 4 == 0, part)


def test_subsets_are_nested_stratified_and_leave_the_other_parts_alone(numbered):
    train, *others = row_numbers(numbered, 4)
    for size in (2, 7, 40, 160):
        kept, *same = row_numbers(numbered, 4, samples=size)
        np.testing.assert_array_equal(kept, train[:size])
        assert abs(np.count_nonzero(kept % 4 == 0) - size / 4) <= 1
        for expected, actual in zip(others, same, strict=True):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name", CLASSIFIED)
def test_the_smallest_subset_per_class_has_every_class(name):
    card = CARDS[name]
    balanced = np.ptp(np.bincount(raw_samples(name, 0).targets)) == 0
    labels = load_split(name, 1, samples=card.outputs * (1 if balanced else 4)).train_targets
    assert set(labels) == set(range(card.outputs))


@pytest.mark.parametrize("samples", [None, 30])
def test_nothing_outside_the_training_part_reaches_training(monkeypatch, samples):
    """Planted leak: rows that may not matter are made enormous, and training must not notice."""
    for name in ("breast_cancer", "diabetes", "digits"):
        card, raw = CARDS[name], raw_samples(name, 0)
        rows = partition(card, raw.targets, 2).train[:samples]
        outside = np.setdiff1d(np.arange(card.samples), rows)
        inputs, targets = raw.inputs.copy(), raw.targets.copy()
        inputs[outside] = inputs[outside] * 1e3 + 7
        if card.task == "regression":
            targets[outside] = 1e6
        clean = load_split(name, 2, samples)
        planted = Samples(inputs, targets)
        with monkeypatch.context() as patch:
            patch.setitem(DATASETS, name, Dataset(card, lambda rows=planted: rows))
            leaky = load_split(name, 2, samples)
        np.testing.assert_array_equal(leaky.train_inputs, clean.train_inputs)
        np.testing.assert_array_equal(leaky.train_targets, clean.train_targets)
        assert np.abs(leaky.test_inputs).max() > 100 * np.abs(clean.test_inputs).max()


@pytest.mark.parametrize("name", [n for n in AT_HAND if DATASETS[n].prepare is None])
def test_standardisation_is_that_of_the_training_part(name):
    """Checked against scikit-learn's scaler, one column per feature or one for all pixels."""
    card, raw = CARDS[name], raw_samples(name, 6)
    rows = partition(card, raw.targets, 6)
    split = load_split(name, 6)
    one_scale = card.kind in ("image", "signal") or "all inputs together" in card.preprocessing
    shape = (-1, 1) if one_scale else (-1, card.features)
    scaler = StandardScaler().fit(raw.inputs[rows.train].reshape(shape).astype(float))
    for part in ("train", "validation", "test"):
        actual = getattr(split, f"{part}_inputs")
        expected = scaler.transform(raw.inputs[getattr(rows, part)].reshape(shape).astype(float))
        np.testing.assert_allclose(actual.reshape(shape), expected, rtol=1e-5, atol=1e-5)


def test_the_unit_interval_is_that_of_scikit_learns_scaler():
    card, raw = CARDS["digits_unit_interval"], raw_samples("digits_unit_interval", 6)
    rows, split = partition(card, raw.targets, 6), load_split("digits_unit_interval", 6)
    scaler = MinMaxScaler().fit(raw.inputs[rows.train].astype(float))
    constant = scaler.data_range_ == 0
    assert constant.any()
    for part in ("train", "validation", "test"):
        actual = getattr(split, f"{part}_inputs")
        expected = scaler.transform(raw.inputs[getattr(rows, part)].astype(float))
        np.testing.assert_allclose(actual[:, ~constant], expected[:, ~constant], rtol=1e-6)
        assert not actual[:, constant].any()


def test_regression_targets_are_standardised_by_the_training_part():
    raw = raw_samples("diabetes", 0).targets.astype(float)
    rows, split = partition(CARDS["diabetes"], raw, 8), load_split("diabetes", 8)
    mean, deviation = raw[rows.train].mean(), raw[rows.train].std()
    expected = (raw[rows.test] - mean) / deviation
    np.testing.assert_allclose(split.test_targets.ravel(), expected, atol=1e-6)
    assert split.target_scale == pytest.approx(deviation)
    assert load_split("digits", 8).target_scale == 1


def test_features_that_are_constant_in_training_are_zero_everywhere(monkeypatch, numbered):
    test = partition(numbered, numbered_rows().targets, 0).test
    constant = np.full((200, 1), 0.1, np.float32)
    constant[test] = 5.0
    rows = labelled(np.hstack([numbered_rows().inputs, constant]), numbered_rows().targets)
    card = replace(numbered, features=2)
    monkeypatch.setitem(DATASETS, "numbered", Dataset(card, lambda: rows))
    split = load_split("numbered", 0)
    assert not split.train_inputs[:, 1].any()
    assert not split.test_inputs[:, 1].any()
    assert split.test_inputs[:, 0].any()


def test_label_noise_strikes_training_labels_alone_at_the_expected_rate():
    clean = load_split("mnist1d", 0)
    for share in (0.15, 0.5, 1.0):
        noisy = load_split("mnist1d", 0, label_noise=share)
        changed = np.mean(noisy.train_targets != clean.train_targets)
        # A new draw hits the old class once in ten; four standard errors of 4000 draws are .032.
        assert changed == pytest.approx(share * 0.9, abs=0.032)
        np.testing.assert_array_equal(noisy.train_inputs, clean.train_inputs)
        np.testing.assert_array_equal(noisy.validation_targets, clean.validation_targets)
        np.testing.assert_array_equal(noisy.test_targets, clean.test_targets)
    # At 1 every label is new: 400 of each class, standard deviation 19.
    assert np.abs(np.bincount(noisy.train_targets, minlength=10) - 400).max() < 80


def test_more_label_noise_and_more_samples_keep_what_less_has():
    clean, some, more = (load_split("digits", 0, label_noise=p) for p in (0.0, 0.2, 0.4))
    changed = some.train_targets != clean.train_targets
    np.testing.assert_array_equal(more.train_targets[changed], some.train_targets[changed])
    few = load_split("digits", 0, samples=100, label_noise=0.2)
    np.testing.assert_array_equal(few.train_targets, some.train_targets[:100])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"dataset": "minst5k"}, "did you mean 'mnist5k'"),
        ({"dataset": "wine", "samples": 143}, "1 to 142"),
        ({"dataset": "wine", "samples": 0}, "1 to 142"),
        ({"dataset": "spirals", "samples": 501}, "1 to 500"),
        ({"dataset": "diabetes", "label_noise": 0.1}, "no class labels"),
        ({"dataset": "digits", "label_noise": 1.5}, "probability"),
    ],
)
def test_impossible_requests_are_told_kindly(request_, message):
    with pytest.raises(InputError, match=message):
        check_request(**request_)
    with pytest.raises(InputError, match=message):
        load_split(split=0, **request_)


def test_splits_are_the_same_to_the_bit_in_another_process():
    names = ("diabetes", "digits", "circles", "spirals", "xor")
    here = [split_digest(name, 12) for name in names]
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_data_splits import split_digest\n"
        f"print(*[split_digest(name, 12) for name in {names[::-1]}][::-1])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    there = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert there.stdout.split() == here


def test_the_biggest_set_is_read_once_for_all_its_splits():
    first, *others = (raw_samples("mnist5k", number) for number in range(5))
    assert all(other.inputs is first.inputs for other in others)
