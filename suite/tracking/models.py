"""The best network of an experiment as a model that MLflow loads again."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from suite.installing import installed
from suite.ledger import Ledger
from suite.provenance import code_hash
from suite.schemas import KEY, METRICS, to_trial
from suite.tracking.best import best_network
from suite.tracking.content import KEY_TAG, run_key
from suite.tracking.notes import NOTE_TAG
from suite.tracking.rows import Row
from suite.tracking.runs import Target, search

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from mlflow.models import ModelSignature

    from suite.exporting import Export

# On an invocation's run: the best network's trial and what became of its model.
BEST_TAG = "leadline.best"
NAME = "best_network"
# A network that took longer is not trained again for its weights.
MOST_SECONDS = 5.0
_REQUIREMENTS = ("mlflow", "torch", "numpy")


def attach_best(target: Target, to: "MlflowRun", trials: pd.DataFrame, ledger: Ledger) -> str:
    """Log the best network as a model of its own run, once; returns what there is to say of it.

    Args:
        target: where the experiment's runs go.
        to: the run of its last invocation, which keeps what was said.
        trials: the experiment's stored trials.
        ledger: the results, which have the parts of the user's own.
    """
    best = best_network(trials)
    # A first taste is to be quick, and its networks are trained for too short a time to be kept.
    if best is None or best["profile"] == "quick":
        return ""
    known = to.data.tags.get(BEST_TAG, "")
    if known.startswith(f"{best['trial_id']} "):
        return known.partition(" ")[2]
    key = run_key(best["experiment"], *(best[name] for name in KEY))
    run = next(search(target, KEY_TAG, key), None)
    if run is None:
        # Somebody deleted it in MLflow, where it is not made again.
        return ""
    said = _log(target, run, best, ledger)
    target.client.set_tag(run.info.run_id, NOTE_TAG, said)
    target.client.set_tag(to.info.run_id, BEST_TAG, f"{best['trial_id']} {said}")
    return said


def _log(target: Target, run: "MlflowRun", best: Row, ledger: Ledger) -> str:
    """Train the network again and log it, or say why not."""
    title = f"The best network on validation data is `{best['trial_id']}`"
    if best["seconds"] > MOST_SECONDS:
        return f"{title}; `leadline rerun` trains it again, which is too slow to be done here."
    if best["code_hash"] != code_hash():
        return f"{title}; other code than the present one trained it."
    from suite.exporting import export

    own = installed(ledger.supplied(best["supplied"])) if best["supplied"] else nullcontext()
    try:
        with own, tempfile.TemporaryDirectory() as directory:
            found = export(to_trial(best), best["best_epoch"], best["kernel"].partition("-")[2])
            if not found.agrees({name: best[name] for name in METRICS if best[name] is not None}):
                return f"{title}; trained again, it gives other scores."
            path = Path(directory) / "model"
            _save(found, best, path)
            model_id = _upload(target, run, best, path)
    # torch says with both that it cannot take a network's steps down.
    except (ValueError, RuntimeError) as error:
        return f"{title}; it cannot be made a plain module: {str(error).splitlines()[0]}"
    rows = "rows as the data set has them" if found.takes_raw else "rows of a prepared split"
    return (
        f"{title}. `mlflow.pytorch.load_model('models:/{model_id}')` gives it as a "
        f"`torch.nn.Module`, which takes {rows}."
    )


def _save(found: "Export", best: Row, path: Path) -> None:
    import mlflow.pytorch

    mlflow.pytorch.save_model(
        found.module,
        str(path),
        signature=_signature(found),
        # Of two rows: of one, torch takes the number of rows for fixed.
        input_example=found.test_rows[:2].numpy(),
        pip_requirements=list(_REQUIREMENTS),
        metadata={
            "trial_id": best["trial_id"],
            "dataset": best["dataset"],
            "split": best["split"],
            "takes_raw_rows": found.takes_raw,
            "target_scale": found.split.target_scale,
        },
    )


def _signature(found: "Export") -> "ModelSignature":
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    rows = found.test_rows.numpy()
    taken = TensorSpec(rows.dtype, (-1, rows.shape[1]))
    given = TensorSpec(np.dtype(np.float32), (-1, found.split.outputs))
    return ModelSignature(Schema([taken]), Schema([given]))


def _upload(target: Target, run: "MlflowRun", best: Row, path: Path) -> str:
    from mlflow.entities import LoggedModelOutput

    client, run_id = target.client, run.info.run_id
    model = client.create_logged_model(
        target.experiment_id, name=NAME, source_run_id=run_id, params=run.data.params
    )
    model_id = str(model.model_id)
    client.log_model_artifacts(model_id, str(path))
    client.finalize_logged_model(model_id, "READY")
    step = int(best["epochs_trained"])
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step)])
    for name in METRICS:
        if best[name] is not None:
            start = run.info.start_time
            client.log_metric(run_id, name, best[name], start, step, model_id=model_id)
    return model_id
