"""The content of run.json: what was run, where, and how long it took."""

import itertools
from collections.abc import Sequence
from typing import Any

import pandas as pd

from suite import __version__
from suite.ledger import Ledger
from suite.provenance import machine, versions
from suite.results import Evidence

_SECONDS = (
    "wall_seconds",
    "training_seconds",
    "outside_training_seconds",
    "tracking_seconds",
    "reporting_seconds",
)


def run_facts(ledger: Ledger, evidences: Sequence[Evidence], profile: str) -> dict[str, Any]:
    """Facts of all invocations that trained or asked for what the report shows."""
    frames = ((e.trials, e.tuning, e.half, e.variance) for e in evidences)
    shown = pd.concat(itertools.chain.from_iterable(frames))
    measured = shown[shown["outcome"].notna()] if len(shown) else shown
    invocations = _behind(ledger, measured)
    seconds = {name: round(float(invocations[name].sum()), 2) for name in _SECONDS}
    return {
        "leadline_version": __version__,
        "code_hash": next((e.code_hash for e in evidences if e.code_hash), None),
        "versions": versions(),
        "machine": machine(),
        "profile": profile,
        "networks": int(measured["trial_id"].nunique()) if len(measured) else 0,
        "networks_reused": int(measured["trial_id"].duplicated().sum()) if len(measured) else 0,
        **seconds,
        "proposing_seconds": _proposing_seconds(invocations),
        "probing_share": _probing_share(measured),
    }


def _proposing_seconds(invocations: pd.DataFrame) -> float | None:
    """Time spent on choosing candidates; None where an invocation did not book it."""
    booked = invocations["proposing_seconds"].astype(float)
    return None if booked.isna().any() else round(float(booked.sum()), 2)


def _probing_share(measured: pd.DataFrame) -> float | None:
    """Share of the probed networks' training time that went into their probes."""
    if not len(measured) or not (measured["probe_seconds"] > 0).any():
        return None
    probed = measured[measured["probe_seconds"] > 0].drop_duplicates("trial_id")
    return round(float(probed["probe_seconds"].sum() / probed["seconds"].sum()), 3)


def _behind(ledger: Ledger, measured: pd.DataFrame) -> pd.DataFrame:
    """Invocations that trained at least one of the networks shown."""
    invocations = ledger.invocations()
    trained = set(measured["invocation"]) if len(measured) else set()
    return invocations[invocations["invocation"].isin(trained)]
