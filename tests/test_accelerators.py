"""The general kernel on an accelerator, where there is one."""

import numpy as np
import pytest
import torch

from suite.training.fitting import fit
from suite.trial import Trial

THERE = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
DEVICES = [
    pytest.param(name, marks=pytest.mark.skipif(not there, reason=f"this machine has no {name}"))
    for name, there in THERE.items()
]
RECIPES = [
    {"network": "dense", "activation": "relu", "optimizer": "adam"},
    {"network": "dense", "activation": "tanh", "optimizer": "momentum", "gradient_clip": 0.5},
    {"network": "residual", "activation": "gelu", "optimizer": "adamw", "schedule": "cosine"},
    {"network": "dense", "regularizers": (("dropout", 0.2), ("l1", 1e-4), ("input_noise", 0.1))},
    {"network": "dense", "activation": "prelu", "regularizers": (("batch_norm", 1.0),)},
    {"network": "dense", "regularizers": (("early_stopping", 1.0), ("layer_norm", 1.0))},
]


def trials(recipe):
    common = {"dataset": "digits", "depth": 2, "width": 13, "epochs": 2, "batch_size": 16}
    return [
        Trial(**common, **recipe, seed=seed, split=seed, learning_rate=rate)
        for seed, rate in enumerate((1e-3, 3e-3, 1e-2))
    ]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
@pytest.mark.parametrize("device", DEVICES)
def test_an_accelerator_gives_the_numbers_of_the_cpu(device, recipe, make_split):
    splits = {(seed, 0.0): make_split(seed) for seed in range(3)}
    there = fit(trials(recipe), splits, ("gradient_norm", "signal"), torch.device(device))
    again = fit(trials(recipe), splits, ("gradient_norm", "signal"), torch.device(device))
    here = fit(trials(recipe), splits, ("gradient_norm", "signal"))
    for first, second, expected in zip(there, again, here, strict=True):
        assert first.kernel == f"torch-{device}"
        assert first.outcome == expected.outcome == "completed"
        assert first.metrics == second.metrics
        assert first.metrics["train_loss"] == pytest.approx(expected.metrics["train_loss"], 1e-3)
        assert len(first.histories.value) == len(expected.histories.value)
        np.testing.assert_array_equal(first.histories.layer, expected.histories.layer)
