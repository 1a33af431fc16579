"""Parts of a user's own: read, installed, tried, planned, trained, stored and trained again."""

import json
import pickle
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from suite import installing
from suite.catalogue import catalogue
from suite.data.cards import CARDS, DATASETS
from suite.data.loading import data_hash, load_split
from suite.errors import InputError
from suite.execution import local, worker
from suite.execution.local import InlineExecutor, ProcessExecutor
from suite.execution.work import Finished
from suite.figures.catalogue import FIGURES
from suite.installing import KINDS, install, installed, origin, source_of, uninstall
from suite.ledger import Ledger
from suite.metrics import METRICS
from suite.parts import Sizes
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.networks import NETWORKS
from suite.planning import build_trial, check_names, check_recipes, group
from suite.reading import build_experiment, read_experiment, with_parts
from suite.supplied import MOST_BYTES, Supplied, read_supplied
from suite.trying import try_parts

pytestmark = pytest.mark.usefixtures("one_thread", "nothing_left_behind")

GUIDE = (Path(__file__).parents[1] / "GUIDE.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python my_parts.py\n(.*?)```", GUIDE, flags=re.DOTALL)
NAMES = {"activation": "bell", "initializer": "sparse", "dataset": "stripes", "network": "funnel"}

# One small part; as many of them as a test needs.
ONE = """\
import torch
from suite.parts import Activation

def {name}(z):
    return {scale} * torch.tanh(z)

ACTIVATIONS = {{"{name}": Activation("scaled", "test", {name})}}
"""
CONTENT = {
    "question": "Does the file work?",
    "vary": {"depth": [1, 2]},
    "hold": {"dataset": "circles", "learning_rate": 0.01, "width": 6, "epochs": 1, "samples": 64},
    "profiles": {"quick": {"seeds": 1}},
}


def uninstall_all():
    """As if a new process began."""
    for supplied in list(installing._installed.values()):
        uninstall(supplied)


@pytest.fixture
def nothing_left_behind():
    """Whatever a test installs is gone after it."""
    yield
    uninstall_all()


def own(text, name="mine.py"):
    return Supplied(name, text.encode())


def one(name="wave", scale=1, file="mine.py"):
    return own(ONE.format(name=name, scale=scale), file)


def example():
    return own(EXAMPLE, "my_parts.py")


def using(supplied=None, **hold):
    """A small experiment that names a file."""
    experiment = build_experiment("x", CONTENT | {"hold": CONTENT["hold"] | hold})
    return experiment if supplied is None else with_parts(experiment, supplied)


def checked(experiment):
    """All that is checked before anything is trained."""
    if experiment.supplied:
        install(experiment.supplied)
    check_names(experiment, METRICS, FIGURES)
    try_parts(experiment, "quick")
    check_recipes(experiment, "quick")
    return experiment


def trained(trials, probes=()):
    events = InlineExecutor().run(group(trials, probes, 1))
    return [o for event in events if isinstance(event, Finished) for o in event.outcomes]


# The file


def test_a_file_is_named_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(one().source)
    supplied = read_supplied(path)
    assert (supplied.name, supplied.source) == (str(path), one().source)
    assert supplied.digest == one(file="elsewhere.py").digest != one(scale=2).digest
    assert len(supplied.digest) == 16
    assert int(supplied.digest, 16) >= 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe\0", "is not UTF-8 text"),
        (b"#" * (MOST_BYTES + 1), "has more than 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(content, problem, tmp_path):
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"mine.py: {problem}"):
        read_supplied(path)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_supplied(tmp_path)


def test_the_path_in_a_file_starts_at_its_directory(tmp_path, tiny_file, monkeypatch):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine.py").write_bytes(one().source)
    path = tmp_path / "below" / "tiny.yaml"
    path.write_text(f"parts: mine.py\n{tiny_file}", encoding="utf-8")
    assert read_experiment(path).supplied.digest == one().digest
    monkeypatch.chdir(tmp_path / "below")
    built = build_experiment("x", CONTENT | {"parts": "mine.py"})
    assert built.supplied == one()
    with pytest.raises(InputError, match=r"^x: parts: missing\.py cannot be read"):
        build_experiment("x", CONTENT | {"parts": "missing.py"})
    for wrong in (["mine.py"], {}, "", 3):
        with pytest.raises(InputError, match=r"^x: parts: needs the path of a Python file, not "):
            build_experiment("x", CONTENT | {"parts": wrong})


