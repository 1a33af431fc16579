"""The classical models there are, one entry each. Only here are scikit-learn's estimators made."""
# ruff: noqa: ARG001, all builders are called in one way

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from suite.classical import costs, sizes
from suite.classical.costs import Work
from suite.classical.features import NAMES, OWN
from suite.errors import InputError, nearest, shown
from suite.trial import Setting

Settings = Mapping[str, Setting]
# The lowest and the highest number, whole or not as they are, or the words that there are.
Allowed = tuple[Setting, ...]
Space = Mapping[str, Mapping[str, Sequence[Setting]]]
# Fields of a Trial that a classical model's recipe gives; the others are for networks.
FIELDS = (
    *("dataset", "samples", "label_noise", "network", "settings"),
    *("loss", "split", "seed", "supplied"),
)
BOTH = ("classification", "regression")


@dataclass(frozen=True, slots=True)
class Classical:
    """One kind of classical model.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        build: `(settings, task, seed)` gives an estimator that is not fitted yet.
        size: numbers that a fitted estimator has learned.
        seconds: a guess of one core's time to fit and score.
        tasks: kinds of task it suits.
        options: its settings, each with what it can be.
        defaults: settings that a recipe has where it names none; others are scikit-learn's own.
        space: where a study searches by default: setting, then how, then ends or choices.
        adapt: what the number of training rows changes in an estimator.
        decides: whether a classifier gives decision values rather than probabilities; then it has
            no loss.
    """

    description: str
    source: str
    build: Callable[[Settings, str, int], Any]
    size: Callable[[Any], int]
    seconds: Callable[[Work, Settings], float]
    tasks: tuple[str, ...] = BOTH
    options: Mapping[str, Allowed] = field(default_factory=dict)
    defaults: Settings = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    adapt: Callable[[Any, int], None] | None = None
    decides: bool = False


def read_settings(network: str, settings: Settings) -> dict[str, Setting]:
    """A recipe's settings with the types that the model's own have.

    Raises:
        InputError: the model has no such setting, or the setting cannot be that.
    """
    options = CLASSICAL[network].options
    for name in settings:
        if name not in options:
            problem = f"{network} has no setting {shown(name)}{nearest(name, options)}"
            raise InputError("settings", problem, f"known: {', '.join(options) or 'none'}")
    return {name: _read(name, value, options[name]) for name, value in settings.items()}


def _read(name: str, value: Setting, allowed: Allowed) -> Setting:
    first, last = allowed[0], allowed[-1]
    if isinstance(first, str) or isinstance(last, str):
        if value in allowed:
            return value
        problem = f"{name} is {' or '.join(map(str, allowed))}, not {shown(value)}"
        raise InputError("settings", problem + nearest(value, map(str, allowed)))
    whole = isinstance(first, int)
    if isinstance(value, str) or not first <= value <= last or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        problem = f"{name} needs {kind} from {first:g} to {last:g}, not {shown(value)}"
        raise InputError("settings", problem)
    return int(value) if whole else float(value)


def build_estimator(network: str, settings: Settings, task: str, seed: int) -> Any:
    """An estimator that is not fitted yet, without its features; draws come from the seed."""
    entry = CLASSICAL[network]
    own = {name: value for name, value in settings.items() if name not in OWN}
    return entry.build({**entry.defaults, **own}, task, seed)


def build_dummy(settings: Settings, task: str, seed: int) -> Any:
    """The most frequent class with the classes' shares as probabilities, or the mean."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()


def build_linear_regression(settings: Settings, task: str, seed: int) -> Any:
    """Ordinary least squares."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def build_ridge(settings: Settings, task: str, seed: int) -> Any:
    """Least squares with a penalty; classes as targets of -1 and 1."""
    from sklearn.linear_model import Ridge, RidgeClassifier

    return (RidgeClassifier if task == "classification" else Ridge)(**settings)


def build_logistic_regression(settings: Settings, task: str, seed: int) -> Any:
    """Cross-entropy with a penalty, by Newton's method, which converges where L-BFGS does not."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(solver="newton-cg", max_iter=1000, **settings)


def build_nearest_neighbours(settings: Settings, task: str, seed: int) -> Any:
    """Votes or means of the nearest training rows."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    return (KNeighborsClassifier if task == "classification" else KNeighborsRegressor)(**settings)


def cap_neighbours(estimator: Any, rows: int) -> None:
    """Of fewer training rows than neighbours, all are neighbours."""
    estimator.set_params(n_neighbors=min(estimator.n_neighbors, rows))


