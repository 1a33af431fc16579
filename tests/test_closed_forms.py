"""Closed forms: published numbers, simulation, and solvers that know nothing of them."""

import itertools

import numpy as np
import pytest
import torch
from scipy import optimize
from sklearn.linear_model import Lasso, Ridge

from suite.data.loading import load_split, raw_samples
from suite.theory import (
    dead_networks,
    double_descent,
    learning_curves,
    saturation,
    sawtooth,
    shrinkage,
)


def dead_shares(widths, features, inputs, networks=4000):
    """Shares of ReLU networks without biases off at one input; a layer off for all inputs."""
    rng = np.random.default_rng(0)
    hidden = np.broadcast_to(rng.standard_normal((inputs, features)), (networks, inputs, features))
    one, all_of_them = np.zeros(networks, bool), np.zeros(networks, bool)
    for fan_in, units in itertools.pairwise((features, *widths)):
        hidden = np.maximum(hidden @ rng.standard_normal((networks, fan_in, units)), 0)
        one |= ~hidden[:, 0].any(axis=1)
        all_of_them |= ~hidden.any(axis=(1, 2))
    return one.mean(), all_of_them.mean()


@pytest.mark.parametrize("widths", [(3, 3), (2, 2, 2, 2, 2), (4, 2, 3), (5,) * 20])
def test_dead_networks_are_as_frequent_as_predicted(widths):
    at_one, everywhere = dead_shares(widths, features=6, inputs=40)
    predicted = dead_networks.dead_probability(widths)
    error = 4 * np.sqrt(predicted * (1 - predicted) / 4000)
    assert at_one == pytest.approx(predicted, abs=error)
    assert everywhere <= at_one
    assert dead_networks.dead_everywhere_probability(widths) <= everywhere + error


def test_deep_thin_networks_die_for_all_inputs_alike():
    """The bound from above is close where depth has made inputs alike."""
    predicted = dead_networks.dead_probability((4,) * 40)
    at_one, everywhere = dead_shares((4,) * 40, features=6, inputs=20, networks=2000)
    assert predicted == pytest.approx(1 - (15 / 16) ** 40)
    assert at_one == pytest.approx(predicted, abs=0.04)
    assert everywhere == pytest.approx(predicted, abs=0.15)


def test_wide_networks_hardly_ever_start_dead():
    assert dead_networks.dead_probability((64,) * 50) == pytest.approx(50 / 2.0**64)
    assert dead_networks.dead_everywhere_probability((10, 5)) == pytest.approx(2.0**-50)
    assert dead_networks.dead_everywhere_probability((10,)) == 0


def fewest_errors(points, pieces):
    """Of a function with so many straight pieces that each cross the threshold once, on 0101…"""
    changes = pieces  # each piece changes the answer once
    best = np.full((2, changes + 1), points + 1)
    best[:, 0] = 0, 0
    for label in np.arange(points) % 2:
        switched = np.full_like(best, points + 1)
        switched[:, 1:] = best[::-1, :-1]
        best = np.minimum(best, switched) + (np.arange(2) != label)[:, None]
    return best.min()


@pytest.mark.parametrize("points", [4, 9, 16, 64])
def test_the_sawtooth_bound_holds_for_all_functions_of_so_many_pieces(points):
    for units in range(1, points + 2):
        share = fewest_errors(points, units + 1) / points
        bound = sawtooth.least_error(points, units)
        assert bound <= share <= bound + 1 / points
    assert sawtooth.least_error(16, 8) == pytest.approx(0.19, abs=0.005)
    assert sawtooth.least_error(16, 14) == sawtooth.least_error(16, 40) == 0


@pytest.mark.parametrize("points", [2, 3, 16, 37, 64, 1000, 4096])
def test_a_hand_set_deep_network_is_right_on_every_point(points):
    network = sawtooth.deep_network(points)
    raw = raw_samples(f"sawtooth(points={points})", 0)
    answers = sawtooth.outputs(network, raw.inputs[:points].astype(np.float64))
    np.testing.assert_array_equal(answers.argmax(axis=1), raw.targets[:points])
    assert [layer.weights.shape[1] for layer in network[:-1]] == [2] * int(np.ceil(np.log2(points)))
    if points & (points - 1) == 0:
        np.testing.assert_array_equal(answers[:, 1], raw.targets[:points] - 0.5)


