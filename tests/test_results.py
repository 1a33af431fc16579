import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from suite import ledger as ledger_module
from suite import parquet
from suite.errors import InputError
from suite.ledger import Ledger, Stored, new_invocation_id
from suite.provenance import Provenance
from suite.reading import build_experiment
from suite.results import gather, load_tables
from suite.schemas import TABLES, Invocation, Key, PlanRow, to_trial
from suite.storing import writing
from suite.trial import FIELDS, Histories, Outcome, Trial

PROVENANCE = Provenance(
    code_hash="c" * 16,
    data_hash="d" * 16,
    invocation="20260101T000000.000000-aaaaaa",
    leadline_version="0.1.0",
    torch_version="2.13.0+cpu",
    python_version="3.11.7",
    machine="x86_64 Some Processor",
)
METRICS = {"train_loss": 0.1, "train_accuracy": 0.95, "test_loss": 0.2, "test_accuracy": 0.9}


def make_histories(value=0.5):
    return Histories(
        epoch=np.array([0, 5, 5], np.int32),
        split=("train", "validation", "train"),
        metric=("loss", "loss", "gradient_norm"),
        layer=np.array([-1, -1, 3], np.int32),
        value=np.array([2.3, value, 1e-38]),
    )


def make_outcome(seed=0, **changes):
    facts = {
        "trial": Trial(dataset="digits", seed=seed),
        "outcome": "completed",
        "metrics": METRICS,
        "histories": make_histories(),
        "best_epoch": 5,
        "epochs": 20,
        "parameters": 8970,
        "flops": 1.5e9,
        "seconds": 0.25,
        "kernel": "torch-cpu",
        "probes": ("gradient_norm", "signal"),
    }
    return Outcome(**(facts | changes))


def store(root, *outcomes, provenance=PROVENANCE):
    with writing(root) as writer:
        writer.store(outcomes, provenance)


def parts(root, table):
    return sorted((root / f"{table}.parquet").iterdir())


@pytest.fixture
def root(tmp_path):
    return tmp_path / "results"


def test_every_column_of_a_trial_comes_back(root):
    trial = Trial(
        dataset="wine",
        samples=50,
        label_noise=0.1,
        depth=3,
        regularizers=(("dropout", 0.3), ("l2", 0.123456789)),
        split=7,
        seed=11,
        reports_test=False,
    )
    outcome = make_outcome(trial=trial, outcome="diverged", error="loss is nan", best_epoch=None)
    store(root, outcome)
    frame = load_tables(root).trials
    row = frame.iloc[0].to_dict()
    assert list(frame.columns) == TABLES["trials"].names
    assert to_trial(row) == trial
    assert to_trial(row).id == row["trial_id"] == trial.id
    assert row["regularizers"] == "dropout=0.3,l2=0.123456789"
    expected = {
        **asdict(PROVENANCE),
        **METRICS,
        "kernel": "torch-cpu",
        "outcome": "diverged",
        "error": "loss is nan",
        "epochs": trial.epochs,
        "epochs_trained": 20,
        "parameters": 8970,
        "flops": 1.5e9,
        "seconds": 0.25,
        "probes": "gradient_norm,signal",
    }
    assert {name: row[name] for name in expected} == expected
    assert row["generalization_gap"] == pytest.approx(0.05)
    assert pd.isna(row["best_epoch"])
    assert pd.isna(row["validation_loss"])
    assert set(FIELDS) <= set(frame.columns)


def test_columns_have_their_types(root):
    store(root, make_outcome(trial=Trial(dataset="wine", samples=50)), make_outcome(seed=1))
    types = load_tables(root).trials.dtypes
    for names, wanted in {
        ("samples", "best_epoch"): "Int64",
        ("depth", "seed", "epochs", "epochs_trained", "parameters"): "int64",
        ("learning_rate", "label_noise", "test_r2", "seconds"): "float64",
        ("reports_test",): "bool",
    }.items():
        assert {str(types[name]) for name in names} == {wanted}
    histories = load_tables(root).histories.dtypes
    assert [str(histories[n]) for n in ("epoch", "layer", "value")] == ["int32", "int32", "float64"]


def test_histories_come_back_bit_for_bit(root):
    store(root, make_outcome(), make_outcome(1, histories=None))
    frame = load_tables(root).histories
    assert set(frame["trial_id"]) == {make_outcome().trial.id}
    assert frame["value"].tolist() == [2.3, 0.5, 1e-38]
    assert frame["layer"].tolist() == [-1, -1, 3]
    assert frame["metric"].tolist() == ["loss", "loss", "gradient_norm"]
    assert frame["split"].tolist() == ["train", "validation", "train"]


