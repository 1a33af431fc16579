"""What pages refer to, and whether it is there."""

from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

# Attributes whose address a browser loads by itself.
LOADED = ("src", "data", "poster", "action")


class Contents(NamedTuple):
    """A page's ids, the addresses it links to, and those it loads."""

    ids: frozenset[str]
    linked: tuple[str, ...]
    loaded: tuple[str, ...]


Read = Callable[[Path], Contents]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.linked: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                (self.linked if tag == "a" else self.loaded).append(value or "")
            elif name in LOADED:
                self.loaded.append(value or "")


def contents(page: Path) -> Contents:
    """What a page holds and refers to.

    Raises:
        AssertionError: two of its elements have the same id.
    """
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert len(set(reader.ids)) == len(reader.ids), f"{page}: an id is there twice"
    return Contents(frozenset(reader.ids), tuple(reader.linked), tuple(reader.loaded))


def broken(page: Path, folder: Path) -> list[str]:
    """Addresses in a page that lead nowhere or out of its folder, or load from elsewhere.

    A fragment with `=` is a state, not a place in the page.
    """
    found = contents(page)
    loaded = [address for address in found.loaded if not address.startswith("data:")]
    local = [*loaded, *(address for address in found.linked if not urlsplit(address).scheme)]
    read = cache(contents)
    return [address for address in local if not _leads_somewhere(address, page, folder, read)]


def _leads_somewhere(address: str, page: Path, folder: Path, read: Read) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if not target.is_file() or not target.is_relative_to(folder.resolve()):
        return False
    place = unquote(parts.fragment)
    return not place or "=" in place or place in read(target).ids
