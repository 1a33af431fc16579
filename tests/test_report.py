"""The report: what its pages say, what they link to, and how its files are written."""

import dataclasses
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from suite.links import runs_link
from suite.reading import build_experiment
from suite.report import build as building
from suite.report import files
from suite.report.build import build
from suite.report.contenders import contenders
from suite.report.numbers import effect_text, probability, span
from suite.report.picture import effect_picture, shared_picture
from suite.report.registration import claim_in_words
from suite.report.sections import section
from suite.report.shown import draw_figures
from tests.reported import FACTS, Page, evidence, rows, written


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"))


def test_the_verdicts_are_said_everywhere(report):
    words = {row["claim"]: row["verdict"] for row in rows()}
    assert words == {"depth-accuracy": "supported", "depth-accuracy/same": "supported"}
    for name in ("index.html", "depth/index.html", "README.md"):
        text = (report / name).read_text()
        assert "supported" in text
        assert effect_text(rows()[0]["effect"], rows()[0]["interval"]) in text
        assert "preview" not in text


@pytest.mark.parametrize("name", ["depth/index.html", "README.md"])
def test_an_experiment_can_be_run_and_browsed_again(report, name):
    text = (report / name).read_text()
    assert "leadline run depth --profile standard" in text
    assert "leadline ui depth" in text
    assert runs_link("depth").replace("&", "&amp;") in text
    assert evidence().registered_hash in text


@pytest.mark.parametrize("name", ["methods.html", "README.md"])
def test_the_run_is_told(report, name):
    text = (report / name).read_text()
    assert "torch 2.13.0" in text
    assert "x86_64 Example" in text


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("experiments/reproductions/depth.yaml", "depth"),
        ("mine/depth.yaml", "mine/depth.yaml"),
        ("/elsewhere/depth.yaml", "depth.yaml"),
    ],
)
def test_the_command_names_the_file_of_an_experiment_of_ones_own(tmp_path, path, asked):
    given = evidence()
    own = given.experiment.model_copy(update={"path": path})
    shown = section(dataclasses.replace(given, experiment=own), rows(), ())
    assert shown.command == f"leadline run {asked} --profile standard"


def test_the_command_has_what_else_was_asked():
    shown = section(evidence(), rows(), (), ("--set", "hold.activation=my relu"))
    assert shown.command.endswith("--profile standard --set 'hold.activation=my relu'")


def test_the_reading_is_written_from_the_verdicts(report):
    text = Page(report / "depth" / "index.html").text
    assert "Of 2 registered tests: 2 supported." in text
    assert "is supported: +0.10" in text
    assert "Of 1 claim, 1 is supported; of 1 further contrast, 1 is supported." in (
        Page(report / "index.html").text
    )


def test_quick_is_a_preview_without_words(tmp_path):
    directory = written(tmp_path, profile="quick")
    for name in ("index.html", "README.md"):
        text = (directory / name).read_text()
        assert "This is a preview." in text
        assert "No verdicts yet on 2 registered tests." in text
        assert 'data-verdict="supported"' not in text
        assert "✓ supported |" not in text
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
        assert 'data-verdict="supported"' not in text
        assert "✓ supported |" not in text


def test_text_from_experiments_is_escaped(tmp_path):
    given = evidence(question="Is <script>alert(1)</script> & 'depth' worth it?")
    build([given], rows(), FACTS, tmp_path)
    for name in ("index.html", "depth/index.html", "methods.html", "README.md"):
        text = (tmp_path / name).read_text()
        assert "<script>" not in text
        assert "<em>beat" not in text
        assert "&lt;script&gt;" in text or name == "methods.html"
    assert "'depth'" in (tmp_path / "README.md").read_text()


def test_the_twin_has_a_table_that_pipes_do_not_break(report):
    lines = (report / "README.md").read_text().splitlines()
    head = lines.index("| Claim | Verdict | Effect [interval] | in | Margin or band | Evidence |")
    for line in lines[head : head + 3]:
        assert line.replace("\\|", "").count("|") == 7


def test_a_figure_that_cannot_be_drawn_is_a_line_and_no_file(report):
    text = Page(report / "depth" / "index.html").text
    assert "Not drawn: generalization gap and test loss against width, for the experiment" in text
    assert sorted(path.name for path in (report / "depth").iterdir()) == [
        "accuracy_by_depth.csv",
        "accuracy_by_depth.png",
        "accuracy_by_depth.svg",
        "index.html",
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
    assert "The networks are dense. Convolutions" in Page(report / "methods.html").text
    given = evidence()
    trials = given.trials.copy()
    trials.loc[:7, "network"] = "residual_convolutional"
    trials.loc[3, "regularizers"] = "dropout=0.1,layer_norm=1.0"
    # What is only planned is not named.
    trials.loc[15, ["outcome", "network"]] = [None, "linear"]
    both = [dataclasses.replace(given, trials=trials), evidence(missing=16)]
    build(both, rows(), FACTS, tmp_path)
    text = Page(tmp_path / "methods.html").text
    assert "The networks are dense and residual convolutional, some with layer norm. Conv" in text
    build([evidence(missing=16)], rows(), FACTS, tmp_path)
    assert "The networks are" not in Page(tmp_path / "methods.html").text


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
        (0.0, None, "0.000"),
        (-5.2e-8, None, "−5.2e−08"),
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


def test_the_shared_scale_is_even_within_the_margin_and_logarithmic_beyond():
    def place(effect):
        *_, dot = ElementTree.fromstring(str(shared_picture(effect, None, 0.02)))
        return float(dot.get("cx"))

    middle, unit = place(0), place(0.02) - place(0)
    assert place(0.01) - middle == pytest.approx(unit / 2, abs=0.1)
    assert place(0.2) - middle == pytest.approx(2 * unit, abs=0.1)
    assert place(-0.2) - middle == pytest.approx(-2 * unit, abs=0.1)
    assert place(5) == place(50) == pytest.approx(172)


def test_a_picture_without_effect_is_empty():
    assert not effect_picture(None, None, 0.1)
    assert not shared_picture(None, None, 0.1)


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
