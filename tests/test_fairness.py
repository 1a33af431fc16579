"""Fairness: what searches cost and found, edges, variance, and verdicts at half of the budget."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from suite.fairness.budgets import budgets, is_equal
from suite.fairness.edges import at_edges, edge_of, edges
from suite.fairness.searches import SEARCH, chosen, steps
from suite.ledger import Ledger
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.sensitivity import at_half_budget, with_half_budget
from suite.tune import Range
from suite.verdicts import judge
from tests.planted import evidence as planted_evidence
from tests.planted import experiment, noise
from tests.tuned import TUNE, climbing, evidence, row
from tests.tuned import experiment as tuned_experiment

# A search of two networks a candidate: two candidates at the first rung, then a third, then 1
# goes on to the end, where it does worse than it did at its first rung.
SEEDS = TUNE | {"seeds": 2}
SMALL = [
    *(row(0, loss, 1) for loss in (0.8, 0.6)),
    *(row(1, loss, 1) for loss in (0.4, 0.2)),
    *(row(2, loss, 1) for loss in (0.1, np.inf)),
    *(row(1, loss, 3) for loss in (0.6, 0.6)),
    *(row(1, loss) for loss in (0.9, 0.7)),
]
SMALL[4] |= {"outcome": "completed"}
SMALL[5] |= {"outcome": "diverged", "validation_loss": np.nan}


def small(**changes):
    return evidence(SMALL, tuned_experiment(SEEDS | changes))


def test_a_search_is_a_series_of_steps_with_what_stands_best():
    found = steps(small())
    assert found["number"].tolist() == [0, 1, 2, 1, 1]
    assert found["score"].tolist() == pytest.approx([0.7, 0.3, np.inf, 0.6, 0.8])
    assert found["rung"].tolist() == [0, 0, 0, 1, 2]
    assert found["networks"].tolist() == [2] * 5
    # Who came further stands before others, also with a worse score.
    assert found["best"].tolist() == [0, 1, 1, 1, 1]
    assert found["best_value"].tolist() == pytest.approx([0.7, 0.3, 0.3, 0.6, 0.8])
    assert found["best_at_end"].tolist() == [False] * 4 + [True]


def test_a_step_costs_what_it_adds_to_the_rung_before():
    found = steps(small())
    ninths = np.array([1, 2, 3, 5, 11])
    assert found["trainings"].tolist() == pytest.approx(ninths / 9)
    assert found["share"].tolist() == pytest.approx(ninths / 9 / 4)
    in_epochs = steps(small(budget={"epochs": 36}))
    assert in_epochs["share"].tolist() == pytest.approx(ninths / 9 / 2)


def test_higher_accuracy_is_better():
    rows = [row(n, 1.0, validation_accuracy=a) for n, a in enumerate((0.5, 0.9, 0.7))]
    tune = {"learning_rate": TUNE["learning_rate"], "budget": {"trials": 3}}
    found = steps(evidence(rows, tuned_experiment(tune | {"metric": "validation_accuracy"})))
    assert found["best"].tolist() == [0, 1, 1]
    assert found["value"].tolist() == [0.5, 0.9, 0.7]


def test_nothing_tuned_has_no_steps():
    assert steps(evidence([])).empty
    assert steps(evidence([row(0, 0.5, outcome=None)])).empty
    assert budgets(evidence([])).empty
    assert edges(evidence([])).empty


def test_a_promoted_candidate_is_counted_once():
    (spent,) = budgets(small()).to_dict("records")
    assert (spent["searches"], spent["candidates"], spent["networks"]) == (1, 3, 6)
    assert spent["epochs"] == 2 * (1 + 9 + 1)
    assert spent["flops"] == pytest.approx(100 * 22)
    assert spent["seconds"] == pytest.approx(0.5 * 22)
    assert spent["trainings"] == pytest.approx(11 / 9)
    assert (spent["asked_trainings"], spent["asked_epochs"]) == (4, 2 * 4 * 9)


def test_models_without_epochs_have_none_to_spend():
    tune = {"learning_rate": TUNE["learning_rate"], "budget": {"trials": 2}}
    rows = [
        row(n, 0.5, kernel="sklearn-cpu", network="ridge", settings="alpha=1", flops=None)
        for n in range(2)
    ]
    found = budgets(evidence(rows, tuned_experiment(tune)))
    assert found[["epochs", "asked_epochs", "flops"]].isna().all(axis=None)
    assert found["trainings"].tolist() == [2]


def test_contenders_with_other_budgets_are_told_apart():
    tested = tuned_experiment(
        TUNE | {"halving": 2},
        vary={"budget": ["4", "8"]},
        hold={"dataset": "digits", "depth": "1", "epochs": "9"},
    )
    rows = [row(0, 0.5, contender=f'{{"budget": {size}}}', budget=size) for size in (4, 8)]
    found = budgets(evidence(rows, tested))
    assert found["asked_trainings"].tolist() == [4, 8]
    assert not is_equal(found)
    assert is_equal(budgets(small()))


def test_an_equal_budget_of_epochs_is_equal_whatever_a_training_takes():
    tested = tuned_experiment(
        TUNE | {"budget": {"epochs": 36}},
        vary={"epochs": ["9", "18"]},
        hold={"dataset": "digits", "depth": "1"},
    )
    rows = [row(0, 0.5, contender=f'{{"epochs": {epochs}}}', epochs=epochs) for epochs in (9, 18)]
    found = budgets(evidence(rows, tested))
    assert found["asked_trainings"].tolist() == [4, 2]
    assert is_equal(found)


@pytest.mark.parametrize(
    ("searched", "value", "edge"),
    [
        (Range(log=(0.001, 0.1)), 0.00125, "low"),  # 4.8 % of two decades
        (Range(log=(0.001, 0.1)), 0.00127, ""),
        (Range(log=(0.001, 0.1)), 0.08, "high"),
        (Range(log=(0.001, 0.1)), 0.0, "low"),
        (Range(linear=(0, 10)), 0.4, "low"),
        (Range(linear=(0, 10)), 5, ""),
        (Range(linear=(0, 10)), 9.5, "high"),
        (Range(integer=(1, 4)), 1, "low"),
        (Range(integer=(1, 4)), 2, ""),
        (Range(integer=(1, 4)), 4, "high"),
        (Range(log_integer=(4, 1024)), 1024, "high"),
        (Range(log_integer=(4, 1024)), 8, ""),
    ],
)
def test_an_edge_is_a_twentieth_of_the_range_in_its_own_scale(searched, value, edge):
    assert edge_of(searched, value) == edge


def test_edges_are_those_of_the_chosen_candidate_of_each_search():
    settings = {"ridge": {"alpha": {"log": [0.1, 10.0]}, "solver": ["auto", "svd"]}}
    tested = tuned_experiment(TUNE | {"settings": settings})
    model = {"kernel": "sklearn-cpu", "network": "ridge", "split": 1}
    rows = [
        row(0, 0.3, learning_rate=0.1, regularizers="none"),
        row(1, 0.9, learning_rate=0.001),
        row(0, 0.3, settings="alpha=0.1,solver=svd", **model),
        row(0, 0.3, kernel="sklearn-cpu", network="dummy", split=2),
    ]
    found = edges(evidence(rows, tested))
    assert found[["split", "name", "edge"]].values.tolist() == [
        [0, "learning_rate", "high"],
        [0, "regularizers.l2", "low"],
        [1, "settings.alpha", "low"],
    ]
    assert at_edges(found).values.tolist() == [
        ["learning_rate", 1, 0, 1],
        ["regularizers.l2", 1, 1, 0],
        ["settings.alpha", 1, 1, 0],
    ]


CLAIMS = {
    "depth-accuracy": {
        "says": "Deep beats shallow.",
        "metric": "test_accuracy",
        "better": {"depth": "4"},
        "worse": {"depth": "1"},
        "margin": "0.05",
    }
}


def halved(gain, kept=lambda _: True):
    """Evidence with a gain of .1 from depth, and with `gain` at half of the budget."""
    tested = experiment(CLAIMS)
    named = {"repeat": 0, "study": "s"}
    full, half = (
        planted_evidence(
            tested,
            lambda row, g=g: {
                **named,
                "contender": f'{{"depth": {row["depth"]}}}',
                "test_accuracy": 0.5 + g * (row["depth"] == 4) + noise(row),
            },
        )
        for g in (0.1, gain)
    )
    return replace(full, half=half.trials[half.trials.apply(kept, axis=1)])


@pytest.mark.parametrize(
    ("gain", "word"), [(0.1, "unchanged"), (-0.1, "refuted"), (0.0, "equivalent")]
)
def test_the_verdict_at_half_of_the_budget_is_the_same_or_another_word(gain, word):
    (found,) = with_half_budget(judge, [halved(gain)])
    assert found["verdict"] == "supported"
    assert found["verdict_at_half_budget"] == word
    (plain,) = judge([halved(gain)])
    assert found == plain | {"verdict_at_half_budget": word}


def test_without_half_there_is_no_word():
    (found,) = with_half_budget(judge, [halved(0.1, lambda _: False)])
    assert found["verdict_at_half_budget"] is None
    (preview,) = with_half_budget(partial(judge, confirmatory=False), [halved(0.1)])
    assert preview["verdict_at_half_budget"] is None


def test_contenders_of_which_nothing_is_searched_keep_their_networks():
    given = halved(-0.1, lambda row: row["depth"] == 4)
    joined = at_half_budget(given).trials
    assert len(joined) == len(given.trials)
    scores = joined.groupby("depth")["test_accuracy"].mean()
    assert scores[1] == pytest.approx(given.trials.query("depth == 1")["test_accuracy"].mean())
    assert scores[4] == pytest.approx(0.4, abs=0.01)


class Silent:
    """A listener that hears nothing."""

    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture(scope="module")
def real(one_thread, tmp_path_factory):
    """Evidence of a small search with rungs, as an experiment leaves it."""
    results = tmp_path_factory.mktemp("tuned") / "results"
    tune = {"learning_rate": {"log": [0.003, 0.3]}, "budget": {"trials": 6}, "halving": 3}
    hold = {"dataset": "circles", "samples": "48", "width": "6", "epochs": "9", "batch_size": "16"}
    tested = tuned_experiment(tune | {"repeats": 2}, hold=hold, seeds=1)
    settings = Settings(profile="standard", workers=0, results=results)
    run_experiments([tested], settings, Silent(), lambda _: None, lambda _: None)
    return gather(Ledger(results), tested, "standard")


def test_the_best_step_of_a_real_search_is_what_was_trained_at_the_end(real):
    best = chosen(steps(real)).merge(real.trials, on=SEARCH, suffixes=("", "_final"))
    assert len(best) == len(real.trials) == 2 * 2
    assert best["learning_rate"].tolist() == best["learning_rate_final"].tolist()
    assert best["learning_rate"].nunique() > 1


def test_a_real_search_stays_within_its_budget_and_promotes_some(real):
    found = steps(real)
    assert found.groupby(SEARCH)["share"].max().between(0.8, 1).all()
    assert found["rung"].max() == 2
    assert found.groupby([*SEARCH, "number"])["all_flops"].is_monotonic_increasing.all()
    table = budgets(real)
    assert (table["epochs"] <= table["asked_epochs"]).all()
    assert is_equal(table)


def test_climbing_rows_are_a_search_as_halving_has_it():
    found = steps(evidence(climbing(tuned_experiment())))
    assert found.groupby("rung").size().tolist() == [36, 12, 4]
    assert found.drop_duplicates(SEARCH, keep="last")["best_at_end"].all()
