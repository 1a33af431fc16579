"""What every activation, loss and schedule must hold, against torch and closed forms.

The tables of oracles need no entry for a new part: its contract is checked without.
"""

import math

import numpy as np
import pytest
import torch
from scipy import special
from torch.nn import functional

from suite.classical.models import CLASSICAL
from suite.figures.palette import COLOURS
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES

pytestmark = pytest.mark.usefixtures("one_thread")

KINDS = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "loss": LOSSES,
    "network": NETWORKS,
    "optimizer": OPTIMIZERS,
    "regularizer": REGULARIZERS,
    "schedule": SCHEDULES,
}
# name: (torch's module, the closed form)
ORACLES = {
    "identity": (torch.nn.Identity(), lambda z: z),
    "sigmoid": (torch.nn.Sigmoid(), special.expit),
    "tanh": (torch.nn.Tanh(), np.tanh),
    "relu": (torch.nn.ReLU(), lambda z: np.maximum(z, 0)),
    "leaky_relu": (torch.nn.LeakyReLU(), lambda z: np.maximum(z, z / 100)),
    "prelu": (torch.nn.PReLU(dtype=torch.float64), lambda z: np.maximum(z, z / 4)),
    "elu": (torch.nn.ELU(), lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0)))),
    "selu": (
        torch.nn.SELU(),
        lambda z: 1.05070098 * np.where(z > 0, z, 1.67326324 * np.expm1(np.minimum(z, 0))),
    ),
    "gelu": (torch.nn.GELU(), lambda z: z * special.ndtr(z)),
    "silu": (torch.nn.SiLU(), lambda z: z * special.expit(z)),
    "mish": (torch.nn.Mish(), lambda z: z * np.tanh(np.logaddexp(0, z))),
    "softplus": (torch.nn.Softplus(), lambda z: np.logaddexp(0, z)),
    "softsign": (torch.nn.Softsign(), lambda z: z / (1 + np.abs(z))),
    "hardtanh": (torch.nn.Hardtanh(), lambda z: np.clip(z, -1, 1)),
    "sine": (None, np.sin),
}
BY_HAND = sorted(name for name, part in ACTIVATIONS.items() if part.by_hand)
SLOPED = sorted(name for name, part in ACTIVATIONS.items() if part.slope is not None)
KINKS = torch.tensor([-1.0, -0.0, 0.0, 1.0], dtype=torch.float64)
POINTS = torch.cat([torch.linspace(-15, 15, 604, dtype=torch.float64), KINKS])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def activate(name: str, values: torch.Tensor) -> torch.Tensor:
    part = ACTIVATIONS[name]
    return part.function(
        *([values] if part.slope is None else [values, values.new_tensor(part.slope)])
    )


def value_and_derivative(function, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    start = points.clone().requires_grad_()
    values = function(start)
    (derivative,) = torch.autograd.grad(values.sum(), start)
    return values.detach(), derivative


def by_hand(
    name: str, points: torch.Tensor, upstream: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    values, gradient = points.clone(), upstream.clone()
    ACTIVATIONS[name].by_hand.forward(values)
    ACTIVATIONS[name].by_hand.backward(gradient, values)
    return values, gradient


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, entries in KINDS.items() for name in entries]
)
def test_every_part_says_in_a_line_what_it_is_and_where_it_comes_from(kind, name) -> None:
    for text in (KINDS[kind][name].description, KINDS[kind][name].source):
        assert text == text.strip() != ""
        assert "\n" not in text
        assert len(text) < 100


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_colours_are_of_parts_that_exist(kind) -> None:
    known = {*KINDS[kind], *CLASSICAL} if kind == "network" else set(KINDS[kind])
    assert set(COLOURS.get(kind, {})) <= known


# activations


