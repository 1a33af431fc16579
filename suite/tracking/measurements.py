"""What the ledger holds, read once for all experiments that are mirrored after one another."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from suite import parquet
from suite.ledger import Ledger
from suite.schemas import KEY
from suite.tracking.rows import Row, records

_TABLES = ("plan", "trials", "invocations")


@dataclass(frozen=True, slots=True)
class Measurements:
    """The ledger at one moment.

    Attributes:
        parts: names of the files that it consisted of.
        ledger: itself, of which an experiment's own trials are asked for.
        plan: every request, oldest first.
        booked: rows of the invocations table, by their ids.
    """

    parts: tuple[str, ...]
    ledger: Ledger
    plan: pd.DataFrame
    booked: Mapping[str, Row]

    def plan_of(self, experiment: str) -> pd.DataFrame:
        """An experiment's requests, oldest first."""
        plan = self.plan[self.plan["experiment"] == experiment]
        return plan.sort_values("invocation", kind="stable")

    def trials_of(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Stored measurements, each with its first request.

        The column `first_split` says whether it is of its recipe's first split, and `trained_by`
        names the invocation that measured it.
        """
        # The same network may be another search's final one, which then is what it is shown as:
        # what half of a budget found comes last.
        order = plan.assign(half=plan["stage"] == "half")
        order = order.sort_values(["invocation", "half"], kind="stable").drop(columns="half")
        first = order.drop_duplicates(list(KEY))
        lowest = first.groupby(["study", "stage"])["split"].transform("min")
        own = self.ledger.trials(first["trial_id"].unique())
        return first.assign(first_split=first["split"] == lowest).merge(
            own.drop(columns=["dataset", "split"]).rename(columns={"invocation": "trained_by"}),
            on=list(KEY),
        )


def measurements(ledger: Ledger, known: Measurements | None) -> Measurements:
    """What the ledger holds now; `known` itself if nothing was stored since."""
    parts = tuple(part for name in _TABLES for part in parquet.part_names(ledger.directory(name)))
    if known is not None and known.parts == parts:
        return known
    booked = {row["invocation"]: row for row in records(ledger.invocations())}
    return Measurements(parts, ledger, ledger.plan(), booked)
