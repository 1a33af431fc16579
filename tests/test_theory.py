"""Mean-field predictions against published numbers, adaptive quadrature and simulated networks."""

import itertools
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import integrate

from suite import theory
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS, Fan
from suite.theory import activations, mean_field

# log10 of δ_1²/δ_21² with q_1 = σ², for σ² = 1/3, 1, 2.
RATIOS = {
    "sigmoid": (-34.0, -25.2, -20.1),
    "tanh": (-9.80, -1.44, 0.51),
    "relu": (-15.6, -6.02, 0),
    "selu": (-4.00, 0.60, 2.76),
}
# The same for a network of 20 hidden layers.
RATIOS_19 = {
    "sigmoid": (-32.3, -23.9, -19.1),
    "tanh": (-9.32, -1.42, 0.46),
    "relu": (-14.8, -5.72, 0),
}
VARIANCES = (1 / 3, 1.0, 2.0)


def ratio(activation, variance, depth):
    return mean_field.log10_deltas(activation, variance, variance, depth=depth)[0]


@pytest.mark.parametrize(("table", "depth"), [(RATIOS, 21), (RATIOS_19, 20)])
def test_delta_ratios_are_the_published_ones(table, depth):
    for activation, row in table.items():
        for variance, expected in zip(VARIANCES, row, strict=True):
            printed = 0.05 if abs(expected) >= 10 else 0.02
            assert ratio(activation, variance, depth) == pytest.approx(expected, abs=printed)


