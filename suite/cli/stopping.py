"""How a command ends that the user has stopped."""

from collections.abc import Iterator
from contextlib import contextmanager


class StoppedError(Exception):
    """The user has stopped a command; the text says what is kept and how to go on."""


@contextmanager
def stopping(kept: str) -> Iterator[None]:
    """Turn an interrupt in the block into a line that says what is kept.

    Raises:
        StoppedError: it was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"stopped; {kept}") from None
