"""Tabular tasks whose targets are piecewise constant, as drawn and rotated."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import INSTANCES, SIZES, drawn
from suite.data.samples import Samples, labelled
from suite.randomness import generator

Values = NDArray[np.float64]


class Tree(NamedTuple):
    """A complete binary decision tree; the children of node i are 2i + 1 and 2i + 2.

    Attributes:
        feature: of each inner node; what it compares.
        threshold: of each inner node; more goes to the right, the second child.
        label: of each leaf, from left to right.
    """

    feature: NDArray[np.int64]
    threshold: Values
    label: NDArray[np.int64]


def draw_stepwise(
    rng: np.random.Generator,
    samples: int,
    *,
    features: int,
    relevant: int,
    depth: int,
    instance: int,
) -> Samples:
    """What a random decision tree says of points that are uniform on [-1, 1].

    Args:
        rng: source of the points.
        samples: number of samples.
        features: inputs.
        relevant: the first so many are compared in the tree.
        depth: comparisons on the way to a leaf.
        instance: which of the random trees.
    """
    inputs = rng.uniform(-1, 1, size=(samples, features)).astype(np.float32)
    return labelled(inputs, classify(grow(relevant, depth, instance), inputs))


def draw_rotated(rng: np.random.Generator, samples: int, **parameters: int) -> Samples:
    """The same samples, their inputs in a random rotation; parameters as of `draw_stepwise`."""
    inputs, targets = draw_stepwise(rng, samples, **parameters)
    return labelled(inputs @ rotation(parameters["features"], parameters["instance"]), targets)


def grow(relevant: int, depth: int, instance: int) -> Tree:
    """A random tree in which each of the relevant features decides something."""
    rng = generator(instance, f"tree {relevant} {depth}")
    inner = 2**depth - 1
    feature = rng.integers(relevant, size=inner)
    last = rng.permutation(np.arange(inner // 2, inner))[:relevant]
    feature[last] = np.arange(relevant)
    label = rng.permutation(np.arange(inner + 1) % 2)
    # Each feature is compared once where it parts two leaves of different classes.
    right = 2 * last + 2 - inner
    label[right] = 1 - label[right - 1]
    return Tree(feature, _thresholds(feature, relevant, rng), label)


def _thresholds(feature: NDArray[np.int64], relevant: int, rng: np.random.Generator) -> Values:
    """Cuts at .3 to .7 of what is left of a feature's range at a node, so no leaf is empty."""
    low, high = np.full((len(feature), relevant), -1.0), np.full((len(feature), relevant), 1.0)
    threshold = np.empty(len(feature))
    for node, chosen in enumerate(feature):
        parent = (node - 1) // 2
        if node:
            low[node], high[node] = low[parent], high[parent]
            side = low if node == 2 * parent + 2 else high
            side[node, feature[parent]] = threshold[parent]
        share = rng.uniform(0.3, 0.7)
        threshold[node] = low[node, chosen] + share * (high[node, chosen] - low[node, chosen])
    return threshold


def classify(tree: Tree, inputs: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The label of the leaf that each row falls into."""
    node, rows = np.zeros(len(inputs), np.int64), np.arange(len(inputs))
    inner = len(tree.feature)
    while node[0] < inner:
        right = inputs[rows, tree.feature[node]] > tree.threshold[node]
        node = 2 * node + 1 + right
    return tree.label[node - inner]


def rotation(features: int, instance: int) -> Values:
    """An orthogonal matrix, uniform among all (Mezzadri 2007)."""
    rng = generator(instance, f"rotation {features}")
    directions, triangle = np.linalg.qr(rng.standard_normal((features, features)))
    return directions * np.sign(np.diag(triangle))


def _vary_stepwise(*, features: int, relevant: int, depth: int, **_: int) -> Mapping[str, Any]:
    if relevant > features:
        raise ValueError(f"{relevant} of {features} features cannot be relevant")
    if relevant > 2 ** (depth - 1):
        raise ValueError(f"a tree of depth {depth} cannot compare {relevant} features at its end")
    return {"features": features, "relevant": tuple(range(relevant))}


def _vary_rotated(*, features: int, **parameters: int) -> Mapping[str, Any]:
    fields = _vary_stepwise(features=features, **parameters)
    # A turned axis takes something from every old one.
    return {**fields, "relevant": tuple(range(features))}


_GRINSZTAJN = (
    "L. Grinsztajn, E. Oyallon and G. Varoquaux (2022), Why do tree-based models still outperform "
    "deep learning on typical tabular data?, Advances in Neural Information Processing Systems 35, "
    "arXiv:2207.08815"
)
_PARAMETERS = {"features": 10, "relevant": 5, "depth": 4, "instance": 0}
_RANGES = {
    "features": (1, 200),
    "relevant": (1, 200),
    "depth": (1, 12),
    "instance": INSTANCES,
    "samples": SIZES,
}
_SOURCE = "drawn afresh for each split; the tree is one draw for each instance"
ENTRIES = (
    drawn(
        draw_stepwise,
        name="stepwise",
        parameters=_PARAMETERS,
        ranges=_RANGES,
        varies=_vary_stepwise,
        source=_SOURCE,
        citation=_GRINSZTAJN,
        description="what a random decision tree says: two classes, constant on boxes of the first "
        "few features; the other features are irrelevant",
        best_score=1.0,
    ),
    drawn(
        draw_rotated,
        name="rotated",
        parameters=_PARAMETERS,
        ranges=_RANGES,
        varies=_vary_rotated,
        source=f"{_SOURCE}, as the rotation is",
        citation=_GRINSZTAJN,
        description="the stepwise task with its inputs in a random rotation: the boxes no longer "
        "follow the axes",
        best_score=1.0,
    ),
)