@pytest.mark.parametrize("points", [16, 64, 1000])
def test_torch_finds_the_hand_set_network_right_on_a_split(points):
    """In float32, on inputs that a split has standardised."""
    name = f"sawtooth(points={points})"
    split, raw = load_split(name, 0), raw_samples(name, 0).inputs.astype(np.float64)
    hidden = torch.from_numpy(split.test_inputs)
    *layers, last = sawtooth.deep_network(points, raw.mean(), raw.std())
    with torch.no_grad():
        for layer in layers:
            hidden = torch.relu(linear(layer)(hidden))
        answers = linear(last)(hidden)
    assert (answers.argmax(dim=1).numpy() == split.test_targets).all()


def linear(layer):
    made = torch.nn.Linear(*layer.weights.shape)
    made.weight.data = torch.from_numpy(layer.weights.T).float()
    made.bias.data = torch.from_numpy(layer.biases).float()
    return made


# p/n of minimum-norm least squares at n = 100, σ = .5, r = 1 and the excess risk.
RISKS = {0.2: 0.0633, 0.5: 0.2551, 0.8: 1.0526, 2: 0.7525, 5: 0.8627}


def simulated_risk(features, samples, noise, draws=400):
    rng = np.random.default_rng(features)
    inputs = rng.standard_normal((draws, samples, features))
    weights = np.zeros(features)
    weights[0] = 1.0
    targets = inputs[..., 0] + noise * rng.standard_normal((draws, samples))
    if features < samples:
        gram, moment = inputs.transpose(0, 2, 1) @ inputs, inputs.transpose(0, 2, 1)
        fitted = np.linalg.solve(gram, moment @ targets[..., None])[..., 0]
    else:
        dual = np.linalg.solve(inputs @ inputs.transpose(0, 2, 1), targets[..., None])
        fitted = (inputs.transpose(0, 2, 1) @ dual)[..., 0]
    return np.square(fitted - weights).sum(axis=1).mean()


@pytest.mark.parametrize("ratio", RISKS)
def test_minimum_norm_least_squares_descends_twice(ratio):
    """400 draws."""
    features = round(100 * ratio)
    risk = double_descent.excess_risk(features, 100, noise=0.5, norm=1.0)
    assert risk == pytest.approx(RISKS[ratio], abs=5e-5)
    assert simulated_risk(features, 100, 0.5) == pytest.approx(risk, abs=0.06)


def test_the_risk_peaks_where_the_fit_becomes_exact():
    for features in (99, 100, 101):
        assert double_descent.excess_risk(features, 100, noise=0.5, norm=1.0) == np.inf
    assert double_descent.excess_risk(0, 100, noise=0.5, norm=1.0) == 0
    # Ever more features leave the norm of what is never found.
    endless = double_descent.excess_risk(10**9, 100, noise=0.5, norm=1.5)
    assert endless == pytest.approx(2.25, abs=1e-6)


@pytest.mark.parametrize("penalty", [0.05, 0.4, 2.0])
def test_penalties_shrink_an_orthonormal_design_as_scikit_learns_do(penalty):
    rng = np.random.default_rng(0)
    design = np.linalg.qr(rng.standard_normal((50, 8)))[0]
    targets = design @ np.array([3, -2, 1, 0.5, 0, 0, -0.3, 0.1]) + rng.normal(0, 0.1, 50)
    weights = design.T @ targets
    # scikit-learn's lasso divides the squares by the number of samples.
    lasso = Lasso(alpha=penalty / 50, fit_intercept=False, tol=1e-12).fit(design, targets)
    np.testing.assert_allclose(shrinkage.lasso(weights, penalty), lasso.coef_, atol=1e-9)
    ridge = Ridge(alpha=penalty, fit_intercept=False).fit(design, targets)
    np.testing.assert_allclose(shrinkage.ridge(weights, penalty), ridge.coef_, atol=1e-12)


