"""What runs inside a worker process."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from cachetools import LRUCache, cached
from loky import process_executor
from threadpoolctl import threadpool_limits

from suite.classical.fitting import fit_classical
from suite.classical.models import CLASSICAL
from suite.data.cards import CARDS
from suite.data.loading import load_split
from suite.data.split import Split
from suite.installing import installed, origin
from suite.planning import Cohort
from suite.training.fitting import fit
from suite.trial import Outcome, Trial

# Of a set with more inputs than this in all its rows, one split stays in memory for later cohorts;
# of smaller ones, as many as fit into so many bytes. Some take most of a second to be made again.
_FEW_NUMBERS = 2**24
_CACHE_BYTES = 2**29
# Between the seeds of networks that keep a timed one company.
_NEXT_SEED = 100_003


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
    card = CARDS[cohort.trials[0].dataset]
    load = _load if card.samples * card.features <= _FEW_NUMBERS else _load_large
    data = {
        replicate: load(origin("dataset", t.dataset), t.dataset, t.split, t.samples, t.label_noise)
        for replicate, t in replicates.items()
    }
    if cohort.trials[0].network in CLASSICAL:
        return fit_classical(cohort.trials, data)
    outcomes = fit(
        with_company(cohort.trials),
        data,
        cohort.probes,
        torch.device(device),
        states=cohort.states,
        keeps_states=cohort.keeps_states,
    )
    return outcomes[: len(cohort.trials)]


def with_company(trials: Sequence[Trial]) -> Sequence[Trial]:
    """The trials, or one that is to be timed among so many with others like it beside it."""
    count = trials[0].together or 1
    if count == 1:
        return trials
    (trial,) = trials
    return [replace(trial, seed=trial.seed + _NEXT_SEED * number) for number in range(count)]


def _bytes(split: Split) -> int:
    parts = (split.train_inputs, split.validation_inputs, split.test_inputs)
    # What is more than inputs hardly counts, but a split without them is to count, too.
    return sum(part.nbytes for part in parts) + 4096


@cached(LRUCache(maxsize=_CACHE_BYTES, getsizeof=_bytes), info=True)
def _load(
    origin: str,  # noqa: ARG001, two versions of a user's file may give one name to other rows
    dataset: str,
    split: int,
    samples: int | None,
    label_noise: float,
) -> Split:
    return load_split(dataset, split, samples, label_noise)


# A dozen splits of a big table would fill the memory.
_load_large = lru_cache(maxsize=1)(_load.__wrapped__)
