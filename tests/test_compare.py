"""`leadline compare` from a file to a page: what it writes, resumes and refuses."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import suite.compare.plan as planning
from suite.classical.models import CLASSICAL
from suite.data.cards import DATASETS
from suite.figures.drawing import Pictures
from suite.results import load_tables

TINY = ("--seeds", 3, "--trials", 2, "--workers", 0)


def numbers(rows=100):
    """A target that is a straight line of two columns, with a little noise."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(rows, 3)).round(3)
    target = (inputs @ [3.0, -1.0, 0.0] + 0.1 * rng.normal(size=rows)).round(3)
    return pd.DataFrame(inputs, columns=["size", "age", "noise"]).assign(price=target)


def board(rows=1500, cells=4):
    """A chess board: one layer of a few units cannot bend often enough."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0, cells, size=(rows, 2)).round(3)
    black = np.floor(places).sum(axis=1) % 2 > 0
    return pd.DataFrame(places, columns=["a", "b"]).assign(y=np.where(black, "black", "white"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory with a table, an empty cache, and forests of few trees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(DATASETS, "_configured", {})
    monkeypatch.setattr(planning, "_SIZES", ((np.inf, 6, 3, 16, (4, 6)),))
    forest = replace(CLASSICAL["random_forest"], defaults={"n_estimators": 4})
    monkeypatch.setitem(CLASSICAL, "random_forest", forest)
    numbers().to_csv("sales.csv", index=False)
    return tmp_path


def compare(leadline, *options):
    return leadline("compare", "sales.csv", "--target", "price", "--output", "out", *options)


def test_a_hundred_rows_end_in_a_page_whose_numbers_are_the_ledgers(here, leadline, monkeypatch):
    _only(monkeypatch, "dummy", "linear", "gradient_boosting", "shallow", "deep")
    called = compare(leadline, *TINY)
    assert called.code == 0, called.err
    assert "taken as an amount" in called.err
    verdict = json.loads((here / "out/verdict.json").read_text("utf-8"))
    assert (verdict["task"], verdict["metric"], verdict["rows"]) == ("regression", "test_r2", 100)
    assert verdict["sentence"] in " ".join(called.out.split())
    _check_against_ledger(verdict, load_tables(here / "out/results").trials)
    assert [c["mean"] for c in verdict["contenders"]] == sorted(
        (c["mean"] for c in verdict["contenders"]), reverse=True
    )
    _check_pages(here / "out", verdict)


def _check_against_ledger(verdict, trials):
    """Means and seconds of the plain table, read without any of compare's code."""
    finals = trials[trials["reports_test"] & trials["samples"].isna()]
    scores = {}
    for name, depth in (("shallow", 1), ("deep", 3)):
        own = finals[(finals["network"] == "dense") & (finals["depth"] == depth)]
        found = next(c for c in verdict["contenders"] if c["name"] == name)
        chosen = {(r["learning_rate"], r["width"]) for r in found["recipes"]}
        rows = [r for r in own.to_dict("records") if (r["learning_rate"], r["width"]) in chosen]
        scores[name] = pd.Series({row["split"]: row["test_r2"] for row in rows})
        assert found["mean"] == pytest.approx(scores[name].mean())
    depth = verdict["depth"]
    difference = scores["deep"] - scores["shallow"]
    half = 4.302652729911275 * difference.std() / 3**0.5  # Student's quantile, two degrees
    assert depth["effect"] == pytest.approx(difference.mean())
    assert depth["interval"] == pytest.approx([depth["effect"] - half, depth["effect"] + half])


def _check_pages(out, verdict):
    page = (out / "index.html").read_text("utf-8")
    for text in (page, (out / "README.md").read_text("utf-8")):
        assert verdict["sentence"] in text
        assert "leadline compare sales.csv --target price --output out --seeds 3" in text
    # It needs no other file: pictures are in it.
    assert page.count('src="data:image/svg+xml;base64,') == 5
    assert 'src="figures' not in page
    names = {path.name for path in (out / "figures").iterdir()}
    assert {"ranking.svg", "learning_curve.png", "cost.csv", "training_curves.svg"} <= names
    curve = pd.read_csv(out / "figures/learning_curve.csv")
    assert sorted(curve["samples"].unique()) == [10, 20, 40, 80]
    assert "dummy" not in set(curve["model"])


def test_what_was_trained_is_not_trained_again_and_more_is_added(here, leadline, monkeypatch):
    quick = ("--seeds", 2, "--trials", 2, "--workers", 0, "--json")
    _only(monkeypatch, "dummy", "linear", "shallow", "deep")
    _without_pictures(monkeypatch)
    monkeypatch.setattr("suite.compare.learning.sizes", lambda _: (40,))
    with monkeypatch.context() as patched:
        _interrupt(patched, after=9)
        with pytest.raises(RuntimeError, match="power cut"):
            compare(leadline, *quick)
    before = load_tables("out/results").trials
    assert 9 <= len(before) < 40
    first = compare(leadline, *quick)
    after = load_tables("out/results").trials
    kept = after[after["trial_id"].isin(before["trial_id"])]
    assert set(kept["invocation"]) == set(before["invocation"])
    page, verdict = (here / "out/index.html").read_bytes(), json.loads(first.out)
    again = compare(leadline, *quick)
    assert len(load_tables("out/results").trials) == len(after)
    assert json.loads(again.out) == verdict
    assert (here / "out/index.html").read_bytes() == page
    more = json.loads(compare(leadline, "--seeds", 3, *quick[2:]).out)
    trials = load_tables("out/results").trials
    new = trials[~trials["trial_id"].isin(after["trial_id"])]
    assert more["splits"] == 3
    assert set(new["split"]) == {2}


