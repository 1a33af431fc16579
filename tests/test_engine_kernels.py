"""The two kernels give the same numbers; neither hides what is not finite; slopes are numerical."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import functional_call

from suite.parts.activations import ACTIVATIONS
from suite.parts.losses import LOSSES
from suite.parts.networks import POOLINGS
from suite.parts.optimizers import SCALINGS
from suite.parts.regularizers import REGULARIZERS
from suite.training import cohort as cohorts
from suite.training import native
from suite.training.autograd import AutogradKernel
from suite.training.cohort import Cohort
from suite.training.convolution import convolve
from suite.training.fitting import fit
from suite.training.fused import GRADIENTS, UPDATES, FusedKernel
from suite.training.kernels import is_fused, kernel_name
from suite.trial import Trial
from tests.plain_torch import LOSSES as PLAIN_LOSSES
from tests.plain_torch import NETWORKS, loss_of, plain, state

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
BY_HAND = [name for name, part in ACTIVATIONS.items() if part.by_hand]
PENALTIES = [
    (),
    (("dropout", 0.3),),
    (("l1", 0.01), ("l2", 0.2), ("weight_decay", 0.7)),
    (("input_noise", 0.3), ("label_smoothing", 0.2)),
    (("dropout", 0.2), ("input_noise", 0.1), ("l1", 0.01), ("l2", 0.1), ("weight_decay", 0.3)),
]
BLOCKED = [
    (("batch_norm", 1),),
    (("layer_norm", 1),),
    (("batch_norm", 1), ("layer_norm", 1), ("dropout", 0.2), ("l2", 0.1)),
    (),
    (("dropout", 0.3),),
]
RATES = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "adam": 0.005, "adamw": 0.005}


def recipe(**settings) -> Trial:
    defaults = {"depth": 2, "width": 13, "batch_size": 20, "epochs": 7, "optimizer": "momentum"}
    settings = {**defaults, **settings}
    rate = RATES.get(settings["optimizer"], 0.01)
    return Trial(dataset="synthetic", **{"learning_rate": rate, **settings})


def company(trial: Trial, count: int = 3) -> list[Trial]:
    """Members that differ in all that may."""
    return [
        replace(
            trial,
            seed=index,
            learning_rate=trial.learning_rate / (1 + index),
            momentum=0.9 - 0.2 * index,
            gradient_clip=trial.gradient_clip and trial.gradient_clip / (1 + index),
            regularizers=tuple(
                (name, strength if REGULARIZERS[name].whole else strength / (1 + index))
                for name, strength in trial.regularizers
            ),
        )
        for index in range(count)
    ]


def cohort_of(trials: list[Trial], split, monkeypatch, fused: bool = True) -> Cohort:
    """A cohort that takes the native passes where it can, or one that never does."""
    with monkeypatch.context() as patched:
        if not fused:
            patched.setattr(cohorts, "is_fused", lambda _: False)
        return Cohort(trials, {trials[0].replicate: split}, CPU)


def batch_of(cohort: Cohort, rows: int = 11) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Sixteen rows a member, the last of them padding."""
    index = np.minimum(np.arange(16), rows - 1)
    return *cohort.pool.train.gather(np.stack([index] * len(cohort.trials))), rows


# The kernels agree

SCALED = {*SCALINGS, "adam", "adamw"}