def test_reading_runs_nothing_and_imports_nothing_heavy(tmp_path, tiny_file):
    (tmp_path / "mine.py").write_text("raise SystemExit('was run')")
    (tmp_path / "x.yaml").write_text(f"parts: mine.py\n{tiny_file}", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; import suite.parts, suite.data\n"
        "from suite.reading import read_experiment; read_experiment(Path('x.yaml'))\n"
        "print({'torch', 'pandas', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


# Installing


def test_the_example_in_the_readme_joins_leadlines_words():
    before = {field: set(entries) for field, entries in words().items()}
    with installed(example()):
        assert {f: set(e) - before[f] for f, e in words().items()} == {
            field: {name} for field, name in NAMES.items()
        }
        assert CARDS["stripes"] is DATASETS["stripes"].card
        assert {origin(*item) for item in NAMES.items()} == {example().digest}
        assert source_of(example().digest) == example()
        assert catalogue(Path("nowhere"))["activations"]["bell"] == (
            "the bell curve exp(-z²)",
            "Broomhead & Lowe 1988",
        )
    assert {field: set(entries) for field, entries in words().items()} == before
    assert CARDS.keys() == DATASETS.keys()
    assert {origin(*item) for item in NAMES.items()} == {""}


def words():
    return {kind.field: kind.entries for kind in KINDS.values()}


def test_the_examples_parts_are_what_they_say():
    with installed(example()):
        points = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)
        values = ACTIVATIONS["bell"].function(points)
        torch.testing.assert_close(values, torch.tensor(np.exp(-(np.arange(-3.0, 4) ** 2))))
        for fan_in in (4, 15, 40):
            weights, biases = draw("sparse", fan_in)
            assert ((weights != 0).sum(axis=0) == min(15, fan_in)).all()
            assert (weights**2).sum(axis=0).mean() == pytest.approx(1, abs=0.1)
            assert not biases.any()
        layers = NETWORKS["funnel"].layers(Sizes(shape=(2, 3), outputs=4, depth=3, width=10))
        assert [(layer.fan_in, layer.units) for layer in layers] == [
            (6, 10),
            (10, 5),
            (5, 2),
            (2, 4),
        ]
        split = load_split("stripes", 0)
        assert np.bincount(split.train_targets).tolist() == pytest.approx([250, 250], abs=40)


def draw(name, fan_in):
    from suite.parts import Fan

    return INITIALIZERS[name].draw(np.random.default_rng(0), Fan(fan_in, 400, 400))


def test_a_file_is_run_once_however_often_it_is_installed():
    install(one())
    function = ACTIVATIONS["wave"].function
    install(one(file="the_same_elsewhere.py"))
    uninstall(one())
    install(one())
    assert ACTIVATIONS["wave"].function is function


def test_what_was_installed_before_a_block_stays_after_it():
    install(one())
    with installed(one()), installed(None):
        pass
    assert "wave" in ACTIVATIONS
    with pytest.raises(ZeroDivisionError), installed(one("other")):
        raise ZeroDivisionError
    assert "other" not in ACTIVATIONS


def test_dataclasses_and_pickle_find_what_is_in_a_file():
    text = one().source.decode() + (
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Knob:\n    turns: 'int' = 0\n"
        "ACTIVATIONS['wave'].function.knob = Knob(3)\n"
    )
    with installed(own(text)):
        function = ACTIVATIONS["wave"].function
        assert pickle.loads(pickle.dumps(function)) is function
        assert pickle.loads(pickle.dumps(function.knob)) == function.knob
        assert sys.modules[function.__module__].__file__ == "mine.py"


