"""Searches: what samplers propose, how candidates climb rungs, and what a budget pays for."""

import math

import numpy as np
import optuna
import pytest

from suite.experiment import Tune
from suite.tune import Range
from suite.tuning.search import Search, rung_epochs
from suite.tuning.space import rounded, with_values
from suite.tuning.suggesting import Candidate, distributions, suggest

SPACE = {
    "learning_rate": Range(log=(1e-4, 1.0)),
    "regularizers.dropout": Range(linear=(0.0, 0.5)),
    "width": Range(log_integer=(4, 256)),
    "depth": Range(integer=(1, 4)),
    "optimizer": Range(choice=("sgd", "adam")),
}
RATE = {"learning_rate": SPACE["learning_rate"]}


def make_search(space=None, epochs=27, seed="a", **tune):
    fields = {"learning_rate": {"log": [1e-4, 1.0]}, "budget": {"trials": 12}} | tune
    return Search(RATE if space is None else space, Tune(**fields), epochs, seed)


def loss(values, epoch):
    """Lowest at a rate of .01, and lower the longer the training."""
    return abs(math.log10(values["learning_rate"]) + 2) + 1 / epoch


def run(search, score=loss):
    """The whole course: batches of (number, rung)."""
    batches = []
    while asked := search.ask():
        batches.append([(a.candidate.number, a.rung) for a in asked])
        search.tell(
            {a.candidate.number: score(a.candidate.values, search.rungs[a.rung]) for a in asked}
        )
    return batches


@pytest.mark.parametrize(
    ("epochs", "halving", "rungs"),
    [
        (27, None, (27,)),
        (27, 3, (3, 9, 27)),
        (20, 2, (5, 10, 20)),
        (10, 3, (1, 3, 10)),
        (2, 3, (1, 2)),
        (1, 3, (1,)),
    ],
)
def test_rungs_end_at_shares_of_the_epochs(epochs, halving, rungs):
    assert rung_epochs(epochs, halving) == rungs


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_proposals_lie_in_their_ranges_and_repeat_with_their_seed(sampler):
    known = []
    for batch in range(4):
        new = suggest(SPACE, known, (5,), sampler, 7 + batch, 4)
        again = suggest(SPACE, known, (5,), sampler, 7 + batch, 4)
        assert [c.values for c in new] == [c.values for c in again]
        for candidate in new:
            for name, distribution in distributions(SPACE).items():
                value = candidate.values[name]
                assert distribution._contains(distribution.to_internal_repr(value))
            candidate.scores.append(loss(candidate.values, 5))
        known += new
    assert [candidate.number for candidate in known] == list(range(16))
    assert len({str(candidate.values) for candidate in known}) == 16
    other = suggest(SPACE, known, (5,), sampler, 99, 4)
    assert [c.values for c in other] != [c.values for c in new]


def test_random_proposals_are_those_of_optunas_sampler():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    asked = [study.ask(distributions(RATE)).params["learning_rate"] for _ in range(5)]
    found = [c.values["learning_rate"] for c in suggest(RATE, [], (1,), "random", 3, 5)]
    assert found == [pytest.approx(value, rel=1e-3) for value in asked]


def test_tpe_learns_from_what_it_is_told():
    errors = {}
    for sampler in ("tpe", "random"):
        searches = [make_search(seed=str(s), sampler=sampler) for s in range(8)]
        for search in searches:
            run(search)
        later = [c for search in searches for c in search.candidates[10:]]
        errors[sampler] = np.median([loss(c.values, math.inf) for c in later])
    assert errors["tpe"] < errors["random"] / 2


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_without_rungs_the_budget_is_a_number_of_candidates(sampler):
    search = make_search(sampler=sampler)
    batches = run(search)
    assert [rung for batch in batches for _, rung in batch] == [0] * 12
    assert search.spent == search.budget == 12 * 27
    assert len(batches) == (1 if sampler == "random" else 12)


def test_batches_are_a_tenth_of_the_budget():
    batches = run(make_search(budget={"trials": 40}))
    assert [len(batch) for batch in batches] == [4] * 10


def test_a_budget_of_epochs_counts_every_network():
    search = make_search(budget={"epochs": 270}, seeds=2)
    run(search)
    assert (len(search.candidates), search.spent) == (5, 135)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("trials", [2, 3, 12, 40])
