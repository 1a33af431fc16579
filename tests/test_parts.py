"""Every entry of every dict of parts, against torch's own functions and closed forms."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS, parameter_count, training_flops, width_for
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.training.backpropagation import Parameters, Workspace, backward, forward
from suite.training.batches import dropout_masks
from suite.training.layout import draw_parameters, make_layout, unpad_parameters

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
KINDS = (ACTIVATIONS, INITIALIZERS, LOSSES, NETWORKS, OPTIMIZERS, REGULARIZERS)
# What torch has under our names. New parts need none: their contracts are checked without.
TORCH_ACTIVATIONS = {
    "identity": lambda values: values,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
}
TORCH_LOSSES = {
    "cross_entropy": lambda outputs, targets: functional.cross_entropy(
        outputs.transpose(1, 2), targets.argmax(dim=-1), reduction="none"
    ),
    "squared_error": lambda outputs, targets: functional.mse_loss(
        outputs, targets, reduction="none"
    ).mean(dim=-1),
}
TORCH_INITIALIZERS = {
    "zero": lambda weights, _: torch.nn.init.zeros_(weights),
    "small_normal": lambda weights, rng: torch.nn.init.normal_(weights, std=0.01, generator=rng),
    # torch.nn.Linear.reset_parameters
    "pytorch": lambda weights, rng: torch.nn.init.kaiming_uniform_(
        weights, a=5**0.5, generator=rng
    ),
    "xavier": lambda weights, rng: torch.nn.init.xavier_uniform_(weights, generator=rng),
    "he": lambda weights, rng: torch.nn.init.kaiming_normal_(
        weights, nonlinearity="relu", generator=rng
    ),
    "orthogonal": lambda weights, rng: torch.nn.init.orthogonal_(weights, generator=rng),
}
TORCH_OPTIMIZERS = {
    "sgd": lambda row, rate, _: torch.optim.SGD([row], lr=rate),
    "momentum": lambda row, rate, momentum: torch.optim.SGD([row], lr=rate, momentum=momentum),
    "adam": lambda row, rate, _: torch.optim.Adam([row], lr=rate),
}
# (variance of weights, bound of weights or None, bound of biases) at fan_in, fan_out.
MOMENTS = {
    "zero": lambda _, __: (0, 0, 0),
    "small_normal": lambda _, __: (1e-4, None, 0),
    "pytorch": lambda fan_in, _: (1 / (3 * fan_in), fan_in**-0.5, fan_in**-0.5),
    "xavier": lambda fan_in, fan_out: (
        2 / (fan_in + fan_out),
        (6 / (fan_in + fan_out)) ** 0.5,
        0,
    ),
    "he": lambda fan_in, _: (2 / fan_in, None, 0),
    "orthogonal": lambda fan_in, fan_out: (1 / max(fan_in, fan_out), None, 0),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_says_what_it_is_and_where_it_comes_from(kind) -> None:
    assert all(part.description and part.source for part in kind.values())


# activations


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_activations_backward_is_its_forwards_derivative(name, dtype) -> None:
    start = (2 * normal(1, 3, 16, 48)).to(dtype).requires_grad_()
    upstream = normal(2, 3, 16, 48).to(dtype)
    values = start * 1  # forward works in place, which autograd forbids on leaves
    ACTIVATIONS[name].forward(values)
    (expected,) = torch.autograd.grad(values, start, upstream, retain_graph=True)
    gradient = upstream.clone()
    ACTIVATIONS[name].backward(gradient, values.detach())
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(gradient, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("name", sorted(TORCH_ACTIVATIONS))
def test_an_activations_values_and_derivative_are_torchs(name) -> None:
    start = (2 * normal(3, 500)).requires_grad_()
    expected = TORCH_ACTIVATIONS[name](start)
    (derivative,) = torch.autograd.grad(expected.sum(), start)
    values, gradient = start.detach().clone(), torch.ones(500, dtype=torch.float64)
    ACTIVATIONS[name].forward(values)
    ACTIVATIONS[name].backward(gradient, values)
    torch.testing.assert_close(values, expected.detach(), atol=1e-14, rtol=1e-14)
    torch.testing.assert_close(gradient, derivative, atol=1e-14, rtol=1e-13)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_padding_stays_zero_in_every_buffer(name, rate) -> None:
    layout = make_layout([(7, 5), (5, 19), (19, 3)])
    rows = [draw_parameters(layout, INITIALIZERS["pytorch"], 1.0, seed) for seed in (1, 2)]
    parameters = Parameters(layout, torch.from_numpy(np.stack(rows)))
    gradient = Parameters(layout, torch.full_like(parameters.theta, torch.nan))
    inputs = torch.zeros(2, 16, 16, dtype=torch.float64)
    inputs[..., :7] = normal(4, 2, 16, 7)
    work = Workspace(parameters, 16)
    draws = [np.random.default_rng(seed) for seed in (1, 2)]
    masks = [m.double() for m in dropout_masks(layout, 16, [rate] * 2, draws, CPU)] if rate else []
    forward(parameters, ACTIVATIONS[name], inputs, work, masks)
    work.deltas[-1][..., :3] = normal(5, 2, 16, 3)
    backward(parameters, gradient, ACTIVATIONS[name], inputs, work, masks)
    for index, layer in enumerate(layout.layers):
        assert not work.outputs[index][..., layer.fan_out :].any()
        assert not work.deltas[index][..., layer.fan_out :].any()
        assert not gradient.weights[index][:, layer.fan_in :].any()
        assert not gradient.weights[index][..., layer.fan_out :].any()
        assert not gradient.biases[index][:, layer.fan_out :].any()
        assert gradient.weights[index][:, : layer.fan_in, : layer.fan_out].any()
    assert all(not buffer[..., 5 + 14 * i :].any() for i, buffer in enumerate(work.dropped) if rate)


# losses


def outputs_and_targets(kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Three members' outputs, with one-hot targets, or real ones for regression."""
    if kind == "regression":
        return normal(1, 3, 11, 1), normal(2, 3, 11, 1)
    classes = torch.randint(5, (3, 11), generator=seeded(3))
    return 3 * normal(1, 3, 11, 5), functional.one_hot(classes, 5).double()


