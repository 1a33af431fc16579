"""What several tests share. torch is imported late, to keep other tests quick."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from filelock import FileLock

from suite import cli
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


TINY = """\
question: Does depth help?
vary:
  depth: [1, 2]
hold:
  dataset: circles
  samples: 64
  network: dense
  width: 6
  activation: tanh
  initializer: xavier
  optimizer: adam
  epochs: 2
  batch_size: 16
tune:
  learning_rate: {log: [0.003, 0.1]}
  budget: {trials: 2}
  sampler: grid
profiles:
  quick: {seeds: 2}
claims:
  depth-accuracy:
    says: Depth helps [he says].
    metric: test_accuracy
    better: {depth: 2}
    worse: {depth: 1}
    margin: 0.02
figures: [accuracy_by_depth]
"""


@pytest.fixture(scope="session")
def tiny_file() -> str:
    """An experiment file of twelve small networks."""
    return TINY


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that is empty but for experiments/tiny.yaml."""
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/tiny.yaml").write_text(TINY, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def fill_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that fills a folder once, however many processes share the tests."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # that of them all

    def fill(name: str, write: Callable[[Path], object]) -> Path:
        folder, filled = place / name, place / f"{name}.filled"
        with FileLock(place / f"{name}.lock"):
            if not filled.exists():
                folder.mkdir()
                write(folder)
                filled.touch()
        return folder

    return fill


@pytest.fixture(scope="session")
def empty_mlflow(fill_once: Callable[..., Path]) -> Path:
    """An empty MLflow database; making one takes seconds, so it is made once and copied."""
    from suite.tracking.store import DATABASE, open_client

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return fill_once("mlflow", open_client) / DATABASE


class Called(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def leadline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Called]]:
    """Calls the command in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["leadline", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Called(int(ended.value.code or 0), *capsys.readouterr())

    yield call
    signal.signal(signal.SIGTERM, before)
