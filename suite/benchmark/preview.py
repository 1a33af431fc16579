"""What is known before anything is trained: warnings of the data, and the plan of a dry run."""

import sys
from typing import NamedTuple

from suite.benchmark.selection import Selection


class Plan(NamedTuple):
    """What an experiment would take; minutes and memory are guesses."""

    experiment: str
    networks: int
    cohorts: int
    minutes: float
    workers: int
    mebibytes: int


def print_warnings(selection: Selection) -> None:
    """What a reader should know of the data, once for each set that is used."""
    from suite.data.cards import CARDS

    named = (name for e in selection.chosen for name in e.at(selection.profile).datasets)
    for name in dict.fromkeys(named):
        for warning in CARDS[name].warnings:
            sys.stderr.write(f"{name}: {warning}\n")


def plan(selection: Selection, workers: int) -> list[Plan]:
    """What each chosen experiment would take if nothing were stored."""
    from suite.planning import group, memory_bytes
    from suite.tuning.studies import DesignSource

    plans, workers = [], max(1, workers)
    for experiment in selection.chosen:
        design = experiment.at(selection.profile)
        requests = DesignSource(design).preview()
        cohorts = group([r.trial for r in requests], design.probes, workers)
        plans.append(
            Plan(
                experiment=experiment.name,
                networks=len(requests),
                cohorts=len(cohorts),
                minutes=sum(cohort.cost for cohort in cohorts) / workers / 60,
                workers=workers,
                mebibytes=round(memory_bytes(cohorts, workers) / 2**20),
            )
        )
    return plans