LOSS_TASKS = [(name, task) for name, loss in LOSSES.items() for task in loss.tasks]


@pytest.mark.parametrize(("name", "task"), LOSS_TASKS)
def test_a_losss_gradient_is_that_of_its_values(name, task) -> None:
    outputs, targets = outputs_and_targets(task)
    outputs.requires_grad_()
    values = LOSSES[name].values(outputs, targets)
    assert values.shape == (3, 11)
    (expected,) = torch.autograd.grad(values.sum(), outputs)
    actual = LOSSES[name].gradient(outputs.detach(), targets)
    torch.testing.assert_close(actual, expected, atol=1e-14, rtol=1e-13)


@pytest.mark.parametrize(("name", "task"), [c for c in LOSS_TASKS if c[0] in TORCH_LOSSES])
def test_a_losss_values_are_torchs(name, task) -> None:
    outputs, targets = outputs_and_targets(task)
    expected = TORCH_LOSSES[name](outputs, targets)
    torch.testing.assert_close(LOSSES[name].values(outputs, targets), expected)


def test_cross_entropy_stays_finite_at_huge_outputs() -> None:
    outputs = torch.tensor([[[1e4, -1e4], [3e38, 0.0]]])
    targets = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    values = LOSSES["cross_entropy"].values(outputs, targets)
    assert values[0, 0] == 2e4
    assert torch.isfinite(LOSSES["cross_entropy"].gradient(outputs, targets)).all()


# initializers


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_an_initializer_draws_a_layers_shape_from_its_generator_alone(name) -> None:
    first, again = (INITIALIZERS[name].draw(np.random.default_rng(5), 6, 4) for _ in range(2))
    assert first[0].shape == (6, 4)
    assert first[1].shape == (4,)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(("fan_in", "fan_out"), [(200, 150), (80, 300)])
@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_an_initializers_moments_and_bounds_are_the_theorys(name, fan_in, fan_out) -> None:
    variance, bound, bias_bound = MOMENTS[name](fan_in, fan_out)
    rng = np.random.default_rng(7)
    weights, biases = INITIALIZERS[name].draw(rng, fan_in, fan_out)
    # At least 24 000 draws: five standard errors of a normal's mean and variance.
    assert abs(weights.mean()) <= 5 * (variance / weights.size) ** 0.5
    assert weights.var() == pytest.approx(variance, rel=5 * (2 / weights.size) ** 0.5)
    if bound is not None:
        assert np.abs(weights).max() <= bound
        assert np.abs(weights).max() >= 0.999 * bound
    assert np.abs(biases).max() <= bias_bound
    assert np.abs(biases).max() >= 0.9 * bias_bound
    assert biases.var() == pytest.approx(bias_bound**2 / 3, rel=0.25)