def test_pandas_reads_the_tables_without_the_suite(root):
    store(root, make_outcome())
    assert pd.read_parquet(root / "trials.parquet")["test_accuracy"].tolist() == [0.9]
    assert len(pd.read_parquet(root / "histories.parquet")) == 3


@pytest.mark.parametrize(
    ("metrics", "gap"),
    [
        ({"train_accuracy": 0.9, "test_accuracy": 0.7}, 0.2),
        ({"train_loss": 0.4, "test_loss": 0.5, "train_r2": 0.6, "test_r2": 0.5}, 0.1),
        ({"train_accuracy": 0.9, "validation_accuracy": 0.7}, math.nan),
    ],
)
def test_gap_is_positive_when_training_data_are_fitted_better(root, metrics, gap):
    store(root, make_outcome(metrics=metrics))
    assert load_tables(root).trials["generalization_gap"][0] == pytest.approx(gap, nan_ok=True)


def test_a_metric_without_a_column_is_refused(root):
    with pytest.raises(ValueError, match="f1_score"):
        store(root, make_outcome(metrics={"f1_score": 1.0}))
    assert parts(root, "histories") == []


def test_the_last_stored_measurement_of_a_key_wins(root):
    store(root, make_outcome(), make_outcome(1))
    later = make_outcome(probes=("signal",), seconds=9.0, histories=make_histories(0.25))
    store(root, later)
    results = load_tables(root)
    assert results.trials["seconds"].tolist() == [0.25, 9.0]
    ours = results.histories[results.histories["trial_id"] == later.trial.id]
    assert ours["value"].tolist() == [2.3, 0.25, 1e-38]
    assert len(results.histories) == 6


def test_keys_tell_code_data_and_kernel_apart(root):
    other_code = replace(PROVENANCE, code_hash="e" * 16)
    store(root, make_outcome(), make_outcome(1, outcome="dead", probes=()))
    store(root, make_outcome(), provenance=other_code)
    store(root, make_outcome(kernel="torch-cuda"))
    ids = [make_outcome(seed).trial.id for seed in (0, 1)]
    probes = frozenset({"gradient_norm", "signal"})
    metrics = make_outcome().metrics
    assert Ledger(root).stored() == {
        Key(ids[0], "c" * 16, "d" * 16, "torch-cpu"): Stored("completed", probes, metrics),
        Key(ids[1], "c" * 16, "d" * 16, "torch-cpu"): Stored("dead", frozenset(), metrics),
        Key(ids[0], "e" * 16, "d" * 16, "torch-cpu"): Stored("completed", probes, metrics),
        Key(ids[0], "c" * 16, "d" * 16, "torch-cuda"): Stored("completed", probes, metrics),
    }


def test_resuming_reads_each_cohort_once_and_of_it_no_recipes_and_no_histories(root, monkeypatch):
    for seed in range(3):
        store(root, make_outcome(seed), make_outcome(seed + 3))
    genuine, opened, names = parquet.read_part, [], set()

    def read(path, schema, columns, *rest):
        opened.append(path)
        names.update(columns)
        return genuine(path, schema, columns, *rest)

    monkeypatch.setattr(parquet, "read_part", read)
    assert len(Ledger(root).stored()) == 6
    assert sorted(opened) == parts(root, "trials")
    assert names & {*FIELDS} == set()


def test_reading_an_absent_ledger(root):
    assert Ledger(root).stored() == {}
    assert Ledger(root).trials().empty
    with pytest.raises(InputError, match="no results yet"):
        load_tables(root)


# What a kill, a power failure or a stranger leaves behind.


def test_half_written_files_and_uncommitted_histories_are_removed(root):
    store(root, make_outcome())
    committed = parts(root, "histories")[0]
    (root / "trials.parquet" / ".00000002-abcd.parquet.tmp").write_bytes(b"PAR1")
    (committed.parent / "00000002-abcd.parquet").write_bytes(committed.read_bytes())
    assert len(load_tables(root).histories) == 3
    store(root, make_outcome(1))
    assert len(parts(root, "histories")) == len(parts(root, "trials")) == 2
    assert len(load_tables(root).trials) == 2


