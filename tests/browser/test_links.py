"""Links of the report lead where they say."""

import pytest

from tests.browser.links import broken


def test_no_link_is_broken(report):
    pages = sorted(report.rglob("*.html"))
    assert pages
    assert {str(page): found for page in pages if (found := broken(page, report))} == {}


@pytest.mark.parametrize(
    "address",
    ["missing.html", "#missing", "other.html#missing", "../outside.html", "//example.org/a.html"],
)
def test_broken_links_are_found(tmp_path, address):
    folder = tmp_path / "report"
    folder.mkdir()
    (tmp_path / "outside.html").write_text("<p>", encoding="utf-8")
    (folder / "other.html").write_text('<p id="there"><a href="index.html">Back</a>', "utf-8")
    page = folder / "index.html"
    good = '<p id="here"><a href="#here">h</a> <a href="other.html#there">t</a> '
    page.write_text(f'{good}<a href="https://example.org">e</a>', encoding="utf-8")
    assert broken(page, folder) == []
    page.write_text(f'{good}<a href="{address}">x</a>', encoding="utf-8")
    assert broken(page, folder) == [address]
    page.write_text(f'{good}<img src="https://example.org/a.png">', encoding="utf-8")
    assert broken(page, folder) == ["https://example.org/a.png"]
