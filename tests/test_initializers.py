"""What every initializer must hold, against torch.nn.init, theory and closed forms."""

import numpy as np
import pytest
import torch
from scipy import stats

from suite.parts.initializers import INITIALIZERS, Fan

pytestmark = pytest.mark.usefixtures("one_thread")

init = torch.nn.init
DENSE, TALL, CONVOLUTION = Fan(200, 150, 150), Fan(80, 300, 300), Fan(90, 360, 40)
TWO_DEVIATIONS = stats.truncnorm(-2, 2)
FIXED = {"zero": 0.0, "constant": 0.01}
# (variance of weights, bound of weights or None, bound of biases). New parts need none.
MOMENTS = {
    "zero": lambda _: (0, None, 0),
    "constant": lambda _: (0, None, 0),
    "small_normal": lambda _: (1e-4, None, 0),
    "pytorch": lambda fan: (1 / (3 * fan.fan_in), fan.fan_in**-0.5, fan.fan_in**-0.5),
    "lecun": lambda fan: (1 / fan.fan_in, None, 0),
    "xavier": lambda fan: (
        2 / (fan.fan_in + fan.fan_out),
        (6 / (fan.fan_in + fan.fan_out)) ** 0.5,
        0,
    ),
    "xavier_normal": lambda fan: (2 / (fan.fan_in + fan.fan_out), None, 0),
    "he": lambda fan: (2 / fan.fan_in, None, 0),
    "he_uniform": lambda fan: (2 / fan.fan_in, (6 / fan.fan_in) ** 0.5, 0),
    "orthogonal": lambda fan: (1 / max(fan.fan_in, fan.units), None, 0),
    "truncated_normal": lambda fan: (
        1 / fan.fan_in,
        2 / TWO_DEVIATIONS.std() * fan.fan_in**-0.5,
        0,
    ),
}
# What torch does to a weight of (out_channels, in_channels, places) or (out, in).
TORCH = {
    "zero": lambda weight, _: init.zeros_(weight),
    "constant": lambda weight, _: init.constant_(weight, 0.01),
    "small_normal": lambda weight, rng: init.normal_(weight, std=0.01, generator=rng),
    # reset_parameters of torch.nn.Linear and of torch.nn.Conv1d
    "pytorch": lambda weight, rng: init.kaiming_uniform_(weight, a=5**0.5, generator=rng),
    "lecun": lambda weight, rng: init.kaiming_normal_(weight, nonlinearity="linear", generator=rng),
    "xavier": lambda weight, rng: init.xavier_uniform_(weight, generator=rng),
    "xavier_normal": lambda weight, rng: init.xavier_normal_(weight, generator=rng),
    "he": lambda weight, rng: init.kaiming_normal_(weight, nonlinearity="relu", generator=rng),
    "he_uniform": lambda weight, rng: init.kaiming_uniform_(
        weight, nonlinearity="relu", generator=rng
    ),
    "orthogonal": lambda weight, rng: init.orthogonal_(weight, generator=rng),
    "truncated_normal": lambda weight, rng: init.trunc_normal_(
        weight, a=-2, b=2, generator=rng
    ).div_(TWO_DEVIATIONS.std() * weight[0].numel() ** 0.5),
}


def draw(name: str, seed: int, fan: Fan):
    return INITIALIZERS[name].draw(np.random.default_rng(seed), fan)


@pytest.mark.parametrize("fan", [Fan(6, 4, 4), Fan(1, 9, 9), Fan(9, 27, 3)])
@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_an_initializer_draws_a_layers_shape_from_its_generator_alone(name, fan) -> None:
    (weights, biases), again, other = (draw(name, seed, fan) for seed in (5, 5, 6))
    assert weights.shape == (fan.fan_in, fan.units)
    assert biases.shape == (fan.units,)
    assert weights.dtype == biases.dtype == np.float64
    assert np.array_equal(weights, again[0])
    assert np.array_equal(biases, again[1])
    assert np.array_equal(weights, other[0]) == (name in FIXED)


@pytest.mark.parametrize("fan", [DENSE, TALL, CONVOLUTION], ids=str)
@pytest.mark.parametrize("name", sorted(MOMENTS))
def test_an_initializers_moments_and_bounds_are_the_theorys(name, fan) -> None:
    variance, bound, bias_bound = MOMENTS[name](fan)
    weights, biases = draw(name, 7, fan)
    # Five standard errors of a normal's mean and variance, and of a few biases' variance.
    assert abs(weights.mean() - FIXED.get(name, 0)) <= 5 * (variance / weights.size) ** 0.5 + 1e-16
    error = 5 * (2 / weights.size) ** 0.5
    assert weights.var() == pytest.approx(variance, rel=error, abs=1e-16)
    if bound is not None:
        assert 0.98 * bound <= np.abs(weights).max() <= bound
    assert 0.9 * bias_bound <= np.abs(biases).max() <= bias_bound
    bias_error = 5 * (0.8 / biases.size) ** 0.5
    assert biases.var() == pytest.approx(bias_bound**2 / 3, rel=bias_error)


@pytest.mark.parametrize("shape", [(40, 90), (40, 10, 9)], ids=["dense", "convolution"])
@pytest.mark.parametrize("name", sorted(TORCH))
def test_an_initializer_draws_from_torchs_distribution(name, shape) -> None:
    # torch keeps weights the other way round: units first
    weight = torch.empty(shape, dtype=torch.float64)
    places = weight[0, 0].numel()
    ours, _ = draw(name, 11, Fan(90, 40 * places, 40))
    theirs = TORCH[name](weight, torch.Generator().manual_seed(12)).numpy()
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 0.01


def test_the_truncated_normal_is_scipys() -> None:
    weights, _ = draw("truncated_normal", 3, Fan(100, 200, 200))
    scaled = weights.ravel() * 10 * TWO_DEVIATIONS.std()
    assert stats.kstest(scaled, TWO_DEVIATIONS.cdf).pvalue > 0.01


@pytest.mark.parametrize(("fan_in", "units"), [(30, 30), (30, 17), (17, 30), (1, 9)])
def test_orthogonal_rows_or_columns_are_orthonormal(fan_in, units) -> None:
    weights, _ = draw("orthogonal", 1, Fan(fan_in, units, units))
    product = weights.T @ weights if fan_in >= units else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(fan_in, units)), atol=1e-13)


def test_orthogonal_is_uniform_over_rotations() -> None:
    drawn = np.stack([draw("orthogonal", seed, Fan(4, 4, 4))[0] for seed in range(3000)])
    # Entries of a uniform rotation have mean 0 and variance 1/4; plain QR's diagonal is negative.
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 * (0.25 / 3000) ** 0.5)
    np.testing.assert_allclose(drawn.var(axis=0), 0.25, atol=0.02)
    assert np.linalg.det(drawn).mean() == pytest.approx(0, abs=0.1)
