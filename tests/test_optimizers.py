"""What every optimizer and regularizer must hold, against torch and closed forms."""

import pytest
import torch
from torch.nn import functional

from suite.parts.losses import LOSSES
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS, alpha_dropout_factors

pytestmark = pytest.mark.usefixtures("one_thread")

RATES, MOMENTA = (0.1, 0.003, 0.5), (0.9, 0.0, 0.5)
SGD, WEIGHTS = torch.optim.SGD, 20
# What torch has under our names, with its own defaults. New optimizers need none.
TORCH = {
    "sgd": lambda groups, rate, _: SGD(groups, lr=rate),
    "momentum": lambda groups, rate, momentum: SGD(groups, lr=rate, momentum=momentum),
    "nesterov": lambda groups, rate, momentum: SGD(
        groups, lr=rate, momentum=momentum, nesterov=momentum > 0
    ),
    "rmsprop": lambda groups, rate, _: torch.optim.RMSprop(groups, lr=rate),
    "adagrad": lambda groups, rate, _: torch.optim.Adagrad(groups, lr=rate),
    "adam": lambda groups, rate, _: torch.optim.Adam(groups, lr=rate),
    "adamw": lambda groups, rate, _: torch.optim.AdamW(groups, lr=rate),
}


def normal(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def column(values, dtype=torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype).unsqueeze(1)


def none(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape, dtype=torch.float64)


def mask_of(size: int) -> torch.Tensor:
    """The first twenty places are weights, the others biases."""
    return (torch.arange(size) < WEIGHTS).double()


# optimizers


class Stack:
    """Members that train together; each has its own settings."""

    def __init__(self, name: str, theta: torch.Tensor, rates, momenta) -> None:
        self.optimizer, self.theta = OPTIMIZERS[name], theta.clone()
        self.state = self.optimizer.init(self.theta)
        self.columns = {
            "learning_rate": column(rates, theta.dtype),
            "momentum": column(momenta, theta.dtype),
        }
        self.steps = 0

    def step(self, gradient: torch.Tensor) -> None:
        self.steps += 1
        if self.optimizer.decay:
            threshold = self.columns["learning_rate"] * self.optimizer.decay
            mask = mask_of(self.theta.shape[1]).to(self.theta.dtype)
            REGULARIZERS["weight_decay"].before_step(self.theta, mask, threshold)
        update = self.optimizer.update
        update(self.theta, gradient.clone(), self.state, self.columns, self.steps)

    def keep(self, members: list[int]) -> None:
        self.theta = self.theta[members]
        self.state = {name: rows[members] for name, rows in self.state.items()}
        self.columns = {name: rows[members] for name, rows in self.columns.items()}

    def rows(self, members: list[int]) -> list[torch.Tensor]:
        return [whole[members] for whole in (self.theta, *self.state.values())]


@pytest.mark.parametrize("name", sorted(TORCH))
def test_fifty_steps_are_torch_optims_with_each_members_own_settings(name) -> None:
    theta, gradients = normal(1, 3, 32), normal(2, 50, 3, 32)
    stack = Stack(name, theta, RATES, MOMENTA)
    for gradient in gradients:
        stack.step(gradient)
    for member, (rate, momentum) in enumerate(zip(RATES, MOMENTA, strict=True)):
        weights, biases = (row.clone() for row in theta[member].split([WEIGHTS, 32 - WEIGHTS]))
        groups = [{"params": [weights]}, {"params": [biases], "weight_decay": 0.0}]
        optimizer = TORCH[name](groups, rate, momentum)
        for gradient in gradients[:, member]:
            weights.grad, biases.grad = gradient[:WEIGHTS], gradient[WEIGHTS:]
            optimizer.step()
        expected = torch.cat([weights, biases])
        torch.testing.assert_close(stack.theta[member], expected, atol=1e-12, rtol=1e-12)
    assert optimizer.defaults["weight_decay"] == OPTIMIZERS[name].decay


@pytest.mark.parametrize("size", [16, 48, 1040])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_members_bits_depend_neither_on_company_nor_on_who_leaves(name, size) -> None:
    count, staying = 7, [1, 4, 6]
    theta, gradients = normal(1, count, size).float(), normal(2, 12, count, size).float()
    rates, momenta = [0.3 / (1 + m) for m in range(count)], [0.1 * m for m in range(count)]
    together, thinned = (Stack(name, theta, rates, momenta) for _ in range(2))
    alone = [Stack(name, theta[[m]], rates[m : m + 1], momenta[m : m + 1]) for m in range(count)]
    for step, gradient in enumerate(gradients):
        together.step(gradient)
        if step == 5:
            thinned.keep(staying)
        thinned.step(gradient if step < 5 else gradient[staying])
        for member, stack in enumerate(alone):
            stack.step(gradient[[member]])
    for member in range(count):
        for one, stacked in zip(alone[member].rows([0]), together.rows([member]), strict=True):
            assert torch.equal(one, stacked)
    for left, whole in zip(thinned.rows([0, 1, 2]), together.rows(staying), strict=True):
        assert torch.equal(left, whole)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_one_members_infinities_stay_its_own_and_padding_stays_zero(name) -> None:
    theta, gradients = normal(1, 3, 32), normal(2, 10, 3, 32)
    theta[:, 28:], gradients[..., 28:] = 0, 0
    calm, disturbed = (Stack(name, theta, RATES, MOMENTA) for _ in range(2))
    for step, gradient in enumerate(gradients):
        calm.step(gradient)
        gradient[1, :28] = 1e300 if step < 5 else torch.inf
        disturbed.step(gradient)
    for before, after in zip(calm.rows([0, 2]), disturbed.rows([0, 2]), strict=True):
        assert torch.equal(before, after)
        assert before.shape == (2, 32)
    assert torch.isfinite(calm.theta).all()
    assert not disturbed.theta[:, 28:].any()


# regularizers

PLACES = ("on_gradient", "before_step", "after_step", "on_targets")


def one_hot(classes: int) -> torch.Tensor:
    """Targets of three members.  # (member, row, class)."""
    return functional.one_hot(normal(3, 3, 11, classes).argmax(dim=-1), classes).double()


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_a_regularizer_acts_at_one_place_at_most(name) -> None:
    part = REGULARIZERS[name]
    assert sum(getattr(part, place) is not None for place in PLACES) <= 1
    assert part.highest > 0
    assert set(part.tasks) <= {"classification", "regression"}
    assert part.on_targets is None or part.tasks == ("classification",)


@pytest.mark.parametrize("name", sorted(REGULARIZERS))
def test_strength_zero_changes_nothing(name) -> None:
    part, theta, gradient = REGULARIZERS[name], normal(1, 2, 32), normal(2, 2, 32)
    before = (theta.clone(), gradient.clone())
    if part.on_gradient:
        part.on_gradient(gradient, theta, none(2, 1))
    for act in filter(None, (part.before_step, part.after_step)):
        act(theta, torch.ones(32, dtype=torch.float64), none(2, 1))
    if part.on_targets:
        assert torch.equal(part.on_targets(one_hot(5), none(3, 1, 1), 5), one_hot(5))
    assert torch.equal(theta, before[0])
    assert torch.equal(gradient, before[1])


def test_l2_adds_the_gradient_of_half_the_squared_weights() -> None:
    strengths = column([0.3, 0.0, 2.0])
    theta, start = normal(1, 3, 32).requires_grad_(), normal(2, 3, 32)
    penalty = (0.5 * strengths * theta.square()).sum()
    (expected,) = torch.autograd.grad(penalty, theta)
    gradient = start.clone()
    REGULARIZERS["l2"].on_gradient(gradient, theta.detach(), strengths)
    torch.testing.assert_close(gradient, start + expected)


def test_l1_is_the_soft_threshold_on_weights_alone() -> None:
    thresholds = column([0.5, 0.0, 10.0])
    theta = normal(1, 3, 32)
    rows = zip(theta[:, :WEIGHTS], thresholds, strict=True)
    expected = [functional.softshrink(row, float(threshold)) for row, threshold in rows]
    actual = theta.clone()
    REGULARIZERS["l1"].after_step(actual, mask_of(32), thresholds)
    torch.testing.assert_close(actual[:, :WEIGHTS], torch.stack(expected))
    assert torch.equal(actual[:, WEIGHTS:], theta[:, WEIGHTS:])
    assert torch.equal(actual[:, :WEIGHTS] == 0, theta[:, :WEIGHTS].abs() <= thresholds)


def test_weight_decay_is_torchs_decoupled_one_on_weights_alone() -> None:
    rates, strengths = (0.1, 0.5), (0.3, 0.02)
    theta = normal(1, 2, 32)
    actual = theta.clone()
    thresholds = column(rates) * column(strengths)
    REGULARIZERS["weight_decay"].before_step(actual, mask_of(32), thresholds)
    for member, (rate, strength) in enumerate(zip(rates, strengths, strict=True)):
        weights = theta[member, :WEIGHTS].clone().requires_grad_()
        weights.grad = torch.zeros_like(weights)
        torch.optim.AdamW([weights], lr=rate, weight_decay=strength).step()
        torch.testing.assert_close(actual[member, :WEIGHTS], weights.detach())
    assert torch.equal(actual[:, WEIGHTS:], theta[:, WEIGHTS:])


@pytest.mark.parametrize("padding", [0, 11])
def test_label_smoothing_is_torchs_and_leaves_padding_at_zero(padding) -> None:
    outputs, targets = normal(4, 3, 11, 5), one_hot(5)
    strengths = column([0.0, 0.1, 0.6]).unsqueeze(1)
    before = functional.pad(targets, (0, padding))
    smoothed = REGULARIZERS["label_smoothing"].on_targets(before, strengths, 5)
    values = LOSSES["cross_entropy"].values(outputs, smoothed[..., :5])
    for member, strength in enumerate(strengths.flatten().tolist()):
        loss = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=strength)
        expected = loss(outputs[member], targets[member].argmax(dim=-1))
        torch.testing.assert_close(values[member], expected)
    assert not smoothed[..., 5:].any()
    assert torch.equal(before[..., :5], targets)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 0.99])
def test_alpha_dropout_keeps_mean_and_variance_as_torchs_does(rate) -> None:
    dropped, scale, shift = alpha_dropout_factors(rate)
    kept_share, floor = 1 - rate, scale * dropped + shift
    mean = kept_share * shift + rate * floor
    square = kept_share * (scale**2 + shift**2) + rate * floor**2
    assert mean == pytest.approx(0, abs=1e-12)
    assert square == pytest.approx(1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        values = functional.alpha_dropout(torch.full((1000,), 0.7), rate, training=True)
    expected = sorted({floor, scale * 0.7 + shift} if rate else {scale * 0.7 + shift})
    assert values.unique().tolist() == pytest.approx(expected, abs=1e-5)
