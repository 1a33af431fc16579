"""Two-dimensional, two-class toys that are drawn afresh for every split."""

import numpy as np

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
