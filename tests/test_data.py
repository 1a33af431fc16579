"""Data sets are what their cards and sources say."""

import hashlib
import random
import socket
import subprocess
import sys
from dataclasses import fields
from types import MappingProxyType

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from suite.data import bundled, loading
from suite.data.cards import CARDS, DATASETS, Dataset
from suite.data.loading import data_hash, load_split, raw_samples
from suite.data.samples import Samples, valued
from suite.errors import InputError

# What is downloaded has tests of its own, which ask a service on this machine; what an extra
# brings is tested where it is installed.
AT_HAND = [name for name, e in DATASETS.items() if not e.card.downloaded and e.installed]

# Class counts as the packages document them (of split 0 where a set is drawn), and a digest of
# the rows' statistics as first measured: another version of the rows is another data set.
IDENTITY = {
    "digits": ([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], "3c7dd31f045a"),
    "digits_unit_interval": ([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], "3c7dd31f045a"),
    "breast_cancer": ([212, 357], "a094619b7752"),
    "wine": ([59, 71, 48], "ea47db3f67c8"),
    "diabetes": (None, "9a95d1ad102a"),
    "mnist5k": ([500] * 10, "eb4bb32e2a6d"),
    "mnist1d": ([500] * 10, "39028080b7a5"),
    "mnist1d_shuffled": ([500] * 10, "c7918cb8308d"),
    "iris": ([50, 50, 50], "1e08c69343d5"),
    "auto_mpg": (None, "dcc9a0db08a1"),
    "words": ([1400] * 10, "ad37456ba995"),
    "words_ngrams": ([1400] * 10, "de6c3fe5282a"),
    "vowels": ([400] * 10, "137ec80b65f5"),
    "vowels_spectrogram": ([400] * 10, "e5b3530bd9f1"),
    "osuleaf": ([66, 84, 75, 97, 82, 38], "66efe008d00c"),
    "arrow_head": ([81, 65, 65], "3b6482658661"),
    "acsf1": ([20] * 10, "791fe33ef586"),
    "plaid": ([66, 175, 115, 38, 156, 35, 114, 172, 139, 38, 26], "1b6dbffb762b"),
    "italy_power": ([547, 549], "ef0eccde8e57"),
    "basic_motions": ([20] * 4, "fbb9dc5ef7b0"),
    "japanese_vowels": ([61, 65, 118, 74, 59, 54, 70, 80, 59], "83f93b51cae2"),
    "spirals": ([1000, 1000], "ace5dfef8511"),
    "circles": ([1000, 1000], "b86ef405f3dc"),
    "moons": ([1000, 1000], "5d6ffda24b80"),
    "xor": ([1010, 990], "e7ccfc465e99"),
    "checkerboard": ([1051, 949], "b5f94b47b473"),
    "sawtooth": ([32, 32], "6e94290a5b37"),
    "product": ([962, 1038], "727a91d5fb6f"),
    "sparse_parity": ([1026, 974], "6e0f42c12bea"),
    "teacher": ([889, 1111], "c6cdea36d17a"),
    "linear": (None, "cf88b025dd4c"),
    "additive": (None, "7a28efae521e"),
    "random_hierarchy": ([1014, 983, 1046, 1004, 949, 999, 958, 1047], "ca5139a61876"),
    "stepwise": ([821, 1179], "b6e53cb47c17"),
    "rotated": ([802, 1198], "a217cf509c9a"),
    "drifting_gaussians": ([1000, 1000], "2f5990289297"),
    "rotating_boundary": ([989, 1011], "f27955010ecf"),
}

# Mean test score of a simple model over splits 0 to 2, within a band round what is known of the
# set: linear .97 on digits and .33 on MNIST-1D, chance for a line through a checkerboard.
LINEAR = LogisticRegression(max_iter=2000)
BASELINES = [
    ("digits", LINEAR, 0.95, 0.99),
    ("digits_unit_interval", LINEAR, 0.94, 0.99),
    ("breast_cancer", LINEAR, 0.95, 1.0),
    ("wine", LINEAR, 0.93, 1.0),
    ("diabetes", Ridge(), 0.35, 0.6),
    ("iris", LINEAR, 0.86, 1.0),
    ("auto_mpg", Ridge(), 0.75, 0.87),
    ("mnist5k", NearestCentroid(), 0.77, 0.84),
    ("mnist1d", LINEAR, 0.28, 0.37),
    ("mnist1d", KNeighborsClassifier(7), 0.53, 0.62),
    ("spirals", LINEAR, 0.58, 0.7),
    ("spirals", KNeighborsClassifier(7), 0.97, 1.0),
    ("circles", LINEAR, 0.35, 0.62),
    ("circles", KNeighborsClassifier(7), 0.97, 1.0),
    ("xor", LINEAR, 0.35, 0.65),
    ("xor", KNeighborsClassifier(7), 0.92, 0.98),
]


def statistics_digest(samples: Samples) -> str:
    """Each feature's mean, spread and covariance with the target, to three decimals."""
    inputs, targets = samples.inputs.astype(float), samples.targets.astype(float)
    covariance = inputs.T @ (targets - targets.mean()) / len(targets)
    numbers = np.concatenate([inputs.mean(0), inputs.std(0), covariance])
    # Adding zero turns -0 into 0.
    return hashlib.sha256((np.round(numbers, 3) + 0.0).tobytes()).hexdigest()[:12]


