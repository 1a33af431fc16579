"""Experiments: what their files say, what is fixed beforehand, and that nothing can be changed."""

import copy
from pathlib import Path

import pytest
from pydantic import ValidationError

from suite.experiment import PROFILES, regularizer_pairs
from suite.figures.catalogue import FIGURES
from suite.installing import installed
from suite.metrics import METRICS
from suite.planning import check_names, check_recipes
from suite.reading import build_experiment, read_experiment

FILES = sorted((Path(__file__).parents[1] / "experiments").rglob("*.yaml"))

# As the project's design shows it.
EXAMPLE = """\
question: Does Xavier or He initialization keep gradients alive in deep networks?
vary:                                   # the grid; every combination, every seed
  activation: [sigmoid, tanh, relu]
  initializer: [small_normal, xavier, he]
  depth: [2, 8, 16]
hold: {dataset: [digits, mnist5k, mnist1d], network: dense, width: 64, optimizer: sgd, epochs: 20, batch_size: 64}
tune: {learning_rate: {log: [1.0e-4, 1.0]}, budget: {trials: 16}, seeds: 3}      # equal for every contender
probes: [gradient_norm, activation_variance]
profiles:
  quick: {seeds: 2, epochs: 5, depth: [2, 16]}
  standard: {seeds: 8}
  full: {seeds: 20, depth: [2, 4, 8, 16, 32]}
claims:
  initialization:                       # a mission id; extra contrasts are initialization/<name>
    says: Xavier and He initialization let deep networks learn.
    metric: test_accuracy
    better: {initializer: [xavier, he]}
    worse: {initializer: small_normal}
    where: {depth: 16}
    margin: 0.05                        # the smallest effect of interest
figures: [gradient_by_layer, accuracy_by_depth]
"""  # noqa: E501

CONTENT = {
    "question": "Does a rectifier beat the hyperbolic tangent?",
    "vary": {
        "activation": ["relu", "tanh"],
        "depth": [1, 4, 8],
        "penalty": {"none": {"regularizers": "none"}, "strong": {"regularizers": {"l2": 0.1}}},
    },
    "hold": {"dataset": ["digits", "wine"], "network": "dense", "width": 16, "epochs": 2},
    "tune": {"learning_rate": {"log": [0.001, 0.1]}, "budget": {"trials": 3}},
    "probes": ["delta_norm"],
    "profiles": {
        "quick": {"seeds": 2, "depth": [1, 4], "trials": 2},
        "standard": {"seeds": 3},
        "full": {"seeds": 5, "epochs": 4},
    },
    "claims": {
        "activations": {
            "says": "ReLU beats tanh.",
            "metric": "test_accuracy",
            "better": {"activation": "relu"},
            "worse": {"activation": "tanh"},
            "where": {"depth": [4]},
            "margin": 0.02,
        },
        "depth": {
            "says": "Deeper networks need larger steps and overfit more.",
            "kind": "both",
            "parts": [
                {"metric": "generalization_gap", "along": "depth", "margin": 0.01},
                {"metric": "test_loss", "along": "depth", "margin": 0.1, "direction": "falls"},
            ],
        },
    },
    "figures": ["accuracy_by_depth"],
}
# The same in YAML, with keys in another order and numbers in other spellings.
TEXT = """\
figures: [accuracy_by_depth]
claims:
  depth:
    kind: both
    says: Deeper networks need larger steps and overfit more.
    parts:
      - {metric: generalization_gap, margin: 1e-2, along: depth}
      - {direction: falls, metric: test_loss, margin: .1, along: depth}
  activations:
    says: ReLU beats tanh.
    margin: 2e-2
    metric: test_accuracy
    worse: {activation: [tanh]}
    better: {activation: relu}
    where: {depth: 4}
profiles: {full: {epochs: 04, seeds: 5}, quick: {trials: 2, seeds: 2, depth: [1, 4]}, standard: {seeds: 3}}
tune: {budget: {trials: 3}, learning_rate: {log: [1e-3, 0.1]}}
probes: [delta_norm]
hold: {epochs: 2, network: dense, dataset: [digits, wine], width: 016}
vary:
  penalty:
    none: {regularizers: {}}
    strong: {regularizers: {l2: 1e-1}}
  activation: [relu, tanh]
  depth: [1, 4, 8]
question: Does a rectifier beat the hyperbolic tangent?
"""  # noqa: E501
REMOVED = object()


def changed(*changes, content=CONTENT):
    """A copy with other values at some places, each 'key/key/…', value."""
    content = copy.deepcopy(content)
    for place, value in changes:
        *parents, last = place.split("/")
        node = content
        for key in parents:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        last = int(last) if isinstance(node, list) else last
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return content


def written(directory, text):
    path = directory / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# What files say


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_experiment_file_loads_at_every_profile(path):
    experiment = read_experiment(path)
    assert experiment.name == path.stem
    assert set(experiment.profiles) == set(PROFILES)
    # Two show pictures and test nothing.
    assert experiment.claims or experiment.name in {"explorer", "trainable_depth"}
    with installed(experiment.supplied):
        check_names(experiment, METRICS, FIGURES)
        for profile in PROFILES:
            check_recipes(experiment, profile)
    for figure in experiment.figures:
        assert set(FIGURES[figure].probes) <= set(experiment.probes)


def test_experiment_names_and_claims_are_unique():
    experiments = [read_experiment(path) for path in FILES]
    assert len(FILES) >= 3
    assert len({e.name for e in experiments}) == len(FILES)
    claims = [claim for e in experiments for claim in e.claims]
    assert len(set(claims)) == len(claims)


