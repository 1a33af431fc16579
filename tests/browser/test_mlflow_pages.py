"""`leadline ui`: each experiment's saved view opens with its runs in the right columns.

Slow, since MLflow's server takes its time to start: only its own page tells what a view shows.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from suite.links import runs_link
from tests.browser.conftest import keep_picture
from tests.browser.watching import watch
from tests.interrupts import interruptible
from tests.local_service import spare_port

pytestmark = pytest.mark.slow

# Wide enough for every column: those outside the window are not in the page at all.
WIDTH = 2600
# Milliseconds: the server's first answers take long on a busy machine.
TIMEOUT = 60_000
KINDS = ("metrics", "params", "tags")
SCORES = ("test_loss", "generalization_gap")
LEADERBOARDS = {
    "rings": ("activation", "depth", "learning_rate", "split"),
    "gradients": ("activation", "learning_rate", "split"),
    "explorer": ("dataset", "depth", "activation", "regularizer", "split"),
}


@contextmanager
def serving(root: Path) -> Iterator[dict[str, str]]:
    """`leadline ui`, with the links that it prints, by experiment; ended as by Ctrl-C."""
    command = [sys.executable, "-m", "suite", "ui", "--port", str(spare_port())]
    with interruptible():
        ui = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    with ui:
        try:
            words = [line.split() for line in iter(ui.stdout.readline, "Ctrl-C ends it\n")]
            yield {line[0]: line[-1] for line in words if line[-1].startswith("http")}
        finally:
            ui.send_signal(signal.SIGINT)
            ui.wait(120)
    assert ui.returncode == 0


@pytest.fixture(scope="module")
def links(store: Path) -> Iterator[dict[str, str]]:
    """The printed links, of one server for all tests here."""
    with serving(store) as found:
        yield found


@pytest.fixture
def runs(chromium: Browser, links, request):
    """A function that opens an experiment's runs table and waits for its rows."""
    with chromium.new_context(viewport={"width": WIDTH, "height": 2000}) as context:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        complaints = watch(page, links["rings"].partition("#")[0])

        def open_view(name: str, view: str = "leaderboard") -> Page:
            page.goto(links[name].replace("=leaderboard&", f"={view}&"))
            page.get_by_text("matching run").wait_for()
            return page

        yield open_view
        keep_picture(page, request.node.name)
    # What else there is to complain of is MLflow's own.
    assert [text for text in complaints if text.startswith("asked for")] == []


def columns(page: Page) -> list[str]:
    """Names of metrics, parameters and tags, from left to right."""
    kinds = ", ".join(f"[role=columnheader][col-id^='{kind}.']" for kind in KINDS)
    heads = page.locator(kinds)
    heads.first.wait_for()
    named = {head.get_attribute("col-id"): head.bounding_box()["x"] for head in heads.all()}
    return [name.split("`")[1] for name in sorted(named, key=named.__getitem__)]


def cells(page: Page, column: str) -> list[str]:
    """A column's texts, from top to bottom."""
    found = page.locator(f"[role=gridcell][col-id*='`{column}`']")
    found.first.wait_for()
    places = [
        (int(cell.locator("xpath=..").get_attribute("row-index")), cell) for cell in found.all()
    ]
    return [cell.inner_text() for _, cell in sorted(places, key=lambda place: place[0])]


def measured(store: Path, name: str, stages: Sequence[str] = ("final",)) -> pd.DataFrame:
    """The networks of an experiment, straight from the files."""
    plan = pd.read_parquet(store / "results" / "plan.parquet")
    asked = plan[(plan["experiment"] == name) & plan["stage"].isin(stages)]
    trials = pd.read_parquet(store / "results" / "trials.parquet")
    return trials[trials["trial_id"].isin(asked["trial_id"])]


@pytest.mark.parametrize("name", LEADERBOARDS)
def test_the_printed_link_opens_the_best_runs_in_the_right_columns(store, runs, name):
    page = runs(name)
    recipe = LEADERBOARDS[name]
    assert columns(page) == ["test_accuracy", *recipe, *SCORES, "seconds", "outcome"]
    accuracies = measured(store, name)["test_accuracy"].sort_values(ascending=False)
    assert page.get_by_text(f"{len(accuracies)} matching runs").is_visible()
    shown = [float(text) for text in cells(page, "test_accuracy")]
    assert shown == pytest.approx(accuracies.to_list(), abs=1e-3)


def test_a_view_sorts_by_depth(store, runs):
    page = runs("rings", "by_depth")
    recipe = ("activation", "learning_rate", "split")
    scores = ("test_accuracy", *SCORES)
    assert columns(page) == ["depth", *scores, *recipe, "parameters", "seconds", "outcome"]
    depths = measured(store, "rings")["depth"].sort_values(ascending=False)
    assert [int(text) for text in cells(page, "depth")] == depths.to_list()


def test_a_view_shows_what_failed(store, runs):
    page = runs("gradients", "failures")
    recipe = ("activation", "learning_rate", "split")
    learned = ("epochs_trained", "validation_loss", "seconds")
    assert columns(page) == ["outcome", "stage", *recipe, *learned]
    trials = measured(store, "gradients", stages=("tuning", "final"))
    failed = trials[trials["outcome"] != "completed"]["outcome"]
    assert len(failed) >= 6
    assert sorted(cells(page, "outcome")) == sorted(failed)


def test_the_page_explains_itself_and_a_run_opens(runs):
    page = runs("rings")
    assert page.get_by_text("Do two rings need a network with an activation").is_visible()
    best = page.get_by_role("link", name="tanh depth").first
    name = best.inner_text()
    best.click()
    page.get_by_role("heading", name=name).wait_for()


def test_the_reports_link_finds_the_experiment(runs, links):
    page = runs("gradients")
    page.goto(runs_link("rings", int(urlsplit(links["rings"]).port)))
    found = page.get_by_role("row").get_by_role("link")
    expect(found).to_have_text(["rings"], timeout=TIMEOUT)
