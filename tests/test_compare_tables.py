"""What is read of a table before it is compared: rows of a large one, and how it is scored."""

import numpy as np
import pandas as pd
import pytest

import suite.compare.plan as planning
from suite.compare.learning import sizes
from suite.compare.plan import Effort, plan, score_of
from suite.compare.sampling import sample_file
from suite.compare.table import read, read_spec_of
from suite.data.cards import DATASETS
from suite.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(DATASETS, "_configured", {})
    monkeypatch.chdir(tmp_path)


def frame(rows=1000, rare=0.1):
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(rows, 2)).round(4)
    labels = np.where(np.arange(rows) < rare * rows, "rare", "common")
    table = pd.DataFrame(inputs, columns=["a", "b"])
    note = [f'said "{n}",\nthen left' for n in range(rows)]
    return table.assign(row=np.arange(rows), shop=np.arange(rows) // 20, note=note, label=labels)


def drawn(most, target="label", ending="csv", **options):
    table = frame()
    path = f"big.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    spec = read_spec_of({"file": path, "target": target, **options})
    sample = sample_file(spec, most, spec.file.parent / "out")
    reader = pd.read_csv if ending == "csv" else pd.read_parquet
    return sample, table, reader(sample.spec.file)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_are_kept_whole_in_order_and_by_their_class_shares(ending):
    sample, table, kept = drawn(300, ending=ending)
    assert (sample.rows, len(kept)) == (1000, 300)
    assert "each class" in sample.how
    assert kept["label"].value_counts().to_dict() == {"common": 270, "rare": 30}
    assert kept["row"].is_monotonic_increasing
    pd.testing.assert_frame_equal(kept, table.loc[kept["row"]].reset_index(drop=True))


def test_the_same_rows_are_drawn_each_time_and_from_both_kinds_of_file():
    first, second = drawn(200)[2]["row"], drawn(200)[2]["row"]
    assert list(first) == list(second) == list(drawn(200, ending="parquet")[2]["row"])
    # All over the file, not its beginning.
    assert first.iloc[-1] > 950


def test_groups_stay_whole():
    _, _, kept = drawn(300, group="shop")
    assert len(kept) == 300
    assert set(kept["shop"].value_counts()) == {20}


def test_amounts_are_drawn_without_classes():
    sample, _, kept = drawn(250, target="a")
    assert len(kept) == 250
    assert sample.how == "drawn at random"


def test_a_file_with_few_rows_is_read_itself():
    sample, _, _ = drawn(1000)
    assert (sample.spec.file.name, sample.rows) == ("big.csv", None)


def test_what_is_left_out_is_said_aloud(tmp_path):
    frame().to_csv("big.csv", index=False)
    table = read(read_spec_of({"file": "big.csv", "target": "label"}), 400, tmp_path / "out")
    assert (table.rows, table.card.samples) == (1000, 400)
    assert "400 of 1 000 rows are used" in table.warnings[0].replace("\u2009", " ")


def test_an_error_names_the_users_own_file(tmp_path):
    frame().to_csv("big.csv", index=False)
    with pytest.raises(InputError, match=r"big.csv: has no column 'lable'.*did you mean 'label'"):
        read(read_spec_of({"file": "big.csv", "target": "lable"}), 400, tmp_path / "out")


def ready(**options):
    frame(**options).drop(columns=["note", "row"]).to_csv("rows.csv", index=False)
    spec = read_spec_of({"file": "rows.csv", "target": options.get("target", "label")})
    return read(spec, 10_000, spec.file.parent / "out")


@pytest.mark.parametrize(
    ("rare", "metric"), [(0.3, "test_accuracy"), (0.17, "test_accuracy"), (0.15, "balanced")]
)
def test_rare_classes_change_the_score(rare, metric):
    assert metric in score_of(ready(rare=rare))[0]


def test_all_contenders_have_one_budget_and_the_same_splits():
    experiment = plan(ready(rows=200), Effort(seeds=4, trials=5))
    assert experiment.tune.budget.trials == 5
    assert experiment.profiles["standard"].seeds == 4
    assert set(experiment.vary["model"]) == set(planning.contenders("classification"))
    # What only one of the networks had would be no fair comparison of depths.
    shallow, deep = (experiment.variants["model"][name] for name in ("shallow", "deep"))
    assert dict(shallow) | {"depth": 3} == dict(deep)


def test_less_time_means_fewer_candidates_never_more_than_was_asked():
    table = ready(rows=600)
    costs = [planning.seconds_of(plan(table, Effort(minutes=m))) for m in (0.1, 0.5, 60)]
    assert costs == sorted(costs)
    assert costs[1] <= 30
    assert plan(table, Effort(minutes=0.1, trials=7)).tune.budget.trials == 7


def test_a_rare_class_means_fewer_splits():
    experiment = plan(ready(rows=200, rare=0.03), Effort(minutes=60))
    assert experiment.profiles["standard"].seeds == 6


def test_parts_of_the_rows_are_enough_to_learn_from():
    assert sizes(ready(rows=1000)) == (100, 200, 400)
    assert sizes(ready(rows=60, rare=0.3)) == (12, 24)
