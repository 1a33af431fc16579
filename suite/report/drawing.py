"""Figures of many experiments, drawn by processes of their own where that pays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suite.report.shown import Shown, draw_figures
from suite.results import Evidence

# A process of its own takes seconds to start, in which so many figures are drawn.
_WORTH_A_PROCESS = 8


Drawn = Callable[[], dict[str, tuple[Shown, ...]]]


@contextmanager
def drawing(evidences: Sequence[Evidence], directory: Path, workers: int) -> Iterator[Drawn]:
    """Draw experiments' figures while the block does something else.

    What it yields waits for them and returns what `draw_figures` does of each experiment, by its
    name; the files are the same bytes however many processes draw.

    Args:
        evidences: one for each experiment.
        directory: where the figures go, in a folder for each experiment.
        workers: processes at most; of 1, or for a few figures, none is started.
    """
    figures = sum(len(evidence.experiment.figures) for evidence in evidences)
    workers = min(workers, len(evidences), figures // _WORTH_A_PROCESS)
    if workers < 2:
        yield lambda: {e.experiment.name: draw_figures(e, directory) for e in evidences}
        return
    with _side_by_side(evidences, directory, workers) as drawn:
        yield drawn


@contextmanager
def _side_by_side(evidences: Sequence[Evidence], directory: Path, workers: int) -> Iterator[Drawn]:
    from loky import ProcessPoolExecutor

    reducers = {MappingProxyType: _reduce}
    with ProcessPoolExecutor(workers, job_reducers=reducers) as pool:
        # The longest first, so that none is left alone with one at the end.
        order = sorted(evidences, key=lambda e: -len(e.experiment.figures) - len(e.histories) / 1e4)
        drawn = {e.experiment.name: pool.submit(draw_figures, e, directory) for e in order}
        yield lambda: {e.experiment.name: drawn[e.experiment.name].result() for e in evidences}


def _reduce(frozen: Mapping[str, Any]) -> tuple[Any, tuple[dict[str, Any]]]:
    """How a read-only mapping, which pickle refuses, travels to a process."""
    return _frozen, (dict(frozen),)


def _frozen(content: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(content)
