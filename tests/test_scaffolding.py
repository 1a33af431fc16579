"""The files around the code agree with each other and with the code."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import suite
from suite.cli import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = [
    line
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if not line.lstrip().startswith("#")
]


def locked():
    pairs = (line.split("==") for line in LOCK)
    return {canonicalize_name(name): version for name, version in pairs}


def test_help_lists_every_target():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE)) - {"installed"}
    listing = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in listing.splitlines()[1:]} == targets
    assert {"help", "benchmark", "test", "ui", "report", "verify", "check"} < targets


def test_make_calls_commands_that_exist():
    called = set(re.findall(r"\)leadline (\w+)", MAKEFILE))
    assert called
    assert called <= typer.main.get_command(app).commands.keys()


def test_pre_commit_calls_the_tools_of_make_check():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    check = MAKEFILE.partition("\ncheck:")[2].partition("\n.PHONY")[0]
    tools = set(re.findall(r"\.venv/bin/([\w-]+)", check))
    assert {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks} == tools


@pytest.mark.parametrize(
    "requirement", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
)
def test_lock_meets_every_dependency(requirement):
    wanted = Requirement(requirement)
    assert locked()[canonicalize_name(wanted.name)] in wanted.specifier


def test_lock_pins_exact_versions_for_any_machine():
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*", line) for line in LOCK)
    assert locked()["torch"] == "2.13.0"
    assert not [name for name in locked() if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d.*?)\]", changelog, flags=re.MULTILINE)[0]
    assert {citation["version"], PROJECT["version"], newest} == {suite.__version__}
    assert citation["license"] == PROJECT["license"]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("suite.cli", {"matplotlib", "mlflow", "numpy", "pandas", "sklearn", "torch"}),
        ("suite.data.cards", {"matplotlib", "mlflow", "pandas", "sklearn", "torch"}),
        ("suite.figures.catalogue", {"matplotlib", "mlflow", "pandas", "seaborn", "torch"}),
        ("suite.results", {"matplotlib", "mlflow", "sklearn", "torch"}),
    ],
)
def test_light_modules_load_no_heavy_library(module, heavy):
    code = f"import sys, {module}; print(*{{n.partition('.')[0] for n in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not heavy & set(loaded.split())


@pytest.fixture
def checkout(tmp_path):
    """A directory, with a space in its name, of which .ci/install takes care."""
    place = tmp_path / "a checkout"
    (place / ".ci").mkdir(parents=True)
    for name in (".ci/install", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, place / name)
    return place


def install(checkout, *arguments):
    return subprocess.run(
        ["sh", ".ci/install", *arguments],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )


def write_python(checkout, cases):
    """A stand-in for Python that succeeds at everything but the given shell `case` branches."""
    python = checkout / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}\nesac\n')
    python.chmod(0o755)
    return str(python)


def test_install_needs_a_recent_python(checkout):
    ended = install(checkout, write_python(checkout, "*version_info*) exit 1;;"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("no Python 3.11 or newer")
    assert ended.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_install_needs_ensurepip(checkout):
    ended = install(checkout, write_python(checkout, "*ensurepip*) exit 1;;"))
    assert ended.returncode == 1
    assert "python3-venv" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_failed_install_shows_the_log_and_is_started_anew(checkout):
    python = write_python(checkout, '*"-m venv"*) echo no room; exit 1;;')
    for _ in range(2):
        ended = install(checkout, python)
        assert ended.returncode == 1
        assert ended.stdout.startswith("installing into .venv")
        assert ended.stderr.startswith("no room\n")
    assert not (checkout / ".venv" / "installed").exists()


def test_install_is_silent_when_up_to_date(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp = checkout / ".venv" / "installed"
    stamp.write_text(f"{checkout.resolve()}\n")
    ended = install(checkout, "/nowhere/python")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    os.utime(checkout / "requirements.lock", (stamp.stat().st_mtime + 1,) * 2)
    assert install(checkout, "/nowhere/python").returncode == 1


def test_moved_checkout_is_installed_anew(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / "installed").write_text("/another/place\n")
    assert install(checkout, "/nowhere/python").returncode == 1
