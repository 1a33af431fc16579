"""The cache gives back what was made, and survives damage, full disks and company."""

import threading

import numpy as np
import pytest

from suite.data import cache
from suite.data.samples import Samples, labelled
from suite.errors import InputError


def numbered_rows() -> Samples:
    return labelled(np.arange(200)[:, None], np.arange(200) % 3)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refuse() -> Samples:
    pytest.fail("made again what is stored")


def stored(make) -> Samples:
    return cache.cached("numbered", ("numpy",), make)


def flipped(content, position) -> bytes:
    return content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :]


def test_cache_makes_once_and_reads_the_same_bits(folder):
    made, read = stored(numbered_rows), stored(refuse)
    for first, second in zip(made, read, strict=True):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    assert [path.name for path in folder.iterdir()] == [f"numbered-from-numpy-{np.__version__}.npz"]


def test_cache_knows_package_versions(folder, monkeypatch):
    stored(numbered_rows)
    monkeypatch.setattr(cache, "version", lambda _: "9.9")
    stored(numbered_rows)
    assert len(list(folder.iterdir())) == 2


def test_a_damaged_cache_file_is_made_again(folder, caplog):
    expected = stored(numbered_rows)
    (path,) = folder.iterdir()
    intact = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [b"", b"rubbish", intact[: len(intact) // 2], intact[:-1], bytes(len(intact))]
    damaged += [flipped(intact, position) for position in rng.integers(len(intact), size=60)]
    for content in damaged:
        path.write_bytes(content)
        for first, second in zip(stored(numbered_rows), expected, strict=True):
            np.testing.assert_array_equal(first, second)
        stored(refuse)
    assert "is damaged" in caplog.text


def test_many_may_fill_the_cache_at_once(folder):
    barrier, results = threading.Barrier(8), []

    def make() -> Samples:
        barrier.wait(timeout=120)
        return numbered_rows()

    threads = [threading.Thread(target=lambda: results.append(stored(make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(list(folder.iterdir())) == 1
    np.testing.assert_array_equal(stored(refuse).inputs, numbered_rows().inputs)


def test_a_failed_write_leaves_nothing_and_says_what_to_do(folder, monkeypatch):
    def fill_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", fill_disk)
    with pytest.raises(InputError, match=r"No space left on device\n.*LEADLINE_CACHE"):
        stored(numbered_rows)
    assert not list(folder.iterdir())


def test_a_cache_folder_that_cannot_be_is_told_kindly(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"Not a directory\n.*LEADLINE_CACHE"):
        stored(numbered_rows)
