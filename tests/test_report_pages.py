"""The report's pages as documents: links, headings, tables, files that come and go."""

import dataclasses
import itertools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from suite.report.build import build
from suite.report.claims import claim_view
from suite.report.methods import described_cards
from suite.report.once import once
from suite.report.reading import counts
from suite.report.shortfalls import losses
from suite.verdicts import judge
from tests.planted import CONTRAST, by_depth
from tests.planted import evidence as planted
from tests.planted import experiment as of_claims
from tests.reported import AMENDED, FACTS, Page, evidence, rows, written

PAGES = ("index.html", "methods.html", "depth/index.html")
HEADINGS = ("h1", "h2", "h3", "h4")
GATE = {
    "says": "Four layers reach what was published.",
    "kind": "gate",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "within": ["0.68", "0.72"],
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), explorer=Path("explorer.html"))


@pytest.fixture(scope="module", params=PAGES)
def path(request, report):
    return report / request.param


def addresses(page):
    return page.values("href") + page.values("src")


def test_nothing_outside_is_asked_for_but_the_runs(path):
    outside = {link for link in addresses(Page(path)) if urlsplit(link).scheme}
    assert outside <= {
        "http://127.0.0.1:5000/#/experiments?experimentSearchFilter=depth"
        "&workflowType=machine_learning"
    }
    text = path.read_text("utf-8")
    assert not re.search(r"@import|url\(|\son\w+=|<script(?! defer src=)", text)


def test_every_link_leads_to_a_file_and_a_place_that_are_there(path, report):
    for link in addresses(Page(path)):
        parts = urlsplit(link)
        if parts.scheme or link.endswith("explorer.html"):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        assert target.is_file(), link
        assert target.is_relative_to(report.resolve()), link
        if parts.fragment:
            assert unquote(parts.fragment) in Page(target).values("id"), link


def test_ids_are_unique_and_headings_in_order(path):
    page = Page(path)
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if tag in HEADINGS]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_landmarks_and_regions_have_names(path):
    tags = Page(path).tags
    assert [tag for tag, _ in tags].count("main") == 1
    names = [attributes["aria-label"] for tag, attributes in tags if tag == "nav"]
    assert len(set(names)) == len(names)
    for _, attributes in tags:
        if "tabindex" in attributes:
            assert (attributes["tabindex"], attributes["role"]) == ("0", "region")
            assert attributes["aria-label"]


def test_every_header_has_a_scope_and_every_picture_words(path):
    tags = Page(path).tags
    headers = [attributes for tag, attributes in tags if tag == "th"]
    assert headers
    assert all(attributes["scope"] in ("col", "row") for attributes in headers)
    for tag, attributes in tags:
        if tag == "img":
            assert len(attributes["alt"]) > 20
            assert int(attributes["width"]) > int(attributes["height"]) > 100
        if attributes.get("role") == "img":
            assert "margin" in attributes["aria-label"]


def test_the_bar_says_where_the_reader_is(path, report):
    current = [a["href"] for _, a in Page(path).tags if a.get("aria-current") == "page"]
    assert len(current) == 1
    assert any(link.endswith("explorer.html") for link in addresses(Page(path)))


def test_the_bar_has_no_explorer_where_there_is_none(tmp_path):
    assert "xplorer" not in (written(tmp_path) / "index.html").read_text("utf-8")


def test_a_row_can_be_sorted_and_filtered_and_leads_to_its_section(report):
    tags = Page(report / "index.html").tags
    columns = [a["data-column"] for tag, a in tags if tag == "th" and a["scope"] == "col"]
    assert columns == ["verdict", "claim", "margins", "effect", "seeds", "sets", "experiment"] * 2
    found = [a for tag, a in tags if tag == "tr" and "data-verdict" in a]
    assert [a["data-verdict"] for a in found] == ["supported", "supported"]
    assert {(a["data-experiment"], a["data-datasets"]) for a in found} == {("depth", "digits|wine")}
    sort = [a["data-sort"] for tag, a in tags if a.get("data-column") == "margins" and tag == "td"]
    assert float(sort[0]) == pytest.approx(rows()[0]["effect"] / 0.02)
    links = Page(report / "index.html").values("href")
    for row in rows():
        assert f"depth/index.html#claim-{row['claim'].replace('/', '-')}" in links


