"""The commands as a user calls them: what they print, how they end, what they write."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suite import benchmark, execution, parquet
from suite.catalogue import catalogue
from suite.classical.models import CLASSICAL
from suite.data.cards import CARDS, DATASETS
from suite.execution.local import InlineExecutor
from suite.figures.catalogue import FIGURES
from suite.ledger import Ledger
from suite.metrics import METRICS
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS, POOLINGS
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES
from suite.planning import NAMES
from suite.reading import read_experiment
from suite.running import Settings, run_experiments
from suite.training.probes import PROBES
from tests.interrupts import interruptible

pytestmark = pytest.mark.usefixtures("one_thread")

NETWORKS_OF_FILE = 12


@pytest.fixture(scope="module")
def trained(one_thread, tiny_file, tmp_path_factory):
    """Results of the tiny experiment, which no test may write to."""
    directory = tmp_path_factory.mktemp("trained")
    (directory / "tiny.yaml").write_text(tiny_file, encoding="utf-8")
    settings = Settings(profile="quick", workers=0, results=directory / "results")
    experiment = read_experiment(directory / "tiny.yaml")
    nothing = Silence().note
    run_experiments([experiment], settings, Silence(), report=nothing, mirror=nothing)
    return directory / "results"


@pytest.fixture
def results(place, trained):
    """A copy of them in the working directory."""
    return shutil.copytree(trained, place / "results")


@pytest.fixture
def inline(monkeypatch):
    """Repetitions train in this process."""
    monkeypatch.setattr(
        execution.local, "ProcessExecutor", lambda _, device: InlineExecutor(device)
    )


@pytest.fixture
def no_mirror(monkeypatch):
    """Runs are not mirrored to MLflow; those that would have been."""
    mirrored = []
    monkeypatch.setattr(
        benchmark.running, "_mirror", lambda *_: lambda experiment: mirrored.append(experiment.name)
    )
    return mirrored


class Silence:
    """A listener that says nothing."""

    def __getattr__(self, _name):
        return lambda *_: None


def files():
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*") if path.is_file()}


def tamper(results, column, change):
    """Change a column of the first stored trial and return the trial's id."""
    part = min((results / "trials.parquet").glob("*.parquet"))
    frame = pq.read_table(part)
    values = frame[column].to_pylist()
    values[0] = change(values[0])
    index = frame.column_names.index(column)
    array = pa.array(values, frame.schema.field(column).type)
    pq.write_table(frame.set_column(index, frame.schema.field(column), array), part)
    return frame["trial_id"][0].as_py()


@pytest.mark.parametrize("command", ["show", "rerun", "export"])
def test_an_id_that_names_no_trial_or_several_is_said(command, results, leadline):
    ids = sorted(Ledger(results).trials()["trial_id"])
    for prefix in ("", "xyz"):
        called = leadline(command, prefix)
        assert (called.code, called.out) == (2, "")
        assert "no stored trial has such an id" in called.err
    shared = tamper(results, "trial_id", lambda _: ids[-1][:2] + "f" * 14)[:0] or ids[-1][:2]
    called = leadline(command, shared)
    assert called.code == 2
    assert re.match(rf"leadline: {shared}: \d trials begin so\nsuch as {shared}", called.err)


