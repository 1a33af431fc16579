"""Parts where they meet the engine: padding, gain, dropout; and the sizes of networks."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.networks import (
    NETWORKS,
    Layer,
    Sizes,
    parameter_count,
    training_flops,
    width_for,
)
from suite.training.batches import draw_drops
from suite.training.cohort import Cohort
from suite.training.forward import Pass, Record
from suite.training.fused import FusedKernel
from suite.training.layout import draw_parameters, make_layout, unpad_parameters
from suite.trial import Trial

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
LIKE = torch.empty(0)
SIZED = sorted(name for name, network in NETWORKS.items() if network.sized)


def dropping(*rates: float, regularizer: str = "dropout") -> list[Trial]:
    """Trials with their own shares of dropped units."""
    return [Trial(dataset="synthetic", regularizers=((regularizer, rate),)) for rate in rates]


def chain(*sizes: int) -> list[Layer]:
    """Dense layers, each feeding the next."""
    return [Layer(*pair) for pair in itertools.pairwise(sizes)]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("regularizers", [(), (("dropout", 0.4),), (("alpha_dropout", 0.4),)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_padding_stays_zero_in_every_buffer(name, regularizers, dtype, make_split) -> None:
    trial = Trial(
        dataset="synthetic",
        depth=2,
        width=19,
        activation=name,
        initializer="pytorch",
        regularizers=regularizers,
    )
    trials = [trial, replace(trial, seed=1)]
    cohort = Cohort(trials, {trial.replicate: make_split(1)}, CPU, dtype)
    index = np.arange(32).reshape(2, 16)
    inputs, targets = (values.to(dtype) for values in cohort.pool.train.gather(index))
    cohort.compute_gradient(inputs, targets, 16)
    for placed, weights, biases in zip(
        cohort.model.layout.layers, cohort.gradient.weights, cohort.gradient.biases, strict=True
    ):
        fan_in, units = placed.layer.fan_in, placed.layer.units
        assert not weights[:, fan_in:].any()
        assert not weights[..., units:].any()
        assert not biases[:, units:].any()
        assert weights[:, :fan_in, :units].any()
    for buffer, units in buffers(cohort, inputs):
        assert not buffer[..., units:].any()
        assert buffer[..., :units].any()


def buffers(cohort: Cohort, inputs: torch.Tensor) -> list[tuple[torch.Tensor, int]]:
    """What a step leaves of every layer, and how many columns of it are true."""
    if isinstance(cohort.kernel, FusedKernel):
        work = cohort.kernel._workspaces[16]
        fed = work.fed if cohort.trials[0].regularizers else []
        kept = [*zip(work.outputs, work.deltas, strict=True), *((values,) for values in fed)]
        units = [19, 19, 3, *[19] * len(fed)]
    else:
        record = Record([], [])
        Pass(cohort.networks, drops=cohort._drops(16), record=record).run(inputs)
        # Padding's pre-activations are zero, and what the activation makes of zero is masked.
        kept = list(zip(record.preactivations, record.activations, strict=True))
        units = [19, 19, 3]
    return [(one, count) for group, count in zip(kept, units, strict=True) for one in group]


def test_gain_scales_weights_and_leaves_biases_and_padding() -> None:
    layout = make_layout(chain(7, 5, 5, 3))
    rows = [draw_parameters(layout, INITIALIZERS["pytorch"], gain, 3) for gain in (1, 2.5)]
    plain, scaled = (unpad_parameters(layout, torch.from_numpy(row)) for row in rows)
    for (weights, biases), (scaled_weights, scaled_biases) in zip(plain, scaled, strict=True):
        torch.testing.assert_close(scaled_weights, 2.5 * weights)
        assert torch.equal(scaled_biases, biases)
    true = sum(weights.numel() + biases.numel() for weights, biases in plain)
    assert np.count_nonzero(rows[0]) == true == layout.parameters
    assert not torch.equal(plain[1][0][:5, :3], plain[2][0])


def test_dropout_keeps_its_share_and_the_expectation() -> None:
    layout, rates = make_layout(chain(5, 64, 37, 3)), [0.01, 0.2, 0.75]
    draws = [np.random.default_rng(seed) for seed in (1, 2, 3)]
    drops = draw_drops(layout, 1024, dropping(*rates), draws, LIKE)
    assert [drop.scale.shape for drop in drops] == [(3, 1024, 64), (3, 1024, 48)]
    assert [drop.shift for drop in drops] == [None, None]
    for drop in drops:
        for factors, rate in zip(drop.scale, rates, strict=True):
            assert set(factors.unique().tolist()) == {0, float(np.float32(1 / (1 - rate)))}
            error = 5 * (rate * (1 - rate) / factors.numel()) ** 0.5
            assert float((factors > 0).double().mean()) == pytest.approx(1 - rate, abs=error + 1e-5)
            assert float(factors.double().mean()) == pytest.approx(1, abs=error / (1 - rate) + 1e-4)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_is_torchs_and_keeps_mean_and_variance(rate) -> None:
    layout = make_layout(chain(5, 64, 3))
    trials = dropping(rate, regularizer="alpha_dropout")
    (drop,) = draw_drops(layout, 4096, trials, [np.random.default_rng(1)], LIKE)
    assert drop.shift is not None
    values = torch.randn(4096, 64, generator=torch.Generator().manual_seed(2))
    given = values * drop.scale[0] + drop.shift[0]
    assert float(given.mean()) == pytest.approx(0, abs=0.01)
    assert float(given.var()) == pytest.approx(1, abs=0.02)
    # torch draws by its own global generator: of a constant input, the two values are its.
    dropped, kept = functional.alpha_dropout(torch.ones(4096), rate, training=True).unique()
    ours = (drop.scale[0] + drop.shift[0]).unique()
    torch.testing.assert_close(ours, torch.stack([dropped, kept]))


def test_dropout_draws_units_rows_and_layers_independently() -> None:
    layout, trials = make_layout(chain(5, 64, 64, 3)), dropping(0.5, 0.5)
    draws = [np.random.default_rng(seed) for seed in (1, 2)]
    first, second = (drop.scale for drop in draw_drops(layout, 512, trials, draws, LIKE))
    kept = (first[0] > 0).double()
    beside = {
        "member": first[1],
        "layer": second[0],
        "row": first[0].roll(1, dims=0),
        "unit": first[0].roll(1, dims=1),
        "step": draw_drops(layout, 512, trials, draws, LIKE)[0].scale[0],
    }
    for other in beside.values():
        assert float((kept * (other > 0)).mean()) == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_a_dense_network_is_torchs_chain_of_linear_layers(depth) -> None:
    layers = NETWORKS["dense"].layers(Sizes((13,), 3, depth, 6))
    linears = [torch.nn.Linear(layer.fan_in, layer.fan_out) for layer in layers]
    network = torch.nn.Sequential(*linears)
    assert len(layers) == depth + 1
    assert network(torch.zeros(2, 13)).shape == (2, 3)
    assert parameter_count(layers) == sum(values.numel() for values in network.parameters())


@pytest.mark.parametrize("budget", [300, 2000, 2417])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("name", SIZED)
def test_the_width_for_a_budget_is_the_nearest(name, depth, budget) -> None:
    sizes = Sizes((1, 13), 3, depth, width=0)
    counts = {
        width: parameter_count(NETWORKS[name].layers(replace(sizes, width=width)))
        for width in range(1, 1000)
    }
    width = width_for(name, budget, sizes)
    assert abs(counts[width] - budget) == min(abs(count - budget) for count in counts.values())


def test_a_budget_below_one_unit_a_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        width_for("dense", 10, Sizes((13,), 3, 2, width=0))
    with pytest.raises(ValueError, match="no width"):
        width_for("linear", 10_000, Sizes((13,), 3, 2, width=0))


def test_flops_count_the_products_of_both_passes() -> None:
    # 13x6 and 6x3: forward and weight gradient both, the input's gradient only for the second.
    by_hand = 2 * (2 * 78 + 3 * 18) * 100 * 4
    assert training_flops(tuple(chain(13, 6, 3)), samples=100, epochs=4) == by_hand
