"""MLflow's own server on the store."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import pytest

from suite.errors import InputError
from suite.ledger import Ledger
from suite.links import runs_link
from suite.tracking.mirror import mirror
from suite.tracking.server import (
    _present,
    _wait_until_healthy,
    experiment_pages,
    free_port,
    serve,
)
from tests.local_service import spare_port
from tests.tracked import EXPERIMENT, store_first


@pytest.fixture
def root(tmp_path, empty_mlflow, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    store_first(tmp_path)
    return tmp_path


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_there_must_be_something_to_show(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"mlflow\.db: there are no runs yet"):
        serve(tmp_path, 5000)


def test_a_server_that_does_not_start_is_one_line():
    with tempfile.TemporaryFile() as output:
        failing = subprocess.Popen(
            [sys.executable, "-c", "raise SystemExit('no such table')"], stderr=output
        )
        failing.wait()
        with pytest.raises(InputError, match="does not start: no such table"):
            _wait_until_healthy(failing, "http://127.0.0.1:9", output)


def test_an_experiment_has_a_link_for_each_of_its_views(root):
    assert experiment_pages(root) == []
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    ((name, path),) = experiment_pages(root)
    assert name == "toy"
    views = dict(experiment_pages(root, "toy"))
    assert list(views) == ["Leaderboard", "By depth", "Failures"]
    assert views["Leaderboard"] == path
    assert "viewStateShareKey=by_depth&" in views["By depth"]
    with pytest.raises(InputError, match="unknown experiment 'tox'; did you mean 'toy'"):
        experiment_pages(root, "tox")


def test_links_are_printed_and_the_first_is_opened_if_asked():
    said, opened = [], []
    pages = [("toy", "/#/toy"), ("longer", "/#/longer")]
    _present("http://here", pages, said.append, opened.append)
    assert said == ["  toy     http://here/#/toy", "  longer  http://here/#/longer"]
    assert opened == ["http://here/#/toy"]
    _present("http://here", [], said.append, None)
    assert said[-1].split() == ["no", "runs", "yet", "http://here"]


def test_a_report_links_to_the_list_of_experiments_by_name():
    query = "experimentSearchFilter=depth_accuracy&workflowType=machine_learning"
    assert runs_link("depth_accuracy") == f"http://127.0.0.1:5000/#/experiments?{query}"
    assert runs_link("a b&c", 5001).startswith("http://127.0.0.1:5001/#/experiments?")
    assert "=a+b%26c&" in runs_link("a b&c")


SERVE = """
import sys
from pathlib import Path
from suite.tracking.server import serve
serve(Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.slow
def test_the_ui_opens_at_the_printed_link_and_ends_cleanly(root):
    """Starts MLflow's server for real, which nothing else would show to work."""
    mirror(Ledger(root / "results"), EXPERIMENT, root)
    command = [sys.executable, "-c", SERVE, str(root), str(spare_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ui:
        try:
            lines = [ui.stdout.readline() for _ in range(3)]
            link = lines[1].split()[-1]
            assert lines[1].split()[0] == "toy"
            with urllib.request.urlopen(link) as page:
                assert b"<title>MLflow</title>" in page.read()
        finally:
            ui.send_signal(signal.SIGTERM)
            ui.wait(60)
    assert ui.returncode == 0
    address = ("127.0.0.1", int(link.split("/")[2].rpartition(":")[2]))
    deadline = time.monotonic() + 120
    with socket.socket() as probe:
        while probe.connect_ex(address) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.1)