@pytest.mark.parametrize("table", ["trials", "histories"])
@pytest.mark.parametrize("damage", ["empty", "zeros", "cut", "page"])
def test_a_damaged_cohort_is_set_aside_and_trained_again(root, caplog, table, damage):
    store(root, make_outcome())
    store(root, make_outcome(1))
    torn = parts(root, table)[0]
    content = torn.read_bytes()
    torn.write_bytes(
        {
            "empty": b"",
            "zeros": bytes(len(content)),
            "cut": content[: len(content) // 2],
            "page": content[:8] + bytes(64) + content[72:],
        }[damage]
    )
    assert len(Ledger(root).trials()) + len(Ledger(root).histories()) in (4, 5, 8)
    caplog.clear()
    with writing(root):
        pass
    if damage == "page" and table == "histories":
        return  # A writer checks the footers of histories only.
    assert list(Ledger(root).stored()) == [
        Key(make_outcome(1).trial.id, "c" * 16, "d" * 16, "torch-cpu")
    ]
    assert len(list((root / "unreadable").iterdir())) == 2
    assert len(caplog.records) == 1
    assert str(torn) in caplog.text


def test_trials_without_their_histories_are_set_aside(root):
    store(root, make_outcome())
    parts(root, "histories")[0].unlink()
    with writing(root):
        pass
    assert Ledger(root).stored() == {}
    assert len(list((root / "unreadable").iterdir())) == 1


@pytest.mark.parametrize("table", TABLES)
def test_foreign_files_are_set_aside(root, caplog, table):
    store(root, make_outcome())
    directory = root / f"{table}.parquet"
    (directory / "notes.txt").write_text("mine")
    pd.DataFrame({"a": [1]}).to_parquet(directory / "mine.parquet")
    (directory / ".DS_Store").write_bytes(b"\0")
    for _ in range(2):
        with writing(root):
            pass
    assert len(caplog.records) == 2
    assert sorted(path.name[-9:] for path in (root / "unreadable").iterdir()) == [
        "e.parquet",
        "notes.txt",
    ]
    assert len(load_tables(root).trials) == 1


def test_a_part_from_before_a_column_was_added_is_read(root):
    store(root, make_outcome())
    part = parts(root, "trials")[0]
    pd.read_parquet(part).drop(columns=["test_r2", "samples"]).to_parquet(part, index=False)
    with writing(root):
        pass
    frame = Ledger(root).trials()
    assert str(frame["samples"].dtype) == "Int64"
    assert pd.isna(frame["test_r2"][0])


def test_a_trial_from_before_a_field_was_added_has_the_fields_default(root, caplog):
    """A row's id stays what it was: no recipe of today has it, so it is never taken for one."""
    trial = Trial(dataset="wine", depth=3, regularizers=(("l2", 0.1),), supplied="a" * 16)
    store(root, make_outcome(trial=trial))
    part = parts(root, "trials")[0]
    later = ["kernel_size", "pooling", "schedule", "gradient_clip", "supplied", "regularizers"]
    older = pq.read_table(part).drop_columns(later)
    pq.write_table(older, part)
    with writing(root):
        pass
    assert not caplog.records
    row = Ledger(root).trials().iloc[0].to_dict()
    assert to_trial(row) == replace(trial, regularizers=(), supplied="")
    assert row["trial_id"] == trial.id
    assert [key.trial_id for key in Ledger(root).stored()] == [trial.id]
    pq.write_table(older.drop_columns(["dataset"]), part)
    assert Ledger(root).trials().empty
    assert "has no column 'dataset'" in caplog.text


WRITE_FOREVER = """
import sys
from pathlib import Path
from suite.storing import writing
from suite.provenance import Provenance
from suite.trial import Histories, Outcome, Trial
import numpy as np

n = 2000
histories = Histories(epoch=np.zeros(n, np.int32), split=("train",) * n, metric=("loss",) * n,
                      layer=np.full(n, -1, np.int32), value=np.arange(n, dtype=float))
fields = Provenance.__dataclass_fields__
with writing(Path(sys.argv[1])) as writer:
    for seed in range(10**6):
        outcome = Outcome(trial=Trial(dataset="digits", seed=seed), outcome="completed",
                          histories=histories, kernel="torch-cpu")
        writer.store([outcome], Provenance(**dict.fromkeys(fields, "x")))
        print(seed, flush=True)
"""


def test_a_kill_loses_at_most_the_cohort_in_flight(root):
    """Kills a storing process at different moments; starting Python twice takes the time."""
    for delay in (0.003, 0.0071):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOREVER, str(root)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(5):
            writer.stdout.readline()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        told = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        seeds = set(load_tables(root).trials["seed"])
        acknowledged = int(told[-1]) if told else 4
        assert seeds >= set(range(acknowledged + 1))
        assert len(load_tables(root).histories) == 2000 * len(seeds)
    store(root, make_outcome(10**6))
    for table in ("trials", "histories"):
        assert not [path for path in parts(root, table) if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "Input/output error")],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_full_disk_ends_in_one_line_and_harms_nothing(
    root, monkeypatch, number, words, call, fails_at
):
    with writing(root) as writer:
        writer.store([make_outcome()], PROVENANCE)
        before = sorted(path for path in root.rglob("*"))
        genuine, calls = getattr(os, call), []

        def failing(*arguments):
            calls.append(arguments)
            if len(calls) == fails_at:
                raise OSError(number, os.strerror(number))
            return genuine(*arguments)

        monkeypatch.setattr(os, call, failing)
        with pytest.raises(InputError) as caught:
            writer.store([make_outcome(1)], PROVENANCE)
        assert str(caught.value).count("\n") == 0
        assert words in str(caught.value)
        assert "everything stored so far is intact" in str(caught.value)
        assert sorted(path for path in root.rglob("*")) == before
        writer.store([make_outcome(1)], PROVENANCE)
    assert len(load_tables(root).trials) == 2


