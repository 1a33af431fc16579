"""What the shell proposes after a tab; imports nothing that takes time."""

from pathlib import Path

# Kinds of words, as `suite.catalogue` has them, whose module takes seconds to import.
KINDS = (
    "experiments",
    "datasets",
    "networks",
    "classical",
    "poolings",
    "activations",
    "initializers",
    "regularizers",
    "optimizers",
    "schedules",
    "losses",
    "probes",
    "metrics",
    "figures",
)
# Trials of so many of the cohorts stored last are proposed: a shell waits for no more.
COHORTS = 200


def complete_experiment(incomplete: str) -> list[str]:
    """Names of registered experiments; the shell itself proposes files where none fits."""
    names = sorted(path.stem for path in Path("experiments").rglob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Kinds of words that `leadline list` knows."""
    return [kind for kind in (*KINDS, "all") if kind.startswith(incomplete)]


def complete_trial(incomplete: str) -> list[str]:
    """Ids of stored trials, the latest cohorts' only."""
    from pyarrow.parquet import ParquetFile

    from suite.parquet import list_parts

    parts = list_parts(Path("results/trials.parquet"))[-COHORTS:]
    columns = (ParquetFile(part).read(columns=["trial_id"])["trial_id"] for part in parts)
    ids = {str(value) for column in columns for value in column.to_pylist()}
    return sorted(trial_id for trial_id in ids if trial_id.startswith(incomplete))


def complete_setting(incomplete: str) -> list[str]:
    """Keys that `--set` can replace, up to their equals sign."""
    from suite.trial import FIELDS

    return [f"{key}=" for key in ("seeds", "trials", *FIELDS) if key.startswith(incomplete)]
