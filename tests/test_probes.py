"""Probes: against plain torch, scikit-learn and SciPy, and against closed forms at the start."""

import gc
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy
import torch
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from suite.catalogue import catalogue
from suite.data.split import Split
from suite.errors import InputError
from suite.parts.activations import ACTIVATIONS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS
from suite.planning import check_names
from suite.randomness import generator
from suite.reading import read_experiment
from suite.schemas import PICTURES
from suite.training import curvature, jacobians
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.layout import unpad_parameters
from suite.training.probes import PROBES, probe
from suite.training.snapshots import PROBE_ROWS
from suite.trial import Trial
from tests.probed import camera_of, cohort_of, measure, with_shape

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
CONVOLUTIONAL = ("convolutional", "residual_convolutional")


class Plain(nn.Module):
    """One member as torch would have it, in float64 and evaluation mode."""

    def __init__(self, cohort: Cohort, member: int) -> None:
        super().__init__()
        trial, model, own = cohort.trials[member], cohort.model, cohort.parameters
        pairs = unpad_parameters(model.layout, own.theta[member])
        self.residual = trial.network == "residual"
        self.linears = nn.ModuleList(map(_linear, *zip(*pairs, strict=True)))
        self.bends = nn.ModuleList()
        for index in range(model.hidden):
            steps, units = [], pairs[index][1].numel()
            running = cohort.networks.statistics.of(index)
            for norm, name in enumerate(model.norms):
                step = nn.BatchNorm1d(units) if name == "batch_norm" else nn.LayerNorm(units)
                step.weight.data = own.gains[index][norm][member, :units].clone()
                step.bias.data = own.shifts[index][norm][member, :units].clone()
                if name == "batch_norm":
                    step.running_mean = running.mean[member, :units].clone()
                    step.running_var = running.variance[member, :units].clone()
                steps.append(step)
            self.bends.append(nn.Sequential(*steps))
        slopes = [None if slope is None else slope[member, :1].double() for slope in own.slopes]
        self.functions = [_function(trial.activation, slope) for slope in slopes[:-1]]
        self.double().eval()

    def step(self, index: int, fed: torch.Tensor) -> torch.Tensor:
        """What the layer after `index` is fed."""
        z = self.linears[index](fed)
        if index == len(self.bends):
            return z
        given = self.functions[index](self.bends[index](z))
        return fed + given if self.residual and index else given

    def layers(self, inputs: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        """Of every layer: what it is fed, its pre-activations, its activations."""
        found = []
        for index, linear in enumerate(self.linears):
            z, a = linear(inputs), None
            if index < len(self.bends):
                z = self.bends[index](z)
                a = self.functions[index](z)
            found.append({"fed": inputs, "z": z, "a": z if a is None else a})
            inputs = found[-1]["a"] + (inputs if a is not None and self.residual and index else 0)
        return found


def _linear(weights: torch.Tensor, biases: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(*weights.shape)
    linear.weight.data, linear.bias.data = weights.T.clone(), biases.clone()
    return linear


def _function(name: str, slope: torch.Tensor | None):
    if slope is not None:
        return lambda z: functional.prelu(z, slope)
    return getattr(torch, name)


def probed_rows(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.from_numpy(split.train_inputs[:PROBE_ROWS]).double(),
        torch.from_numpy(split.train_targets[:PROBE_ROWS]),
    )


# ---- the dict ----


@pytest.mark.parametrize("name", sorted(PROBES))
def test_every_entry_is_described_in_one_line_and_measures_in_one_way(name) -> None:
    entry = PROBES[name]
    assert name.isidentifier()
    assert name.islower()
    assert 20 < len(entry.description) < 100
    assert not entry.description.endswith(".")
    assert entry.source
    assert [entry.layer, entry.networks, entry.picture].count(None) == 2
    assert (entry.picture is not None) == (name in PICTURES)


def test_the_catalogue_and_experiments_know_the_names(place) -> None:
    assert set(catalogue(place)["probes"]) == set(PROBES)
    experiment = read_experiment(place / "experiments" / "tiny.yaml")
    known = {"metrics": {"test_accuracy"}, "figures": {"accuracy_by_depth"}}
    check_names(experiment.model_copy(update={"probes": tuple(PROBES)}), **known)
    with pytest.raises(InputError, match="did you mean 'sharpness'"):
        check_names(experiment.model_copy(update={"probes": ("sharpnes",)}), **known)


# ---- values, layer by layer, against autograd on plain modules ----

RECIPES = [
    {"activation": "tanh"},
    {"activation": "relu", "network": "residual"},
    {"activation": "prelu", "width": 5},
    {"activation": "sigmoid", "regularizers": (("batch_norm", 1),)},
    {
        "activation": "relu",
        "network": "residual",
        "regularizers": (("batch_norm", 1), ("layer_norm", 1)),
    },
]


def gradients_by_torch(net: Plain, split: Split) -> dict[str, list[float]]:
    """What autograd alone says of loss gradients and deltas."""
    inputs, targets = probed_rows(split)
    layers = net.layers(inputs)
    losses = functional.cross_entropy(layers[-1]["z"], targets, reduction="none")
    zs, weights = [one["z"] for one in layers], [linear.weight for linear in net.linears]
    deltas = torch.autograd.grad(losses.sum(), zs, retain_graph=True)
    gradients = torch.autograd.grad(losses.mean(), weights)
    return {
        "gradient_norm": [torch.linalg.matrix_norm(g).item() for g in gradients],
        "delta_norm": [d.square().mean().sqrt().item() for d in deltas],
    }


def values_by_numpy(net: Plain, split: Split) -> dict[str, list[float]]:
    """Plain statistics of what the modules hold and give."""
    layers = [
        {key: value.detach().numpy() for key, value in one.items()}
        for one in net.layers(probed_rows(split)[0])
    ]
    shares = [scipy.linalg.svdvals(one["a"]) for one in layers]
    return {
        "signal": [np.mean(one["z"] ** 2) for one in layers],
        "activation_mean": [np.mean(one["a"]) for one in layers],
        "activation_variance": [np.mean(np.var(one["a"], axis=0)) for one in layers],
        "effective_rank": [np.exp(scipy.stats.entropy(one / one.sum())) for one in shares],
        "weight_norm": [np.linalg.norm(linear.weight.detach()) for linear in net.linears],
        "sparsity": [0.0] * len(layers),
    }


@pytest.mark.parametrize("count", [45, 300])
@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_values_and_gradients_are_those_of_plain_modules(recipe, count, make_split) -> None:
    splits = [make_split(seed, counts=(count, 9, 9)) for seed in (1, 0)]
    cohort, before = cohort_of(*splits, depth=3, **recipe)
    nets = [Plain(cohort, member) for member in range(2)]
    expected = [
        gradients_by_torch(n, s) | values_by_numpy(n, s) for n, s in zip(nets, splits, strict=True)
    ]
    found = measure(list(expected[0]), cohort, before)
    for name, values in found.items():
        for member in range(2):
            assert values[member] == pytest.approx(expected[member][name], rel=1e-9), name


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_jacobians_are_autograds_with_norms_and_skip_connections(recipe, make_split) -> None:
    splits = [make_split(seed, features=7) for seed in (0, 1)]
    cohort, _ = cohort_of(*splits, depth=3, **recipe)
    found = measure(["jacobian_mean", "jacobian_spread"], cohort)
    for member, split in enumerate(splits):
        net, means, spreads = Plain(cohort, member), [], []
        for row in probed_rows(split)[0][: jacobians.ROWS]:
            fed, total = row[None], torch.eye(len(row)).double()
            means.append([])
            spreads.append([])
            for index in range(4):
                step = partial(net.step, index)
                own = torch.autograd.functional.jacobian(step, fed).squeeze((0, 2))
                fed, total = step(fed).detach(), own @ total
                squares = scipy.linalg.svdvals(total) ** 2
                means[-1].append(scipy.linalg.svdvals(own).mean())
                spreads[-1].append(squares.var() / squares.mean() ** 2)
        assert found["jacobian_mean"][member] == pytest.approx(np.mean(means, 0), rel=1e-9)
        assert found["jacobian_spread"][member] == pytest.approx(np.mean(spreads, 0), rel=1e-9)


def test_jacobians_are_the_same_in_pieces_and_nan_where_layers_are_maps(
    make_split, monkeypatch
) -> None:
    names = ["jacobian_mean", "jacobian_spread"]
    cohort, _ = cohort_of(*(make_split(seed) for seed in range(3)), depth=2)
    whole = measure(names, cohort)
    monkeypatch.setattr(jacobians, "HELD", 1)
    for name, values in measure(names, cohort).items():
        np.testing.assert_array_equal(values, whole[name])
    for network in CONVOLUTIONAL:
        split = with_shape(make_split(0), (1, 11))
        cohort, _ = cohort_of(split, network=network, depth=2)
        for values in measure(names, cohort).values():
            assert values.shape == (1, 3)
            assert np.isnan(values).all()


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_gradient_cosine_is_the_mean_over_all_pairs(recipe, make_split) -> None:
    split = make_split(0, counts=(20, 9, 9))
    cohort, _ = cohort_of(split, depth=3, **recipe)
    net = Plain(cohort, 0)
    layers = net.layers(probed_rows(split)[0])
    direction = generator(0, "output direction").standard_normal(3)
    seed = torch.from_numpy(direction).expand(20, 3)
    expected = []
    for back in torch.autograd.grad(layers[-1]["z"], [one["z"] for one in layers], seed):
        cosines = functional.cosine_similarity(back[:, None], back[None], dim=2)
        expected.append(cosines[~torch.eye(20, dtype=bool)].mean().item())
    assert measure("gradient_cosine", cohort)[0] == pytest.approx(expected, rel=1e-9)


def test_rows_that_send_nothing_back_make_no_pairs(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), depth=2, activation="relu")
    cohort.parameters.biases[1][0, :13] = -1e6  # the second layer is dead
    cosines = measure("gradient_cosine", cohort)[0]
    assert np.isnan(cosines[:2]).all()
    assert cosines[2] == pytest.approx(1)


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_updates_are_the_last_step_and_absent_before_it(network, make_split) -> None:
    split = with_shape(make_split(0), (1, 7))
    cohort, before = cohort_of(split, depth=2, network=network)
    then = unpad_parameters(cohort.model.layout, before[0])
    now = unpad_parameters(cohort.model.layout, cohort.parameters.theta[0])
    pairs = [(a[0].double(), b[0].double()) for a, b in zip(then, now, strict=True)]
    norms = [torch.linalg.norm(b - a).item() for a, b in pairs]
    ratios = [torch.linalg.norm(b - a).item() / torch.linalg.norm(b).item() for a, b in pairs]
    assert min(norms) > 0
    found = measure(["update_norm", "update_ratio"], cohort, before)
    assert found["update_norm"][0] == pytest.approx(norms, rel=1e-9)
    assert found["update_ratio"][0] == pytest.approx(ratios, rel=1e-9)
    for values in measure(["update_norm", "update_ratio"], cohort).values():
        assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("activation", "pushed", "expected"),
    [("tanh", 6.0, 3 / 13), ("sigmoid", -9.0, 3 / 13), ("hardtanh", 8.0, 3 / 13)],
)
def test_saturated_share_counts_activations_at_the_flat_ends(
    activation, pushed, expected, make_split
) -> None:
    cohort, _ = cohort_of(make_split(0), depth=1, activation=activation, gain=0.1)
    cohort.parameters.biases[0][0, :3] = pushed
    shares = measure("saturated_share", cohort)[0]
    assert shares[0] == pytest.approx(expected)
    assert np.isnan(shares[1])


