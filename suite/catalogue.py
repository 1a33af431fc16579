"""Every word that an experiment file can use, read from the dicts that define them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from suite.classical.models import CLASSICAL
from suite.data.cards import DATASETS
from suite.data.dataset import Allowed, Dataset, DatasetCard
from suite.data.naming import described
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
        "classical": CLASSICAL,
        "poolings": POOLINGS,
        "activations": ACTIVATIONS,
        "initializers": INITIALIZERS,
        "regularizers": REGULARIZERS,
        "optimizers": OPTIMIZERS,
        "schedules": SCHEDULES,
        "losses": LOSSES,
        "probes": PROBES,
    }
    measured: dict[str, Mapping[str, object]] = {"metrics": METRICS, "figures": FIGURES}
    return {
        "experiments": _experiments(directory),
        "datasets": {name: _dataset(entry) for name, entry in DATASETS.items()},
        **{kind: _columns(entries, "description", "source") for kind, entries in parts.items()},
        **{kind: _columns(entries, "description") for kind, entries in measured.items()},
    }


def _dataset(entry: Dataset) -> tuple[str, ...]:
    card = entry.card
    return card.kind, card.task, described(entry) or "no parameters", card.description, card.source


def dataset_cards() -> dict[str, dict[str, str]]:
    """Data set -> what its card says, line by line."""
    return {name: _card(entry) for name, entry in DATASETS.items()}


def _card(entry: Dataset) -> dict[str, str]:
    card = entry.card
    size = f"{card.samples} samples, {card.features} features"
    if entry.find:
        size = "that of the set which the parameters name"
    lines = {
        "description": card.description,
        "kind": card.kind,
        "task": f"classification, {card.outputs} classes" if card.outputs > 1 else card.task,
        "size": f"{size} of shape {' × '.join(map(str, card.shape))}" if card.shape else size,
        "parts": f"{card.folds} disjoint test folds" if card.folds else "a draw for each split",
        "parameters": described(entry) or "none",
        "ranges": "; ".join(f"{name} {_range(r)}" for name, r in entry.ranges.items()),
        "truth": "; ".join(_truth(card)),
        "preprocessing": card.preprocessing,
        "source": card.source,
        "license": card.license,
        "citation": card.citation,
    }
    return {title: text for title, text in lines.items() if text}


def _range(allowed: Allowed) -> str:
    first, *_, last = allowed
    if isinstance(first, str):
        return " or ".join(map(str, allowed))
    return f"{first} to {last}"


def _truth(card: DatasetCard) -> Iterator[str]:
    if card.relevant:
        # Those known so far are without a gap.
        first, last = card.relevant[0], card.relevant[-1]
        which = f"feature {first}" if first == last else f"features {first} to {last}"
        yield f"the target depends on {which}"
    if card.best_score is not None:
        score = "accuracy" if card.task == "classification" else "R²"
        yield f"the best possible {score} is {card.best_score:.4g}"
    if card.distinct_rows is not None:
        yield f"{card.distinct_rows} different rows"


def _columns(entries: Mapping[str, object], *fields: str) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(str(getattr(entry, field)) for field in fields)
        for name, entry in entries.items()
    }


def _experiments(directory: Path) -> dict[str, tuple[str, ...]]:
    paths = sorted((directory / "experiments").rglob("*.yaml"))
    return {path.stem: (read_experiment(path).question,) for path in paths}
