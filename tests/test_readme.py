"""What the README shows works, and is there."""

import re
from pathlib import Path

import pytest
import yaml

from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.planning import check_names, check_recipes
from suite.reading import read_experiment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_question_of_ones_own_is_an_experiment(tmp_path):
    (text,) = blocks("yaml")
    path = tmp_path / "my_question.yaml"
    path.write_text(text, encoding="utf-8")
    experiment = read_experiment(path)
    check_names(experiment, METRICS, FIGURES)
    for profile in experiment.profiles:
        check_recipes(experiment, profile)
    assert "my-question" in experiment.claims


def test_python_blocks_run_also_before_there_are_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})  # our own text
    assert list(tmp_path.iterdir()) == []


def test_the_python_block_reads_results(place, leadline, capsys):
    assert leadline("run", "tiny", "--profile", "quick", "--workers", "0").code == 0
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert "dataset" in capsys.readouterr().out


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks("console"))))
    assert named
    assert named <= targets


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()


def test_the_example_is_yaml_for_other_readers_too():
    (text,) = blocks("yaml")
    assert yaml.safe_load(text)["claims"]