def test_saturation_begins_at_a_hundredth_of_the_range(make_split) -> None:
    for output, expected in ((0.979, 0.0), (0.981, 1.0), (-0.979, 0.0), (-0.981, 1.0)):
        cohort, _ = cohort_of(make_split(0), epochs=0, depth=1, activation="tanh", gain=0)
        cohort.parameters.biases[0][0, :13] = float(np.arctanh(output))
        assert measure("saturated_share", cohort)[0, 0] == expected


@pytest.mark.parametrize("network", ["dense", "convolutional", "residual_convolutional"])
def test_dead_share_counts_units_and_channels_that_never_fire(network, make_split) -> None:
    split = with_shape(make_split(0, counts=(150, 9, 9)), (1, 7))
    cohort, _ = cohort_of(split, network=network, depth=2, activation="relu")
    cohort.parameters.biases[0][0, :4] = -1e6
    # What only one of the probed rows switches on is alive; rows after them are not looked at.
    cohort.parameters.biases[0][0, 4:13] = 1.0
    shares = measure("dead_share", cohort)[0]
    assert shares[0] == pytest.approx(4 / 13)
    assert np.isnan(shares[2])


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_shares_are_measured_where_the_activation_has_them(activation, make_split) -> None:
    part = ACTIVATIONS[activation]
    cohort, _ = cohort_of(make_split(0), depth=1, activation=activation)
    found = measure(["saturated_share", "dead_share"], cohort)
    assert np.isfinite(found["saturated_share"][0, 0]) == (part.saturates is not None)
    assert np.isfinite(found["dead_share"][0, 0]) == (part.idle is not None)


