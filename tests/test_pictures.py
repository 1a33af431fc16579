"""Pictures: against plain torch, numpy's histograms and losses whose slices are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from suite.errors import InputError
from suite.pictures import (
    BINS,
    FILTERS,
    GRID,
    PICTURES,
    REACH,
    STEPS,
    WEIGHT_PLACES,
    WEIGHT_RANGE,
    activation_range,
)
from suite.planning import check_recipes
from suite.reading import read_experiment
from suite.training.fitting import fit
from suite.training.layout import unpad_parameters
from suite.training.probes import PROBES
from suite.trial import Trial
from tests.probed import cohort_of, measure, with_shape
from tests.test_probes import Plain, probed_rows

pytestmark = pytest.mark.usefixtures("one_thread")


def plane() -> torch.Tensor:
    """The grid's nodes, the second input in the outer loop."""
    steps = [-REACH + 2 * REACH * k / (GRID - 1) for k in range(GRID)]
    return torch.tensor([[x, y] for y in steps for x in steps], dtype=torch.float64)


def outputs_on_the_plane(cohort, member=0) -> torch.Tensor:
    return Plain(cohort, member).layers(plane())[-1]["z"].detach()


# ---- decision surfaces ----


def test_a_surface_of_two_classes_is_the_softmax_of_plain_torch(make_split) -> None:
    splits = [with_shape(make_split(k, features=2, outputs=2), (2,), k) for k in range(3)]
    cohort, _ = cohort_of(*splits, epochs=3, activation="tanh", width=9)
    found = measure("decision_surface", cohort)
    assert found.shape == (3, GRID**2)
    for member in range(3):
        expected = torch.softmax(outputs_on_the_plane(cohort, member), 1)[:, 1]
        assert found[member] == pytest.approx(expected.numpy(), rel=1e-9)
    assert len(np.unique(found.round(6))) > 100


def test_a_surface_of_more_classes_is_the_predicted_class(make_split) -> None:
    split = with_shape(make_split(0, features=2, outputs=3), (2,))
    cohort, _ = cohort_of(split, epochs=5, activation="relu", learning_rate=0.05)
    found = measure("decision_surface", cohort)[0]
    assert np.array_equal(found, outputs_on_the_plane(cohort).argmax(1).numpy())
    assert len(np.unique(found)) > 1


def test_a_surface_of_values_is_the_prediction(make_split) -> None:
    split = with_shape(make_split(0, features=2, task="regression"), (2,))
    cohort, _ = cohort_of(split, activation="relu", loss="squared_error")
    expected = outputs_on_the_plane(cohort)[:, 0].numpy()
    assert measure("decision_surface", cohort)[0] == pytest.approx(expected, rel=1e-9)


def test_outputs_without_probabilities_are_cut_off_at_0_and_1(make_split) -> None:
    split = with_shape(make_split(0, features=2, outputs=2), (2,))
    cohort, _ = cohort_of(split, activation="relu", loss="squared_error", gain=3)
    outputs = outputs_on_the_plane(cohort).numpy()
    found = measure("decision_surface", cohort)[0]
    assert found == pytest.approx(np.clip(0.5 + (outputs[:, 1] - outputs[:, 0]) / 2, 0, 1))
    assert (found.min(), found.max()) == (0, 1)


def test_data_with_more_features_have_no_surface(make_split) -> None:
    assert np.isnan(measure("decision_surface", cohort_of(make_split(0))[0])).all()


@pytest.mark.parametrize(("datasets", "fits"), [(("wine",), False), (("wine", "xor"), True)])
def test_a_surface_of_no_data_set_is_refused_at_planning(place, datasets, fits) -> None:
    path = place / "experiments" / "tiny.yaml"
    tiny = read_experiment(path).model_copy(update={"probes": ("decision_surface",)})
    experiment = tiny.model_copy(update={"hold": {**tiny.hold, "dataset": datasets}})
    if fits:
        check_recipes(experiment, "quick")
        return
    with pytest.raises(InputError, match="decision_surface needs data with 2 features"):
        check_recipes(experiment, "quick")


