"""Every classical model against scikit-learn by hand, a floor, and itself."""

import itertools
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn import (
    dummy,
    ensemble,
    linear_model,
    metrics,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from suite.classical import fitting
from suite.classical.features import OWN
from suite.classical.fitting import fit_classical
from suite.classical.models import CLASSICAL, build_estimator, read_settings
from suite.data.loading import load_split
from suite.data.split import Split
from suite.trial import Trial

# By hand: what each entry should be with no settings given.
ORACLES = {
    "dummy": (
        lambda _: dummy.DummyClassifier(strategy="prior"),
        lambda _: dummy.DummyRegressor(strategy="mean"),
    ),
    "linear_regression": (None, lambda _: linear_model.LinearRegression()),
    "ridge": (lambda _: linear_model.RidgeClassifier(), lambda _: linear_model.Ridge()),
    "logistic_regression": (lambda _: linear_model.LogisticRegression(solver="newton-cg"), None),
    "nearest_neighbours": (
        lambda _: neighbors.KNeighborsClassifier(),
        lambda _: neighbors.KNeighborsRegressor(),
    ),
    "linear_svm": (
        lambda seed: svm.LinearSVC(dual="auto", random_state=seed, max_iter=5000),
        lambda seed: svm.LinearSVR(epsilon=0.1, dual="auto", random_state=seed, max_iter=5000),
    ),
    "rbf_svm": (lambda _: svm.SVC(break_ties=True), lambda _: svm.SVR()),
    "decision_tree": (
        lambda seed: tree.DecisionTreeClassifier(random_state=seed),
        lambda seed: tree.DecisionTreeRegressor(random_state=seed),
    ),
    "random_forest": (
        lambda seed: ensemble.RandomForestClassifier(random_state=seed),
        lambda seed: ensemble.RandomForestRegressor(random_state=seed),
    ),
    "extra_trees": (
        lambda seed: ensemble.ExtraTreesClassifier(random_state=seed),
        lambda seed: ensemble.ExtraTreesRegressor(random_state=seed),
    ),
    "histogram_gradient_boosting": (
        lambda _: ensemble.HistGradientBoostingClassifier(early_stopping=False),
        lambda _: ensemble.HistGradientBoostingRegressor(early_stopping=False),
    ),
    "naive_bayes": (lambda _: naive_bayes.GaussianNB(), None),
    "multilayer_perceptron": (
        lambda seed: neural_network.MLPClassifier(random_state=seed),
        lambda seed: neural_network.MLPRegressor(random_state=seed),
    ),
}
TASKS = ("classification", "regression")
CASES = [(name, task) for name, entry in CLASSICAL.items() for task in entry.tasks]
# What keeps a test short where fitting takes long, and a tree from learning noise.
SHORT = {
    "decision_tree": {"max_depth": 2},
    "random_forest": {"n_estimators": 10},
    "extra_trees": {"n_estimators": 10},
    "histogram_gradient_boosting": {"max_iter": 5},
    "multilayer_perceptron": {"epochs": 30},
}


def scaled(inputs, fitted):
    return StandardScaler().fit(fitted).transform(inputs).astype(np.float32)


def make(data, task):
    """200 rows to fit, 60 to choose on, 60 to report."""
    inputs, rest, targets, others = train_test_split(
        data.data, data.target, train_size=200, random_state=0
    )
    targets, others = (
        (part if task == "classification" else (part[:, None] - 150) / 77)
        for part in (targets, others)
    )
    parts = {"train": (inputs, targets), "validation": (rest[:60], others[:60])}
    parts["test"] = (rest[60:120], others[60:120])
    arrays = {f"{name}_inputs": scaled(rows, inputs) for name, (rows, _) in parts.items()}
    kind = np.int64 if task == "classification" else np.float32
    arrays |= {f"{name}_targets": found.astype(kind) for name, (_, found) in parts.items()}
    classes = 10 if task == "classification" else 1
    return Split(**arrays, task=task, outputs=classes, target_scale=1 if classes > 1 else 77.0)


@pytest.fixture(scope="module")
def splits():
    """Small digits and diabetes, with scales of their own."""
    return {
        "classification": make(load_digits(), "classification"),
        "regression": make(load_diabetes(), "regression"),
    }


def trial_of(name, task, seed=3, settings=None, **fields):
    settings = SHORT.get(name, {}) if settings is None else settings
    dataset = "digits" if task == "classification" else "diabetes"
    settings = tuple(read_settings(name, settings).items())
    return Trial(dataset=dataset, network=name, settings=settings, seed=seed, **fields)


def fitted(trial, split):
    (outcome,) = fit_classical([trial], {trial.replicate: split})
    return outcome


def truth(split, part):
    targets = getattr(split, f"{part}_targets").ravel()
    return targets if split.task == "classification" else targets.astype(np.float64)


@pytest.fixture(scope="module")
def usual(splits):
    """The outcome of an entry's short recipe, fitted once."""
    return cache(lambda name, task: fitted(trial_of(name, task), splits[task]))


@pytest.fixture(scope="module")
def oracle(splits):
    """Scikit-learn's own estimator, fitted once."""
    return cache(lambda name, task: by_hand(name, task, splits[task], 3))


def by_hand(name, task, split, seed):
    estimator = ORACLES[name][TASKS.index(task)](seed)
    named = {"epochs": "max_iter"}
    estimator.set_params(**{named.get(n, n): v for n, v in SHORT.get(name, {}).items()})
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        estimator.fit(split.train_inputs.astype(np.float64), truth(split, "train"))
    return estimator


def test_every_entry_has_an_oracle():
    assert set(ORACLES) == set(CLASSICAL)
    given = {
        (n, t) for n, pair in ORACLES.items() for t, made in zip(TASKS, pair, strict=True) if made
    }
    assert given == set(CASES)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_it_is_what_scikit_learn_makes_by_hand(name, task, splits, usual, oracle):
    outcome = usual(name, task)
    assert (outcome.outcome, outcome.kernel) == ("completed", "sklearn-cpu")
    for part in ("train", "validation", "test"):
        inputs = getattr(splits[task], f"{part}_inputs").astype(np.float64)
        predicted = oracle(name, task).predict(inputs)
        check(outcome.metrics, part, truth(splits[task], part), predicted, task)


def check(found, part, true, predicted, task):
    if task == "classification":
        assert found[f"{part}_accuracy"] == metrics.accuracy_score(true, predicted)
        macro = metrics.f1_score(true, predicted, average="macro", zero_division=0)
        assert found[f"{part}_f1"] == pytest.approx(macro)
    else:
        assert found[f"{part}_r2"] == pytest.approx(metrics.r2_score(true, predicted))
        error = 77 * metrics.root_mean_squared_error(true, predicted)
        assert found[f"{part}_rmse"] == pytest.approx(error)
        assert found[f"{part}_loss"] == pytest.approx(metrics.mean_squared_error(true, predicted))


@pytest.mark.parametrize("name", [n for n, task in CASES if task == "classification"])
def test_a_loss_is_cross_entropy_of_probabilities_and_absent_without(name, splits, usual, oracle):
    split = splits["classification"]
    outcome, estimator = usual(name, "classification"), oracle(name, "classification")
    inputs = split.test_inputs.astype(np.float64)
    if CLASSICAL[name].decides:
        assert "test_loss" not in outcome.metrics
        scores = estimator.decision_function(inputs)
        wins = [metrics.roc_auc_score(split.test_targets == c, scores[:, c]) for c in range(10)]
        assert outcome.metrics["test_roc_auc"] == pytest.approx(np.mean(wins))
        return
    shares = np.clip(estimator.predict_proba(inputs), np.finfo(np.float32).eps, 1)
    of_truth = shares[np.arange(len(shares)), split.test_targets]
    assert outcome.metrics["test_loss"] == pytest.approx(-np.log(of_truth).mean())


@pytest.mark.parametrize(("name", "task"), [case for case in CASES if case[0] != "dummy"])
def test_it_beats_the_floor(name, task, usual):
    score = "test_accuracy" if task == "classification" else "test_r2"
    floor = usual("dummy", task).metrics[score]
    assert usual(name, task).metrics[score] > floor + 0.05


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_same_recipe_gives_the_same_bits_in_any_company(name, task, splits, usual):
    trials = [trial_of(name, task, seed) for seed in (5, 3)]
    together = fit_classical(trials, {trials[0].replicate: splits[task]})
    assert [o.trial for o in together] == trials
    assert together[1].metrics == usual(name, task).metrics
    assert together[1].parameters == usual(name, task).parameters


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "multilayer_perceptron"])
def test_draws_come_from_the_seed(name, splits):
    split = splits["classification"]
    losses = {
        fitted(trial_of(name, "classification", s), split).metrics["test_loss"] for s in (1, 2)
    }
    assert len(losses) == 2