def test_sparsity_counts_exact_zeros_alone(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), depth=1)
    cohort.parameters.weights[0][0, :7, :2] = 0
    cohort.parameters.weights[1][0, 0, 0] = 1e-30
    assert measure("sparsity", cohort)[0] == pytest.approx([2 / 13, 0])


def test_effective_rank_of_few_directions_is_their_number(make_split) -> None:
    split = make_split(0, counts=(128, 9, 9))
    basis = scipy.linalg.qr(np.random.default_rng(0).standard_normal((128, 7)), mode="economic")[0]
    split = replace(split, train_inputs=basis.astype(np.float32))
    cohort, _ = cohort_of(split, epochs=0, depth=1, activation="identity", initializer="zero")
    # Seven orthonormal columns, of which three are passed on, one of them twice over.
    cohort.parameters.weights[0][0, :3, :4] = torch.eye(3)[:, [0, 1, 2, 2]]
    singular = np.array([1, 1, 2**0.5])
    expected = np.exp(scipy.stats.entropy(singular / singular.sum()))
    assert measure("effective_rank", cohort)[0, 0] == pytest.approx(expected, rel=1e-6)


# ---- linear probe ----


@pytest.mark.parametrize(
    ("network", "width", "counts", "classes"),
    [
        ("dense", 13, (60, 300, 9), 3),
        ("residual", 5, (700, 40, 9), 2),
        ("dense", 200, (60, 600, 9), 3),  # more units than rows
    ],
)
def test_linear_probe_is_scikit_learns_ridge_classifier(
    network, width, counts, classes, make_split
) -> None:
    splits = [make_split(seed, counts=counts, outputs=classes) for seed in (0, 1)]
    # Validation parts may differ in size; each member sees its own.
    short = slice(0, counts[1] - 10)
    splits[1] = replace(
        splits[1],
        validation_inputs=splits[1].validation_inputs[short],
        validation_targets=splits[1].validation_targets[short],
    )
    cohort, _ = cohort_of(*splits, network=network, width=width, depth=2)
    found = measure("linear_probe", cohort)
    for member, split in enumerate(splits):
        net = Plain(cohort, member)
        fitted, judged = (
            [one["a"].detach().numpy() for one in net.layers(torch.from_numpy(rows[:512]).double())]
            for rows in (split.train_inputs, split.validation_inputs)
        )
        expected = [
            make_pipeline(StandardScaler(), RidgeClassifier(alpha=1.0))
            .fit(fit_rows, split.train_targets[:512])
            .score(rows, split.validation_targets[:512])
            for fit_rows, rows in zip(fitted, judged, strict=True)
        ]
        assert found[member] == pytest.approx(expected, abs=1e-12)
        assert len(set(expected)) > 1


