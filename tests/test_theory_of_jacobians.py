"""Jacobians: published laws, simulated matrices, and the mean's formula of Glorot & Bengio."""

import itertools

import numpy as np
import pytest

from suite.theory import jacobian
from suite.theory.activations import ACTIVATIONS
from suite.theory.jacobian import Slopes

LINEAR, RELU = Slopes(1.0, 1.0), Slopes(0.5, 0.5)


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_wide_networks_spread_as_published(depth):
    """Variance over squared mean; linear networks at σ² = 1 have mean 1."""
    assert jacobian.wide_spread([LINEAR] * depth) == pytest.approx(depth)
    assert jacobian.wide_spread([LINEAR] * depth, orthogonal=True) == 0
    assert jacobian.wide_spread([RELU] * depth) == pytest.approx(2 * depth)
    assert jacobian.wide_spread([RELU] * depth, orthogonal=True) == pytest.approx(depth)


@pytest.mark.parametrize("layer", [LINEAR, RELU, jacobian.slopes("tanh", 1.3)])
@pytest.mark.parametrize("orthogonal", [False, True])
def test_finite_widths_tend_to_the_infinite(layer, orthogonal):
    layers = [layer] * 5
    measured = jacobian.spreads([10**6] * 6, layers, orthogonal=orthogonal)[-1]
    assert measured == pytest.approx(jacobian.wide_spread(layers, orthogonal=orthogonal), abs=2e-4)


def test_slopes_are_moments_of_the_derivative():
    z = np.random.default_rng(0).standard_normal(400_000) * np.sqrt(1.7)
    for name in ("relu", "tanh", "gelu", "hardtanh"):
        derivative = ACTIVATIONS[name].derivative(z)
        sampled = [np.mean(derivative**2), np.mean(derivative**4)]
        assert jacobian.slopes(name, 1.7) == pytest.approx(sampled, abs=0.006)


