"""How each contender's score grows with the rows that it trains on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suite.compare.plan import DUMMY, FACTOR
from suite.figures.measurements import means
from suite.metrics import METRICS
from suite.results import Evidence


@dataclass(frozen=True, slots=True)
class Growth:
    """Scores by training rows.

    Attributes:
        table: `model, samples, mean, low, high, n, failed`, samples ascending.
    """

    table: pd.DataFrame

    def rising(self, margin: float) -> list[str]:
        """Contenders that gain more than the margin from the second largest size to the largest."""
        sizes = sorted(self.table["samples"].unique())
        scores = self.table.pivot(index="samples", columns=FACTOR, values="mean")
        gains = scores.loc[sizes[-1]] - scores.loc[sizes[-2]]
        return [str(name) for name in gains.index[gains > margin]]


def grow(learning: Evidence, main: Evidence, metric: str, rows: int) -> Growth:
    """Scores on parts of the training rows, and on all of them, which the comparison has.

    Args:
        learning: final trials with fewer rows.
        main: final trials with all rows.
        metric: of the scores.
        rows: in the whole training part.
    """
    parts = _scores(learning, metric)
    whole = _scores(main, metric).assign(samples=rows)
    frame = pd.concat([parts, whole[whole[FACTOR] != DUMMY]], ignore_index=True)
    table = means(frame, [FACTOR, "samples"], "score")
    return Growth(table.astype({"samples": np.int64}))


def _scores(evidence: Evidence, metric: str) -> pd.DataFrame:
    trials = evidence.trials
    return trials[[FACTOR, "samples", "split"]].assign(
        score=METRICS[metric].values(evidence).astype(np.float64),
        unit=trials["split"],
        failed=trials["outcome"].isin(["diverged", "dead"]),
    )
