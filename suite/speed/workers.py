"""The same trials on more or fewer worker processes."""

import time
from collections.abc import Sequence
from contextlib import closing

from suite.execution.local import ProcessExecutor
from suite.execution.work import Executor, Finished
from suite.planning import Cohort, group
from suite.speed.cohorts import make_trials
from suite.speed.work import Shape

DATASET = "digits"
SHAPE = Shape(64, 4, 64)
EPOCHS = 10
# Enough that the last cohort of a worker does not decide, few enough for one core.
_EACH, _LEAST, _MOST = 32, 64, 512


def count_networks(most: int) -> int:
    """How many networks are trained, on however many workers up to `most`."""
    return min(max(_LEAST, _EACH * most), _MOST)


def describe_work(most: int) -> str:
    """What is trained, in words."""
    return f"{count_networks(most)} networks of {SHAPE} on {DATASET}"


def time_workers(workers: int, *, most: int, device: str, rounds: int) -> list[float]:
    """Wall seconds per network and epoch of each round; processes have started before."""
    trials = make_trials(SHAPE, count_networks(most), EPOCHS, DATASET)
    cohorts = group(trials, (), workers)
    with closing(ProcessExecutor(workers, device)) as executor:
        executor.start()
        # Workers load the data with their first cohort.
        train_all(executor, cohorts)
        return [train_all(executor, cohorts) / (len(trials) * EPOCHS) for _ in range(rounds)]


def train_all(executor: Executor, cohorts: Sequence[Cohort]) -> float:
    """Wall seconds for all cohorts.

    Raises:
        RuntimeError: a network did not complete, so that the time means nothing.
    """
    start = time.perf_counter()
    events = list(executor.run(cohorts))
    seconds = time.perf_counter() - start
    for event in events:
        for outcome in event.outcomes if isinstance(event, Finished) else ():
            if outcome.outcome != "completed":
                raise RuntimeError(f"a network ended {outcome.outcome}: {outcome.error}")
    return seconds