def build_linear_svm(settings: Settings, task: str, seed: int) -> Any:
    """Liblinear's; errors below .1 cost a regression nothing, as with `rbf_svm`."""
    from sklearn.svm import LinearSVC, LinearSVR

    usual = {"dual": "auto", "max_iter": 5000, "random_state": seed}
    if task == "classification":
        return LinearSVC(**usual, **settings)
    return LinearSVR(epsilon=0.1, **usual, **settings)


def build_rbf_svm(settings: Settings, task: str, seed: int) -> Any:
    """Libsvm's; a class is the one with the largest decision value."""
    from sklearn.svm import SVC, SVR

    return SVC(break_ties=True, **settings) if task == "classification" else SVR(**settings)


def multiply_beforehand(estimator: Any, rows: int) -> None:
    """Let a matrix product work out the kernel of all pairs, where those fit the memory.

    It is what libsvm works out pair by pair, which takes seven times as long on 854 features.
    """
    from sklearn.metrics.pairwise import rbf_kernel

    # Else it depends on the training rows' variance.
    known = not isinstance(estimator.gamma, str)
    if known and rows <= costs.GRAM_ROWS:
        estimator.set_params(kernel=partial(rbf_kernel, gamma=estimator.gamma))


def build_decision_tree(settings: Settings, task: str, seed: int) -> Any:
    """One tree; the seed breaks ties between splits."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    return kind(random_state=seed, **settings)


def build_random_forest(settings: Settings, task: str, seed: int) -> Any:
    """Trees on bootstrap samples, with a random choice of features at each split."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return kind(random_state=seed, n_jobs=1, **settings)


def build_extra_trees(settings: Settings, task: str, seed: int) -> Any:
    """Trees with random thresholds."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesClassifier if task == "classification" else ExtraTreesRegressor
    return kind(random_state=seed, n_jobs=1, **settings)


def build_histogram_gradient_boosting(settings: Settings, task: str, seed: int) -> Any:
    """Boosted trees on binned features; no rows are held back to stop early."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    kind = boosting[task == "regression"]
    return kind(random_state=seed, early_stopping=False, **settings)


def build_naive_bayes(settings: Settings, task: str, seed: int) -> Any:
    """Independent normal features in each class."""
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**settings)


