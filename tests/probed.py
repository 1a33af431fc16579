"""Small cohorts to take probes of."""

from dataclasses import replace

import numpy as np
import torch

from suite.data.split import Split
from suite.training.cohort import Cohort
from suite.training.probes import probe
from suite.training.snapshots import Camera
from suite.trial import Trial

CPU = torch.device("cpu")


def with_shape(split: Split, shape: tuple[int, ...], seed: int = 0) -> Split:
    """The same rows with inputs of another shape."""
    rng, inputs = np.random.default_rng(seed), {}
    for part in ("train", "validation", "test"):
        rows = len(getattr(split, f"{part}_inputs"))
        inputs[f"{part}_inputs"] = rng.standard_normal((rows, int(np.prod(shape)))).astype("f4")
    return replace(split, **inputs, shape=shape)


def cohort_of(*splits: Split, epochs: int = 1, **settings) -> tuple[Cohort, torch.Tensor | None]:
    """One network on each split after some epochs, and its parameters before the last step."""
    recipe = {"dataset": "synthetic", "width": 13, "initializer": "pytorch", "batch_size": 20}
    trials = [Trial(**recipe | settings, split=k, seed=k) for k in range(len(splits))]
    cohort = Cohort(trials, {(k, 0.0): split for k, split in enumerate(splits)}, CPU)
    before = None
    for _ in range(epochs):
        before = cohort.train_epoch()
    return cohort, before


def camera_of(cohort: Cohort, before: torch.Tensor | None = None) -> Camera:
    return Camera(cohort.networks, cohort.loss, cohort.pool, cohort.trials, before)


def measure(names, cohort: Cohort, before: torch.Tensor | None = None):
    """Probes as a fit takes them: outside autograd's reach."""
    names = [names] if isinstance(names, str) else names
    with torch.no_grad():
        found = probe(names, camera_of(cohort, before))
    return found[names[0]] if len(names) == 1 else found
