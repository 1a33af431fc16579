"""Two inputs in a deep network: published depth scales, cubature, simulated networks."""

import numpy as np
import pytest
from scipy import stats

from suite.theory import correlation, gradient_correlation, mean_field
from suite.theory.activations import ACTIVATIONS

# Tanh with σ_b² = .05: correlation lengths at σ_w² (Schoenholz et al. 2017).
LENGTHS = {1: 3.63, 1.3: 7.83, 1.5: 15.8, 1.7: 74.9, 2: 25.2, 2.5: 11.8}


def panels(edges, order):
    """A Gauss-Legendre rule between each two edges."""
    points, weights = np.polynomial.legendre.leggauss(order)
    edges = np.sort(edges)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + points)).ravel(), (half * weights).ravel()


def conditional_mean(function, variance, between):
    """E[function(z) function(w)] over z, then over w given z, in panels that end at the kinks."""
    deviation = np.sqrt(variance)
    grid = [*np.linspace(-9, 9, 91) * deviation, -1, 0, 1]
    w, w_share = panels(grid, 10)
    z, z_share = panels(grid, 10)
    given = stats.norm.pdf(w, between * z[:, None], deviation * np.sqrt(1 - between**2))
    inner = given @ (w_share * function(w))
    return float((z_share * stats.norm.pdf(z, 0, deviation) * function(z)) @ inner)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("variance", "between"), [(0.4, 0.3), (2.0, 0.97), (5.0, -0.6)])
def test_means_of_products_are_those_of_conditional_quadrature(activation, variance, between):
    known = ACTIVATIONS[activation]
    value, slope = (conditional_mean(f, variance, between) for f in (known.value, known.derivative))
    assert known.value_product(variance, between) == pytest.approx(value, rel=1e-6, abs=1e-7)
    assert known.derivative_product(variance, between) == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_input_and_itself_are_one_input(activation):
    known = ACTIVATIONS[activation]
    for variance in (0.1, 1.0, 8.0):
        assert known.value_product(variance, 1.0) == pytest.approx(known.value_square(variance))
        slopes = known.derivative_square(variance)
        assert known.derivative_product(variance, 1.0) == pytest.approx(slopes, rel=1e-5)
        assert correlation.next_correlation(activation, 1.0, variance, 1.5, 0.1) == pytest.approx(1)


def test_tanh_has_the_published_depth_scales():
    for weight_variance, length in LENGTHS.items():
        measured = correlation.correlation_length("tanh", weight_variance, 0.05)
        assert measured == pytest.approx(length, rel=0.005)
        depth = correlation.trainable_depth("tanh", weight_variance, 0.05)
        assert depth == pytest.approx(6 * length, rel=0.005)


@pytest.mark.parametrize("activation", ["tanh", "hardtanh", "sine", "softsign"])
@pytest.mark.parametrize("phase", [0.7, 1.2])
def test_correlations_come_nearer_by_the_correlation_length(activation, phase):
    """The map itself, followed until it is linear, against the length."""
    given = (phase * mean_field.critical_weight_variance(activation, 0.05), 0.05)
    signal = mean_field.fixed_signal(activation, *given)
    end = correlation.fixed_correlation(activation, *given)
    assert (end == 1.0) == (phase < 1)
    layers = correlation.correlations(activation, end - 1e-3, signal, *given, depth=9)
    left = np.abs(layers - end)
    measured = -1 / np.log(left[-1] / left[-2])
    assert correlation.correlation_length(activation, *given) == pytest.approx(measured, rel=0.02)


def test_odd_activations_forget_all_correlation_without_biases():
    assert correlation.fixed_correlation("tanh", 2.0, 0.0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="dies"):
        correlation.correlation_length("tanh", 0.5, 0)


def test_relus_map_is_the_arc_cosine_kernel():
    grid = np.linspace(-1, 1, 9)
    general = [correlation.next_correlation("relu", c, 0.7, 2.0) for c in grid]
    np.testing.assert_allclose(correlation.relu_next_correlation(grid), general, atol=1e-12)


def test_relu_gradients_decorrelate_as_published():
    cosines = gradient_correlation.relu_gradient_cosines(0.0, depth=200)
    published = {5: 0.105, 10: 0.0337, 20: 0.0082}
    for depth, cosine in published.items():
        assert cosines[depth - 1] == pytest.approx(cosine, rel=0.006)
    # Towards the third power of the depth, far from a halving by every layer.
    for depth, slope in {20: -2.0, 100: -2.7}.items():
        doubled = np.log2(cosines[depth - 1] / cosines[depth // 2 - 1])
        assert doubled == pytest.approx(slope, abs=0.05)
    general = gradient_correlation.gradient_cosines("relu", 0.0, 2.0, 2.0, depth=20)
    np.testing.assert_allclose(general, cosines[:20], rtol=1e-9)


def orthogonal_pairs(rng, pairs, width):
    first = rng.standard_normal((pairs, width))
    second = rng.standard_normal((pairs, width))
    unit = first / np.linalg.norm(first, axis=1, keepdims=True)
    second -= (second * unit).sum(axis=1, keepdims=True) * unit
    second *= (np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1))[:, None]
    return np.stack([first, second])  # (input, pair, unit)


def simulated_cosines(activation, weight_variance, depth, width=200, networks=10, pairs=20):
    """Mean cosine of orthogonal inputs' gradients with respect to the first pre-activations."""
    known, cosines = ACTIVATIONS[activation], []
    for seed in range(networks):
        rng = np.random.default_rng(seed)
        hidden, slopes, weights = orthogonal_pairs(rng, pairs, width), [], []
        for _ in range(depth):
            weights.append(rng.standard_normal((width, width)) * np.sqrt(weight_variance / width))
            z = hidden @ weights[-1]
            slopes.append(known.derivative(z))
            hidden = known.value(z)
        gradient = rng.standard_normal(width) * slopes[-1]
        for weight, slope in zip(weights[:0:-1], slopes[-2::-1], strict=True):
            gradient = (gradient @ weight.T) * slope
        a, b = gradient
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines.append(((a * b).sum(axis=1) / norms).mean())
    return np.mean(cosines)


@pytest.mark.parametrize(
    ("activation", "weight_variance"), [("relu", 2), ("tanh", 1.5), ("gelu", 2)]
)
@pytest.mark.parametrize("depth", [2, 5, 10])
def test_simulated_networks_decorrelate_as_predicted(activation, weight_variance, depth):
    """200 pairs, and the band that the suite is held to."""
    given = (activation, 0.0, weight_variance, weight_variance)
    predicted = gradient_correlation.gradient_cosines(*given, depth=depth)[-1]
    measured = simulated_cosines(activation, weight_variance, depth)
    assert measured == pytest.approx(predicted, abs=0.04)
