"""Toys of two classes in the plane or on a line, drawn afresh for every split."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from suite.data.dataset import SIZES, drawn
from suite.data.samples import Samples, labelled


def draw_spirals(rng: np.random.Generator, samples: int, *, turns: float, noise: float) -> Samples:
    """Two spirals wound round each other within the unit circle (Lang and Witbrock 1988).

    Args:
        rng: source of every draw.
        samples: number of samples.
        turns: revolutions of each arm from the centre to the rim.
        noise: standard deviation of the Gaussian noise on each coordinate.
    """
    classes = rng.permutation(np.arange(samples) % 2)
    # A square root spreads the samples evenly over the area rather than crowd the centre.
    radius = np.sqrt(rng.random(samples))
    angle = np.pi * (2 * turns * radius + classes)
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return labelled(points + rng.normal(scale=noise, size=points.shape), classes)


def draw_circles(rng: np.random.Generator, samples: int, *, ratio: float, noise: float) -> Samples:
    """Two concentric circles, by scikit-learn's `make_circles`.

    Args:
        rng: source of every draw.
        samples: number of samples.
        ratio: inner radius; the outer one is 1.
        noise: standard deviation of the Gaussian noise on each coordinate.
    """
    from sklearn.datasets import make_circles

    seed = int(rng.integers(2**32))
    return labelled(*make_circles(samples, noise=noise, factor=ratio, random_state=seed))


def draw_xor(rng: np.random.Generator, samples: int, *, noise: float) -> Samples:
    """A 2 × 2 checkerboard on [-1, 1]²: the class is whether the coordinates' signs differ.

    Args:
        rng: source of every draw.
        samples: number of samples.
        noise: standard deviation of the Gaussian noise on each coordinate, added after the
            class is known.
    """
    points = rng.uniform(-1, 1, size=(samples, 2))
    classes = (points[:, 0] > 0) != (points[:, 1] > 0)
    return labelled(points + rng.normal(scale=noise, size=points.shape), classes)


def draw_moons(rng: np.random.Generator, samples: int, *, noise: float) -> Samples:
    """Two half circles that reach into each other, by scikit-learn's `make_moons`.

    Args:
        rng: source of every draw.
        samples: number of samples.
        noise: standard deviation of the Gaussian noise on each coordinate.
    """
    from sklearn.datasets import make_moons

    seed = int(rng.integers(2**32))
    return labelled(*make_moons(samples, noise=noise, random_state=seed))


def draw_checkerboard(rng: np.random.Generator, samples: int, *, cells: int) -> Samples:
    """A checkerboard on [-1, 1]²: the class is that of the square a point lies in.

    Args:
        rng: source of every draw.
        samples: number of samples.
        cells: squares along each side.
    """
    points = rng.uniform(-1, 1, size=(samples, 2)).astype(np.float32)
    squares = np.floor((points.astype(np.float64) + 1) / 2 * cells).astype(np.int64)
    return labelled(points, squares.sum(axis=1) % 2)


def draw_sawtooth(_rng: np.random.Generator, samples: int, *, points: int) -> Samples:
    """The points i/n, i = 0 to n - 1, whose class is i mod 2 (Telgarsky 2016, section 1).

    The rows are the grid again and again: each part of a split has every point.
    """
    numbers = np.arange(samples) % points
    return labelled(numbers[:, None] / points, numbers % 2)


def _best_without_noise(*, noise: float, **_: float) -> Mapping[str, Any]:
    return {"best_score": None if noise else 1.0}


def _vary_sawtooth(*, points: int) -> Mapping[str, Any]:
    return {"samples": 4 * points, "distinct_rows": points}


_NOISE = (0, 10)
_SCIKIT_LEARN = (
    "F. Pedregosa et al. (2011), Scikit-learn: Machine Learning in Python, "
    "Journal of Machine Learning Research 12, 2825-2830"
)
# Adding a data set is one function above and one entry here.
ENTRIES = (
    drawn(
        draw_spirals,
        name="spirals",
        parameters={"turns": 1.5, "noise": 0.05},
        ranges={"turns": (0.1, 20), "noise": _NOISE, "samples": SIZES},
        varies=_best_without_noise,
        description="two spirals wound round each other",
        citation="K. J. Lang and M. J. Witbrock (1988), Learning to tell two spirals apart, "
        "Proceedings of the 1988 Connectionist Models Summer School, 52-59",
        relevant=(0, 1),
    ),
    drawn(
        draw_circles,
        name="circles",
        parameters={"ratio": 0.5, "noise": 0.1},
        ranges={"ratio": (0, 0.99), "noise": _NOISE, "samples": SIZES},
        varies=_best_without_noise,
        description="two concentric circles with noise",
        source="scikit-learn, make_circles, drawn afresh for each split",
        citation=_SCIKIT_LEARN,
        relevant=(0, 1),
    ),
    drawn(
        draw_moons,
        name="moons",
        parameters={"noise": 0.1},
        ranges={"noise": _NOISE, "samples": SIZES},
        varies=_best_without_noise,
        description="two half circles that reach into each other, with noise",
        source="scikit-learn, make_moons, drawn afresh for each split",
        citation=_SCIKIT_LEARN,
        relevant=(0, 1),
    ),
    drawn(
        draw_xor,
        name="xor",
        parameters={"noise": 0.05},
        ranges={"noise": _NOISE, "samples": SIZES},
        varies=_best_without_noise,
        description="a 2 × 2 checkerboard with noise at its borders",
        citation="M. Minsky and S. Papert (1969), Perceptrons, MIT Press",
        relevant=(0, 1),
    ),
    drawn(
        draw_checkerboard,
        name="checkerboard",
        parameters={"cells": 4},
        ranges={"cells": (2, 64), "samples": SIZES},
        description="a checkerboard of so many cells along each side, without noise",
        citation="M. Minsky and S. Papert (1969), Perceptrons, MIT Press",
        relevant=(0, 1),
        best_score=1.0,
    ),
    drawn(
        draw_sawtooth,
        name="sawtooth",
        parameters={"points": 16},
        ranges={"points": (2, 4096)},
        varies=_vary_sawtooth,
        features=1,
        source="a grid: the training and the validation part are all the points, the test part "
        "all of them twice, the same in every split",
        citation="M. Telgarsky (2016), Benefits of depth in neural networks, Conference on "
        "Learning Theory, PMLR 49, 1517-1539",
        description="points at equal distances on a line, the classes in turn; one hidden layer of "
        "m ReLUs errs on (n - m - 2) / (2n) of n points or more",
        relevant=(0,),
        best_score=1.0,
    ),
)
