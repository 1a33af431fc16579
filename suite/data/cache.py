"""Samples that are slow to make, kept on disk between processes."""

import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from suite.data.samples import Samples, read_only
from suite.errors import InputError

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """The folder named by the environment variable LEADLINE_CACHE, else the user's cache."""
    chosen = os.environ.get("LEADLINE_CACHE")
    return Path(chosen) if chosen else user_cache_path("leadline")


def cached(name: str, packages: tuple[str, ...], make: Callable[[], Samples]) -> Samples:
    """What `make` returns, from disk if it was made before with the same package versions.

    Args:
        name: what the samples are; part of the file's name.
        packages: distributions whose versions the samples depend on; may be none.
        make: makes the samples; called if there is no file, or none that can be read.

    Raises:
        InputError: the cache folder cannot be used.
    """
    versions = "-".join(f"{package}-{version(package)}" for package in packages)
    path = cache_folder() / f"{f'{name}-from-{versions}' if versions else name}.npz"
    with telling_of(path.parent):
        stored = _read(path)
        if stored is None:
            stored = make()
            _write(path, stored)
    return stored


@contextmanager
def telling_of(folder: Path) -> Iterator[None]:
    """Where a folder of the cache cannot be used, an InputError says so."""
    try:
        yield
    except OSError as error:
        hint = "name a folder that can be written in the environment variable LEADLINE_CACHE"
        raise InputError(str(folder), f"data cache: {error.strerror or error}", hint) from error


def _read(path: Path) -> Samples | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content)) as arrays:
            return read_only(arrays["inputs"], arrays["targets"])
    # Damaged bytes make the zip and array readers raise almost anything; the cure is one.
    except Exception as error:
        _log.warning("%s is damaged (%s) and is made again", path, error)
        return None


def _write(path: Path, samples: Samples) -> None:
    """Write to a file of its own and rename it, so that no process ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, inputs=samples.inputs, targets=samples.targets)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