def test_linear_probe_of_values_is_r2_of_ridge_regression(make_split) -> None:
    split = make_split(0, task="regression")
    cohort, _ = cohort_of(split, depth=1, loss="squared_error")
    net = Plain(cohort, 0)
    fitted, judged = (
        [one["a"].detach().numpy() for one in net.layers(torch.from_numpy(rows).double())]
        for rows in (split.train_inputs, split.validation_inputs)
    )
    expected = [
        make_pipeline(StandardScaler(), Ridge(alpha=1.0))
        .fit(fit_rows, split.train_targets)
        .score(rows, split.validation_targets)
        for fit_rows, rows in zip(fitted, judged, strict=True)
    ]
    assert measure("linear_probe", cohort)[0] == pytest.approx(expected, rel=1e-9)


def test_linear_probe_of_constant_activations_is_the_commonest_class(make_split) -> None:
    split = make_split(0)
    cohort, _ = cohort_of(split, epochs=0, depth=1, activation="sigmoid", initializer="zero")
    commonest = np.bincount(split.train_targets).argmax()
    share = np.mean(split.validation_targets == commonest)
    assert measure("linear_probe", cohort)[0] == pytest.approx([share, share])


# ---- sharpness ----


def exact_sharpness(cohort: Cohort, member: int, split: Split) -> float:
    """Largest eigenvalue of the Hessian that torch builds entry by entry."""
    net, (inputs, targets) = Plain(cohort, member), probed_rows(split)
    shapes = {name: value.shape for name, value in net.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]

    def loss(flat: torch.Tensor) -> torch.Tensor:
        pieces = zip(shapes.items(), flat.split(sizes), strict=True)
        values = {name: piece.view(shape) for (name, shape), piece in pieces}
        outputs = torch.func.functional_call(
            _Last(net), {f"net.{n}": v for n, v in values.items()}, inputs
        )
        return functional.cross_entropy(outputs, targets)

    flat = torch.cat([value.detach().flatten() for value in net.parameters()])
    hessian = torch.autograd.functional.hessian(loss, flat)
    return torch.linalg.eigvalsh(hessian)[-1].item()