def _only(monkeypatch, *names):
    """Leave contenders out; what all of them are is for the plan's own tests."""
    every = planning.contenders

    def some(task):
        return {name: recipe for name, recipe in every(task).items() if name in names}

    monkeypatch.setattr(planning, "contenders", some)


def _without_pictures(monkeypatch):
    """Draw nothing: that takes longer than the training."""
    monkeypatch.setattr("suite.compare.page.render", lambda _: Pictures(b"<svg/>", b""))


def _interrupt(monkeypatch, after):
    """Let the ledger fail once it has taken so many trials."""
    from suite.storing import Writer

    stored, store = [], Writer.store

    def failing(self, outcomes, provenance):
        if len(stored) >= after:
            raise RuntimeError("power cut")
        stored.extend(outcomes)
        store(self, outcomes, provenance)

    monkeypatch.setattr(Writer, "store", failing)


def test_a_straight_line_needs_no_network(here, leadline, monkeypatch):
    _only(monkeypatch, "dummy", "linear", "shallow", "deep")
    _without_pictures(monkeypatch)
    monkeypatch.setattr("suite.compare.learning.sizes", lambda _: ())
    called = compare(leadline, "--seeds", 3, "--trials", 6, "--workers", 0, "--json")
    verdict = json.loads(called.out)
    assert verdict["best"] == "linear"
    assert "; the linear model ranks first" in verdict["sentence"]
    assert verdict["contenders"][0]["mean"] > 0.99


def test_depth_is_worth_it_on_a_chess_board(here, leadline, monkeypatch):
    _only(monkeypatch, "dummy", "shallow", "deep")
    _without_pictures(monkeypatch)
    monkeypatch.setattr(planning, "_SIZES", ((np.inf, 40, 40, 32, (12, 16)),))
    monkeypatch.setattr("suite.compare.learning.sizes", lambda _: ())
    board().to_csv("sales.csv", index=False)
    called = leadline(
        *("compare", "sales.csv", "--target", "y", "--output", "out", "--seeds", 4),
        *("--trials", 2, "--workers", 0, "--json"),
    )
    verdict = json.loads(called.out)
    assert verdict["depth"]["verdict"] == "better"
    assert verdict["depth"]["effect"] > 0.1
    assert verdict["best"] == "deep"
    assert verdict["sentence"].startswith("Three layers beat one by 0.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("nothing.csv", "--target", "price"), ("nothing.csv", "cannot be read")),
        (("sales.csv", "--target", "Price"), ("sales.csv", "did you mean 'price'?")),
        (("sales.csv", "--target", "price", "--drop", "agee"), ("did you mean 'age'?",)),
        (("sales.csv", "--target", "price", "--group", "price"), ("named twice",)),
        (("sales.csv", "--target", "price", "--time", "age", "--group", "size"), ("exclude",)),
        (("sales.csv", "--target", "price", "--rows", "5"), ("--rows",)),
        (("sales.csv", "--target", "price", "--device", "tpu"), ("--device",)),
        (("sales.csv",), ("--target",)),
    ],
)
def test_wrong_input_is_one_line_and_trains_nothing(here, leadline, options, words):
    called = leadline("compare", *options, "--output", "out", "--workers", 0)
    assert called.code == 2
    assert all(word in called.err for word in words), called.err
    assert len(called.err.splitlines()) <= 3
    assert not (here / "out/results").exists()


def test_a_folder_of_something_else_stays_as_it_is(here, leadline):
    (here / "out").mkdir()
    (here / "out/thesis.docx").write_text("years of work", "utf-8")
    called = compare(leadline, *TINY)
    assert (called.code, "thesis.docx" in called.err) == (2, True)
    assert [path.name for path in (here / "out").iterdir()] == ["thesis.docx"]


def test_a_folder_holds_one_comparison(here, leadline):
    mark = {"file": "visits.csv", "target": "churned", "table": "visits_00000000"}
    (here / "out").mkdir()
    (here / "out/comparison.json").write_text(json.dumps(mark), "utf-8")
    called = compare(leadline, *TINY)
    assert called.code == 2
    assert "holds another comparison: visits.csv with target 'churned'" in called.err


def test_a_page_of_ones_own_is_not_written_over(here, leadline):
    (here / "out").mkdir()
    (here / "out/README.md").write_text("mine", "utf-8")
    called = compare(leadline, *TINY)
    assert (called.code, "README.md" in called.err) == (2, True)
    assert (here / "out/README.md").read_text("utf-8") == "mine"
