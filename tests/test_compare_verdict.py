"""From planted scores to words: the verdict, its sentence, cautions and what to try next."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.compare.difference import difference
from suite.compare.growth import Growth
from suite.compare.scores import Measured
from suite.compare.sentences import amount, cautions, next_steps, sentence
from suite.compare.table import Table
from suite.compare.verdict import all_overlap, judge
from suite.data.dataset import DatasetCard
from suite.data.tables.spec import TableSpec

NAMES = ("dummy", "linear", "nearest_neighbours", "gradient_boosting", "shallow", "deep")
MEANS = (0.5, 0.8, 0.7, 0.85, 0.9, 0.92)
NOISE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, -1.5, 1.5, 0.5, -0.5, 0.0])


def planted(spread=0.002, **means):
    """Scores of ten splits whose noise differs from contender to contender."""
    given = dict(zip(NAMES, MEANS, strict=True)) | means
    columns = {n: m + spread * np.roll(NOISE, i) for i, (n, m) in enumerate(given.items())}
    scores = pd.DataFrame(columns)
    seconds = pd.Series({n: 1.0 + i for i, n in enumerate(NAMES)})
    costs = pd.DataFrame(
        {"trials": 20, "tuning_seconds": 9 * seconds, "final_seconds": seconds, "parameters": 7.0}
    )
    return Measured(
        metric="test_accuracy",
        scores=scores,
        beside={},
        half=scores,
        failed=pd.Series(dict.fromkeys(NAMES, 0)),
        costs=costs,
        edges=pd.DataFrame(columns=["model", "name", "searches", "low", "high"]),
        recipes={name: [] for name in NAMES},
    )


def table(rows=1000, warnings=()):
    card = DatasetCard(
        name="sales_00000000",
        kind="tabular",
        task="classification",
        samples=1000,
        features=3,
        outputs=2,
        folds=10,
        license="",
        source="",
        citation="",
        preprocessing="",
        description="",
    )
    spec = TableSpec(file=Path("sales.csv"), target="sold")
    return Table(spec=spec, dataset=card.name, card=card, rows=rows, warnings=warnings)


def test_a_difference_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.02, 0.01, 8), rng.normal(0, 0.01, 8)
    found = difference(first, second, margin=0.01)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert found.interval == pytest.approx((expected.low, expected.high))
    assert found.verdict == "better"
    assert difference(second, first, margin=0.01).verdict == "worse"


@pytest.mark.parametrize(
    ("deep", "spread", "word", "start"),
    [
        (0.92, 0.002, "better", "Three layers beat one by 0.020 ± 0.00"),
        (0.86, 0.002, "worse", "Three layers do worse than one by 0.040 ± 0.00"),
        (0.901, 0.002, "equivalent", "Three layers do as well as one (+0.001 ± 0.00"),
        (0.91, 0.02, "open", "Whether three layers beat one stays open: +0.010 ± 0.0"),
    ],
)
def test_depth_gets_the_word_that_was_planted(deep, spread, word, start):
    verdict = judge(planted(spread, deep=deep), 0.01)
    assert verdict.depth.verdict == word
    assert sentence(verdict).startswith(start)
    # Seconds of tuning and final trials: deep 6 + 54, shallow 5 + 45.
    assert verdict.cost_ratio == pytest.approx(1.2)
    assert " at 1.2× the cost;" in sentence(verdict)


def test_the_sentences_numbers_are_the_intervals():
    verdict = judge(planted(), 0.01)
    low, high = verdict.depth.interval
    assert f"0.020 ± {(high - low) / 2:.3f} accuracy" in sentence(verdict)


@pytest.mark.parametrize(
    ("means", "end"),
    [
        ({"gradient_boosting": 0.99}, "; gradient boosting is better than both."),
        ({"nearest_neighbours": 0.99}, "; nearest neighbours are better than both."),
        ({"gradient_boosting": 0.921}, "by no difference that matters over the deep network."),
        ({}, "; the deep network is better than gradient boosting, the best of the others."),
        ({"gradient_boosting": 0.9199}, "not shown to be better than gradient boosting."),
        ({"dummy": 0.93}, "; no contender is shown to be better than guessing."),
    ],
)
def test_the_best_is_named_with_what_is_known_of_its_lead(means, end):
    assert sentence(judge(planted(**means), 0.01)).endswith(end)


def test_places_follow_the_means_and_ranks_the_splits():
    measured = planted()
    verdict = judge(measured, 0.01)
    by_mean = sorted(NAMES, key=dict(zip(NAMES, MEANS, strict=True)).__getitem__, reverse=True)
    assert [place.name for place in verdict.places] == by_mean
    ranks = measured.scores.rank(axis=1, ascending=False).mean()
    assert {p.name: p.rank for p in verdict.places} == pytest.approx(ranks.to_dict())
    deep, own = measured.scores["deep"], verdict.place("deep")
    expected = stats.t.interval(0.95, 9, loc=deep.mean(), scale=deep.sem())
    assert own.interval == pytest.approx(expected)


def test_a_contender_without_a_score_is_left_out_of_the_ranking():
    measured = planted()
    measured.scores.loc[3, "deep"] = np.nan
    verdict = judge(measured, 0.01)
    assert verdict.depth is None
    assert verdict.places[-1].name == "deep"
    assert verdict.best.name == "shallow"
    assert sentence(verdict).startswith("Whether depth helps was not measured")
    assert any("did not come to its end" in c for c in cautions(verdict, measured, table()))


def test_cautions_are_raised_where_they_are_due():
    calm = planted()
    assert cautions(judge(calm, 0.01), calm, table()) == ()
    close = planted(0.2, **dict.fromkeys(NAMES, 0.6))
    verdict = judge(close, 0.01)
    assert all_overlap(verdict)
    words = " ".join(
        cautions(verdict, close, table(warnings=("column 'x' alone gives the target away",)))
    )
    for word in ("gives the target away", "beat guessing", "overlap"):
        assert word in words


def test_a_best_value_on_the_edge_is_told():
    measured = planted()
    row = {"model": "deep", "name": "learning_rate", "searches": 10, "low": 0, "high": 6}
    measured.edges.loc[0] = row
    (caution,) = cautions(judge(measured, 0.01), measured, table())
    assert "learning rate of the deep network lies at the highest end" in caution
    assert "6 of 10 splits" in caution
    measured.edges.loc[0, "high"] = 4
    assert cautions(judge(measured, 0.01), measured, table()) == ()


def test_a_verdict_that_hangs_on_the_budget_is_told():
    measured = planted()
    measured.half["deep"] = measured.half["shallow"]
    found = Measured(
        **{n: getattr(measured, n) for n in measured.__slots__} | {"scores": planted().scores}
    )
    words = " ".join(cautions(judge(found, 0.01), found, table()))
    assert "“equivalent” rather than “better”" in words


def growth(gain):
    sizes = [125, 250, 500]
    rows = [("deep", n, 0.7 + gain * i) for i, n in enumerate(sizes)]
    rows += [("linear", n, 0.6) for n in sizes]
    return Growth(pd.DataFrame(rows, columns=["model", "samples", "mean"]))


def test_next_steps_follow_from_the_learning_curve_and_the_verdict():
    verdict = judge(planted(), 0.01)
    steps = " ".join(next_steps(verdict, table(), growth(0.03)))
    assert "score of the deep network still grows" in steps
    assert "the linear model" not in steps
    assert "try more layers" in steps
    assert "More rows promise little" in " ".join(next_steps(verdict, table(), growth(0.005)))
    assert "Use more of the 50" in " ".join(next_steps(verdict, table(rows=50_000), None))


def test_what_is_open_says_what_would_settle_it():
    verdict = judge(planted(0.02, deep=0.92), 0.01)
    assert verdict.depth.verdict == "open"
    low, high = verdict.depth.seeds_needed
    assert f"About {low} to {high} splits" in next_steps(verdict, table(), None)[0]


@pytest.mark.parametrize(
    ("effect", "half", "text"),
    [
        (0.0123, 0.0041, "0.012 ± 0.004"),
        (0.4512, 0.21, "0.45 ± 0.21"),
        (-0.00002, 0.00031, "0.0000 ± 0.0003"),
        (0.9, None, "0.900"),
    ],
)
def test_amounts_have_as_many_digits_as_they_deserve(effect, half, text):
    assert amount(effect, half) == text