class _Last(nn.Module):
    """The outputs alone."""

    def __init__(self, net: Plain) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.net.layers(inputs)[-1]["z"]


@pytest.mark.parametrize(
    "recipe",
    [
        {"activation": "tanh", "width": 5},
        {"activation": "relu", "network": "residual", "width": 5},
        {"activation": "sigmoid", "width": 3, "regularizers": (("batch_norm", 1),)},
        {"activation": "tanh", "width": 3, "regularizers": (("layer_norm", 1),)},
    ],
    ids=str,
)
def test_sharpness_is_the_hessians_largest_eigenvalue(recipe, make_split, monkeypatch) -> None:
    splits = [make_split(seed, counts=(20, 9, 9), features=3) for seed in (0, 1)]
    cohort, _ = cohort_of(*splits, depth=2, **recipe)
    expected = [exact_sharpness(cohort, member, split) for member, split in enumerate(splits)]
    assert measure("sharpness", cohort) == pytest.approx(expected, rel=0.02)
    monkeypatch.setattr(curvature, "PRODUCTS", 40)
    assert measure("sharpness", cohort) == pytest.approx(expected, rel=1e-6)


def test_sharpness_of_linear_regression_is_that_of_its_inputs(make_split, monkeypatch) -> None:
    monkeypatch.setattr(curvature, "PRODUCTS", 40)  # more than there are parameters
    split = make_split(0, task="regression")
    cohort, _ = cohort_of(split, network="linear", loss="squared_error")
    inputs = np.column_stack([split.train_inputs.astype(np.float64), np.ones(45)])
    expected = 2 * np.linalg.eigvalsh(inputs.T @ inputs / 45)[-1]
    assert measure("sharpness", cohort) == pytest.approx([expected], rel=1e-9)


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("network", ["linear", "dense"])
def test_every_loss_has_a_curvature(loss, network, make_split) -> None:
    cohort, _ = cohort_of(make_split(0), network=network, loss=loss, activation="tanh")
    assert np.isfinite(measure("sharpness", cohort)).all()


