"""Reading: what YAML means, and in which words bad input is refused."""

import copy

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from suite.errors import InputError
from suite.experiment import KEYS, PROFILES
from suite.figures.catalogue import FIGURES
from suite.metrics import METRICS
from suite.planning import NAMES, check_names, check_recipes
from suite.reading import build_experiment, read_experiment, read_settings, with_settings

TEXT = """\
question: Does a rectifier beat the hyperbolic tangent?
vary:
  activation: [relu, tanh]
  depth: [1, 4, 8]
  penalty:
    none: {regularizers: none}
    strong: {regularizers: {l2: 0.1}}
hold: {dataset: [digits, wine], network: dense, width: 16, epochs: 2}
tune: {learning_rate: {log: [0.001, 0.1]}, budget: {trials: 3}}
probes: [delta_norm]
profiles:
  quick: {seeds: 2, depth: [1, 4], trials: 2}
  standard: {seeds: 3}
  full: {seeds: 5, epochs: 4}
claims:
  relu:
    says: ReLU beats tanh.
    metric: test_accuracy
    better: {activation: relu}
    worse: {activation: tanh}
    where: {depth: 4}
    margin: 0.02
  both:
    says: Deeper networks overfit more.
    kind: both
    parts:
      - {metric: generalization_gap, along: depth, margin: 0.01}
      - {metric: test_loss, along: depth, margin: 0.1, direction: rises}
  slope: {says: It rises., kind: trend, metric: test_loss, along: depth, margin: 0.1}
figures: [accuracy_by_depth]
"""
CONTENT = yaml.safe_load(TEXT)
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
    experiment = read_experiment(write(TEXT.replace("width: 16", f"width: 16, {written}")))
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
    with pytest.raises(InputError, match=r"^.*/x\.yaml: ") as caught:
        check_names(read_experiment(write(TEXT.replace("width: 16", written))), METRICS, FIGURES)
    assert problem in str(caught.value)


