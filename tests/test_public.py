"""The public names: an Experiment of Python values, run, and results as data frames."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import suite
from suite import Experiment, load_results, run
from suite.errors import InputError
from suite.reading import build_experiment
from suite.results import load_tables

pytestmark = pytest.mark.usefixtures("one_thread")

HOLD = {
    "dataset": "circles",
    "samples": 64,
    "network": "dense",
    "depth": 1,
    "activation": "tanh",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "epochs": 2,
    "batch_size": 16,
}
FIELDS = {
    "question": "Which width, which layers?",
    "vary": {
        "width": [2, 5],
        "layers": ["plain", "normal"],
    },
    "variants": {"layers": {"plain": {}, "normal": {"regularizers": "layer_norm=1"}}},
    "hold": HOLD,
    "profiles": {"quick": {"seeds": 2}},
}


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch):
    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)


@pytest.fixture
def question(place):
    return Experiment(name="question", **FIELDS)


def test_the_package_is_light_and_its_names_are_listed():
    code = "import sys, suite; print({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules))"
    asked = [sys.executable, "-c", code]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "set()\n"
    assert set(suite.__all__) == {"Experiment", "load_results", "run"}
    with pytest.raises(AttributeError, match="no attribute 'Experimenter'"):
        suite.Experimenter  # noqa: B018


def test_an_experiment_of_python_values_is_that_of_a_file():
    vary = {"width": [2, 5], "layers": FIELDS["variants"]["layers"]}
    content = {"question": FIELDS["question"], "vary": vary, "hold": HOLD}
    read = build_experiment("question", content | {"profiles": {"quick": {"seeds": 2}}})
    made = Experiment(name="question", **FIELDS)
    assert made == read
    assert made.registered_hash("quick") == read.registered_hash("quick")


def test_values_are_read_as_in_a_file():
    hold = HOLD | {"dataset": "sawtooth( points = 4 )", "regularizers": {"dropout": 0.5}}
    made = Experiment(
        name="question", **FIELDS | {"hold": hold, "variants": {}, "vary": {"width": 3}}
    )
    assert made.vary["width"] == (3,)
    assert made.hold["dataset"] == ("sawtooth(points=4)",)
    assert made.hold["regularizers"] == ("dropout=0.5",)
    with pytest.raises(ValueError, match="learning_rate must be more than 0"):
        Experiment(name="question", **FIELDS | {"hold": HOLD | {"learning_rate": -1}})


def test_results_are_a_frame_with_one_row_a_final_trial(question):
    evidence = run(question, workers=0)
    frame = load_results(experiment=question)
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 2 * 2 * 2
    assert frame["trial_id"].is_unique
    assert set(frame["trial_id"]) == set(evidence.trials["trial_id"])
    counts = frame.groupby(["width", "layers", "split"]).size()
    assert (counts == 1).all()
    assert frame["test_accuracy"].between(0, 1).all()
    named = load_results("results", "question", "quick")
    pd.testing.assert_frame_equal(named, frame)
    pd.testing.assert_frame_equal(load_results(), frame.drop(columns="layers"))


def test_histories_are_long_and_of_the_same_trials(question):
    run(question, workers=0)
    curves = load_results("results", question, histories=True)
    assert list(curves.columns) == ["trial_id", "epoch", "split", "metric", "layer", "value"]
    assert set(curves["trial_id"]) == set(load_results("results", question)["trial_id"])
    last = curves.query("metric == 'loss' and split == 'train'").groupby("trial_id")["epoch"].max()
    assert (last == HOLD["epochs"]).all()


def test_tuning_trials_and_earlier_designs_are_left_out(place, tiny_file):
    run("experiments/tiny.yaml", workers=0)
    first = load_results()
    assert len(first) == 4
    assert len(load_tables().trials) == 12
    Path("experiments/tiny.yaml").write_text(tiny_file.replace("epochs: 2", "epochs: 1"), "utf-8")
    run(Path("experiments/tiny.yaml"), workers=0)
    second = load_results()
    assert len(second) == 4
    assert set(second["epochs"]) == {1}
    assert not set(second["trial_id"]) & set(first["trial_id"])


def test_a_trial_that_two_experiments_asked_for_is_one_row(question):
    run(question, workers=0)
    run(Experiment(name="other", **FIELDS), workers=0)
    assert len(load_results()) == 8
    assert len(load_results(experiment="other")) == 8
    plan = load_tables().plan
    assert {json.loads(text)["layers"] for text in plan["contender"]} == {"plain", "normal"}


def test_what_is_not_there_is_said(question):
    with pytest.raises(InputError, match="holds no results yet"):
        load_results("nowhere")
    run(question, workers=0)
    with pytest.raises(InputError, match="holds no final trial of 'no_such'"):
        load_results(experiment="no_such")
    assert load_results(profile="standard").empty
