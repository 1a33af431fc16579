"""Gates, timings and places along a factor as the report's pages show them."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from suite.report.build import build
from suite.report.claims import claim_view
from suite.report.picture import gate_picture
from suite.report.reading import reading
from suite.report.registration import claim_in_words
from suite.tracking.notes import claim_text
from suite.trial import OPTIONAL
from suite.verdicts import judge
from tests.planted import CONTRAST, by_depth, evidence, experiment, noise

GATE = {
    "says": "Deep networks reach what was published.",
    "kind": "gate",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "within": ["0.68", "0.72"],
}
FACTS = {
    **dict.fromkeys(("leadline_version", "code_hash", "machine"), "x"),
    **{f"{name}_seconds": 1.0 for name in ("wall", "training", "outside_training")},
    **{f"{name}_seconds": 1.0 for name in ("tracking", "reporting")},
    **{"versions": {}, "networks": 48, "networks_reused": 0, "probing_share": None},
    **{"proposing_seconds": None},
    "profile": "standard",
}


def view(claim, measure=None, **options):
    given = evidence(experiment({"a": claim}, **options), measure)
    (row,) = judge([given])
    return claim_view(row, given.experiment, complete=True)


def test_a_gate_has_a_level_and_a_band():
    shown = view(GATE, by_depth(0.2))
    assert (shown.word, shown.bound, shown.margin) == ("supported", "band", "0.68 to 0.72")
    assert shown.numbers.startswith("0.7")
    assert "+" not in shown.numbers + "".join(single.numbers for single in shown.per_dataset)
    assert shown.facts == ("on digits, MNIST-1D and MNIST-5k",)
    assert shown.test == (
        "Accuracy on test data: the mean of 4 hidden layers should lie from 0.68 to 0.72; "
        "an exact check, outside the correction."
    )
    found = reading(evidence(experiment({"a": GATE}), by_depth(0.2)), [shown])
    assert "where 0.68 to 0.72 is the band" in found[0]
    assert view(CONTRAST, by_depth(0.2)).bound == "margin"


@pytest.mark.parametrize(
    ("changes", "words", "bound"),
    [
        ({"at_least": "0"}, "the mean of 4 hidden layers should be at least 0;", "at least 0"),
        (
            {"at_most": "1", "worse": {"depth": "1"}, "statistic": "best"},
            "the best of 4 hidden layers less 1 hidden layer should be at most 1;",
            "at most 1",
        ),
        (
            {"at_least": "0", "along": "depth", "better": None},
            "the mean slope of all contenders along hidden layers should be at least 0;",
            "at least 0",
        ),
        (
            {"within": ["1", "2"], "along": "depth", "better": None, "of": "peak"},
            "the mean hidden layers at the peak of all contenders should lie from 1 to 2;",
            "1 to 2",
        ),
    ],
)
def test_gates_in_words(changes, words, bound):
    claim = {key: value for key, value in (GATE | {"within": None} | changes).items() if value}
    shown = view(claim)
    assert words in shown.test
    assert shown.margin == bound


CROSSING = {
    "says": "Depth pays with data.",
    "kind": "trend",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "worse": {"depth": "1"},
    "along": "samples",
    "of": "crossing",
    "at": "500",
    "margin": "0.5",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "4 hidden layers should overtake 1 hidden layer beyond 500 training samples;"),
        ({"direction": "falls"}, "overtake 1 hidden layer before 500 training samples;"),
        ({"of": "peak"}, "less that of 1 hidden layer should peak beyond 500 training samples;"),
    ],
)
def test_places_in_words(changes, words):
    vary = {"samples": ["250", "1000"], "depth": ["1", "4"]}
    design = experiment({"a": CROSSING | changes}, vary=vary)
    assert words in claim_in_words(design.claims["a"])


def test_times_are_said_to_be_of_this_machine():
    claim = {**CONTRAST, "kind": "timing", "metric": "log_seconds"}
    shown = view(claim, lambda row: {"seconds": np.exp(noise(row) - 0.2 * (row["depth"] == 4))})
    assert shown.word == "supported"
    assert "on this machine, on digits, MNIST-1D and MNIST-5k" in shown.facts
    exponent = {"along": "depth", "of": "exponent", "metric": "log_seconds", "margin": "0.8"}
    design = experiment({"a": {"says": "x", "kind": "timing"} | exponent})
    words = "over all contenders it should have an exponent above zero in hidden layers"
    assert words in claim_in_words(design.claims["a"])


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("log_seconds", "log seconds"),
        ("log10_minutes", "log10 minutes"),
        ("log2_throughput", "log2 throughput, rows/s"),
    ],
)
def test_a_unit_that_the_name_says_is_not_said_twice(metric, words):
    claim = {**CONTRAST, "kind": "timing", "metric": metric}
    passed = {"samples": 100, "epochs_trained": 10}
    shown = view(claim, lambda row: {"seconds": np.exp(noise(row)), **passed})
    assert shown.measured == words


def bands(band, effect=0.5, interval=(0.4, 0.6)):
    picture = ElementTree.fromstring(str(gate_picture(effect, interval, band)))
    (rectangle,) = (each for each in picture if each.get("class") == "margin")
    (dot,) = (each for each in picture if each.get("class") == "dot")
    assert not [each for each in picture if each.get("class") == "zero"]
    start = float(rectangle.get("x"))
    return start, start + float(rectangle.get("width")), float(dot.get("cx"))


def test_the_picture_of_a_gate_is_true_to_scale():
    start, end, dot = bands([0.3, 0.8])
    assert (dot - start) / (end - start) == pytest.approx(0.4, abs=0.01)
    assert bands([0.3, None])[1] == pytest.approx(172)
    assert bands([None, 0.8])[0] == pytest.approx(8)
    start, end, dot = bands([0.5, 0.5], 0.5, None)
    assert start == end == dot
    assert not gate_picture(None, None, [0, 1])


def test_pages_show_gates(tmp_path):
    given = evidence(experiment({"a": GATE, "b": CONTRAST}), by_depth(0.2))
    absent = dict.fromkeys([*OPTIONAL, "error"], None)
    given.trials[list(absent)] = pd.DataFrame(absent, index=given.trials.index)
    given.trials["regularizers"], given.trials["network"] = "none", "dense"
    build([given], judge([given]), FACTS, tmp_path)
    page = (tmp_path / given.experiment.name / "index.html").read_text("utf-8")
    assert "<dt>Band</dt><dd>0.68 to 0.72</dd>" in page
    assert "<dt>Margin</dt><dd>0.05</dd>" in page
    assert "band 0.68 to 0.72. Registered test:" in (tmp_path / "README.md").read_text("utf-8")
    assert given.registered_hash in page
    table = (tmp_path / "methods.html").read_text("utf-8")
    assert "0.68 to 0.72" in table
    assert "holds" in table


def test_the_mirror_knows_gates():
    design = experiment({"a": GATE, "b": CONTRAST})
    assert claim_text(design.claims["a"]).endswith(": depth 4; band 0.68 to 0.72")
    assert claim_text(design.claims["b"]).endswith("; margin 0.05")
