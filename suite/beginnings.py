"""Beginnings: where trials that do not start anew begin, and the networks trained for that.

A trial whose recipe names a `pretrained_on` begins with the weights of its own recipe trained on
that data set. Such networks follow from the trials' recipes, so they are trained when they are
needed and stored nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from suite.execution.kernels import kernel_name
from suite.execution.work import Executor, Finished
from suite.planning import Cohort, group
from suite.trial import Outcome, Trial

States = Mapping[Trial, bytes]


def with_states(cohort: Cohort, states: States) -> Cohort:
    """The cohort with what its members begin with or go on from."""
    return replace(cohort, states=tuple(states[t] for t in cohort.trials if t in states))


def pretrain(
    executor: Executor, trials: Sequence[Trial], workers: int, known: dict[Trial, Outcome]
) -> tuple[States, list[Outcome]]:
    """Train the networks that trials begin with.

    Args:
        executor: trains them.
        trials: those that begin with them.
        workers: processes that train.
        known: how those ended that were trained before; receives how the others did.

    Returns:
        What each trial begins with, and how those ended whose network came to no end.
    """
    before = {trial: trial.pretraining for trial in trials}
    wanted = [first for first in before.values() if first is not None and first not in known]
    for event in executor.run([_keeping(c) for c in group(wanted, (), workers)]):
        if isinstance(event, Finished):
            known |= {outcome.trial: outcome for outcome in event.outcomes}
    states, failed = {}, []
    for trial, first in before.items():
        if first is not None:
            state = known[first].state
            if state is not None:
                states[trial] = state
            else:
                failed.append(_failed(trial, known[first], executor.device))
    return states, failed


def _keeping(cohort: Cohort) -> Cohort:
    return replace(cohort, keeps_states=True)


def _failed(trial: Trial, first: Outcome, device: str) -> Outcome:
    """A trial cannot begin with a network that is not there; it ends as that one did."""
    word = "diverged" if first.outcome in ("completed", "dead") else first.outcome
    return Outcome(
        trial=trial,
        outcome=word,
        error=f"while it was trained on {trial.pretrained_on}: {first.error or first.outcome}",
        kernel=kernel_name(trial, device),
    )
