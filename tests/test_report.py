"""The report: what its pages say, what they link to, and how its files are written."""

import dataclasses
import functools
import itertools
import json
import math
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from suite.reading import build_experiment
from suite.report import build as building
from suite.report import files
from suite.report.build import build
from suite.report.contenders import contenders
from suite.report.numbers import effect_text, probability, span
from suite.report.picture import effect_picture
from suite.report.registration import claim_in_words
from suite.report.shown import draw_figures
from suite.results import Evidence
from suite.schemas import METRICS as COLUMNS
from suite.trial import OPTIONAL, Trial
from suite.verdicts import judge

CLAIMS = {
    "depth-accuracy": {
        "says": "Two layers <em>beat</em> one | always.",
        "metric": "test_accuracy",
        "better": {"depth": "2"},
        "worse": {"depth": "1"},
        "margin": "0.02",
    },
    "depth-accuracy/same": {
        "says": "Two layers do as well as one.",
        "kind": "equal",
        "metric": "test_accuracy",
        "better": {"depth": "2"},
        "worse": {"depth": "1"},
        "where": {"dataset": ["digits", "wine"]},
        "margin": "0.2",
    },
}
FACTS = {
    "leadline_version": "0.1.0",
    "code_hash": "c0de",
    "versions": {"torch": "2.13.0"},
    "machine": "x86_64 Example",
    "profile": "standard",
    "networks": 1234,
    "networks_reused": 5,
    "wall_seconds": 512.0,
    "training_seconds": 470.0,
    "outside_training_seconds": 20.0,
    "tracking_seconds": 14.0,
    "reporting_seconds": 8.0,
    "probing_share": 0.042,
}
HEADINGS = ("h1", "h2", "h3", "h4")
RECIPE = {
    name: getattr(Trial(dataset="digits"), name)
    for name in (
        *("network", "width", "activation", "initializer", "gain"),
        *("loss", *OPTIONAL),
    )
} | {"regularizers": "none"}


def evidence(name="depth", profile="standard", missing=0, question="Does depth pay?"):
    """Depths 1 and 2 on two data sets; the first `missing` networks are not trained yet."""
    tested = build_experiment(
        name,
        {
            "question": question,
            "vary": {"depth": ["1", "2"]},
            "hold": {"dataset": ["digits", "wine"], "learning_rate": "0.1"},
            "profiles": {"standard": {"seeds": "4"}, "quick": {"seeds": "4"}},
            "claims": CLAIMS,
            "figures": ["accuracy_by_depth", "gap_by_width"],
        },
    )
    rows = [
        network(depth, dataset, split)
        for depth in (1, 2)
        for dataset in ("digits", "wine")
        for split in range(4)
    ]
    for row in rows[:missing]:
        row["outcome"] = None
    return Evidence(
        experiment=tested,
        profile=profile,
        registered_hash=tested.registered_hash(profile),
        code_hash="c0de",
        trials=pd.DataFrame(rows),
        tuning=pd.DataFrame(),
        histories=pd.DataFrame(columns=["trial_id", "epoch", "split", "metric", "layer", "value"]),
        complete=not missing,
    )


def network(depth, dataset, split):
    score = 0.7 + 0.1 * depth + 0.01 * (split * depth % 3)
    row = {**RECIPE, **dict.fromkeys(COLUMNS, np.nan), "test_accuracy": score, "test_loss": 0.5}
    row |= {"depth": depth, "dataset": dataset, "split": split, "outcome": "completed"}
    row |= {"generalization_gap": 0.1, "validation_loss": 0.5, "flops": 1e6}
    return row | {"trial_id": f"{depth}-{dataset}-{split}"}


@functools.cache
def rows(profile="standard", missing=0):
    return judge([evidence(profile=profile, missing=missing)])


def written(directory, profile="standard", missing=0, **changes):
    given = evidence(profile=profile, missing=missing)
    build([given], rows(profile, missing), FACTS | {"profile": profile}, directory, **changes)
    return directory


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"))


class Page(HTMLParser):
    """Tags with their attributes, and the text that readers see."""

    def __init__(self, path):
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] != "style":
            self.text += data

    def values(self, name):
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def test_the_page_asks_for_nothing_outside_and_all_its_links_lead_somewhere(report):
    page = Page(report / "index.html")
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    for link in page.values("href") + page.values("src"):
        if link.startswith("#"):
            assert link[1:] in ids
        elif link != "data:,":
            assert (report / link).is_file()
    assert "@import" not in (report / "index.html").read_text()
    assert "url(" not in (report / "index.html").read_text()
    assert "script" not in [tag for tag, _ in page.tags]


def test_every_picture_has_words_and_a_size(report):
    pictures = [a for tag, a in Page(report / "index.html").tags if tag == "img"]
    assert len(pictures) == 1
    for picture in pictures:
        assert len(picture["alt"]) > 40
        assert int(picture["width"]) > int(picture["height"]) > 100
    effects = [a for tag, a in Page(report / "index.html").tags if a.get("role") == "img"]
    assert len(effects) == 4
    assert all("margin" in effect["aria-label"] for effect in effects)


