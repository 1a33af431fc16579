"""Experiment files: what they can say, what is refused and in which words, and what is hashed."""

import copy
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from suite.errors import InputError
from suite.experiment import KEYS, PROFILES, regularizer_pairs
from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.planning import NAMES, check_names, check_recipes
from suite.reading import build_experiment, read_experiment, read_settings, with_settings

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
        if value is REMOVED:
            del node[last]
        else:
            node[last] = value
    return content


def checked(content):
    """Build an experiment and check all that is checked before anything is trained."""
    experiment = build_experiment("x", content, "x.yaml")
    check_names(experiment, METRICS, FIGURES)
    for profile in experiment.profiles:
        check_recipes(experiment, profile)
    return experiment


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def write(content):
        path = tmp_path / "x.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


# What files say


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_experiment_file_loads_at_every_profile(path):
    experiment = read_experiment(path)
    assert experiment.name == path.stem
    assert set(experiment.profiles) == set(PROFILES)
    assert experiment.claims
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


def test_the_example_of_the_design_loads_verbatim(write):
    experiment = read_experiment(write(EXAMPLE))
    check_names(experiment, METRICS, FIGURES)
    for profile in PROFILES:
        check_recipes(experiment, profile)
    design = experiment.at("quick")
    assert design.datasets == ("digits", "mnist5k", "mnist1d")
    assert len(list(design.contenders())) == 3 * 3 * 2
    assert (design.seeds, design.hold["epochs"]) == (2, (5,))
    assert design.tune.learning_rate.log == (1e-4, 1.0)
    assert (design.tune.budget.trials, design.tune.seeds) == (16, 3)
    assert experiment.at("full").vary["depth"] == (2, 4, 8, 16, 32)
    assert experiment.claims["initialization"].where == {"depth": (16,)}


def test_yaml_text_and_python_values_give_the_same_experiment(write):
    path = write(TEXT)
    experiment = read_experiment(path)
    assert experiment == build_experiment("x", CONTENT, str(path))
    for profile in PROFILES:
        twin = build_experiment("x", CONTENT)
        assert twin.registered_hash(profile) == experiment.registered_hash(profile)


def test_recipes_of_contenders():
    experiment = checked(CONTENT)
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


# YAML's traps


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("gain: 1e-3", 0.001),
        ("gain: .5", 0.5),
        ("gain: 2", 2.0),
        ("batch_size: 010", 10),
        ("batch_size: 1_000", 1000),
        ("batch_size: '32'", 32),
        ("samples: null", None),
        ("samples: ~", None),
        ("samples: 100", 100),
    ],
)
def test_numbers_mean_what_a_reader_takes_them_for(write, written, value):
    experiment = read_experiment(write(TEXT.replace("width: 016", f"width: 16, {written}")))
    (read,) = experiment.hold[written.partition(":")[0]]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("width: no", "hold.width: needs a whole number, not 'no'"),
        ("width: 16.5", "hold.width: needs a whole number, not '16.5'"),
        ("width: 1e2", "hold.width: needs a whole number, not '1e2'"),
        ("width: 0x10", "hold.width: needs a whole number, not '0x10'"),
        ("width: 1:30", "hold.width: needs a whole number, not '1:30'"),
        ("width: true", "hold.width: needs a whole number, not 'true'"),
        ("width:", "hold.width: needs a whole number, not ''"),
        ("gain: off", "hold.gain: needs a number, not 'off'"),
        ("gain: .inf", "hold.gain: needs a number, not '.inf'"),
        ("activation: off", "hold.activation: 'activation' is given by vary.activation too"),
        ("initializer: off", "hold.initializer: unknown initializer 'off'"),
        ("initializer: null", "hold.initializer: unknown initializer 'null'"),
    ],
)
def test_yaml_words_stay_text(write, written, problem):
    with pytest.raises(InputError, match="^.*/x.yaml: ") as caught:
        check_names(read_experiment(write(TEXT.replace("width: 016", written))), METRICS, FIGURES)
    assert problem in str(caught.value)


