import base64
import json
import logging
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suite.errors import InputError
from suite.ledger import Ledger, writing
from suite.provenance import Provenance
from suite.reading import build_experiment
from suite.schemas import Invocation, PlanRow
from suite.tracking.content import measured, parameters, records, run_name, thinned
from suite.tracking.mirror import mirror
from suite.tracking.server import _wait_until_healthy, free_port, serve
from suite.tracking.store import open_client, without_credentials
from suite.tracking.views import claim_text, experiment_note, invocation_note, saved_view, ui_link
from suite.trial import FIELDS, Histories, Outcome, Trial

FIRST = "20260102T030405.000000-aaaaaa"
SECOND = "20260103T030405.000000-bbbbbb"

CONTENT = {
    "question": "Does depth help?",
    "vary": {"activation": ["relu"], "depth": ["1", "12"]},
    "hold": {"dataset": ["digits", "wine"]},
    "tune": {
        "learning_rate": {"log": ["0.001", "1"]},
        "budget": {"trials": "2"},
        "sampler": "grid",
    },
    "profiles": {"quick": {"seeds": "2"}},
    "claims": {
        "depth": {
            "says": "Depth helps.",
            "metric": "test_accuracy",
            "better": {"depth": "12"},
            "worse": {"depth": "1"},
            "where": {"dataset": ["digits", "wine"]},
            "margin": "0.05",
        }
    },
}
EXPERIMENT = build_experiment("toy", CONTENT)


def make_histories(depth, epochs=30):
    curve = [(e, "train", "loss", -1, 1 / (1 + e)) for e in range(epochs + 1)]
    norms = [
        (e, "train", "gradient_norm", layer, 10.0**-layer)
        for e in (0, 3, epochs)
        for layer in range(1, depth + 2)
    ]
    epoch, split, metric, layer, value = zip(*(curve + norms), strict=True)
    return Histories(
        epoch=np.array(epoch, np.int32),
        split=split,
        metric=metric,
        layer=np.array(layer, np.int32),
        value=np.array(value),
    )


def make_outcome(depth, split, **changes):
    trial = Trial(dataset="digits", depth=depth, split=split, learning_rate=0.125)
    facts = {
        "trial": trial,
        "outcome": "completed",
        "metrics": {"train_accuracy": 0.95, "test_accuracy": 0.9, "test_loss": float("inf")},
        "histories": make_histories(depth),
        "epochs": 30,
        "parameters": 100 * depth,
        "flops": 1e9,
        "seconds": 2.5,
        "kernel": "torch-cpu",
    }
    return Outcome(**(facts | changes))


def make_row(outcome, invocation=FIRST, stage="final", number=0):
    trial = outcome.trial
    return PlanRow(
        experiment="toy",
        profile="quick",
        registered_hash="r" * 16,
        invocation=invocation,
        stage=stage,
        study=f"study-{trial.depth}",
        contender=json.dumps({"activation": "relu", "depth": trial.depth}, separators=(",", ":")),
        dataset="digits",
        repeat=0,
        number=number,
        split=trial.split,
        trial_id=trial.id,
        code_hash="c" * 16,
        data_hash="d" * 16,
        kernel="torch-cpu",
    )


def make_invocation(invocation, **changes):
    facts = {name: 1.5 for name in Invocation.__dataclass_fields__ if name.endswith("seconds")}
    words = dict.fromkeys(("profile", "experiments", "started", "ended", "device"), "x")
    row = Invocation(
        invocation=invocation, **facts, **words, networks=5, networks_reused=0, workers=2
    )
    return replace(row, **changes)


def store(root, outcomes, rows, invocation=FIRST):
    words = dict.fromkeys(Provenance.__dataclass_fields__, "x")
    words |= {"code_hash": "c" * 16, "data_hash": "d" * 16, "invocation": invocation}
    with writing(root / "results") as writer:
        writer.store_plan(rows)
        writer.store(outcomes, Provenance(**words))


def first_outcomes():
    finals = [make_outcome(depth, split) for depth in (1, 12) for split in (0, 1)]
    tuned = Trial(dataset="digits", seed=9, depth=1, reports_test=False, stop_epoch=3)
    lost = make_outcome(1, 2, outcome="crashed", error="Traceback: boom", metrics={})
    return finals, make_outcome(1, 0, trial=tuned, metrics={"validation_loss": 0.5}), lost


@pytest.fixture(scope="module")
def empty_store():
    """An empty MLflow database; making one takes seconds, so it is made once and copied."""
    with tempfile.TemporaryDirectory() as directory:
        open_client(Path(directory))
        yield Path(directory) / "mlflow.db"


