"""Downloads are fetched once, checked, asked for again, and told in one line where that fails."""

import gzip
import hashlib
import io
import socket
import tarfile
import time
from dataclasses import replace
from functools import partial
from http.client import IncompleteRead
from ssl import SSLError
from types import SimpleNamespace
from urllib.error import ContentTooShortError, HTTPError

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import _california_housing, _covtype, _twenty_newsgroups
from sklearn.feature_extraction.text import TfidfTransformer

from suite.data import cache
from suite.data.cards import CARDS, DATASETS
from suite.data.downloads import fetchers, interface
from suite.data.downloads.interface import Patience, downloaded, fetched
from suite.data.loading import data_hash, load_split
from suite.data.samples import Samples, labelled
from suite.errors import InputError
from tests.local_service import serving

QUICK = Patience(attempts=3, delay=0.01, timeout=5)
HOUSING = replace(fetchers.CALIFORNIA_HOUSING, patience=QUICK)
NEEDED_ONCE = "it is needed once, afterwards the set is read from the cache"


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    downloaded.cache_clear()
    yield tmp_path / "cache" / "downloads"
    downloaded.cache_clear()


@pytest.fixture
def service():
    with serving() as running:
        yield running


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def offer(monkeypatch, service, module, content: bytes) -> str:
    """Have a fetcher of scikit-learn ask the local service, for this content."""
    path = f"/files/{module.ARCHIVE.filename}"
    service.files[path] = content
    checksum = hashlib.sha256(content).hexdigest()
    there = module.ARCHIVE._replace(url=service.address + path, checksum=checksum)
    monkeypatch.setattr(module, "ARCHIVE", there)
    return path


# Nine columns as StatLib has them: place, age, rooms, bedrooms, people, households, income, value.
BLOCKS = np.array(
    [
        [-122.5, 37.75, 41, 880, 129, 322, 126, 8.3252, 452600],
        [-121.25, 38.5, 21, 7099, 1106, 2401, 1138, 8.3014, 358500],
        [-119, 34.25, 52, 1467, 190, 496, 177, 7.2574, 352100],
    ]
)


def housing() -> bytes:
    lines = "\n".join(",".join(map(str, row)) for row in BLOCKS.tolist())
    return packed({"CaliforniaHousing/cal_housing.data": lines.encode()})


def throw(error):
    raise error


def from_cache(download) -> Samples:
    downloaded.cache_clear()
    return downloaded(download)