def drawn(rng, networks, rows, columns, orthogonal):
    """Weights (network, row, column) of variance 1/columns, or orthogonal."""
    if not orthogonal:
        return rng.standard_normal((networks, rows, columns)) / np.sqrt(columns)
    q, r = np.linalg.qr(rng.standard_normal((networks, max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    return q if rows >= columns else q.transpose(0, 2, 1)


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("widths", [(24, 24, 24, 24), (12, 30, 30, 20), (40, 20, 20, 30)])
def test_spreads_are_those_of_simulated_networks(widths, relu, orthogonal):
    """At any width; the expectations of both moments, as the recursion has them."""
    rng, networks = np.random.default_rng(1), 1500
    product = np.broadcast_to(np.eye(widths[0]), (networks, widths[0], widths[0]))
    measured = []
    for fan_in, units in itertools.pairwise(widths):
        product = drawn(rng, networks, units, fan_in, orthogonal) @ product
        if relu:
            product = product * (rng.random((networks, units, 1)) < 0.5)
        gram = product @ product.transpose(0, 2, 1)
        squares = np.square(gram).sum(axis=(1, 2)).mean()
        traces = np.square(np.trace(gram, axis1=1, axis2=2)).mean()
        measured.append(min(widths[0], units) * squares / traces - 1)
    predicted = jacobian.spreads(
        widths, [RELU if relu else LINEAR] * (len(widths) - 1), orthogonal=orthogonal
    )
    np.testing.assert_allclose(predicted, measured, rtol=0.05, atol=0.01)


def test_the_published_laws_hold_in_simulation_at_depth():
    """Deep linear: variance of squared singular values L, or 0; ReLU under He: 2L, or L."""
    rng, width, depth = np.random.default_rng(2), 150, 4
    for relu in (False, True):
        for orthogonal in (False, True):
            product = np.eye(width)
            for _ in range(depth):
                product = drawn(rng, 1, width, width, orthogonal)[0] @ product
                if relu:
                    product = product * np.sqrt(2) * (rng.random((width, 1)) < 0.5)
            squares = np.linalg.svd(product, compute_uv=False) ** 2
            measured = squares.var() / squares.mean() ** 2
            layers = [RELU if relu else LINEAR] * depth
            expected = jacobian.wide_spread(layers, orthogonal=orthogonal)
            assert measured == pytest.approx(expected, rel=0.2, abs=1e-9)


def own_mean(rng, activation, signal, orthogonal, width=250):
    """Mean singular value of one wide layer's Jacobian at unit weight variance."""
    slopes = ACTIVATIONS[activation].derivative(np.sqrt(signal) * rng.standard_normal(width))
    weights = drawn(rng, 1, width, width, orthogonal)[0]
    return np.linalg.svd(slopes[:, None] * weights, compute_uv=False).mean()


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "sigmoid", "hardtanh", "gelu"])
@pytest.mark.parametrize("orthogonal", [False, True])
def test_mean_singular_values_are_those_of_simulated_layers(activation, orthogonal):
    rng, signal = np.random.default_rng(3), 0.8
    measured = np.mean([own_mean(rng, activation, signal, orthogonal) for _ in range(4)])
    predicted = jacobian.mean_singular_value(activation, signal, 1.0, orthogonal=orthogonal)
    assert predicted == pytest.approx(measured, abs=0.02)
    scaled = jacobian.mean_singular_value(activation, signal, 2.25, orthogonal=orthogonal)
    assert scaled == pytest.approx(1.5 * predicted)


def test_glorots_formula_is_exact_where_slopes_are_alike_and_near_for_tanh():
    published = 8 / (3 * np.pi)
    assert jacobian.glorot_mean_singular_value("identity", 1.0, 4.0) == pytest.approx(2 * published)
    assert jacobian.mean_singular_value("identity", 1.0, 1.0) == pytest.approx(published, rel=1e-9)
    for signal in (0.05, 0.3, 1.0):
        formula = jacobian.glorot_mean_singular_value("tanh", signal, 1.0)
        exact = jacobian.mean_singular_value("tanh", signal, 1.0)
        assert formula == pytest.approx(exact, abs=0.05)
        assert formula > exact


def test_glorot_and_bengios_means_are_near_theirs():
    """tanh of small signals: about .5 under U(±1/√n), .8 under Xavier (2010, section 4.2.2)."""
    for variance, published in ((1 / 3, 0.5), (1.0, 0.8)):
        formula = jacobian.glorot_mean_singular_value("tanh", 0.05, variance)
        assert formula == pytest.approx(published, abs=0.05)


def log_norms(width, depth, networks=4000):
    """ln‖Ju‖² of ReLU networks under He, whose masks are those of one input."""
    rng = np.random.default_rng(width)
    u = np.full((networks, width), width**-0.5)
    for _ in range(depth):
        # Of Gaussian weights only the norm of what they are fed counts.
        z = rng.standard_normal((networks, width))
        stretch = np.linalg.norm(u, axis=1, keepdims=True) * np.sqrt(2 / width)
        u = stretch * z * (rng.random((networks, width)) < 0.5)
    return np.log(np.square(u).sum(axis=1))


def test_the_logarithm_of_the_gradient_spreads_by_five_a_layer_over_the_width():
    sums, variances = [], []
    for width, depth in ((32, 4), (32, 10), (64, 4), (64, 12), (128, 10)):
        sums.append(depth / width)
        variances.append(log_norms(width, depth).var())
        predicted = jacobian.log_norm_variance([width] * depth)
        assert predicted == pytest.approx(5 * depth / width)
        assert variances[-1] == pytest.approx(predicted, rel=0.2)
    assert np.polyfit(sums, variances, 1)[0] == pytest.approx(5, abs=1)
    # Linear networks: 2 a layer, the variance of ln χ²_n/n.
    assert jacobian.log_norm_variance([100] * 3, LINEAR) == pytest.approx(0.06)
