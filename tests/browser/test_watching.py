"""The watchers see what they are to see; else the other tests here could not fail."""

import re

import pytest

from tests.browser.browser import find_browser
from tests.browser.watching import barriers, overhanging, watch

GOOD = """<!doctype html><html lang="en"><head><title>Depth</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"></head><body><main><h1>Depth</h1>{}</main></body>
</html>"""


@pytest.fixture
def page(chromium):
    with chromium.new_context(viewport={"width": 390, "height": 600}) as context:
        yield context.new_page()


def opened(page, folder, content):
    (folder / "page.html").write_text(GOOD.format(content), encoding="utf-8")
    complaints = watch(page, f"{folder.as_uri()}/")
    page.goto(f"{folder.as_uri()}/page.html")
    page.wait_for_timeout(50)
    return complaints


def test_a_good_page_gives_no_offence(page, tmp_path):
    content = '<div style="overflow-x: auto" tabindex="0"><p style="width: 900px">Wide</p></div>'
    assert opened(page, tmp_path, content) == []
    assert overhanging(page) == []
    assert barriers(page) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<script>console.error('no data')</script>", "console error: no data"),
        ("<script>throw new Error('torn')</script>", "uncaught: torn"),
        ("<script>fetch('http://example.org/x')</script>", "asked for http://example.org/x"),
        ("<img src='//example.org/a.png' alt='a'>", "asked for file://example.org/a.png"),
        ("<script src='https://example.org/a.js'></script>", "asked for https://example.org/a.js"),
        ("<img src='../other.png' alt='other'>", r"asked for file:///.*/other.png"),
        ("<img src='missing.png' alt='missing'>", "not loaded: file:///.*/missing.png"),
        ("<script>new WebSocket('ws://example.org')</script>", "asked for ws://example.org"),
    ],
)
def test_errors_and_requests_are_noticed(page, tmp_path, content, complaint):
    complaints = opened(page, tmp_path, content)
    assert any(re.match(complaint, text) for text in complaints), complaints


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('<p class="long" style="width: 500px">Wide</p>', "p.long"),
        (f"<p>{'depth' * 30}</p>", "the page scrolls sideways"),
    ],
)
def test_what_does_not_fit_is_found(page, tmp_path, content, name):
    opened(page, tmp_path, content)
    assert name in overhanging(page)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<p style='color: #bbb; background: #fff'>Faint</p>", "color-contrast"),
        ("<h4>Skipped a level</h4>", "heading-order"),
        ("<select><option>1</option></select>", "select-name"),
    ],
)
def test_barriers_are_found(page, tmp_path, content, rule):
    opened(page, tmp_path, content)
    assert rule in [text.split(" ")[0] for text in barriers(page)]


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_without_a_browser_tests_are_skipped_but_not_under_ci(monkeypatch, tmp_path, ci, outcome):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("tests.browser.browser.APPLICATIONS", ())
    with pytest.raises(outcome, match="install one"):
        find_browser()