def test_the_example_of_the_design_loads_verbatim(tmp_path):
    experiment = read_experiment(written(tmp_path, EXAMPLE))
    check_names(experiment, METRICS, FIGURES)
    for profile in PROFILES:
        check_recipes(experiment, profile)
    design = experiment.at("quick")
    assert design.datasets == ("digits", "mnist5k", "mnist1d")
    assert len(list(design.contenders())) == 3 * 3 * 2
    assert (design.seeds, design.hold["epochs"]) == (2, (5,))
    assert design.tune.space["learning_rate"].log == (1e-4, 1.0)
    assert (design.tune.budget.trials, design.tune.seeds) == (16, 3)
    assert experiment.at("full").vary["depth"] == (2, 4, 8, 16, 32)
    assert experiment.claims["initialization"].where == {"depth": (16,)}


def test_yaml_text_and_python_values_give_the_same_experiment(tmp_path):
    path = written(tmp_path, TEXT)
    experiment = read_experiment(path)
    assert experiment == build_experiment("x", CONTENT, str(path))
    for profile in PROFILES:
        twin = build_experiment("x", CONTENT)
        assert twin.registered_hash(profile) == experiment.registered_hash(profile)


def test_recipes_of_contenders():
    experiment = build_experiment("x", CONTENT)
    design = experiment.at("full")
    assert list(design.factors()) == ["activation", "depth", "penalty"]
    contenders = list(design.contenders())
    assert len(contenders) == 2 * 3 * 2
    assert contenders[-1] == {"activation": "tanh", "depth": 8, "penalty": "strong"}
    assert design.recipe(contenders[-1]) == {
        "activation": "tanh",
        "depth": 8,
        "regularizers": "l2=0.1",
        "network": "dense",
        "width": 16,
        "epochs": 4,
    }
    assert experiment.at("quick").tune.budget.trials == 2


def test_a_profile_gives_other_levels_and_values():
    content = changed(("profiles/quick/dataset", "wine"), ("profiles/quick/gain", 2))
    design = build_experiment("x", content).at("quick")
    assert design.datasets == ("wine",)
    assert design.hold["gain"] == (2.0,)
    assert design.vary["depth"] == (1, 4)


@pytest.mark.parametrize("strength", [0.3, 1.0, 1e-7, 0.123456789012, 1 / 3])
def test_strengths_keep_every_digit(strength):
    content = changed(("vary/penalty", REMOVED), ("hold/regularizers", {"l1": strength}))
    (text,) = build_experiment("x", content).hold["regularizers"]
    assert regularizer_pairs(text) == (("l1", strength),)


# What is fixed beforehand

REGISTERED = [
    ("claims/activations/margin", 0.03),
    ("claims/activations/metric", "test_loss"),
    ("claims/activations/choose", "validation"),
    ("claims/activations/where", {"depth": 1}),
    ("claims/depth/parts/1/direction", "rises"),
    ("claims/activations", REMOVED),
    ("vary/depth", [1, 4, 8, 9]),
    ("vary/penalty/strong", {"regularizers": {"l2": 0.2}}),
    ("hold/width", 17),
    ("hold/dataset", ["digits"]),
    ("profiles/standard/seeds", 4),
    ("profiles/standard/gain", 2),
    ("tune/budget/trials", 4),
    ("tune/learning_rate/log", [0.001, 0.2]),
    ("tune/seeds", 2),
]
FREE = [
    ("question", "Another?"),
    ("claims/activations/says", "Otherwise."),
    ("figures", []),
    ("probes", []),
    ("profiles/quick/seeds", 9),
    ("profiles/full", REMOVED),
]


def registered(*changes):
    return build_experiment("x", changed(*changes)).registered_hash("standard")


@pytest.mark.parametrize("change", REGISTERED, ids=lambda change: change[0])
def test_the_hash_knows_what_is_registered(change):
    assert registered(change) != registered()


@pytest.mark.parametrize("change", FREE, ids=lambda change: change[0])
def test_the_hash_does_not_know_what_is_free(change):
    assert registered(change) == registered()


def test_the_hash_of_one_claim_does_not_know_the_others():
    first = build_experiment("x", CONTENT)
    second = build_experiment("x", changed(("claims/depth/parts/0/margin", 0.5)))
    hashes = [
        [e.registered_hash("full", c) for c in ("activations", "depth")] for e in (first, second)
    ]
    assert hashes[0][0] == hashes[1][0]
    assert hashes[0][1] != hashes[1][1]
    assert len({first.registered_hash(profile) for profile in PROFILES}) == 3


# Values are frozen


def test_nothing_inside_an_experiment_can_be_changed():
    content = changed()
    experiment = build_experiment("x", content)
    before = experiment.model_dump_json()
    content["vary"]["depth"].append(99)
    content["claims"]["activations"]["where"]["depth"] = 1
    content["vary"]["penalty"]["strong"]["regularizers"] = "none"
    assert experiment.model_dump_json() == before
    claim = experiment.claims["activations"]
    design = experiment.at("quick")
    for mapping in (
        *(experiment.vary, experiment.hold, experiment.variants, experiment.variants["penalty"]),
        *(experiment.variants["penalty"]["strong"], experiment.profiles, experiment.claims),
        *(experiment.profiles["quick"].levels, claim.where, claim.better, design.vary, design.hold),
    ):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["depth"] = (3,)
    for owner, name in [(experiment, "vary"), (claim, "margin"), (design, "seeds")]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(owner, name, {})


def test_defaults_are_frozen_too():
    experiment = build_experiment("x", changed(("claims", REMOVED), ("vary/penalty", REMOVED)))
    for mapping in (experiment.claims, experiment.variants, experiment.profiles["standard"].levels):
        assert mapping == {}
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["depth"] = (3,)
