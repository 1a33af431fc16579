"""Tuning: equal budgets, choices by validation alone, and final trials that share nothing."""

from collections import Counter, defaultdict
from dataclasses import fields, replace
from statistics import mean

import numpy as np
import pytest

from suite.data.loading import load_split
from suite.execution import worker
from suite.execution.local import InlineExecutor
from suite.execution.work import Finished
from suite.planning import group
from suite.reading import build_experiment
from suite.training.fitting import fit
from suite.tune import Range
from suite.tuning.source import Told
from suite.tuning.space import grid
from suite.tuning.studies import DesignSource

CONTENT = {
    "question": "Which activation?",
    "vary": {"activation": ["relu", "tanh"], "depth": [1, 2]},
    "hold": {"dataset": ["digits", "wine"], "width": 8, "epochs": 1},
    "tune": {
        "learning_rate": {"log": [0.001, 0.1]},
        "budget": {"trials": 3},
        "sampler": "grid",
        "seeds": 2,
    },
    "profiles": {"quick": {"seeds": 3}},
}
RATES = (0.001, 0.01, 0.1)


def make_source(**changes):
    return DesignSource(build_experiment("x", CONTENT | changes).at("quick"))


def with_metric(metric):
    return {"tune": CONTENT["tune"] | {"metric": metric}}


def answered(requests, score):
    """What the source would be told; `score` gives a request's outcome, loss and accuracy."""
    return {request.trial.id: Told(*score(request)) for request in requests}


def by_study(requests):
    """Requests of one contender on one split of one data set."""
    groups = defaultdict(list)
    for request in requests:
        groups[request.study, request.trial.split].append(request)
    return groups


def chosen(source, score):
    """The final trials' learning rates by study and split, after tuning trials with such scores."""
    source.tell(answered(source.propose(), score))
    finals = source.propose()
    assert source.propose() == ()
    assert {request.stage for request in finals} == {"final"}
    return {(r.study, r.trial.split): r.trial.learning_rate for r in finals}


def random_scores(seed):
    """Distinct scores for every trial, of which higher losses go with higher accuracies."""
    rng = np.random.default_rng(seed)
    drawn = defaultdict(rng.random)
    return lambda r: ("completed", drawn[r.trial.id], drawn[r.trial.id] / 2)


@pytest.mark.parametrize(
    ("low", "high", "trials", "rates"),
    [
        (1e-3, 0.1, 3, (0.001, 0.01, 0.1)),
        (1e-4, 1.0, 5, (1e-4, 1e-3, 0.01, 0.1, 1.0)),
        (3e-4, 0.01, 3, (3e-4, 0.00173, 0.01)),
        (1e-3, 0.1, 2, (0.001, 0.1)),
    ],
)
def test_candidates_are_even_in_the_logarithm(low, high, trials, rates):
    found = grid({"learning_rate": Range(log=(low, high))}, trials)
    assert tuple(values["learning_rate"] for values in found) == rates


def test_every_contender_gets_the_same_candidates_seeds_and_splits():
    source = make_source()
    requests = source.propose()
    groups = by_study(requests)
    assert len(requests) == len({r.trial for r in requests}) == 4 * 2 * 3 * 3 * 2
    assert len(groups) == 4 * 2 * 3
    seeds = {}
    for (_, split), asked in groups.items():
        assert Counter(r.trial.learning_rate for r in asked) == dict.fromkeys(RATES, 2)
        assert len({(r.contender, r.trial.dataset, r.trial.activation) for r in asked}) == 1
        pairs = {(r.trial.learning_rate, r.trial.seed) for r in asked}
        assert len(pairs) == len(asked)
        assert seeds.setdefault(split, pairs) == pairs
    assert {r.stage for r in requests} == {"tuning"}
    assert not any(r.trial.reports_test for r in requests)


