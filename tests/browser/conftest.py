"""A headless Chromium, a report to open in it, and pages that have to be silent and at home."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.browser import find_browser
from tests.browser.watching import watch

EXPERIMENTS = Path(__file__).parent / "experiments"
# A screenshot ends here; a page of many figures may be far longer.
TALLEST = 6000
# Milliseconds that a page may take to do as it is told, on a machine that does other things too.
PATIENCE = 10_000

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; one for each module, since an event loop runs in this thread while it lives."""
    path = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def store(fill_once: Callable[..., Path]) -> Path:
    """A folder where small experiments ran for real: results, report and MLflow's store."""
    return fill_once("store", run_experiments)


def run_experiments(root: Path) -> None:
    """Run the small experiments in an empty folder, as a user does."""
    shutil.copytree(EXPERIMENTS, root / "experiments")
    settings = os.environ | {"LEADLINE_CACHE": str(root / "cache")}
    settings.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "suite", "run", "--workers", "0", "--device", "cpu"]
    ran = subprocess.run(
        command, cwd=root, env=settings, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="session")
def report(store: Path) -> Path:
    """The folder of the small experiments' report."""
    return store / "reports"


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


@pytest.fixture(scope="session")
def site(report: Path) -> Iterator[str]:
    """Address of the report on a server of this machine."""
    handler = partial(_Silent, directory=report)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A function that opens an address; what its page errs in, the test's end says."""
    visited = []

    def open_page(home: str, path: str = "", width: int = 1440, scheme: str = "light") -> Page:
        size = {"width": width, "height": 900}
        context = chromium.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        visited.append((page, watch(page, home)))
        page.goto(home + path)
        return page

    yield open_page
    for place, (page, _) in enumerate(visited):
        keep_picture(page, f"{request.node.name}-{place}")
        page.context.close()
    assert [complaint for _, complaints in visited for complaint in complaints] == []


def keep_picture(page: Page, name: str) -> None:
    """Save how a page looks as $LEADLINE_ARTIFACTS/browser/<name>.png, where that is set."""
    if not (folder := os.environ.get("LEADLINE_ARTIFACTS")):
        return
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    path = Path(folder, "browser", re.sub(r"\W+", "-", name).strip("-") + ".png")
    page.screenshot(path=path, full_page=True, clip=clip)