HOLD_LOCK = """
import sys
from pathlib import Path
from suite.storing import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_writes(root):
    command = [sys.executable, "-c", HOLD_LOCK, str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(InputError, match=rf"results/.*process {holder.pid}"), writing(root):
            pass
        assert Ledger(root).trials().empty
        holder.stdin.close()
    with writing(root):
        pass


def test_a_second_writer_in_the_same_process_is_refused(root):
    with writing(root), pytest.raises(InputError, match="another run"), writing(root):
        pass


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"), writing(tmp_path / "results"):
        pass


# What an experiment asked for.


EXPERIMENT = build_experiment(
    "toy",
    {
        "question": "Does depth help?",
        "vary": {"depth": ["1", "2"], "samples": ["null", "100"]},
        "hold": {"dataset": ["digits"], "learning_rate": "0.1"},
        "profiles": {"quick": {"seeds": "2"}},
        "claims": {
            "c": {
                "says": "x",
                "metric": "test_accuracy",
                "better": {"depth": "2"},
                "worse": {"depth": "1"},
                "margin": "0.1",
            }
        },
    },
)


def plan_row(outcome, contender, split=0, **changes):
    facts = {
        "experiment": "toy",
        "profile": "quick",
        "registered_hash": EXPERIMENT.registered_hash("quick"),
        "invocation": "20260101T000000.000000-aaaaaa",
        "stage": "final",
        "study": "s",
        "contender": json.dumps(contender, sort_keys=True, separators=(",", ":")),
        "repeat": 0,
        "number": 0,
        "dataset": "digits",
        "split": split,
        "trial_id": outcome.trial.id,
        "code_hash": PROVENANCE.code_hash,
        "data_hash": PROVENANCE.data_hash,
        "kernel": "torch-cpu",
    }
    return PlanRow(**(facts | changes))


def planned(invocation="20260101T000000.000000-aaaaaa", **changes):
    """Outcomes and plan rows of the toy's eight final trials."""
    rows, outcomes = [], []
    for contender in EXPERIMENT.at("quick").contenders():
        for split in (0, 1):
            outcome = make_outcome(trial=Trial(dataset="digits", split=split, **contender))
            outcomes.append(outcome)
            rows.append(plan_row(outcome, contender, split, invocation=invocation, **changes))
    return outcomes, rows


