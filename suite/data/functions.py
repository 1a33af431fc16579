"""Targets that are functions of known form, drawn afresh for every split."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import atan, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import INSTANCES, PER_FEATURE, SIZES, drawn
from suite.data.samples import Samples, labelled, valued
from suite.randomness import generator

Values = NDArray[np.float64]

# Uniform inputs between these bounds have variance 1.
_BOUND = sqrt(3)
# Functions of such an input, each of mean 0 and variance 1.
SHAPES: tuple[Callable[[Values], Values], ...] = (
    lambda x: sqrt(2) * np.sin(pi * x / _BOUND),
    lambda x: (x**2 - 1) * sqrt(5) / 2,
    np.sign,
    lambda x: x,
)


def draw_product(rng: np.random.Generator, samples: int, *, features: int, target: str) -> Samples:
    """The product of all features, which are uniform with variance 1 (Lin, Tegmark, Rolnick 2017).

    Args:
        rng: source of every draw.
        samples: number of samples.
        features: factors of the product.
        target: `class` is whether the product is positive, `value` the product.
    """
    inputs = _uniform(rng, samples, features)
    return _targets(inputs, inputs.prod(axis=1), target)


def draw_sparse_parity(
    rng: np.random.Generator, samples: int, *, bits: int, features: int
) -> Samples:
    """Whether an odd number of the first `bits` of `features` coins shows 1, not -1.

    Args:
        rng: source of every draw; no row is drawn twice.
        samples: number of samples.
        bits: coins that count.
        features: coins.
    """
    codes = rng.choice(2**features, samples, replace=False)
    coins = codes[:, None] >> np.arange(features) & 1
    return labelled(2 * coins - 1, coins[:, :bits].sum(axis=1) % 2)


def draw_teacher(
    rng: np.random.Generator,
    samples: int,
    *,
    depth: int,
    width: int,
    features: int,
    classes: int,
    target: str,
    instance: int,
) -> Samples:
    """What a random ReLU network answers to standard normal inputs.

    Args:
        rng: source of the inputs.
        samples: number of samples.
        depth: the teacher's hidden layers.
        width: units in each.
        features: its inputs.
        classes: its outputs.
        target: `class` is the largest output's number, `value` the first output.
        instance: which of the random teachers of this size.
    """
    inputs = rng.standard_normal((samples, features)).astype(np.float32)
    sizes = (features, *[width] * depth, classes)
    outputs = teach(inputs, sizes, instance)
    if target == "value":
        return valued(inputs, outputs[:, 0])
    return labelled(inputs, outputs.argmax(axis=1))


def teach(inputs: NDArray[np.floating[Any]], sizes: tuple[int, ...], instance: int) -> Values:
    """Outputs `(samples, classes)`, each of mean 0 and variance 1 over standard normal inputs."""
    rng = generator(instance, f"teacher {sizes}")
    # He's variance and small biases keep signals alive at any depth.
    layers = [
        (rng.standard_normal((fan, units)) * sqrt(2 / fan), 0.1 * rng.standard_normal(units))
        for fan, units in pairwise(sizes)
    ]
    known = _forward(rng.standard_normal((4000, sizes[0])), layers)
    # Without this, one output of a deep teacher is the largest nearly everywhere.
    outputs: Values = _forward(inputs.astype(np.float64), layers) - known.mean(axis=0)
    outputs /= known.std(axis=0)
    return outputs


def _forward(hidden: Values, layers: list[tuple[Values, Values]]) -> Values:
    for weights, biases in layers[:-1]:
        hidden = np.maximum(hidden @ weights + biases, 0)
    weights, biases = layers[-1]
    return hidden @ weights + biases


def draw_linear(
    rng: np.random.Generator,
    samples: int,
    *,
    features: int,
    relevant: int,
    noise: float,
    target: str,
    instance: int,
) -> Samples:
    """A weighted sum of the first `relevant` features, of variance 1, and Gaussian noise.

    Args:
        rng: source of inputs, which are standard normal, and noise.
        samples: number of samples.
        features: inputs.
        relevant: inputs whose weight is not zero.
        noise: standard deviation of the noise on the sum.
        target: `class` is whether the noisy sum is positive, `value` the noisy sum.
        instance: which of the random weights.
    """
    inputs = rng.standard_normal((samples, features)).astype(np.float32)
    values = inputs[:, :relevant] @ weights_of("linear", relevant, instance)
    return _targets(inputs, values + noise * rng.standard_normal(samples), target)


def draw_additive(
    rng: np.random.Generator,
    samples: int,
    *,
    features: int,
    relevant: int,
    noise: float,
    target: str,
    instance: int,
) -> Samples:
    """A weighted sum of functions of one feature each, in turn of the `SHAPES`, and noise.

    Args:
        rng: source of inputs, which are uniform with variance 1, and noise.
        samples: number of samples.
        features: inputs.
        relevant: the first so many have a function in the sum, whose variance is 1.
        noise: standard deviation of the Gaussian noise on the sum.
        target: `class` is whether the noisy sum is positive, `value` the noisy sum.
        instance: which of the random weights.
    """
    inputs = _uniform(rng, samples, features)
    weights = weights_of("additive", relevant, instance)
    values = sum(w * SHAPES[i % len(SHAPES)](inputs[:, i]) for i, w in enumerate(weights))
    return _targets(inputs, values + noise * rng.standard_normal(samples), target)


def weights_of(kind: str, count: int, instance: int) -> Values:
    """Weights of either sign that are 1 to 2 times as large as each other, of Euclidean norm 1."""
    rng = generator(instance, f"{kind} {count}")
    weights: Values = rng.uniform(1, 2, count) * rng.choice([-1.0, 1.0], count)
    return weights / np.sqrt(weights @ weights)


def _uniform(rng: np.random.Generator, samples: int, features: int) -> Values:
    # What is stored in single precision is what the target is computed from.
    inputs = rng.uniform(-_BOUND, _BOUND, size=(samples, features)).astype(np.float32)
    return inputs.astype(np.float64)


def _targets(inputs: NDArray[Any], values: Values, target: str) -> Samples:
    return valued(inputs, values) if target == "value" else labelled(inputs, values > 0)


def _output(target: str, classes: int = 2) -> dict[str, Any]:
    if target == "value":
        scaled = f"{PER_FEATURE}; the target likewise"
        return {"task": "regression", "outputs": 1, "preprocessing": scaled}
    return {"task": "classification", "outputs": classes, "preprocessing": PER_FEATURE}


def _first(features: int, relevant: int) -> dict[str, Any]:
    if relevant > features:
        raise ValueError(f"{relevant} of {features} features cannot be relevant")
    return {"features": features, "relevant": tuple(range(relevant))}


def _vary_product(*, features: int, target: str) -> Mapping[str, Any]:
    return _output(target) | _first(features, features)


def _vary_parity(*, bits: int, features: int) -> Mapping[str, Any]:
    return _first(features, bits) | {"distinct_rows": 2**features}


def _vary_teacher(*, features: int, classes: int, target: str, **_: int) -> Mapping[str, Any]:
    return _output(target, classes) | _first(features, features)


def _vary_linear(
    *, features: int, relevant: int, noise: float, target: str, **_: int
) -> Mapping[str, Any]:
    # Two normal variables of correlation 1 / √(1 + noise²) have the same sign so often.
    accuracy = 1 if noise == 0 else 0.5 + atan(1 / noise) / pi
    best = 1 / (1 + noise**2) if target == "value" else accuracy
    return _output(target) | _first(features, relevant) | {"best_score": best}


def _vary_additive(
    *, features: int, relevant: int, noise: float, target: str, **_: int
) -> Mapping[str, Any]:
    known = target == "value" or noise == 0
    best = 1 / (1 + noise**2) if known else None
    return _output(target) | _first(features, relevant) | {"best_score": best}


_TARGET = ("class", "value")
_NOISE = (0, 100)
_COUNT = (1, 1000)
_PLACES = "drawn afresh for each split; weights are one draw for each instance"
ENTRIES = (
    drawn(
        draw_product,
        name="product",
        parameters={"features": 4, "target": "class"},
        ranges={"features": (1, 100), "target": _TARGET, "samples": SIZES},
        varies=_vary_product,
        citation="H. W. Lin, M. Tegmark and D. Rolnick (2017), Why does deep and cheap learning "
        "work so well?, Journal of Statistical Physics 168, 1223-1247",
        description="the product of all features, or whether it is positive",
        best_score=1.0,
    ),
    drawn(
        draw_sparse_parity,
        name="sparse_parity",
        parameters={"bits": 3, "features": 20},
        ranges={"bits": (1, 60), "features": (2, 60), "samples": SIZES},
        varies=_vary_parity,
        citation="B. Barak, B. L. Edelman, S. Goel, S. Kakade, E. Malach and C. Zhang (2022), "
        "Hidden progress in deep learning: SGD learns parities near the computational limit, "
        "Advances in Neural Information Processing Systems 35",
        description="whether an odd number of the first few of many coins, -1 or 1, shows 1; no "
        "row twice",
        best_score=1.0,
    ),
    drawn(
        draw_teacher,
        name="teacher",
        parameters={
            "depth": 2,
            "width": 16,
            "features": 10,
            "classes": 2,
            "target": "class",
            "instance": 0,
        },
        ranges={
            "depth": (0, 50),
            "width": (1, 1024),
            "features": _COUNT,
            "classes": (2, 100),
            "target": _TARGET,
            "instance": INSTANCES,
            "samples": SIZES,
        },
        varies=_vary_teacher,
        source=_PLACES,
        citation="E. Gardner and B. Derrida (1989), Three unfinished works on the optimal storage "
        "capacity of networks, Journal of Physics A 22, 1983-1994",
        description="what a random ReLU network of so many hidden layers answers to standard "
        "normal inputs: the number of its largest output, or its first output's value",
        best_score=1.0,
    ),
    drawn(
        draw_linear,
        name="linear",
        parameters={
            "features": 20,
            "relevant": 5,
            "noise": 0.5,
            "target": "value",
            "instance": 0,
        },
        ranges={
            "features": _COUNT,
            "relevant": _COUNT,
            "noise": _NOISE,
            "target": _TARGET,
            "instance": INSTANCES,
            "samples": SIZES,
        },
        varies=_vary_linear,
        source=_PLACES,
        citation="R. Tibshirani (1996), Regression shrinkage and selection via the lasso, Journal "
        "of the Royal Statistical Society B 58, 267-288",
        description="a weighted sum of the first few features and Gaussian noise, or its sign; the "
        "other features are irrelevant",
    ),
    drawn(
        draw_additive,
        name="additive",
        parameters={
            "features": 20,
            "relevant": 4,
            "noise": 0.5,
            "target": "value",
            "instance": 0,
        },
        ranges={
            "features": _COUNT,
            "relevant": _COUNT,
            "noise": _NOISE,
            "target": _TARGET,
            "instance": INSTANCES,
            "samples": SIZES,
        },
        varies=_vary_additive,
        source=_PLACES,
        citation="T. Hastie and R. Tibshirani (1986), Generalized additive models, Statistical "
        "Science 1, 297-310",
        description="a weighted sum of a sine, a parabola, a step and a line, each of one of the "
        "first few features, and Gaussian noise, or its sign; the other features are irrelevant",
    ),
)
