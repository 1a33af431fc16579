"""Names as a reader knows them, for axes, legends, captions and tables."""

from collections.abc import Iterable, Sequence

from suite.experiment import Level
from suite.figures.theme import plain
from suite.trial import OPTIONAL

# Names that are more than their underscores replaced.
_PROPER = {
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamw": "AdamW",
    "breast_cancer": "breast cancer",
    "cross_entropy": "cross-entropy",
    "elu": "ELU",
    "gelu": "GELU",
    "hardtanh": "hard tanh",
    "he": "He",
    "he_uniform": "He uniform",
    "huber": "Huber",
    "leaky_relu": "leaky ReLU",
    "lecun": "LeCun",
    "linear_svm": "linear SVM",
    "mish": "Mish",
    "mnist1d": "MNIST-1D",
    "mnist5k": "MNIST-5k",
    "naive_bayes": "naive Bayes",
    "nesterov": "Nesterov",
    "one_cycle": "one-cycle",
    "prelu": "PReLU",
    "pytorch": "PyTorch default",
    "rbf_svm": "RBF SVM",
    "relu": "ReLU",
    "rmsprop": "RMSprop",
    "selu": "SELU",
    "sgd": "SGD",
    "silu": "SiLU",
    "small_normal": "N(0, 0.01²)",
    "warm_up": "warm-up",
    "warm_up_cosine": "warm-up, then cosine",
    "xavier": "Xavier",
    "xavier_normal": "Xavier normal",
    "xor": "XOR",
}
_ABBREVIATIONS = {"auc": "AUC", "r2": "R²", "f1": "F1", "roc": "ROC", "flops": "FLOPs"}
_PENALTIES = {"l1": "L1", "l2": "L2", "pca": "PCA", "rbf": "RBF"}
_FACTORS = {
    "dataset": "data set",
    "gradient_clip": "gradient clipping",
    "depth": "hidden layers",
    "label_noise": "label noise",
    "parameters": "parameter budget",
    "samples": "training samples",
    "width": "units per layer",
}
_MEASURED = ("depth", "width", "samples")


def factor_name(factor: str) -> str:
    """A factor in plain words."""
    return _FACTORS.get(factor, factor.replace("_", " "))


def level_name(factor: str, level: Level) -> str:
    """A level in plain words: 'He', '20 000', 'all', 'MNIST-5k (side 14)'."""
    if factor == "label_noise" and isinstance(level, int | float):
        return f"{100 * level:.3g} %"
    if isinstance(level, int | float):
        return plain(level)
    if level is None:
        return OPTIONAL[factor]
    if factor == "dataset" and "(" in level:
        return _named_with(level, _parameters(level))
    return _PROPER.get(level) or " ".join(_PENALTIES.get(word, word) for word in level.split("_"))


def brief_datasets(names: Iterable[str]) -> dict[str, str]:
    """Names of data sets beside each other, each with the parameters that not all of them share."""
    listed_names = list(dict.fromkeys(names))
    given = {name: _parameters(name) for name in listed_names}
    shared = set.intersection(*(set(own) for own in given.values())) if len(given) > 1 else set()
    return {name: _named_with(name, [p for p in given[name] if p not in shared]) for name in given}


def _parameters(dataset: str) -> list[str]:
    """'features=20' and 'time=0.5' of 'rotating_boundary(features=20,time=0.5)'."""
    inside = dataset.partition("(")[2].removesuffix(")")
    return [part.strip() for part in inside.split(",") if part.strip()]


def _named_with(dataset: str, parameters: Sequence[str]) -> str:
    name = level_name("dataset", dataset.partition("(")[0].strip())
    words = ", ".join(part.replace("_", " ").replace("=", " ") for part in parameters)
    return f"{name} ({words})" if words else name


def metric_words(metric: str) -> str:
    """A metric in plain words: 'test accuracy', 'attribution AUC'."""
    return " ".join(_ABBREVIATIONS.get(word, word) for word in metric.split("_"))


def searched_label(name: str) -> str:
    """What tuning searches: 'learning rate', 'L2' for 'regularizers.l2', 'max depth'."""
    kind, _, rest = name.rpartition(".")
    return level_name("regularizer", rest) if kind == "regularizers" else factor_name(rest)


def described(factor: str, level: Level) -> str:
    """A factor at a level: '16 hidden layers', 'label noise 15 %', 'initializer He'."""
    name, value = factor_name(factor), level_name(factor, level)
    if factor in _MEASURED and level is not None:
        return f"{value} {name if level != 1 else name.replace('layers', 'layer')}"
    return f"{name} {value}"


def short(factor: str, level: Level) -> str:
    """A level where there is little room: 'ReLU', 'width 128'."""
    value = level_name(factor, level)
    return value if isinstance(level, str) else f"{factor.replace('_', ' ')} {value}"


def selection(factor: str, levels: Sequence[Level], last: str) -> str:
    """Several levels: '2, 4 or 8 hidden layers', 'data set digits and wine'."""
    if len(levels) == 1:
        return described(factor, levels[0])
    names = listed([level_name(factor, level) for level in levels], last)
    name = factor_name(factor)
    return f"{names} {name}" if factor in _MEASURED else f"{name} {names}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def counted(number: int, noun: str) -> str:
    """'1 network', '1 200 networks'."""
    return f"{plain(number)} {noun}" + ("" if number == 1 else "s")
