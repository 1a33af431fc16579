"""The explorer shows what was measured at the setting that its knobs and its address name."""

import re

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.layouts import LAYOUTS, faults

CHARTS = ("boundary", "accuracy", "loss", "gradient", "around")
SETTING = {
    "dataset": "circles",
    "depth": "4",
    "activation": "relu",
    "regularizer": "l2_0.003",
}


@pytest.fixture
def explorer(report, visit):
    """A function that opens the explorer at an address's state."""

    def open_at(state: str = "", **options) -> Page:
        return visit(f"{report.as_uri()}/", f"explorer.html{state}", **options)

    return open_at


@pytest.fixture(scope="session")
def accuracy(store):
    """A function that gives the mean test accuracy at a setting, straight from the files."""
    trials = pd.read_parquet(store / "results" / "trials.parquet")

    def of(**setting) -> float:
        penalty = {"none": "", "l2_0.003": "l2=0.003"}[setting.pop("regularizer")]
        own = trials[(trials["regularizers"] == penalty) & (trials["samples"] == 128)]
        for name, level in setting.items():
            own = own[own[name].astype(str) == level]
        assert len(own) == 2
        return own["test_accuracy"].mean()

    return of


def address(setting, prefix: str = "") -> str:
    return "&".join(f"{prefix}{name}={level}" for name, level in setting.items())


def score(page: Page, place: int = 0) -> float:
    text = page.locator("#scores .score").nth(place).inner_text()
    return float(re.search(r"[01]\.\d+", text)[0])


def surfaces(page: Page) -> list[str]:
    """Outlines of the decision surfaces."""
    paths = page.locator("#boundary .drawing path")
    found: list[str] = paths.evaluate_all("(all) => all.map((path) => path.getAttribute('d'))")
    assert found
    return found


def test_an_address_opens_its_setting(explorer, accuracy):
    page = explorer(f"#{address(SETTING)}")
    assert score(page) == pytest.approx(accuracy(**SETTING), abs=6e-4)
    assert (
        page.get_by_role("combobox", name="Data set").locator("option:checked").inner_text()
        == "circles"
    )
    assert page.locator("#value-depth").inner_text() == "4"
    for name in CHARTS:
        chart = page.locator(f"figure#{name}")
        assert chart.locator(".drawing svg").count() >= 1
        assert len(chart.locator(".summary").text_content()) > 20


def test_a_menu_changes_the_picture_and_the_address_and_back_undoes_it(explorer, accuracy):
    page = explorer(f"#{address(SETTING)}")
    before = surfaces(page)
    page.get_by_role("combobox", name="Activation").select_option(label="sigmoid")
    changed = SETTING | {"activation": "sigmoid"}
    expect(page).to_have_url(re.compile("activation=sigmoid"))
    assert score(page) == pytest.approx(accuracy(**changed), abs=6e-4)
    assert surfaces(page) != before
    again = explorer("#" + page.url.partition("#")[2])
    assert score(again) == score(page)
    page.go_back()
    expect(page).to_have_url(re.compile("activation=relu"))
    assert score(page) == pytest.approx(accuracy(**SETTING), abs=6e-4)
    assert surfaces(page) == before


def test_sliders_obey_the_keyboard(explorer, accuracy):
    page = explorer(f"#{address(SETTING)}")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "control-depth":
            break
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("depth=1&"))
    assert page.locator("#control-depth").get_attribute("aria-valuetext") == "1"
    assert score(page) == pytest.approx(accuracy(**SETTING | {"depth": "1"}), abs=6e-4)


def test_two_settings_can_be_compared_and_swapped(explorer, accuracy):
    other = SETTING | {"depth": "1"}
    page = explorer(f"#{address(SETTING)}")
    alone = page.locator("#boundary .drawing svg").count()
    page.locator("#pin").click()
    page.locator("#control-depth").fill("0")
    expect(page).to_have_url(re.compile("pinned.depth=4"))
    assert [score(page, 0), score(page, 1)] == pytest.approx(
        [accuracy(**other), accuracy(**SETTING)], abs=6e-4
    )
    assert page.locator("#boundary .drawing svg").count() == 2 * alone
    page.get_by_role("button", name="Swap").click()
    expect(page).to_have_url(re.compile("pinned.depth=1"))
    assert score(page, 1) == pytest.approx(accuracy(**other), abs=6e-4)
    page.get_by_role("button", name="Unpin").click()
    expect(page.locator("#scores .score")).to_have_count(1)


def test_a_link_to_what_was_not_measured_says_so(explorer):
    page = explorer(f"#{address(SETTING | {'activation': 'softplus'})}")
    expect(page.get_by_role("alert")).to_contain_text("softplus")
    assert page.locator("figure#accuracy svg").count() == 1


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.width}-{layout.scheme}")
def test_two_settings_fit_and_shut_nobody_out(explorer, layout):
    state = f"#{address(SETTING)}&{address(SETTING | {'depth': '1'}, 'pinned.')}"
    assert faults(explorer(state, **layout._asdict())) == []