def ends(name):
    """Recipes at both ends of every range of the default space, or at every choice."""
    space = CLASSICAL[name].space
    places = [
        (found[0], found[-1]) if how != "choice" else tuple(found)
        for ways in space.values()
        for how, found in ways.items()
    ]
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*places)]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_its_space_is_of_settings_that_it_has(name, task, splits):
    entry = CLASSICAL[name]
    for setting, ways in entry.space.items():
        (how,) = ways
        assert how in {"log", "linear", "integer", "log_integer", "choice"}
        whole = isinstance(entry.options[setting][0], int)
        assert how == "choice" or ("integer" in how) == whole
    for settings in [entry.defaults, *ends(name)]:
        read = read_settings(name, settings)
        assert read == dict(settings)
        assert [type(v) for v in read.values()] == [type(v) for v in settings.values()]
    # Corners, with little to repeat, are fitted; an unlucky corner may diverge, none may crash.
    for settings in (ends(name)[0], ends(name)[-1]):
        short = {**SHORT.get(name, {}), **settings} | (
            {"max_iter": 5} if name == "histogram_gradient_boosting" else {}
        )
        outcome = fitted(trial_of(name, task, settings=short), splits[task])
        assert outcome.outcome in ("completed", "diverged")


@pytest.mark.parametrize(("name", "task"), CASES)
def test_options_reach_the_estimator(name, task):
    """Every setting, features aside, changes one of scikit-learn's arguments and nothing else."""
    plain = build_estimator(name, {}, task, 0).get_params()
    options = {n: v for n, v in CLASSICAL[name].options.items() if n not in OWN}
    for setting, allowed in options.items():
        # One end or the other is not what it is by default.
        ends = (build_estimator(name, {setting: end}, task, 0).get_params() for end in allowed)
        assert max(sum(end[n] != v for n, v in plain.items()) for end in ends) == 1, setting