def global_states():
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), keys.tolist(), rest


@pytest.mark.parametrize("name", AT_HAND)
def test_rows_are_what_the_card_and_the_source_say(name):
    card, samples = CARDS[name], raw_samples(name, 0)
    counts, digest = IDENTITY[name]
    assert samples.inputs.shape == (card.samples, card.features)
    assert np.isfinite(samples.inputs).all()
    assert np.isfinite(samples.targets).all()
    if counts:
        assert np.bincount(samples.targets, minlength=card.outputs).tolist() == counts
    assert statistics_digest(samples) == digest


@pytest.mark.parametrize(("name", "model", "low", "high"), BASELINES)
def test_a_simple_model_scores_what_is_known_of_the_set(name, model, low, high):
    scores = []
    for number in range(3):
        split = load_split(name, number)
        model.fit(split.train_inputs, split.train_targets)
        scores.append(model.score(split.test_inputs, split.test_targets))
    assert low <= np.mean(scores) <= high


@pytest.mark.parametrize("side", [14, 7])
def test_smaller_images_are_means_of_squares_of_pixels(side):
    whole, small = raw_samples("mnist5k", 0), raw_samples(f"mnist5k(side={side})", 0)
    images = torch.from_numpy(whole.inputs[::100].copy()).view(-1, 1, 28, 28)
    averaged = torch.nn.functional.avg_pool2d(images, 28 // side).flatten(1)
    np.testing.assert_allclose(small.inputs[::100], averaged, rtol=1e-6)
    np.testing.assert_array_equal(small.targets, whole.targets)
    assert CARDS[f"mnist5k(side={side})"].shape == (1, side, side)


@pytest.mark.parametrize("name", DATASETS)
def test_cards_are_complete(name):
    card = CARDS[name]
    assert all(getattr(card, f.name) != "" for f in fields(card))
    assert (card.outputs == 1) == (card.task == "regression")
    assert card.folds in (0, 10)


@pytest.mark.parametrize("name", AT_HAND)
def test_splits_have_the_promised_types_and_sizes(name):
    card = CARDS[name]
    for number in (0, 7, 23):
        split = load_split(name, number)
        kind, columns = (np.int64, ()) if card.task == "classification" else (np.float32, (1,))
        assert split.train_targets.shape == (card.train_samples, *columns)
        sizes = 0
        for part in ("train", "validation", "test"):
            inputs, targets = getattr(split, f"{part}_inputs"), getattr(split, f"{part}_targets")
            assert inputs.dtype == np.float32
            assert targets.dtype == kind
            assert inputs.shape == (len(targets), card.features)
            sizes += len(inputs)
        assert sizes == card.samples
        assert (split.task, split.outputs) == (card.task, card.outputs)


def test_cards_and_loading_import_neither_sklearn_nor_torch():
    code = (
        "import sys, suite.data.cards, suite.data.loading\n"
        "print({'sklearn', 'torch', 'scipy', 'mlxtend', 'mnist1d'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_loading_draws_nothing_from_global_generators():
    before = global_states()
    for name in AT_HAND:
        load_split(name, 0, samples=16)
    assert global_states() == before


def test_mnist1d_is_generated_without_network_files_or_trace(monkeypatch, tmp_path):
    from mnist1d import data

    small = data.get_dataset_args()
    small.num_samples = 50
    monkeypatch.setattr(data, "get_dataset_args", lambda: small)
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("opened a socket"))
    monkeypatch.chdir(tmp_path)
    before = global_states()
    first, second = bundled.generate_mnist1d(), bundled.generate_mnist1d()
    assert first.inputs.shape == (50, 40)
    np.testing.assert_array_equal(first.inputs, second.inputs)
    assert global_states() == before
    assert not list(tmp_path.iterdir())


def test_raw_rows_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        raw_samples("wine", 0).inputs[0] = 0


def test_data_hash_follows_rows_and_parameters(monkeypatch):
    before = {name: data_hash(name) for name in AT_HAND}
    assert all(len(value) == 16 and int(value, 16) >= 0 for value in before.values())
    rescaled = before.pop("digits_unit_interval")  # is made of the same rows
    assert len(set(before.values())) == len(before)
    assert rescaled == before["digits"]
    loading._data_hash.cache_clear()
    assert data_hash("xor") == before["xor"]

    changed = DATASETS["xor"]._replace(parameters=MappingProxyType({"noise": 0.06}))
    monkeypatch.setitem(DATASETS, "xor", changed)
    assert data_hash("xor") != before["xor"]
    rows = raw_samples("diabetes", 0)
    shifted = valued(rows.inputs, rows.targets + (np.arange(442) == 441))
    monkeypatch.setitem(DATASETS, "diabetes", Dataset(CARDS["diabetes"], lambda: shifted))
    assert data_hash("diabetes") != before["diabetes"]


def test_data_hash_of_an_unknown_set_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'circles'"):
        data_hash("circle")
