"""What runs inside a worker process."""

import os
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from functools import lru_cache

import torch
from loky import process_executor
from threadpoolctl import threadpool_limits

from suite.data.loading import load_split
from suite.data.split import Split
from suite.installing import installed, origin
from suite.planning import Cohort
from suite.training.fitting import fit
from suite.trial import Outcome


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cohort could not be trained: an outcome word and what was said."""

    outcome: str
    error: str


def start_worker(parent: int) -> None:
    """Set up a fresh process: one thread, deaf to Ctrl-C, gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    # NumPy's linear algebra, which draws orthogonal weights, gives other bits on more threads.
    threadpool_limits(1)
    # The splits that stay in memory for the next cohort are no leak to restart a worker for.
    process_executor._MAX_MEMORY_LEAK_SIZE = 2**40
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    # A parent killed outright cannot stop its workers, which would train on for nobody.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def warm_up() -> None:
    """Long enough that one worker does not take all calls before the others have started."""
    time.sleep(0.05)


def train(cohort: Cohort, device: str) -> list[Outcome] | Failure:
    """Train a cohort; what goes wrong comes back as a value."""
    try:
        with installed(cohort.supplied):
            return _fit(cohort, device)
    except (MemoryError, torch.OutOfMemoryError) as error:
        return Failure("out_of_memory", str(error))
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            return Failure("out_of_memory", str(error))
        return Failure("crashed", traceback.format_exc())
    except Exception:
        # Whatever a part does wrong is the trial's outcome, never the run's end.
        return Failure("crashed", traceback.format_exc())


def _fit(cohort: Cohort, device: str) -> list[Outcome]:
    replicates = {trial.replicate: trial for trial in cohort.trials}
    data = {
        replicate: _load(origin("dataset", t.dataset), t.dataset, t.split, t.samples, t.label_noise)
        for replicate, t in replicates.items()
    }
    return fit(cohort.trials, data, cohort.probes, torch.device(device))


@lru_cache(maxsize=12)
def _load(
    origin: str,  # noqa: ARG001, two versions of a user's file may give one name to other rows
    dataset: str,
    split: int,
    samples: int | None,
    label_noise: float,
) -> Split:
    return load_split(dataset, split, samples, label_noise)
