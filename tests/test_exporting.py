"""Trained networks as plain modules, held to the numbers that training reported."""

import pytest
import torch

from suite.data.loading import load_split
from suite.exporting import export
from suite.training.fitting import fit
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = {"dataset": "digits", "samples": 96, "epochs": 4, "learning_rate": 0.03, "batch_size": 16}
BASE |= {"width": 13, "depth": 2, "optimizer": "adam"}
MAPS = {"dataset": "mnist1d", "network": "convolutional", "width": 7, "depth": 3, "epochs": 12}
MAPS |= {"samples": 400}
FAMILIES = {
    "linear": {"network": "linear"},
    "no hidden layer": {"depth": 0},
    "dense": {},
    "residual": {"network": "residual", "depth": 3, "activation": "gelu"},
    "trained slope": {"activation": "prelu"},
    "batch norm and dropout": {"regularizers": (("batch_norm", 1.0), ("dropout", 0.3))},
    "layer norm": {"regularizers": (("layer_norm", 1.0),), "activation": "sigmoid"},
    "early stopping": {
        "regularizers": (("early_stopping", 1.0),),
        "epochs": 60,
    },
    "pixels": {"network": "convolutional", "width": 5},
    "pooled pixels": {"network": "residual_convolutional", "width": 5, "pooling": "max"},
    "signals": MAPS,
    "odd kernel": MAPS | {"kernel_size": 1},
    "wide kernel": MAPS | {"kernel_size": 4, "regularizers": (("layer_norm", 1.0),)},
    "averages": MAPS | {"pooling": "average", "regularizers": (("batch_norm", 1.0),)},
    "global average": MAPS | {"pooling": "global_average", "network": "residual_convolutional"},
    "residual signals": MAPS | {"network": "residual_convolutional"},
    "not standardised": {"dataset": "digits_unit_interval"},
    "fine-tuned": {
        "dataset": "rotating_boundary(time=0.1,features=20)",
        "pretrained_on": "rotating_boundary(features=20)",
        "pretraining_epochs": 3,
    },
    "pruned": {"pretrained_on": "digits", "pretraining_epochs": 4, "stop_epoch": 0, "prune": 0.5},
}


def trained(changes):
    trial = Trial(**(BASE | changes))
    states = []
    if trial.pretraining is not None:
        (first,) = fit([trial.pretraining], splits_of(trial.pretraining), keeps_states=True)
        states = [first.state]
    (outcome,) = fit([trial], splits_of(trial), states=states)
    return trial, outcome


def splits_of(trial):
    split = load_split(trial.dataset, trial.split, trial.samples, trial.label_noise)
    return {trial.replicate: split}


@pytest.mark.parametrize("changes", FAMILIES.values(), ids=FAMILIES)
def test_a_module_gives_the_test_accuracy_that_training_reported(changes):
    trial, outcome = trained(changes)
    found = export(trial, outcome.best_epoch)
    assert outcome.metrics["test_accuracy"] > 0.15
    assert found.test_accuracy() == outcome.metrics["test_accuracy"]
    scores = found.module(found.test_rows).detach()
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(found.split.test_targets))
    assert float(loss) == pytest.approx(outcome.metrics["test_loss"], rel=1e-5)