def test_help_and_a_bad_file_need_no_heavy_import(place):
    """In a process of its own, since this one has imported everything."""
    Path("bad.yaml").write_text("questionn: Why?\n", encoding="utf-8")
    script = """
import sys
from suite.cli import main
for arguments in (["--help"], ["run", "--help"], [], ["run", "bad.yaml"], ["rnu"]):
    sys.argv = ["leadline", *arguments]
    try:
        main()
    except SystemExit as ended:
        print("code", ended.code)
print("heavy", {"torch", "pandas", "mlflow", "matplotlib", "sklearn", "scipy"} & set(sys.modules))
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.findall(r"^code (.*)$", ended.stdout, re.MULTILINE) == ["0", "0", "0", "2", "2"]
    assert "did you mean 'question'?" in ended.stderr
    assert ended.stdout.splitlines()[-1] == "heavy set()"
    for name in ("list", "run", "report", "ui", "show", "rerun", "verify", "export", "speed"):
        assert re.search(rf"^. {name} ", ended.stdout, re.MULTILINE)


KINDS = {
    "experiments": ["tiny"],
    "datasets": CARDS,
    "networks": NETWORKS,
    "classical": CLASSICAL,
    "poolings": POOLINGS,
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "regularizers": REGULARIZERS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "losses": LOSSES,
    "probes": PROBES,
    "metrics": METRICS,
    "figures": FIGURES,
}


@pytest.mark.parametrize("kind", KINDS)
def test_list_names_every_word_of_a_kind(kind, place, leadline):
    plain, as_json = leadline("list", kind), leadline("list", kind, "--json")
    assert (plain.code, plain.err, as_json.code, as_json.err) == (0, "", 0, "")
    (listed,) = json.loads(as_json.out).values()
    assert list(listed) == list(KINDS[kind])
    assert all(column for columns in listed.values() for column in columns)
    printed = [line.split()[0] for line in plain.out.splitlines() if line.split()]
    assert printed[0] == kind
    assert set(KINDS[kind]) <= set(printed)


def test_every_part_is_listed_with_its_source(place):
    words = catalogue(place)
    parts = [names for _, names in NAMES.values() if names is not DATASETS]
    for part in [*parts, REGULARIZERS, PROBES]:
        rows = {name: (entry.description, entry.source) for name, entry in part.items()}
        assert rows in words.values()


def test_list_shows_everything_by_default(place, leadline):
    assert list(json.loads(leadline("list", "--json").out)) == list(KINDS)
    assert json.loads(leadline("list", "--json").out).keys() == catalogue(Path()).keys()
    assert leadline("list").out == leadline("list", "all").out


def test_show_prints_a_row(results, leadline):
    stored = Ledger(results).trials().set_index("trial_id")
    trial_id = stored.index[0]
    row = json.loads(leadline("show", trial_id, "--json").out, parse_constant=pytest.fail)
    assert row.pop("trial_id") == trial_id
    assert row.keys() == set(stored.columns)
    for name, value in row.items():
        assert (
            pd.isna(stored.loc[trial_id, name])
            if value is None
            else (stored.loc[trial_id, name] == value)
        )
    printed = leadline("show", trial_id)
    assert (printed.code, printed.err) == (0, "")
    cells = (line.strip().partition(" ") for line in printed.out.splitlines()[1:])
    lines = {name: value.strip() for name, _, value in cells}
    assert lines["train_loss"] == repr(row["train_loss"])
    assert lines["activation"] == "tanh"
    assert "test_loss" not in lines  # a tuning trial has none


def test_show_prints_an_error_word_for_word(results, leadline):
    trial_id = tamper(results, "error", lambda _: "KeyError: [/red] array[bold]")
    assert "KeyError: [/red] array[bold]" in leadline("show", trial_id).out


@pytest.mark.usefixtures("inline")
def test_rerun_says_that_the_numbers_are_the_same(results, leadline):
    row = Ledger(results).trials().iloc[-1]
    before = files()
    called = leadline("rerun", row["trial_id"][:6])
    assert (called.code, called.err) == (0, "")
    last = f"{row['trial_id']}: completed, the same to the last bit"
    assert called.out.splitlines()[-1] == last
    loss = float(row["test_loss"])
    assert f"{loss!r} same as {loss!r}" in called.out
    assert files() == before


@pytest.mark.usefixtures("inline")
def test_rerun_says_what_differs(results, leadline):
    trial_id = tamper(results, "train_loss", lambda loss: loss + 1e-15)
    called = leadline("rerun", trial_id)
    assert (called.code, called.err) == (1, "")
    assert called.out.splitlines()[-1] == f"{trial_id}: completed, differs in train_loss"
    assert re.search(r"^train_loss .* differs from ", called.out, re.MULTILINE)
    assert re.search(r"^train_accuracy .* same as ", called.out, re.MULTILINE)


@pytest.mark.usefixtures("inline")
def test_rerun_says_when_other_code_has_measured(results, leadline):
    tamper(results, "code_hash", lambda _: "0" * 16)
    trial_id = tamper(results, "train_loss", lambda loss: loss + 1)
    called = leadline("rerun", trial_id)
    assert called.code == 1
    last = f"{trial_id}: completed, differs in train_loss; it was measured by other code"
    assert called.out.splitlines()[-1] == last


@pytest.mark.usefixtures("inline")
def test_verify_says_how_many_are_the_same(results, leadline):
    called = leadline("verify", "--share", 1, "--seed", 3)
    assert called == (0, "12 of 12 trials have the same bits (sample seed 3)\n", "")
    called = leadline("verify", "--share", 0.25, "--seed", 4)
    assert called == (0, "3 of 3 trials have the same bits (sample seed 4)\n", "")


@pytest.mark.usefixtures("inline")
def test_verify_says_which_differ(results, leadline):
    trial_id = tamper(results, "validation_loss", lambda loss: loss * (1 + 1e-15))
    called = leadline("verify", "--share", 1, "--seed", 3)
    assert (called.code, called.err) == (1, "")
    assert called.out.splitlines() == [
        f"{trial_id} differs in validation_loss",
        "11 of 12 trials have the same bits (sample seed 3)",
    ]


@pytest.mark.slow
def test_verify_in_fresh_processes(results, leadline):
    """That numbers survive a new process is the promise of verify, so one test starts some."""
    called = leadline("verify", "--share", 1, "--seed", 3, "--workers", 1)
    assert called == (0, "12 of 12 trials have the same bits (sample seed 3)\n", "")


def test_a_dry_run_counts_what_a_run_trains_and_writes_nothing(place, no_mirror, leadline):
    before = files()
    dry = leadline("run", "--profile", "quick", "--dry-run", "--workers", 2)
    assert (dry.code, dry.err) == (0, "")
    assert files() == before
    assert not Path("results").exists()
    (count,) = re.findall(r"^tiny: (\d+) networks in \d+ cohorts", dry.out, re.MULTILINE)
    assert int(count) == NETWORKS_OF_FILE
    run = leadline("run", "--profile", "quick", "--workers", 0, "--device", "cpu")
    assert (run.code, run.err) == (0, "")
    assert len(Ledger(Path("results")).trials()) == NETWORKS_OF_FILE
    assert set(no_mirror) == {"tiny"}
    assert re.search(r"^depth-accuracy +… preview +[+-]", run.out, re.MULTILINE)
    assert "1 claims: 1 preview" in run.out
    report, onward = run.out.splitlines()[-2:]
    assert report == "report: reports/quick/index.html"
    assert onward.startswith("read on: leadline ui")
    assert Path("reports/quick/index.html").stat().st_size
    assert leadline("report", "--profile", "quick").code == 0


def test_own_files_and_settings_have_reports_of_their_own(results, no_mirror, leadline):
    shutil.move("experiments/tiny.yaml", "tiny.yaml")
    own = leadline("run", "tiny.yaml", "--profile", "quick", "--workers", 0)
    assert own.code == 0
    assert Path("reports/quick/tiny/index.html").exists()
    assert len(Ledger(results).trials()) == NETWORKS_OF_FILE  # as they were stored before
    settings = ["--set", "seeds=1", "--set", "epochs=1"]
    explored = leadline("run", "tiny.yaml", "--profile", "quick", "--workers", 0, *settings)
    assert explored.code == 0
    assert len(Ledger(results).trials()) == NETWORKS_OF_FILE + NETWORKS_OF_FILE // 2
    assert json.loads(Path("reports/exploratory/verdicts.json").read_text()) == []
    twice = leadline("run", "tiny.yaml", "./tiny.yaml", "--profile", "quick", "--dry-run")
    assert twice.out.count("12 networks") == 1


def test_a_full_disk_ends_in_one_line(place, no_mirror, leadline, monkeypatch):
    left = iter(range(6))

    def fsync(descriptor, real=os.fsync):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(parquet.os, "fsync", fsync)
    called = leadline("run", "--profile", "quick", "--workers", 0)
    assert called.code == 2
    assert called.err == "leadline: results/: disk is full; everything stored so far is intact\n"
    assert 0 < len(Ledger(Path("results")).trials()) < NETWORKS_OF_FILE
    assert not Path("reports").exists()


def test_a_report_that_cannot_be_written_ends_in_two_lines(results, leadline, monkeypatch):
    def write(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("suite.report.files.write", write)
    called = leadline("report", "--profile", "quick")
    problem = "cannot be written: No space left on device\nwhat was measured is stored\n"
    assert called == (2, "", f"leadline: reports/quick/: {problem}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_in_one_line(number, place, leadline, monkeypatch):
    def interrupt(*_args, **_kwargs):
        os.kill(os.getpid(), number)

    monkeypatch.setattr(benchmark, "run", interrupt)
    with interruptible():
        called = leadline("run", "--profile", "quick")
    line = "stopped; what has finished is stored in results/, and the same command goes on\n"
    assert called == (130, "", line)


def test_python_runs_an_experiment_as_the_command_does(place, no_mirror):
    from suite import load_results, run

    evidence = run("experiments/tiny.yaml", "quick", workers=0)
    assert evidence.complete
    assert set(evidence.trials["trial_id"]) == set(load_results()["trial_id"])
    # A preview never takes the place of a standard run's report.
    assert [path.name for path in Path("reports").iterdir()] == ["quick"]
    assert Path("reports/quick/tiny/index.html").is_file()