# 10^30 items, were they written out.
LAUGHS = "[&a0 [x], " + ", ".join(f"&a{i} [{f'*a{i - 1}, ' * 10}]" for i in range(1, 30)) + "]"
UNREADABLE = {
    "nothing": ("", "is not a mapping of keys to values\nstart with 'question:'"),
    "comment": ("# nothing\n", "is not a mapping"),
    "list": ("- question\n- vary\n", "is not a mapping"),
    "word": ("question\n", "is not a mapping"),
    "key twice": (TEXT + "question: Again?\n", "line 31: 'question' stands twice"),
    "inner key twice": ("question: q\nvary:\n  depth: 1\n  depth: 2\n", "line 4: 'depth' stands"),
    "tab": ("question: q\nvary:\n\tdepth: 1\n", "line 3: found character '\\t'"),
    "open bracket": ("question: q\nvary: [1,\n", "line 3: "),
    "colon": ("question: is it: so\n", "line 1: mapping values are not allowed here"),
    "second document": (TEXT + "---\n" + TEXT, "line 31: "),
    "own list": ("question: &a [*a]\n", "line 1: aliases (*name) are not allowed here"),
    "own mapping": ("question: &a {b: *a}\n", "line 1: aliases (*name) are not allowed here"),
    "alias": ("question: &a q\nvary: *a\n", "line 2: aliases (*name) are not allowed here"),
    "billion laughs": (f"question: {LAUGHS}\n", "line 1: aliases (*name) are not allowed here"),
    "merge": (TEXT + "<<: {question: q}\n", "unknown key '<<'"),
    "list as key": ("? [a, b]\n: c\n", "line 1: found unhashable key"),
    "bell": ("question: \a\n", "special characters are not allowed"),
    "deep lists": ("question: " + "[" * 800, "is nested too deeply"),
    "deep mappings": ("question: " + "{a: " * 800, "is nested too deeply"),
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


def test_what_is_no_file_says_so(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_experiment(tmp_path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_experiment(tmp_path / "missing.yaml")


@pytest.mark.parametrize("content", ["\ufeff" + TEXT, TEXT.replace("\n", "\r\n")])
def test_editors_marks_do_no_harm(write, content):
    assert read_experiment(write(content)).question == CONTENT["question"]


# What is refused

# Changes of the text above, each 'place = value' (no value: the place is taken away), and words
# that the message must have; " | " stands for the end of its first line.
REFUSED = """
## Names, with the nearest spelling
questionn = ? => unknown key 'questionn'; did you mean 'question'? | known: amended, claims, figures
name = y => unknown key 'name' | known: amended, claims, figures
hold/wdth = 3 => hold.wdth: unknown field 'wdth'; did you mean 'width'? | known: activation, batch
hold/seed = 3 => hold.seed: unknown field 'seed' | known: activation, batch_size, budget, dataset
vary/gian = [1, 2] => vary.gian: unknown field 'gian'; did you mean 'gain'? | known: activation
vary/activation = [relu, tanh, sigmod] => did you mean 'sigmoid'? | known: elu, gelu, hardtanh, identity
vary/activation = [rleu, tanh] => 'relu' is not a level in profile 'quick' (levels: rleu, tanh)
vary/mix = {a: {wdth: 1}} => vary.mix.a: unknown field 'wdth'; did you mean 'width'? | known: act
vary/mix = {a: {initializer: hee}} => vary.mix.a.initializer: unknown initializer 'hee'; did you
hold/dataset = [wine, digts] => hold.dataset: unknown data set 'digts'; did you mean 'digits'? | known
hold/network = dens => hold.network: unknown network 'dens'; did you mean 'dense'? | known: by_shape, convolutional, decision_tree
hold/loss = crossentropy => unknown loss 'crossentropy'; did you mean 'cross_entropy'? | known: absolute, cross
hold/optimizer = adamm => unknown optimizer 'adamm'; did you mean 'adam'? | known: adagrad, adam, adamw, mom
hold/initializer = xaiver => unknown initializer 'xaiver'; did you mean 'xavier'? | known: constant, he, he_
probes = [delta] => probes: unknown probe 'delta'; did you mean 'delta_norm'? | known: activation_histogram
figures = [accuracy_by_dept] => did you mean 'accuracy_by_depth'? | known: accuracy_against_cost
tune/sedes = 1 => tune: unknown key 'sedes'; did you mean 'seeds'? | known: activation, batch_size, budget
tune/budget = {trails: 3} => tune.budget: unknown key 'trails'; did you mean 'trials'? | known: epochs, trials
tune/learning_rate = {lgo: [1, 2]} => tune.learning_rate: unknown key 'lgo'; did you mean 'log'? | k
profiles/standdard = {seeds: 1} => profiles: unknown profile 'standdard'; did you mean 'standard'? | known
profiles/quick/epoch = 1 => profiles.quick.epoch: unknown field 'epoch'; did you mean 'epochs'? | know
profiles/quick/penalty = strongg => profiles.quick.penalty: unknown variant 'strongg'; did you mean 'strong
claims/relu/margn = 1 => claims.relu: unknown key 'margn'; did you mean 'margin'? | known: along
claims/relu/metric = test_acuracy => claims.relu.metric: unknown metric 'test_acuracy'; did you mean 'te
claims/both/parts/0/alon = 1 => claims.both.parts.0: unknown key 'alon'; did you mean 'along'? | known
claims/both/parts/1/metric = tes_loss => claims.both.parts.1.metric: unknown metric 'tes_loss'; did you

## Types and ranges
vary/depth = [-1, 2] => vary.depth: depth must be at least 0 and at most 1000, not -1
vary/depth = deep => vary.depth: needs a whole number, not 'deep'
vary/depth = {a: 1} => vary.depth: needs a whole number, not {'a': 1}
vary/depth = [[1], 2] => vary.depth: needs a whole number, not [1]
hold/epochs = 0 => hold.epochs: epochs must be at least 1 and at most 1e+06, not 0
hold/epochs = true => hold.epochs: needs a whole number, not True
hold/epochs = null => hold.epochs: needs a whole number, not None
hold/gain = nan => hold.gain: needs a finite number, not 'nan'
hold/momentum = 1.5 => hold.momentum: momentum must be at least 0 and at most 1, not 1.5
hold/label_noise = 2 => hold.label_noise: label_noise must be at least 0 and at most 1, not 2.0
hold/network = 3 => hold.network: needs text, not 3
tune = always => tune: needs a mapping of keys to values, not 'always'
tune/seeds = 0 => tune.seeds: must be at least 1, not 0
tune/metric = test_loss => tune.metric: must be 'validation_loss' or 'validation_accuracy', not 'test_l
tune/budget/trials = 1 => tune.budget.trials: must be at least 2, not 1
tune/learning_rate = 0.1 => tune.learning_rate: needs a mapping of keys to values, not 0.1
tune/learning_rate/log = [0.1, 0.01] => log needs [low, high] with 0 < low < high, not [0.1, 0.01]
tune/learning_rate/log = [0, 0.01] => log needs [low, high] with 0 < low < high, not [0.0, 0.01]
tune/learning_rate/linear = [0, 1] => tune.learning_rate: needs one of log, linear, integer
tune/learning_rate = [] => tune.learning_rate: choice needs two different values or more
tune/momentum = {linear: [0, 2]} => tune: momentum: momentum must be at least 0 and at most 1, not 2
tune/optimizer = [sgd] => tune.optimizer: choice needs two different values or more
tune/batch_size = [16, many] => tune: needs a whole number, not 'many'
tune/batch_size = {integer: [8, 8]} => integer needs [low, high] with low < high, not [8, 8]
tune/batch_size = {integer: [8, 9.5]} => tune.batch_size.integer.1: needs a whole number, not 9.5
tune/regularizers = {l2: {lag: [0.1, 1]}} => tune.regularizers.l2: unknown key 'lag'; did you mean 'log'?
tune/sampler = tpee => tune.sampler: must be 'tpe', 'random', 'cmaes' or 'grid', not 'tpee'; did you mean 'tpe'?
tune/halving = 1 => tune.halving: must be at least 2, not 1
tune/repeats = 0 => tune.repeats: must be at least 1, not 0
tune/budget/epochs = 100 => tune.budget: needs either 'trials' or 'epochs'
tune/network = [dense, linear] => tune: unknown key 'network'
tune/learning_rate = => tune: names nothing to search
tune/learning_rate/log = [0.1] => tune.learning_rate.log.1: is missing
tune/learning_rate/log = [1, 2, 3] => tune.learning_rate.log: has more than 2 values
tune/learning_rate/log = [nan, 1] => tune.learning_rate.log.0: needs a finite number, not 'nan'
tune/learning_rate/log = [1, .inf] => tune.learning_rate.log.1: needs a finite number, not inf
tune = & hold/learning_rate = .inf => hold.learning_rate: needs a finite number, not inf
tune = & hold/learning_rate = .nan => hold.learning_rate: needs a finite number, not nan
tune = & hold/learning_rate = 0 => hold.learning_rate: learning_rate must be more than 0, not 0.0
profiles/quick/seeds = 0 => profiles.quick.seeds: must be at least 1, not 0
profiles/quick/seeds = few => profiles.quick.seeds: needs a whole number, not 'few'
profiles/quick/gain = [x] => profiles.quick.gain: needs a number, not 'x'
figures = accuracy_by_depth => figures: needs a list, not 'accuracy_by_depth'
claims = [] => claims: needs a mapping of keys to values, not []
claims/relu = ReLU wins => claims.relu: needs a mapping of keys to values, not 'ReLU wins'
claims/relu/kind = trends => must be 'contrast', 'equal', 'trend', 'both', 'gate' or 'timing', not 'trends'; did you mean
claims/relu/choose = test => claims.relu.choose: must be 'mean', 'validation' or 'validation_accuracy', not 'test'
claims/relu/margin = .inf => claims.relu.margin: needs a finite number, not inf
claims/relu/margin = big => claims.relu.margin: needs a number, not 'big'
claims/relu/margin = 0 => claims.relu: needs a 'margin' above 0, the smallest effect of interest
claims/relu/margin = -1 => claims.relu: needs a 'margin' above 0, the smallest effect of interest
claims/both/parts/0/margin = 0 => claims.both.parts.0.margin: must be more than 0, not 0
claims/relu/better = relu => claims.relu.better: needs a mapping of keys to values, not 'relu'
claims/relu/where/depth = x => claims.relu.where: depth: needs a whole number, not 'x'
claims/relu/where/penalty = [[]] => claims.relu.where: penalty: needs a name, not []
vary/penalty = & hold/regularizers = {dropout: 1.5} => hold.regularizers: dropout is at most 0.99
vary/penalty = & hold/regularizers = {dropuot: 1} => did you mean 'dropout'? | known: alpha_dropout, batch_norm, drop
vary/penalty = & hold/regularizers = {l2: -1} => hold.regularizers: l2 must be at least 0, not -1
vary/penalty = & hold/regularizers = {l2: .inf} => hold.regularizers: l2 needs a finite number, not inf
vary/penalty = & hold/regularizers = {l2: null} => hold.regularizers: l2 needs a number, not None
vary/penalty = & hold/regularizers = {"l1,l2": 1} => hold.regularizers: 'l1,l2' is no name
vary/penalty = & hold/regularizers = dropout => needs a mapping such as {dropout: 0.3}, or none, not
vary/penalty = & hold/regularizers = dropout=0.1,l2 => hold.regularizers: l2 needs a number, not ''

## What is missing or empty
question = => question: is missing
question = "" => question: is empty
vary = {} => vary: needs a mapping that is not empty
vary/depth = [] => vary.depth: is an empty list | give at least one value
vary/penalty = {} => vary.penalty: needs a mapping that is not empty
vary/mix = {a: 1} => vary.mix.a: needs a mapping of fields to values, not 1
hold = => hold: is missing
hold/dataset = => hold.dataset: name one or more data sets
hold/dataset = [] => hold.dataset: is an empty list | give at least one value
profiles = {} => profiles: needs a mapping that is not empty
profiles/quick = {} => profiles.quick: needs a mapping that is not empty
profiles/quick = {depth: 1} => profiles.quick.seeds: is missing
profiles/quick/depth = [] => profiles.quick.depth: is an empty list | give at least one value
profiles/quick/penalty = [] => profiles.quick.penalty: is an empty list | give at least one value
tune = => profiles.quick.trials: nothing is tuned
tune/budget = => tune.budget: is missing
claims/relu/says = => claims.relu.says: is missing
claims/relu/metric = => claims.relu: 'metric' is missing
claims/relu/margin = => claims.relu: needs a 'margin' above 0, the smallest effect of interest
claims/relu/better = => claims.relu: kind 'contrast' needs 'better', a factor with its levels
claims/relu/better = {} => claims.relu: kind 'contrast' needs 'better', a factor with its levels
claims/relu/better/activation = [] => claims.relu.better: activation: is an empty list
claims/slope/along = => claims.slope: kind 'trend' needs 'along', the factor whose slope is tested
claims/both/parts/1 = => claims.both: kind 'both' needs 'parts', two or more

## What does not go together
vary/depth = [1, 4, 1] => vary.depth: has 1 twice
vary/gain = [1, 1.0] => vary.gain: has 1.0 twice
profiles/quick/penalty = [none, none] => profiles.quick.penalty: has 'none' twice
hold/depth = 3 => hold.depth: 'depth' is given by vary.depth too; remove one
hold/gain = [1, 2] => hold.gain: one value is held; move several to vary
hold/parameters = 5000 => hold.width: the width follows from the parameters; remove one
hold/learning_rate = 0.1 => tune.learning_rate: is given by hold.learning_rate too
profiles/full/learning_rate = 1 => tune.learning_rate: is given by profiles.full.learning_rate too
profiles/quick/gain = [1, 2] => profiles.quick.gain: is not varied; give one value
tune/sampler = grid & tune/momentum = {linear: [0, 1]} => tune: sampler grid searches one thing; for more take tpe
tune/sampler = grid & tune/halving = 3 => tune: sampler grid trains all candidates to the end
tune/halving = 3 & tune/epochs = [2, 4] & hold/epochs = => epochs can be searched with a budget of trials
tune/width = [8, 16] => tune.width: is given by hold.width too
tune = & profiles/quick/trials = & hold/sampler = random & hold/learning_rate = 1 => hold.sampler: nothing is tuned
tune = & hold/learning_rate = 1 => profiles.quick.trials: nothing is tuned
vary/mix = {a: {depth: 1}, b: {}} => vary.mix: 'depth' is given by vary.depth too; remove one
vary/mix = {a: {width: 1}, b: {}} => vary.mix: 'width' is given by hold.width too; remove one
vary/mix = {a: {regularizers: none}} => vary.mix: 'regularizers' is given by vary.penalty too
hold/dataset = & vary/mix = {a: {dataset: wine}} => vary.mix: data sets are named under vary or hold
vary/seeds = {a: {gain: 1}} => vary.seeds: is a name of the suite's own; use another
vary/split = {a: {gain: 1}} => vary.split: is a name of the suite's own; use another
claims/relu/along = depth => claims.relu: 'along' belongs to kind 'trend'
claims/relu/parts = [{metric: test_loss, margin: 1}] => claims.relu: only kind 'both' has 'parts'
claims/both/where = {depth: 4} => claims.both: 'where' belongs into the 'parts' of kind 'both'

## Claims about what does not vary
claims/relu/where = {dpth: 4} => does not vary in this experiment (varying: activation, depth, penalty); did you mean 'depth'?
claims/relu/where = {width: 16} => claims.relu.where: 'width' does not vary in this experiment (varying: activation, depth, penalty)
claims/relu/where = {depth: 5} => claims.relu.where.depth: 5 is not a level in profile 'quick' (levels: 1, 4)
claims/relu/where = {dataset: xor} => claims.relu.where.dataset: 'xor' is not a level in profile 'quick' (levels: digits, wine)
claims/relu/better = {activation: rleu} => 'rleu' is not a level in profile 'quick' (levels: relu, tanh); did you mean 'relu'?
profiles/standard/depth = [1, 8] => claims.relu.where.depth: 4 is not a level in profile 'standard' (levels: 1, 8)
profiles/quick/activation = tanh => 'relu' is not a level in profile 'quick' (levels: tanh)
profiles/full/depth = [4] => claims.both.parts.0.along: 'depth' has one level in profile 'full'
claims/slope/along = dpeth => claims.slope.along: 'dpeth' does not vary in this experiment (varying: activation, depth, penalty); did you mean 'depth'?
claims/slope/along = width => claims.slope.along: 'width' does not vary in this experiment
claims/slope/along = activation => a log2 trend needs levels of 'activation' that are numbers above 0, not relu, tanh
claims/slope/along = penalty => a log2 trend needs levels of 'penalty' that are numbers above 0, not none, strong
claims/slope/where = {depth: 4} => claims.slope.along: 'depth' has one level in profile 'quick'
vary/depth/0 = 0 & profiles/quick/depth = [0, 4] => a log2 trend needs levels of 'depth' that are numbers above 0, not 0, 4

## What no data set or network can meet
hold/samples = 100000 => samples: data set 'digits' cannot give 100000 training samples | allowed: 1 to 1437
hold/samples = 143 => samples: data set 'wine' cannot give 143 training samples | allowed: 1 to 142
hold/dataset = diabetes & hold/loss = cross_entropy => loss: cross_entropy does not suit diabetes, a regression set
hold/dataset = diabetes & hold/label_noise = 0.1 => data set 'diabetes' has no class labels, so they cannot be noisy | allowed: 0
hold/dataset = diabetes & tune/metric = validation_accuracy => tune.metric: diabetes has no accuracy, but a loss
hold/width = & hold/parameters = 40 => parameters: 40 are too few; depth 1 needs 85
hold/width = & hold/parameters = 9000 & vary/depth/0 = 0 & claims = => parameters: a network without hidden layers has no width
"""  # noqa: E501
CASES = [line for line in REFUSED.splitlines() if line and not line.startswith("##")]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_in_three_lines(case):
    changes, _, words = case.partition(" => ")
    with pytest.raises(InputError) as caught:
        checked(changed(*(read_change(change) for change in changes.split(" & "))))
    text = str(caught.value)
    assert words.replace(" | ", "\n") in text
    assert text.startswith("x.yaml")
    assert len(text.splitlines()) <= 3
    assert "Input should" not in text


def read_change(text):
    place, _, value = text.partition(" =")
    return place, yaml.safe_load(value) if value else REMOVED


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

KNOWN = [*KEYS, *CONTENT, *CONTENT["claims"]["relu"], *PROFILES, "seeds", "trials", "log"]
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
    text = ""
    try:
        checked(content)
    except InputError as error:
        text = str(error)
    assert len(text.splitlines()) <= 3
    assert len(text) < 2000


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