def test_headings_never_skip_a_level(report):
    levels = [int(tag[1]) for tag, _ in Page(report / "index.html").tags if tag in HEADINGS]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_both_pages_say_the_verdicts(report):
    words = {row["claim"]: row["verdict"] for row in rows()}
    assert words == {"depth-accuracy": "supported", "depth-accuracy/same": "supported"}
    for name in ("index.html", "README.md"):
        text = (report / name).read_text()
        assert "supported" in text
        assert effect_text(rows()[0]["effect"], rows()[0]["interval"]) in text
        assert "leadline run depth --profile standard" in text
        assert evidence().registered_hash in text
        assert "torch 2.13.0" in text
        assert "preview" not in text


def test_the_reading_is_written_from_the_verdicts(report):
    text = Page(report / "index.html").text
    assert "Of 2 registered tests: 2 supported." in text
    assert "is supported: +0.10" in text


def test_quick_is_a_preview_without_words(tmp_path):
    directory = written(tmp_path, profile="quick")
    for name in ("index.html", "README.md"):
        text = (directory / name).read_text()
        assert "This is a preview." in text
        assert "… preview" in text.replace("</span>", "")
        assert "✓" not in text
    assert {row["verdict"] for row in json.loads((directory / "verdicts.json").read_text())} == {
        None
    }


def test_an_unfinished_experiment_says_so_and_gives_no_words(tmp_path):
    directory = written(tmp_path, missing=3)
    for name in ("index.html", "README.md"):
        text = (directory / name).read_text()
        assert "Not finished:" in text
        assert "13 of 16 networks" in text
        assert "not finished" in text
        assert "✓" not in text


def test_text_from_experiments_is_escaped(tmp_path):
    given = evidence(question="Is <script>alert(1)</script> & 'depth' worth it?")
    build([given], rows(), FACTS, tmp_path)
    page, twin = ((tmp_path / name).read_text() for name in ("index.html", "README.md"))
    assert "<script>" not in page + twin
    assert "&lt;script&gt;" in page
    assert "<em>beat" not in page + twin
    assert "'depth'" in twin


def test_the_twin_has_a_table_that_pipes_do_not_break(report):
    lines = (report / "README.md").read_text().splitlines()
    head = lines.index("| Claim | Verdict | Effect [interval] | in | Margin | Evidence |")
    for line in lines[head : head + 4]:
        assert line.replace("\\|", "").count("|") == 7


def test_a_figure_that_cannot_be_drawn_is_a_line_and_no_file(report):
    text = Page(report / "index.html").text
    assert "Not drawn: generalization gap and test loss against width, for the experiment" in text
    assert sorted(path.name for path in (report / "depth").iterdir()) == [
        "accuracy_by_depth.csv",
        "accuracy_by_depth.png",
        "accuracy_by_depth.svg",
    ]


def test_numbers_are_written_as_given(report):
    assert json.loads((report / "verdicts.json").read_text()) == rows()
    assert json.loads((report / "run.json").read_text()) == FACTS
    table = pd.read_csv(report / "depth" / "accuracy_by_depth.csv")
    assert len(table) == 4


def test_no_number_that_is_not_finite_reaches_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        build([evidence()], rows(), FACTS | {"wall_seconds": math.nan}, tmp_path)


def contents(directory):
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_same_results_give_the_same_bytes_and_write_nothing_again(report, tmp_path):
    before = contents(report)
    written(report)
    assert contents(report) == before
    other = contents(written(tmp_path))
    assert {name: held for name, (held, _) in other.items()} == {
        name: held for name, (held, _) in before.items()
    }


def test_figures_that_stand_are_not_drawn_again(report, monkeypatch):
    given = evidence()
    stand = {"depth": draw_figures(given, report)}
    monkeypatch.setattr(building, "draw_figures", lambda *_: pytest.fail("drawn again"))
    before = contents(report)
    written(report, drawn=stand)
    assert contents(report) == before


def test_files_of_figures_no_longer_asked_for_go_and_others_stay(tmp_path):
    place = tmp_path / "depth"
    place.mkdir()
    for name in ("old.svg", "old.png", "old.csv", "notes.txt"):
        (place / name).write_text("x")
    draw_figures(evidence(), tmp_path)
    assert {path.name for path in place.iterdir() if path.stem in ("old", "notes")} == {"notes.txt"}


