"""A member's place in training: all that goes on to the same bits, as bytes that can be stored."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.training.recording import Row

_HEADER = "header"
# Goes before the names of what an optimizer remembers.
OPTIMIZER = "optimizer/"
# Which weights stay zero. They cannot be told by their value: a penalty makes zeros of its own.
PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a member of a cohort stands after an epoch.

    Attributes:
        recipe: id of its trial, were that trained to the last epoch.
        epoch: epochs trained.
        arrays: its row of every matrix: `theta`, `statistics`, the optimizer's by their names with
            `optimizer/` before; `pruned` where it has such weights; `best_theta` and
            `best_statistics` where it may stop early.
        draws: state of each of its generators, by purpose.
        rows: what was recorded so far.
        best: epoch and validation loss of its best moment, where it may stop early.
        seconds: spent on it so far.
        probe_seconds: share of `seconds` that went into probes.
    """

    recipe: str
    epoch: int
    arrays: Mapping[str, NDArray[Any]]
    draws: Mapping[str, Mapping[str, Any]]
    rows: tuple[Row, ...]
    best: tuple[int, float] | None
    seconds: float
    probe_seconds: float

    def to_bytes(self) -> bytes:
        """As an NPZ archive: numbers keep all their bits."""
        header = {
            "recipe": self.recipe,
            "epoch": self.epoch,
            "draws": self.draws,
            "rows": self.rows,
            "best": self.best,
            "seconds": self.seconds,
            "probe_seconds": self.probe_seconds,
        }
        content = io.BytesIO()
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(content, allow_pickle=False, **{_HEADER: text}, **self.arrays)
        return content.getvalue()


def state_from_bytes(content: bytes) -> State:
    """What `State.to_bytes` gave.

    Raises:
        ValueError: the bytes are damaged or something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
        rows = tuple((e, s, m, layer, value) for e, s, m, layer, value in header.pop("rows"))
        best = header.pop("best")
        return State(arrays=arrays, rows=rows, best=None if best is None else tuple(best), **header)
    # Damaged bytes make the zip and array readers raise almost anything.
    except Exception as error:
        raise ValueError(f"is no state of a network in training: {error}") from error