# A file's text after an import of all that it needs, and words of the message.
IMPORTS = """\
import numpy as np, torch
from suite.parts import *
from suite.data import *
"""
WRONG = {
    "x = (\n": "mine.py: line 4: SyntaxError: ... was never closed",
    "\ndef f():\n    1 / 0\nf()\n": "mine.py: line 6: ZeroDivisionError: division by zero",
    "import no_such_module": "line 4: ModuleNotFoundError: No module named 'no_such_module'",
    "raise ValueError('two\\nlines')": "line 4: ValueError: two lines",
    "raise SystemExit": "line 4: SystemExit:",
    "\0": "mine.py: .*null bytes",
    "": "mine.py: has no part\ngive one of the dicts ACTIVATIONS, DATASETS,",
    "NETWORKS = {}": "has no part",
    "ACTIVATION = {'f': 1}": "ACTIVATION: is no dict of parts; did you mean ACTIVATIONS",
    "datasets = {'f': 1}": "datasets: is no dict of parts; did you mean DATASETS",
    "NETWORKS = [1]": "NETWORKS: needs a dict, each name with its Network",
    "ACTIVATIONS = {'f': torch.sin}": "ACTIVATIONS\\['f'\\]: is no Activation, but .*sin.*\nmake",
    "ACTIVATIONS = {'a b': Activation('d', 's', torch.sin)}": "'a b'.: is no name",
    "ACTIVATIONS = {3: Activation('d', 's', torch.sin)}": "ACTIVATIONS.3.: is no name",
    "ACTIVATIONS = {'f': Activation('d', 's', 3)}": "its function is no function",
    "ACTIVATIONS = {'f': Activation('d', '', torch.sin)}": "needs a source, a line of text",
    "ACTIVATIONS = {'f': Activation(torch.sin)}": "line 4: TypeError: .*missing 2 required",
    "ACTIVATIONS = {'relu': Activation('d', 's', torch.sin)}": (
        "ACTIVATIONS.'relu'.: Leadline has that name\ngive yours another"
    ),
    "from suite.parts.activations import ACTIVATIONS": "ACTIVATIONS: is Leadline's own dict; write",
    "from suite.parts.losses import LOSSES": "has no part",
    "import suite.parts.activations as a; a.ACTIVATIONS['f'] = Activation('d', 's', torch.sin)": (
        "ACTIVATIONS: is Leadline's own dict; write a new one"
    ),
    "DATASETS = {'d': Dataset(3, print)}": "DATASETS.'d'.: its card is no DatasetCard, but 3",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_is_wrong_is_told_in_two_lines(text):
    before = {field: dict(entries) for field, entries in words().items()}
    with pytest.raises(InputError, match=f"(?s){WRONG[text]}") as caught:
        install(own(IMPORTS + text))
    assert len(str(caught.value).splitlines()) <= 2
    assert words() == before


def test_two_files_cannot_share_a_name_at_one_time():
    install(one(file="first.py"))
    with pytest.raises(InputError, match=r"second.py: ACTIVATIONS.'wave'.: first.py has that name"):
        install(one(scale=2, file="second.py"))
    uninstall(one())
    install(one(scale=2))
    assert ACTIVATIONS["wave"].function(torch.ones(1)) == 2 * torch.tanh(torch.ones(1))


# Trying

CARD = (
    "CARD = dict(name='d', kind='tabular', task='classification', samples=60, features=2, "
    "outputs=3, folds=10, license='l', source='s', citation='c', preprocessing='p', "
    "description='d')\n"
    "x = np.random.default_rng(0).normal(size=(60, 2)); y = np.arange(60) % 3\n"
)
DRAW = "DATASETS = {{'d': Dataset(DatasetCard(**CARD | dict({})), lambda {}: {})}}"


def as_activation(function):
    return "activation", f"ACTIVATIONS = {{'d': Activation('d', 's', {function})}}"


def as_initializer(draw):
    return "initializer", f"INITIALIZERS = {{'d': Initializer('d', 's', {draw})}}"


def as_dataset(rows, changes="", arguments=""):
    return "dataset", CARD + DRAW.format(changes, arguments, rows)


def as_network(layers):
    return "network", f"NETWORKS = {{'d': Network('d', 's', {layers}, lambda net, x: x)}}"


UNFIT = [
    (as_activation("lambda z: z.no_such()"), "line 4: AttributeError: .* no attribute 'no_such'"),
    (as_activation("lambda z: torch.softmax(z, 1)"), "is not element-wise"),
    (as_activation("lambda z: z.sum(1)"), r"gives float32 of shape \(1, 1\) for float32 of shape"),
    (as_activation("lambda z: z.float()"), "gives float32 of shape .* for float64"),
    (as_activation("torch.log"), "has no finite value at -2, -1, -0.25, 0"),
    (as_activation("lambda z: z.abs().sqrt()"), "has no finite derivative at 0"),
    (as_activation("torch.relu_"), "RuntimeError: .*in-place operation"),
    (as_activation("lambda z: z.detach()"), "RuntimeError: .*does not require grad"),
    (as_initializer("lambda rng, fan: np.zeros(3)"), "ValueError: too many values to unpack"),
    (as_initializer("lambda rng, fan: (np.zeros((3, 3)), np.zeros(3))"), r"draws shapes \(\(3, 3"),
    (
        as_initializer("lambda rng, fan: (np.full(fan[::2], np.nan), np.zeros(fan[2]))"),
        "draws what is not finite",
    ),
    (
        as_initializer(
            "lambda rng, fan: (np.random.normal(size=(fan.fan_in, fan.units)), np.zeros(fan[2]))"
        ),
        "draws other weights from the same generator",
    ),
    (as_dataset("(x, y)"), "gives no samples; end it with labelled"),
    (as_dataset("labelled(x, y)", "features=3"), r"\(\(60, 2\), .* its card says \(\(60, 3\), "),
    (as_dataset("labelled(x, y)", "outputs=4"), r"gives classes \[0, 1, 2\], its card says 0 to 3"),
    (as_dataset("valued(x, y)"), "is for classification; end it with labelled"),
    (as_dataset("labelled(x, y)", "task='regression', outputs=1"), "end it with valued"),
    (as_dataset("valued(x, y)", "task='regression'"), "its card needs 1 output"),
    (as_dataset("labelled(x / 0, y)"), "RuntimeWarning|gives numbers that are not finite"),
    (as_dataset("labelled(x, y)", "folds=5"), "has folds 5\nallowed: 0, 10"),
    (as_dataset("labelled(x, y)", "kind='video'"), "has kind 'video'\nallowed: image, tabular"),
    (as_dataset("labelled(x, y)", "name='e'"), "has name 'e'\nallowed: d"),
    (as_dataset("labelled(x, y)", "shape=(1, 3)"), r"of 2 features whose shape is \(1, 3\)"),
    (as_dataset("open('no.csv')"), "line 6: FileNotFoundError: .*'no.csv'"),
    (
        as_dataset("labelled(np.random.normal(size=x.shape), y)", "folds=0", "rng, n"),
        "gives other rows from the same generator",
    ),
    (as_network("lambda sizes: sizes.no_such"), "NETWORKS.'d'.: line 4: AttributeError"),
    (as_network("lambda sizes: ()"), r"its layers are no Layers, but \(\)"),
    (as_network("lambda sizes: (Layer(2, 7),)"), "its last layer has 7 units, not 2"),
]


@pytest.mark.parametrize(("part", "problem"), UNFIT)
def test_a_part_that_is_unfit_is_told_before_anything_is_trained(part, problem):
    field, text = part
    with pytest.raises(InputError, match=f"(?s)mine.py: .*{problem}") as caught:
        checked(using(own(IMPORTS + text), **{field: "d", "samples": 40}))
    assert len(str(caught.value).splitlines()) <= 2


def test_only_what_an_experiment_names_is_tried():
    text = IMPORTS + as_activation("torch.log")[1] + "\n" + as_initializer("print")[1]
    assert checked(using(own(text))).supplied == own(text)


def test_a_finite_data_set_is_made_once_in_a_process():
    calls = "calls = []\ndef rows():\n    calls.append(1)\n    return labelled(x, y)\n"
    _, text = as_dataset("rows()")
    with installed(own(IMPORTS + calls + text)):
        for split in range(3):
            load_split("d", split)
        assert data_hash("d") == data_hash("d")
        assert DATASETS["d"].draw is DATASETS["d"].draw
        assert sum(DATASETS["d"].draw.__wrapped__.__globals__["calls"]) == 1


def test_versions_of_a_data_set_are_told_apart():
    hashes, inputs = [], []
    for scale in (1, 2):
        with installed(own(IMPORTS + as_dataset(f"labelled({scale} * x + {scale}, y)")[1])):
            hashes.append(data_hash("d"))
            trial = build_trial({}, "d")
            inputs.append(worker._load(trial.supplied, "d", 0, None, 0.0).train_inputs)
    assert len(set(hashes)) == 2


# Planning


def test_only_a_recipe_with_a_part_from_the_file_has_its_hash():
    plain = build_trial({"depth": 1}, "circles")
    install(example())
    assert build_trial({"depth": 1}, "circles") == plain
    assert plain.supplied == ""
    for field, name in NAMES.items():
        recipe = {} if field == "dataset" else {field: name}
        trial = build_trial(recipe, name if field == "dataset" else "circles")
        assert (getattr(trial, field), trial.supplied) == (name, example().digest)
    install(one())
    assert build_trial({"activation": "wave"}, "circles").supplied == one().digest
    with pytest.raises(ValueError, match=r"cannot have parts from mine.py and my_parts.py"):
        build_trial({"activation": "wave"}, "stripes")


def test_a_budget_of_parameters_is_solved_for_a_network_of_ones_own():
    install(example())
    trial = build_trial({"network": "funnel", "depth": 2, "parameters": 300}, "circles")
    counts = {w: 3 * w + (w + 1) * (w // 2 or 1) + 2 * ((w // 2 or 1) + 1) for w in range(1, 60)}
    assert trial.width == min(counts, key=lambda width: abs(counts[width] - 300))
    assert trial.supplied == example().digest


def test_words_of_a_file_are_known_to_experiments_that_name_it():
    checked(using(example(), activation="bell", initializer="sparse", network="funnel"))
    with pytest.raises(InputError, match=r"'bel'; did you mean 'bell'.*\nknown: .*bell"):
        check_names(using(example(), activation="bel"), METRICS, FIGURES)
    with pytest.raises(InputError, match="unknown activation 'bell'") as caught:
        check_names(using(activation="bell"), METRICS, FIGURES)
    assert "bell" not in caught.value.hint
    install(one())
    with pytest.raises(InputError, match="unknown activation 'wave'"):
        check_names(using(example(), activation="wave"), METRICS, FIGURES)


def test_cohorts_carry_the_file_and_do_not_mix():
    install(one())
    install(one("other", file="other.py"))
    trials = [
        build_trial({"activation": activation}, "circles", seed=seed)
        for activation in ("tanh", "wave", "other")
        for seed in range(3)
    ]
    cohorts = group(trials, (), 1)
    files = {"tanh": None, "wave": one(), "other": one("other", file="other.py")}
    for cohort in cohorts:
        assert {files[trial.activation] for trial in cohort.trials} == {cohort.supplied}
    assert sum(len(cohort.trials) for cohort in cohorts) == 9


def test_a_changed_file_is_a_changed_registration():
    plain, first = using(), using(one())
    hashes = [e.registered_hash("quick") for e in (plain, first, using(one(scale=2)))]
    assert len(set(hashes)) == 3
    assert using(one(file="moved.py")).registered_hash("quick") == hashes[1]
    assert json.loads(first.model_dump_json())["supplied"] == one().digest


def test_a_file_in_the_experiment_and_another_for_it_contradict_each_other():
    experiment = using(one(file="a.py"))
    assert with_parts(experiment, one(file="b.py")).supplied.digest == one().digest
    with pytest.raises(InputError, match=r"x: parts: names a.py, so it cannot have b.py"):
        with_parts(experiment, one(scale=2, file="b.py"))


# Training


def test_the_example_trains():
    install(example())
    recipe = {**NAMES, "width": 32, "epochs": 8, "learning_rate": 0.01, "batch_size": 16}
    dataset = recipe.pop("dataset")
    trials = [build_trial(recipe, dataset, split=seed, seed=seed) for seed in range(2)]
    outcomes = trained(trials, ("gradient_norm",))
    assert {(o.outcome, o.kernel) for o in outcomes} == {("completed", "torch-cpu")}
    assert min(o.metrics["test_accuracy"] for o in outcomes) > 0.7


@pytest.mark.parametrize("kind", ["activation", "network"])
def test_an_own_copy_of_our_part_gives_our_numbers(kind):
    copies = {
        "activation": "ACTIVATIONS = {'copy': Activation('d', 's', torch.sin)}",
        "network": (
            "from suite.parts.networks import dense_layers\n"
            "def forward(net, x):\n"
            "    for index in range(net.depth):\n"
            "        new = net.hidden(index, x)\n"
            "        x = x + new if index else new\n"
            "    return net.output(x)\n"
            "NETWORKS = {'copy': Network('d', 's', dense_layers, forward)}"
        ),
    }
    install(own(IMPORTS + copies[kind]))
    ours = {"activation": "sine", "network": "residual"}[kind]
    # Of ours too, one that takes the kernel of a user's own.
    recipe = {"width": 9, "depth": 3, "epochs": 3, "batch_size": 50, "activation": "sine"}
    pair = [build_trial(recipe | {kind: name}, "circles") for name in (ours, "copy")]
    first, second = trained(pair[:1]) + trained(pair[1:])
    assert first.metrics == second.metrics
    np.testing.assert_array_equal(first.histories.value, second.histories.value)


LATE = """\
import torch
from suite.parts import Activation

def late(z):
    if z.numel() > 100:
        raise ArithmeticError("only at work")
    return torch.tanh(z)

ACTIVATIONS = {"late": Activation("fails at work", "test", late)}
"""


def test_a_part_that_fails_at_work_is_an_outcome():
    supplied = own(LATE, "late.py")
    checked(using(supplied, activation="late"))
    trials = [build_trial({"activation": "late", "width": 9}, "circles", seed=s) for s in range(2)]
    outcomes = trained(trials)
    assert {o.trial for o in outcomes} == set(trials)
    for outcome in outcomes:
        assert outcome.outcome == "crashed"
        assert 'File "late.py", line 6, in late' in outcome.error
        assert outcome.error.endswith("ArithmeticError: only at work\n")


def test_a_worker_knows_the_file_while_it_trains():
    """In a process of its own, to which nothing of this one's is known; takes its start."""
    with installed(example()):
        trial = build_trial({"activation": "bell", "epochs": 1}, "stripes")
        cohorts = group([trial], (), 1)
        (here,) = trained([trial])
    with closing(ProcessExecutor(1)) as executor:
        outcomes = [o for e in executor.run(cohorts) if isinstance(e, Finished) for o in e.outcomes]
    (there,) = outcomes
    assert (there.outcome, there.metrics) == ("completed", here.metrics)


# From the command line


def write_experiment(path, text, activation="wave", parts=""):
    text = text.replace("activation: tanh", f"activation: {activation}")
    Path(path).write_text(parts + text, encoding="utf-8")


@pytest.fixture
def inline(monkeypatch):
    """Repetitions train in this process, which has installed nothing."""

    def executor(_workers, device):
        uninstall_all()
        return InlineExecutor(device)

    monkeypatch.setattr(local, "ProcessExecutor", executor)


@pytest.fixture
def run(place, leadline, tiny_file, monkeypatch):
    """Runs an experiment with a version of a file, as calls one after the other do."""
    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)

    def run(scale, *options):
        Path("mine.py").write_bytes(one(scale=scale).source)
        write_experiment("x.yaml", tiny_file, parts="" if options else "parts: mine.py\n")
        called = leadline("run", "x.yaml", "--profile", "quick", "--workers", 0, *options)
        uninstall_all()
        return called

    return run


def stored():
    return Ledger(Path("results")).trials()


@pytest.mark.usefixtures("inline")
def test_versions_of_a_file_are_stored_found_and_trained_again(run, leadline):
    assert run(1).code == 0
    assert set(stored()["supplied"]) == {one().digest}
    before = len(stored())
    assert run(1, "--parts", "mine.py").code == 0
    assert len(stored()) == before  # The same file by another way is the same.
    assert run(2).code == 0
    assert len(stored()) == 2 * before
    kept = {path.name: path.read_bytes() for path in Path("results/supplied").iterdir()}
    assert kept == {f"{s.digest}.py": s.source for s in (one(), one(scale=2))}
    Path("mine.py").unlink()
    called = leadline("verify", "--share", 1, "--seed", 0)
    assert called.out == f"{2 * before} of {2 * before} trials have the same bits (sample seed 0)\n"
    trial = stored().iloc[-1]
    assert "the same to the last bit" in leadline("rerun", trial["trial_id"]).out
    path = f"results/supplied/{trial['supplied']}.py"
    assert path in leadline("show", trial["trial_id"]).out
    Path(path).write_text("changed")
    assert f"{path}: is not what it was" in leadline("rerun", trial["trial_id"]).err
    Path(path).unlink()
    assert f"{path}, which is missing" in leadline("show", trial["trial_id"]).out
    for command in (["rerun", trial["trial_id"]], ["verify", "--share", 1]):
        called = leadline(*command)
        assert (called.code, called.out) == (2, "")
        assert called.err.startswith(f"leadline: {path}: is missing")
    assert run(2).code == 0  # Which keeps it once more.
    assert Path(path).read_bytes() == one(scale=2).source


def test_the_report_of_a_file_needs_no_training(run, leadline):
    assert run(1, "--parts", "mine.py").code == 0
    before = stored()
    report = leadline("report", "x.yaml", "--profile", "quick", "--parts", "mine.py")
    assert (report.code, report.err) == (0, "")
    assert len(stored()) == len(before)
    page = Path("reports/quick/x/x/index.html").read_text(encoding="utf-8")
    assert f"mine.py, kept as supplied/{one().digest}.py" in page


def test_list_shows_the_words_of_a_file(place, leadline):
    Path("mine.py").write_text(EXAMPLE, encoding="utf-8")
    called = leadline("list", "--parts", "mine.py", "--json")
    listed = json.loads(called.out)
    for field, name in NAMES.items():
        assert name in listed[f"{field}s"]
    assert listed["activations"]["bell"] == ["the bell curve exp(-z²)", "Broomhead & Lowe 1988"]
    assert "15 weights into each unit" in leadline("list", "initializers").out


def test_what_is_wrong_with_a_file_is_told_by_the_command(place, leadline, tiny_file):
    Path("mine.py").write_text("1 / 0\n", encoding="utf-8")
    Path("other.py").write_bytes(one().source)
    write_experiment("x.yaml", tiny_file, parts="parts: mine.py\n")
    calls = {
        ("run", "x.yaml"): "mine.py: line 1: ZeroDivisionError: division by zero",
        ("run", "tiny", "--parts", "mine.py"): "mine.py: line 1: ZeroDivisionError",
        ("run", "x.yaml", "--parts", "other.py"): "x.yaml: parts: names mine.py, so it cannot",
        ("run", "x.yaml", "--parts", "no.py"): "no.py: cannot be read: No such file",
        ("list", "--parts", "mine.py"): "mine.py: line 1: ZeroDivisionError",
    }
    for call, message in calls.items():
        called = leadline(*call, *(["--profile", "quick"] if call[0] == "run" else []))
        assert (called.code, called.out) == (2, "")
        assert called.err.startswith("leadline: ")
        assert message in called.err
        assert "Traceback" not in called.err
    assert not Path("results").exists()


def test_python_runs_a_changed_file_in_the_same_session(place, tiny_file, monkeypatch):
    from suite import run

    monkeypatch.setattr("suite.benchmark.running._mirror", lambda *_: lambda _: None)
    for scale in (1, 2):
        Path("mine.py").write_bytes(one(scale=scale).source)
        write_experiment("x.yaml", tiny_file, parts="parts: mine.py\n")
        evidence = run(read_experiment(Path("x.yaml")), "quick", workers=0)
        assert evidence.complete
        assert set(evidence.trials["supplied"]) == {one(scale=scale).digest}
        assert "wave" not in ACTIVATIONS
