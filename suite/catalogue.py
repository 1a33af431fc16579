"""Every word that an experiment file can use, read from the dicts that define them."""

from collections.abc import Mapping
from pathlib import Path

from suite.data.cards import CARDS
from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS, POOLINGS
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES
from suite.reading import read_experiment
from suite.training.probes import PROBES

Words = dict[str, dict[str, tuple[str, ...]]]


def catalogue(directory: Path) -> Words:
    """Kind -> name -> columns that describe it; experiments are those below `directory`."""
    parts: dict[str, Mapping[str, object]] = {
        "networks": NETWORKS,
        "poolings": POOLINGS,
        "activations": ACTIVATIONS,
        "initializers": INITIALIZERS,
        "regularizers": REGULARIZERS,
        "optimizers": OPTIMIZERS,
        "schedules": SCHEDULES,
        "losses": LOSSES,
        "probes": PROBES,
    }
    described: dict[str, Mapping[str, object]] = {"metrics": METRICS, "figures": FIGURES}
    return {
        "experiments": _experiments(directory),
        "datasets": {n: (c.kind, c.task, c.description, c.source) for n, c in CARDS.items()},
        **{kind: _columns(entries, "description", "source") for kind, entries in parts.items()},
        **{kind: _columns(entries, "description") for kind, entries in described.items()},
    }


def _columns(entries: Mapping[str, object], *fields: str) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(str(getattr(entry, field)) for field in fields)
        for name, entry in entries.items()
    }


def _experiments(directory: Path) -> dict[str, tuple[str, ...]]:
    paths = sorted((directory / "experiments").rglob("*.yaml"))
    return {path.stem: (read_experiment(path).question,) for path in paths}
