"""What the page says of data, machine and time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.data.cards import CARDS, DatasetCard
from suite.figures.theme import plain
from suite.figures.words import counted, level_name, listed, searched_label
from suite.report.numbers import span
from suite.results import Evidence


def cards(evidences: Sequence[Evidence]) -> list[DatasetCard]:
    """Cards of the data sets in the report, each once."""
    names = [name for e in evidences for name in e.experiment.at(e.profile).datasets]
    return [CARDS[name] for name in dict.fromkeys(names)]


def described_cards(evidences: Sequence[Evidence]) -> list[tuple[list[str], DatasetCard]]:
    """Cards with the names of all sets that they describe: parameters may change no word of it."""
    found: dict[DatasetCard, list[str]] = {}
    for card in cards(evidences):
        found.setdefault(replace(card, name=""), []).append(card.name)
    return [(names, card) for card, names in found.items()]


def card_size(card: DatasetCard) -> str:
    """'1 797 samples × 64 features, 10 classes'."""
    target = f"{card.outputs} classes" if card.task == "classification" else "regression"
    return f"{counted(card.samples, 'sample')} × {counted(card.features, 'feature')}, {target}"


def families(evidences: Sequence[Evidence]) -> str:
    """'dense and residual, some with batch norm'; empty where nothing is trained yet."""
    trained = [evidence.trials[evidence.trials["outcome"].notna()] for evidence in evidences]
    names = sorted({str(name) for trials in trained for name in trials["network"]})
    penalties = " ".join(str(text) for trials in trained for text in trials["regularizers"])
    norms = [norm for norm in ("batch_norm", "layer_norm") if norm in penalties]
    some = f", some with {listed([level_name('regularizer', n) for n in norms])}" if norms else ""
    return listed([level_name("network", name) for name in names]) + some


def tuned(evidences: Sequence[Evidence]) -> str:
    """'Only the learning rate and L2 are tuned'; of which not all in each experiment."""
    tunes = [tune for e in evidences if (tune := e.experiment.at(e.profile).tune)]
    names = [name for tune in tunes for name in tune.names()]
    words = [searched_label(name) for name in dict.fromkeys(names)]
    if any(tune.settings for tune in tunes):
        words.append("settings of classical models")
    if not words:
        return "Nothing is tuned"
    return f"Only {listed(words)} {'is' if len(words) == 1 else 'are'} tuned"


def _networks(facts: Mapping[str, Any]) -> str:
    reused = facts["networks_reused"]
    return plain(facts["networks"]) + (f", of which {plain(reused)} reused" if reused else "")


def run_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table on the run: networks, time, machine, versions."""
    seconds = {
        name: span(facts[f"{name}_seconds"])
        for name in ("wall", "training", "outside_training", "tracking", "reporting")
    }
    share, chosen = facts["probing_share"], facts["proposing_seconds"]
    probing = [("Probing", f"{share:.1%} of the time of networks with probes")] if share else []
    choosing = [("Choosing what to train", span(chosen))] if chosen is not None else []
    versions = [f"{name} {version}" for name, version in facts["versions"].items()]
    return [
        ("Networks", _networks(facts)),
        ("Wall time", seconds["wall"]),
        ("While networks trained", seconds["training"]),
        *probing,
        *choosing,
        ("While none trained", seconds["outside_training"]),
        ("Mirroring to MLflow", seconds["tracking"]),
        ("Verdicts, figures, report", seconds["reporting"]),
        ("Machine", str(facts["machine"])),
        ("Versions", listed([f"leadline {facts['leadline_version']}", *versions])),
        ("Code", str(facts["code_hash"])),
    ]
