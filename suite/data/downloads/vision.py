"""Images that torchvision fetches: MNIST, Fashion-MNIST, CIFAR-10."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.dataset import ALL_AT_ONCE, Dataset, DatasetCard
from suite.data.downloads.interface import Download, downloaded
from suite.data.samples import Samples, compact
from suite.errors import InputError

_log = logging.getLogger(__name__)


def fetch_mnist(folder: Path, _: float) -> Samples:
    """The 60 000 training and 10 000 test images as one pool."""
    return _fetch_idx("MNIST", folder)


def fetch_fashion_mnist(folder: Path, _: float) -> Samples:
    """The 60 000 training and 10 000 test images as one pool."""
    return _fetch_idx("FashionMNIST", folder)


def fetch_cifar10(folder: Path, _: float) -> Samples:
    """The 50 000 training and 10 000 test images as one pool, (channels, height, width)."""
    parts = [_module().CIFAR10(folder, train=train, download=True) for train in (True, False)]
    images = np.concatenate([part.data for part in parts]).transpose(0, 3, 1, 2)
    return _pooled(images, [part.targets for part in parts])


def _fetch_idx(family: str, folder: Path) -> Samples:
    images = getattr(_module(), family)
    utils = _module("utils")
    place = folder / family / "raw"
    # The class's own download would swallow what a mirror answered.
    for file, md5 in images.resources:
        fetch = partial(
            utils.download_and_extract_archive, download_root=place, filename=file, md5=md5
        )
        _from_any(fetch, [f"{mirror}{file}" for mirror in images.mirrors])
    parts = [images(folder, train=train) for train in (True, False)]
    return _pooled(np.concatenate([p.data for p in parts]), [p.targets for p in parts])


def _from_any(fetch: Callable[[str], None], addresses: Sequence[str]) -> None:
    """From the first address that gives the file; the last one's error is the caller's."""
    for address in addresses[:-1]:
        try:
            return fetch(address)
        except (OSError, RuntimeError) as error:
            _log.warning("%s: %s; the next mirror is asked", address, error)
    return fetch(addresses[-1])


def _pooled(images: np.ndarray[Any, np.dtype[np.uint8]], classes: Sequence[Any]) -> Samples:
    return compact(images.reshape(len(images), -1), np.concatenate(classes))


def _module(name: str = "") -> Any:
    path = ".".join(filter(None, ["torchvision.datasets", name]))
    try:
        return import_module(path)
    # A torchvision that is made for another torch raises RuntimeError.
    except (ImportError, RuntimeError) as error:
        problem = f"torchvision cannot be imported ({error})"
        raise InputError("data set", problem, "pip install 'leadline[vision]'") from error


MNIST = Download(name="mnist", host="ossci-datasets.s3.amazonaws.com", fetch=fetch_mnist)
FASHION_MNIST = Download(
    name="fashion_mnist",
    host="fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    fetch=fetch_fashion_mnist,
)
CIFAR10 = Download(name="cifar10", host="www.cs.toronto.edu", fetch=fetch_cifar10)

ENTRIES = (
    Dataset(
        DatasetCard(
            name="mnist",
            kind="image",
            task="classification",
            samples=70_000,
            features=784,
            outputs=10,
            folds=10,
            license="none stated by its authors; commonly given as CC BY-SA 3.0",
            source="torchvision, MNIST: its training and test images as one pool; downloaded once, "
            "12 MB, which takes leadline[vision]",
            citation="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), Gradient-based "
            "learning applied to document recognition, Proceedings of the IEEE 86(11), 2278-2324",
            preprocessing=ALL_AT_ONCE,
            description="handwritten digits, 28 × 28 grey levels from 0 to 255",
            shape=(1, 28, 28),
            downloaded=True,
        ),
        partial(downloaded, MNIST),
    ),
    Dataset(
        DatasetCard(
            name="fashion_mnist",
            kind="image",
            task="classification",
            samples=70_000,
            features=784,
            outputs=10,
            folds=10,
            license="MIT",
            source="torchvision, FashionMNIST: its training and test images as one pool; "
            "downloaded once, 31 MB, which takes leadline[vision]",
            citation="H. Xiao, K. Rasul and R. Vollgraf (2017), Fashion-MNIST: a novel image "
            "dataset for benchmarking machine learning algorithms, arXiv:1708.07747",
            preprocessing=ALL_AT_ONCE,
            description="ten kinds of clothes, shoes and bags, 28 × 28 grey levels from 0 to 255",
            shape=(1, 28, 28),
            downloaded=True,
        ),
        partial(downloaded, FASHION_MNIST),
    ),
    Dataset(
        DatasetCard(
            name="cifar10",
            kind="image",
            task="classification",
            samples=60_000,
            features=3072,
            outputs=10,
            folds=10,
            license="none stated by its authors",
            source="torchvision, CIFAR10: its training and test images as one pool; downloaded "
            "once, 170 MB, which takes leadline[vision]",
            citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images, "
            "technical report, University of Toronto",
            preprocessing=ALL_AT_ONCE,
            description="photographs of ten kinds of animals and vehicles, 32 × 32 pixels of red, "
            "green and blue from 0 to 255",
            shape=(3, 32, 32),
            downloaded=True,
        ),
        partial(downloaded, CIFAR10),
    ),
)