def integrated(function, variance):
    """E[function(z)²] by adaptive quadrature, in pieces between kinks at -1, 0 and 1."""
    deviation = np.sqrt(variance)

    def weighted(z):
        return function(deviation * z) ** 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    kink = min(1 / deviation, 11)
    edges = sorted({sign * edge for sign in (-1, 1) for edge in (0, kink / 30, kink, 12)})
    return sum(
        integrate.quad(weighted, *ends, limit=2000, epsabs=1e-13)[0]
        for ends in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
@pytest.mark.parametrize("variance", [1e-4, 0.3, 1, 30, 1e4])
def test_gaussian_means_agree_with_adaptive_quadrature(activation, variance):
    known = activations.ACTIVATIONS[activation]
    square, slope_square = known.value_square(variance), known.derivative_square(variance)
    assert square == pytest.approx(integrated(known.value, variance), rel=1e-7)
    assert slope_square == pytest.approx(integrated(known.derivative, variance), rel=1e-7)


@pytest.mark.parametrize("activation", ["hardtanh", "sine"])
def test_means_agree_with_sampling(activation):
    z = np.random.default_rng(1).standard_normal(400_000)
    known = activations.ACTIVATIONS[activation]
    for variance in (0.2, 3.0):
        scaled = np.sqrt(variance) * z
        sampled = [np.mean(f(scaled) ** 2) for f in (known.value, known.derivative)]
        means = [known.value_square(variance), known.derivative_square(variance)]
        assert means == pytest.approx(sampled, abs=0.004)


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_without_a_signal_an_activation_stays_where_it_is_at_0(activation):
    known = activations.ACTIVATIONS[activation]
    assert known.value_square(0.0) == pytest.approx(known.value(np.zeros(1))[0] ** 2)
    assert np.isfinite(known.derivative_square([0.0, 1.0])).all()


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_derivatives_agree_with_differences(activation):
    z = np.linspace(-3, 3, 60)
    known = activations.ACTIVATIONS[activation]
    difference = (known.value(z + 1e-6) - known.value(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(known.derivative(z), difference, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_and_derivatives_are_those_that_networks_compute(activation):
    part, known = ACTIVATIONS[activation], activations.ACTIVATIONS[activation]
    slope = () if part.slope is None else (torch.tensor(part.slope, dtype=torch.float64),)
    z = np.linspace(-30, 30, 1800)

    def computed(points):
        return part.function(torch.from_numpy(points), *slope).numpy()

    # torch's softplus is the identity above 20, which is 2e-9 off.
    np.testing.assert_allclose(known.value(z), computed(z), rtol=1e-10, atol=3e-9)
    difference = (computed(z + 1e-5) - computed(z - 1e-5)) / 2e-5
    np.testing.assert_allclose(known.derivative(z), difference, atol=1e-7)


@pytest.mark.parametrize("initializer", mean_field.WEIGHT_VARIANCES)
@pytest.mark.parametrize("shape", [(200, 200), (240, 120), (120, 240)])
def test_variances_are_those_of_the_drawn_weights(initializer, shape):
    fan_in, fan_out = shape
    rng = np.random.default_rng(0)
    weights, biases = INITIALIZERS[initializer].draw(rng, Fan(fan_in, fan_out, fan_out))
    expected = mean_field.weight_variance(initializer, fan_in, fan_out)
    assert fan_in * np.mean(weights**2) == pytest.approx(expected, rel=0.05)
    assert np.mean(biases**2) == pytest.approx(
        mean_field.bias_variance(initializer, fan_in), rel=0.2
    )


def test_every_part_has_its_theory():
    assert mean_field.WEIGHT_VARIANCES.keys() == INITIALIZERS.keys() - {"constant"}
    assert activations.ACTIVATIONS.keys() == ACTIVATIONS.keys()


def test_weights_that_are_no_draws_around_zero_have_no_variance():
    with pytest.raises(ValueError, match="no known variance around zero of constant weights"):
        mean_field.weight_variance("constant", 10, 10)


def test_gain_scales_the_deviation():
    assert mean_field.weight_variance("he", 10, 10, gain=3) == 18
    assert mean_field.weight_variance("small_normal", 64, 64, gain=2) == pytest.approx(0.0256)
    assert mean_field.weight_variance("xavier", 64, 128) == pytest.approx(2 / 3)


def simulated(activation, weight_variance, bias_variance, depth, width=200, networks=10):
    """Mean log10 of the squared deltas relative to the last hidden layer, and mean signals."""
    phi = activations.ACTIVATIONS[activation]
    logs, squares = [], []
    for seed in range(networks):
        rng = np.random.default_rng(seed)
        scale = np.sqrt(weight_variance / width)
        weights = [scale * rng.standard_normal((width, width)) for _ in range(depth)]
        hidden, layers = rng.standard_normal((20, width)), []  # (sample, width)
        for weight in weights:
            bias = np.sqrt(bias_variance) * rng.standard_normal(width)
            layers.append(hidden @ weight + bias)
            hidden = phi.value(layers[-1])
        delta = rng.standard_normal(hidden.shape) * phi.derivative(layers[-1])
        deltas = [delta]
        for weight, z in zip(weights[:0:-1], layers[-2::-1], strict=True):
            deltas.append((deltas[-1] @ weight.T) * phi.derivative(z))
        mean_squares = np.array([np.mean(d**2) for d in deltas[::-1]])
        logs.append(np.log10(mean_squares / mean_squares[-1]))
        squares.append([np.mean(z**2) for z in layers])
    return np.mean(logs, axis=0), np.mean(squares, axis=0)


@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance"),
    [
        ("sigmoid", 1, 0),
        ("tanh", 2, 0.05),
        ("relu", 2, 0),
        ("selu", 1, 0),
        ("identity", 1 / 3, 0),
        ("gelu", 1.5, 0.1),
        ("hardtanh", 1.5, 0.05),
        ("sine", 1, 0.1),
        ("softplus", 0.5, 0),
    ],
)
def test_predictions_match_simulated_networks(activation, weight_variance, bias_variance):
    depth = 8
    logs, squares = simulated(activation, weight_variance, bias_variance, depth)
    first = weight_variance + bias_variance
    given = (activation, first, weight_variance, bias_variance)
    np.testing.assert_allclose(mean_field.log10_deltas(*given, depth=depth), logs, atol=0.12)
    np.testing.assert_allclose(mean_field.signals(*given, depth=depth), squares, rtol=0.12)


def test_linear_networks_have_a_closed_form():
    deltas = mean_field.log10_deltas("identity", 1.0, 0.5, depth=4)
    np.testing.assert_allclose(deltas, np.log10(0.5) * np.array([3, 2, 1, 0]), atol=1e-12)
    np.testing.assert_allclose(
        mean_field.signals("identity", 1.0, 0.5, 0.1, depth=3), [1, 0.6, 0.4], atol=1e-12
    )


def test_predictions_take_many_first_signals_at_once():
    together = mean_field.log10_deltas("tanh", np.array([0.5, 2.0]), 1.0, depth=5)
    assert together.shape == (2, 5)
    np.testing.assert_allclose(together[1], mean_field.log10_deltas("tanh", 2.0, 1.0, depth=5))


def test_dead_weights_let_nothing_flow():
    assert mean_field.log10_deltas("relu", 0.0, 0.0, depth=3)[0] == -np.inf


def test_the_gradient_has_a_length_of_its_own():
    """In the chaotic phase not the correlation length; in both phases that of the deltas."""
    for weight_variance, length in {2: 21.5, 2.5: 7.98}.items():
        measured = mean_field.gradient_length("tanh", weight_variance, 0.05)
        assert measured == pytest.approx(length, rel=0.005)
    for weight_variance, sign in ((1.2, -1), (2.2, 1)):
        given = ("tanh", mean_field.fixed_signal("tanh", weight_variance, 0.05), weight_variance)
        deltas = np.log(10) * mean_field.log10_deltas(*given, 0.05, depth=5)
        length = mean_field.gradient_length("tanh", weight_variance, 0.05)
        np.testing.assert_allclose(-np.diff(deltas), sign / length, rtol=1e-6)
    assert mean_field.gradient_length("relu", 2, 0) == np.inf


def test_the_edge_of_chaos_is_where_published():
    critical = mean_field.critical_weight_variance("tanh", 0.05)
    assert critical == pytest.approx(1.7610, abs=1e-4)
    signal = mean_field.fixed_signal("tanh", critical, 0.05)
    assert mean_field.next_signal("tanh", signal, critical, 0.05) == pytest.approx(signal)


@pytest.mark.parametrize("activation", sorted(activations.ACTIVATIONS.keys() - {"sigmoid"}))
def test_at_the_edge_of_chaos_gradients_keep_their_size(activation):
    critical = mean_field.critical_weight_variance(activation, 0.05)
    below, above = (
        mean_field.settled_factor(activation, critical * share, 0.05) for share in (0.98, 1.02)
    )
    assert below < 1 < above
    # Leaky slopes have it in closed form.
    slope = {"identity": 1, "relu": 0, "leaky_relu": 0.01, "prelu": 0.25}.get(activation)
    if slope is not None:
        assert critical == pytest.approx(2 / (1 + slope**2))


def test_a_sigmoid_has_no_edge_of_chaos_in_reach():
    with pytest.raises(ValueError, match="sigmoid is critical at no"):
        mean_field.critical_weight_variance("sigmoid", 0.05)


def test_theory_is_light_to_import():
    names = sorted(module.name for module in pkgutil.iter_modules(theory.__path__))
    assert len(names) > 10
    script = f"import sys\nfrom suite.theory import {', '.join(names)}\n"
    script += "print([m for m in ('mlflow', 'pandas', 'scipy', 'torch') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_signals_without_a_fixed_point_say_so():
    with pytest.raises(ValueError, match="no fixed signal"):
        mean_field.fixed_signal("relu", 3, 0.1)
    assert mean_field.settled_signal("relu", 3, 0.1) == np.inf
    assert mean_field.fixed_signal("tanh", 0.5, 0) == 0
