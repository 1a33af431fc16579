"""Time series are sktime's where it is installed, and one clear line says so where it is not."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from suite.data import series
from suite.data.cards import CARDS, DATASETS, check_request
from suite.data.loading import data_hash, load_split, raw_samples
from suite.errors import InputError

needs_sktime = pytest.mark.skipif(
    not series.SERIES.installed, reason="sktime is missing: pip install 'leadline[series]'"
)
NAMES = list(series.SOURCES)


def fake_loader(split, return_X_y, return_type):
    """Three series of two channels and of 2, 4 and 1 steps, as sktime's loaders give them."""
    assert (split, return_X_y, return_type) == (None, True, "df-list")
    frames = [np.array([[1, 5], [2, 6]]), np.arange(8).reshape(4, 2), np.array([[9, 3]])]
    return [pd.DataFrame(frame, columns=["a", "b"]) for frame in frames], np.array(
        ["10", "2", "10"]
    )


def test_series_are_filled_up_with_zeros_channel_by_channel():
    inputs, targets = series.read_series(fake_loader, 4)
    assert inputs.tolist() == [
        [1, 2, 0, 0, 5, 6, 0, 0],
        [0, 2, 4, 6, 1, 3, 5, 7],
        [9, 0, 0, 0, 3, 0, 0, 0],
    ]
    # Numbers are in their own order: 2 before 10.
    assert targets.tolist() == [1, 0, 1]
    assert (inputs.dtype, targets.dtype) == (np.float32, np.int64)
    assert series._numbered(["walking", "badminton", "running"]) == [2, 0, 1]
    with pytest.raises(ValueError, match="negative"):
        series.read_series(fake_loader, 3)


def test_sets_come_from_their_own_loaders_through_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    monkeypatch.setattr("suite.data.cache.version", lambda package: f"of-{package}")
    loaders = SimpleNamespace(load_basic_motions=fake_loader)
    monkeypatch.setattr(series, "import_module", {"sktime.datasets": loaders}.__getitem__)
    first = series.load_series.__wrapped__("basic_motions")
    assert first.inputs.shape == (3, 200)
    assert [path.name for path in tmp_path.iterdir()] == ["basic_motions-from-sktime-of-sktime.npz"]
    monkeypatch.setattr(series, "import_module", lambda _: pytest.fail("read again"))
    again = series.load_series.__wrapped__("basic_motions")
    np.testing.assert_array_equal(again.inputs, first.inputs)


@pytest.fixture
def without_sktime(monkeypatch):
    # What Python itself does for a module that cannot be found.
    monkeypatch.setitem(sys.modules, "sktime", None)


MISSING = """\
dataset: data set 'osuleaf' comes with sktime, which is not installed
pip install 'leadline[series]'"""


def test_what_is_not_installed_is_listed_and_refused_in_one_line(without_sktime):
    assert not series.SERIES.installed
    for use in (check_request, data_hash, lambda name: load_split(name, 0)):
        with pytest.raises(InputError) as refused:
            use("osuleaf")
        assert str(refused.value) == MISSING
    assert "osuleaf" in DATASETS
    assert CARDS["osuleaf"].samples == 442
    assert check_request("digits").name == "digits"


EXPERIMENT = """\
question: Does depth help?
vary: {depth: [1, 2]}
hold: {dataset: osuleaf, epochs: 1, learning_rate: 0.01}
profiles:
  quick: {seeds: 2}
claims:
  depth-accuracy:
    says: Depth helps.
    metric: test_accuracy
    better: {depth: 2}
    worse: {depth: 1}
    margin: 0.02
"""


def test_a_plan_with_a_set_that_is_not_installed_ends_before_training(
    without_sktime, place, leadline
):
    path = place / "experiments" / "leaves.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    ended = leadline("run", path, "--profile", "quick")
    assert ended.code == 2
    assert "data set 'osuleaf' comes with sktime, which is not installed" in ended.err
    assert "pip install 'leadline[series]'" in ended.err
    assert "Traceback" not in ended.err
    assert not list((place / "results").glob("**/*.parquet"))
    listed = leadline("list", "datasets", "--long")
    assert listed.code == 0
    assert "japanese_vowels" in listed.out


def test_a_broken_sktime_is_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    monkeypatch.setattr("suite.data.cache.version", str.upper)

    def broken(_):
        raise ImportError("cannot import name 'x' from 'pandas'")

    monkeypatch.setattr(series, "import_module", broken)
    with pytest.raises(InputError, match="sktime cannot be imported: cannot import name 'x'"):
        series.load_series.__wrapped__("osuleaf")


@pytest.mark.parametrize("name", NAMES)
def test_cards_say_what_a_reader_needs(name):
    card, source = CARDS[name], series.SOURCES[name]
    assert DATASETS[name].needs == series.SERIES
    assert card.shape == (source.channels, source.length)
    assert card.features == source.channels * source.length
    assert "leadline[series]" in card.source
    assert ("zeros" in card.preprocessing) == source.unequal
    assert not card.scales_per_feature


# Sizes, channels, lengths and classes as the archives' pages state them: training and test half.
ARCHIVE = {
    "osuleaf": (200 + 242, 1, 427, 6),
    "arrow_head": (36 + 175, 1, 251, 3),
    "acsf1": (100 + 100, 1, 1460, 10),
    "plaid": (537 + 537, 1, 1344, 11),
    "italy_power": (67 + 1029, 1, 24, 2),
    "basic_motions": (40 + 40, 6, 100, 4),
    "japanese_vowels": (270 + 370, 12, 29, 9),
}


@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_those_of_the_archive(name):
    source = series.SOURCES[name]
    sizes = (source.samples, source.channels, source.length, source.outputs)
    assert sizes == ARCHIVE[name]


@needs_sktime
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_what_the_card_says(name):
    card, (inputs, targets) = CARDS[name], raw_samples(name, 0)
    assert inputs.shape == (card.samples, card.features)
    assert np.bincount(targets).min() >= card.folds
    assert len(np.bincount(targets)) == card.outputs
    # The last step is part of some series, or the card's length would be too long.
    assert inputs.reshape(-1, *card.shape)[:, :, -1].any()


@needs_sktime
@pytest.mark.parametrize(("name", "low", "high"), [("osuleaf", 0.5, 0.75), ("italy_power", 0.9, 1)])
def test_the_nearest_neighbour_scores_what_is_known_of_the_set(name, low, high):
    """The archive's own figures, .52 and .96, are of smaller training halves."""
    scores = []
    for number in range(3):
        split = load_split(name, number)
        model = KNeighborsClassifier(1).fit(split.train_inputs, split.train_targets)
        scores.append(model.score(split.test_inputs, split.test_targets))
    assert low <= np.mean(scores) <= high


@needs_sktime
def test_speakers_of_japanese_vowels_have_the_utterances_that_the_source_counts():
    inputs, targets = raw_samples("japanese_vowels", 0)
    tested = np.array([31, 35, 88, 44, 29, 24, 40, 50, 29])
    np.testing.assert_array_equal(np.bincount(targets), 30 + tested)
    steps = inputs.reshape(640, 12, 29).any(axis=1).sum(axis=1)
    assert (steps.min(), steps.max()) == (7, 29)
