"""Supplied: a user's own Python file of parts, as bytes that a hash names."""

import hashlib
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from suite.errors import InputError

# More than anyone writes; a data file given by mistake is not read to its end.
MOST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Supplied:
    """A Python file that holds parts of a user's own.

    Attributes:
        name: its path as it was given; how errors and tracebacks call it.
        source: its content.
        digest: sixteen hexadecimal digits of the content's SHA-256.
    """

    name: str
    source: bytes = field(repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.source).hexdigest()[:16])


def read_supplied(path: Path) -> Supplied:
    """Read a file of parts; nothing in it is run.

    Raises:
        InputError: the file is missing, cannot be read, is too large or is not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            source = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from None
    if len(source) > MOST_BYTES:
        raise InputError(str(path), f"has more than {MOST_BYTES >> 20} MiB, too much for a program")
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "is not UTF-8 text") from None
    return Supplied(str(path), source)


@contextmanager
def blaming(name: str, what: str = "") -> Iterator[None]:
    """Turn whatever a user's code raises into an InputError that names its file and line.

    Args:
        name: the file.
        what: the part at fault, if it is one.
    """
    try:
        yield
    # A file may end the interpreter, too.
    except (Exception, SystemExit) as error:
        line = _line(error, name)
        place = f"{name}: {what}" if what else name
        words = textwrap.shorten(f"{type(error).__name__}: {_message(error)}", 200)
        raise InputError(place, f"line {line}: {words}" if line else words) from error


def _line(error: BaseException, name: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == name), None)


def _message(error: BaseException) -> str:
    # Of a syntax error, the text has the file and the line a second time.
    return str(error.msg if isinstance(error, SyntaxError) else error)
