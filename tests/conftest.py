"""Builders that the engine's tests share. torch is imported late, to keep other tests quick."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from suite.data.split import Split

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch and for NumPy's linear algebra, as in a worker."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_split() -> Callable[..., Split]:
    """A function that makes small data whose targets are a noisy smooth function of the inputs."""
    return synthetic_split


def synthetic_split(
    seed: int,
    counts: tuple[int, int, int] = (45, 33, 21),
    features: int = 7,
    outputs: int = 3,
    task: str = "classification",
) -> Split:
    """Parts of `counts` rows; every part of every seed is drawn from another distribution."""
    rng = np.random.default_rng([seed, features, outputs])
    slopes = rng.standard_normal((features, outputs))
    arrays = {}
    for shift, (part, count) in enumerate(zip(PARTS, counts, strict=True)):
        inputs = rng.standard_normal((count, features)) + 0.1 * shift
        scores = np.tanh(inputs @ slopes) + 0.3 * rng.standard_normal((count, outputs))
        arrays[f"{part}_inputs"] = inputs.astype(np.float32)
        arrays[f"{part}_targets"] = (
            scores.argmax(axis=1) if task == "classification" else scores[:, :1].astype(np.float32)
        )
    return Split(**arrays, task=task, outputs=outputs if task == "classification" else 1)
