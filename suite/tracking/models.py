"""The best network of an experiment hangs on its run in MLflow, as a model that loads again."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pandas as pd

from suite.ledger import Ledger
from suite.schemas import KEY, METRICS
from suite.tracking.best import best_network
from suite.tracking.content import KEY_TAG, run_key
from suite.tracking.making import Making, making
from suite.tracking.notes import NOTE_TAG
from suite.tracking.rows import Row
from suite.tracking.runs import Target, search

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

# On an invocation's run: the best network's trial and what became of its model.
BEST_TAG = "leadline.best"
NAME = "best_network"


@contextmanager
def making_best(
    trials: pd.DataFrame, last: "MlflowRun | None", ledger: Ledger, helper: Executor | None
) -> Iterator[Making | None]:
    """Make the best network's model during the block, unless there is none or it hangs there.

    Args:
        trials: the experiment's stored trials.
        last: the run of its last invocation, where it has one yet.
        ledger: the results.
        helper: the process to make it in; without it, it is made when it is asked for.
    """
    best = best_network(trials)
    # A first taste is to be quick, and its networks are trained for too short a time to be kept.
    if best is None or best["profile"] == "quick" or _known(best, last):
        yield None
        return
    with making(best, ledger, helper) as model:
        yield model


def _known(best: Row, last: "MlflowRun | None") -> bool:
    return last is not None and last.data.tags.get(BEST_TAG, "").startswith(f"{best['trial_id']} ")


def attach_best(target: Target, to: "MlflowRun", model: Making | None) -> str:
    """Log the best network as a model of its own run, once; returns what there is to say of it.

    Args:
        target: where the experiment's runs go.
        to: the run of its last invocation, which keeps what was said.
        model: what `making_best` makes; None where there is nothing new.
    """
    if model is None:
        return to.data.tags.get(BEST_TAG, "").partition(" ")[2]
    best = model.best
    key = run_key(best["experiment"], *(best[name] for name in KEY))
    run = next(search(target, KEY_TAG, key), None)
    if run is None:
        # Somebody deleted it in MLflow, where it is not made again.
        return ""
    said = _log(target, run, model)
    target.client.set_tag(run.info.run_id, NOTE_TAG, said)
    target.client.set_tag(to.info.run_id, BEST_TAG, f"{best['trial_id']} {said}")
    return said


def _log(target: Target, run: "MlflowRun", model: Making) -> str:
    """Hang the model on its run, or say why there is none."""
    title = f"The best network on validation data is `{model.best['trial_id']}`"
    made = model.result()
    if made.problem:
        return f"{title}; {made.problem}"
    model_id = _upload(target, run, model)
    rows = "rows as the data set has them" if made.takes_raw else "rows of a prepared split"
    return (
        f"{title}. `mlflow.pytorch.load_model('models:/{model_id}')` gives it as a "
        f"`torch.nn.Module`, which takes {rows}."
    )


def _upload(target: Target, run: "MlflowRun", model: Making) -> str:
    from mlflow.entities import LoggedModelOutput

    client, run_id, best = target.client, run.info.run_id, model.best
    created = client.create_logged_model(
        target.experiment_id, name=NAME, source_run_id=run_id, params=run.data.params
    )
    model_id = str(created.model_id)
    client.log_model_artifacts(model_id, str(model.path))
    client.finalize_logged_model(model_id, "READY")
    step = int(best["epochs_trained"])
    client.log_outputs(run_id, [LoggedModelOutput(model_id, step)])
    for name in METRICS:
        if best[name] is not None:
            start = run.info.start_time
            client.log_metric(run_id, name, best[name], start, step, model_id=model_id)
    return model_id
