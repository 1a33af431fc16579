"""What probes saw, as metrics: at the end, over hidden layers, and of a real fit."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from suite.data.loading import load_split
from suite.metrics import METRICS
from suite.results import Evidence
from suite.training.fitting import fit
from suite.trial import Trial
from tests.test_metrics import evidence

COLUMNS = ["trial_id", "epoch", "split", "metric", "layer", "value"]


def planted(rows, **same) -> Evidence:
    """Rows (epoch, metric, layer, value) of trial 4-0, which has four hidden layers."""
    histories = [("4-0", epoch, "train", metric, layer, v) for epoch, metric, layer, v in rows]
    return dataclasses.replace(evidence(**same), histories=pd.DataFrame(histories, columns=COLUMNS))


def of(name, given, trial_id="4-0"):
    values = METRICS[name].values(given)
    return values[given.trials["trial_id"] == trial_id].item()


@pytest.mark.parametrize("name", ["attribution_auc", "zero_share"])
def test_the_last_measured_epoch_counts(name):
    rows = [(5, name, -1, 0.9), (0, name, -1, 0.1), (2, name, -1, 0.2)]
    assert of(name, planted(rows)) == 0.9
    assert np.isnan(of(name, planted(rows), "4-1"))


def test_diversity_is_the_mean_of_the_hidden_layers_at_the_end():
    rows = [(e, "unit_diversity", k, 0.1 * k + e) for e in (0, 3) for k in range(1, 6)]
    assert of("unit_diversity", planted(rows)) == pytest.approx(3 + 0.25)


def test_the_worst_gradient_of_all_layers_and_epochs_counts():
    rows = [(e, "gradient_error", k, 1e-9) for e in (0, 3) for k in range(1, 6)]
    assert of("gradient_error", planted([*rows, (1, "gradient_error", 2, 1e-5)])) == 1e-5


def test_separability_is_that_of_the_last_hidden_layer():
    rows = [(e, "linear_probe", k, 0.1 * k + e / 100) for e in (0, 3) for k in range(1, 6)]
    assert of("last_layer_separability", planted(rows)) == pytest.approx(0.43)


def latent(epoch, best):
    """Probes of three levels whose best hidden layers are given; the output layer beats all."""
    return [
        (epoch, f"latent_probe_{level}", layer, 1.0 if layer == 5 else 0.5 + 0.3 * (layer == top))
        for level, top in enumerate(best, start=1)
        for layer in range(1, 6)
    ]


def test_the_slope_is_that_of_the_best_hidden_layer_over_the_level():
    given = planted([*latent(0, (2, 2, 2)), *latent(5, (1, 2, 4))])
    expected = np.polyfit([1, 2, 3], [1, 2, 4], 1)[0]
    assert of("best_probe_layer_slope", given) == pytest.approx(expected)
    assert of("best_probe_layer_gain", given) == pytest.approx(expected)
    falling = planted([*latent(0, (1, 2, 3)), *latent(5, (1, 1, 1))])
    assert of("best_probe_layer_gain", falling) == pytest.approx(-1)


def test_of_layers_that_tell_as_well_the_lowest_is_the_best():
    rows = [(5, f"latent_probe_{k}", layer, 0.5) for k in (1, 2) for layer in (4, 3, 2, 1)]
    assert of("best_probe_layer_slope", planted(rows)) == 0


def test_one_level_or_one_layer_has_no_slope():
    assert np.isnan(of("best_probe_layer_slope", planted(latent(5, (2,)))))
    rows = [("1-0", *row[:1], "train", *row[1:]) for row in latent(5, (1, 1, 1))]
    given = dataclasses.replace(evidence(), histories=pd.DataFrame(rows, columns=COLUMNS))
    assert np.isnan(of("best_probe_layer_slope", given, "1-0"))


@pytest.mark.parametrize("outcome", ["diverged", "dead"])
@pytest.mark.parametrize(
    ("name", "dataset", "chance"),
    [
        ("attribution_auc", "linear", 0.5),
        ("last_layer_separability", "digits", 0.1),
        ("last_layer_separability", "diabetes", 0.0),
        ("best_probe_layer_slope", "random_hierarchy", 0.0),
        ("best_probe_layer_gain", "random_hierarchy", 0.0),
    ],
)
def test_failures_count_as_chance(name, dataset, chance, outcome):
    values = METRICS[name].values(evidence(dataset=dataset, outcome=outcome))
    np.testing.assert_array_equal(values, chance)


def test_what_is_measured_of_failures_stays_measured():
    rows = [(0, "unit_diversity", k, 0.0) for k in range(1, 5)] + [(0, "zero_share", -1, 1.0)]
    given = planted(rows, outcome="dead")
    assert of("unit_diversity", given) == 0
    assert of("zero_share", given) == 1


def test_metrics_find_what_a_fit_records():
    name = "random_hierarchy(classes=3,vocabulary=4,synonyms=2,samples=200)"
    probes = ("gradient_error", "unit_diversity", "zero_share", "linear_probe")
    latents = tuple(f"latent_probe_{level}" for level in (1, 2, 3))
    trial = Trial(dataset=name, width=6, depth=4, epochs=2)
    (outcome,) = fit([trial], {(0, 0.0): load_split(name, 0)}, probes + latents)
    rows = outcome.histories
    columns = (rows.epoch, rows.metric, rows.layer, rows.value)
    given = planted(zip(*columns, strict=True), dataset=name)
    assert 0 < of("gradient_error", given) < 1e-6
    assert 0 < of("unit_diversity", given) < 1
    assert of("zero_share", given) == 0
    places = [m == "linear_probe" for m in rows.metric]
    last = rows.value[places & (rows.epoch == 2) & (rows.layer == 4)]
    assert of("last_layer_separability", given) == last
    assert -1.5 <= of("best_probe_layer_slope", given) <= 1.5
    assert np.isfinite(of("best_probe_layer_gain", given))
