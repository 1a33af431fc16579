"""A ledger of a few trials that were never trained, for MLflow to mirror."""

import json
from dataclasses import replace

import numpy as np

from suite.provenance import Provenance
from suite.reading import build_experiment
from suite.schemas import Invocation, PlanRow
from suite.storing import writing
from suite.tracking.store import open_client
from suite.trial import Histories, Outcome, Trial

FIRST = "20260102T030405.000000-aaaaaa"
SECOND = "20260103T030405.000000-bbbbbb"

CONTENT = {
    "question": "Does depth help?",
    "vary": {"activation": ["relu"], "depth": ["1", "12"]},
    "hold": {"dataset": ["digits", "wine"]},
    "tune": {
        "learning_rate": {"log": ["0.001", "1"]},
        "budget": {"trials": "2"},
        "sampler": "grid",
    },
    "profiles": {"quick": {"seeds": "2"}},
    "claims": {
        "depth": {
            "says": "Depth helps.",
            "metric": "test_accuracy",
            "better": {"depth": "12"},
            "worse": {"depth": "1"},
            "where": {"dataset": ["digits", "wine"]},
            "margin": "0.05",
        }
    },
}
EXPERIMENT = build_experiment("toy", CONTENT)


def make_histories(depth, epochs=30):
    curve = [(e, "train", "loss", -1, 1 / (1 + e)) for e in range(epochs + 1)]
    norms = [
        (e, "train", "gradient_norm", layer, 10.0**-layer)
        for e in (0, 3, epochs)
        for layer in range(1, depth + 2)
    ]
    epoch, split, metric, layer, value = zip(*(curve + norms), strict=True)
    return Histories(
        epoch=np.array(epoch, np.int32),
        split=split,
        metric=metric,
        layer=np.array(layer, np.int32),
        value=np.array(value),
    )


def make_outcome(depth, split, **changes):
    trial = Trial(dataset="digits", depth=depth, split=split, learning_rate=0.125)
    facts = {
        "trial": trial,
        "outcome": "completed",
        "metrics": {"train_accuracy": 0.95, "test_accuracy": 0.9, "test_loss": float("inf")},
        "histories": make_histories(depth),
        "epochs": 30,
        "parameters": 100 * depth,
        "flops": 1e9,
        "seconds": 2.5,
        "kernel": "torch-cpu",
    }
    return Outcome(**(facts | changes))


def make_row(outcome, invocation=FIRST, stage="final", number=0):
    trial = outcome.trial
    return PlanRow(
        experiment="toy",
        profile="quick",
        registered_hash="r" * 16,
        invocation=invocation,
        stage=stage,
        study=f"study-{trial.depth}",
        contender=json.dumps({"activation": "relu", "depth": trial.depth}, separators=(",", ":")),
        dataset="digits",
        repeat=0,
        number=number,
        split=trial.split,
        trial_id=trial.id,
        code_hash="c" * 16,
        data_hash="d" * 16,
        kernel="torch-cpu",
    )


def make_invocation(invocation, **changes):
    facts = {name: 1.5 for name in Invocation.__dataclass_fields__ if name.endswith("seconds")}
    words = dict.fromkeys(("profile", "experiments", "started", "ended", "device"), "x")
    row = Invocation(
        invocation=invocation, **facts, **words, networks=5, networks_reused=0, workers=2
    )
    return replace(row, **changes)


def store(root, outcomes, rows, invocation=FIRST):
    words = dict.fromkeys(Provenance.__dataclass_fields__, "x")
    words |= {"code_hash": "c" * 16, "data_hash": "d" * 16, "invocation": invocation}
    with writing(root / "results") as writer:
        writer.store_plan(rows)
        writer.store(outcomes, Provenance(**words))


def first_outcomes():
    finals = [make_outcome(depth, split) for depth in (1, 12) for split in (0, 1)]
    tuned = Trial(dataset="digits", seed=9, depth=1, reports_test=False, stop_epoch=3)
    lost = make_outcome(1, 2, outcome="crashed", error="Traceback: boom", metrics={})
    return finals, make_outcome(1, 0, trial=tuned, metrics={"validation_loss": 0.5}), lost


def store_first(root):
    """Five final trials and a candidate, as an invocation asked for them."""
    finals, tuned, lost = first_outcomes()
    rows = [*map(make_row, finals), make_row(tuned, stage="tuning", number=7), make_row(lost)]
    store(root, [*finals, tuned, lost], rows)


def all_runs(root):
    client = open_client(root)
    experiment = client.get_experiment_by_name("toy")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def by_stage(root, stage):
    return [run for run in all_runs(root) if run.data.tags["stage"] == stage]
