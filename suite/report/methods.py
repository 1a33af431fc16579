"""What the page says of data, machine and time."""

from collections.abc import Mapping, Sequence
from typing import Any

from suite.data.cards import CARDS, DatasetCard
from suite.figures.theme import plain
from suite.figures.words import counted, listed
from suite.report.numbers import span
from suite.results import Evidence


def cards(evidences: Sequence[Evidence]) -> list[DatasetCard]:
    """Cards of the data sets in the report, each once."""
    names = [name for e in evidences for name in e.experiment.at(e.profile).datasets]
    return [CARDS[name] for name in dict.fromkeys(names)]


def card_size(card: DatasetCard) -> str:
    """'1 797 samples × 64 features, 10 classes'."""
    target = f"{card.outputs} classes" if card.task == "classification" else "regression"
    return f"{counted(card.samples, 'sample')} × {counted(card.features, 'feature')}, {target}"


def _networks(facts: Mapping[str, Any]) -> str:
    reused = facts["networks_reused"]
    return plain(facts["networks"]) + (f", of which {plain(reused)} reused" if reused else "")


def run_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table on the run: networks, time, machine, versions."""
    seconds = {
        name: span(facts[f"{name}_seconds"])
        for name in ("wall", "training", "outside_training", "tracking", "reporting")
    }
    versions = [f"{name} {version}" for name, version in facts["versions"].items()]
    return [
        ("Networks", _networks(facts)),
        ("Wall time", seconds["wall"]),
        ("While networks trained", seconds["training"]),
        ("While none trained", seconds["outside_training"]),
        ("Mirroring to MLflow", seconds["tracking"]),
        ("Verdicts, figures, report", seconds["reporting"]),
        ("Machine", str(facts["machine"])),
        ("Versions", listed([f"leadline {facts['leadline_version']}", *versions])),
        ("Code", str(facts["code_hash"])),
    ]
