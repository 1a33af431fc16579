"""A file of one's own goes the whole way: read, planned, trained, stored and repeated."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from suite import planning
from suite.data.cards import CARDS, DATASETS
from suite.data.tables.registering import register_again, spec_text
from suite.errors import InputError
from suite.execution import worker
from suite.planning import build_trial, group
from suite.reading import build_experiment, read_experiment
from suite.results import load_tables

MINE = """\
question: Does depth help with my sales?
vary: {depth: [1, 2]}
hold:
  dataset: [{file: data/sales.csv, target: price, group: shop, drop: note}, circles]
  network: dense
  width: 6
  activation: tanh
  optimizer: adam
  learning_rate: 0.01
  epochs: 1
  batch_size: 32
profiles:
  quick: {seeds: 2}
"""


def sales(rows=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=rows).round(3),
            "kind": rng.choice(["a", "b", "c"], rows),
            "shop": rng.choice([f"s{number}" for number in range(20)], rows),
            "note": "none",
        }
    )
    return frame.assign(price=(3 * frame["size"] + rng.normal(size=rows)).round(3))


@pytest.fixture
def mine(place, monkeypatch):
    """An experiment beside a folder with its data; the cache is empty."""
    monkeypatch.setenv("LEADLINE_CACHE", str(place / "cache"))
    monkeypatch.setattr(DATASETS, "_configured", {})
    Path("own/data").mkdir(parents=True)
    sales().to_csv("own/data/sales.csv", index=False)
    Path("own/mine.yaml").write_text(MINE, encoding="utf-8")
    return Path("own/mine.yaml")


def dataset_of(path):
    return read_experiment(path).at("quick").datasets[0]


def test_an_experiment_knows_a_file_by_a_plain_name(mine):
    experiment = read_experiment(mine)
    name, other = experiment.at("quick").datasets
    assert name.startswith("sales_")
    assert name.isidentifier()
    assert other == "circles"
    assert "own" not in experiment.model_dump_json()
    first = experiment.registered_hash("quick")
    sales(121).to_csv("own/data/sales.csv", index=False)
    assert read_experiment(mine).registered_hash("quick") != first


def test_paths_start_at_the_file_or_at_the_working_directory(mine):
    content = {
        "question": "Mine?",
        "vary": {"depth": [1, 2]},
        "hold": {"dataset": {"file": "own/data/sales.csv", "target": "price"}, "learning_rate": 1},
        "profiles": {"quick": {"seeds": 1}},
        "claims": {
            "mine": {
                "says": "Depth helps.",
                "metric": "test_loss",
                "better": {"depth": 2},
                "worse": {"depth": 1},
                "where": {"dataset": {"file": "own/data/sales.csv", "target": "price"}},
                "margin": 1,
            }
        },
    }
    experiment = build_experiment("mine", content)
    (name,) = experiment.at("quick").datasets
    assert experiment.claims["mine"].where["dataset"] == (name,)
    assert name != dataset_of(mine)
    content["hold"]["dataset"]["file"] = "elsewhere/sales.csv"
    with pytest.raises(InputError, match=r"elsewhere/sales\.csv cannot be read: No such file"):
        build_experiment("mine", content)


def test_a_dry_run_warns_once_and_writes_no_results(mine, leadline):
    text = MINE.replace("drop: note", "time: shop")
    mine.write_text(text.replace(", group: shop", ""), encoding="utf-8")
    called = leadline("run", mine, "--profile", "quick", "--dry-run")
    assert called.code == 2
    assert called.err == (
        "leadline: own/mine.yaml: dataset: own/data/sales.csv time 'shop' has neither dates nor "
        "numbers\nwrite dates as 2024-12-31, or number the rows\n"
    )
    mine.write_text(MINE.replace(", drop: note", ""), encoding="utf-8")
    called = leadline("run", mine, "--profile", "quick", "--dry-run")
    assert called.code == 0
    assert "mine: 8 networks" in called.out
    name = dataset_of(mine)
    assert called.err.splitlines() == [f"{name}: {warning}" for warning in CARDS[name].warnings]
    assert len([line for line in called.err.splitlines() if "'note' has one value" in line]) == 1
    assert not Path("results").exists()


def test_a_file_can_be_set_on_the_command_line(mine, leadline):
    chosen = "dataset={file: own/data/sales.csv, target: price}"
    called = leadline("run", "tiny", "--profile", "quick", "--dry-run", "--set", chosen)
    assert called.code == 0
    assert "taken as an amount" in called.err
    called = leadline("run", "tiny", "--profile", "quick", "--set", "dataset={file: no.csv}")
    assert (called.code, called.err.count("\n")) == (2, 1)
    assert "needs a target" in called.err


@pytest.mark.slow
def test_a_run_and_its_repetition_in_another_process(mine, leadline, monkeypatch):
    """The worker of the repetition is a fresh process, which finds the rows by the name alone.

    Slow because of the run, its report and the process; nothing less shows that all of them agree.
    """
    assert leadline("run", mine, "--profile", "quick", "--workers", 0).code == 0
    name = dataset_of(mine)
    trials = load_tables("results").trials
    assert set(trials["dataset"]) == {name, "circles"}
    assert trials["outcome"].eq("completed").all()
    page = Path("reports/quick/mine/methods.html").read_text(encoding="utf-8")
    assert "taken as an amount" in page
    assert str(Path.cwd()) not in page
    one = trials[trials["dataset"] == name]["trial_id"].iloc[0]
    shutil.rmtree("cache")
    monkeypatch.setattr(DATASETS, "_configured", {})
    called = leadline("rerun", one)
    assert "the same to the last bit" in called.out + called.err
    assert called.code == 0


def test_a_file_that_moved_or_changed_cannot_be_repeated(mine):
    name = dataset_of(mine)
    text, path = spec_text(name), Path("own/data/sales.csv").resolve()
    register_again(name, text)
    shutil.rmtree("cache")
    register_again(name, text)
    assert Path("cache/tables").is_dir()
    shutil.rmtree("cache")
    sales(121).to_csv(path, index=False)
    with pytest.raises(InputError) as told:
        register_again(name, text)
    assert str(told.value) == f"{path}: is not what it was when data set {name} was read"
    path.unlink()
    with pytest.raises(InputError) as told:
        register_again(name, text)
    assert str(told.value) == f"{path}: is missing; data set {name} was read from it"
    assert spec_text("circles") == ""


def test_few_splits_of_a_big_table_are_in_one_cohort(mine, monkeypatch):
    """So that what a worker holds at once stays within its share of the memory."""
    name = dataset_of(mine)
    trials = [build_trial({"learning_rate": 0.01, "width": 4}, name, split=s) for s in range(6)]
    assert [len(cohort.trials) for cohort in group(trials, (), 2)] == [3, 3]
    two_splits = 2.5 * planning._split_bytes(CARDS[name])
    memory = SimpleNamespace(available=two_splits / planning.MEMORY_SHARE * 2)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    monkeypatch.setattr(planning, "cohort_bytes", lambda *_: 1)
    cohorts = group(trials, (), 2)
    assert [len(cohort.trials) for cohort in cohorts] == [2, 2, 2]
    assert {trial for cohort in cohorts for trial in cohort.trials} == set(trials)


def test_a_worker_keeps_one_split_of_a_big_table(mine, monkeypatch):
    name = dataset_of(mine)
    trials = [build_trial({"learning_rate": 0.01, "width": 4}, name, split=s) for s in range(2)]
    monkeypatch.setattr(worker, "_FEW_NUMBERS", 10)
    for kept in (worker._load, worker._load_large):
        kept.cache_clear()
    for cohort in group(trials, (), 1):
        assert all(o.outcome == "completed" for o in worker.train(cohort, "cpu"))
    assert worker._load.cache_info().currsize == 0
    assert worker._load_large.cache_info().currsize == 1


def test_lists_have_no_files_of_ones_own(mine, leadline):
    name = dataset_of(mine)
    assert name in DATASETS
    assert name not in leadline("list", "datasets").out
