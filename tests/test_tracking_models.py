"""The best network as a model: what MLflow loads gives the scores that were logged."""

import shutil
import warnings
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from suite.data.loading import load_split
from suite.execution.one_process import OneProcessExecutor
from suite.exporting import export
from suite.ledger import Ledger
from suite.provenance import Provenance, code_hash
from suite.storing import writing
from suite.tracking.making import save
from suite.tracking.mirror import Mirror, mirror
from suite.tracking.store import open_client
from suite.training.fitting import fit
from suite.trial import Trial
from tests.tracked import EXPERIMENT, FIRST, make_row

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = {"dataset": "digits", "samples": 96, "epochs": 4, "learning_rate": 0.03, "batch_size": 16}
BASE |= {"width": 13, "depth": 2, "optimizer": "adam"}
SIGNALS = {"dataset": "mnist1d", "samples": 400, "epochs": 12, "width": 7, "depth": 3}
FAMILIES = {
    "dense": {"regularizers": (("batch_norm", 1.0), ("dropout", 0.3)), "activation": "prelu"},
    "residual": {"network": "residual", "depth": 3, "regularizers": (("layer_norm", 1.0),)},
    "signals": SIGNALS | {"network": "convolutional", "regularizers": (("batch_norm", 1.0),)},
    "pixels": {"network": "residual_convolutional", "width": 5, "pooling": "max"},
    "values": {"dataset": "diabetes"},
}


def outcome_of(trial):
    split = load_split(trial.dataset, trial.split, trial.samples, trial.label_noise)
    return fit([trial], {trial.replicate: split})[0]


@pytest.fixture
def quiet():
    """torch itself uses, while it takes a network's steps down, what it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.slow
@pytest.mark.parametrize("changes", FAMILIES.values(), ids=FAMILIES)
def test_a_loaded_model_gives_the_logged_scores(changes, tmp_path, quiet):
    """Takes a network's steps down with torch, which nothing faster would show to work."""
    import mlflow.pytorch

    trial = Trial(**(BASE | changes))
    outcome = outcome_of(trial)
    found = export(trial, outcome.best_epoch)
    row = {"trial_id": trial.id, "dataset": trial.dataset, "split": trial.split}
    save(found, row, tmp_path / "model")
    module = mlflow.pytorch.load_model(str(tmp_path / "model"))
    assert isinstance(module, torch.nn.Module)
    outputs = module(found.test_rows).detach().numpy()
    targets = found.split.test_targets
    assert len(targets) > 2
    if found.split.task == "classification":
        assert (outputs.argmax(axis=1) == targets).mean() == outcome.metrics["test_accuracy"] > 0.2
    else:
        missed = (outputs - targets) * found.split.target_scale
        assert np.sqrt((missed**2).mean()) == pytest.approx(outcome.metrics["test_rmse"], rel=1e-5)
    assert found.agrees(outcome.metrics)
    assert not found.agrees(dict.fromkeys(outcome.metrics, 0.123))


@pytest.fixture
def root(tmp_path, empty_mlflow, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    (tmp_path / "reports").mkdir()
    return tmp_path


def store_trained(root, code, helper=None, **changes):
    trial = Trial(**(BASE | changes))
    outcome = outcome_of(trial)
    words = dict.fromkeys(Provenance.__dataclass_fields__, "x")
    words |= {"code_hash": code, "data_hash": "d" * 16, "invocation": FIRST}
    own = {"profile": "standard", "code_hash": code, "kernel": outcome.kernel}
    with writing(root / "results") as writer:
        writer.store_plan([replace(make_row(outcome), **own)])
        writer.store([outcome], Provenance(**words))
    Mirror(Ledger(root / "results"), root, root / "reports", helper=helper)(EXPERIMENT)
    return outcome


def runs_of(root):
    client = open_client(root)
    experiment = client.get_experiment_by_name("toy")
    runs = client.search_runs([experiment.experiment_id])
    return {run.data.tags["stage"]: run for run in runs}


@pytest.mark.slow
@pytest.mark.parametrize("helper", [None, OneProcessExecutor()], ids=["here", "beside"])
def test_the_best_network_hangs_on_its_run_and_loads_by_its_link(helper, root, quiet):
    """Likewise, through the whole mirror, and made by a process of its own."""
    import mlflow.pytorch

    with helper or nullcontext():
        outcome = store_trained(root, code_hash(), helper)
    runs = runs_of(root)
    (output,) = runs["final"].outputs.model_outputs
    link = f"models:/{output.model_id}"
    for run in runs.values():
        assert link in run.data.tags["mlflow.note.content"]
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    try:
        module = mlflow.pytorch.load_model(link)
    finally:
        mlflow.set_tracking_uri(None)
    raw = export(outcome.trial)
    assert raw.takes_raw
    found = module(raw.test_rows).argmax(dim=1).numpy()
    logged = runs["final"].data.metrics["test_accuracy"]
    assert (found == raw.split.test_targets).mean() == logged
    model = open_client(root).get_logged_model(output.model_id)
    assert {metric.key: metric.value for metric in model.metrics}["test_accuracy"] == logged
    mirror(Ledger(root / "results"), EXPERIMENT, root, root / "reports")
    assert len(runs_of(root)["final"].outputs.model_outputs) == 1


class Dying:
    """A helper that dies at work."""

    def submit(self, *_):
        future = Future()
        future.set_exception(BrokenProcessPool("it was killed"))
        return future


def test_a_helper_that_died_costs_the_model_alone(root):
    outcome = store_trained(root, code_hash(), Dying())
    runs = runs_of(root)
    assert runs["final"].outputs.model_outputs == []
    assert runs["final"].data.metrics["test_accuracy"] == outcome.metrics["test_accuracy"]
    note = runs["invocation"].data.tags["mlflow.note.content"]
    assert f"`{outcome.trial.id}`; the process that trained it again died." in note


def test_a_network_of_other_code_is_named_only(root):
    outcome = store_trained(root, "c" * 16)
    runs = runs_of(root)
    assert runs["final"].outputs.model_outputs == []
    note = runs["invocation"].data.tags["mlflow.note.content"]
    assert outcome.trial.id in note
    assert "other code" in note
