"""The best network of an experiment: chosen on validation data, reported on test data."""

import pandas as pd

from suite.classical.models import CLASSICAL
from suite.tracking.rows import Row, records

# The first of these that the networks have, and whether more of it is better.
CRITERIA = (("accuracy", True), ("r2", True), ("loss", False))


def best_network(trials: pd.DataFrame) -> Row | None:
    """The final network with the best validation score; None where there is none.

    Of equals the one with the lowest validation loss is taken, then the one with the lowest id.
    """
    final = (trials["stage"] == "final") & (trials["outcome"] == "completed")
    wanted = final & ~trials["network"].isin(list(CLASSICAL))
    names = [f"validation_{score}" for score, _ in CRITERIA]
    # Few columns of the many: copying rows of text takes longer than finding the best of them.
    networks = trials.loc[wanted, [*names, "trial_id"]]
    for name, (_, more_is_better) in zip(names, CRITERIA, strict=True):
        scored = networks[networks[name].notna()]
        if not scored.empty:
            order = [name, "validation_loss", "trial_id"]
            scored = scored.sort_values(order, ascending=[not more_is_better, True, True])
            return records(trials.loc[[scored.index[0]]])[0]
    return None
