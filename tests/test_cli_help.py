"""What the command line says of itself: help, examples, and what a shell proposes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from suite.catalogue import catalogue
from suite.cli import app, completion
from suite.trial import FIELDS

LEADLINE = [sys.executable, "-m", "suite"]
ROOT = Path(__file__).parents[1]
GROUP = typer.main.get_command(app)


def called(*arguments, **environment):
    """The command in a process of its own, at the checkout, on 80 columns."""
    return subprocess.run(
        [*LEADLINE, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("command", ["", *GROUP.commands])
def test_help_fits_80_columns_with_each_example_on_a_line_of_its_own(
    command, leadline, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    # typer reads the width when it is imported.
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    shown = leadline(*[command][: len(command)], "--help").out
    assert max(map(len, shown.splitlines())) <= 80
    below = shown.partition(" Examples")[2].strip().splitlines()
    assert below
    for line in below:
        assert re.match(rf"^ *\$ leadline {command}\b.*  \S", line), line


def examples():
    for name, command in GROUP.commands.items():
        for line in re.findall(r"\$ (leadline .*?) *\[/\]", command.epilog):
            yield pytest.param(name, line.split(" > ")[0].split()[1:], id=line)


@pytest.mark.parametrize(("name", "words"), list(examples()))
def test_every_example_is_a_command_that_can_be_parsed(name, words):
    first, *rest = words
    assert first == name
    context = GROUP.commands[first].make_context(first, rest)
    assert context.params


def test_examples_name_experiments_and_words_that_there_are():
    registered = {path.stem for path in (ROOT / "experiments").rglob("*.yaml")}
    named = [p.values[1] for p in examples() if p.values[0] == "run"]
    options = {"--profile", "--dry-run", "--set", "--json"}
    words = {w for ws in named for w in ws[1:]} - options
    kinds = {"my_question.yaml", "quick", "epochs=5"}
    assert words - kinds <= registered
    assert words - kinds


def test_kinds_proposed_are_those_of_the_catalogue(tmp_path):
    assert list(completion.KINDS) == list(catalogue(tmp_path))
    assert completion.complete_kind("ac") == ["activations"]


def test_experiments_and_settings_are_proposed(place):
    Path("experiments/group").mkdir()
    shutil.copy("experiments/tiny.yaml", "experiments/group/tall.yaml")
    assert completion.complete_experiment("") == ["tall", "tiny"]
    assert completion.complete_experiment("ti") == ["tiny"]
    assert completion.complete_setting("ep") == ["epochs="]
    assert completion.complete_setting("se") == ["seeds=", "settings=", "seed="]
    assert {f"{name}=" for name in FIELDS} <= set(completion.complete_setting(""))


def test_ids_of_the_trials_stored_last_are_proposed(place, leadline, monkeypatch):
    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)
    assert completion.complete_trial("") == []
    assert leadline("run", "--profile", "quick", "--workers", 0).code == 0
    from suite.results import load_tables

    ids = sorted(load_tables().trials["trial_id"])
    assert completion.complete_trial("") == ids
    assert completion.complete_trial(ids[0][:5]) == [ids[0]]
    monkeypatch.setattr(completion, "COHORTS", 1)
    assert 0 < len(completion.complete_trial("")) < len(ids)


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("leadline ver", "verify"),
        ("leadline run overf", "overfitting"),
        ("leadline list figu", "figures"),
        ("leadline run --profile qu", "quick"),
    ],
)
def test_a_shell_asks_and_is_told(words, proposed):
    environment = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    asked = subprocess.run(
        [sys.executable, "-c", "from suite.cli import main; main()"],
        cwd=ROOT,
        env={**os.environ, **environment, "_LEADLINE_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == [proposed]


def test_completion_can_be_shown_and_imports_nothing_heavy():
    script = """
import os, sys
os.environ |= {"COMP_WORDS": "leadline run o", "COMP_CWORD": "2"}
os.environ["_LEADLINE_COMPLETE"] = "complete_bash"
from suite.cli import main
try:
    main()
except SystemExit:
    pass
print("heavy", {"torch", "pandas", "numpy", "pyarrow"} & set(sys.modules))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "heavy set()"
    shown = called("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "complete -o default -F _leadline_completion leadline" in shown


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run", "--profle", "quick"], "No such option: --profle"),
        (["run", "--profile", "fast"], "'fast' is not one of 'quick', 'standard', 'full'"),
        (["run", "--workers", "-1"], "--workers': Input should be greater than or equal to 0"),
        (["run", "tinny", "--profile", "quick"], "did you mean 'tiny'?"),
        (["list", "activation"], "did you mean 'activations'?"),
        (["show", "3f2a"], "holds no results yet"),
        (["verify", "--share", "2"], "--share': Input should be less than or equal to 1"),
        (["compare", "nothing.csv"], "Missing option '--target'"),
    ],
)
def test_wrong_input_is_one_clear_line_and_code_2(arguments, problem, place, leadline):
    ended = leadline(*arguments)
    assert (ended.code, ended.out) == (2, "")
    first, *more = ended.err.splitlines()
    assert first.startswith("leadline: ")
    assert problem in ended.err
    assert len(more) <= 1


def test_json_is_for_machines_and_alone_on_the_output(place, leadline, monkeypatch):
    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)
    dry = leadline("run", "--profile", "quick", "--dry-run", "--json", "--workers", 2)
    (plan,) = json.loads(dry.out)
    assert (plan["experiment"], plan["networks"], plan["workers"]) == ("tiny", 12, 2)
    ran = leadline("run", "--profile", "quick", "--workers", 0, "--json")
    assert ran.code == 0
    verdicts = json.loads(ran.out)
    assert verdicts == json.loads(Path("reports/quick/verdicts.json").read_text())
    assert [row["claim"] for row in verdicts] == ["depth-accuracy"]
    assert "tiny: done in 0:" in ran.err
    again = leadline("report", "--profile", "quick", "--json")
    assert json.loads(again.out) == verdicts
