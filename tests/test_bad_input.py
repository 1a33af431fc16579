"""Bad input of every kind ends in a few lines and exit code 2, with nothing written."""

import os
from pathlib import Path

import pytest
import torch


def snapshot():
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


@pytest.fixture
def refused(leadline):
    """Calls a command that must fail, and returns what it says."""

    def call(*arguments):
        before = snapshot()
        called = leadline(*arguments)
        assert (called.code, called.out) == (2, "")
        assert called.err.startswith("leadline: ")
        assert "Traceback" not in called.err
        assert len(called.err.splitlines()) <= 3
        assert snapshot() == before
        return called.err

    return call


# A text of the tiny experiment's file, what stands there instead, and words of the message.
FLAWS = {
    "unknown key": ("tune:", "tuned:", ["'tuned'", "did you mean 'tune'?"]),
    "YAML that is broken": ("[1, 2]", "[1, 2", ["x.yaml: is not YAML: line 4"]),
    "YAML with other bytes": ("Does", "Do\0es", ["x.yaml: is not YAML"]),
    "unknown activation": (
        "activation: tanh",
        "activation: tanhh",
        ["x.yaml: hold.activation", "'tanhh'; did you mean 'tanh'?", "known: elu, gelu"],
    ),
    "wrong type": ("width: 6", "width: wide", ["x.yaml: hold.width", "'wide'", "number"]),
    "empty grid": ("[1, 2]", "[]", ["x.yaml: vary.depth", "empty list"]),
    "impossible subset": ("samples: 64", "samples: 501", ["x.yaml", "501", "1 to 500"]),
    "claim about what does not vary": (
        "better: {depth: 2}",
        "better: {width: 2}",
        ["x.yaml", "claims.depth-accuracy", "width"],
    ),
    "unknown metric": (
        "metric: test_accuracy",
        "metric: test_acuracy",
        ["x.yaml: claims.depth-accuracy.metric", "did you mean 'test_accuracy'?"],
    ),
    "unknown figure": (
        "[accuracy_by_depth]",
        "[accuracy_by_death]",
        ["x.yaml: figures", "did you mean 'accuracy_by_depth'?"],
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_in_a_file_is_named_with_its_place(flaw, place, refused, tiny_file):
    text, instead, words = FLAWS[flaw]
    assert tiny_file.count(text) == 1
    Path("x.yaml").write_text(tiny_file.replace(text, instead), encoding="utf-8")
    message = refused("run", "x.yaml", "--profile", "quick")
    for word in ("x.yaml", *words):
        assert word in message


# What is called, and words of the message.
CALLS = {
    "run tinny": ["experiment 'tinny'; did you mean 'tiny'?"],
    "run nowhere.yaml": ["nowhere.yaml: cannot be read: No such file"],
    "run --set epochs": ["--set epochs", "is not KEY=VALUE"],
    "run --profile quick --set epochs=": ["--set epochs=", "is not KEY=VALUE"],
    "run --profile quick --set epoks=3": ["--set", "'epoks'; did you mean 'epochs'?"],
    "run --profile quick --set epochs=few": ["--set", "epochs: needs a whole number, not 'few'"],
    "run --profile quick --set seeds=0": ["--set", "seeds"],
    "run --profile quick --set activation=tanhh": ["did you mean 'tanh'?"],
    "run --profile quik": ["'--profile': 'quik' is not one of 'quick', 'standard', 'full'"],
    "run --profile full": ["tiny.yaml", "unknown profile 'full'", "known: quick"],
    "run --device tpu": ["'--device': 'tpu' is not one of 'auto', 'cpu', 'cuda', 'mps'"],
    "run --workers -1": ["'--workers'", "0"],
    "run --workers two": ["'--workers'", "integer"],
    "run --profil quick": ["--profil"],
    "rnu": ["'rnu'", "'run'"],
    "show": ["TRIAL"],
    "list activation": ["'activation'; did you mean 'activations'?"],
    "verify --share 2": ["'--share'", "1"],
    "report --profile quick": ["results/: holds no results yet"],
    "show a": ["results/: holds no results yet"],
    "rerun a": ["results/: holds no results yet"],
    "verify": ["results/: holds no results yet"],
    "ui": ["mlflow.db", "run an experiment first"],
}


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_call_is_explained(call, place, refused):
    message = refused(*call.split())
    for word in CALLS[call]:
        assert word in message


@pytest.mark.parametrize("option", ["--results", "--reports"])
def test_a_file_in_a_directorys_place_is_said(option, place, refused):
    Path("taken").touch()
    for path in ("taken", "taken/below"):
        message = refused("run", "--profile", "quick", option, path)
        assert "taken is no directory" in message


def test_a_directory_or_nothing_in_a_files_place_is_said(place, refused):
    Path("x.yaml").mkdir()
    assert "x.yaml: cannot be read: Is a directory" in refused("run", "x.yaml")
    Path("y.yaml").touch()
    assert "y.yaml: is not a mapping" in refused("run", "y.yaml")


def test_two_experiments_of_one_name_are_refused(place, refused, tiny_file):
    for folder in ("a", "b", "experiments/a", "experiments/b"):
        Path(folder).mkdir()
        Path(folder, "x.yaml").write_text(tiny_file, encoding="utf-8")
    twice = "experiments/b/x.yaml: experiments/a/x.yaml has the same name"
    assert twice in refused("run")
    Path("experiments/a/x.yaml").unlink()
    assert "experiments/ has an experiment 'x'" in refused("run", "a/x.yaml")
    Path("experiments/b/x.yaml").unlink()
    assert "b/x.yaml: a/x.yaml has the same name" in refused("run", "a/x.yaml", "b/x.yaml")


def test_nothing_to_run_is_said(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    assert "experiments/: holds no experiment here\nname a YAML file" in refused("run")
    assert "unknown experiment 'vanishing'" in refused("run", "vanishing")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_said(place, refused):
    message = refused("run", "--profile", "quick", "--device", "cuda")
    assert message == "leadline: --device: this machine has no cuda device\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("option", ["--results", "--reports"])
def test_a_directory_that_may_not_be_written_is_said(option, place, refused):
    Path("closed").mkdir(mode=0o500)
    message = refused("run", "--profile", "quick", option, "closed/inside")
    assert "you may not write into closed/" in message
