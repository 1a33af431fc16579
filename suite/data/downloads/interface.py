"""Downloads: fetched once with patience, told in one line where that fails, then read from disk."""

import logging
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path
from ssl import SSLError
from typing import TypeVar
from urllib.error import ContentTooShortError, HTTPError, URLError

from suite.data.cache import cache_folder, cached
from suite.data.samples import Samples
from suite.errors import InputError

_log = logging.getLogger(__name__)
_Fetched = TypeVar("_Fetched")

# So say scikit-learn's and torchvision's checks, which have no exception of their own for it.
_DAMAGE = ("checksum", "corrupted")
_TOO_MANY_REQUESTS = 429
# Of an address that was reached; what a URLError tells happened before.
_BROKEN_OFF = (ConnectionError, TimeoutError, SSLError, HTTPException)


@dataclass(frozen=True)
class Patience:
    """How long a service is waited for.

    Attributes:
        attempts: how often it is asked, while asking again may help.
        delay: seconds before the second attempt; each later one waits twice as long.
        timeout: seconds without a byte after which an attempt is given up.
    """

    attempts: int = 3
    delay: float = 1.0
    timeout: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Download:
    """Rows that a service gives away.

    Attributes:
        name: of the data set, and of its file in the cache.
        host: the service, as messages name it.
        fetch: from an empty folder, and the seconds to wait between requests, to the rows; checks
            what came against a checksum.
        patience: how long the service is waited for.
    """

    name: str
    host: str
    fetch: Callable[[Path, float], Samples]
    patience: Patience = Patience()


def downloads_folder() -> Path:
    """Where what was downloaded is kept."""
    return cache_folder() / "downloads"


@cache
def downloaded(download: Download) -> Samples:
    """The rows, from the cache if they were fetched before.

    Raises:
        InputError: the service cannot give them, or the cache folder cannot be used.
    """
    return cached(f"{downloads_folder().name}/{download.name}", (), lambda: _fetch(download))


def _fetch(download: Download) -> Samples:
    folder = downloads_folder()
    folder.mkdir(parents=True, exist_ok=True)

    def attempt() -> Samples:
        # A folder of its own for each attempt, so that one that fails leaves no trace.
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{download.name}-") as empty:
            return download.fetch(Path(empty), download.patience.delay)

    return fetched(download.name, download.host, attempt, download.patience)


def fetched(name: str, host: str, attempt: Callable[[], _Fetched], patience: Patience) -> _Fetched:
    """What `attempt` returns, which is asked again after errors that may pass.

    Raises:
        InputError: the service cannot be reached, refuses, or sends what cannot be used.
        OSError: the disk fails.
    """
    for number in range(1, patience.attempts + 1):
        try:
            with _timeout(patience.timeout), _logged_warnings():
                return attempt()
        except InputError:
            raise
        # Libraries answer a bad file with almost any error.
        except Exception as error:
            if _is_of_the_disk(error):
                raise
            if isinstance(error, HTTPError):
                error.close()
            if number == patience.attempts or not _may_pass(error):
                raise _told(name, host, error) from error
            wait = patience.delay * 2 ** (number - 1)
            _log.warning("%s: %s; %s is asked again in %g s", name, _line(error), host, wait)
            time.sleep(wait)
    raise ValueError("attempts must be at least 1")


def _may_pass(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return error.code == _TOO_MANY_REQUESTS or error.code >= 500
    if isinstance(error, URLError):
        # No network, as a rule; whoever has none should not be kept waiting.
        return isinstance(error, ContentTooShortError)
    return is_damage(error) or isinstance(error, _BROKEN_OFF)


def is_damage(error: Exception) -> bool:
    """Whether a library says that what came differs from what the service promised."""
    return any(word in str(error) for word in _DAMAGE)


def _told(name: str, host: str, error: Exception) -> InputError:
    """The error that a reader gets."""
    place, again = f"data set {name}", "try again later"
    if isinstance(error, HTTPError):
        return InputError(place, f"{host} answers with error {error.code} ({error.reason})", again)
    if is_damage(error):
        problem = f"what {host} sent has a wrong checksum and was removed"
        return InputError(place, problem, "try again; a proxy may have changed or cut it")
    if _may_pass(error):
        return InputError(place, f"the connection to {host} broke off ({_line(error)})", again)
    if isinstance(error, URLError):
        problem = f"cannot reach {host} ({_line(error.reason)})"
        needed = f"it is needed once, afterwards the set is read from the cache {cache_folder()}"
        return InputError(place, f"{problem}; {needed}")
    return InputError(place, f"what {host} answers cannot be used: {_line(error)}")


def _is_of_the_disk(error: Exception) -> bool:
    network = isinstance(error, (URLError, *_BROKEN_OFF))
    return isinstance(error, OSError) and bool(error.errno) and not network


def _line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    # The libraries open their connections without a limit of their own.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _logged_warnings() -> Iterator[None]:
    """Warnings of the libraries go to the log, as all that happens on the way does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            yield
        finally:
            for warning in caught:
                _log.warning("%s", _line(warning.message))