# ---- histograms ----


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "selu"])
def test_activations_fall_into_the_bins_that_numpy_puts_them_in(activation, make_split) -> None:
    splits = [make_split(k) for k in range(2)]
    cohort, _ = cohort_of(*splits, activation=activation, depth=3, gain=4)
    found = measure("activation_histogram", cohort).reshape(2, 3, BINS)
    low, high = activation_range(activation)
    inner = np.linspace(low, high, BINS + 1)[1:-1]
    for member, split in enumerate(splits):
        layers = Plain(cohort, member).layers(probed_rows(split)[0])
        for layer in range(3):
            values = layers[layer]["a"].detach().numpy().ravel()
            counts, _ = np.histogram(values, [-np.inf, *inner, np.inf])
            assert found[member, layer] == pytest.approx(counts / values.size)


@pytest.mark.parametrize("network", ["dense", "convolutional"])
def test_weights_fall_into_bins_and_zeros_beside_them(network, make_split) -> None:
    cohort, _ = cohort_of(with_shape(make_split(0), (1, 11)), network=network, width=6, gain=2)
    for weights in cohort.parameters.weights:
        weights[:, ::3] = 0
    found = measure("weight_histogram", cohort)[0].reshape(-1, WEIGHT_PLACES)
    inner = np.linspace(*WEIGHT_RANGE, BINS + 1)[1:-1]
    pairs = unpad_parameters(cohort.model.layout, cohort.parameters.theta[0])
    for (weights, _), shares in zip(pairs, found, strict=True):
        values = weights.numpy().ravel()
        counts, _ = np.histogram(values[values != 0], [-np.inf, *inner, np.inf])
        assert shares[:-1] == pytest.approx(counts / values.size)
        assert shares[-1] == (values == 0).mean() > 0
    assert found.sum(axis=1) == pytest.approx(1)


def test_filters_are_rows_of_the_first_layers_weights(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), width=13)
    weights, _ = unpad_parameters(cohort.model.layout, cohort.parameters.theta[0])[0]
    found = measure("first_layer_filter", cohort)[0].reshape(FILTERS, -1)
    assert np.array_equal(found, weights.double().numpy()[:, :FILTERS].T)


def test_filters_of_maps_are_the_kernels_of_plain_convolutions(make_split) -> None:
    split = with_shape(make_split(0), (1, 11))
    cohort, _ = cohort_of(split, network="convolutional", width=5)
    kernels = torch.from_numpy(measure("first_layer_filter", cohort)[0].reshape(5, 1, 3))
    inputs, _ = probed_rows(split)
    margined = functional.pad(inputs.unsqueeze(1), (0, 1))
    biases = cohort.parameters.biases[0][0, :5].double()
    maps = functional.conv1d(margined, kernels, biases, stride=2)
    assert measure("signal", cohort)[0, 0] == pytest.approx(maps.square().mean().item())


# ---- slices of the loss ----


def linear_cohort(make_split, **settings):
    split = make_split(0, task="regression")
    return split, cohort_of(split, network="linear", loss="squared_error", **settings)[0]


def test_the_slice_of_a_linear_network_is_the_parabola_of_its_direction(make_split) -> None:
    split, cohort = linear_cohort(make_split, epochs=3)
    found = measure("loss_slice", cohort)[0]
    steps = np.linspace(-1, 1, STEPS)
    (quadratic, slope, constant), rest, *_ = np.polyfit(steps, found, 2, full=True)
    assert rest[0] < 1e-20
    inputs, targets = probed_rows(split)
    ((weights, biases),) = unpad_parameters(
        cohort.model.layout, cohort.parameters.theta[0].double()
    )
    errors = inputs @ weights + biases - targets
    assert constant == pytest.approx((errors**2).mean().item())
    # The second difference is the direction's length in the inputs' second moments, no longer
    # than the weights' length allows; the first follows from the same direction.
    spectrum = np.linalg.eigvalsh((inputs.T @ inputs / len(inputs)).numpy())
    length = (weights**2).sum().item()
    assert spectrum[0] * length <= quadratic <= spectrum[-1] * length
    bound = 2 * np.sqrt(quadratic * constant)
    assert 0 < abs(slope) <= bound


