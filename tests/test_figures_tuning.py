"""Figures of tuning: their numbers against those worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from suite.figures.catalogue import FIGURES
from suite.figures.drawing import NothingToDraw
from tests.tuned import TUNE, climbing, evidence, experiment, row

NAMES = ("optimization_history", "budget_curves", "parameter_importances", "rungs")
PLAIN = {name: TUNE[name] for name in ("learning_rate", "budget")}


def draw(name, rows, tested):
    return FIGURES[name].draw(evidence(rows, tested))


def searches(*losses, **changes):
    """One search without rungs for each series of losses, on as many splits."""
    return [
        row(number, loss, split=split, **changes)
        for split, series in enumerate(losses)
        for number, loss in enumerate(series)
    ]


def plain(**changes):
    """Of searches without rungs, one contender."""
    vary = {"depth": ["1"]} | changes
    return experiment(PLAIN, vary=vary, seeds=3)


def test_history_has_quartiles_of_each_candidate_and_of_the_best_so_far():
    rows = searches((0.8, 0.2, 0.4), (0.6, 0.7, 0.1), (0.4, 0.6))
    table = draw("optimization_history", rows, plain()).table
    assert table["candidate"].tolist() == [0, 1, 2]
    assert table["middle"].tolist() == pytest.approx([0.6, 0.6, 0.25])
    assert table["n"].tolist() == [3, 3, 2]
    # The third search ended early; its best stays what it was.
    best = [(0.4, 0.6, 0.8), (0.2, 0.4, 0.6), (0.1, 0.2, 0.4)]
    assert table["best"].tolist() == pytest.approx([np.median(b) for b in best])
    assert table["best_low"].tolist() == pytest.approx([np.quantile(b, 0.25) for b in best])
    assert table["best_high"].tolist() == pytest.approx([np.quantile(b, 0.75) for b in best])


def test_history_says_what_has_no_score():
    rows = searches((0.8, np.nan), (0.6, 0.4))
    rows[1]["outcome"] = "diverged"
    drawing = draw("optimization_history", rows, plain())
    assert "1 of 4 candidates have no score." in drawing.caption
    assert drawing.table["n"].tolist() == [2, 1]


def test_budget_curves_have_the_geometric_mean_and_students_interval():
    table = draw("budget_curves", searches((0.8, 0.2), (0.6, 0.7), (0.4, 0.1)), plain()).table
    assert table["share"].tolist() == [0.25, 0.5]
    assert table["spent_epochs"].tolist() == [9, 18]
    logs = np.log([0.2, 0.6, 0.1])
    low, high = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    last = table.iloc[-1]
    assert [last["mean"], last["low"], last["high"]] == pytest.approx(
        np.exp([logs.mean(), low, high])
    )


def test_budget_curves_of_accuracy_have_the_plain_mean():
    rows = searches((1, 1), (1, 1), validation_accuracy=0.5)
    for found, accuracy in zip(rows, (0.5, 0.7, 0.6, 0.4), strict=True):
        found["validation_accuracy"] = accuracy
    tested = experiment(PLAIN | {"metric": "validation_accuracy"}, vary={"depth": ["1"]})
    table = draw("budget_curves", rows, tested).table
    assert table["mean"].tolist() == pytest.approx([0.55, 0.65])


def test_many_shares_become_a_grid_of_places():
    losses = np.linspace(1, 0.1, 60)
    tested = experiment(PLAIN | {"budget": {"trials": 60}}, vary={"depth": ["1"]})
    table = draw("budget_curves", searches(losses, losses), tested).table
    assert len(table) == 24
    assert table["share"].iloc[-1] == 1
    assert table["mean"].iloc[-1] == pytest.approx(0.1)


def test_what_decides_the_score_is_most_important():
    tested = experiment(datasets=["digits", "wine"], seeds=4)
    table = draw("parameter_importances", climbing(tested), tested).table
    sums = table.groupby(["dataset", "depth"])["mean"].sum()
    assert sums.tolist() == pytest.approx([1] * 4)
    shares = table.groupby("searched")["mean"].mean()
    assert shares["learning_rate"] > 2 * shares["regularizers.l2"]


def test_one_searched_value_has_no_importance():
    with pytest.raises(NothingToDraw, match="only one thing is searched"):
        draw("parameter_importances", searches(np.linspace(0.1, 1, 8)), plain())


def test_rungs_show_who_went_on_and_who_was_chosen():
    tested = experiment()
    drawing = draw("rungs", climbing(tested), tested)
    # Of two splits the first is drawn.
    counts = drawing.table.groupby(["depth", "epoch"]).size()
    assert counts.tolist() == [9, 3, 1] * 2
    assert "18 at 1, 6 at 3, 2 at 9" in drawing.caption
    ends = drawing.table[drawing.table["epoch"] == 9]
    assert ends["chosen"].all()
    assert drawing.table.groupby(["depth", "candidate"])["chosen"].any().sum() == 2
    with pytest.raises(NothingToDraw, match="without rungs"):
        draw("rungs", searches((0.5, 0.4)), plain())


def test_models_without_epochs_have_no_rungs_and_spend_none():
    tested = experiment(seeds=1)
    model = {"kernel": "sklearn-cpu", "network": "ridge", "settings": "alpha=1", "depth": 2}
    networks = [found for found in climbing(tested) if found["depth"] == 1]
    rows = networks + [row(number, 0.3, **model) for number in range(4)]
    assert set(draw("rungs", rows, tested).table["depth"]) == {1}
    numbers = draw("optimization_history", rows, tested).table.groupby("depth")["candidate"].max()
    assert numbers.tolist() == [8, 3]
    spent = draw("budget_curves", rows, tested).table.groupby("depth")["spent_epochs"].max()
    assert spent[1] == pytest.approx(9 * 4.667 / 2, abs=0.01)
    assert np.isnan(spent[2])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_tuned_is_nothing_to_draw(name):
    with pytest.raises(NothingToDraw, match="no tuning trial"):
        draw(name, [], experiment())
