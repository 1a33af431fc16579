"""torchvision's own classes read images from a service's own files, once."""

import gzip
import hashlib
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest

from suite.data.cards import CARDS
from suite.data.downloads import vision
from suite.data.downloads.interface import Patience, downloaded
from suite.errors import InputError
from tests.local_service import serving
from tests.test_downloads import packed

QUICK = Patience(attempts=2, delay=0.01, timeout=5)
MNIST = replace(vision.MNIST, patience=QUICK)
FASHION = replace(vision.FASHION_MNIST, patience=QUICK)
CIFAR = replace(vision.CIFAR10, patience=QUICK)


@pytest.fixture(scope="module")
def torchvision():
    """The module of data sets; skips where torchvision is missing or made for another torch."""
    try:
        import torchvision.datasets
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"needs a torchvision that suits the installed torch: {error}")
    return torchvision.datasets


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    downloaded.cache_clear()
    yield tmp_path / "cache" / "downloads"
    downloaded.cache_clear()


@pytest.fixture
def service():
    with serving() as running:
        yield running


def idx(array) -> bytes:
    """Unsigned bytes as MNIST's files have them, compressed."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def offer_idx(monkeypatch, service, images):
    """Four training and two test images, from the second of two mirrors."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    classes = np.array([3, 1, 4, 1, 5, 9], np.uint8)
    contents = [idx(part) for part in (pixels[:4], classes[:4], pixels[4:], classes[4:])]
    names = [name for name, _ in images.resources]
    service.files.update({f"/there/{n}": c for n, c in zip(names, contents, strict=True)})
    monkeypatch.setattr(images, "resources", [*zip(names, map(md5, contents), strict=True)])
    mirrors = [f"{service.address}/{place}/" for place in ("gone", "there")]
    monkeypatch.setattr(images, "mirrors", mirrors)
    return pixels, classes


@pytest.mark.parametrize(("download", "family"), [(MNIST, "MNIST"), (FASHION, "FashionMNIST")])
def test_grey_images_are_both_parts_in_one_pool(
    folder, monkeypatch, torchvision, download, family, capfd
):
    with serving() as service:
        pixels, classes = offer_idx(monkeypatch, service, getattr(torchvision, family))
        found = downloaded(download)
    assert found.inputs.dtype == np.uint8
    np.testing.assert_array_equal(found.inputs, pixels.reshape(6, 784))
    np.testing.assert_array_equal(found.targets, classes)
    downloaded.cache_clear()
    np.testing.assert_array_equal(downloaded(download).inputs, found.inputs)
    assert [path.name for path in folder.iterdir()] == [f"{download.name}.npz"]
    assert capfd.readouterr().out == ""


def offer_cifar(monkeypatch, service, images):
    """Two images in each of the five training files and in the test file."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    classes = [int(label) for label in rng.integers(0, 10, 12)]
    names = [name for name, _ in (*images.train_list, *images.test_list)]
    files = {
        name: pickle.dumps(
            {"data": pixels[2 * i : 2 * i + 2].reshape(2, -1), "labels": classes[2 * i : 2 * i + 2]}
        )
        for i, name in enumerate(names)
    }
    lists = [[name, md5(files[name])] for name in names]
    meta = pickle.dumps({"label_names": list("abcdefghij")})
    files["batches.meta"] = meta
    archive = packed({f"cifar-10-batches-py/{name}": content for name, content in files.items()})
    service.files["/cifar.tar.gz"] = archive
    for name, value in {
        "url": f"{service.address}/cifar.tar.gz",
        "tgz_md5": md5(archive),
        "train_list": lists[:5],
        "test_list": lists[5:],
        "meta": images.meta | {"md5": md5(meta)},
    }.items():
        monkeypatch.setattr(images, name, value)
    return pixels, classes


def test_colours_come_before_height_and_width(folder, monkeypatch, torchvision):
    with serving() as service:
        pixels, classes = offer_cifar(monkeypatch, service, torchvision.CIFAR10)
        found = downloaded(CIFAR)
    assert found.inputs.dtype == np.uint8
    assert found.inputs.flags.c_contiguous
    np.testing.assert_array_equal(found.inputs.reshape(-1, *CARDS["cifar10"].shape), pixels)
    np.testing.assert_array_equal(found.targets, classes)
    downloaded.cache_clear()
    np.testing.assert_array_equal(downloaded(CIFAR).inputs, found.inputs)


def test_a_service_that_fails_once_is_asked_again(monkeypatch, service, torchvision):
    offer_cifar(monkeypatch, service, torchvision.CIFAR10)
    service.failures.append(503)
    assert len(downloaded(CIFAR).inputs) == 12


def test_a_wrong_checksum_is_told_and_leaves_nothing(folder, monkeypatch, service, torchvision):
    offer_cifar(monkeypatch, service, torchvision.CIFAR10)
    service.files["/cifar.tar.gz"] += b"tampered"
    with pytest.raises(InputError, match=r"data set cifar10: what .* sent has a wrong checksum"):
        downloaded(CIFAR)
    assert not list(folder.iterdir())


def test_without_a_network_one_line_comes(monkeypatch, torchvision):
    with serving() as service:
        offer_idx(monkeypatch, service, torchvision.MNIST)
    with pytest.raises(
        InputError, match=r"cannot reach ossci-datasets.*refused.*; it is needed once"
    ):
        downloaded(MNIST)


def test_without_torchvision_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(InputError, match=r"\npip install 'leadline\[vision\]'"):
        downloaded(MNIST)


def test_a_cached_set_needs_no_torchvision(monkeypatch, folder):
    fetched = vision._pooled(np.zeros((3, 28, 28), np.uint8), [[0, 1], [2]])
    first = downloaded(replace(MNIST, fetch=lambda *_: fetched))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    downloaded.cache_clear()
    np.testing.assert_array_equal(downloaded(MNIST).targets, first.targets)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_cards_have_the_published_sizes(name):
    card = CARDS[name]
    channels, height, width = card.shape
    assert card.features == channels * height * width
    assert (card.samples, card.shape, card.outputs) == {
        "mnist": (70_000, (1, 28, 28), 10),
        "fashion_mnist": (70_000, (1, 28, 28), 10),
        "cifar10": (60_000, (3, 32, 32), 10),
    }[name]
