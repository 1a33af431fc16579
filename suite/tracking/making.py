"""The best network of an experiment as a model on the disk: trained again, checked and saved."""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from suite.installing import installed
from suite.ledger import Ledger
from suite.provenance import code_hash
from suite.schemas import METRICS, to_trial
from suite.supplied import Supplied
from suite.tracking.rows import Row
from suite.tracking.store import prepare_environment

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

    from suite.exporting import Export

# A network that took longer is not trained again for its weights.
MOST_SECONDS = 5.0
_REQUIREMENTS = ("mlflow", "torch", "numpy")


class Made(NamedTuple):
    """What became of a model.

    Attributes:
        takes_raw: whether the module takes rows as the data set has them.
        problem: why there is no model; empty where there is one.
    """

    takes_raw: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Making:
    """A model in the making.

    Attributes:
        best: the network's trial.
        path: where the model will be.
        result: waits until it is made.
    """

    best: Row
    path: Path
    result: Callable[[], Made]


def get_ready() -> None:
    """Import what the first model would wait for."""
    prepare_environment()
    import mlflow.pytorch  # noqa: F401

    from suite.exporting import warm_up

    warm_up()


@contextmanager
def making(best: Row, ledger: Ledger, helper: Executor | None) -> Iterator[Making]:
    """Make a network's model during the block, or at once when asked for it without a helper.

    Args:
        best: the network's trial.
        ledger: the results, which have the parts of the user's own.
        helper: the process to make it in.
    """
    if problem := _objection(best):
        yield Making(best, Path(), partial(Made, problem=problem))
        return
    supplied = ledger.supplied(best["supplied"])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model"
        if helper is None:
            yield Making(best, path, partial(make, best, supplied, path))
            return
        future = helper.submit(make, dict(best), supplied, path)
        try:
            yield Making(best, path, partial(_result, future))
        finally:
            # Before the directory goes.
            wait([future])


def _objection(best: Row) -> str:
    if best["seconds"] > MOST_SECONDS:
        return "`leadline rerun` trains it again, which is too slow to be done here."
    if best["code_hash"] != code_hash():
        return "other code than the present one trained it."
    return ""


def _result(future: Future[Made]) -> Made:
    try:
        return future.result()
    except BrokenProcessPool:
        return Made(problem="the process that trained it again died.")


def make(best: Row, supplied: Supplied | None, path: Path) -> Made:
    """Train a network again and save it for MLflow, or say why not."""
    prepare_environment()
    from suite.exporting import export

    try:
        with installed(supplied):
            found = export(to_trial(best), best["best_epoch"], best["kernel"].partition("-")[2])
            if not found.agrees({name: best[name] for name in METRICS if best[name] is not None}):
                return Made(problem="trained again, it gives other scores.")
            save(found, best, path)
    # torch says with both that it cannot take a network's steps down.
    except (ValueError, RuntimeError) as error:
        return Made(problem=f"it cannot be made a plain module: {str(error).splitlines()[0]}")
    return Made(takes_raw=found.takes_raw)


def save(found: "Export", best: Row, path: Path) -> None:
    """Write an exported network as MLflow's files."""
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
