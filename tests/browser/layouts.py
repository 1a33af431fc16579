"""How readers see a page: widths of a phone and a desk, light and dark."""

from typing import NamedTuple

from playwright.sync_api import Page

from tests.browser.watching import barriers, overhanging


class Layout(NamedTuple):
    """A window's width in pixels and the reader's colour scheme."""

    width: int
    scheme: str


LAYOUTS = tuple(Layout(width, scheme) for width in (390, 1440) for scheme in ("light", "dark"))


def faults(page: Page) -> list[str]:
    """What does not fit into the page, and what shuts readers out, all of it unfolded."""
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    return overhanging(page) + barriers(page)