def assert_same(first: Samples, second: Samples) -> None:
    for one, other in zip(first, second, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_housing_is_fetched_once_and_then_read_without_the_service(folder, monkeypatch):
    with serving() as service:
        path = offer(monkeypatch, service, _california_housing, housing())
        first = downloaded(HOUSING)
        assert service.asked == [path]
    x, y, age, rooms, bedrooms, people, households, income, value = BLOCKS.T
    columns = [income, age, rooms / households, bedrooms / households, people, people / households]
    expected = np.column_stack([*columns, y, x])
    np.testing.assert_allclose(first.inputs, expected, rtol=1e-6)
    np.testing.assert_allclose(first.targets, value / 100_000, rtol=1e-6)
    assert_same(from_cache(HOUSING), first)
    assert [path.name for path in folder.iterdir()] == ["california_housing.npz"]
    with pytest.raises(ValueError, match="read-only"):
        first.inputs[0] = 0


def test_covertype_keeps_whole_numbers_in_two_bytes(folder, service, monkeypatch):
    rows = np.random.default_rng(0).integers(-200, 7174, size=(30, 54))
    classes = np.arange(30) % 7 + 1
    lines = "\n".join(",".join(map(str, row)) for row in np.column_stack([rows, classes]))
    offer(monkeypatch, service, _covtype, gzip.compress(lines.encode()))
    download = replace(fetchers.COVERTYPE, patience=QUICK)
    found = downloaded(download)
    assert found.inputs.dtype == np.int16
    np.testing.assert_array_equal(found.inputs, rows)
    np.testing.assert_array_equal(found.targets, classes - 1)
    assert_same(from_cache(download), found)


HEADER = "From: someone@example.org\nSubject: sculling\n\n"
POSTS = {
    "20news-bydate-train/rec.boats/1": "keel keel rudder\n",
    "20news-bydate-train/sci.depth/2": "sounding line, and the sounding\n",
    "20news-bydate-test/rec.boats/3": "In article <1> x writes:\n> quoted sounding\nrudder\n",
    "20news-bydate-test/sci.depth/4": "line\n\n--\nsigned keel\n",
}


def test_newsgroups_are_word_counts_of_the_posts_themselves(folder, service, monkeypatch):
    content = {path: (HEADER + post).encode("latin1") for path, post in POSTS.items()}
    offer(monkeypatch, service, _twenty_newsgroups, packed(content))
    found = downloaded(replace(fetchers.NEWSGROUPS, patience=QUICK))
    assert found.inputs.dtype == np.uint8
    assert found.inputs.shape == (4, fetchers.COUNTERS)
    words = ["keel", "rudder", "sounding", "line"]
    of_words = fetchers.count_words(words)
    assert of_words.sum(axis=1).tolist() == [1] * 4
    assert len(set(of_words.argmax(axis=1))) == 4
    counts = {tuple(row) for row in found.inputs.astype(int) @ of_words.T.astype(int)}
    assert counts == {(2, 1, 0, 0), (0, 0, 2, 1), (0, 1, 0, 0), (0, 0, 0, 1)}
    assert sorted(found.inputs.sum(axis=1)) == [1, 1, 3, 3]
    assert sorted(found.targets) == [0, 0, 1, 1]


def test_word_weights_are_those_of_the_training_part():
    """Scikit-learn's TF-IDF of the chosen counters; what stands in other rows changes nothing."""
    rng = np.random.default_rng(1)
    shares = rng.uniform(0, 0.5, fetchers.COUNTERS)
    counts = rng.poisson(shares, (60, fetchers.COUNTERS)).astype(np.uint8)
    train, rest = labelled(counts[:40], np.arange(40) % 2), counts[40:]
    prepared = fetchers.weigh_words(train)
    frequency = (counts[:40] > 0).sum(axis=0)
    chosen = sorted(np.lexsort([np.arange(len(frequency)), -frequency])[: fetchers.FEATURES])
    weights = TfidfTransformer(sublinear_tf=True).fit(csr_array(counts[:40][:, chosen]))
    first = weights.transform(csr_array(counts[:40][:, chosen].astype(float))).toarray()
    later = weights.transform(csr_array(rest[:, chosen].astype(float))).toarray()
    assert prepared.train.shape == (40, fetchers.FEATURES)
    np.testing.assert_allclose(prepared.train, (first - first.mean()) / first.std(), atol=1e-4)
    np.testing.assert_allclose(
        prepared.apply(rest), (later - first.mean()) / first.std(), atol=1e-4
    )
    assert DATASETS["newsgroups"].prepare is fetchers.weigh_words


def test_a_service_that_fails_twice_is_asked_again(folder, service, monkeypatch, caplog):
    path = offer(monkeypatch, service, _california_housing, housing())
    # Scikit-learn asks twice itself before it gives up.
    service.failures += [503, 500, 0]
    assert len(downloaded(HOUSING).inputs) == 3
    assert service.asked == [path] * 4
    assert "is asked again in 0.01 s" in caplog.text


def test_each_wait_is_twice_the_last(monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    fail = partial(throw, ConnectionResetError("reset"))
    with pytest.raises(InputError, match=r"set s: the connection to h broke off \(reset\)\ntry"):
        fetched("s", "h", fail, Patience(attempts=4, delay=0.5))
    assert waits == [0.5, 1, 2]


@pytest.mark.parametrize(
    "error",
    [
        SSLError(1, "record"),
        IncompleteRead(b""),
        ContentTooShortError("short", None),
        TimeoutError("slow"),
        HTTPError("h", 429, "too many", None, None),
    ],
)
def test_what_breaks_off_once_is_asked_for_again(error):
    to_come = [error]
    assert fetched("s", "h", lambda: throw(to_come.pop()) if to_come else 3, QUICK) == 3


def test_a_service_that_goes_on_failing_is_named(folder, service, monkeypatch):
    path = offer(monkeypatch, service, _california_housing, housing())
    service.files[path] = 503
    with pytest.raises(
        InputError, match=r"figshare.com answers with error 503 .*\ntry again later"
    ):
        downloaded(HOUSING)
    assert len(service.asked) == 2 * QUICK.attempts
    assert not list(folder.iterdir())


def test_what_is_not_there_is_not_asked_for_again_by_us(folder, service, monkeypatch):
    path = offer(monkeypatch, service, _california_housing, housing())
    del service.files[path]
    with pytest.raises(InputError, match=r"data set california_housing: .* answers with error 404"):
        downloaded(HOUSING)
    assert len(service.asked) == 2


def test_a_wrong_checksum_is_told_and_leaves_nothing(folder, service, monkeypatch):
    path = offer(monkeypatch, service, _california_housing, housing())
    service.files[path] += b"tampered"
    with pytest.raises(InputError, match="sent has a wrong checksum and was removed\ntry again; a"):
        downloaded(HOUSING)
    assert len(service.asked) == QUICK.attempts
    assert not list(folder.iterdir())
    service.files[path] = housing()
    offer(monkeypatch, service, _california_housing, housing())
    assert len(downloaded(HOUSING).inputs) == 3


def test_a_service_that_says_nothing_is_not_waited_for_without_end(folder, service, monkeypatch):
    offer(monkeypatch, service, _california_housing, housing())
    service.failures += [-8] * 2
    impatient = replace(HOUSING, patience=Patience(attempts=1, timeout=0.1, delay=0.01))
    # Waited for, the service would hang up, which is another error.
    with pytest.raises(InputError, match="timed out"):
        downloaded(impatient)
    assert socket.getdefaulttimeout() is None


def test_without_a_network_one_line_comes_without_a_second_attempt(folder, monkeypatch):
    waits = []
    monkeypatch.setattr(interface, "time", SimpleNamespace(sleep=waits.append))
    with serving() as service:
        offer(monkeypatch, service, _california_housing, housing())
    with pytest.raises(InputError, match=r"cannot reach ndownloader.*refused") as told:
        downloaded(replace(HOUSING, patience=Patience(delay=0.1)))
    assert waits == []
    assert str(told.value).startswith("data set california_housing: cannot reach")
    assert f"{NEEDED_ONCE} {cache.cache_folder()}" in str(told.value)
    assert "\n" not in str(told.value)
    assert not list(folder.iterdir())


def test_a_damaged_file_in_the_cache_is_fetched_again(folder, service, monkeypatch, caplog):
    path = offer(monkeypatch, service, _california_housing, housing())
    first = downloaded(HOUSING)
    (stored,) = folder.iterdir()
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 255
    stored.write_bytes(content)
    assert_same(from_cache(HOUSING), first)
    assert service.asked == [path] * 2
    assert "is damaged" in caplog.text
    assert_same(from_cache(HOUSING), first)
    assert len(service.asked) == 2


def test_a_cache_folder_that_cannot_be_is_told_before_anything_is_asked(
    folder, service, monkeypatch
):
    offer(monkeypatch, service, _california_housing, housing())
    folder.parent.write_text("in the way")
    with pytest.raises(InputError, match=r"Not a directory|File exists") as told:
        downloaded(HOUSING)
    assert "LEADLINE_CACHE" in str(told.value)
    assert service.asked == []


def test_a_full_disk_is_no_matter_of_the_service(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"data cache: No space left on device\n.*LEADLINE_CACHE"):
        downloaded(replace(HOUSING, fetch=full))


def test_what_cannot_be_read_is_told_in_a_line(folder, caplog):
    def unreadable(*_):
        raise ValueError("no\n columns")

    with pytest.raises(InputError, match=r"answers cannot be used: no columns$"):
        downloaded(replace(HOUSING, fetch=unreadable))


# As experiments meet them


@pytest.fixture
def offline(monkeypatch, folder):
    """Scikit-learn's fetchers ask this machine, which refuses them."""
    with serving() as service:
        for module in (_california_housing, _covtype, _twenty_newsgroups):
            offer(monkeypatch, service, module, b"")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return folder


def test_cards_are_read_without_a_network(offline, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    fetched_ones = [name for name, card in CARDS.items() if card.downloaded]
    assert {"california_housing", "covertype", "newsgroups", "mnist", "openml"} <= {*fetched_ones}
    for name in fetched_ones:
        assert CARDS[name].license
        assert "downloaded once" in CARDS[name].source
        if name != "openml":
            (download,) = DATASETS[name].draw.args
            assert (download.name, DATASETS[name].draw.func) == (name, downloaded)


@pytest.mark.parametrize("call", [data_hash, partial(load_split, split=0)])
def test_rows_that_cannot_be_fetched_are_told_where_they_are_needed(offline, call):
    with pytest.raises(InputError, match=NEEDED_ONCE):
        call("covertype")


def test_a_run_ends_before_any_training(offline, place, tiny_file, leadline):
    file = place / "experiments" / "tiny.yaml"
    file.write_text(tiny_file.replace("circles", "california_housing"))
    file.write_text(file.read_text().replace("test_accuracy", "test_loss"))
    ended = leadline("run", file, "--profile", "quick", "--workers", 1)
    assert ended.code == 2
    assert NEEDED_ONCE in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


def test_a_split_of_what_was_fetched_is_scaled_by_its_training_part(folder, service, monkeypatch):
    rows = np.random.default_rng(2).integers(0, 999, size=(70, 54))
    lines = "\n".join(",".join(map(str, [*row, i % 7 + 1])) for i, row in enumerate(rows))
    offer(monkeypatch, service, _covtype, gzip.compress(lines.encode()))
    entry = DATASETS["covertype"]
    small = entry._replace(card=replace(entry.card, samples=70))
    monkeypatch.setitem(DATASETS, "covertype", small)
    split = load_split("covertype", 0)
    assert split.train_inputs.dtype == np.float32
    assert split.train_inputs.shape == (56, 54)
    np.testing.assert_allclose(split.train_inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(split.train_inputs.std(axis=0), 1, atol=1e-5)