def test_the_twin_has_the_same_claims_figures_and_tables(report):
    twin = (report / "README.md").read_text("utf-8")
    page = (report / "depth" / "index.html").read_text("utf-8")
    for row in rows():
        anchor = f'id="claim-{row["claim"].replace("/", "-")}"'
        assert anchor in twin
        assert anchor in page
        assert row["registered_hash"] in twin
        assert row["registered_hash"] in page
    for link in re.findall(r"\]\(([^)#]+)\)", twin):
        assert urlsplit(link).scheme or (report / link).is_file()
    assert twin.count("depth/accuracy_by_depth.png") == 1
    assert "| hidden layers | digits | wine | failed |" in twin


def test_an_experiment_that_is_gone_leaves_nothing(tmp_path):
    place = tmp_path / "depth"
    both = [evidence(), evidence(name="older")]
    build(both, rows(), FACTS, tmp_path)
    assert (tmp_path / "older" / "accuracy_by_depth.svg").is_file()
    (place / "notes.txt").write_text("mine")
    elsewhere = tmp_path / "other" / "index.html"
    elsewhere.parent.mkdir()
    elsewhere.write_text("a page of somebody else")
    before = {path.name for path in place.iterdir()}
    build([evidence()], rows(), FACTS, tmp_path, drawn={"depth": ()})
    assert not (tmp_path / "older").exists()
    assert ">older<" not in (tmp_path / "index.html").read_text("utf-8")
    assert {path.name for path in place.iterdir()} == before
    assert elsewhere.is_file()


def test_experiments_follow_each_other(tmp_path):
    names = ["depth", "second", "third"]
    without = dict.fromkeys(names, ())
    build([evidence(name=name) for name in names], rows(), FACTS, tmp_path, drawn=without)
    neighbours = {
        name: [
            (attributes["rel"], attributes["href"])
            for _, attributes in Page(tmp_path / name / "index.html").tags
            if attributes.get("rel") in ("prev", "next")
        ]
        for name in names
    }
    assert neighbours["depth"] == [("next", "../second/index.html")] * 2
    assert neighbours["second"][:2] == [
        ("prev", "../depth/index.html"),
        ("next", "../third/index.html"),
    ]


def test_what_is_missing_is_told(tmp_path, report):
    told = Page(report / "methods.html").text
    assert "have no test here" not in told
    both = [evidence(missing=3), evidence(name="second")]
    build(both, rows(missing=3), FACTS, tmp_path, drawn={"depth": (), "second": ()})
    told = Page(tmp_path / "methods.html").text
    assert "Not finished: depth, 13 of 16 networks trained." in told
    assert "Of 25 textbook claims, 24 have no test here: " in told
    assert "deep learning beats traditional machine learning (deep-vs-classical)" in told


def test_a_refuted_claim_is_told_among_what_speaks_against():
    given = planted(of_claims({"normalization": CONTRAST}), by_depth(-0.2))
    verdicts = judge([given])
    assert verdicts[0]["verdict"] == "refuted"
    shown = [claim_view(row, given.experiment, complete=True) for row in verdicts]
    assert counts(shown) == "Of 1 claim, 1 is refuted."
    assert losses(shown) == shown


def test_exact_checks_are_counted_apart():
    given = planted(of_claims({"a": CONTRAST, "a/known": GATE}), by_depth(0.2))
    shown = [claim_view(row, given.experiment, complete=True) for row in judge([given])]
    assert counts(shown) == "Of 1 claim, 1 is supported; 1 of 1 exact check holds."


def test_without_claims_nothing_is_claimed():
    assert counts([]) == "Nothing is claimed here."


def test_sets_that_differ_in_parameters_alone_share_a_card():
    given = evidence()
    names = ("random_hierarchy(instance=1)", "random_hierarchy(instance=2)", "wine")
    hold = {**given.experiment.hold, "dataset": names}
    own = given.experiment.model_copy(update={"hold": hold})
    found = described_cards([dataclasses.replace(given, experiment=own)])
    assert [names for names, _ in found] == [list(names[:2]), ["wine"]]


def test_tables_of_one_evidence_are_made_once():
    asked = []
    of = once(lambda evidence: asked.append(evidence.profile) or "table")
    first, second = evidence(), evidence()
    assert [of(first), of(first), of(second)] == ["table"] * 3
    assert asked == ["standard"] * 2
    del first
    assert of(evidence()) == "table"
    assert len(asked) == 3


def test_what_was_amended_after_results_were_seen_is_said_in_every_place(report):
    for path in ("methods.html", "depth/index.html", "README.md"):
        assert AMENDED in (report / path).read_text("utf-8"), path
    assert "1 of 1 experiments" in (report / "index.html").read_text("utf-8")
    assert "not free of a look at the data" in (report / "methods.html").read_text("utf-8")
