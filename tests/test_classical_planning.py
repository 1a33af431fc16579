"""How classical models are asked for and planned, and how they run beside networks."""

import inspect
from dataclasses import fields, replace

import pytest

from suite.classical import models
from suite.classical.models import CLASSICAL, read_settings
from suite.classical.planning import estimate_bytes, estimate_seconds
from suite.errors import InputError
from suite.execution.kernels import kernel_name
from suite.execution.local import InlineExecutor
from suite.installing import install
from suite.ledger import Ledger
from suite.planning import Cohort, build_trial, check_names, check_recipes, group, memory_bytes
from suite.progress import PlainListener
from suite.reading import build_experiment
from suite.repeating import repeat
from suite.report.contenders import contenders
from suite.results import gather
from suite.running import Settings, run_experiments
from suite.schemas import to_trial
from suite.supplied import Supplied
from suite.tracking.content import parameters
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        (
            "random_forest",
            {"n_estimator": 5},
            "random_forest has no setting 'n_estimator'; did you",
        ),
        ("ridge", {"alpha": "much"}, "alpha needs a number from 1e-08 to 1e"),
        ("ridge", {"alpha": -1}, "alpha needs a number from 1e-08 to 1e"),
        ("decision_tree", {"max_depth": 2.5}, "max_depth needs a whole number from 1 to"),
        (
            "nearest_neighbours",
            {"weights": "distanc"},
            "weights is uniform or distance, not 'distan",
        ),
        ("dummy", {"alpha": 1}, "dummy has no setting 'alpha'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(name, settings, text):
    with pytest.raises(InputError, match=r"^settings: ") as caught:
        read_settings(name, settings)
    assert text in str(caught.value)


def test_numbers_get_the_settings_own_type():
    read = read_settings("histogram_gradient_boosting", {"max_iter": 5.0, "learning_rate": 1})
    assert {name: type(value) for name, value in read.items()} == {
        "max_iter": int,
        "learning_rate": float,
    }


def test_builders_share_one_signature():
    for entry in CLASSICAL.values():
        assert list(inspect.signature(entry.build).parameters) == ["settings", "task", "seed"]
        for text in (entry.description, entry.source):
            assert text == text.strip() != ""
            assert len(text) < 100


# Planning

CASES = [(name, task) for name, entry in CLASSICAL.items() for task in entry.tasks]
OTHERS = {
    "depth": 7,
    "width": 3,
    "activation": "tanh",
    "initializer": "orthogonal",
    "optimizer": "sgd",
    "learning_rate": 0.5,
    "epochs": 77,
    "batch_size": 7,
    "regularizers": "dropout=0.3",
    "schedule": "cosine",
    "gradient_clip": 1.0,
    "loss": "squared_error",
    "parameters": 5000,
}


def test_what_only_networks_have_does_not_change_a_classical_recipes_id():
    recipe = {"network": "random_forest", "settings": "max_depth=6", "samples": 100}
    plain = build_trial(recipe, "digits", split=2, seed=5)
    assert plain.settings == (("max_depth", 6),)
    assert (plain.samples, plain.split, plain.seed, plain.loss) == (100, 2, 5, "cross_entropy")
    for name, value in OTHERS.items():
        assert build_trial(recipe | {name: value}, "digits", split=2, seed=5).id == plain.id
    given = {"label_noise": 0.1, "samples": 50, "settings": "max_depth=7"}
    ids = {build_trial(recipe | {k: v}, "digits", split=2, seed=5).id for k, v in given.items()}
    assert len(ids | {plain.id}) == 4
    assert build_trial(recipe, "digits", split=2, seed=6).id != plain.id
    # Every field is either one that a classical recipe reads, or tested to be none above.
    named = {f.name for f in fields(Trial)} - {"reports_test", "stop_epoch"}
    assert named >= set(models.FIELDS)
    assert named - set(models.FIELDS) >= set(OTHERS) - {"parameters", "loss"}


def test_one_and_one_point_nothing_are_one_recipe():
    recipes = [{"network": "ridge", "settings": f"alpha={text}"} for text in ("1", "1.0", "1e0")]
    assert len({build_trial(recipe, "diabetes").id for recipe in recipes}) == 1
    assert build_trial(recipes[0], "diabetes").loss == "squared_error"


@pytest.mark.parametrize(
    ("recipe", "dataset", "text"),
    [
        (
            {"network": "linear_regression"},
            "digits",
            "network: linear_regression does not suit digits",
        ),
        ({"network": "naive_bayes"}, "diabetes", "network: naive_bayes does not suit diabetes"),
        ({"network": "ridge", "settings": "alpah=1"}, "digits", "did you mean 'alpha'"),
        ({"network": "dense", "settings": "alpha=1"}, "digits", "belong to classical models"),
    ],
)
def test_what_does_not_fit_together_is_said_in_a_line(recipe, dataset, text):
    with pytest.raises(InputError) as caught:
        build_trial(recipe, dataset)
    assert text in str(caught.value)


def test_planning_knows_what_classical_models_cost():
    trials = [build_trial({"network": n}, d) for n, t in CASES
              for d in (["digits"] if t == "classification" else ["diabetes"])]  # fmt: skip
    assert all(1e-4 < estimate_seconds(trial) < 60 for trial in trials)
    assert {kernel_name(trial, "cuda") for trial in trials} == {"sklearn-cpu"}
    seeds = [replace(trials[0], seed=seed) for seed in range(40)]
    cohorts = group([*trials, *seeds], (), workers=2)
    planned = [trial for cohort in cohorts for trial in cohort.trials]
    assert len(planned) == len(set(planned))
    assert set(planned) == {*trials, *seeds}
    for cohort in cohorts:
        assert len({(t.network, t.dataset, t.settings) for t in cohort.trials}) == 1
    assert memory_bytes(cohorts, 2) >= 2 * estimate_bytes(trials[0])
    assert Cohort(trials=tuple(seeds[:2]), probes=()).label == "digits dummy, 2 models"


@pytest.mark.parametrize("name", ["random_forest", "rbf_svm", "histogram_gradient_boosting"])
def test_more_rows_cost_more(name):
    few, many = (Trial(dataset="mnist1d", network=name, samples=n) for n in (500, 4000))
    assert estimate_seconds(many) > 1.5 * estimate_seconds(few)


def test_a_users_network_cannot_have_a_classical_models_name():
    source = (
        b"from suite.parts.networks import NETWORKS as OURS\nNETWORKS = {'ridge': OURS['dense']}\n"
    )
    with pytest.raises(InputError, match=r"'ridge'.: Leadline has that name"):
        install(Supplied(name="mine.py", source=source))


# Beside networks

CONTENT = {
    "question": "Is a network worth it?",
    "vary": {"network": ["dense", "random_forest", "ridge", "dummy"], "depth": [1, 2]},
    "hold": {
        "dataset": ["wine", "circles"],
        "samples": 60,
        "width": 6,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "epochs": 2,
    },
    "probes": ["signal"],
    "profiles": {"quick": {"seeds": 2}},
}


@pytest.fixture(scope="module")
def ran(one_thread, tmp_path_factory):
    """Results of the experiment above, the experiment, and the ids that were trained twice."""
    from rich.console import Console

    results = tmp_path_factory.mktemp("mixed") / "results"
    experiment = build_experiment("mixed", CONTENT)
    again = []
    for _ in range(2):
        listener = PlainListener(Console(quiet=True))
        settings = Settings(profile="quick", workers=0, results=results)
        run_experiments([experiment], settings, listener, lambda _: None, lambda _: None)
        again.append(listener.course.whole.trained)
    return results, experiment, again


def test_networks_and_classical_models_run_side_by_side(ran):
    results, experiment, trained = ran
    frame = Ledger(results).trials()
    # Two depths of a network, but one forest: 2 sets, 2 splits, 2 dense networks and 3 models.
    assert trained == [2 * 2 * (2 + 3), 0]
    assert len(frame) == 20
    assert (frame["outcome"] == "completed").all()
    classical = frame[frame["network"].isin(CLASSICAL)]
    assert set(classical["kernel"]) == {"sklearn-cpu"}
    assert classical["flops"].isna().all()
    assert frame.loc[frame["network"] == "dense", "flops"].notna().all()
    assert classical.loc[classical["network"] == "ridge", "test_loss"].isna().all()
    scores = ["test_accuracy", "test_balanced_accuracy", "test_f1", "test_roc_auc"]
    assert frame[scores].notna().all(axis=None)
    assert frame[["test_r2", "test_mae", "test_rmse"]].isna().all(axis=None)
    evidence = gather(Ledger(results), experiment, "quick")
    assert evidence.complete
    assert len(evidence.trials) == 4 * 2 * 2 * 2


def test_stored_models_train_again_to_the_same_bits(ran):
    ledger = Ledger(ran[0])
    frame = ledger.trials()
    repetitions = repeat(ledger, frame, InlineExecutor(), workers=1)
    assert len(repetitions) == len(frame)
    assert [r.differences for r in repetitions if r.differences] == []


def test_the_table_of_contenders_has_them_all(ran):
    results, experiment, _ = ran
    table = contenders(gather(Ledger(results), experiment, "quick"))
    assert {row[0] for row in table.rows} == {"dense", "random forest", "ridge", "dummy"}
    assert all(cell != "–" for row in table.rows for cell in row)


def test_mlflow_shows_of_a_model_only_what_it_has(ran):
    rows = Ledger(ran[0]).trials().astype(object).to_dict("records")
    (row, *_) = [row for row in rows if row["network"] == "random_forest"]
    shown = parameters(row, {"network": "random_forest", "depth": 2})
    assert {"network", "settings", "samples", "dataset"} <= shown.keys()
    assert not {"optimizer", "width", "activation", "batch_size"} & shown.keys()


def test_a_row_gives_its_recipe_back(ran):
    for row in Ledger(ran[0]).trials().to_dict("records"):
        assert to_trial(row).id == row["trial_id"]


@pytest.mark.parametrize(
    ("network", "text"),
    [("random_forst", "did you mean 'random_forest'"), ("naive_bayes", "does not suit diabetes")],
)
def test_a_name_that_is_wrong_is_said_before_anything_runs(network, text):
    content = CONTENT | {
        "vary": {"network": ["dense", network]},
        "hold": {"dataset": "diabetes", "learning_rate": 0.01},
    }
    experiment = build_experiment("wrong", content)

    def check():
        check_names(experiment, (), ())
        check_recipes(experiment, "quick")

    with pytest.raises(InputError, match=text):
        check()
