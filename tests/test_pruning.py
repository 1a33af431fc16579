"""Pruned networks: which weights go, that they stay away, and that company changes no bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.utils.prune import L1Unstructured, global_unstructured

from suite.beginnings import pretrain, with_states
from suite.errors import InputError
from suite.execution.local import InlineExecutor
from suite.execution.work import Finished
from suite.planning import Cohort as Plan
from suite.planning import build_trial, check_names, check_recipes
from suite.reading import build_experiment
from suite.training.cohort import Cohort
from suite.training.fitting import fit
from suite.training.layout import unpad_parameters
from suite.training.model import make_model
from suite.training.pruning import smallest
from suite.training.state import PRUNED, state_from_bytes
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
TRIAL = Trial(
    dataset="synthetic",
    pretrained_on="synthetic",
    pretraining_epochs=3,
    prune=0.6,
    width=19,
    depth=2,
    epochs=4,
    batch_size=16,
    learning_rate=0.01,
)
# One recipe for each kernel, and what a family or a part brings beside weights and biases.
RECIPES = {
    "fused": {},
    "momentum": {"optimizer": "momentum", "regularizers": (("l1", 1e-3), ("l2", 1e-3))},
    "scaled": {"optimizer": "rmsprop"},
    "autograd": {"activation": "gelu"},
    "clipped": {"gradient_clip": 0.1},
    "normalized": {"regularizers": (("batch_norm", 1), ("dropout", 0.2))},
    "slopes": {"activation": "prelu"},
    "maps": {"network": "convolutional", "width": 5},
}


@pytest.fixture(scope="module")
def data(make_split):
    return {(s, 0.0): make_split(s, (45, 33, 21), features=12, outputs=3) for s in range(3)}


def shaped(data, trial):
    """The data as a signal of two channels for networks that take one."""
    shape = (2, 6) if trial.network == "convolutional" else (12,)
    return {key: replace(split, shape=shape) for key, split in data.items()}


def trained_before(trials, data):
    """The states that trials begin with."""
    firsts = [trial.pretraining for trial in trials]
    needed = {t.replicate: data[t.replicate] for t in trials}
    return [outcome.state for outcome in fit(firsts, needed, keeps_states=True)]


def ended(trials, data, states, **options):
    needed = {t.replicate: data[t.replicate] for t in trials}
    return fit(trials, needed, states=states, **options)


def theta_of(state):
    return state_from_bytes(state).arrays["theta"]


def as_modules(layout, theta):
    """A dense network's layers in torch."""
    layers = []
    for weights, biases in unpad_parameters(layout, torch.from_numpy(theta)):
        layer = torch.nn.Linear(*weights.shape)
        with torch.no_grad():
            layer.weight.copy_(weights.T)
            layer.bias.copy_(biases)
        layers.append(layer)
    return layers


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 0.995, 1.0])
def test_the_weights_that_go_are_those_that_torch_prunes(share, data):
    trial = replace(TRIAL, prune=share, stop_epoch=0)
    (state,) = trained_before([trial], data)
    layout = make_model(trial, (12,), 3).layout
    layers = as_modules(layout, theta_of(state))
    global_unstructured(
        [(layer, "weight") for layer in layers], pruning_method=L1Unstructured, amount=share
    )
    (outcome,) = ended([trial], data, [state], keeps_states=True)
    found = unpad_parameters(layout, torch.from_numpy(theta_of(outcome.state)))
    for layer, (weights, biases) in zip(layers, found, strict=True):
        assert torch.equal(layer.weight, weights.T)
        assert torch.equal(layer.bias, biases)
    zeros = sum(int((weights == 0).sum()) for weights, _ in found)
    assert zeros == round(share * (12 * 19 + 19 * 19 + 19 * 3))


def test_of_equal_weights_the_first_in_the_row_go():
    layout = make_model(replace(TRIAL, width=2, depth=1), (3,), 2).layout
    theta = torch.from_numpy(np.tile(layout.weight_mask, (2, 1)))
    theta[1, layout.layers[1].weights.start] = -0.5
    places = np.flatnonzero(layout.weight_mask)
    pruned = smallest(layout, theta, [0.3, 0.3])
    assert np.flatnonzero(pruned[0]).tolist() == places[:3].tolist()
    assert np.flatnonzero(pruned[1]).tolist() == [*places[:2], layout.layers[1].weights.start]


