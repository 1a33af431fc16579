"""The probe of gradients: right ones pass, wrong ones show, what cannot be told is NaN."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from suite.parts.activations import ACTIVATIONS
from suite.parts.losses import LOSSES
from suite.parts.networks import NETWORKS
from suite.parts.regularizers import REGULARIZERS
from suite.training import differences
from suite.training.differences import Slopes, relative_error, slopes_of
from tests.probed import camera_of, cohort_of, measure, with_shape

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPES = [
    (),
    (("l2", 0.3),),
    (("dropout", 0.4), ("l2", 0.3)),
    (("alpha_dropout", 0.3),),
    (("batch_norm", 1),),
    (("label_smoothing", 0.1), ("layer_norm", 1)),
    (("batch_norm", 1), ("layer_norm", 1)),
]
# Losses and recipes take turns.
CASES = [
    (network, activation, loss, regularizers)
    for (network, activation), loss, regularizers in zip(
        itertools.product(sorted(NETWORKS), sorted(ACTIVATIONS)),
        itertools.cycle(sorted(LOSSES)),
        itertools.cycle(RECIPES),
        strict=False,
    )
]


@pytest.mark.parametrize(("network", "activation", "loss", "regularizers"), CASES, ids=str)
def test_every_familys_gradients_are_right_to_rounding(
    network, activation, loss, regularizers, make_split
) -> None:
    split = with_shape(make_split(0), (1, 7))
    settings = {"network": network, "activation": activation, "loss": loss}
    cohort, _ = cohort_of(split, width=5, regularizers=regularizers, **settings)
    (found,) = measure("gradient_error", cohort)
    assert np.isfinite(found).mean() >= 0.5
    assert np.nanmax(found) < 1e-7


@pytest.mark.parametrize("pooling", ["stride", "max", "average", "global_average"])
def test_pooled_maps_have_right_gradients_too(pooling, make_split) -> None:
    split = with_shape(make_split(0), (2, 6, 5))
    cohort, _ = cohort_of(split, network="convolutional", pooling=pooling, depth=2)
    assert measure("gradient_error", cohort).max() < 1e-7


def test_deep_networks_of_vanishing_gradients_are_told_or_left_out(make_split) -> None:
    settings = {"activation": "sigmoid", "initializer": "small_normal", "depth": 10}
    cohort, _ = cohort_of(make_split(0), epochs=0, **settings)
    (found,) = measure("gradient_error", cohort)
    # Of the first layers' slopes the loss's rounding leaves nothing.
    assert np.isnan(found[0])
    assert found[-1] < 1e-7
    assert np.nanmax(found) < 1e-6


def test_where_every_unit_stands_on_its_kink_no_slope_is_known(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), epochs=0, activation="relu", initializer="zero", depth=2)
    (found,) = measure("gradient_error", cohort)
    assert np.isnan(found[:2]).all()
    assert found[2] < 1e-7  # the output layer's biases


@pytest.mark.parametrize("share", [1e-5, 1e-2])
def test_a_losss_wrong_gradient_shows_as_large_as_it_is(share, make_split, monkeypatch) -> None:
    right = LOSSES["squared_error"]
    wrong = dataclasses.replace(right, gradient=lambda o, t: (1 + share) * right.gradient(o, t))
    cohort, _ = cohort_of(make_split(0), loss="squared_error", activation="tanh")
    camera = camera_of(cohort)
    camera.loss = wrong
    with torch.no_grad():
        found = differences.gradient_errors(camera)
    assert found == pytest.approx(share / (1 + share), rel=0.01)


def test_a_penaltys_wrong_gradient_shows_in_every_layer(make_split, monkeypatch) -> None:
    recipe = {"regularizers": (("l2", 0.3),), "activation": "tanh"}
    cohort, _ = cohort_of(make_split(0), **recipe)
    assert measure("gradient_error", cohort).max() < 1e-7
    forgotten = dataclasses.replace(REGULARIZERS["l2"], on_gradient=lambda *_: None)
    monkeypatch.setitem(REGULARIZERS, "l2", forgotten)
    assert measure("gradient_error", cohort).min() > 1e-3
    # A penalty that is no part of the loss is left out of both.
    monkeypatch.setitem(REGULARIZERS, "l2", dataclasses.replace(forgotten, value=None))
    assert measure("gradient_error", cohort).max() < 1e-7


def test_an_activations_wrong_derivative_shows_in_the_layers_below(make_split) -> None:
    def crooked(values):
        # The value of tanh, the slope of tanh(z) / 2.
        bent = torch.tanh(values)
        return bent.detach() / 2 + bent / 2

    cohort, _ = cohort_of(make_split(0), activation="tanh", depth=2)
    camera = camera_of(cohort)
    activation = dataclasses.replace(ACTIVATIONS["tanh"], function=crooked)
    model = dataclasses.replace(cohort.model, activation=activation)
    camera.networks = dataclasses.replace(camera.networks, model=model)
    with torch.no_grad():
        (found,) = differences.gradient_errors(camera)
    assert found[2] < 1e-7
    assert found[1] == pytest.approx(0.5, abs=1e-6)
    assert found[0] == pytest.approx(0.75, abs=1e-6)


def changes_of(function) -> np.ndarray:
    """What `slopes_of` takes, for functions of numbers."""
    places = np.multiply.outer(differences.STEPS, (-1, -0.5, 0.5, 1))
    return np.vectorize(function)(places)[None] - function(0.0)


@pytest.mark.parametrize("kink", [0, 1e-7, 1e-3 / 3, 1e-2 / 3, 4e-3, -2e-3, 5e-4])
def test_a_kink_within_reach_is_stepped_around_or_doubted(kink) -> None:
    slopes = slopes_of(changes_of(lambda x: np.sin(x) + 0.3 * max(x - kink, 0)), 1e-16)
    inside = kink < 0
    error = abs(slopes.estimate[0] - 1 - 0.3 * inside)
    assert error <= slopes.doubt[0]
    known = slopes.doubt[0] < differences.KNOWN
    assert known == (abs(kink) > 1e-5)
    assert error < 1e-8 or not known


def test_smooth_slopes_are_known_to_many_digits() -> None:
    slopes = slopes_of(changes_of(np.exp), 1e-16)
    assert slopes.estimate == pytest.approx([1], rel=1e-9)
    assert slopes.doubt[0] < 1e-8


def test_the_error_is_relative_to_the_largest_slope_that_is_known() -> None:
    estimate, doubt = np.array([2.0, 1.0, 50.0]), np.array([0, 0, 1.0])
    assert relative_error(np.array([2.0, 1.1, 0]), Slopes(estimate, doubt)) == pytest.approx(0.05)
    assert np.isnan(relative_error(np.zeros(3), Slopes(np.zeros(3), doubt)))
    # One that back-propagation makes up is known not to be there.
    made_up = relative_error(np.array([3.0]), Slopes(np.zeros(1), np.full(1, 1e-9)))
    assert made_up == 1


@pytest.mark.parametrize("name", [n for n, entry in REGULARIZERS.items() if entry.value])
def test_a_penaltys_gradient_is_that_of_its_value(name) -> None:
    entry, rng = REGULARIZERS[name], np.random.default_rng(0)
    weights = torch.from_numpy(rng.standard_normal((3, 8))).requires_grad_()
    strength = torch.from_numpy(rng.uniform(size=(3, 1)))
    value = entry.value(weights, strength)
    assert value.shape == (3, 1)
    (expected,) = torch.autograd.grad(value.sum(), weights)
    found = torch.zeros_like(expected)
    entry.on_gradient(found, weights.detach(), strength)
    torch.testing.assert_close(found, expected)