def test_evidence_has_levels_as_the_experiment_has_them(root):
    outcomes, rows = planned()
    with writing(root) as writer:
        writer.store_plan(rows)
        writer.store(outcomes, PROVENANCE)
    evidence = gather(Ledger(root), EXPERIMENT, "quick")
    assert evidence.complete
    assert evidence.code_hash == PROVENANCE.code_hash
    assert evidence.registered_hash == EXPERIMENT.registered_hash("quick")
    assert evidence.trials["depth"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert evidence.trials["samples"].tolist() == [None, None, 100, 100] * 2
    assert evidence.trials["split"].tolist() == [0, 1] * 4
    assert evidence.trials["trained_parameters"].tolist() == [8970] * 8
    assert evidence.trials["test_accuracy"].tolist() == [0.9] * 8
    assert evidence.trials.columns.is_unique
    assert set(evidence.histories["trial_id"]) == set(evidence.trials["trial_id"])
    assert evidence.tuning.empty


def test_planned_trials_without_a_measurement_have_no_outcome(root):
    outcomes, rows = planned()
    with writing(root) as writer:
        writer.store_plan(rows)
        writer.store(outcomes[1:], PROVENANCE)
    evidence = gather(Ledger(root), EXPERIMENT, "quick")
    assert not evidence.complete
    assert evidence.trials["outcome"].isna().tolist() == [True] + [False] * 7
    assert evidence.trials["depth"].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


def test_evidence_takes_the_last_request_of_the_current_design_and_code(root):
    outcomes, rows = planned()
    _, old_design = planned(registered_hash="0" * 16)
    _, other_profile = planned(profile="full")
    _, new_code = planned(invocation="20260102T000000.000000-bbbbbb", code_hash="e" * 16)
    tuned = make_outcome(trial=Trial(dataset="digits", reports_test=False, seed=99))
    tuning = plan_row(tuned, {"depth": 1, "samples": None}, stage="tuning")
    with writing(root) as writer:
        writer.store_plan(new_code[:1])
        writer.store_plan([*rows, *rows, tuning, *old_design, *other_profile])
        writer.store([*outcomes, tuned], PROVENANCE)
    evidence = gather(Ledger(root), EXPERIMENT, "quick")
    assert evidence.code_hash == "e" * 16
    assert evidence.trials["outcome"].isna().tolist() == [True]
    assert evidence.histories.empty
    with writing(root) as writer:
        writer.store_plan(
            [replace(row, invocation="20260103T000000.000000-cccccc") for row in rows]
        )
    evidence = gather(Ledger(root), EXPERIMENT, "quick")
    assert evidence.complete
    assert len(evidence.trials) == 8
    assert evidence.tuning["trial_id"].tolist() == [tuned.trial.id]


def test_evidence_of_nothing(root):
    evidence = gather(Ledger(root), EXPERIMENT, "quick")
    assert evidence.trials.empty
    assert not evidence.complete
    assert evidence.code_hash == ""
    assert {"depth", "samples", "outcome", "test_accuracy"} <= set(evidence.trials.columns)


def test_a_variant_may_not_have_the_name_of_a_result(root):
    content = {
        "question": "?",
        "vary": {"outcome": {"a": {"depth": "1"}, "b": {"depth": "2"}}},
        "hold": {"dataset": ["digits"], "learning_rate": "0.1"},
        "profiles": {"quick": {"seeds": "1"}},
    }
    with pytest.raises(InputError, match=r"toy: vary\.outcome"):
        gather(Ledger(root), build_experiment("toy", content), "quick")


def test_invocations_come_back_and_ids_sort_by_time(root):
    facts = {name: 1.5 for name in Invocation.__dataclass_fields__ if name.endswith("seconds")}
    words = dict.fromkeys(("profile", "experiments", "started", "ended", "device"), "x")
    first, second = new_invocation_id(), new_invocation_id()
    row = Invocation(invocation=first, **facts, **words, networks=3, networks_reused=1, workers=2)
    with writing(root) as writer:
        writer.store_invocation(row)
        writer.store_invocation(replace(row, networks=5))
        writer.store_invocation(replace(row, invocation=second))
    frame = load_tables(root).invocations
    assert frame.to_dict("records") == [
        asdict(replace(row, networks=5)),
        asdict(replace(row, invocation=second)),
    ]
    assert first < second


def test_a_ledger_asked_again_reads_only_new_parts(root, monkeypatch):
    with writing(root) as writer:
        writer.store([make_outcome(0)], PROVENANCE)
        ledger = Ledger(root)
        assert len(ledger.trials()) == 1
        writer.store([make_outcome(1)], PROVENANCE)
        read, original = [], ledger_module.parquet.read_part

        def noted(path, *rest):
            read.append(path)
            return original(path, *rest)

        monkeypatch.setattr(ledger_module.parquet, "read_part", noted)
        assert len(ledger.trials()) == 2
        assert len(read) == 1
        assert ledger.stored() == Ledger(root).stored()
        assert ledger.trials().equals(Ledger(root).trials())
