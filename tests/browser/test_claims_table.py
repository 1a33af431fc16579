"""The first page's table of claims: sorted, filtered, reached by keyboard, and leading on."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

ORDER = ("supported", "refuted", "equivalent", "inconclusive")


@pytest.fixture
def index(report, visit):
    return visit(f"{report.as_uri()}/", "index.html")


@pytest.fixture
def verdicts(report):
    """What was found, by the claim's name."""
    rows = json.loads((report / "verdicts.json").read_text("utf-8"))
    return {row["claim"]: row for row in rows}


def claims(page: Page, kind: str = "claims") -> list[str]:
    """Names of the claims that one table shows, from top to bottom."""
    return page.locator(f"table.claims[data-kind='{kind}'] tbody tr:visible .id").all_inner_texts()


def heading(page: Page, name: str):
    return page.locator("table.claims").first.get_by_role("columnheader", name=name)


def press(page: Page, name: str) -> None:
    heading(page, name).get_by_role("button").click()


def unfold(page: Page) -> None:
    page.locator("summary", has_text="Further contrasts").click()


def choose_verdict(page: Page, word: str) -> None:
    page.locator("form.filters label", has_text=word).click()


def test_headlines_are_shown_and_the_rest_unfolds(index, verdicts):
    headlines = {name for name in verdicts if "/" not in name}
    assert set(claims(index)) == headlines
    assert claims(index, "further contrasts") == []
    unfold(index)
    assert set(claims(index, "further contrasts")) == set(verdicts) - headlines


def test_each_row_says_what_was_found(index, verdicts):
    for row in index.locator("table.claims tbody tr").all():
        found = verdicts[row.locator(".id").text_content()]
        assert found["says"] in row.text_content()
        assert row.locator(".word").text_content().split()[-1] == found["verdict"]
        assert str(found["seeds"]) in row.locator("[data-column=seeds]").text_content()
        assert row.locator("svg").count() == 1


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("Effect [interval]", lambda row: row["effect"]),
        ("Effect in margins", lambda row: row["effect"] / row["margin"]),
        ("Verdict", lambda row: ORDER.index(row["verdict"])),
        ("Claim", lambda row: row["says"]),
    ],
    ids=["effect", "margins", "verdict", "claim"],
)
def test_a_heading_sorts_up_then_down_then_as_registered(index, verdicts, column, key):
    unfold(index)
    kind = "further contrasts"
    registered = claims(index, kind)
    press(index, column)
    expect(heading(index, column)).to_have_attribute("aria-sort", "ascending")
    assert claims(index, kind) == sorted(registered, key=lambda name: key(verdicts[name]))
    press(index, column)
    expect(heading(index, column)).to_have_attribute("aria-sort", "descending")
    assert claims(index, kind) == sorted(registered, key=lambda name: -_rank(verdicts, key)[name])
    press(index, column)
    expect(heading(index, column)).to_have_attribute("aria-sort", "none")
    assert claims(index, kind) == registered


def _rank(verdicts, key):
    return {
        name: place for place, name in enumerate(sorted(verdicts, key=lambda n: key(verdicts[n])))
    }


@pytest.mark.parametrize(
    ("choose", "passes"),
    [
        (
            lambda page: choose_verdict(page, "refuted"),
            lambda row: row["verdict"] == "refuted",
        ),
        (
            lambda page: page.get_by_role("combobox", name="Experiment").select_option("gradients"),
            lambda row: row["experiment"] == "gradients",
        ),
        (
            lambda page: page.get_by_role("combobox", name="Data set").select_option("circles"),
            lambda row: row["experiment"] == "rings",
        ),
        (
            lambda page: page.get_by_role("searchbox", name="Text").fill("second LAYER"),
            lambda row: "second layer" in row["says"],
        ),
    ],
    ids=["verdict", "experiment", "dataset", "text"],
)
def test_a_filter_leaves_what_was_asked_for(index, verdicts, choose, passes):
    choose(index)
    wanted = {name for name, row in verdicts.items() if passes(row)}
    assert 0 < len(wanted) < len(verdicts)
    assert {*claims(index), *claims(index, "further contrasts")} == wanted
    headlines = {name for name in verdicts if "/" not in name}
    said = f"{len(wanted & headlines)} of {len(headlines)} claims"
    expect(index.locator("form.filters [role=status]")).to_contain_text(said)
    index.get_by_role("button", name="Reset").click()
    expect(index.locator("form.filters [role=status]")).to_contain_text(
        f"{len(headlines)} of {len(headlines)} claims"
    )
    assert set(claims(index)) == headlines


def test_the_address_keeps_what_was_chosen(report, index, visit):
    choose_verdict(index, "refuted")
    press(index, "Claim")
    shown = claims(index), claims(index, "further contrasts")
    address = index.url.partition("#")[2]
    assert address
    other = visit(f"{report.as_uri()}/", f"index.html#{address}")
    assert (claims(other), claims(other, "further contrasts")) == shown
    expect(heading(other, "Claim")).to_have_attribute("aria-sort", "ascending")


def focus_by_tab(page: Page, selector: str, most: int = 60) -> None:
    """Press Tab until what the selector names has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_the_keyboard_is_enough(index, verdicts):
    focus_by_tab(index, "a.skip")
    focus_by_tab(index, "input[value=refuted]")
    index.keyboard.press("Space")
    assert {*claims(index), *claims(index, "further contrasts")} == {"nonlinearity/straight"}
    index.keyboard.press("Space")
    focus_by_tab(index, "input[type=search]")
    index.keyboard.type("sigmoids")
    assert claims(index) == ["vanishing-gradients"]
    focus_by_tab(index, "th[data-column=claim] button")
    index.keyboard.press("Enter")
    expect(heading(index, "Claim")).to_have_attribute("aria-sort", "ascending")
    focus_by_tab(index, "tbody a")
    index.keyboard.press("Enter")
    expect(index).to_have_url(re.compile(r"/gradients/index\.html#"))


def test_each_claim_leads_to_its_section_and_back(index, verdicts):
    for name, row in verdicts.items():
        index.locator("details").evaluate("(details) => { details.open = true; }")
        index.locator("tr", has=index.locator(".id", has_text=re.compile(f"^{name}$"))).locator(
            "th a"
        ).click()
        expect(index).to_have_url(re.compile(rf"/{row['experiment']}/index\.html#"))
        section = index.locator(f"[id='{index.url.partition('#')[2]}']")
        expect(section).to_contain_text(row["says"])
        expect(section).to_be_in_viewport()
        index.get_by_role("link", name="All claims").first.click()
        expect(index).to_have_url(re.compile(r"/reports/index\.html"))