# One neuron's output after 300 steps, from (weight, bias).
OUTPUTS = {
    "squared_error": {(0.6, 0.9): (0.818, 0.0940), (2.0, 2.0): (0.982, 0.2028)},
    "cross_entropy": {(0.6, 0.9): (0.818, 0.0116), (2.0, 2.0): (0.982, 0.0120)},
}


@pytest.mark.parametrize("loss", OUTPUTS)
def test_a_neurons_course_is_the_published_one(loss):
    for (weight, bias), (first, last) in OUTPUTS[loss].items():
        course = saturation.neuron_course(loss, weight, bias)
        assert len(course) == 301
        assert course[0] == pytest.approx(first, abs=5e-4)
        assert course[-1] == pytest.approx(last, abs=5e-5)


@pytest.mark.parametrize("loss", OUTPUTS)
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_neurons_course_is_that_of_torch(loss, target):
    parameters = torch.tensor([-1.2, 0.4], dtype=torch.float64, requires_grad=True)
    course = []
    for _ in range(21):
        output = torch.sigmoid(parameters.sum())
        course.append(output.item())
        wanted = torch.tensor(target, dtype=torch.float64)
        if loss == "squared_error":
            value = (output - wanted) ** 2 / 2
        else:
            value = torch.nn.functional.binary_cross_entropy(output, wanted)
        (gradient,) = torch.autograd.grad(value, parameters)
        parameters.data -= 0.3 * gradient
    ours = saturation.neuron_course(loss, -1.2, 0.4, learning_rate=0.3, steps=20, target=target)
    np.testing.assert_allclose(ours, course, rtol=1e-12)


COUNTS = 2.0 ** np.arange(4, 13)


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.05, 2.0, 0.5), (0, 1.0, 0.3)])
def test_a_power_law_is_found_again(floor, scale, exponent):
    law = learning_curves.fit_power_law(COUNTS, floor + scale * COUNTS**-exponent)
    assert (law.floor, law.scale, law.exponent) == pytest.approx((floor, scale, exponent), abs=1e-4)
    assert law.interval == pytest.approx((exponent, exponent), abs=2e-2)
    np.testing.assert_allclose(law(COUNTS), floor + scale * COUNTS**-exponent, atol=1e-6)


def noisy_curves(count):
    rng = np.random.default_rng(5)
    return 0.1 + COUNTS**-0.5 + rng.normal(0, 0.003, (count, len(COUNTS)))


def test_a_power_law_is_scipys_least_squares():
    (errors,) = noisy_curves(1)

    def law(n, a, b, c):
        return a + b * n**-c

    expected, _ = optimize.curve_fit(law, COUNTS, errors, p0=(0.1, 1, 0.5))
    found = learning_curves.fit_power_law(COUNTS, errors)
    assert (found.floor, found.scale, found.exponent) == pytest.approx(expected, rel=1e-3)


def test_nineteen_of_twenty_intervals_hold_the_exponent():
    ends = [learning_curves.fit_power_law(COUNTS, e).interval for e in noisy_curves(60)]
    held = np.mean([low <= 0.5 <= high for low, high in ends])
    assert 0.88 <= held <= 1.0


def test_curves_that_say_little_have_open_intervals():
    flat = learning_curves.fit_power_law(COUNTS, [0.5, 0.51, 0.49, 0.5, 0.51, 0.5, 0.49, 0.5, 0.5])
    assert flat.interval[1] == np.inf
    with pytest.raises(ValueError, match="four numbers of samples"):
        learning_curves.fit_power_law([1, 2, 2, 4], [1, 2, 3, 4])


def test_the_hierarchys_sample_complexity():
    """n_c · m^L: ten classes, eight synonyms, two levels (Cagnetta 2024, figure 2)."""
    assert learning_curves.hierarchy_samples(10, 8, 2) == 640