@pytest.mark.parametrize("activation", ["sigmoid", "prelu"])
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_curvature_knows_padding_from_parameters(network, activation, make_split) -> None:
    split = with_shape(make_split(0), (2, 5))
    norms = (("batch_norm", 1), ("layer_norm", 1))
    cohort, _ = cohort_of(
        split, network=network, activation=activation, width=5, depth=2, regularizers=norms
    )
    layout = cohort.model.layout
    true = curvature.true_parameters(layout)
    assert true.sum() == layout.parameters
    assert not cohort.parameters.theta[0].numpy()[~true].any()
    vector = np.where(true, np.random.default_rng(0).standard_normal(layout.size), 0)
    image = curvature.hessian(camera_of(cohort))(vector[None])[0]
    assert not image[~true].any()
    assert image[true].any()


def test_largest_eigenvalues_are_those_of_symmetric_matrices() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((3, 12, 12))
    matrices += matrices.transpose(0, 2, 1)
    matrices[1] = np.diag(np.r_[5.0, np.zeros(11)])  # two vectors span all there is to find
    matrices[2] *= np.nan
    start = rng.standard_normal((3, 12))
    with np.errstate(invalid="ignore"):
        found = curvature.largest_eigenvalues(
            lambda vectors: np.einsum("mij,mj->mi", matrices, vectors), start, 12
        )
    assert found[0] == pytest.approx(np.linalg.eigvalsh(matrices[0])[-1], rel=1e-9)
    assert found[1] == pytest.approx(5)
    assert np.isnan(found[2])


# ---- closed forms at the start of training ----