@pytest.fixture
def root(tmp_path, empty_store, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    finals, tuned, lost = first_outcomes()
    rows = [*map(make_row, finals), make_row(tuned, stage="tuning", number=7), make_row(lost)]
    store(tmp_path, [*finals, tuned, lost], rows)
    return tmp_path


def all_runs(root):
    client = open_client(root)
    experiment = client.get_experiment_by_name("toy")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def by_stage(root, stage):
    return [run for run in all_runs(root) if run.data.tags["stage"] == stage]


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
    points = list(measured(frame(make_histories(12)), with_layers=True))
    layers = {point.name for point in points if point.name.startswith("gradient_norm/")}
    assert sorted(layers) == [f"gradient_norm/layer_{layer:02d}" for layer in range(1, 14)]
    assert [p.step for p in points if p.name == "gradient_norm/layer_03"] == [0, 30]
    curve = [point for point in points if point.name == "loss/train"]
    assert len(curve) == 20
    assert curve[-1] == ("loss/train", 1 / 31, 30)
    assert {p.name for p in measured(frame(make_histories(2)), with_layers=False)} == {"loss/train"}


def test_parameters_are_the_recipe_and_the_factor_levels(root):
    row = records(Ledger(root / "results").trials())[0]
    shown = parameters(row, {"parameters": 20000, "size": "big"})
    assert shown["samples"] == "all"
    assert shown["learning_rate"] == "0.125"
    assert shown["parameters"] == "20000"
    assert shown["size"] == "big"
    assert "reports_test" not in shown


# How its pages open.


def view_state(experiment, metrics):
    content = json.loads(saved_view(experiment, metrics))
    kind, packed = content["state"].split(";", 1)
    assert kind == "deflate"
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_the_saved_view_shows_what_tells_runs_apart_best_first():
    state = view_state(EXPERIMENT, ["test_accuracy", "test_loss", "train_loss"])
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
    state = view_state(EXPERIMENT, metrics)
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`{order}`", ascending)


def test_links_open_the_view_in_the_mode_for_models():
    assert ui_link("http://127.0.0.1:5000", "7") == (
        "http://127.0.0.1:5000/#/experiments/7/runs"
        "?viewStateShareKey=leaderboard&workflowType=machine_learning"
    )


def test_notes_tell_question_claims_and_verdicts():
    note = experiment_note(EXPERIMENT)
    assert note.startswith("**Does depth help?**")
    assert "- **depth**: Depth helps." in note
    assert claim_text(EXPERIMENT.claims["depth"]) == (
        "`test_accuracy`: depth 12 against depth 1, where dataset digits or wine; margin 0.05"
    )
    row = {"claim": "depth", "verdict": "supported", "effect": 0.1234, "interval": [0.1, 0.2]}
    assert invocation_note([row]) == "- **depth**: supported, effect 0.123 (0.1 to 0.2)"
    unknown = row | {"verdict": None, "effect": None, "interval": None}
    assert invocation_note([unknown]) == "- **depth**: no verdict yet, effect – (– to –)"


# The mirror.


def test_every_trial_is_a_run_nested_under_its_invocation(root, capfd):
    assert mirror(Ledger(root / "results"), EXPERIMENT, root) > 0
    (parent,) = by_stage(root, "invocation")
    finals, tuning = by_stage(root, "final"), by_stage(root, "tuning")
    assert (len(finals), len(tuning)) == (5, 1)
    for run in finals + tuning:
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    run = next(
        r for r in finals if r.data.params["depth"] == "12" and r.data.params["split"] == "0"
    )
    assert run.info.run_name == "relu depth 12 digits split 0"
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 2500
    assert run.info.start_time == 1767323045000  # 2026-01-02 03:04:05 UTC
    assert run.data.metrics["test_accuracy"] == 0.9
    assert run.data.metrics["generalization_gap"] == pytest.approx(0.05)
    assert run.data.metrics["parameters"] == 1200
    assert "test_loss" not in run.data.metrics
    assert run.data.params.keys() == set(FIELDS) - {"reports_test"}
    absent = {"samples": "all", "gradient_clip": "none", "supplied": "", "schedule": "constant"}
    assert absent.items() <= run.data.params.items()
    expected = {
        "experiment": "toy",
        "profile": "quick",
        "stage": "final",
        "outcome": "completed",
        "trial_id": make_outcome(12, 0).trial.id,
        "code_hash": "c" * 16,
        "data_hash": "d" * 16,
        "study": "study-12",
        "dataset": "digits",
        "contender": '{"activation":"relu","depth":12}',
    }
    assert expected.items() <= run.data.tags.items()
    history = open_client(root).get_metric_history(run.info.run_id, "loss/train")
    assert len(history) == 20
    assert {(m.step, m.value) for m in history} >= {(0, 1.0), (30, 1 / 31)}
    assert tuning[0].info.run_name.endswith("split 0 candidate 7 to epoch 3")
    assert {"candidate": "7", "rung": "3", "repeat": "0"}.items() <= tuning[0].data.tags.items()
    assert not {"candidate", "rung"} & run.data.tags.keys()
    assert capfd.readouterr() == ("", "")


def test_what_half_of_a_budget_found_is_a_run_of_its_own_unless_it_is_a_final_one(root):
    other = make_outcome(12, 0, trial=Trial(dataset="digits", depth=12, learning_rate=0.5))
    same = make_outcome(12, 3)
    rows = [make_row(same, SECOND, "half"), make_row(same, SECOND), make_row(other, SECOND, "half")]
    store(root, [same, other], rows, SECOND)
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    (half,) = by_stage(root, "half")
    assert half.data.tags["trial_id"] == other.trial.id
    assert half.info.run_name == "relu depth 12 digits split 0 at half budget"
    assert not any(name.startswith("loss/") for name in half.data.metrics)
    finals = {run.data.tags["trial_id"] for run in by_stage(root, "final")}
    assert same.trial.id in finals


def test_probes_are_shown_for_the_first_split_of_a_recipe(root):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    for run in by_stage(root, "final"):
        has_layers = any(name.startswith("gradient_norm/") for name in run.data.metrics)
        assert has_layers == (run.data.params["split"] == "0")


def test_a_crashed_trial_is_a_failed_run_with_its_traceback(root):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    (run,) = [run for run in by_stage(root, "final") if run.data.tags["outcome"] == "crashed"]
    assert run.info.status == "FAILED"
    assert "boom" in run.data.tags["mlflow.note.content"]
    assert "test_accuracy" not in run.data.metrics


def test_a_trial_is_mirrored_once_whoever_asks_again(root):
    ledger = Ledger(root / "results")
    mirror(ledger, EXPERIMENT, root)
    before = {run.info.run_id for run in all_runs(root)}
    mirror(ledger, EXPERIMENT, root)
    assert {run.info.run_id for run in all_runs(root)} == before
    new = make_outcome(12, 3)
    again = [make_row(outcome, SECOND) for outcome in (*first_outcomes()[0], new)]
    store(root, [new], again, SECOND)
    mirror(ledger, EXPERIMENT, root)
    added = [run for run in all_runs(root) if run.info.run_id not in before]
    assert {run.data.tags["stage"] for run in added} == {"invocation", "final"}
    assert len(added) == 2
    (child,) = [run for run in added if run.data.tags["stage"] == "final"]
    assert child.data.params["split"] == "3"


def test_trials_trained_after_an_interruption_join_who_asked_first(root):
    ledger = Ledger(root / "results")
    late = make_outcome(12, 4)
    with writing(root / "results") as writer:
        writer.store_plan([make_row(late)])
    mirror(ledger, EXPERIMENT, root)
    store(root, [late], [make_row(late, SECOND)], SECOND)
    mirror(ledger, EXPERIMENT, root)
    parents = {run.data.tags["leadline.key"]: run for run in by_stage(root, "invocation")}
    assert len(parents) == 2
    (child,) = [run for run in by_stage(root, "final") if run.data.params["split"] == "4"]
    first = parents[child.data.tags["leadline.parent"]]
    assert first.data.params["invocation"] == FIRST


def test_an_invocation_is_running_until_its_times_are_booked(root):
    ledger = Ledger(root / "results")
    mirror(ledger, EXPERIMENT, root)
    (parent,) = by_stage(root, "invocation")
    assert parent.info.status == "RUNNING"
    with writing(root / "results") as writer:
        writer.store_invocation(make_invocation(FIRST, wall_seconds=60.0))
    mirror(ledger, EXPERIMENT, root)
    (parent,) = by_stage(root, "invocation")
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["wall_seconds"] == 60.0
    assert parent.data.metrics["completed"] == 5
    assert parent.data.metrics["crashed"] == 1
    assert parent.info.end_time - parent.info.start_time == 60_000


def test_an_invocation_that_was_killed_is_told_from_one_that_runs(root):
    store(root, [make_outcome(12, 5)], [make_row(make_outcome(12, 5), SECOND)], SECOND)
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    states = {
        run.data.params["invocation"]: run.info.status for run in by_stage(root, "invocation")
    }
    assert states == {FIRST: "KILLED", SECOND: "RUNNING"}


def test_a_mirror_that_was_cut_short_goes_on_without_doubles(root, monkeypatch):
    from mlflow import MlflowClient

    genuine, calls = MlflowClient.log_batch, []

    def failing(self, *arguments, **options):
        calls.append(arguments)
        if len(calls) == 4:
            raise OSError("No space left on device")
        return genuine(self, *arguments, **options)

    told = []
    monkeypatch.setattr(MlflowClient, "log_batch", failing)
    mirror(Ledger(root / "results"), EXPERIMENT, root, warn=told.append)
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert len(all_runs(root)) == 4
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    assert len(by_stage(root, "final")) == 5
    assert len(by_stage(root, "tuning")) == 1
    assert all(run.data.params for run in all_runs(root))
    assert {run.info.status for run in by_stage(root, "final")} == {"FINISHED", "FAILED"}


def contents(root):
    """Everything that runs hold but MLflow's own ids."""
    return {
        run.data.tags.pop("leadline.key"): (
            run.info.run_name,
            run.info.status,
            run.data.params,
            run.data.metrics,
            {k: v for k, v in run.data.tags.items() if k != "mlflow.parentRunId"},
        )
        for run in all_runs(root)
    }


def test_a_lost_database_is_rebuilt_from_results(root, tmp_path, empty_store):
    ledger = Ledger(root / "results")
    mirror(ledger, EXPERIMENT, root)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(empty_store, other / "mlflow.db")
    mirror(ledger, EXPERIMENT, other)
    assert len(contents(other)) == 7
    assert contents(other) == contents(root)


def test_a_server_that_is_down_costs_one_line(root, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.WARNING, "suite"):
        mirror(Ledger(root / "results"), EXPERIMENT, root)
    (record,) = [r for r in caplog.records if r.name.startswith("suite")]
    assert "http://127.0.0.1:9 is behind" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert "secret" not in record.getMessage()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    assert len(by_stage(root, "final")) == 5


def test_credentials_are_cut_out():
    text = "postgresql://me:pw@db/x failed; see https://docs.example/a@b"
    assert without_credentials(text) == "postgresql://db/x failed; see https://docs.example/a@b"


def test_reports_hang_on_the_last_invocation(root, tmp_path):
    reports = tmp_path / "reports"
    (reports / "toy").mkdir(parents=True)
    (reports / "toy" / "accuracy.svg").write_text("<svg/>")
    verdict = {"claim": "depth", "experiment": "toy", "verdict": "supported", "effect": 0.25}
    verdict["interval"] = [0.1, 0.4]
    rows = [verdict, verdict | {"experiment": "other"}]
    (reports / "verdicts.json").write_text(json.dumps(rows))
    file = tmp_path / "toy.yaml"
    file.write_text("question: Does depth help?\n")
    experiment = build_experiment("toy", CONTENT, path=str(file))
    for _ in range(2):
        mirror(Ledger(root / "results"), experiment, root, reports)
    (parent,) = by_stage(root, "invocation")
    client = open_client(root)
    names = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert names == {"verdicts.json", "toy.yaml", "figures"}
    stored = next(root.glob("mlartifacts/toy/*/artifacts"))
    assert json.loads((stored / "verdicts.json").read_text()) == [verdict]
    assert (stored / "figures" / "accuracy.svg").read_text() == "<svg/>"
    assert parent.data.metrics["effect/depth"] == 0.25
    assert "supported" in parent.data.tags["mlflow.note.content"]


def test_the_experiment_carries_its_note_and_view(root):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    tags = open_client(root).get_experiment_by_name("toy").tags
    assert tags["mlflow.note.content"].startswith("**Does depth help?**")
    assert "mlflow.sharedViewState.leaderboard" in tags


def test_nothing_asked_for_is_nothing_mirrored(root):
    mirror(Ledger(root / "nowhere"), EXPERIMENT, root)
    assert all_runs(root) == []


# The server.


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_there_must_be_something_to_show(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"mlflow\.db: there are no runs yet"):
        serve(tmp_path, 5000)


def test_a_server_that_does_not_start_is_one_line():
    with tempfile.TemporaryFile() as output:
        failing = subprocess.Popen(
            [sys.executable, "-c", "raise SystemExit('no such table')"], stderr=output
        )
        failing.wait()
        with pytest.raises(InputError, match="does not start: no such table"):
            _wait_until_healthy(failing, "http://127.0.0.1:9", output)


SERVE = """
import sys
from pathlib import Path
from suite.tracking.server import serve
serve(Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.slow
def test_the_ui_opens_at_the_printed_link_and_ends_cleanly(root):
    """Starts MLflow's server for real, which nothing else would show to work."""
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    command = [sys.executable, "-c", SERVE, str(root), str(free_port(5600))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ui:
        try:
            lines = [ui.stdout.readline() for _ in range(3)]
            link = lines[1].split()[-1]
            assert lines[1].split()[0] == "toy"
            with urllib.request.urlopen(link) as page:
                assert b"<title>MLflow</title>" in page.read()
        finally:
            ui.send_signal(signal.SIGTERM)
            ui.wait(60)
    assert ui.returncode == 0
    address = ("127.0.0.1", int(link.split("/")[2].rpartition(":")[2]))
    deadline = time.monotonic() + 10
    with socket.socket() as probe:
        while probe.connect_ex(address) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
