"""Evidence in which effects are planted, and the verdict on one claim about it."""

import itertools

import numpy as np
import pandas as pd

from suite.reading import build_experiment
from suite.results import Evidence
from suite.verdicts import judge

SETS = ("digits", "mnist5k", "mnist1d")
HOLD = {"network": "dense", "width": "8", "epochs": "5", "learning_rate": "0.1"}
MEASURED = [f"{part}_{m}" for part in ("train", "validation", "test") for m in ("loss", "accuracy")]
CONTRAST = {
    "says": "Deep beats shallow.",
    "metric": "test_accuracy",
    "better": {"depth": "4"},
    "worse": {"depth": "1"},
    "margin": "0.05",
}


def experiment(claims, vary=None, datasets=SETS, seeds=8, name="example"):
    vary = vary or {"depth": ["1", "4"]}
    return build_experiment(
        name,
        {
            "question": "Does depth help?",
            "vary": vary,
            "hold": {**HOLD, "dataset": list(datasets)},
            "profiles": {"quick": {"seeds": seeds}, "standard": {"seeds": seeds}},
            "claims": claims,
        },
    )


def evidence(design, measure=None, profile="standard"):
    """Evidence in which `measure(row)` gives what a trial measured; the rest is .5."""
    at = design.at(profile)
    rows = []
    for contender, dataset, split in itertools.product(
        at.contenders(), at.datasets, range(at.seeds)
    ):
        row = {"depth": 2, "loss": "cross_entropy", "outcome": "completed", "seconds": 1.0}
        row |= {"machine": "here", "data_hash": f"rows of {dataset}"}
        row |= {"activation": "tanh", "initializer": "xavier", "gain": 1.0, "width": 8}
        row |= dict.fromkeys(MEASURED, 0.5) | dict.fromkeys(["test_r2", "flops"], 0.5)
        row |= {**contender, "dataset": dataset, "split": split, "generalization_gap": 0.0}
        row["trial_id"] = f"{len(rows):016x}"
        rows.append(row | (measure(row) if measure else {}))
    columns = ["trial_id", "epoch", "split", "metric", "layer", "value"]
    return Evidence(
        experiment=design,
        profile=profile,
        registered_hash=design.registered_hash(profile),
        code_hash="c0de",
        trials=pd.DataFrame(rows),
        tuning=pd.DataFrame(),
        half=pd.DataFrame(),
        histories=pd.DataFrame(columns=columns),
        complete=True,
    )


def noise(row, scale=0.01):
    """A draw that belongs to the trial alone."""
    return np.random.default_rng(int(row["trial_id"], 16)).normal(0, scale)


def by_depth(gain, scale=0.01, metric="test_accuracy"):
    return lambda row: {metric: 0.5 + gain * (row["depth"] == 4) + noise(row, scale)}


def verdict(claim, measure=None, **options):
    (row,) = judge([evidence(experiment({"depth-accuracy": claim}, **options), measure)])
    return row


TREND = {
    "says": "Accuracy rises with depth.",
    "kind": "trend",
    "metric": "test_accuracy",
    "along": "depth",
    "margin": "0.02",
}


def reasons(row):
    assert (row["verdict"], row["p"], row["p_corrected"]) == (None, None, None)
    assert (row["without_failures"], row["seeds_needed"]) == (None, None)
    return " ".join(row["notes"])