def square_split(seed: int, features: int, rows: int) -> Split:
    """Orthogonal inputs with a mean square of 1; classes at random."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.standard_normal((features, features)))[0]
    inputs = (features**0.5 * turned[:rows]).astype(np.float32)
    classes = rng.integers(10, size=rows)
    few = (inputs[:2], classes[:2])
    return Split(inputs, classes, *few, *few, task="classification", outputs=10)


def at_start(names, *, members: int, width: int, rows: int = 16, **settings):
    """Probes of square networks before training."""
    splits = [square_split(seed, width, rows) for seed in range(members)]
    cohort, _ = cohort_of(*splits, epochs=0, width=width, **settings)
    return measure(names, cohort)


def test_gradients_of_two_inputs_shatter_as_balduzzi_has_it() -> None:
    """Layer l of L: the product over l..L of 1 - arccos(c)/π, from orthogonal inputs."""
    found = at_start(
        "gradient_cosine", members=16, width=128, rows=64, depth=10, initializer="he"
    ).mean(axis=0)
    cosine, factors = 0.0, []
    for _ in range(10):
        angle = np.arccos(cosine)
        factors.append(1 - angle / np.pi)
        cosine = ((1 - cosine**2) ** 0.5 + cosine * (np.pi - angle)) / np.pi
    expected = np.cumprod(factors[::-1])[::-1]
    assert np.prod(factors[:5]) == pytest.approx(0.105, abs=5e-4)  # the published values
    assert expected[0] == pytest.approx(0.0337, abs=5e-5)
    assert found[:10] == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(
    ("activation", "initializer", "gain", "slope", "tolerance"),
    [
        ("identity", "lecun", 1.0, 1.0, 0.15),
        ("identity", "orthogonal", 1.0, 0.0, 1e-6),
        ("relu", "he", 1.0, 2.0, 0.15),
        ("relu", "orthogonal", 2**0.5, 1.0, 0.15),
    ],
)
def test_jacobians_spread_with_depth_as_pennington_has_it(
    activation, initializer, gain, slope, tolerance
) -> None:
    found = at_start(
        "jacobian_spread",
        members=8,
        width=128,
        depth=4,
        activation=activation,
        initializer=initializer,
        gain=gain,
    )[:, :4].mean(axis=0)
    layers = np.arange(1, 5)
    assert found == pytest.approx(slope * layers, rel=tolerance, abs=1e-6)


@pytest.mark.parametrize(("initializer", "variance"), [("pytorch", 1 / 3), ("xavier", 1.0)])
def test_layers_stretch_as_glorot_and_bengio_found(initializer, variance) -> None:
    """Per layer (8/3π) √(σ² E φ'²): about .5 against .8 in five layers of tanh."""
    found = at_start(
        "jacobian_mean", members=6, width=128, depth=5, activation="tanh", initializer=initializer
    ).mean(axis=0)
    bias = 1 / (3 * 128) if initializer == "pytorch" else 0
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    square, expected = 1.0, []
    for _ in range(5):
        z = points * (variance * square + bias) ** 0.5
        slope = weights @ np.cosh(z) ** -4
        expected.append(8 / (3 * np.pi) * (variance * slope) ** 0.5)
        square = weights @ np.tanh(z) ** 2
    assert found[:5] == pytest.approx(expected, abs=0.05)


def test_an_orthogonal_linear_layer_stretches_nothing() -> None:
    settings = {"activation": "identity", "initializer": "orthogonal"}
    found = at_start("jacobian_mean", members=1, width=32, depth=3, **settings)
    assert found[0, :3] == pytest.approx([1, 1, 1], rel=1e-6)


# ---- purity, independence, robustness ----


@pytest.mark.parametrize(
    ("network", "regularizers"),
    [("dense", (("dropout", 0.3),)), ("convolutional", (("batch_norm", 1), ("input_noise", 0.2)))],
)
def test_probes_change_no_number_of_training_or_of_each_other(
    network, regularizers, make_split
) -> None:
    split = with_shape(make_split(0), (1, 7))
    trial = Trial(
        dataset="synthetic",
        network=network,
        width=5,
        regularizers=regularizers,
        epochs=2,
        batch_size=20,
    )

    def numbers(names):
        (outcome,) = fit([trial], {(0, 0.0): split}, names)
        rows = outcome.histories
        places = zip(rows.epoch, rows.split, rows.metric, rows.layer, strict=True)
        return outcome.metrics, dict(zip(places, rows.value, strict=True))

    metrics, everything = numbers(tuple(PROBES))
    for names in [(), *((name,) for name in PROBES)]:
        alone_metrics, alone = numbers(names)
        assert alone_metrics == metrics
        assert alone.items() <= everything.items()
        recorded = {metric for _, _, metric, _ in alone} - {"loss", "accuracy"}
        assert recorded <= set(names)


COMPANY = [
    ("linear", (7,), "relu", ()),
    ("dense", (7,), "relu", ()),
    ("dense", (2,), "tanh", ()),
    ("dense", (7,), "prelu", (("layer_norm", 1),)),
    ("residual", (7,), "sigmoid", (("batch_norm", 1), ("layer_norm", 1))),
    ("convolutional", (1, 11), "prelu", (("batch_norm", 1),)),
    ("convolutional", (2, 6, 5), "tanh", ()),
    ("residual_convolutional", (1, 11), "relu", (("layer_norm", 1),)),
]


@pytest.mark.parametrize("width", [5, 13])
@pytest.mark.parametrize(("network", "shape", "activation", "norms"), COMPANY)
def test_a_members_probes_have_the_same_bits_in_any_company(
    network, shape, activation, norms, width, make_split
) -> None:
    splits = {
        (k, 0.0): with_shape(make_split(k, counts=(45, 33 - k, 21)), shape, k) for k in range(3)
    }
    settings = {"network": network, "activation": activation, "regularizers": norms}
    trials = [
        Trial(dataset="synthetic", width=width, split=k % 3, seed=k, **settings) for k in range(7)
    ]

    def all_probes(members):
        cohort = Cohort([trials[m] for m in members], splits, CPU)
        return measure(list(PROBES), cohort, cohort.train_epoch())

    alone = all_probes([5])
    for members in ([5, 1], [0, 5, 2, 3, 4, 6, 1]):
        for name, values in all_probes(members).items():
            own = values[members.index(5)]
            np.testing.assert_array_equal(own, alone[name][0], err_msg=name)


ODD = {
    "no hidden layer": ({"depth": 0}, {}),
    "linear": ({"network": "linear"}, {}),
    "regression": ({"loss": "squared_error"}, {"task": "regression"}),
    "one row": ({}, {"counts": (2, 1, 1)}),
    "one unit": ({"width": 1}, {}),
    "one class": ({}, {"outputs": 1}),
    "all zero": ({"initializer": "zero"}, {}),
    "map of one place": ({"network": "convolutional", "depth": 4}, {}),
}


OF_NETWORKS = ("attribution_auc", "linear_readout", "sharpness", "zero_share")


@pytest.mark.parametrize("case", sorted(ODD))
def test_odd_networks_and_data_have_probes_too(case, make_split) -> None:
    settings, data = ODD[case]
    split = with_shape(make_split(0, **data), (1, 7))
    cohort, _ = cohort_of(split, epochs=0, **settings)
    found = measure(list(PROBES), cohort, cohort.train_epoch())
    layers = len(cohort.model.layout.layers)
    for name, values in found.items():
        if name not in PICTURES:
            assert values.shape == ((1,) if name in OF_NETWORKS else (1, layers)), name
        assert not np.isinf(values).any(), name
    assert np.isfinite(found["weight_norm"]).all()
    assert np.isfinite(found["signal"]).all()


@pytest.mark.parametrize("value", [1e38, np.inf, np.nan])
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_network_that_overflows_has_no_numbers_and_harms_no_other(
    network, value, make_split
) -> None:
    split = with_shape(make_split(0), (1, 7))
    cohort, before = cohort_of(split, split, network=network, depth=6, activation="relu", width=5)
    expected = measure(list(PROBES), cohort, before)
    for weights in cohort.parameters.weights:
        weights[0, : weights.shape[1] // 2] = value
    found = measure(list(PROBES), cohort, before)
    for name, values in found.items():
        assert not np.isinf(values).any()
        np.testing.assert_array_equal(values[1], expected[name][1], err_msg=name)
    if not np.isfinite(value):
        measured = {n for n, v in found.items() if np.isfinite(v[0]).any()}
        assert measured <= {"sparsity", "zero_share", "gradient_cosine"}


def test_a_camera_is_gone_as_soon_as_nobody_looks(make_split) -> None:
    cohort, before = cohort_of(make_split(0), depth=2)
    gc.disable()
    try:
        camera = camera_of(cohort, before)
        probe(list(PROBES), camera)
        ghost = weakref.ref(camera)
        del camera
        assert ghost() is None
    finally:
        gc.enable()