@pytest.mark.parametrize("recipe", RECIPES)
def test_true_weights_alone_are_pruned(recipe, data):
    """Biases, gains, shifts and slopes go on as they were; the count is that of true weights."""
    trial = replace(TRIAL, **RECIPES[recipe], stop_epoch=0)
    data = shaped(data, trial)
    (state,) = trained_before([trial], data)
    (outcome,) = ended([trial], data, [state], keeps_states=True)
    before, after = theta_of(state), theta_of(outcome.state)
    layout = make_model(trial, data[trial.replicate].shape, 3).layout
    mask = layout.weight_mask.astype(bool)
    assert np.array_equal(before[~mask], after[~mask])
    weights = sum(placed.layer.fan_in * placed.layer.units for placed in layout.layers)
    assert mask.sum() == weights
    gone = state_from_bytes(outcome.state).arrays[PRUNED]
    assert gone.sum() == round(0.6 * weights)
    assert np.array_equal(after[~gone], before[~gone])
    assert not after[gone].any()
    assert np.abs(before[gone]).max() <= np.abs(before[mask & ~gone]).min()


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_pruned_stays_zero_and_the_rest_is_trained(recipe, data):
    trial = replace(TRIAL, **RECIPES[recipe])
    data = shaped(data, trial)
    (state,) = trained_before([trial], data)
    (outcome,) = ended([trial], data, [state], keeps_states=True)
    arrays = state_from_bytes(outcome.state).arrays
    kept = theta_of(state)[~arrays[PRUNED]] != 0
    assert not arrays["theta"][arrays[PRUNED]].any()
    assert (arrays["theta"][~arrays[PRUNED]] != theta_of(state)[~arrays[PRUNED]])[kept].mean() > 0.5


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
def test_training_is_that_of_a_torch_loop_with_masked_weights(optimizer, data):
    trial = replace(TRIAL, optimizer=optimizer, batch_size=45, epochs=6, activation="tanh")
    split = data[trial.replicate]
    (state,) = trained_before([trial], data)
    layout = make_model(trial, (12,), 3).layout
    layers = as_modules(layout, theta_of(state))
    weights = [(layer, "weight") for layer in layers]
    global_unstructured(weights, pruning_method=L1Unstructured, amount=trial.prune)
    model = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), layers[2])
    options = {"momentum": {"momentum": 0.9}, "rmsprop": {"alpha": 0.99}}.get(optimizer, {})
    kinds = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    step = kinds.get(optimizer, torch.optim.SGD)(model.parameters(), lr=0.01, **options)
    inputs, targets = map(torch.from_numpy, (split.train_inputs, split.train_targets))
    for _ in range(6):
        step.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        step.step()
    (outcome,) = ended([trial], data, [state], keeps_states=True)
    found = unpad_parameters(layout, torch.from_numpy(theta_of(outcome.state)))
    with torch.no_grad():
        model(inputs)
        for layer, (weight, bias) in zip(layers, found, strict=True):
            assert torch.equal(layer.weight == 0, weight.T == 0)
            assert torch.allclose(layer.weight, weight.T, atol=2e-6)
            assert torch.allclose(layer.bias, bias, atol=2e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_share_of_nothing_changes_no_bit_even_beside_others(recipe, data):
    plain = replace(TRIAL, **RECIPES[recipe], prune=0.0)
    data = shaped(data, plain)
    company = [replace(plain, prune=share, split=1, seed=3) for share in (0.4, 0.9)]
    states = trained_before([plain, *company], data)
    (alone,) = ended([plain], data, states[:1], keeps_states=True)
    among = ended([company[0], plain, company[1]], data, [states[1], states[0], states[2]])[1]
    assert alone.metrics == among.metrics
    assert alone.histories.value.tobytes() == among.histories.value.tobytes()
    needed = {plain.replicate: data[plain.replicate]}
    cohort = Cohort([plain], needed, CPU, states=[state_from_bytes(states[0])])
    assert cohort._pruned is None
    assert PRUNED not in state_from_bytes(alone.state).arrays


@pytest.mark.parametrize("recipe", RECIPES)
def test_numbers_are_the_same_alone_and_in_company(recipe, data):
    trials = [
        replace(TRIAL, **RECIPES[recipe], prune=0.1 * index, split=index % 3, seed=index)
        for index in range(7)
    ]
    data = shaped(data, trials[0])
    states = trained_before(trials, data)
    together = ended(trials, data, states, keeps_states=True)
    for few in ([3], [6, 2], [5, 4, 0, 1]):
        found = ended([trials[i] for i in few], data, [states[i] for i in few], keeps_states=True)
        for index, outcome in zip(few, found, strict=True):
            assert outcome.metrics == together[index].metrics
            assert theta_of(outcome.state).tobytes() == theta_of(together[index].state).tobytes()


def test_members_that_stay_keep_their_own_zeros(data):
    trials = [replace(TRIAL, prune=share, seed=i) for i, share in enumerate((0.2, 0.9, 0.5))]
    states = [state_from_bytes(state) for state in trained_before(trials, data)]
    needed = {TRIAL.replicate: data[TRIAL.replicate]}
    whole, thinned = (Cohort(trials, needed, CPU, states=states) for _ in range(2))
    thinned.keep([2, 1])
    for cohort in (whole, thinned):
        cohort.train_epoch()
    assert torch.equal(thinned.parameters.theta, whole.parameters.theta[[2, 1]])


def test_a_rung_goes_on_with_the_same_zeros(data):
    """With zeros of a penalty's own beside, which come and go."""
    trials = [
        replace(TRIAL, prune=share, seed=i, regularizers=(("l1", 2.0),), optimizer="sgd")
        for i, share in enumerate((0.1, 0.0))
    ]
    states = trained_before(trials, data)
    straight = ended(trials, data, states, keeps_states=True)
    half = [replace(trial, stop_epoch=2) for trial in trials]
    first = [ended([t], data, [s], keeps_states=True)[0] for t, s in zip(half, states, strict=True)]
    taken = ended(trials, data, [outcome.state for outcome in first], keeps_states=True)
    arrays = state_from_bytes(straight[0].state).arrays
    zeros = (arrays["theta"] == 0) & make_model(TRIAL, (12,), 3).layout.weight_mask.astype(bool)
    assert zeros.sum() > arrays[PRUNED].sum()
    for one, other in zip(straight, taken, strict=True):
        assert theta_of(one.state).tobytes() == theta_of(other.state).tobytes()
        assert one.metrics == other.metrics


def test_weights_are_pruned_of_trained_networks_only():
    with pytest.raises(ValueError, match=r"^prune needs a pretrained_on"):
        Trial(dataset="digits", prune=0.5)
    assert TRIAL.pretraining.prune == 0
    assert TRIAL.pretraining == replace(TRIAL, prune=0.2).pretraining
    assert replace(TRIAL, prune=1).id == replace(TRIAL, prune=1.0).id


def experiment(**fields):
    content = {
        "question": "What do small weights do?",
        "vary": {"prune": [0, 0.8]},
        "hold": {"dataset": ["digits", "wine"], "width": 8, "epochs": 2, "learning_rate": 0.01}
        | fields,
        "profiles": {"quick": {"seeds": 1}},
    }
    return build_experiment("x", content)


def test_same_is_each_data_set_itself():
    made = experiment(pretrained_on="same")
    check_names(made, (), ())
    check_recipes(made, "quick")
    recipe = {"pretrained_on": "same", "prune": 0.8}
    assert {build_trial(recipe, d).pretrained_on for d in ("digits", "wine")} == {"digits", "wine"}
    assert build_trial(recipe, "wine") == build_trial(recipe | {"pretrained_on": "wine"}, "wine")


def test_an_experiment_without_trained_weights_to_prune_is_refused():
    for fields in ({}, {"pretrained_on": ""}):
        made = experiment(**fields)
        check_names(made, (), ())
        with pytest.raises(InputError, match="prune needs a pretrained_on"):
            check_recipes(made, "quick")


def test_a_pruned_network_trains_by_way_of_the_executor():
    trial = build_trial(
        {"pretrained_on": "same", "pretraining_epochs": 2, "prune": 0.8, "stop_epoch": 0}, "wine"
    )
    states, failed = pretrain(InlineExecutor(), [trial], 1, {})
    assert failed == []
    events = InlineExecutor().run([with_states(Plan(trials=(trial,), probes=()), states)])
    ((outcome,),) = [event.outcomes for event in events if isinstance(event, Finished)]
    assert (outcome.outcome, outcome.epochs) == ("completed", 0)