@pytest.mark.parametrize("network", ["dense", "residual", "convolutional"])
def test_the_middle_of_a_slice_is_the_loss_and_scale_does_not_matter(network, make_split) -> None:
    split = with_shape(make_split(0), (1, 11))
    settings = {"network": network, "activation": "relu", "depth": 3, "width": 6}
    cohort, _ = cohort_of(split, epochs=4, **settings)
    found = measure("loss_slice", cohort)[0]
    if network != "convolutional":
        inputs, targets = probed_rows(split)
        outputs = Plain(cohort, 0).layers(inputs)[-1]["z"]
        expected = nn.functional.cross_entropy(outputs, targets).item()
        assert found[STEPS // 2] == pytest.approx(expected)
    if network != "residual":
        # A ReLU network does not change when one layer shrinks and the next grows by as much.
        with torch.no_grad():
            for biases in cohort.parameters.biases:
                biases.zero_()
            plain = measure("loss_slice", cohort)[0]
            cohort.parameters.weights[0].mul_(4)
            cohort.parameters.weights[1].mul_(1 / 4)
        assert measure("loss_slice", cohort)[0] == pytest.approx(plain, rel=1e-5)


def test_a_slice_depends_on_the_seed(make_split) -> None:
    cohort, _ = cohort_of(make_split(0), make_split(0), epochs=0, initializer="constant")
    one, other = measure("loss_slice", cohort)
    assert one[STEPS // 2] == other[STEPS // 2]
    assert not np.isclose(one, other).all()


# ---- what is recorded ----

RECIPE = Trial(dataset="synthetic", width=5, epochs=6, batch_size=20, activation="tanh")


def recorded(split, names, **settings):
    (outcome,) = fit([replace(RECIPE, **settings)], {(0, 0.0): split}, names)
    rows = outcome.histories
    metrics = np.array(rows.metric)
    found = {}
    for name in names:
        own = metrics == name
        for epoch in np.unique(rows.epoch[own]):
            now = own & (rows.epoch == epoch)
            assert rows.layer[now].tolist() == list(range(now.sum()))
            found[name, int(epoch)] = rows.value[now]
    return outcome, found


def test_pictures_are_taken_at_the_end_and_activations_at_the_start_too(make_split) -> None:
    split = with_shape(make_split(0, features=2, outputs=2), (2,))
    _, found = recorded(split, sorted(PICTURES))
    assert {name: len(values) for (name, epoch), values in found.items() if epoch == 6} == {
        "decision_surface": GRID**2,
        "activation_histogram": 2 * BINS,
        "weight_histogram": 3 * WEIGHT_PLACES,
        "first_layer_filter": 5 * 2,
        "loss_slice": STEPS,
    }
    assert [key for key in found if key[1] != 6] == [("activation_histogram", 0)]
    start = found["activation_histogram", 0]
    assert not np.array_equal(start, found["activation_histogram", 6])


def test_a_network_that_is_not_trained_has_one_picture(make_split) -> None:
    _, found = recorded(make_split(0), ("activation_histogram",), stop_epoch=0)
    assert [epoch for _, epoch in found] == [0]
    assert len(found["activation_histogram", 0]) == 2 * BINS


def test_with_early_stopping_the_picture_is_of_the_best_weights(make_split) -> None:
    stopping = {"regularizers": (("early_stopping", 2.0),), "learning_rate": 0.1, "epochs": 30}
    outcome, found = recorded(make_split(0), ("loss_slice",), **stopping)
    assert 0 < outcome.best_epoch < outcome.epochs < 30
    shorter = stopping | {"stop_epoch": outcome.best_epoch}
    _, until_best = recorded(make_split(0), ("loss_slice",), **shorter)
    assert [epoch for _, epoch in found] == [outcome.best_epoch]
    key = ("loss_slice", outcome.best_epoch)
    assert np.array_equal(found[key], until_best[key])


def test_whoever_goes_on_has_the_picture_of_the_end_alone(make_split) -> None:
    data, names = {(0, 0.0): make_split(0)}, ("loss_slice",)
    (rung,) = fit([replace(RECIPE, stop_epoch=3)], data, names, keeps_states=True)
    (last,) = fit([RECIPE], data, names, states=[rung.state])
    rows = zip(last.histories.epoch, last.histories.metric, strict=True)
    epochs = {epoch for epoch, metric in rows if metric == "loss_slice"}
    assert epochs == {6}


def test_every_picture_says_how_it_is_taken() -> None:
    assert {name for name, entry in PROBES.items() if entry.picture} == PICTURES
    for name in PICTURES:
        assert PROBES[name].when != "throughout"
        assert PROBES[name].description.startswith("picture: ")
