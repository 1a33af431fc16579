"""The explorer: its data say what was measured, its page offers what was varied."""

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.data.loading import data_hash, load_split
from suite.explorer import page as explorer
from suite.pictures import GRID
from suite.trial import OPTIONAL
from tests.planted import evidence, experiment

SETS = ("moons", "digits")
VARY = {"depth": ["4", "1"], "activation": ["relu", "tanh"]}
EPOCHS = (0, 2, 5)
CURVES = [(part, m) for part in ("train", "validation") for m in ("loss", "accuracy")]
ASSETS = Path(explorer.__file__).parent / "assets"


def draws(row, purpose):
    return np.random.default_rng([int(row["trial_id"], 16), len(purpose)])


def measured(row):
    values = draws(row, "scores").uniform(0.6, 0.9, size=2)
    hashed = data_hash(row["dataset"]) if row["dataset"] == "moons" else "other rows"
    return {
        "trained_parameters": 10 * row["depth"],
        "test_accuracy": values[0],
        "data_hash": hashed,
        **dict.fromkeys(OPTIONAL, None),
        "samples": np.nan,
    }


def histories(trials):
    """Curves and gradients of every network; pictures of those on the toy alone."""
    rows = []
    for trial in trials.to_dict("records"):
        rng, name = draws(trial, "histories"), trial["trial_id"]
        for epoch in EPOCHS:
            rows += [(name, epoch, part, m, -1, rng.lognormal()) for part, m in CURVES]
            for layer in range(1, trial["depth"] + 2):
                rows.append((name, epoch, "train", "gradient_norm", layer, rng.lognormal(-9, 3)))
        if trial["dataset"] == "moons":
            values = rng.uniform(size=GRID**2)
            rows += [
                (name, EPOCHS[-1], "train", "decision_surface", place, value)
                for place, value in enumerate(values)
            ]
    return pd.DataFrame(rows, columns=["trial_id", "epoch", "split", "metric", "layer", "value"])


def planted(measure=measured, seeds=3):
    design = experiment({}, vary=VARY, datasets=SETS, seeds=seeds, name="explorer")
    found = evidence(design, measure)
    return dataclasses.replace(found, histories=histories(found.trials))


@pytest.fixture(scope="module")
def shown():
    return planted()


@pytest.fixture(scope="module")
def report(tmp_path_factory, shown):
    directory = tmp_path_factory.mktemp("report")
    assert explorer.write(shown, directory) == directory / "explorer.html"
    return directory


@pytest.fixture(scope="module")
def data(report):
    index = (report / "explorer" / "data.js").read_text()
    found = json.loads(re.fullmatch(r"globalThis\.explorerData = (.*);\n", index, re.DOTALL)[1])
    for path in report.glob("explorer/data_*.js"):
        parts = re.fullmatch(
            r'explorerData\.settings\["(\w+)"\] = (.*);\n', path.read_text(), re.DOTALL
        )
        found["settings"][parts[1]] = json.loads(parts[2])
    return found


def networks_of(data):
    """Every network in the data with its data set and levels."""
    for dataset, settings in data["settings"].items():
        for key, setting in settings.items():
            for network in setting["networks"]:
                yield dataset, key, network


def test_every_network_stands_at_its_setting(shown, data):
    found = {network["id"]: (dataset, key) for dataset, key, network in networks_of(data)}
    trials = shown.trials.set_index("trial_id")
    assert set(found) == set(trials.index)
    for name, (dataset, key) in found.items():
        row = trials.loc[name]
        assert (dataset, key) == (row["dataset"], f"{row['depth']},{row['activation']}")
    assert [f["name"] for f in data["factors"]] == ["dataset", "depth", "activation"]
    assert data["factors"][1]["levels"] == ["1", "4"]


