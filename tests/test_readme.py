"""What the README shows works, and is there."""

import re
from pathlib import Path

import pytest
import yaml

from suite.compare.plan import DEPTHS
from suite.data.cards import CARDS
from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.planning import check_names, check_recipes
from suite.reading import read_experiment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_question_of_ones_own_is_an_experiment(tmp_path):
    text, _ = blocks("yaml")
    path = tmp_path / "my_question.yaml"
    path.write_text(text, encoding="utf-8")
    experiment = read_experiment(path)
    check_names(experiment, METRICS, FIGURES)
    for profile in experiment.profiles:
        check_recipes(experiment, profile)
    assert "my-question" in experiment.claims


def test_a_file_of_ones_own_is_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    _, text = blocks("yaml")
    rows = (f"{n % 7}.5,{n % 9},s{n % 12},none,{n % 5}.25" for n in range(90))
    (tmp_path / "sales.csv").write_text("\n".join(["size,age,shop,note,price", *rows]), "utf-8")
    path = tmp_path / "my_data.yaml"
    path.write_text(text, encoding="utf-8")
    experiment = read_experiment(path)
    check_names(experiment, METRICS, FIGURES)
    for profile in experiment.profiles:
        check_recipes(experiment, profile)
        (name,) = experiment.at(profile).datasets
        card = CARDS[name]
        assert (card.task, card.division, card.features) == ("regression", "groups", 2)


def test_the_comparison_runs(tmp_path, monkeypatch, leadline):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("suite.compare.plan._SIZES", ((90, 2, 2, 32, (2, 4)),))
    few = {"dummy": {"network": "dummy"}, "linear": {"network": "ridge"}}
    networks = {name: {"network": "dense", "depth": depth} for name, depth in DEPTHS.items()}
    monkeypatch.setattr("suite.compare.plan.contenders", lambda _: few | networks)
    rows = (f"{n % 7}.5,{n % 9},s{n % 12},none,{n % 5}.25" for n in range(90))
    Path("sales.csv").write_text("\n".join(["size,age,shop,note,price", *rows]), "utf-8")
    (line,) = re.findall(r"leadline (compare .*)", "\n".join(blocks("console")))
    called = leadline(*line.split(), "--seeds", 2, "--trials", 2, "--workers", 0)
    assert called.code == 0
    for name in ("index.html", "verdict.json"):
        assert f"`comparison/{name}`" in README
        assert Path("comparison", name).is_file()


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
    question, data = (yaml.safe_load(text) for text in blocks("yaml"))
    assert question["claims"]
    assert data["hold"]["dataset"]["file"] == "sales.csv"