NATIVE = [
    recipe(
        activation=BY_HAND[(turn + turn // 10) % len(BY_HAND)],
        optimizer=optimizer,
        network=("dense", "dense", "linear")[turn % 3],
        depth=turn % 4,
        width=(13, 16, 33, 1)[turn // 3 % 4],
        loss=loss,
        initializer=("he", "pytorch")[turn % 2],
        regularizers=penalties,
    )
    for turn, (optimizer, penalties, loss) in enumerate(
        itertools.product(UPDATES, PENALTIES, GRADIENTS)
    )
]
BLOCKS = [
    recipe(
        activation=BY_HAND[turn % len(BY_HAND)],
        optimizer=optimizer,
        depth=(3, 1, 4)[turn % 3],
        width=(13, 16, 33, 5)[turn // 5 % 4],
        network=("dense", "residual")[turn // 2 % 2],
        loss=("cross_entropy", "squared_error")[turn % 2],
        regularizers=regularizers,
    )
    for turn, (optimizer, regularizers) in enumerate(itertools.product(UPDATES, BLOCKED))
    # Of biases before a batch normalization, gradients are rounding errors, which scaling by their
    # squares makes large.
    if not (optimizer in SCALED and ("batch_norm", 1) in regularizers)
]


def named(trial: Trial) -> str:
    penalties = (name for name, _ in trial.regularizers)
    return "-".join((trial.activation, trial.optimizer, trial.loss, *penalties))


@pytest.mark.parametrize("trial", NATIVE + BLOCKS, ids=named)
def test_kernels_agree(trial, monkeypatch, make_split) -> None:
    assert_agree(*pair_of(company(trial), make_split(1), monkeypatch))


CONVOLVED = [
    (
        recipe(
            network="convolutional",
            activation=BY_HAND[turn % len(BY_HAND)],
            optimizer=("momentum", "adam", "sgd")[turn % 3],
            depth=1 + turn % 4,
            width=(5, 16, 33)[turn // 2 % 3],
            kernel_size=kernel,
            loss=("cross_entropy", "squared_error")[turn % 2],
            initializer=("pytorch", "he")[turn % 2],
            regularizers=PENALTIES[turn % 2 * 2],
        ),
        shape,
    )
    for turn, (shape, kernel) in enumerate(
        itertools.product([(1, 20), (3, 7), (18, 5), (1, 6, 5), (2, 9, 4), (17, 4, 3)], range(1, 5))
    )
]


@pytest.mark.parametrize(("trial", "shape"), CONVOLVED)
def test_kernels_agree_on_maps(trial, shape, monkeypatch, make_split) -> None:
    split = replace(make_split(1, features=math.prod(shape)), shape=shape)
    assert_agree(*pair_of(company(trial), split, monkeypatch))


@pytest.mark.parametrize(("shape", "twin"), [((2, 9, 4), "convolutional"), ((7,), "dense")])
def test_a_network_by_shape_is_its_twin_to_the_bit(shape, twin, make_split) -> None:
    split = replace(make_split(1, features=math.prod(shape)), shape=shape)
    pair = [
        fit([recipe(network=name, split=1)], {(1, 0.0): split})[0] for name in ("by_shape", twin)
    ]
    assert pair[0].metrics == pair[1].metrics
    assert pair[0].parameters == pair[1].parameters


def assert_agree(ours: Cohort, theirs: Cohort) -> None:
    """On one gradient, and on parameters and state after 21 steps."""
    for cohort in (ours, theirs):
        cohort.compute_gradient(*batch_of(cohort))
    scale = float(theirs.gradient.theta.norm())
    for mine, other in zip(ours.gradient.views, theirs.gradient.views, strict=True):
        assert float((mine - other).norm()) <= 1e-6 * scale
    train(ours, theirs, ours.trials[0].epochs)
    assert_close(ours.parameters.theta, theirs.parameters.theta)
    for name in ours.kernel.state.keys() & theirs.kernel.state.keys():
        assert_close(ours.kernel.state[name], theirs.kernel.state[name])


@pytest.mark.parametrize("depth", [0, 2])
def test_kernels_agree_on_values(depth, monkeypatch, make_split) -> None:
    trials = company(recipe(loss="squared_error", depth=depth, optimizer="adam"))
    ours, theirs = pair_of(trials, make_split(1, task="regression"), monkeypatch)
    train(ours, theirs, 7)
    assert_close(ours.parameters.theta, theirs.parameters.theta)


@pytest.mark.parametrize("optimizer", UPDATES)
def test_kernels_agree_where_l1_makes_weights_zero(optimizer, monkeypatch, make_split) -> None:
    trials = company(recipe(regularizers=(("l1", 3.0),), optimizer=optimizer))
    ours, theirs = pair_of(trials, make_split(1), monkeypatch)
    train(ours, theirs, 7)
    weights = torch.from_numpy(ours.model.layout.weight_mask) > 0
    zeros = [(cohort.parameters.theta == 0)[:, weights] for cohort in (ours, theirs)]
    assert torch.equal(*zeros)
    assert 0 < int(zeros[0].sum()) < zeros[0].numel()


def pair_of(trials: list[Trial], split, monkeypatch) -> tuple[Cohort, Cohort]:
    """The same cohort on native passes and on torch's."""
    ours, theirs = (cohort_of(trials, split, monkeypatch, fused) for fused in (True, False))
    assert isinstance(ours.kernel, FusedKernel)
    assert isinstance(theirs.kernel, AutogradKernel)
    return ours, theirs


def train(ours: Cohort, theirs: Cohort, epochs: int) -> None:
    for _ in range(epochs):
        ours.train_epoch()
        theirs.train_epoch()


def assert_close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


# Which kernel

GENERAL = {
    "network": ["residual_convolutional"],
    "activation": [name for name in ACTIVATIONS if name not in BY_HAND],
    "loss": [name for name in LOSSES if name not in GRADIENTS],
    "gradient_clip": [1.0],
    "regularizers": [(("alpha_dropout", 0.5),)],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in GENERAL.items() for value in values]
)
def test_what_native_passes_do_not_know_takes_torchs(field, value) -> None:
    trial = recipe(**{field: value})
    assert kernel_name(trial, "cpu") == "torch-cpu"


@pytest.mark.parametrize("pooling", [name for name in POOLINGS if name != "stride"])
def test_pooled_maps_take_torchs(pooling) -> None:
    trial = recipe(network="convolutional", pooling=pooling)
    assert kernel_name(trial, "cpu") == "torch-cpu"


@pytest.mark.parametrize("name", ["dropout", "batch_norm", "layer_norm"])
def test_maps_with_a_regularizer_of_layers_take_torchs(name) -> None:
    trial = recipe(network="convolutional", regularizers=((name, 0.5),))
    assert kernel_name(trial, "cpu") == "torch-cpu"


def test_other_devices_take_torchs() -> None:
    assert kernel_name(recipe(), "cpu") != kernel_name(recipe(), "cuda") == "torch-cuda"


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_kernel_is_a_function_of_the_recipe_alone(activation, make_split) -> None:
    """Not of company, order, seed, split, strengths or threads."""
    split = make_split(1)
    trials = company(recipe(activation=activation, regularizers=(("l1", 0.1), ("dropout", 0.2))), 5)
    expected = FusedKernel if is_fused(trials[0]) else AutogradKernel
    assert (expected is FusedKernel) == (activation == "relu")
    assert len({kernel_name(trial, "cpu") for trial in trials}) == 1
    for chosen in (trials[:1], trials, trials[::-1]):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            cohort = Cohort(chosen, {trials[0].replicate: split}, CPU)
            torch.set_num_threads(1)
            assert type(cohort.kernel) is expected
            if len(chosen) > 1:
                cohort.keep([2])
            assert type(cohort.kernel) is expected
    assert {o.kernel for o in fit(trials, {trials[0].replicate: split})} == {
        kernel_name(trials[0], "cpu")
    }


# What is not finite

NAN, INF = math.nan, math.inf
ROWS = [
    [0.0, 0.0, 0.0],
    [1.0, -2.0, 0.5],
    [-1e30, -2e30, -3e30],
    [1e30, 1e30, -1e30],
    [3e38, -3e38, 0.0],
    [88.0, 89.0, -200.0],
    [0.0, -INF, 1.0],
    [-INF, -INF, 2.0],
    [-INF, -INF, -INF],
    [0.0, INF, 1.0],
    [INF, INF, -INF],
    [NAN, 0.0, 1.0],
    [0.0, NAN, 1.0],
    [0.0, 1.0, NAN],
    [NAN, NAN, NAN],
    [NAN, INF, -INF],
]


def native_cross_entropy(rows: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and its sums, of one member, from an output padded to sixteen columns."""
    outputs, wanted = (np.zeros((1, len(rows), 16), np.float32) for _ in range(2))
    outputs[0, :, : rows.shape[1]], wanted[0, :, : rows.shape[1]] = rows, targets
    delta, biases = np.full_like(outputs, 7), np.full((1, 16), 7, np.float32)
    weights = np.full(len(rows), 1, np.float32)
    native.cross_entropy_gradient(outputs, wanted, weights, rows.shape[1], delta, biases)
    assert not delta[..., rows.shape[1] :].any()
    assert not biases[:, rows.shape[1] :].any()
    return delta[0, :, : rows.shape[1]], biases[0, : rows.shape[1]]


def test_the_native_softmax_is_torchs_at_any_value() -> None:
    rows = np.array(ROWS, dtype=np.float32)
    targets = np.eye(3, dtype=np.float32)[np.arange(len(rows)) % 3]
    expected = torch.softmax(torch.from_numpy(rows), dim=1).numpy() - targets
    for row, target, wanted in zip(rows, targets, expected, strict=True):
        actual, sums = native_cross_entropy(row[None], target[None])
        np.testing.assert_array_equal(np.isnan(actual[0]), np.isnan(wanted))
        np.testing.assert_allclose(actual[0], wanted, rtol=1e-5, atol=1e-8)
        np.testing.assert_array_equal(sums, actual[0])


def test_the_native_softmax_is_exact_over_its_whole_range() -> None:
    """Two classes apart by -87 to 0: the logistic function, in double precision."""
    apart = np.linspace(-86, 0, 4001).astype(np.float32)
    rows = np.stack([apart, np.zeros_like(apart)], axis=1)
    actual, sums = native_cross_entropy(rows, np.zeros_like(rows))
    powers = np.exp(apart.astype(np.float64))
    np.testing.assert_allclose(actual[:, 0], powers / (1 + powers), rtol=4e-7)
    np.testing.assert_allclose(actual[:, 1], 1 / (1 + powers), rtol=4e-7)
    np.testing.assert_allclose(sums, actual.sum(axis=0, dtype=np.float64), rtol=1e-5)


def test_native_relu_is_torchs_at_any_value() -> None:
    values = np.array(
        [NAN, INF, -INF, 0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38, 2.0, -2.0], np.float32
    )
    before = np.resize(values, (1, 11, 16))
    after = before.copy()
    native.relu_forward(after, np.zeros((1, 16), np.float32))
    np.testing.assert_array_equal(after, torch.relu(torch.from_numpy(before)).numpy())
    known = np.nan_to_num(after, nan=1.0)
    deltas = np.ascontiguousarray(before[..., ::-1])
    expected = torch.ops.aten.threshold_backward(*map(torch.from_numpy, (deltas, known)), 0).numpy()
    sums = np.full((1, 16), 7, np.float32)
    with np.errstate(invalid="ignore"):
        native.relu_backward(deltas, known, sums)
        np.testing.assert_array_equal(deltas, expected)
        wanted = expected.sum(axis=1)
    np.testing.assert_array_equal(np.isfinite(sums), np.isfinite(wanted))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("loss", GRADIENTS)
@pytest.mark.parametrize("activation", [*BY_HAND, "gelu"])
def test_nan_is_never_hidden(activation, loss, fused, monkeypatch, make_split) -> None:
    """Neither in a weight of any layer, nor in a bias, nor in an input; neighbours are spared."""
    for place in range(7):
        cohort = cohort_of(
            company(recipe(activation=activation, loss=loss)), make_split(1), monkeypatch, fused
        )
        inputs, targets, rows = batch_of(cohort)
        if place == 6:
            inputs[1, 3, 2] = NAN
        else:
            cohort.parameters.views[place][1].view(-1)[0] = NAN
        cohort.step(inputs, targets, rows)
        assert cohort.gradient.theta[1].isnan().any()
        assert cohort.gradient.theta[[0, 2]].isfinite().all()
        assert cohort.finite() == [True, False, True]


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("value", [NAN, INF])
def test_data_that_are_not_finite_end_as_divergence(activation, value, make_split) -> None:
    splits = {(s, 0.0): make_split(s) for s in (0, 1)}
    splits[1, 0.0].train_inputs[4, 2] = value
    trials = [replace(recipe(activation=activation), split=s) for s in (0, 1)]
    assert [o.outcome for o in fit(trials, splits)] == ["completed", "diverged"]


# Numerical gradients

SHAPES = {0: (7,), 1: (2, 9), 2: (2, 5, 4)}
FAMILIES = [(network, 0) for network in NETWORKS if "convolutional" not in network]
FAMILIES += [(network, d) for network in NETWORKS if "convolutional" in network for d in (1, 2)]
NORMED = [(), ("batch_norm",), ("layer_norm",), ("batch_norm", "layer_norm")]
TASKS = [(name, task) for name in PLAIN_LOSSES for task in LOSSES[name].tasks]
SMOOTH = ("tanh", "gelu", "softplus", "sine", "silu")


def smooth_cases() -> list[tuple]:
    turns = zip(*map(itertools.cycle, (SMOOTH, POOLINGS, range(1, 4))), strict=True)
    return [
        (
            recipe(
                network=network,
                loss=loss,
                pooling=pooling,
                kernel_size=kernel,
                activation=activation,
                width=(5, 17)[kernel == 2],
                initializer="pytorch",
                regularizers=tuple((name, 1) for name in norms),
            ),
            directions,
            task,
        )
        for ((network, directions), norms, (loss, task)), (activation, pooling, kernel) in zip(
            itertools.product(FAMILIES, NORMED, TASKS), turns, strict=False
        )
    ]


@pytest.mark.parametrize(("trial", "directions", "task"), smooth_cases())
def test_gradients_are_numerical_ones(trial, directions, task, make_split) -> None:
    """Central differences of the plain network's loss along random directions, in float64."""
    shape, step = SHAPES[directions], 1e-5
    split = replace(make_split(1, features=math.prod(shape), task=task), shape=shape)
    cohort = Cohort([trial], {trial.replicate: split}, CPU, torch.float64)
    inputs, targets, rows = batch_of(cohort)
    cohort.step(inputs.double(), targets.double(), rows)
    module = plain(cohort, 0)
    cohort.compute_gradient(inputs.double(), targets.double(), rows)
    gradient, values = state(cohort, 0, cohort.gradient), dict(module.named_parameters())
    data = torch.from_numpy(split.train_inputs[:rows]).double()
    wanted = torch.from_numpy(split.train_targets[:rows])
    wanted = wanted.double() if wanted.is_floating_point() else wanted
    draws = torch.Generator().manual_seed(0)
    for _ in range(2):
        way = {k: torch.randn(v.shape, generator=draws).double() for k, v in values.items()}
        ends = [
            loss_of(
                trial,
                functional_call(module, {k: v + s * way[k] for k, v in values.items()}, (data,)),
                wanted,
            )
            for s in (step, -step)
        ]
        expected = float((ends[0] - ends[1]).detach()) / (2 * step)
        actual = float(sum((gradient[name] * along).sum() for name, along in way.items()))
        size = math.sqrt(sum(float(values.square().sum()) for values in gradient.values()))
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-6 * size)


@pytest.mark.parametrize("index", [0, 1])
def test_second_derivatives_of_a_convolution_are_numerical_ones(index, make_split) -> None:
    """Of inputs, which have no derivative themselves, and of hidden maps."""
    split = replace(make_split(1, features=17 * 3), shape=(17, 3))
    trial = recipe(network="convolutional", width=17, kernel_size=2, initializer="pytorch")
    cohort = Cohort([trial], {trial.replicate: split}, CPU, torch.float64)
    biases, placed = cohort.parameters.biases[index], cohort.model.layout.layers[index]
    draws = torch.Generator().manual_seed(0)
    maps = torch.randn(1, 2, (3, 1)[index], 32, generator=draws).double()
    point = [cohort.parameters.weights[index], *[maps] * index]

    def slopes(*values: torch.Tensor, **graph: bool) -> tuple[torch.Tensor, ...]:
        fed = values[1] if index else maps
        bent = convolve(placed, fed, values[0], biases).tanh()
        return torch.autograd.grad(bent.square().sum(), values, **graph)

    def moved(by: float) -> list[torch.Tensor]:
        return [(v + by * w).requires_grad_() for v, w in zip(point, way, strict=True)]

    way = [torch.randn(values.shape, generator=draws).double() / 50 for values in point]
    start = moved(0)
    found = slopes(*start, create_graph=True)
    along = sum((slope * step).sum() for slope, step in zip(found, way, strict=True))
    ends = slopes(*moved(1e-5)), slopes(*moved(-1e-5))
    for actual, up, down in zip(torch.autograd.grad(along, start), *ends, strict=True):
        torch.testing.assert_close(actual, (up - down) / 2e-5, rtol=1e-5, atol=1e-8)
