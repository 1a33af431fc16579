"""The browser on this machine."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> str:
    """Path of Chromium or Chrome; where there is none the test is skipped, under CI it fails."""
    found = [*map(shutil.which, NAMES), *(path for path in APPLICATIONS if Path(path).exists())]
    for path in filter(None, found):
        return path
    return without("no Chromium or Chrome on PATH: install one (Debian: apt-get install chromium)")


def without(reason: str) -> NoReturn:
    """End a test that cannot run here; under CI, where it has to, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
