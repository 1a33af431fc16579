"""The mirror of stored trials in MLflow."""

import json
import logging
import re
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pandas as pd
import pytest

from suite.ledger import Ledger
from suite.reading import build_experiment
from suite.storing import writing
from suite.tracking.mirror import Mirror, mirror
from suite.tracking.store import open_client, without_credentials
from suite.trial import FIELDS, Trial
from tests.tracked import (
    CONTENT,
    EXPERIMENT,
    FIRST,
    SECOND,
    all_runs,
    by_stage,
    first_outcomes,
    make_invocation,
    make_outcome,
    make_row,
    store,
    store_first,
)

TABLES_OF_RUNS = (
    *("runs", "tags", "params", "metrics", "latest_metrics"),
    *("datasets", "inputs", "input_tags"),
)


@pytest.fixture
def root(tmp_path, empty_mlflow, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    store_first(tmp_path)
    return tmp_path


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
    assert run.data.tags["claim"] == "depth"
    assert run.data.metrics["depth"] == 12
    history = open_client(root).get_metric_history(run.info.run_id, "loss/train")
    assert len(history) == 20
    assert {(m.step, m.value) for m in history} >= {(0, 1.0), (30, 1 / 31)}
    assert tuning[0].info.run_name.endswith("split 0 candidate 7 to epoch 3")
    assert {"candidate": "7", "rung": "3", "repeat": "0"}.items() <= tuning[0].data.tags.items()
    assert not {"candidate", "rung"} & run.data.tags.keys()
    searched = {"activation", "depth", "dataset", "split", "seed", "learning_rate"}
    assert tuning[0].data.params.keys() == searched
    assert tuning[0].data.metrics.keys() == {"validation_loss", "epochs_trained", "seconds"}
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


def test_curves_and_probes_are_shown_for_the_first_split_and_kept_for_all(root):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    for run in by_stage(root, "final"):
        sections = {name.partition("/")[0] for name in run.data.metrics if "/" in name}
        first = run.data.params["split"] == "0"
        assert sections == ({"gradient_norm", "loss"} if first else set())
    curves = pd.read_parquet(next(root.glob("mlartifacts/toy/*/artifacts/curves.parquet")))
    finals = {run.data.tags["trial_id"] for run in by_stage(root, "final")}
    assert set(curves["trial_id"]) == finals
    one = curves[(curves["trial_id"] == make_outcome(12, 1).trial.id) & (curves["layer"] < 0)]
    assert one["value"].tolist() == [1 / (1 + epoch) for epoch in range(31)]


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
    assert parent.data.metrics["outcomes/completed"] == 5
    assert parent.data.metrics["outcomes/crashed"] == 1
    assert parent.info.end_time - parent.info.start_time == 60_000


def test_an_invocation_that_was_killed_is_told_from_one_that_runs(root):
    store(root, [make_outcome(12, 5)], [make_row(make_outcome(12, 5), SECOND)], SECOND)
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    states = {
        run.data.params["invocation"]: run.info.status for run in by_stage(root, "invocation")
    }
    assert states == {FIRST: "KILLED", SECOND: "RUNNING"}


def test_a_mirror_that_was_cut_short_goes_on_without_doubles(root, monkeypatch):
    def failing(*_):
        raise OSError("No space left on device")

    told = []
    with monkeypatch.context() as patch:
        patch.setattr("suite.tracking.inserting._points", failing)
        mirror(Ledger(root / "results"), EXPERIMENT, root, warn=told.append)
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert [run.data.tags["stage"] for run in all_runs(root)] == ["invocation"]
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


def stored_rows(root):
    """What the tables of runs hold, with names in place of MLflow's own ids."""
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        keys = dict(database.execute("SELECT run_uuid, value FROM tags WHERE key = 'leadline.key'"))
        keys |= dict(database.execute("SELECT dataset_uuid, name FROM datasets"))
        keys |= dict(database.execute("SELECT input_uuid, destination_id FROM inputs"))
        keys |= {edge: f"input of {keys[run]}" for edge, run in keys.items() if run in keys}
        found = {name: list(database.execute(f"SELECT * FROM {name}")) for name in TABLES_OF_RUNS}
    return {
        name: sorted(str([named(value, keys, root) for value in row]) for row in rows)
        for name, rows in found.items()
    }


def named(value, keys, root):
    if not isinstance(value, str):
        return value
    parts = value.replace(str(root), "").split("/")
    return "/".join(keys.get(part, part) for part in parts)


def test_rows_of_the_database_are_what_the_client_would_log(
    root, tmp_path, empty_mlflow, monkeypatch
):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(empty_mlflow, other / "mlflow.db")
    monkeypatch.setattr("suite.tracking.mirror.has_database", lambda _: False)
    mirror(Ledger(root / "results"), EXPERIMENT, other)
    assert stored_rows(other) == stored_rows(root)
    assert contents(other) == contents(root)
    for name in ("loss/train", "test_accuracy"):
        assert histories_of(other, name) == histories_of(root, name) != {}


def test_a_run_that_a_server_left_open_is_filled_again(root, monkeypatch):
    from mlflow import MlflowClient

    genuine, calls = MlflowClient.log_batch, []

    def failing(self, *arguments, **options):
        calls.append(arguments)
        if len(calls) == 4:
            raise OSError("connection lost")
        return genuine(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("suite.tracking.mirror.has_database", lambda _: False)
        patch.setattr(MlflowClient, "log_batch", failing)
        mirror(Ledger(root / "results"), EXPERIMENT, root, warn=[].append)
    assert len(all_runs(root)) == 4
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    finals = by_stage(root, "final")
    assert len(finals) == 5
    assert {run.info.status for run in finals} == {"FINISHED", "FAILED"}
    assert all(run.data.params and run.inputs.dataset_inputs for run in finals)


def histories_of(root, name):
    client = open_client(root)
    return {
        run.data.tags["leadline.key"]: [
            (point.step, point.value, point.timestamp)
            for point in client.get_metric_history(run.info.run_id, name)
        ]
        for run in all_runs(root)
    }


def test_a_lost_database_is_rebuilt_from_results(root, tmp_path, empty_mlflow):
    ledger = Ledger(root / "results")
    mirror(ledger, EXPERIMENT, root)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(empty_mlflow, other / "mlflow.db")
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
    assert names == {"verdicts.json", "toy.yaml", "figures", "curves.parquet"}
    stored = next(root.glob("mlartifacts/toy/*/artifacts"))
    assert json.loads((stored / "verdicts.json").read_text()) == [verdict]
    assert (stored / "figures" / "accuracy.svg").read_text() == "<svg/>"
    assert parent.data.metrics["effect/depth"] == 0.25
    assert "supported" in parent.data.tags["mlflow.note.content"]


def test_the_experiment_carries_its_note_and_view(root):
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    tags = open_client(root).get_experiment_by_name("toy").tags
    assert tags["mlflow.note.content"].startswith("**Does depth help?**")
    views = {name.rpartition(".")[2] for name in tags if name.startswith("mlflow.sharedViewState")}
    assert views == {"leaderboard", "by_depth", "failures"}
    for view in views:
        assert f"viewStateShareKey={view}&" in tags["mlflow.note.content"]


def test_a_second_pass_writes_nothing(root, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    (tmp_path / "reports").mkdir()
    once_more = Mirror(Ledger(root / "results"), root, tmp_path / "reports")
    once_more(EXPERIMENT)
    writes = [name for name in vars(MlflowClient) if name.startswith(("log_", "set_", "create_"))]
    assert "log_batch" in writes
    for name in writes:
        monkeypatch.delattr(MlflowClient, name)
    once_more(EXPERIMENT)
    mirror(Ledger(root / "results"), EXPERIMENT, root, tmp_path / "reports")


def test_ids_of_runs_follow_time(root):
    """Random ones would put every row of a large database on a page of its own."""
    before = f"{time.time_ns():016x}"
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    after = f"{time.time_ns():016x}"
    ids = [run.info.run_id for run in by_stage(root, "final") + by_stage(root, "tuning")]
    assert len(set(ids)) == 6
    for run_id in ids:
        assert re.fullmatch("[0-9a-f]{32}", run_id)
        assert before <= run_id[:16] <= after


def test_a_helper_makes_the_store_before_it_is_needed(root, empty_mlflow, monkeypatch):
    database = root / "mlflow.db"
    database.unlink()
    monkeypatch.setattr(
        "suite.tracking.store._create_database", lambda path: shutil.copy(empty_mlflow, path)
    )
    with ThreadPoolExecutor(1) as helper:
        mirrored = Mirror(Ledger(root / "results"), root, helper=helper)
        mirrored.prepare(models=False)
    assert database.exists()
    monkeypatch.delattr("suite.tracking.store._create_database")
    mirrored(EXPERIMENT)
    assert len(by_stage(root, "final")) == 5


def test_a_store_that_the_helper_cannot_make_is_a_warning(root, monkeypatch):
    def refuse(path):
        raise OSError(28, "No space left on device")

    (root / "mlflow.db").unlink()
    monkeypatch.setattr("suite.tracking.store._create_database", refuse)
    told = []
    with ThreadPoolExecutor(1) as helper:
        mirrored = Mirror(Ledger(root / "results"), root, warn=told.append, helper=helper)
        mirrored.prepare(models=False)
    mirrored(EXPERIMENT)
    (line,) = told
    assert "No space left on device" in line


def test_nothing_is_prepared_that_is_there_or_not_wanted(root):
    Mirror(Ledger(root / "results"), root, helper=None).prepare(models=True)
    # A helper without a way to be asked.
    Mirror(Ledger(root / "results"), root, helper=object()).prepare(models=False)


def test_nothing_asked_for_is_nothing_mirrored(root):
    mirror(Ledger(root / "nowhere"), EXPERIMENT, root)
    assert all_runs(root) == []


def test_a_deleted_databases_journal_is_not_taken_for_the_new_ones(tmp_path) -> None:
    client = open_client(tmp_path)
    client.create_experiment("of the deleted one")
    kept = {path: path.read_bytes() for path in tmp_path.glob("mlflow.db-*")}
    assert any(kept.values())
    client._tracking_client.store.engine.dispose()
    (tmp_path / "mlflow.db").unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    names = [found.name for found in open_client(tmp_path).search_experiments()]
    assert names == ["Default"]