def test_final_trials_share_no_seed_with_tuning():
    source = make_source()
    tuning = source.propose()
    source.tell(answered(tuning, random_scores(0)))
    finals = source.propose()
    assert len(finals) == len(by_study(finals)) == 4 * 2 * 3
    assert all(request.trial.reports_test for request in finals)
    assert {r.trial.seed for r in finals}.isdisjoint(r.trial.seed for r in tuning)
    # All contenders meet the same data and draws, so that comparisons are paired.
    pairs = {(r.trial.split, r.trial.seed) for r in finals}
    assert sorted(pairs) == [(0, 0), (1, 1), (2, 2)]


def test_tuning_seeds_of_different_splits_differ():
    seeds = defaultdict(set)
    for request in make_source().propose():
        seeds[request.trial.split].add(request.trial.seed)
    assert len(set.union(*seeds.values())) == sum(map(len, seeds.values())) == 3 * 2


@pytest.mark.parametrize(
    ("metric", "best"), [("validation_loss", min), ("validation_accuracy", max)]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_best_mean_over_seeds_is_chosen(metric, best, seed):
    source, score = make_source(**with_metric(metric)), random_scores(seed)
    requests = make_source().propose()
    column = {"validation_loss": 1, "validation_accuracy": 2}[metric]
    found = chosen(source, score)
    for key, asked in by_study(requests).items():
        means = {
            rate: mean(score(r)[column] for r in asked if r.trial.learning_rate == rate)
            for rate in RATES
        }
        assert found[key] == best(means, key=means.get)
    assert set(found.values()) == set(RATES)


@pytest.mark.parametrize("metric", ["validation_loss", "validation_accuracy"])
def test_ties_go_to_the_smaller_rate(metric):
    def score(request):
        worse = request.trial.learning_rate == 0.001
        return "completed", (0.5 if worse else 0.4), (0.5 if worse else 0.6)

    assert set(chosen(make_source(**with_metric(metric)), score).values()) == {0.01}


@pytest.mark.parametrize("word", ["diverged", "dead", "crashed", "out_of_memory", "timed_out"])
@pytest.mark.parametrize("metric", ["validation_loss", "validation_accuracy"])
def test_one_failed_seed_loses_whatever_its_score(word, metric):
    def score(request):
        trial = request.trial
        if trial.learning_rate == 0.1:
            failed = trial.seed % 2 == 0
            return (word if failed else "completed"), -100.0, 1.0
        return "completed", trial.learning_rate, 0.5 - trial.learning_rate

    assert set(chosen(make_source(**with_metric(metric)), score).values()) == {0.001}


def test_where_all_fail_the_smallest_rate_is_tried():
    found = chosen(make_source(), lambda _: ("diverged", None, None))
    assert set(found.values()) == {0.001}


def test_without_tuning_there_are_only_final_trials():
    hold = CONTENT["hold"] | {"learning_rate": 0.05}
    source = make_source(tune=None, hold=hold)
    finals = source.propose()
    assert {(r.stage, r.trial.learning_rate) for r in finals} == {("final", 0.05)}
    assert source.propose() == ()
    assert [r.trial for r in source.preview()] == [r.trial for r in finals]


def test_counts_and_previews_are_what_is_asked():
    source = make_source()
    tuning = source.propose()
    source.tell(answered(tuning, random_scores(1)))
    asked = [*tuning, *source.propose()]
    preview = make_source().preview()
    assert len(asked) == len(preview)
    for planned, real in zip(preview, asked, strict=True):
        assert (planned.study, planned.stage, planned.contender) == (
            *(real.study, real.stage, real.contender),
        )
        assert replace(planned.trial, learning_rate=1) == replace(real.trial, learning_rate=1)


# Nothing is chosen by test data


def test_sources_cannot_see_test_metrics():
    assert {field.name for field in fields(Told)} == {
        *("outcome", "validation_loss", "validation_accuracy")
    }


def test_tuning_trials_measure_nothing_on_test_data(one_thread):
    source = make_source(hold=CONTENT["hold"] | {"dataset": "wine"})
    tuning = [r.trial for r in source.propose() if r.trial.depth == 1][:6]
    final = replace(tuning[0], reports_test=True)
    data = {(split, 0.0): load_split("wine", split) for split in range(3)}
    measured = [set(outcome.metrics) for outcome in [*fit(tuning, data), *fit([final], data)]]
    parts = [{name.partition("_")[0] for name in names} for names in measured]
    assert parts == [{"train", "validation"}] * 6 + [{"train", "validation", "test"}]


LEARNABLE = {
    "vary": {"activation": ["relu", "tanh"]},
    "hold": {"dataset": ["wine"], "width": 16, "epochs": 4, "batch_size": 16},
    "tune": {
        "learning_rate": {"log": [0.0001, 0.3]},
        "budget": {"trials": 5},
        "sampler": "grid",
    },
}


def spoiled(*arguments):
    """A split whose test labels are wrong, all of them."""
    split = load_split(*arguments)
    return replace(split, test_targets=(split.test_targets + 1) % split.outputs)


def rates_chosen(monkeypatch, load, see, reports_test=False):
    """Learning rates of a real run on data from `load`; `see` makes what the source is told."""
    monkeypatch.setattr(worker, "load_split", load)
    worker._load.cache_clear()
    source = make_source(**LEARNABLE)
    trials = {r.trial.id: r.trial for r in source.propose()}
    asked = {replace(trial, reports_test=reports_test): key for key, trial in trials.items()}
    outcomes = [
        outcome
        for event in InlineExecutor().run(group(list(asked), (), 1))
        if isinstance(event, Finished)
        for outcome in event.outcomes
    ]
    worker._load.cache_clear()
    source.tell({asked[outcome.trial]: see(outcome) for outcome in outcomes})
    return [request.trial.learning_rate for request in source.propose()]


def honest(outcome):
    metrics = outcome.metrics
    return Told(outcome.outcome, metrics.get("validation_loss"), metrics.get("validation_accuracy"))


def leaking(outcome):
    metrics = outcome.metrics
    return Told(outcome.outcome, metrics.get("test_loss"), metrics.get("test_accuracy"))


def test_choices_do_not_depend_on_test_data(monkeypatch):
    clean = rates_chosen(monkeypatch, load_split, honest)
    assert rates_chosen(monkeypatch, spoiled, honest) == clean
    # The test would notice: a choice by test data turns with them.
    leaked = [rates_chosen(monkeypatch, load, leaking, True) for load in (load_split, spoiled)]
    assert leaked[0] != leaked[1]


# What is trained beside the finals


def test_networks_that_show_variance_differ_from_the_final_in_one_thing():
    tune = CONTENT["tune"] | {"variance": True}
    source = make_source(tune=tune)
    source.tell(answered(source.propose(), random_scores(2)))
    asked = defaultdict(dict)
    for request in source.propose():
        key = request.study, request.trial.split
        asked[key][request.stage, request.number] = request.trial
    for trials in asked.values():
        final = trials.pop(("final", 0))
        assert replace(trials["variance", 0], seed=final.seed, order=None) == final
        assert trials["variance", 0].order == final.seed
        assert replace(trials["variance", 1], order=None) == final
        assert len(trials) == 2
    assert len(source.preview()) == 24 * 6 + 24 + 48


def test_classical_models_bring_their_own_space_and_have_no_weights_to_vary():
    content = CONTENT | {
        "vary": {"network": ["dense", "random_forest"]},
        "tune": {"learning_rate": {"log": [0.001, 0.1]}, "budget": {"trials": 4}, "variance": True},
    }
    experiment = build_experiment("x", content)
    assert set(experiment.tune.settings) == {"random_forest"}
    source = DesignSource(experiment.at("quick"))
    forests = [r for r in source.preview() if r.trial.network == "random_forest"]
    assert {r.stage for r in forests} == {"tuning", "final", "half"}
    assert all(r.trial.settings for r in forests)
    dense = [r for r in source.preview() if r.trial.network == "dense"]
    assert {r.stage for r in dense} == {"tuning", "final", "half", "variance"}