@pytest.mark.parametrize("name", sorted(TORCH_INITIALIZERS))
def test_an_initializer_draws_from_torchs_distribution(name) -> None:
    ours, _ = INITIALIZERS[name].draw(np.random.default_rng(11), 90, 40)
    # torch keeps weights the other way round, as (fan_out, fan_in)
    theirs = TORCH_INITIALIZERS[name](torch.empty(40, 90), seeded(12)).numpy()
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 0.01


@pytest.mark.parametrize(("fan_in", "fan_out"), [(30, 30), (30, 17), (17, 30), (1, 9)])
def test_orthogonal_rows_or_columns_are_orthonormal(fan_in, fan_out) -> None:
    weights, _ = INITIALIZERS["orthogonal"].draw(np.random.default_rng(1), fan_in, fan_out)
    product = weights.T @ weights if fan_in >= fan_out else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(fan_in, fan_out)), atol=1e-13)


def test_orthogonal_is_uniform_over_rotations() -> None:
    rng = np.random.default_rng(2)
    drawn = np.stack([INITIALIZERS["orthogonal"].draw(rng, 4, 4)[0] for _ in range(3000)])
    # Entries of a uniform rotation have mean 0 and variance 1/4; plain QR's diagonal is negative.
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 * (0.25 / 3000) ** 0.5)
    np.testing.assert_allclose(drawn.var(axis=0), 0.25, atol=0.02)
    assert np.linalg.det(drawn).mean() == pytest.approx(0, abs=0.1)


def test_gain_scales_weights_and_leaves_biases_and_padding() -> None:
    layout = make_layout([(7, 5), (5, 5), (5, 3)])
    rows = [draw_parameters(layout, INITIALIZERS["pytorch"], gain, 3) for gain in (1, 2.5)]
    plain, scaled = (unpad_parameters(layout, torch.from_numpy(row)) for row in rows)
    for (weights, biases), (scaled_weights, scaled_biases) in zip(plain, scaled, strict=True):
        torch.testing.assert_close(scaled_weights, 2.5 * weights)
        assert torch.equal(scaled_biases, biases)
    true = sum(weights.numel() + biases.numel() for weights, biases in plain)
    assert np.count_nonzero(rows[0]) == true == layout.parameters
    assert not torch.equal(plain[1][0][:5, :3], plain[2][0])


# optimizers