def test_curves_and_gradients_are_those_measured(shown, data):
    rows = shown.histories.set_index(["trial_id", "epoch", "split", "metric", "layer"])["value"]
    assert data["epochs"] == list(EPOCHS)
    for _, key, network in networks_of(data):
        for part, metric in CURVES:
            wanted = [rows[network["id"], epoch, part, metric, -1] for epoch in EPOCHS]
            np.testing.assert_allclose(network[f"{part}_{metric}"], wanted, rtol=5.1e-4)
        layers = range(1, int(key.split(",")[0]) + 2)
        for word, epoch in (("start", EPOCHS[0]), ("end", EPOCHS[-1])):
            wanted = [rows[network["id"], epoch, "train", "gradient_norm", i] for i in layers]
            np.testing.assert_allclose(network[word], wanted, rtol=5.1e-4)


def test_scores_have_students_interval_within_what_an_accuracy_can_be(shown, data):
    for settings in data["settings"].values():
        for setting in settings.values():
            ids = [network["id"] for network in setting["networks"]]
            scores = shown.trials.set_index("trial_id").loc[ids, "test_accuracy"]
            interval = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
            wanted = [scores.mean(), max(interval.low, 0), min(interval.high, 1)]
            np.testing.assert_allclose(setting["score"], wanted, rtol=5.1e-4)
            assert [network["split"] for network in setting["networks"]] == [0, 1, 2]


def test_pictures_are_quantised_to_even_steps(shown, data):
    rows = shown.histories[shown.histories["metric"] == "decision_surface"]
    for dataset, _, network in networks_of(data):
        assert ("surface" in network) == (dataset == "moons")
        if "surface" in network:
            steps = [data["signs"].index(sign) for sign in network["surface"]]
            values = rows[rows["trial_id"] == network["id"]].sort_values("layer")["value"]
            error = np.array(steps) / (len(data["signs"]) - 1) - values.to_numpy()
            assert np.abs(error).max() <= 0.5001 / (len(data["signs"]) - 1)


def test_points_are_the_standardised_training_points(data):
    assert set(data["points"]) == {"moons"}
    for split, points in data["points"]["moons"].items():
        drawn = load_split("moons", int(split))
        inputs = drawn.train_inputs[: len(points)]
        assert len(points) > 100
        np.testing.assert_allclose(np.array(points)[:, :2], inputs, atol=0.00501)
        np.testing.assert_array_equal(np.array(points)[:, 2], drawn.train_targets[: len(points)])


def test_points_of_other_rows_than_were_trained_on_are_not_shown(tmp_path):
    explorer.write(planted(lambda row: measured(row) | {"data_hash": "changed"}), tmp_path)
    assert '"points":{}' in (tmp_path / "explorer" / "data.js").read_text()


def test_failures_count_as_chance_and_are_named(tmp_path):
    def fail(row):
        return measured(row) | {"outcome": "dead" if row["depth"] == 4 else "completed"}

    explorer.write(planted(fail), tmp_path)
    lines = (tmp_path / "explorer" / "data_2.js").read_text().splitlines()
    assert '"moons"' in lines[0]
    found = {line.split('"')[1]: line for line in lines if line.startswith('"')}
    assert '"score":[0.5,0.5,0.5]' in found["4,relu"]
    assert found["4,relu"].count('"outcome":"dead"') == 3
    assert "dead" not in found["1,relu"]


def test_what_is_not_trained_yet_is_said(tmp_path):
    def half(row):
        return measured(row) | {"outcome": None if row["depth"] == 4 else "completed"}

    begun = dataclasses.replace(planted(half), complete=False)
    page = explorer.write(begun, tmp_path).read_text()
    assert "12 networks that were really trained" in page
    assert "not trained yet, 12 networks at least" in page
    assert '"4,relu"' not in (tmp_path / "explorer" / "data_1.js").read_text()


def test_of_two_seeds_there_is_no_interval(tmp_path):
    explorer.write(planted(seeds=2), tmp_path)
    scores = re.findall(r'"score":\[(.*?)\]', (tmp_path / "explorer" / "data_1.js").read_text())
    assert len(scores) == 4
    assert all(score.endswith(",null,null") for score in scores)