@pytest.mark.parametrize("name", sorted(name for name in ORACLES if ORACLES[name][0]))
def test_an_activation_and_its_derivative_are_torchs_at_kinks_too(name) -> None:
    expected = value_and_derivative(ORACLES[name][0], POINTS)
    actual = value_and_derivative(lambda values: activate(name, values), POINTS)
    torch.testing.assert_close(actual, expected, atol=1e-14, rtol=1e-14)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_an_activation_is_its_closed_form(name) -> None:
    expected = ORACLES[name][1](POINTS.numpy())
    np.testing.assert_allclose(activate(name, POINTS).numpy(), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_is_differentiable_element_by_element(name) -> None:
    away_from_kinks = torch.linspace(-3.95, 3.95, 80, dtype=torch.float64).view(4, 20)
    away_from_kinks.requires_grad_()
    assert torch.autograd.gradcheck(lambda values: activate(name, values), away_from_kinks)
    _, derivative = value_and_derivative(lambda values: activate(name, values), away_from_kinks[2:])
    _, whole = value_and_derivative(lambda values: activate(name, values), away_from_kinks)
    assert torch.equal(derivative, whole[2:])


@pytest.mark.parametrize("name", SLOPED)
def test_each_member_has_its_own_slope(name) -> None:
    values, slopes = normal(1, 3, 5, 4).requires_grad_(), normal(2, 3, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(ACTIVATIONS[name].function, (values, slopes))
    for member in range(3):
        alone = ACTIVATIONS[name].function(values[member], slopes[member])
        assert torch.equal(ACTIVATIONS[name].function(values, slopes)[member], alone)


def test_prelus_slope_has_torchs_gradient() -> None:
    module, values = torch.nn.PReLU(init=0.3, dtype=torch.float64), normal(1, 7, 9)
    module(values).square().sum().backward()
    slope = torch.full((1, 1), 0.3, dtype=torch.float64, requires_grad=True)
    ACTIVATIONS["prelu"].function(values, slope).square().sum().backward()
    torch.testing.assert_close(slope.grad.flatten(), module.weight.grad)
    assert torch.nn.PReLU().weight.item() == ACTIVATIONS["prelu"].slope


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", BY_HAND)
def test_what_is_done_by_hand_is_the_function_and_its_derivative(name, dtype) -> None:
    points = POINTS.to(dtype).view(2, 16, 19).contiguous()
    upstream = normal(2, 2, 16, 19).to(dtype)
    expected, derivative = value_and_derivative(ACTIVATIONS[name].function, points)
    values, gradient = by_hand(name, points, upstream)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(values, expected, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(gradient, upstream * derivative, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_stay_finite_at_huge_values(name) -> None:
    huge = torch.tensor([-3e38, -1e4, -100.0, 100.0, 1e4, 3e38])
    for values in value_and_derivative(lambda points: activate(name, points), huge):
        assert torch.isfinite(values).all()
    if ACTIVATIONS[name].by_hand:
        assert torch.isfinite(torch.cat(by_hand(name, huge, torch.ones(6)))).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activations_bits_do_not_depend_on_company(name) -> None:
    ways = [lambda values: value_and_derivative(lambda v: activate(name, v), values)]
    if ACTIVATIONS[name].by_hand:
        ways.append(lambda values: by_hand(name, values, torch.ones_like(values)))
    members = normal(1, 5, 16, 48).float()
    for way in ways:
        together = way(members)
        for member in range(5):
            alone = way(members[member : member + 1])
            for one, stacked in zip(alone, together, strict=True):
                assert torch.equal(one[0], stacked[member])


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_saturation_and_idle_units_are_where_the_entry_says(name) -> None:
    part, ends = ACTIVATIONS[name], torch.tensor([-1e8, 1e8], dtype=torch.float64)
    values, derivative = value_and_derivative(lambda points: activate(name, points), ends)
    assert (part.saturates is not None) == (derivative.abs().max() < 1e-9).item()
    if part.saturates is not None:
        assert values.tolist() == pytest.approx(part.saturates)
    if part.idle is not None:
        below = value_and_derivative(part.function, torch.linspace(-50, -1e-3, 99))
        assert (below[0] == part.idle).all()
        assert not below[1].any()


# losses

LOSS_TASKS = [(name, task) for name, loss in LOSSES.items() for task in loss.tasks]
CLOSED_LOSSES = {
    "cross_entropy": lambda o, t: special.logsumexp(o, axis=-1) - (o * t).sum(axis=-1),
    "squared_error": lambda o, t: np.square(o - t).mean(axis=-1),
    "absolute": lambda o, t: np.abs(o - t).mean(axis=-1),
    "huber": lambda o, t: special.huber(1, o - t).mean(axis=-1),
}
TORCH_LOSSES = {
    "cross_entropy": torch.nn.CrossEntropyLoss(),
    "squared_error": torch.nn.MSELoss(),
    "absolute": torch.nn.L1Loss(),
    "huber": torch.nn.HuberLoss(),
}


def outputs_and_targets(task: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Three members' outputs, some exactly at kinks, with one-hot targets or real ones."""
    classes = torch.randint(5, (3, 11), generator=seeded(3))
    one_hot = functional.one_hot(classes, 5).double()
    targets = one_hot if task == "classification" else normal(2, 3, 11, 1).round(decimals=1)
    outputs = 3 * normal(1, *targets.shape)
    for row, difference in enumerate([0, 1, -1]):
        outputs[:, row] = targets[:, row] + difference
    return outputs, targets


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
def test_a_loss_is_torchs_and_its_closed_form(name, task) -> None:
    outputs, targets = outputs_and_targets(task)
    values = LOSSES[name].values(outputs, targets)
    closed = CLOSED_LOSSES[name](outputs.numpy(), targets.numpy())
    np.testing.assert_allclose(values.numpy(), closed, rtol=1e-12)
    for member in range(3):
        mean = TORCH_LOSSES[name](outputs[member], targets[member])
        torch.testing.assert_close(values[member].mean(), mean)


def test_cross_entropy_stays_finite_at_huge_outputs() -> None:
    outputs = torch.tensor([[[1e4, -1e4], [3e38, 0.0]]])
    targets = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    values = LOSSES["cross_entropy"].values(outputs, targets)
    assert values[0, 0] == 2e4
    assert torch.isfinite(LOSSES["cross_entropy"].gradient(outputs, targets)).all()


# schedules

lr = torch.optim.lr_scheduler


def rise(steps: int) -> int:
    return max(1, steps // 10)


def torch_warm_up(optimizer, steps: int):
    return lr.LinearLR(optimizer, start_factor=1 / rise(steps), total_iters=rise(steps) - 1)


TORCH_SCHEDULES = {
    "constant": lambda optimizer, _: lr.ConstantLR(optimizer, factor=1),
    "step": lambda optimizer, steps: lr.MultiStepLR(
        optimizer, [math.ceil(steps / 2), math.ceil(3 * steps / 4)]
    ),
    "cosine": lambda optimizer, steps: lr.CosineAnnealingLR(optimizer, T_max=steps),
    "one_cycle": lambda optimizer, steps: lr.OneCycleLR(
        optimizer, max_lr=1, total_steps=steps, cycle_momentum=False
    ),
    "warm_up": torch_warm_up,
    "warm_up_cosine": lambda optimizer, steps: lr.SequentialLR(
        optimizer,
        [torch_warm_up(optimizer, steps), lr.CosineAnnealingLR(optimizer, steps - rise(steps))],
        [rise(steps)],
    ),
}


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 97, 200])
@pytest.mark.parametrize("name", sorted(TORCH_SCHEDULES))
def test_a_schedule_is_torchs_step_by_step(name, steps) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = TORCH_SCHEDULES[name](optimizer, steps)
    for step in range(steps):
        expected = optimizer.param_groups[0]["lr"]
        assert SCHEDULES[name].factor(step, steps) == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        if step < steps - 1:
            schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 97, 2000])
@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_schedule_never_exceeds_the_learning_rate(name, steps) -> None:
    factors = [SCHEDULES[name].factor(step, steps) for step in range(steps)]
    assert all(isinstance(factor, float) and 0 <= factor <= 1 for factor in factors)
    assert steps < 10 or max(factors) > 0.99
