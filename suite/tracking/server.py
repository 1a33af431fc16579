"""`leadline ui`: MLflow's own server on the store, with links that open in the right view."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from suite.errors import InputError, unknown
from suite.tracking.store import (
    ARTIFACTS,
    DATABASE,
    is_embedded,
    open_client,
    prepare_environment,
    tracking_uri,
)
from suite.tracking.views import LEADERBOARD, VIEWS, ui_link, view_key, view_tag

HOST = "127.0.0.1"
# A cold start on a busy machine takes a minute.
PATIENCE_SECONDS = 180

Say = Callable[[str], None]


def say_on_terminal(line: str) -> None:
    """Print a line at once, also where the output is a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(
    root: Path,
    port: int,
    say: Say = say_on_terminal,
    experiment: str | None = None,
    show: Callable[[str], object] | None = None,
) -> None:
    """Show the store in MLflow's UI until Ctrl-C or SIGTERM.

    Args:
        root: directory of the embedded store.
        port: first port to try.
        say: prints a line to the user.
        experiment: whose saved views are wanted; all experiments' leaderboards by default.
        show: opens an address, such as `webbrowser.open`; None opens nothing.

    Raises:
        InputError: there is nothing to show, or the server does not start.
    """
    if is_embedded(root) and not (root / DATABASE).exists():
        raise InputError(DATABASE, "there are no runs yet", "run an experiment first")
    pages = experiment_pages(root, experiment)
    if tracking_uri(root).startswith("http"):
        _present(tracking_uri(root).rstrip("/"), pages, say, show)
        return
    address = f"http://{HOST}:{free_port(port)}"
    say("starting MLflow's server …")
    with _stopped_by_signals(), tempfile.TemporaryFile() as output:
        server = _start(root, address, output)
        try:
            _wait_until_healthy(server, address, output)
            _present(address, pages, say, show)
            say("Ctrl-C ends it")
            server.wait()
        except KeyboardInterrupt:
            say("stopping")
        finally:
            _stop(server)


def experiment_pages(root: Path, wanted: str | None = None) -> list[tuple[str, str]]:
    """What to call each page and where it is below the UI's address.

    Args:
        root: directory of the embedded store.
        wanted: the experiment whose saved views are wanted; by default all leaderboards.

    Raises:
        InputError: the mirror has made no such experiment.
    """
    client = open_client(root)
    found = {e.name: e for e in client.search_experiments() if view_tag(LEADERBOARD) in e.tags}
    if wanted is None:
        return [(name, ui_link("", e.experiment_id)) for name, e in sorted(found.items())]
    if wanted not in found:
        raise unknown("ui", "experiment", wanted, found)
    one = found[wanted]
    views = [view for view in VIEWS if view_tag(view) in one.tags]
    return [(view, ui_link("", one.experiment_id, view_key(view))) for view in views]


def _present(
    address: str,
    pages: Sequence[tuple[str, str]],
    say: Say,
    show: Callable[[str], object] | None,
) -> None:
    width = max((len(name) for name, _ in pages), default=0)
    for name, path in pages:
        say(f"  {name:<{width}}  {address}{path}")
    if not pages:
        say(f"  no runs yet  {address}")
    if show is not None:
        show(f"{address}{pages[0][1]}" if pages else address)


def free_port(first: int) -> int:
    """The first port from `first` on that nothing listens at.

    Raises:
        InputError: a hundred ports are taken.
    """
    for port in range(first, min(first + 100, 65536)):
        if not _is_taken(port):
            return port
    raise InputError("--port", f"{first} and the ports after it are taken")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _start(root: Path, address: str, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    prepare_environment()
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST]
    command += ["--port", address.rpartition(":")[2], "--workers", "1"]
    command += ["--backend-store-uri", tracking_uri(root)]
    command += ["--default-artifact-root", (root / ARTIFACTS).resolve().as_uri()]
    # Without its job runners the server is two processes instead of ten.
    settings = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return subprocess.Popen(
        command, stdout=output, stderr=output, env=settings, start_new_session=True
    )


def _wait_until_healthy(server: "subprocess.Popen[bytes]", address: str, output: IO[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _is_healthy(address):
        if server.poll() is not None or time.monotonic() > deadline:
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            raise InputError("MLflow's server", f"does not start: {lines[-1] if lines else '?'}")
        time.sleep(0.2)


def _is_healthy(address: str) -> bool:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server and its workers, which are in a process group of their own."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(server.pid, number)
            server.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        except (ProcessLookupError, PermissionError):
            # None of the group is left; macOS denies signals to one that has only just ended.
            return