@pytest.mark.parametrize("task", TASKS)
def test_learned_numbers_are_counted(task, splits, usual, oracle):
    """Against counts made another way."""
    split = splits[task]
    count = {n: usual(n, task).parameters for n, t in CASES if t == task}
    features, outputs = split.train_inputs.shape[1], split.outputs
    assert count["ridge"] == (features + 1) * outputs
    assert count["multilayer_perceptron"] == (features + 1) * 100 + 101 * outputs
    assert count["nearest_neighbours"] == split.train_inputs.size
    assert count["decision_tree"] == 2 * oracle("decision_tree", task).get_n_leaves() - 1
    trees = oracle("random_forest", task).estimators_
    assert count["random_forest"] == sum(2 * one.get_n_leaves() - 1 for one in trees)
    assert all(number > 0 for number in count.values())


def test_no_warning_gets_out_and_what_was_said_is_kept(splits, recwarn):
    trial = trial_of("multilayer_perceptron", "classification", settings={"epochs": 2})
    outcome = fitted(trial, splits["classification"])
    assert not recwarn.list
    assert (outcome.outcome, outcome.epochs) == ("completed", 2)
    assert "Maximum iterations (2) reached" in outcome.error
    quiet = fitted(trial_of("naive_bayes", "classification"), splits["classification"])
    assert (quiet.error, quiet.epochs) == (None, 1)


