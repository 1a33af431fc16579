"""A small experiment with a report, and pages read back."""

import functools
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from suite.reading import build_experiment
from suite.report.build import build
from suite.results import Evidence
from suite.schemas import METRICS as COLUMNS
from suite.trial import OPTIONAL, Trial
from suite.verdicts import judge

CLAIMS = {
    "depth-accuracy": {
        "says": "Two layers <em>beat</em> one | always.",
        "metric": "test_accuracy",
        "better": {"depth": "2"},
        "worse": {"depth": "1"},
        "margin": "0.02",
    },
    "depth-accuracy/same": {
        "says": "Two layers do as well as one.",
        "kind": "equal",
        "metric": "test_accuracy",
        "better": {"depth": "2"},
        "worse": {"depth": "1"},
        "where": {"dataset": ["digits", "wine"]},
        "margin": "0.2",
    },
}
AMENDED = "The first registration had two splits; there are now four."
FACTS = {
    "leadline_version": "0.1.0",
    "code_hash": "c0de",
    "versions": {"torch": "2.13.0"},
    "machine": "x86_64 Example",
    "profile": "standard",
    "networks": 1234,
    "networks_reused": 5,
    "wall_seconds": 512.0,
    "training_seconds": 470.0,
    "outside_training_seconds": 20.0,
    "tracking_seconds": 14.0,
    "reporting_seconds": 8.0,
    "proposing_seconds": 3.0,
    "probing_share": 0.042,
}
RECIPE = {
    name: getattr(Trial(dataset="digits"), name)
    for name in (
        *("network", "width", "activation", "initializer", "gain"),
        *("loss", *OPTIONAL),
    )
} | {"regularizers": "none"}


def evidence(name="depth", profile="standard", missing=0, question="Does depth pay?"):
    """Depths 1 and 2 on two data sets; the first `missing` networks are not trained yet."""
    tested = build_experiment(
        name,
        {
            "question": question,
            "vary": {"depth": ["1", "2"]},
            "hold": {"dataset": ["digits", "wine"], "learning_rate": "0.1"},
            "profiles": {"standard": {"seeds": "4"}, "quick": {"seeds": "4"}},
            "claims": CLAIMS,
            "figures": ["accuracy_by_depth", "gap_by_width"],
            "amended": [AMENDED],
        },
    )
    rows = [
        network(depth, dataset, split)
        for depth in (1, 2)
        for dataset in ("digits", "wine")
        for split in range(4)
    ]
    for row in rows[:missing]:
        row["outcome"] = None
    return Evidence(
        experiment=tested,
        profile=profile,
        registered_hash=tested.registered_hash(profile),
        code_hash="c0de",
        trials=pd.DataFrame(rows),
        tuning=pd.DataFrame(),
        histories=pd.DataFrame(columns=["trial_id", "epoch", "split", "metric", "layer", "value"]),
        complete=not missing,
    )


def network(depth, dataset, split):
    score = 0.7 + 0.1 * depth + 0.01 * (split * depth % 3)
    row = {**RECIPE, **dict.fromkeys(COLUMNS, np.nan), "test_accuracy": score, "test_loss": 0.5}
    row |= {"depth": depth, "dataset": dataset, "split": split, "outcome": "completed"}
    row |= {"generalization_gap": 0.1, "validation_loss": 0.5, "flops": 1e6, "seconds": 0.1}
    return row | {"trial_id": f"{depth}-{dataset}-{split}"}


@functools.cache
def rows(profile="standard", missing=0):
    return judge([evidence(profile=profile, missing=missing)])


def written(directory, profile="standard", missing=0, **changes):
    given = evidence(profile=profile, missing=missing)
    build([given], rows(profile, missing), FACTS | {"profile": profile}, directory, **changes)
    return directory


class Page(HTMLParser):
    """Tags with their attributes, and the text that readers see."""

    def __init__(self, path):
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] != "style":
            self.text += data

    def values(self, name):
        return [attributes[name] for _, attributes in self.tags if name in attributes]
