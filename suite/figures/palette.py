"""One colour per level of a factor, the same in every figure of the report."""

import math
from collections.abc import Iterable

import matplotlib as mpl
from matplotlib.colors import to_hex

from suite.experiment import Level

# Okabe & Ito (2008), safe for the colour-blind, without its yellow: too pale on white.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#7A7A7A"
# More, each as far as can be from those before it, to readers with and without colour blindness.
MAROON, INDIGO, MINT, WINE = "#661100", "#332288", "#9AD0C2", "#882255"
SAND, BROWN, VIOLET = "#DDCC77", "#994F00", "#6A3D9A"
TEAL, MAGENTA, OLIVE = "#44AA99", "#AA4499", "#999933"
CYCLE = (
    *(BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GREY),
    *(MAROON, INDIGO, MINT, WINE, SAND, BROWN, VIOLET),
)

COLOURS: dict[str, dict[str, str]] = {
    "initializer": {
        "he": BLUE,
        "he_uniform": SKY,
        "xavier": GREEN,
        "xavier_normal": MINT,
        "pytorch": ORANGE,
        "lecun": BLACK,
        "truncated_normal": INDIGO,
        "small_normal": VERMILION,
        "orthogonal": PURPLE,
        "constant": MAROON,
        "zero": GREY,
    },
    "activation": {
        "relu": BLUE,
        "tanh": GREEN,
        "sigmoid": ORANGE,
        "identity": GREY,
        "leaky_relu": SKY,
        "prelu": MINT,
        "elu": PURPLE,
        "selu": VERMILION,
        "gelu": BLACK,
        "silu": INDIGO,
        "mish": WINE,
        "softplus": SAND,
        "softsign": BROWN,
        "hardtanh": MAROON,
        "sine": VIOLET,
    },
    # Networks and classical models, which stand in one figure.
    "network": {
        "dense": BLUE,
        "residual": SKY,
        "convolutional": PURPLE,
        "residual_convolutional": WINE,
        "linear": INDIGO,
        "dummy": GREY,
        "linear_regression": MINT,
        "ridge": SAND,
        "logistic_regression": BLACK,
        "nearest_neighbours": MAROON,
        "linear_svm": VIOLET,
        "rbf_svm": MAGENTA,
        "decision_tree": OLIVE,
        "random_forest": GREEN,
        "extra_trees": TEAL,
        "histogram_gradient_boosting": VERMILION,
        "naive_bayes": BROWN,
        "multilayer_perceptron": ORANGE,
    },
    # Contenders of `leadline compare`.
    "model": {
        "dummy": GREY,
        "linear": BLACK,
        "nearest_neighbours": MAROON,
        "random_forest": GREEN,
        "gradient_boosting": VERMILION,
        "shallow": SKY,
        "deep": BLUE,
    },
    "optimizer": {
        "adam": BLUE,
        "momentum": GREEN,
        "sgd": ORANGE,
        "nesterov": PURPLE,
        "rmsprop": VERMILION,
        "adagrad": BLACK,
        "adamw": SKY,
    },
    "loss": {
        "cross_entropy": BLUE,
        "squared_error": ORANGE,
        "absolute": VERMILION,
        "huber": PURPLE,
    },
    "schedule": {
        "constant": GREY,
        "step": ORANGE,
        "cosine": BLUE,
        "one_cycle": VERMILION,
        "warm_up": PURPLE,
        "warm_up_cosine": SKY,
    },
    "dataset": {
        "digits": BLUE,
        "mnist5k": ORANGE,
        "mnist1d": GREEN,
        "breast_cancer": PURPLE,
        "wine": VERMILION,
        "diabetes": SKY,
        "spirals": BLACK,
        "circles": GREY,
        "xor": "#8C6BB1",
    },
    "part": {"training": ORANGE, "validation": BLUE},
}

# Ordered factors take a ramp from light (little) to dark (much), fixed by value.
RAMPS: dict[str, tuple[float, float]] = {
    "depth": (1, 64),
    "width": (4, 1024),
    "samples": (50, 5000),
    "parameters": (1_000, 300_000),
}
_LIGHTEST = 0.85


def colours(factor: str, levels: Iterable[Level]) -> dict[Level, str]:
    """The colour of each level.

    Known names have a fixed colour, numbers of an ordered factor a fixed place on its ramp.
    Other numbers take their rank's place on a ramp; other names colours that are still free.
    """
    listed = list(levels)
    if factor in RAMPS:
        return {level: _ramp(_place(_number(level), *RAMPS[factor])) for level in listed}
    if len(listed) > 1 and all(isinstance(level, int | float) for level in listed):
        return {level: _ramp(rank / (len(listed) - 1)) for rank, level in enumerate(listed)}
    known = COLOURS.get(factor, {})
    taken = {known[str(level)] for level in listed if str(level) in known}
    free = iter([c for c in CYCLE if c not in taken] + list(CYCLE) * len(listed))
    return {level: known.get(str(level)) or next(free) for level in listed}


def _number(level: Level) -> float:
    # Of an ordered factor, a level without a number is all there is.
    return float(level) if isinstance(level, int | float) else math.inf


def _place(value: float, low: float, high: float) -> float:
    return min(max(math.log(max(value, low) / low) / math.log(high / low), 0.0), 1.0)


def _ramp(place: float) -> str:
    return to_hex(mpl.colormaps["viridis"](_LIGHTEST * (1 - place)))
