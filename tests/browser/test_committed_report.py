"""The report that is kept in the repository: every page of it opens, fits and leads on."""

from pathlib import Path

import pytest

from tests.browser.layouts import faults
from tests.browser.links import broken
from tests.browser.watching import overhanging

REPORT = Path(__file__).parents[2] / "reports"
OTHERS = {"quick", "full", "exploratory"}
PAGES = sorted(
    str(path.relative_to(REPORT))
    for path in REPORT.rglob("*.html")
    if path.relative_to(REPORT).parts[0] not in OTHERS
)
# Those of a kind are made by one template; a page of each is looked at closely.
KINDS = ("index.html", "methods.html", "explorer.html", "vanishing_gradients/index.html")
MOST_MEGABYTES = 30


@pytest.fixture
def open_page(visit):
    """A function that opens a page of the report from disk."""
    return lambda path, **layout: visit(f"{REPORT.as_uri()}/", path, **layout)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_and_fits(open_page, path):
    page = open_page(path, width=390)
    assert overhanging(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    assert overhanging(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", sorted({*KINDS} & {*PAGES}))
def test_a_page_of_each_kind_shuts_nobody_out(open_page, path, scheme):
    assert faults(open_page(path, scheme=scheme)) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_link_is_broken(path):
    assert broken(REPORT / path, REPORT) == []


def test_the_report_is_small():
    files = [path for path in REPORT.rglob("*") if path.relative_to(REPORT).parts[0] not in OTHERS]
    size = sum(path.stat().st_size for path in files if path.is_file())
    assert size <= MOST_MEGABYTES * 1024**2