def test_rungs_spend_the_budget_and_bring_one_to_the_end(sampler, trials):
    search = make_search(sampler=sampler, halving=3, budget={"trials": trials})
    batches = run(search)
    steps = [(number, rung) for batch in batches for number, rung in batch]
    assert len(set(steps)) == len(steps)
    cost = {0: 3, 1: 6, 2: 18}
    assert sum(cost[rung] for _, rung in steps) == search.spent <= search.budget
    assert search.spent > search.budget - 27
    assert len(search.best.scores) == 3
    assert len(search.candidates) > trials


def test_who_goes_on_is_among_the_best_third_of_its_rung():
    search = make_search(sampler="random", halving=3, budget={"trials": 30})
    known = {}
    while asked := search.ask():
        for candidate, rung in asked:
            # At the end of the budget the best so far goes on by itself.
            if rung and len(asked) > 1:
                finished = sorted(s[rung - 1] for s in known.values() if len(s) >= rung)
                assert known[candidate.number][rung - 1] <= finished[len(finished) // 3 - 1]
        told = {a.candidate.number: loss(a.candidate.values, search.rungs[a.rung]) for a in asked}
        for number, score in told.items():
            known.setdefault(number, []).append(score)
        search.tell(told)
    shares = [sum(len(scores) > rung for scores in known.values()) for rung in range(3)]
    # Some go on that only were among the best third when they were looked at.
    assert shares[0] / 3 - 2 <= shares[1] <= shares[0] / 2
    assert shares[1] / 3 - 2 <= shares[2] <= shares[1] / 2


def test_failures_never_go_on_and_never_win():
    def score(values, epoch):
        return math.inf if values["learning_rate"] > 0.003 else loss(values, epoch)

    for halving in (None, 3):
        search = make_search(halving=halving, budget={"trials": 20})
        run(search, score)
        assert search.best.values["learning_rate"] <= 0.003
        failed = [c for c in search.candidates if math.inf in c.scores]
        assert failed
        assert all(len(c.scores) == 1 for c in failed)


def test_where_all_fail_the_first_stands():
    search = make_search(halving=3)
    run(search, lambda *_: math.inf)
    assert search.best.number == 0


def test_the_best_at_half_of_the_budget_knows_nothing_of_the_rest():
    search = make_search(sampler="random")
    run(search)
    early = search.candidates[:6]
    assert search.best_at_half == min(early, key=lambda c: c.scores[0])
    climbing = make_search(halving=3, budget={"trials": 20})
    seen = []

    def score(values, epoch):
        seen.append(values)
        return loss(values, epoch) - (10 if climbing.spent > 0.6 * climbing.budget else 0)

    run(climbing, score)
    assert climbing.best_at_half.number < climbing.best.number


def test_nothing_to_search_leaves_the_recipe_as_it_is():
    search = make_search(space={})
    assert list(search.ask()) == []
    assert (search.best.values, search.best_at_half.values, search.spent) == ({}, {}, 0)


def test_values_enter_the_recipe():
    recipe = {"depth": 2, "regularizers": "dropout=0.1,l2=0.001"}
    values = {
        "learning_rate": 0.01,
        "regularizers.dropout": 0.4,
        "settings.max_depth": 3,
        "settings.max_features": None,
    }
    assert with_values(recipe, values) == {
        "depth": 2,
        "learning_rate": 0.01,
        "regularizers": "dropout=0.4,l2=0.001",
        "settings": "max_depth=3",
    }
    assert with_values({"depth": 2}, {}) == {"depth": 2}


def test_rounding_stays_within_the_range():
    space = {"rate": Range(log=(0.00012344, 0.1))}
    assert rounded(space, {"rate": 0.000123441}) == {"rate": 0.00012344}
    assert rounded(space, {"rate": 0.0123456}) == {"rate": 0.01235}


def test_candidates_are_trials_of_a_study_as_far_as_they_came():
    known = [
        Candidate(0, {"learning_rate": 0.1}, [3.0, 2.0, 1.0]),
        Candidate(1, {"learning_rate": 0.2}, [3.5]),
    ]
    seen = []

    class Spy(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            seen.extend(study.trials[:2])
            return super().sample_independent(study, trial, name, distribution)

    import suite.tuning.suggesting as module

    original, module._sampler = module._sampler, lambda *_: Spy(seed=0)
    try:
        suggest(RATE, known, (1, 3, 9), "random", 0, 1)
    finally:
        module._sampler = original
    complete, pruned = seen[:2]
    assert (complete.state.name, complete.value) == ("COMPLETE", 1.0)
    assert (pruned.state.name, pruned.intermediate_values) == ("PRUNED", {1: 3.5})
