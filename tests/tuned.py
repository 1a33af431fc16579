"""Evidence of searches made by hand: tuning trials as rows, and a small search with rungs."""

import json

import numpy as np
import pandas as pd

from suite.reading import build_experiment
from suite.results import Evidence

TUNE = {
    "learning_rate": {"log": [0.001, 0.1]},
    "regularizers": {"l2": {"log": [0.00001, 0.001]}},
    "budget": {"trials": 4},
    "halving": 3,
}
CLAIM = {
    "says": "Two layers beat one.",
    "metric": "test_accuracy",
    "better": {"depth": "2"},
    "worse": {"depth": "1"},
    "margin": "0.02",
}
COLUMNS = ["trial_id", "epoch", "split", "metric", "layer", "value"]


def experiment(tune=None, datasets=("digits",), seeds=2, **changes):
    content = {
        "question": "Does depth pay?",
        "vary": {"depth": ["1", "2"]},
        "hold": {"dataset": list(datasets), "network": "dense", "epochs": "9"},
        "tune": TUNE if tune is None else tune,
        "profiles": {"standard": {"seeds": str(seeds)}},
    }
    return build_experiment("tuned", content | changes)


def row(number, loss, stop=None, **changes):
    """One tuning trial of a network that trains for nine epochs."""
    contender = {"depth": changes.pop("depth", 1)}
    last = 9 if stop is None else stop
    found = {
        **{"dataset": "digits", "split": 0, "repeat": 0, "number": number, "network": "dense"},
        **{"stop_epoch": stop, "epochs": 9, "epochs_trained": last, "outcome": "completed"},
        **{"kernel": "torch-cpu", "regularizers": "l2=0.0001", "settings": "none"},
        **{"learning_rate": 0.01, "samples": None, "gradient_clip": None},
        **{"validation_loss": loss, "validation_accuracy": 0.5},
        **{"seconds": 0.5 * last, "flops": 100.0 * last},
        **contender,
        "contender": json.dumps(contender),
    }
    found |= changes
    place = (found["contender"], found["dataset"], found["split"], found["repeat"], number, stop)
    return {"trial_id": repr(place)} | found


def climbing(tested, profile="standard", change=lambda _: {}):
    """Of nine candidates in each search three go on, and one of them to the end."""
    design, rows = tested.at(profile), []
    for contender in design.contenders():
        for dataset in design.datasets:
            for split in range(design.seeds):
                place = {"dataset": dataset, "split": split}
                rows += _search(contender, place, len(rows))
    return [found | change(found) for found in rows]


def _search(contender, place, seed):
    rng = np.random.default_rng(seed)
    rates, penalties = 10 ** rng.uniform(-3, -1, 9), 10 ** rng.uniform(-5, -3, 9)
    losses = 0.1 + np.abs(np.log10(rates) + 2) + 0.01 * rng.uniform(size=9)
    order = losses.argsort()
    climbs = [(range(9), 1, 1.0), (order[:3], 3, 0.5), (order[:1], None, 0.2)]
    return [
        row(
            int(number),
            float(losses[number] * factor),
            stop,
            learning_rate=float(rates[number]),
            regularizers=f"l2={penalties[number]:.4g}",
            contender=json.dumps(contender),
            **contender,
            **place,
        )
        for numbers, stop, factor in climbs
        for number in numbers
    ]


def evidence(rows, tested=None, trials=(), half=()):
    tested = tested or experiment()
    return Evidence(
        experiment=tested,
        profile="standard",
        registered_hash=tested.registered_hash("standard"),
        code_hash="c0de",
        trials=pd.DataFrame(list(trials)),
        tuning=pd.DataFrame(rows),
        half=pd.DataFrame(list(half)),
        histories=pd.DataFrame(columns=COLUMNS),
        complete=True,
    )
