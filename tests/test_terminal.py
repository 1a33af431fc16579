"""A run on a pseudo-terminal and in a pipe, in processes of their own, as a user sees them."""

import os
import re
import signal
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interrupts import interruptible

fcntl = pytest.importorskip("fcntl", reason="pseudo-terminals are POSIX's")
pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's")
termios = pytest.importorskip("termios", reason="pseudo-terminals are POSIX's")

# The mirror would start MLflow, which takes seconds and is tested elsewhere.
SCRIPT = """
import suite.benchmark.running
suite.benchmark.running._mirror = lambda *_: lambda _: None
from suite.cli import main
main()
"""
COMMAND = [sys.executable, "-c", SCRIPT, "run", "--profile", "quick", "--workers", "0"]
PATIENCE = 120


@contextmanager
def started(columns, place):
    """The command on a pseudo-terminal of so many columns; its process and the terminal's end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "CI")}
    environment |= {"TERM": "xterm-256color"}
    with interruptible():
        process = subprocess.Popen(
            COMMAND, cwd=place, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(ours, wanted):
    """What the terminal was sent until a word is in it, or until the command has ended."""
    sent, deadline = b"", time.monotonic() + PATIENCE
    while wanted not in sent.decode(errors="replace") and time.monotonic() < deadline:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # what Linux says of a terminal whose other end is closed
            break
        if not piece:
            break
        sent += piece
    return sent.decode(errors="replace")


def plain(sent):
    """Lines without the codes for colour and cursor."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent)
    return [line for line in re.split(r"[\r\n]+", text) if line]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminal_sees_a_table_and_the_verdicts(columns, place):
    """Slow because a fresh process imports torch; only a real terminal shows what Live sends."""
    with started(columns, place) as (process, ours):
        sent = read_until(ours, "there is no such word")
        assert process.wait(PATIENCE) == 0
    lines = plain(sent)
    assert max(map(len, lines)) <= columns
    table = [line for line in lines if line.startswith("✓ tiny")][-1]
    assert " 12/12 " in table
    assert ("best on validation" in sent) == (columns == 120)
    (verdict,) = [line for line in lines if line.startswith("depth-accuracy")]
    assert "… preview" in verdict
    assert "report: reports/quick/index.html" in lines
    # The cursor that the table hides comes back.
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")


@pytest.mark.slow
def test_ctrl_c_ends_in_one_line(place):
    """Slow because a fresh process imports torch; only a terminal turns a key into a signal."""
    text = Path("experiments/tiny.yaml").read_text("utf-8")
    Path("experiments/tiny.yaml").write_text(
        text.replace("epochs: 2\n", "epochs: 20000\n"), "utf-8"
    )
    with started(100, place) as (process, ours):
        assert "choosing recipes" in read_until(ours, "choosing recipes")
        process.send_signal(signal.SIGINT)
        sent = read_until(ours, "there is no such word")
        assert process.wait(PATIENCE) == 130
    last = plain(sent)[-1]
    assert last == "stopped; what has finished is stored in results/, and the same command goes on"
    assert "Traceback" not in sent
    assert not Path("reports").exists()


@pytest.mark.slow
def test_a_pipe_gets_plain_lines(place):
    """Slow because a fresh process imports torch; that no terminal is there is the point."""
    ended = subprocess.run(COMMAND, cwd=place, capture_output=True, text=True, check=True)
    assert "\x1b" not in ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0] == "tiny: begins, 12 networks (experiment 1 of 1)"
    assert lines[1].startswith("tiny: done in 0:")
    assert lines[1].endswith(" circles")
    assert ended.stderr == ""
