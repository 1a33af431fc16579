"""How MLflow's pages open and what they say."""

import base64
import json
import zlib
from pathlib import Path

import pandas as pd
import pytest

from suite.ledger import Ledger
from suite.reading import build_experiment
from suite.schemas import PICTURES
from suite.tracking.best import best_network
from suite.tracking.content import measured, parameters, run_name, thinned
from suite.tracking.design import shown_design
from suite.tracking.notes import claim_text, experiment_note, invocation_note
from suite.tracking.rows import records
from suite.tracking.views import packed, saved_views, ui_link
from tests.tracked import CONTENT, EXPERIMENT, make_histories, store_first

# What a run holds.


def test_names_start_with_what_sets_runs_apart():
    contender = {"depth": 8, "activation": "relu", "samples": None}
    name = run_name(contender, ["activation", "depth"], "digits split 3")
    assert name == "relu depth 8 samples all digits split 3"
    assert run_name({"gradient_clip": None}, [], "wine") == "gradient_clip none wine"


def test_curves_are_thinned_to_twenty_points_with_both_ends():
    assert thinned([1, 2, 3], 5) == [1, 2, 3]
    kept = thinned(list(range(1000)), 20)
    assert len(kept) == 20
    assert kept[0] == 0
    assert kept[-1] == 999
    assert kept == sorted(set(kept))


def frame(histories):
    return pd.DataFrame({name: getattr(histories, name) for name in histories.__slots__})


def test_probes_are_shown_by_layer_at_both_ends_of_training():
    points = list(measured(frame(make_histories(12))))
    layers = {point.name for point in points if point.name.startswith("gradient_norm/")}
    assert sorted(layers) == [f"gradient_norm/layer_{layer:02d}" for layer in range(1, 14)]
    assert [p.step for p in points if p.name == "gradient_norm/layer_03"] == [0, 30]
    curve = [point for point in points if point.name == "loss/train"]
    assert len(curve) == 20
    assert curve[-1] == ("loss/train", 1 / 31, 30)


def test_pictures_are_no_series():
    pictures = frame(make_histories(2)).assign(metric=min(PICTURES))
    assert list(measured(pictures)) == []


def test_parameters_are_the_recipe_and_the_factor_levels(tmp_path):
    store_first(tmp_path)
    row = records(Ledger(tmp_path / "results").trials())[0]
    shown = parameters(row, {"parameters": 20000, "size": "big"})
    assert shown["samples"] == "all"
    assert shown["learning_rate"] == "0.125"
    assert shown["parameters"] == "20000"
    assert shown["size"] == "big"
    assert "reports_test" not in shown


# How its pages open.


def view_state(title, metrics=("test_accuracy", "test_loss", "train_loss")):
    (view,) = [view for view in saved_views(EXPERIMENT, metrics) if view.title == title]
    content = json.loads(packed(view))
    assert content["name"] == title
    kind, text = content["state"].split(";", 1)
    assert kind == "deflate"
    return json.loads(zlib.decompress(base64.b64decode(text)))


def test_the_leaderboard_shows_what_tells_runs_apart_best_first():
    state = view_state("Leaderboard")
    assert state["searchFilter"] == 'tags.stage = "final"'
    assert state["orderByKey"] == "metrics.`test_accuracy`"
    assert state["orderByAsc"] is False
    assert state["selectedColumns"] == [
        "metrics.`test_accuracy`",
        "params.`dataset`",
        "params.`activation`",
        "params.`depth`",
        "params.`learning_rate`",
        "params.`split`",
        "metrics.`test_loss`",
        "metrics.`generalization_gap`",
        "metrics.`seconds`",
        "tags.`outcome`",
    ]


@pytest.mark.parametrize(
    ("metrics", "order", "ascending"),
    [(["test_r2", "test_loss"], "test_r2", False), (["test_loss"], "test_loss", True)],
)
def test_regression_is_ranked_by_its_own_metric(metrics, order, ascending):
    state = view_state("Leaderboard", metrics)
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`{order}`", ascending)


def test_the_view_by_depth_is_sorted_by_a_number_and_is_there_only_where_depth_varies():
    state = view_state("By depth")
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`depth`", False)
    assert state["selectedColumns"][:2] == ["metrics.`depth`", "metrics.`test_accuracy`"]
    assert "params.`depth`" not in state["selectedColumns"]
    flat = CONTENT | {"vary": {"activation": ["relu", "tanh"]}, "claims": {}}
    titles = [view.title for view in saved_views(build_experiment("flat", flat), ["test_loss"])]
    assert titles == ["Leaderboard", "Failures"]


def test_the_view_of_failures_shows_what_did_not_complete_first_those_that_failed_first():
    state = view_state("Failures")
    assert state["searchFilter"] == 'tags.outcome != "completed"'
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`epochs_trained`", True)
    assert state["selectedColumns"][:2] == ["tags.`outcome`", "tags.`stage`"]


@pytest.mark.parametrize(
    ("levels", "claims"),
    [
        ({"depth": 12, "dataset": "digits"}, "depth"),
        ({"depth": 1, "dataset": "wine"}, "depth"),
        ({"depth": 4, "dataset": "wine"}, ""),
        ({"depth": 12, "dataset": "moons"}, ""),
    ],
)
def test_a_run_names_the_claims_that_it_speaks_to(levels, claims):
    assert shown_design(EXPERIMENT).claims_on(levels) == claims


def test_the_best_network_is_chosen_on_validation_data():
    rows = [("a", 0.7, 0.2, 0.9), ("c", 0.8, 0.3, 0.1), ("b", 0.8, 0.3, 0.2), ("d", 0.8, 0.4, 1.0)]
    names = ["trial_id", "validation_accuracy", "validation_loss", "test_accuracy"]
    trials = pd.DataFrame(rows, columns=names).assign(
        stage="final", outcome="completed", network="dense", validation_r2=float("nan")
    )
    assert best_network(trials)["trial_id"] == "b"
    assert best_network(trials.assign(outcome="diverged")) is None
    assert best_network(trials.assign(network="random_forest")) is None
    regression = trials.assign(validation_accuracy=float("nan"))
    assert best_network(regression)["trial_id"] == "a"


def test_links_open_the_view_in_the_mode_for_models():
    assert ui_link("http://127.0.0.1:5000", "7") == (
        "http://127.0.0.1:5000/#/experiments/7/runs"
        "?viewStateShareKey=leaderboard&workflowType=machine_learning"
    )


def test_notes_tell_question_claims_and_verdicts():
    note = experiment_note(EXPERIMENT, {"Leaderboard": "#/there"}, Path("reports/toy/index.html"))
    assert note.startswith("**Does depth help?**")
    assert "- **depth**: Depth helps." in note
    assert "[Leaderboard](#/there)" in note
    assert str(Path("reports/toy/index.html").resolve()) in note
    assert claim_text(EXPERIMENT.claims["depth"]) == (
        "`test_accuracy`: depth 12 against depth 1, where dataset digits or wine; margin 0.05"
    )
    row = {"claim": "depth", "verdict": "supported", "effect": 0.1234, "interval": [0.1, 0.2]}
    assert invocation_note([row]) == "- **depth**: supported, effect 0.123 (0.1 to 0.2)"
    unknown = row | {"verdict": None, "effect": None, "interval": None}
    assert invocation_note([unknown]) == "- **depth**: no verdict yet, effect – (– to –)"