def test_a_network_that_blows_up_has_diverged(splits):
    targets = splits["regression"].train_targets.astype(np.float64) * 1e200
    huge = replace(splits["regression"], train_targets=targets)
    outcome = fitted(trial_of("multilayer_perceptron", "regression"), huge)
    assert (outcome.outcome, outcome.metrics) == ("diverged", {})


def test_training_rows_of_one_class_teach_nothing(splits):
    split = splits["classification"]
    one = replace(split, train_targets=np.full_like(split.train_targets, 4))
    outcome = fitted(trial_of("logistic_regression", "classification"), one)
    assert (outcome.outcome, outcome.metrics) == ("dead", {})
    assert "one class" in outcome.error


@pytest.mark.parametrize("name", [n for n, task in CASES if task == "classification"])
def test_a_class_without_training_rows_is_never_predicted(name, splits):
    split = splits["classification"]
    seen = split.train_targets != 4
    few = replace(
        split, train_inputs=split.train_inputs[seen], train_targets=split.train_targets[seen]
    )
    outcome = fitted(trial_of(name, "classification"), few)
    assert outcome.outcome == "completed"
    assert outcome.metrics["test_accuracy"] <= (split.test_targets != 4).mean()
    # The least loss there can be on rows of a class that has no probability.
    missing = (split.test_targets == 4).mean()
    assert outcome.metrics.get("test_loss", 99) >= -np.log(np.finfo(np.float32).eps) * missing


def test_fewer_rows_than_neighbours_are_all_neighbours(splits):
    split = splits["regression"]
    few = replace(split, train_inputs=split.train_inputs[:4], train_targets=split.train_targets[:4])
    trial = trial_of("nearest_neighbours", "regression", settings={"n_neighbors": 64})
    floor = fitted(trial_of("dummy", "regression"), few)
    assert fitted(trial, few).metrics == pytest.approx(floor.metrics, rel=1e-6)


def test_a_tuning_trial_leaves_the_test_part_alone(splits):
    trial = trial_of("ridge", "regression", reports_test=False)
    blind = replace(splits["regression"], test_inputs=np.empty((0, 0)), test_targets=np.empty(0))
    assert {n.split("_")[0] for n in fitted(trial, blind).metrics} == {"train", "validation"}


def test_openmp_and_linear_algebra_keep_to_one_thread(splits, monkeypatch):
    from threadpoolctl import threadpool_info

    seen = []

    def look(*arguments):
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return build_estimator(*arguments)

    monkeypatch.setattr(fitting, "build_estimator", look)
    fitted(trial_of("histogram_gradient_boosting", "regression"), splits["regression"])
    assert seen
    assert set(seen) == {1}


def test_an_svm_whose_kernel_is_multiplied_beforehand_decides_as_libsvms_does():
    split = load_split("digits", 0, 300)
    settings = (("C", 3.0), ("gamma", 0.02))
    trial = Trial(dataset="digits", samples=300, network="rbf_svm", settings=settings)
    (outcome,) = fit_classical([trial], {trial.replicate: split})
    theirs = svm.SVC(C=3.0, gamma=0.02, break_ties=True).fit(
        split.train_inputs.astype(np.float64), split.train_targets
    )
    for part in ("train", "validation", "test"):
        inputs = getattr(split, f"{part}_inputs").astype(np.float64)
        share = (theirs.predict(inputs) == getattr(split, f"{part}_targets")).mean()
        assert outcome.metrics[f"{part}_accuracy"] == pytest.approx(share)
    vectors = theirs.support_vectors_.size + theirs.dual_coef_.size + theirs.intercept_.size
    assert outcome.parameters == vectors


@pytest.mark.parametrize(
    ("gamma", "rows", "kernel"), [(0.1, 5000, None), (0.1, 5001, "rbf"), ("scale", 9, "rbf")]
)
def test_a_large_kernel_or_one_that_data_decide_is_left_to_libsvm(gamma, rows, kernel):
    estimator = svm.SVC(gamma=gamma)
    CLASSICAL["rbf_svm"].adapt(estimator, rows)
    assert estimator.kernel == kernel or (kernel is None and callable(estimator.kernel))