def build_multilayer_perceptron(settings: Settings, task: str, seed: int) -> Any:
    """Scikit-learn's own dense network with ReLU and Adam."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    shape = (settings["width"],) * int(settings["depth"])
    named = {"learning_rate": "learning_rate_init", "epochs": "max_iter"}
    others = {named.get(n, n): v for n, v in settings.items() if n not in ("depth", "width")}
    kind = MLPClassifier if task == "classification" else MLPRegressor
    return kind(hidden_layer_sizes=shape, random_state=seed, **others)


_PENALTY = (1e-8, 1e8)
# How the inputs of a linear model are made.
_FEATURES: Mapping[str, Allowed] = {"features": NAMES, "components": (1, 10**4)}
_LEAF: Allowed = (1, 10**6)
_TREE: Mapping[str, Allowed] = {"max_depth": (1, 10**4), "min_samples_leaf": _LEAF}
_FOREST: Mapping[str, Allowed] = {
    **_TREE,
    "n_estimators": (1, 10**5),
    "max_features": (1e-6, 1.0),
}
_FOREST_SPACE: Space = {
    "max_depth": {"log_integer": (4, 64)},
    "min_samples_leaf": {"log_integer": (1, 32)},
    "max_features": {"log": (0.02, 1.0)},
}

CLASSICAL: dict[str, Classical] = {
    "dummy": Classical(
        "the most frequent class, or the mean, whatever the inputs are",
        "the floor under every comparison",
        build_dummy,
        sizes.dummy,
        costs.dummy,
    ),
    "linear_regression": Classical(
        "least squares",
        "Legendre 1805",
        build_linear_regression,
        sizes.linear,
        costs.least_squares,
        tasks=("regression",),
    ),
    "ridge": Classical(
        "least squares with a penalty on squared weights; a linear classifier for classes",
        "Hoerl & Kennard 1970",
        build_ridge,
        sizes.linear,
        costs.least_squares,
        options={"alpha": _PENALTY, **_FEATURES},
        space={"alpha": {"log": (1e-3, 1e4)}},
        decides=True,
    ),
    "logistic_regression": Classical(
        "cross-entropy of a linear model with a penalty on squared weights",
        "Cox 1958",
        build_logistic_regression,
        sizes.linear,
        costs.logistic_regression,
        tasks=("classification",),
        options={"C": _PENALTY, **_FEATURES},
        space={"C": {"log": (1e-4, 1e3)}},
    ),
    "nearest_neighbours": Classical(
        "votes, or the mean, of the training rows next to a row",
        "Fix & Hodges 1951; Cover & Hart 1967",
        build_nearest_neighbours,
        sizes.nearest_neighbours,
        costs.nearest_neighbours,
        options={"n_neighbors": (1, 10**6), "weights": ("uniform", "distance"), "p": (1.0, 10.0)},
        space={
            "n_neighbors": {"log_integer": (1, 64)},
            "weights": {"choice": ("uniform", "distance")},
        },
        adapt=cap_neighbours,
    ),
    "linear_svm": Classical(
        "the linear model with the widest margin",
        "Cortes & Vapnik 1995; Fan, Chang, Hsieh, Wang & Lin 2008",
        build_linear_svm,
        sizes.linear,
        costs.linear_svm,
        options={"C": _PENALTY},
        space={"C": {"log": (1e-4, 10.0)}},
        decides=True,
    ),
    "rbf_svm": Classical(
        "the widest margin in the space of a Gaussian kernel",
        "Boser, Guyon & Vapnik 1992; Chang & Lin 2011",
        build_rbf_svm,
        sizes.rbf_svm,
        costs.rbf_svm,
        options={"C": _PENALTY, "gamma": _PENALTY},
        space={"C": {"log": (1e-2, 1e3)}, "gamma": {"log": (1e-4, 1.0)}},
        adapt=multiply_beforehand,
        decides=True,
    ),
    "decision_tree": Classical(
        "one tree of questions about single features",
        "Breiman, Friedman, Olshen & Stone 1984",
        build_decision_tree,
        sizes.tree,
        costs.tree,
        options=_TREE,
        space={
            "max_depth": {"log_integer": (1, 32)},
            "min_samples_leaf": {"log_integer": (1, 64)},
        },
    ),
    "random_forest": Classical(
        "the mean of trees, each on a bootstrap sample and with random features at each split",
        "Breiman 2001",
        build_random_forest,
        sizes.forest,
        costs.forest,
        options=_FOREST,
        defaults={"n_estimators": 100},
        space=_FOREST_SPACE,
    ),
    "extra_trees": Classical(
        "the mean of trees whose thresholds are drawn at random",
        "Geurts, Ernst & Wehenkel 2006",
        build_extra_trees,
        sizes.forest,
        costs.extra_trees,
        options=_FOREST,
        defaults={"n_estimators": 100},
        space=_FOREST_SPACE,
    ),
    "histogram_gradient_boosting": Classical(
        "trees one after the other, each fitted to the loss's gradient, on binned features",
        "Friedman 2001; Ke, Meng, Finley, Wang, Chen, Ma, Ye & Liu 2017",
        build_histogram_gradient_boosting,
        sizes.boosting,
        costs.boosting,
        options={
            "learning_rate": (1e-5, 10.0),
            "max_iter": (1, 10**5),
            "max_leaf_nodes": (2, 10**4),
            "min_samples_leaf": _LEAF,
            "l2_regularization": (0.0, 1e8),
            "max_bins": (2, 255),
        },
        defaults={"learning_rate": 0.1, "max_iter": 100, "max_leaf_nodes": 31},
        space={
            "learning_rate": {"log": (0.01, 0.5)},
            "max_iter": {"log_integer": (30, 300)},
            "max_leaf_nodes": {"log_integer": (4, 64)},
            "min_samples_leaf": {"log_integer": (2, 64)},
        },
    ),
    "naive_bayes": Classical(
        "normal features, independent within each class",
        "Duda & Hart 1973",
        build_naive_bayes,
        sizes.naive_bayes,
        costs.naive_bayes,
        tasks=("classification",),
        options={"var_smoothing": (0.0, 1e3)},
        space={"var_smoothing": {"log": (1e-10, 1.0)}},
    ),
    "multilayer_perceptron": Classical(
        "scikit-learn's own dense network, to check Leadline's against",
        "Rumelhart, Hinton & Williams 1986; Kingma & Ba 2015",
        build_multilayer_perceptron,
        sizes.perceptron,
        costs.perceptron,
        options={
            "depth": (1, 64),
            "width": (1, 10**5),
            "learning_rate": (1e-8, 10.0),
            "alpha": (0.0, 1e6),
            "epochs": (1, 10**6),
            "batch_size": (1, 2**24),
        },
        defaults={"depth": 1, "width": 100, "learning_rate": 0.001, "epochs": 200},
        space={
            "depth": {"integer": (1, 3)},
            "width": {"log_integer": (16, 256)},
            "learning_rate": {"log": (1e-4, 1e-1)},
            "alpha": {"log": (1e-6, 1e-1)},
        },
    ),
}