def test_a_write_that_breaks_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "index.html"
    files.write(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_page_names_the_networks_that_were_trained(report, tmp_path):
    assert "The networks are dense. Convolutions" in Page(report / "index.html").text
    given = evidence()
    trials = given.trials.copy()
    trials.loc[:7, "network"] = "residual_convolutional"
    trials.loc[3, "regularizers"] = "dropout=0.1,layer_norm=1.0"
    # What is only planned is not named.
    trials.loc[15, ["outcome", "network"]] = [None, "linear"]
    both = [dataclasses.replace(given, trials=trials), evidence(missing=16)]
    build(both, rows(), FACTS, tmp_path)
    text = Page(tmp_path / "index.html").text
    assert "The networks are dense and residual convolutional, some with layer norm. Conv" in text
    build([evidence(missing=16)], rows(), FACTS, tmp_path)
    assert "The networks are" not in Page(tmp_path / "index.html").text


def test_contenders_have_their_mean_interval_and_failures():
    given = evidence()
    trials = given.trials.copy()
    trials.loc[0, ["outcome", "test_accuracy"]] = ["diverged", np.nan]
    table = contenders(dataclasses.replace(given, trials=trials))
    scores = [0.1, *trials["test_accuracy"][1:4]]
    assert table.header == ("hidden layers", "digits", "wine", "failed")
    assert table.rows[0][1].startswith(f"{np.mean(scores):.3f} ± ")
    assert table.rows[0][3] == "1 of 8"
    assert table.rows[1][3] == "0"


@pytest.mark.parametrize(("factor", "word"), [("samples", "all"), ("gradient_clip", "none")])
def test_contenders_without_a_value_have_their_row(factor, word):
    given = evidence()
    other = build_experiment(
        "clips",
        {
            "question": "Does it?",
            "vary": {"depth": ["1", "2"], factor: ["null", "20"]},
            "hold": {"dataset": ["digits", "wine"], "learning_rate": "0.1"},
            "profiles": {"standard": {"seeds": "4"}},
        },
    )
    trials = [given.trials.assign(**{factor: level}).astype(object) for level in (None, 20)]
    table = contenders(dataclasses.replace(given, experiment=other, trials=pd.concat(trials)))
    assert [row[1] for row in table.rows] == [word, "20", word, "20"]
    assert all(score[:3] in ("0.8", "0.9") for row in table.rows for score in row[2:4])


def test_contenders_of_an_experiment_without_results_are_no_table():
    given = evidence(missing=16)
    assert contenders(given) is None


@pytest.mark.parametrize(
    ("effect", "interval", "text"),
    [
        (None, None, "–"),
        (0.1234, None, "+0.123"),
        (0.4132, [0.401, 0.425], "+0.413 [+0.401, +0.425]"),
        (-0.3, [-0.9, 0.3], "−0.30 [−0.90, +0.30]"),
        (123.4, [100.0, 150.0], "+123 [+100, +150]"),
        (0.0, [-0.01, 0.01], "0.000 [−0.010, +0.010]"),
    ],
)
def test_effects_have_the_digits_that_their_interval_supports(effect, interval, text):
    assert effect_text(effect, interval) == text


def test_small_probabilities_are_bounds():
    assert probability(0.0312).endswith("0.031")
    assert probability(1e-9).endswith("0.0001")
    assert probability(1e-9).startswith("<")


@pytest.mark.parametrize(("seconds", "text"), [(48, "48 s"), (440, "7.3 min"), (7560, "2.1 h")])
def test_spans_of_time(seconds, text):
    assert span(seconds) == text


def test_the_picture_is_true_to_scale():
    picture = ElementTree.fromstring(str(effect_picture(0.3, [0.1, 0.5], 0.2)))
    band, zero, reach, dot = picture
    left, width = float(band.get("x")), float(band.get("width"))
    # From the margin's lower end at -0.2 to the interval's upper end at 0.5.
    scale = width / 0.4
    assert float(zero.get("x1")) == pytest.approx(left + 0.2 * scale, abs=0.2)
    assert float(reach.get("x1")) == pytest.approx(left + 0.3 * scale, abs=0.2)
    assert float(reach.get("x2")) == pytest.approx(left + 0.7 * scale, abs=0.2)
    assert float(dot.get("cx")) == pytest.approx(left + 0.5 * scale, abs=0.2)


def test_a_picture_without_effect_is_empty():
    assert not effect_picture(None, None, 0.1)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("depth-accuracy", "2 hidden layers should beat 1 hidden layer; effects below 0.02"),
        ("depth-accuracy/same", "should lie within 0.2 of 1 hidden layer; at data set digits and"),
    ],
)
def test_registered_tests_in_words(claim, words):
    assert words in claim_in_words(evidence().experiment.claims[claim])


def test_trends_and_parts_in_words():
    gap = {"metric": "generalization_gap", "margin": "0.01"}
    falls, rises = ({**gap, "along": "depth", "direction": sense} for sense in ("falls", "rises"))
    content = {"says": "More falls and rises.", "kind": "both", "parts": [falls, rises]}
    tested = build_experiment(
        "trend",
        {
            "question": "Does it?",
            "vary": {"depth": ["1", "2"]},
            "hold": {"dataset": ["digits"], "learning_rate": "0.1"},
            "profiles": {"standard": {"seeds": "2"}},
            "claims": {"overfitting": content},
        },
    )
    words = claim_in_words(tested.claims["overfitting"])
    assert words.startswith("(1) ")
    assert "should fall with each doubling of hidden layers; effects below 0.01" in words
    assert "(2) " in words
