"""`leadline export`: a stored network in a file that torch alone loads, with the stored scores."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suite import provenance
from suite.data.loading import load_split
from suite.exporting import export
from suite.running import measurement_key
from suite.storing import writing
from suite.training.fitting import fit
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = {"samples": 96, "epochs": 4, "batch_size": 16, "learning_rate": 0.03, "width": 13}
NETWORK = Trial(dataset="digits", depth=2, activation="prelu", **BASE)
VALUES = Trial(
    dataset="diabetes", loss="squared_error", regularizers=(("batch_norm", 1.0),), **BASE
)
# In a process of its own, where nothing of Leadline can be imported.
LOAD = """
import sys
sys.modules["suite"] = None
import numpy as np, torch
given = np.load("rows.npz")
network = torch.export.load(sys.argv[1]).module()
np.save("scores.npy", network(torch.from_numpy(given["rows"])).detach().numpy())
"""


def train(trial):
    split = load_split(trial.dataset, trial.split, trial.samples, trial.label_noise)
    (outcome,) = fit([trial], {trial.replicate: split})
    return outcome


def store(outcome):
    """In results/ of the working directory; returns the trial's id."""
    data_hash = measurement_key(outcome.trial, "cpu").data_hash
    with writing(Path("results")) as writer:
        writer.store([outcome], provenance.provenance(data_hash, "20260101T000000.0-a"))
    return outcome.trial.id


def scores_elsewhere(file, rows):
    """What the file's network makes of rows, without Leadline."""
    np.savez("rows.npz", rows=rows)
    subprocess.run([sys.executable, "-c", LOAD, str(file)], check=True)
    return np.load("scores.npy")


@pytest.mark.slow
def test_without_leadline_the_file_gives_the_stored_accuracy(place, leadline):
    """Takes a network's steps down with torch, and loads them in a process that is new to them."""
    outcome = train(NETWORK)
    called = leadline("export", store(outcome)[:8], "--output", "nets", "--json")
    told = json.loads(called.out)
    assert (called.code, told["same"], told["file"]) == (0, True, "nets/model.pt2")
    assert told["metrics"] == outcome.metrics
    found = export(NETWORK)
    assert (told["features"], told["dtype"]) == (64, str(found.test_rows.dtype))
    assert told["takes_raw_rows"]
    scores = scores_elsewhere(told["file"], found.test_rows.numpy())
    right = scores.argmax(axis=1) == found.split.test_targets
    assert right.mean() == outcome.metrics["test_accuracy"] > 0.3
    again = leadline("export", NETWORK.id, "--output", "nets")
    assert (again.code, again.out) == (2, "")
    assert again.err.startswith("leadline: nets/model.pt2: is there already\n")


@pytest.mark.slow
def test_a_line_says_how_values_are_loaded(place, leadline):
    """Likewise, for standardised values and batch normalization."""
    outcome = train(VALUES)
    called = leadline("export", store(outcome), "--output", "a.pt2")
    said, load = called.out.splitlines()
    assert (called.code, said) == (0, f"a.pt2: {VALUES.id}, the same to the last bit")
    found = export(VALUES)
    kind = str(found.test_rows.dtype).removeprefix("torch.")
    takes = f"takes {kind} rows of 10 numbers as the data set has them"
    assert load == f"torch.export.load('a.pt2').module() {takes}"
    missed = scores_elsewhere("a.pt2", found.test_rows.numpy()) - found.split.test_targets
    error = np.sqrt((missed.astype(float) ** 2).mean()) * found.split.target_scale
    assert error == pytest.approx(outcome.metrics["test_rmse"], rel=1e-5)


def test_other_numbers_than_those_stored_are_not_handed_out(place, leadline):
    outcome = train(NETWORK)
    metrics = outcome.metrics | {"test_loss": np.nextafter(outcome.metrics["test_loss"], 9)}
    name = store(replace(outcome, metrics=metrics))
    called = leadline("export", name)
    line = f"{name}: trained again, it differs in test_loss; nothing was written\n"
    assert called == (1, line, "")
    assert not Path("model.pt2").exists()
    assert json.loads(leadline("export", name, "--json").out)["differences"] == ["test_loss"]


@pytest.mark.parametrize(
    ("changes", "recipe", "problem"),
    [
        ({}, {"network": "ridge"}, "is a classical model, ridge, and no network\n"),
        ({"outcome": "diverged"}, {}, "diverged in training: there is no trained network\n"),
        ({}, {"reports_test": False}, "is a candidate of a search, which was never tested\nthe"),
    ],
)
def test_what_is_no_trained_network_is_said(changes, recipe, problem, place, leadline):
    outcome = train(replace(NETWORK, epochs=1))
    trial = replace(outcome.trial, **recipe)
    called = leadline("export", store(replace(outcome, trial=trial, **changes)))
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith(f"leadline: {trial.id}: {problem}")
    assert not Path("model.pt2").exists()


def test_a_place_that_nothing_can_be_put_in_is_said_before_training(place, leadline, monkeypatch):
    name = store(train(replace(NETWORK, epochs=1)))
    monkeypatch.setattr("suite.exporting.export", None)
    Path("full").touch()
    assert "full is no directory" in leadline("export", name, "--output", "full/a.pt2").err
