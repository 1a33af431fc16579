"""The MLflow store: where it is, and how it is opened without noise and without half a database."""

import logging
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"

# Without these usage is reported to strangers, every run is announced on the terminal, and a
# server that is down is asked for minutes.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


_CREATE = """
import sys
from mlflow import MlflowClient
MlflowClient(tracking_uri=sys.argv[1]).search_experiments(max_results=1)
"""


def tracking_uri(root: Path) -> str:
    """`MLFLOW_TRACKING_URI` if it is set, otherwise the embedded store under `root`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / DATABASE).resolve()}"


def without_credentials(text: str) -> str:
    """A text with the names and passwords cut out of the addresses in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def is_embedded(root: Path) -> bool:
    """Whether the store is the database under `root`."""
    return tracking_uri(root) == f"sqlite:///{(root / DATABASE).resolve()}"


def artifact_location(root: Path) -> str | None:
    """Where a new experiment keeps its artifacts; None leaves it to the server."""
    return (root / ARTIFACTS).resolve().as_uri() if is_embedded(root) else None


def prepare_environment() -> None:
    """Settings that MLflow reads when it is imported; what the user has set stays."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def lacks_store(root: Path) -> bool:
    """Whether the embedded database has still to be made."""
    return is_embedded(root) and not (root / DATABASE).exists()


def make_store(root: Path) -> None:
    """Make the embedded database if there is none."""
    prepare_environment()
    if lacks_store(root):
        _create_database(root / DATABASE)


def open_client(root: Path) -> "MlflowClient":
    """A client of the store; the embedded database is made if there is none."""
    make_store(root)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri(root))


def _create_database(path: Path) -> None:
    """Make the database under another name, since MLflow cannot go on with half of one."""
    draft = path.with_name(f"{path.name}.new")
    for leftover in path.parent.glob(f"{draft.name}*"):
        leftover.unlink()
    # In a process of its own, whose connections to the draft end before it is renamed.
    command = [sys.executable, "-c", _CREATE, f"sqlite:///{draft.resolve()}"]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise OSError(f"cannot make {path.name}: {made.stderr.strip().splitlines()[-1]}")
    # Those of a database that was deleted without them would be taken for this one's.
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    draft.replace(path)
    with closing(sqlite3.connect(path)) as connection:
        # A commit then waits for the disk once, not four times, and readers do not block it.
        connection.execute("PRAGMA journal_mode=WAL")
