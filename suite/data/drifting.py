"""Distributions that change with time, from 0 to 1: a task goes on as another.

A set at one time is a data set of its own, such as `rotating_boundary(time=0.5)`. All inputs share
one scale, which time does not change, so that the parameters learned at one time fit the other.
"""

from collections.abc import Mapping
from math import erf, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import SIZES, drawn
from suite.data.samples import Samples, labelled


def draw_drifting_gaussians(
    rng: np.random.Generator, samples: int, *, time: float, classes: int, radius: float
) -> Samples:
    """Classes in equal numbers, each a standard normal cloud in the plane round its mean.

    Args:
        rng: source of every draw.
        samples: number of samples.
        time: 0 to 1; how far each class has gone along the circle to where its successor was.
        classes: number of clouds.
        radius: of the circle that the means lie on.
    """
    labels = rng.permutation(np.arange(samples) % classes)
    points = class_means(time, classes, radius)[labels] + rng.standard_normal((samples, 2))
    return labelled(points, labels)


def class_means(time: float, classes: int, radius: float) -> NDArray[np.float64]:
    """Means of the clouds, `(classes, 2)`."""
    angle = 2 * pi * (np.arange(classes) + time) / classes
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def draw_rotating_boundary(
    rng: np.random.Generator, samples: int, *, time: float, features: int
) -> Samples:
    """Standard normal points on either side of a plane through 0, which turns by π · `time`.

    Args:
        rng: source of every draw.
        samples: number of samples.
        time: 0 to 1; at 0 the first feature decides, at .5 the second; at 1 the classes have
            changed places.
        features: inputs.
    """
    points = rng.standard_normal((samples, features)).astype(np.float32)
    side = points[:, 0] * np.cos(pi * time) + points[:, 1] * np.sin(pi * time)
    return labelled(points, side > 0)


def _vary_gaussians(*, classes: int, radius: float, **_: float) -> Mapping[str, Any]:
    # Half planes and quadrants have a closed form, other wedges have none.
    best = {2: _normal(radius), 4: _normal(radius / sqrt(2)) ** 2}
    return {"outputs": classes, "best_score": best.get(classes)}


def _normal(value: float) -> float:
    """The standard normal distribution function."""
    return (1 + erf(value / sqrt(2))) / 2


def _vary_boundary(*, time: float, features: int) -> Mapping[str, Any]:
    relevant = {0.0: (0,), 0.5: (1,), 1.0: (0,)}
    return {"features": features, "relevant": relevant.get(time, (0, 1))}


_TIME = (0, 1)
ENTRIES = (
    drawn(
        draw_drifting_gaussians,
        name="drifting_gaussians",
        parameters={"time": 0.0, "classes": 2, "radius": 2.0},
        ranges={"time": _TIME, "classes": (2, 20), "radius": (0, 100), "samples": SIZES},
        varies=_vary_gaussians,
        one_scale=True,
        citation="J. Gama, I. Žliobaitė, A. Bifet, M. Pechenizkiy and A. Bouchachia (2014), A "
        "survey on concept drift adaptation, ACM Computing Surveys 46(4), 44",
        description="normal clouds on a circle, one a class; from time 0 to 1 each moves to where "
        "the next one was",
        relevant=(0, 1),
    ),
    drawn(
        draw_rotating_boundary,
        name="rotating_boundary",
        parameters={"time": 0.0, "features": 2},
        ranges={"time": _TIME, "features": (2, 1000), "samples": SIZES},
        varies=_vary_boundary,
        one_scale=True,
        citation="G. Hulten, L. Spencer and P. Domingos (2001), Mining time-changing data streams, "
        "ACM SIGKDD International Conference on Knowledge Discovery and Data Mining, 97-106",
        description="normal inputs that do not drift, in two classes on either side of a plane "
        "that turns in the first two features, half round from time 0 to 1",
        best_score=1.0,
    ),
)
