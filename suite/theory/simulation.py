"""Simulations: closed forms that no experiment measures, beside draws of what they speak of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from suite.randomness import generator
from suite.theory.dead_networks import dead_probability
from suite.theory.double_descent import excess_risk
from suite.theory.gaussian import Floats
from suite.theory.gradient_correlation import relu_gradient_cosines
from suite.theory.shrinkage import lasso, ridge

_SAMPLES, _NOISE = 100, 0.5
_FEATURES = (20, 50, 200, 500)
_SWEEPS = 5  # of coordinate descent: the second changes nothing where columns are orthonormal
_WIDTHS = ((2, 2, 2), (3,) * 6, (4,) * 10)


class Simulated(NamedTuple):
    """What was drawn of one closed form, one number a draw, and what it predicts of their mean."""

    curve: str
    recipe: str
    draws: Floats
    predicted: float


def simulate(draws: int = 60) -> list[Simulated]:
    """Every closed form here, from so many draws each; the same each time."""
    return [*_double_descent(draws), *_shrinkage(), *_dead(10 * draws), *_cosines(draws)]


def _double_descent(draws: int) -> Iterator[Simulated]:
    """Excess risk of minimum-norm least squares, targets from weights of norm 1."""
    for features in _FEATURES:
        rng = generator(features, "simulated double descent")
        risks = [_risk(rng, features) for _ in range(draws)]
        predicted = excess_risk(features, _SAMPLES, noise=_NOISE, norm=1.0)
        recipe = f"{features} features, {_SAMPLES} samples"
        yield Simulated("excess risk of least squares", recipe, np.array(risks), predicted)


def _risk(rng: np.random.Generator, features: int) -> float:
    inputs = rng.standard_normal((_SAMPLES, features))
    weights = rng.standard_normal(features)
    weights /= np.linalg.norm(weights)
    targets = inputs @ weights + _NOISE * rng.standard_normal(_SAMPLES)
    if features < _SAMPLES:
        found = np.linalg.solve(inputs.T @ inputs, inputs.T @ targets)
    else:
        found = inputs.T @ np.linalg.solve(inputs @ inputs.T, targets)
    return float(((found - weights) ** 2).sum())


def _shrinkage(penalty: float = 0.5) -> Iterator[Simulated]:
    """Weights of lasso and ridge by descent along coordinates, on an orthonormal design."""
    rng = generator(0, "simulated shrinkage")
    inputs, _ = np.linalg.qr(rng.standard_normal((60, 8)))
    targets = 2 * rng.standard_normal(60)
    free = inputs.T @ targets
    rules: dict[str, tuple[Callable[[float], float], Floats]] = {
        "lasso": (lambda w: float(np.sign(w) * max(abs(w) - penalty, 0)), lasso(free, penalty)),
        "ridge": (lambda w: w / (1 + penalty), ridge(free, penalty)),
    }
    for name, (shrink, closed) in rules.items():
        found = _descended(inputs, targets, shrink)
        for place, (own, predicted) in enumerate(zip(found, closed, strict=True), 1):
            draws = np.array([own])
            yield Simulated(f"{name} weight", f"weight {place}", draws, float(predicted))


def _descended(inputs: Floats, targets: Floats, shrink: Callable[[float], float]) -> Floats:
    """Each weight in turn at the least of its own penalised squares."""
    weights = np.zeros(inputs.shape[1])
    for _ in range(_SWEEPS):
        for place in range(len(weights)):
            others = targets - inputs @ weights + inputs[:, place] * weights[place]
            weights[place] = shrink(float(inputs[:, place] @ others))
    return weights


def _dead(draws: int) -> Iterator[Simulated]:
    """Whether some hidden layer of a ReLU network is off at an input."""
    for widths in _WIDTHS:
        rng = generator(len(widths), "simulated dead networks")
        off = np.array([_dies(rng, widths) for _ in range(draws)], np.float64)
        recipe = f"{len(widths)} layers of {widths[0]}"
        yield Simulated("share of dead ReLU networks", recipe, off, dead_probability(widths))


def _dies(rng: np.random.Generator, widths: Sequence[int]) -> bool:
    signal = rng.standard_normal(8)
    for width in widths:
        signal = np.maximum(rng.standard_normal((width, len(signal))) @ signal, 0)
        if not signal.any():
            return True
    return False


def _cosines(draws: int, width: int = 128, depth: int = 10) -> Iterator[Simulated]:
    """Cosine of the gradients that two orthogonal inputs send back through ReLU networks."""
    predicted = relu_gradient_cosines(0.0, depth=depth)
    rng = generator(0, "simulated gradient cosines")
    found = np.array([_cosine_by_depth(rng, width, depth) for _ in range(max(2, draws // 4))])
    for layers in (2, 5, depth):
        recipe = f"{layers} hidden layers of {width}, two orthogonal inputs"
        own = found[:, layers - 1]
        yield Simulated("cosine of gradients, ReLU", recipe, own, float(predicted[layers - 1]))


def _cosine_by_depth(rng: np.random.Generator, width: int, depth: int) -> Floats:
    """Of one network, cut off after 1 … depth hidden layers.  # (depth,)."""
    signals = np.eye(2, width) * np.sqrt(width)  # (input, unit)
    jacobians = np.ones((2, 1, 1))
    cosines = []
    for layer in range(depth):
        weights = rng.standard_normal((width, width)) * np.sqrt(2 / width)
        before = signals @ weights.T
        slopes = (before > 0).astype(np.float64)[:, :, None]  # (input, unit, 1)
        jacobians = slopes * np.eye(width) if layer == 0 else slopes * (weights @ jacobians)
        # Of a random direction of the outputs the mean is that of the whole matrices.
        first, second = jacobians
        lengths = np.linalg.norm(first) * np.linalg.norm(second)
        cosines.append(float((first * second).sum() / lengths))
        signals = np.maximum(before, 0)
    return np.array(cosines)