UNREADABLE = {
    "nothing": ("", "is not a mapping of keys to values\nstart with 'question:'"),
    "comment": ("# nothing\n", "is not a mapping"),
    "list": ("- question\n- vary\n", "is not a mapping"),
    "word": ("question\n", "is not a mapping"),
    "key twice": (TEXT + "question: Again?\n", "line 25: 'question' stands twice"),
    "inner key twice": ("question: q\nvary:\n  depth: 1\n  depth: 2\n", "line 4: 'depth' stands"),
    "tab": ("question: q\nvary:\n\tdepth: 1\n", "line 3: found character '\\t'"),
    "open bracket": ("question: q\nvary: [1,\n", "line 3: "),
    "colon": ("question: is it: so\n", "line 1: mapping values are not allowed here"),
    "second document": (TEXT + "---\n" + TEXT, "line 25: "),
    "own list": ("question: &a [*a]\n", "line 1: found unconstructable recursive node"),
    "own mapping": ("question: &a {b: *a}\n", "line 1: found unconstructable recursive node"),
    "unknown alias": ("question: *a\n", "line 1: found undefined alias 'a'"),
    "merge": (TEXT + "<<: {question: q}\n", "unknown key '<<'"),
    "list as key": ("? [a, b]\n: c\n", "line 1: found unhashable key"),
    "bell": ("question: \a\n", "special characters are not allowed"),
    "deep lists": ("question: " + "[" * 3000, "is nested too deeply"),
    "deep mappings": ("question: " + "{a: " * 3000, "is nested too deeply"),
    "latin-1": ("question: Über".encode("latin-1"), "is not UTF-8 text"),
    "utf-16": (TEXT.encode("utf-16"), "is not UTF-8 text"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_say_where(write, name):
    content, problem = UNREADABLE[name]
    with pytest.raises(InputError) as caught:
        read_experiment(write(content))
    text = str(caught.value)
    assert problem in text
    assert "x.yaml: " in text.splitlines()[0]
    assert len(text.splitlines()) <= 3
    assert len(text) < 1000


# Ten times ten times …: 10^30 items, were they written out.
BOMB = f"[&a0 [x], {', '.join(f'&a{i} [{", ".join([f"*a{i - 1}"] * 10)}]' for i in range(1, 30))}]"


@pytest.mark.parametrize(
    "spot",
    [
        *("[accuracy_by_depth]", "ReLU beats tanh.", "2e-2", "test_accuracy", "[tanh]", "relu}"),
        *("depth: 4", "[1, 4]", "{trials: 3}", "[delta_norm]", "016", "[1, 4, 8]", "1e-1", "[1e-3"),
        *("{regularizers: {}}", "[relu, tanh]", "Does a rectifier beat the hyperbolic tangent?"),
    ],
)
def test_a_list_that_explodes_when_written_out_is_refused_at_once(write, spot):
    key, colon, _ = spot.rpartition(": ")
    planted = TEXT.replace(spot, f"{key}{colon}{BOMB}" + "}" * spot.count("}", -1), 1)
    with pytest.raises(InputError) as caught:
        read_experiment(write(planted))
    assert len(str(caught.value)) < 500


def test_what_is_no_file_says_so(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_experiment(tmp_path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_experiment(tmp_path / "missing.yaml")


@pytest.mark.parametrize("content", ["\ufeff" + TEXT, TEXT.replace("\n", "\r\n")])
def test_editors_marks_do_no_harm(write, content):
    assert read_experiment(write(content)).question == CONTENT["question"]


# What is refused

BOTH = {"says": "Both.", "kind": "both"}
RISES = {"metric": "test_loss", "along": "depth", "margin": 0.1}
TREND = {"says": "It rises.", "kind": "trend", **RISES}
MIX = "vary/mix"
FIELDS = "known: activation, batch_size, dataset"
ACTIVATIONS = "known: identity, relu, sigmoid, tanh"

# What is changed, and what the first line must say; a second line is checked where it is given.
REFUSED = [
    # Names
    (("qestion", "?"), "unknown key 'qestion'; did you mean 'question'?\nknown: claims, figures"),
    (("name", "y"), "unknown key 'name'"),
    (("hold/widht", 3), f"hold.widht: unknown field 'widht'; did you mean 'width'?\n{FIELDS}"),
    (("hold/seed", 3), f"hold.seed: unknown field 'seed'\n{FIELDS}"),
    (("vary/gian", [1, 2]), "vary.gian: unknown field 'gian'; did you mean 'gain'?"),
    (
        ("vary/activation/0", "rleu"),
        "'relu' is not a level in profile 'quick' (levels: rleu, tanh)",
    ),
    (("vary/activation", ["relu", "tanh", "sigmod"]), "did you mean 'sigmoid'?\n" + ACTIVATIONS),
    (("hold/dataset", ["wine", "digts"]), "hold.dataset: unknown data set 'digts'; did you mean"),
    (("hold/network", "dens"), "hold.network: unknown network 'dens'; did you mean 'dense'?"),
    (("hold/loss", "crossentropy"), "unknown loss 'crossentropy'; did you mean 'cross_entropy'?"),
    (("hold/optimizer", "adamm"), "unknown optimizer 'adamm'; did you mean 'adam'?"),
    (("hold/initializer", "xaiver"), "unknown initializer 'xaiver'; did you mean 'xavier'?"),
    (("probes", ["delta"]), "probes: unknown probe 'delta'; did you mean 'delta_norm'?"),
    (("figures", ["accuracy_by_dept"]), "did you mean 'accuracy_by_depth'?\nknown: accuracy"),
    (("claims/activations/metric", "test_acuracy"), "claims.activations.metric: unknown metric"),
    (("claims/depth/parts/1/metric", "los"), "claims.depth.parts.1.metric: unknown metric 'los'"),
    (
        ("profiles/standrd", {"seeds": 1}),
        "profiles: unknown profile 'standrd'; did you mean 'standa",
    ),
    (
        ("profiles/quick/epoch", 1),
        "profiles.quick.epoch: unknown field 'epoch'; did you mean 'epochs",
    ),
    (
        ("profiles/quick/penalty", "strng"),
        "profiles.quick.penalty: unknown variant 'strng'; did you",
    ),
    (("profiles/quick/gain", ["x"]), "profiles.quick.gain: needs a number, not 'x'"),
    (
        ("claims/activations/margn", 1),
        "claims.activations: unknown key 'margn'; did you mean 'margin",
    ),
    (
        ("claims/depth/parts/0/alon", 1),
        "claims.depth.parts.0: unknown key 'alon'; did you mean 'along",
    ),
    (("tune/sedes", 1), "tune: unknown key 'sedes'; did you mean 'seeds'?\nknown: budget, learn"),
    (("tune/budget", {"trails": 3}), "tune.budget: unknown key 'trails'; did you mean 'trials'?"),
    (
        ("tune/learning_rate", {"lgo": [0.1, 1]}),
        "tune.learning_rate: unknown key 'lgo'; did you mean",
    ),
    # Types and ranges
    (("vary/depth", [-1, 2]), "vary.depth: depth must be at least 0 and at most 1000, not -1"),
    (("vary/depth", "deep"), "vary.depth: needs a whole number, not 'deep'"),
    (("vary/depth", {"a": 1}), "vary.depth: needs a whole number, not {'a': 1}"),
    (("vary/depth", [[1], 2]), "vary.depth: needs a whole number, not [1]"),
    (("hold/epochs", 0), "hold.epochs: epochs must be at least 1"),
    (("hold/epochs", True), "hold.epochs: needs a whole number, not True"),
    (("hold/epochs", None), "hold.epochs: needs a whole number, not None"),
    (("hold/gain", "nan"), "hold.gain: needs a finite number, not 'nan'"),
    (("hold/momentum", 1.5), "hold.momentum: momentum must be at least 0 and at most 1, not 1.5"),
    (("hold/label_noise", 2), "hold.label_noise: label_noise must be at least 0 and at most 1"),
    (("hold/network", 3), "hold.network: needs text, not 3"),
    (("tune/learning_rate/log", [0.1, 0.01]), "tune.learning_rate: log needs [low, high] with 0 <"),
    (("tune/learning_rate/log", [0, 0.01]), "tune.learning_rate: log needs [low, high] with 0 <"),
    (("tune/learning_rate/log", [0.1]), "tune.learning_rate.log.1: is missing"),
    (("tune/learning_rate/log", [1, 2, 3]), "tune.learning_rate.log: has more than 2 values"),
    (("tune/learning_rate/log", ["nan", 1]), "tune.learning_rate.log.0: needs a finite number"),
    (("tune/learning_rate/log", [0.1, "inf"]), "tune.learning_rate.log.1: needs a finite number"),
    (("tune/learning_rate", 0.1), "tune.learning_rate: needs a mapping of keys to values, not 0.1"),
    (("tune/budget/trials", 1), "tune.budget.trials: must be at least 2, not 1"),
    (("tune/seeds", 0), "tune.seeds: must be at least 1, not 0"),
    (
        ("tune/metric", "test_loss"),
        "tune.metric: must be 'validation_loss' or 'validation_accuracy'",
    ),
    (("tune", "yes"), "tune: needs a mapping of keys to values, not 'yes'"),
    (("profiles/quick/seeds", 0), "profiles.quick.seeds: must be at least 1, not 0"),
    (("profiles/quick/seeds", "few"), "profiles.quick.seeds: needs a whole number, not 'few'"),
    (("figures", "accuracy_by_depth"), "figures: needs a list, not 'accuracy_by_depth'"),
    (("claims", []), "claims: needs a mapping of keys to values, not []"),
    (("claims/activations", "ReLU wins"), "claims.activations: needs a mapping of keys to values"),
    (("claims/activations/better", "relu"), "claims.activations.better: needs a mapping of keys"),
    (
        ("claims/activations/where/depth", "x"),
        "claims.activations.where: depth: needs a whole numb",
    ),
    (("claims/activations/where/penalty", [[]]), "claims.activations.where: penalty: needs a name"),
    (
        ("claims/activations/kind", "trends"),
        "claims.activations.kind: must be 'contrast', 'equal', ",
    ),
    (("claims/activations/choose", "test"), "must be 'mean' or 'validation', not 'test'"),
    (("claims/activations/margin", "inf"), "claims.activations.margin: needs a finite number"),
    (("claims/activations/margin", "big"), "claims.activations.margin: needs a number, not 'big'"),
    # What is missing or empty
    (("question", REMOVED), "question: is missing"),
    (("question", ""), "question: is empty"),
    (("vary", {}), "vary: needs a mapping that is not empty"),
    (("hold", REMOVED), "hold: is missing"),
    (("profiles", {}), "profiles: needs a mapping that is not empty"),
    (("profiles/quick", {}), "profiles.quick: needs a mapping that is not empty"),
    (("profiles/quick", {"depth": 1}), "profiles.quick.seeds: is missing"),
    (("vary/depth", []), "vary.depth: is an empty list\ngive at least one value"),
    (("profiles/quick/depth", []), "profiles.quick.depth: is an empty list"),
    (("profiles/quick/penalty", []), "profiles.quick.penalty: is an empty list"),
    (("hold/dataset", []), "hold.dataset: is an empty list"),
    (("hold/dataset", REMOVED), "hold.dataset: name one or more data sets"),
    (("vary/penalty", {}), "vary.penalty: needs a mapping that is not empty"),
    (("tune", REMOVED), "learning_rate: tune it, vary it or hold it; there is no default"),
    (("tune/budget", REMOVED), "tune.budget: is missing"),
    (("claims/activations/metric", REMOVED), "claims.activations: 'metric' is missing"),
    (("claims/activations/margin", REMOVED), "claims.activations: needs a 'margin' above 0"),
    (("claims/activations/margin", 0), "claims.activations: needs a 'margin' above 0"),
    (("claims/activations/margin", -1), "claims.activations: needs a 'margin' above 0"),
    (("claims/depth/parts/0/margin", 0), "claims.depth.parts.0.margin: must be more than 0, not 0"),
    (("claims/activations/says", REMOVED), "claims.activations.says: is missing"),
    (("claims/activations/better", REMOVED), "claims.activations: kind 'contrast' needs 'better'"),
    (("claims/activations/better", {}), "claims.activations: kind 'contrast' needs 'better'"),
    (("claims/activations/better/activation", []), "better: activation: is an empty list"),
    # What does not fit together
    (("vary/depth", [1, 4, 1]), "vary.depth: has 1 twice"),
    (("vary/gain", [1, 1.0]), "vary.gain: has 1.0 twice"),
    (("profiles/quick/penalty", ["none", "none"]), "profiles.quick.penalty: has 'none' twice"),
    (("hold/depth", 3), "hold.depth: 'depth' is given by vary.depth too"),
    (("hold/gain", [1, 2]), "hold.gain: one value is held; move several to vary"),
    (("profiles/quick/gain", [1, 2]), "profiles.quick.gain: is not varied; give one value"),
    (("hold/learning_rate", 0.1), "tune.learning_rate: is given by hold.learning_rate too"),
    (("profiles/full/learning_rate", 0.1), "is given by profiles.full.learning_rate too"),
    (("hold/parameters", 5000), "hold.width: the width follows from the parameters; remove one"),
    ((MIX, {"a": {"depth": 1}, "b": {}}), "vary.mix: 'depth' is given by vary.depth too"),
    ((MIX, {"a": {"width": 1}, "b": {}}), "vary.mix: 'width' is given by hold.width too"),
    (
        (MIX, {"a": {"regularizers": "none"}}),
        "vary.mix: 'regularizers' is given by vary.penalty too",
    ),
    ((MIX, {"a": {"widht": 1}}), "vary.mix.a: unknown field 'widht'; did you mean 'width'?"),
    ((MIX, {"a": {"initializer": "hee"}}), "vary.mix.a.initializer: unknown initializer 'hee'"),
    ((MIX, {"a": 1}), "vary.mix.a: needs a mapping of fields to values, not 1"),
    (("vary/seeds", {"a": {"gain": 1}}), "vary.seeds: is a name of the suite's own"),
    (("vary/split", {"a": {"gain": 1}}), "vary.split: is a name of the suite's own"),
    # Claims about what does not vary
    (
        ("claims/activations/where", {"dpth": 4}),
        "where: 'dpth' does not vary in this experiment (var",
    ),
    (
        ("claims/activations/where", {"width": 16}),
        "'width' does not vary in this experiment (varying",
    ),
    (
        ("claims/activations/where", {"depth": 5}),
        "5 is not a level in profile 'quick' (levels: 1, 4)",
    ),
    (("claims/activations/where", {"dataset": "xor"}), "'xor' is not a level in profile 'quick'"),
    (
        ("claims/activations/better", {"activation": "rleu"}),
        "(levels: relu, tanh); did you mean 'relu",
    ),
    (("profiles/standard/depth", [1, 8]), "4 is not a level in profile 'standard' (levels: 1, 8)"),
    (
        ("profiles/quick/activation", "tanh"),
        "'relu' is not a level in profile 'quick' (levels: tanh",
    ),
    (
        ("claims/t", TREND | {"along": "dpeth"}),
        "claims.t.along: 'dpeth' does not vary in this exper",
    ),
    (
        ("claims/t", TREND | {"along": "width"}),
        "claims.t.along: 'width' does not vary in this exper",
    ),
    (
        ("claims/t", TREND | {"along": "activation"}),
        "a log2 trend needs levels of 'activation' that",
    ),
    (
        ("claims/t", TREND | {"where": {"depth": 4}}),
        "claims.t.along: 'depth' has one level in profile",
    ),
    (
        ("profiles/full/depth", [4]),
        "claims.depth.parts.0.along: 'depth' has one level in profile 'fu",
    ),
    (
        ("claims/t", {**TREND, "along": REMOVED} | {"along": None}),
        "claims.t: kind 'trend' needs 'along",
    ),
    (("claims/activations/along", "depth"), "claims.activations: 'along' belongs to kind 'trend'"),
    (("claims/activations/parts", [RISES]), "claims.activations: only kind 'both' has 'parts'"),
    (("claims/b", BOTH | {"parts": [RISES]}), "claims.b: kind 'both' needs 'parts', two or more"),
    (
        ("claims/b", BOTH | {"parts": [RISES] * 2, "where": {"depth": 4}}),
        "'where' belongs into the",
    ),
    # What no data set or network can meet
    (
        ("hold/samples", 10**5),
        "samples: data set 'digits' cannot give 100000 training samples\nall",
    ),
    (("hold/samples", 143), "data set 'wine' cannot give 143 training samples\nallowed: 1 to 142"),
]


@pytest.mark.parametrize(
    ("change", "problem"), REFUSED, ids=[f"{c[0]}={c[1]!r}"[:50] for c, _ in REFUSED]
)
def test_bad_input_is_told_in_three_lines(change, problem):
    with pytest.raises(InputError) as caught:
        checked(changed(change))
    text = str(caught.value)
    assert text.startswith("x.yaml")
    assert len(text.splitlines()) <= 3
    assert problem in text
    assert "Input should" not in text


NO_PENALTY = (("vary/penalty", REMOVED),)
REGRESSION = (("hold/dataset", "diabetes"),)
REFUSED_TOGETHER = [
    (
        (*NO_PENALTY, ("hold/regularizers", {"dropout": 1.5})),
        "hold.regularizers: dropout is at most",
    ),
    (
        (*NO_PENALTY, ("hold/regularizers", {"dropuot": 0.5})),
        "did you mean 'dropout'?\nknown: dropo",
    ),
    ((*NO_PENALTY, ("hold/regularizers", {"l2": -1})), "hold.regularizers: l2 must be at least 0"),
    ((*NO_PENALTY, ("hold/regularizers", {"l2": "inf"})), "l2 needs a finite number, not 'inf'"),
    ((*NO_PENALTY, ("hold/regularizers", {"l2": None})), "l2 needs a number, not None"),
    ((*NO_PENALTY, ("hold/regularizers", {"l1,l2": 1})), "hold.regularizers: 'l1,l2' is no name"),
    (
        (*NO_PENALTY, ("hold/regularizers", "dropout")),
        "needs a mapping such as {dropout: 0.3}, or n",
    ),
    ((*NO_PENALTY, ("hold/regularizers", "dropout=0.1,l2")), "l2 needs a number, not ''"),
    (
        (*REGRESSION, ("hold/loss", "cross_entropy")),
        "cross_entropy does not suit diabetes, a regres",
    ),
    (
        (*REGRESSION, ("hold/label_noise", 0.1)),
        "data set 'diabetes' has no class labels, so they ca",
    ),
    (
        (*REGRESSION, ("tune/metric", "validation_accuracy")),
        "tune.metric: diabetes has no accuracy",
    ),
    (
        (("hold/width", REMOVED), ("hold/parameters", 40)),
        "parameters: 40 are too few; depth 1 needs",
    ),
    (
        (("tune", REMOVED), ("hold/learning_rate", "inf")),
        "hold.learning_rate: needs a finite number",
    ),
    (
        (("tune", REMOVED), ("hold/learning_rate", "nan")),
        "hold.learning_rate: needs a finite number",
    ),
    ((("tune", REMOVED), ("hold/learning_rate", 0)), "learning_rate must be more than 0, not 0"),
    ((("tune", REMOVED), ("hold/learning_rate", 1)), "profiles.quick.trials: nothing is tuned"),
    (
        (
            ("tune", REMOVED),
            ("profiles/quick/trials", REMOVED),
            (MIX, {"a": {"learning_rate": 1}, "b": {}}),
        ),
        "learning_rate: tune it, vary it or hold it; there is no default",
    ),
]


@pytest.mark.parametrize(("changes", "problem"), REFUSED_TOGETHER)
def test_values_that_do_not_go_together_are_told(changes, problem):
    with pytest.raises(InputError) as caught:
        checked(changed(*changes))
    assert str(caught.value).startswith("x.yaml")
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_settings_replace_values_and_leave_claims_out():
    experiment = checked(CONTENT)
    values = read_settings(["epochs=7", "depth=[2, 3]", "seeds=1", "penalty=none", "samples=null"])
    design = with_settings(experiment, "quick", values)
    assert not design.claims
    design = design.at("quick")
    assert (design.hold["epochs"], design.vary["depth"], design.seeds) == ((7,), (2, 3), 1)
    assert (design.vary["penalty"], design.hold["samples"]) == (("none",), (None,))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epochs", "--set epochs: is not KEY=VALUE\nsuch as --set epochs=5"),
        ("epochs=[", "--set epochs=[: is not YAML: line 1"),
        ("epochs=0", "epochs must be at least 1"),
        ("epchs=1", "unknown field 'epchs'; did you mean 'epochs'?"),
        ("learning_rate=1", "tune.learning_rate: is given by profiles.quick.learning_rate too"),
        ("gain=[1, 2]", "is not varied; give one value"),
    ],
)
def test_bad_settings_are_told(text, problem):
    with pytest.raises(InputError) as caught:
        with_settings(checked(CONTENT), "quick", read_settings([text]))
    assert problem in str(caught.value)


def test_settings_at_a_profile_that_is_not_there():
    experiment = checked(changed(("profiles/full", REMOVED)))
    with pytest.raises(InputError, match="unknown profile 'full'\nknown: quick, standard"):
        with_settings(experiment, "full", {"epochs": 1})


# Whatever a mapping holds

KNOWN = [*KEYS, *CONTENT, *CONTENT["claims"]["activations"], *PROFILES, "seeds", "trials", "log"]
KNOWN += [name for _, names in NAMES.values() for name in names] + [
    "both",
    "trend",
    "none",
    "along",
]
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=4))
NUMBERS = st.one_of(st.integers(-2, 70), st.floats(), st.integers())
LEAVES = st.one_of(WORDS, WORDS, NUMBERS, NUMBERS.map(str), st.none(), st.booleans())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(WORDS, st.integers(0, 3)), inner, max_size=4),
    ),
    max_leaves=12,
)


def places(node, path=()):
    """Every place in a nested mapping."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        yield "/".join([*path, str(key)])
        if isinstance(value, dict | list):
            yield from places(value, (*path, str(key)))


def assert_refused_kindly(content):
    try:
        checked(content)
    except InputError as error:
        assert len(str(error).splitlines()) <= 3
        assert len(str(error)) < 2000


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(WORDS, VALUES, max_size=8))
@example({"question": "?", "vary": {"depth": [1]}, "hold": {"": 0}, "profiles": {"quick": {}}})
def test_any_mapping_is_built_or_refused(content):
    assert_refused_kindly(content)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(list(places(CONTENT))), VALUES), min_size=1, max_size=2))
def test_any_change_of_a_good_mapping_is_built_or_refused(changes):
    try:
        content = changed(*changes)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return  # the first change took the second one's place away
    assert_refused_kindly(content)


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
