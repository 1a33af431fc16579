"""Every page of a report, from disk and from a server, as readers see it."""

import pytest

from tests.browser.layouts import LAYOUTS, faults

PAGES = (
    "index.html",
    "methods.html",
    "rings/index.html",
    "gradients/index.html",
    "explorer/index.html",
    "explorer.html",
)


def test_these_are_all_pages(report):
    assert {str(path.relative_to(report)) for path in report.rglob("*.html")} == set(PAGES)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.width}-{layout.scheme}")
@pytest.mark.parametrize("path", PAGES)
def test_from_disk_it_fits_and_shuts_nobody_out(report, visit, path, layout):
    assert faults(visit(f"{report.as_uri()}/", path, **layout._asdict())) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_server_serves_it_too(site, visit, path):
    page = visit(site, path)
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


@pytest.mark.parametrize("path", PAGES)
def test_it_prints(report, visit, path):
    printed = visit(f"{report.as_uri()}/", path).pdf(format="A4")
    assert printed.startswith(b"%PDF")