def test_the_same_results_in_any_order_give_the_same_bytes(report, shown, tmp_path):
    shuffled = dataclasses.replace(
        shown,
        trials=shown.trials.sample(frac=1, random_state=1).reset_index(drop=True),
        histories=shown.histories.sample(frac=1, random_state=1).reset_index(drop=True),
    )
    explorer.write(shuffled, tmp_path)
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (report, tmp_path)
    )
    assert first == second


def test_without_results_there_is_no_page(tmp_path):
    assert explorer.write(planted(), tmp_path) is not None
    (tmp_path / "explorer" / "data_9.js").write_text("old")
    explorer.write(planted(), tmp_path)
    assert not (tmp_path / "explorer" / "data_9.js").exists()
    for outcome in (None, "crashed"):
        nothing = planted(lambda row, outcome=outcome: measured(row) | {"outcome": outcome})
        assert explorer.write(nothing, tmp_path) is None
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_page_has_a_control_for_each_factor_and_asks_for_nothing_from_outside(report):
    page = (report / "explorer.html").read_text()
    labels = re.findall(r'<label for="([\w-]+)">([^<]+)</label>', page)
    assert labels == [
        ("control-dataset", "Data set"),
        ("control-depth", "Hidden layers"),
        ("control-activation", "Activation"),
    ]
    assert all(f'id="{name}"' in page for name, _ in labels)
    assert '<option value="0" selected>ReLU</option>' in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    scripts = re.findall(r'src="(explorer/[^"]+)"', page)
    assert len(scripts) == 8
    assert all((report / script).is_file() for script in scripts)


def test_examples_are_offered_where_all_of_their_levels_were_measured(monkeypatch, tmp_path):
    start = {"dataset": "moons", "depth": 4, "activation": "relu"}
    pairs = (("here", {}, {"depth": 1}), ("not here", {"depth": 2}, {}))
    monkeypatch.setattr(explorer, "START", start)
    monkeypatch.setattr(explorer, "EXAMPLES", pairs)
    page = explorer.write(planted(), tmp_path).read_text()
    (address,) = re.findall(r'<a href="#([^"]+)">here</a>', page)
    assert "not here" not in page
    assert parse_qs(address.replace("&amp;", "&")) == {
        **{name: [str(level)] for name, level in start.items()},
        **{f"pinned.{n}": [str(v)] for n, v in (start | {"depth": 1}).items()},
    }


def test_vendored_libraries_are_the_published_builds():
    table = (ASSETS / "README.md").read_text()
    named = dict(re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", table, re.MULTILINE))
    assert set(named) == {path.name for path in ASSETS.glob("*.min.js")}
    for name, wanted in named.items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == wanted


PROGRAM = """
const { readFileSync } = require("fs");
const run = (path) => (0, eval)(readFileSync(path, "utf8"));
process.argv.slice(1).forEach(run);
const { factors, start } = explorerData;
const { read, write, find } = explorerState;
const extend = (all, { levels }) => all.flatMap((s) => levels.map((_, i) => [...s, i]));
const every = factors.reduce(extend, [[]]);
const states = every.flatMap((shown) => [null, ...every].map((pinned) => ({ shown, pinned })));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
console.log(JSON.stringify({
  states: states.length,
  kept: states.every((s) => same(read(write(s, factors), factors, start), { ...s, unknown: [] })),
  found: every.every((setting) => find(explorerData, setting).networks.length === 3),
  empty: read("", factors, start),
  partial: read("#depth=1&pinned.activation=tanh", factors, start),
  unknown: read("#depth=3", factors, start),
}));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_addresses_hold_the_state(report):
    names = ("data.js", "data_1.js", "data_2.js", "state.js")
    paths = [report / "explorer" / name for name in names]
    ran = subprocess.run(
        ["node", "-e", PROGRAM, *paths], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(ran.stdout)
    assert found.pop("states") == 8 * 9
    assert found == {
        "kept": True,
        "found": True,
        "empty": {"shown": [0, 1, 0], "pinned": None, "unknown": []},
        "partial": {"shown": [0, 0, 0], "pinned": [0, 1, 1], "unknown": []},
        "unknown": {"shown": [0, 1, 0], "pinned": None, "unknown": ["hidden layers “3”"]},
    }