def updates(name: str, rates, momenta, gradients) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Theta and state after a step on each of the gradients, all members stacked."""
    columns = {
        "learning_rate": torch.tensor(rates, dtype=torch.float64).unsqueeze(1),
        "momentum": torch.tensor(momenta, dtype=torch.float64).unsqueeze(1),
    }
    theta = normal(1, len(rates), 32)
    state = OPTIMIZERS[name].init(theta)
    for step, gradient in enumerate(gradients, start=1):
        OPTIMIZERS[name].update(theta, gradient.clone(), state, columns, step)
    return theta, state


@pytest.mark.parametrize("name", sorted(TORCH_OPTIMIZERS))
def test_fifty_steps_are_torch_optims_with_each_members_own_settings(name) -> None:
    rates, momenta = [0.1, 0.003, 0.5], [0.9, 0.0, 0.5]
    gradients = normal(2, 50, 3, 32)
    theta, _ = updates(name, rates, momenta, gradients)
    for member, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        row = normal(1, 3, 32)[member].requires_grad_()
        optimizer = TORCH_OPTIMIZERS[name](row, rate, momentum)
        for gradient in gradients[:, member]:
            row.grad = gradient
            optimizer.step()
        torch.testing.assert_close(theta[member], row.detach(), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizers_state_is_a_row_a_member_and_rows_are_independent(name) -> None:
    rates, momenta = [0.1, 0.003, 0.5], [0.9, 0.0, 0.5]
    gradients = normal(2, 10, 3, 32)
    theta, state = updates(name, rates, momenta, gradients)
    disturbed = gradients.clone()
    disturbed[:, 1] *= 1e30
    theta_beside, state_beside = updates(name, rates, momenta, disturbed)
    for name_of, whole in {"theta": theta, **state}.items():
        assert whole.shape == theta.shape
        assert torch.equal(whole[[0, 2]], {"theta": theta_beside, **state_beside}[name_of][[0, 2]])


# regularizers


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_a_regularizer_acts_at_one_place(name) -> None:
    part = REGULARIZERS[name]
    places = [part.drops, part.on_gradient is not None, part.on_weights is not None]
    assert places.count(True) == 1
    assert part.highest > 0


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_strength_zero_changes_nothing(name) -> None:
    part, theta, gradient = REGULARIZERS[name], normal(1, 2, 32), normal(2, 2, 32)
    before, none = (theta.clone(), gradient.clone()), torch.zeros(2, 1, dtype=torch.float64)
    if part.on_gradient:
        part.on_gradient(gradient, theta, none)
    if part.on_weights:
        part.on_weights(theta, torch.ones(32, dtype=torch.float64), none)
    assert torch.equal(theta, before[0])
    assert torch.equal(gradient, before[1])


def test_l2_adds_the_gradient_of_half_the_squared_weights() -> None:
    strengths = torch.tensor([[0.3], [0.0], [2.0]], dtype=torch.float64)
    theta, start = normal(1, 3, 32).requires_grad_(), normal(2, 3, 32)
    penalty = (0.5 * strengths * theta.square()).sum()
    (expected,) = torch.autograd.grad(penalty, theta)
    gradient = start.clone()
    REGULARIZERS["l2"].on_gradient(gradient, theta.detach(), strengths)
    torch.testing.assert_close(gradient, start + expected)


def test_l1_is_the_soft_threshold_on_weights_alone() -> None:
    thresholds = torch.tensor([[0.5], [0.0], [10.0]], dtype=torch.float64)
    theta, mask = normal(1, 3, 32), torch.zeros(32, dtype=torch.float64)
    mask[:20] = 1
    expected = theta.sign() * (theta.abs() - thresholds).clamp_min(0)
    actual = theta.clone()
    REGULARIZERS["l1"].on_weights(actual, mask, thresholds)
    torch.testing.assert_close(actual[:, :20], expected[:, :20])
    assert torch.equal(actual[:, 20:], theta[:, 20:])
    assert torch.equal(actual[:, :20] == 0, theta[:, :20].abs() <= thresholds)


def test_dropout_keeps_its_share_and_the_expectation() -> None:
    layout, rates = make_layout([(5, 64), (64, 37), (37, 3)]), [0.0, 0.2, 0.75]
    draws = [np.random.default_rng(seed) for seed in (1, 2, 3)]
    masks = dropout_masks(layout, 1024, rates, draws, CPU)
    assert [mask.shape for mask in masks] == [(3, 1024, 64), (3, 1024, 48)]
    for mask in masks:
        for factors, rate in zip(mask, rates, strict=True):
            assert set(factors.unique().tolist()) <= {0, float(np.float32(1 / (1 - rate)))}
            error = 5 * (rate * (1 - rate) / factors.numel()) ** 0.5
            assert float((factors > 0).double().mean()) == pytest.approx(1 - rate, abs=error + 1e-5)
            assert float(factors.double().mean()) == pytest.approx(1, abs=error / (1 - rate) + 1e-4)


def test_dropout_draws_units_rows_and_layers_independently() -> None:
    layout = make_layout([(5, 64), (64, 64), (64, 3)])
    draws = [np.random.default_rng(seed) for seed in (1, 2)]
    first, second = dropout_masks(layout, 512, [0.5, 0.5], draws, CPU)
    kept = (first[0] > 0).double()
    beside = {
        "member": first[1],
        "layer": second[0],
        "row": first[0].roll(1, dims=0),
        "unit": first[0].roll(1, dims=1),
        "step": dropout_masks(layout, 512, [0.5, 0.5], draws, CPU)[0][0],
    }
    for other in beside.values():
        assert float((kept * (other > 0)).mean()) == pytest.approx(0.25, abs=0.015)


# networks


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_a_dense_network_is_torchs_chain_of_linear_layers(depth) -> None:
    shapes = NETWORKS["dense"].shapes(13, 3, depth, 6)
    chain = torch.nn.Sequential(*[torch.nn.Linear(*shape) for shape in shapes])
    assert len(shapes) == depth + 1
    assert chain(torch.zeros(2, 13)).shape == (2, 3)
    assert parameter_count(shapes) == sum(values.numel() for values in chain.parameters())


@pytest.mark.parametrize("budget", [300, 2000, 2417])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_width_for_a_budget_is_the_nearest(name, depth, budget) -> None:
    counts = {w: parameter_count(NETWORKS[name].shapes(13, 3, depth, w)) for w in range(1, 200)}
    width = width_for(name, budget, depth, 13, 3)
    assert abs(counts[width] - budget) == min(abs(count - budget) for count in counts.values())


def test_a_budget_below_one_unit_a_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        width_for("dense", 10, 2, 13, 3)


def test_flops_count_the_products_of_both_passes() -> None:
    # 13x6 and 6x3: forward and weight gradient both, the input's gradient only for the second.
    by_hand = 2 * (2 * 78 + 3 * 18) * 100 * 4
    assert training_flops(((13, 6), (6, 3)), samples=100, epochs=4) == by_hand
