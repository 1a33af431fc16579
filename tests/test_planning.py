"""Planning: recipes become trials, trials become cohorts, and sizes are known beforehand."""

import itertools
import random
from collections import Counter
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from suite.data.cards import CARDS, DATASETS
from suite.errors import InputError
from suite.parts.networks import NETWORKS, Layer, Sizes, parameter_count, training_flops, width_for
from suite.planning import (
    CACHE_BYTES,
    MOST_MEMBERS,
    Cohort,
    build_trial,
    estimate_seconds,
    group,
    memory_bytes,
)
from suite.training.cohort import cohort_bytes
from suite.training.model import make_model
from suite.trial import FIELDS, RANGES, Trial

# Downloads are too big for what is expected of all the others.
AT_HAND = [name for name, e in DATASETS.items() if not e.card.downloaded and e.installed]
TRIAL = Trial(dataset="digits", pretrained_on="wine", regularizers=(("dropout", 0.2),))
# Another value for every field.
OTHER = {
    "dataset": "wine",
    "samples": 100,
    "label_noise": 0.1,
    "network": "convolutional",
    "settings": (("max_depth", 3),),
    "depth": 3,
    "width": 32,
    "kernel_size": 5,
    "pooling": "max",
    "activation": "tanh",
    "initializer": "xavier",
    "gain": 2.0,
    "loss": "squared_error",
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.5,
    "schedule": "cosine",
    "gradient_clip": 0.5,
    "regularizers": (("l2", 0.1),),
    "epochs": 7,
    "stop_epoch": 5,
    "pretrained_on": "breast_cancer",
    "pretraining_epochs": 3,
    "prune": 0.5,
    "together": 4,
    "batch_size": 32,
    "split": 2,
    "seed": 3,
    "order": 4,
    "reports_test": False,
    "supplied": "0123456789abcdef",
}
# Few names, many members: what a real grid looks like.
GRID = [
    Trial(dataset=dataset, depth=depth, width=33, split=seed, seed=seed, learning_rate=rate,
          regularizers=penalty, epochs=epochs)
    for dataset, depth, seed, rate, penalty, epochs in itertools.product(
        ("digits", "wine"),
        (1, 4),
        range(9),
        (0.01, 0.001),
        ((), (("l2", 0.1),), (("l2", 0.2),), (("dropout", 0.2), ("l2", 0.1))),
        (2, 20),
    )
]  # fmt: skip


# Trials


def test_ids_are_stable():
    # Results are stored under these. A field more or less changes them all, which takes a line in
    # the changelog: what was measured before would be trained again.
    assert Trial(dataset="digits").id == "144976fe1d9e494a"
    assert replace(TRIAL, **OTHER).id == "d65a1ed0041bd283"


def test_every_field_changes_the_id():
    assert OTHER.keys() == set(FIELDS)
    ids = [TRIAL.id, *(replace(TRIAL, **{name: value}).id for name, value in OTHER.items())]
    assert len(set(ids)) == len(FIELDS) + 1
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in ids)


def test_whole_numbers_and_floats_give_the_same_id():
    numbers = {"learning_rate": 1, "momentum": 0, "gain": 2, "label_noise": 0, "gradient_clip": 3}
    whole = Trial(dataset="digits", **numbers)
    real = Trial(dataset="digits", **{name: float(value) for name, value in numbers.items()})
    assert (whole.id, whole.cohort_key) == (real.id, real.cohort_key)


def test_regularizers_have_one_form():
    given = Trial(dataset="digits", regularizers=(("l2", 1), ("l1", 0), ("dropout", 0.2)))
    assert given.regularizers == (("dropout", 0.2), ("l2", 1.0))
    assert [given.strength(name) for name in ("l2", "l1", "dropout")] == [1.0, 0.0, 0.2]
    assert Trial(dataset="digits", regularizers=(("l1", 0.0),)).id == Trial(dataset="digits").id


def test_only_stackable_fields_leave_the_cohort_alone():
    stackable = {"seed", "order", "split", "label_noise", "learning_rate", "momentum"}
    stackable |= {"initializer", "gain", "prune"}
    for name, value in OTHER.items():
        same = replace(TRIAL, **{name: value}).cohort_key == TRIAL.cohort_key
        assert same == (name in stackable), name


@pytest.mark.parametrize(
    ("name", "strength", "other", "absent"),
    [
        ("regularizers", (("dropout", 0.2),), (("dropout", 0.9),), ()),
        ("gradient_clip", 1.0, 2.0, None),
    ],
)
def test_strengths_stack_and_presence_does_not(name, strength, other, absent):
    keys = [replace(TRIAL, **{name: value}).cohort_key for value in (strength, other, absent)]
    assert keys[0] == keys[1] != keys[2]


def test_a_replicate_is_what_decides_rows_and_labels():
    varied = {name: replace(TRIAL, **{name: value}).replicate for name, value in OTHER.items()}
    changed = {name for name, replicate in varied.items() if replicate != TRIAL.replicate}
    assert changed == {"split", "label_noise"}


def test_trials_are_frozen():
    with pytest.raises(FrozenInstanceError):
        TRIAL.depth = 3


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_kept(name):
    low, high, closed = RANGES[name]
    wrong = [
        low - 1,
        float("nan"),
        *([] if closed else [low]),
        *([high * 2] if high < 2**40 else []),
    ]
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} must be "):
            Trial(**{"dataset": "digits", "pretrained_on": "wine", name: value})
    if closed:
        trial = Trial(**{"dataset": "digits", "pretrained_on": "wine", name: low})
        assert getattr(trial, name) == low


# From a recipe to a trial


@pytest.mark.parametrize("dataset", AT_HAND)
def test_the_loss_follows_the_task(dataset):
    task = CARDS[dataset].task
    trial = build_trial({"depth": 1}, dataset)
    assert trial.loss == {"classification": "cross_entropy", "regression": "squared_error"}[task]
    assert build_trial({"loss": "squared_error"}, dataset).loss == "squared_error"


def test_a_recipe_is_followed():
    recipe = {"depth": 3, "regularizers": "l1=0.001,l2=0.25", "samples": None, "gain": 2.0}
    trial = build_trial(recipe, "wine", split=4, seed=5, reports_test=False)
    expected = {"dataset": "wine", "split": 4, "seed": 5, "reports_test": False} | recipe
    expected |= {"settings": (), "regularizers": (("l1", 0.001), ("l2", 0.25))}
    assert {name: getattr(trial, name) for name in expected} == expected
    again = build_trial(recipe | {"budget": 5, "sampler": "tpe", "halving": 3}, "wine")
    assert again == replace(trial, split=0, seed=0, reports_test=True)


@pytest.mark.parametrize(
    ("recipe", "dataset", "problem"),
    [
        ({"loss": "cross_entropy"}, "diabetes", "loss: cross_entropy does not suit diabetes"),
        ({"label_noise": 0.1}, "diabetes", "label_noise: .* cannot be noisy"),
        ({"samples": 143}, "wine", "cannot give 143 training samples\nallowed: 1 to 142"),
    ],
)
def test_impossible_recipes_are_refused(recipe, dataset, problem):
    with pytest.raises(InputError, match=problem):
        build_trial(recipe, dataset)


def test_a_parameter_budget_sets_the_width():
    trial = build_trial({"depth": 2, "parameters": 5000}, "digits")
    near = {width: 65 * width + (width + 1) * width + 10 * (width + 1) for width in range(1, 99)}
    assert trial.width == min(near, key=lambda width: abs(near[width] - 5000))
    for unsized in ({"depth": 0}, {"network": "linear"}):
        with pytest.raises(ValueError, match=r"parameters: .* without hidden layers has no width"):
            build_trial({**unsized, "parameters": 5000}, "digits")


@pytest.mark.parametrize(
    ("recipe", "beside"),
    [
        ({"regularizers": "batch_norm=1"}, lambda width: 2 * 2 * width),
        ({"regularizers": "batch_norm=1,layer_norm=1"}, lambda width: 2 * 4 * width),
        (
            {"activation": "prelu", "regularizers": "layer_norm=1"},
            lambda width: 2 * (2 * width + 1),
        ),
    ],
)
def test_a_budget_counts_normalizations_and_slopes(recipe, beside):
    """Gain and shift a unit for each normalization, one slope a layer."""
    trial = build_trial({"depth": 2, "parameters": 1700, **recipe}, "digits")
    counts = {width: count_by_hand(64, 10, 2, width) + beside(width) for width in range(1, 99)}
    assert trial.width == min(counts, key=lambda width: abs(counts[width] - 1700))
    layout = make_model(trial, CARDS["digits"].input_shape, 10).layout
    assert layout.parameters == counts[trial.width]


# Sizes


def count_by_hand(inputs, outputs, depth, width):
    """Trained numbers of a dense network, counted unit by unit."""
    total = before = 0
    for size in (inputs, *[width] * depth, outputs):
        total += size * (before + 1) if before else 0
        before = size
    return total


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 2), (64, 10), (784, 10), (13, 3)])
@pytest.mark.parametrize("depth", [1, 2, 3, 8, 40])
def test_width_for_finds_the_nearest_count(inputs, outputs, depth):
    counts = [count_by_hand(inputs, outputs, depth, width) for width in range(1, 400)]
    least, sizes = counts[0], Sizes((inputs,), outputs, depth, width=0)
    budgets = {
        least,
        least + 1,
        2 * least,
        *random.Random(depth).sample(range(least, counts[-2]), 30),
    }
    budgets |= {(a + b) // 2 for a, b in itertools.pairwise(counts[:50])}
    for budget in budgets:
        width = width_for("dense", budget, sizes)
        nearest = min(range(len(counts)), key=lambda i: (abs(counts[i] - budget), i)) + 1
        assert width == nearest
        layers = NETWORKS["dense"].layers(replace(sizes, width=width))
        assert parameter_count(layers) == counts[width - 1]
    with pytest.raises(ValueError, match=f"{least - 1} are too few; depth {depth} needs {least}$"):
        width_for("dense", least - 1, sizes)


def test_training_flops_counted_by_hand():
    # Three inputs, four hidden units, two outputs. A product of a row with a matrix of n weights
    # takes n multiplications and n additions. Forward: 12 + 8 weights. Backward: the gradient of
    # 12 + 8 weights, and the hidden units' through 8 weights.
    a_row = 2 * (12 + 8) + 2 * (12 + 8) + 2 * 8
    assert training_flops((Layer(3, 4), Layer(4, 2)), samples=10, epochs=5) == 10 * 5 * a_row
    # A linear model has no layer to pass a gradient to.
    assert training_flops((Layer(3, 2),), samples=1, epochs=1) == 2 * 6 + 2 * 6
    # A convolution does at each place of its map what a dense layer does once.
    kernel = {"taps": 3, "kernel": (3,)}
    conv = Layer(2, 4, maps=(7,), **kernel)
    assert training_flops((conv, conv), samples=1, epochs=1) == 7 * 2 * (2 + 3) * (2 * 3 * 4)


@pytest.mark.parametrize("dataset", AT_HAND)
@pytest.mark.parametrize("depth", [0, 1, 20])
def test_estimates_are_positive_and_grow(dataset, depth):
    trial = build_trial({"depth": depth}, dataset)
    seconds = estimate_seconds(trial)
    assert 0 < seconds < 60
    assert estimate_seconds(replace(trial, epochs=2 * trial.epochs)) == pytest.approx(2 * seconds)
    assert estimate_seconds(replace(trial, samples=CARDS[dataset].train_samples // 2)) < seconds
    if depth:
        assert estimate_seconds(replace(trial, width=512)) > seconds


# Cohorts


def as_sets(cohorts):
    return Counter(frozenset(cohort.trials) for cohort in cohorts)


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_cohorts_hold_every_trial_once(workers):
    cohorts = group(GRID, ("signal",), workers)
    assert Counter(t for cohort in cohorts for t in cohort.trials) == Counter(GRID)
    assert all(cohort.probes == ("signal",) for cohort in cohorts)
    for cohort in cohorts:
        assert len({trial.cohort_key for trial in cohort.trials}) == 1
    costs = [sum(estimate_seconds(trial) for trial in cohort.trials) for cohort in cohorts]
    assert costs == sorted(costs, reverse=True)
    assert costs == [cohort.cost for cohort in cohorts]


def test_cohorts_do_not_depend_on_order_or_repetition():
    expected = as_sets(group(GRID, (), 2))
    for seed in range(5):
        shuffled = random.Random(seed).sample(GRID + GRID[:50], len(GRID) + 50)
        assert as_sets(group(shuffled, (), 2)) == expected
    # Trials that differ in nothing that they are sorted by, but in a penalty.
    alike = [replace(TRIAL, regularizers=(("dropout", i / 200),)) for i in range(1, 150)]
    assert as_sets(group(alike, (), 1)) == as_sets(group(alike[::-1], (), 1))


def test_nothing_to_group():
    assert group([], (), 2) == []
    assert memory_bytes([], 2) == 0


@pytest.mark.parametrize("width", [8, 64, 512, 3000])
@pytest.mark.parametrize("dataset", ["mnist5k", "wine"])
def test_cohorts_fit_the_cache(dataset, width):
    trials = [Trial(dataset=dataset, width=width, seed=seed, epochs=1) for seed in range(200)]
    card = CARDS[dataset]
    each = cohort_bytes(trials[0], card.input_shape, card.outputs)
    # At least what four matrices of parameters take.
    assert each >= 4 * 4 * count_by_hand(card.features, card.outputs, 2, width)
    for cohort in group(trials, (), workers=1):
        size = len(cohort.trials)
        assert size <= MOST_MEMBERS
        assert size * each <= CACHE_BYTES or size <= 4


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_every_worker_has_several_cohorts(workers):
    trials = [Trial(dataset="wine", width=8, seed=seed) for seed in range(160)]
    sizes = [len(cohort.trials) for cohort in group(trials, (), workers)]
    assert len(sizes) >= 4 * workers
    assert max(sizes) - min(sizes) <= 4
    assert min(sizes) >= 2


def test_memory_is_that_of_the_largest_cohort_in_every_worker():
    small = group([Trial(dataset="wine", width=8)], (), 1)
    large = group([Trial(dataset="mnist5k", width=512, split=split) for split in range(3)], (), 1)
    assert memory_bytes(small + large, 1) == memory_bytes(large, 1) > memory_bytes(small, 1)
    assert memory_bytes(small + large, 3) == 3 * memory_bytes(large, 1)
    # Three splits of 5000 images of 784 floats, and three networks' weights at the least.
    assert memory_bytes(large, 1) > 3 * 5000 * 784 * 4 + 3 * 4 * (784 + 512) * 512


def test_memory_counts_what_probes_look_at():
    """128 rows in float64: pre-activations and activations of 16 maps of 28 × 28 at the least."""
    wide = {"network": "convolutional", "pooling": "global_average", "depth": 2, "width": 16}
    trials = [Trial(dataset="mnist5k", seed=seed, **wide) for seed in range(8)]
    card = CARDS["mnist5k"]
    plain, probed = (
        cohort_bytes(trials[0], card.input_shape, card.outputs, probes)
        for probes in ((), ("signal",))
    )
    assert probed - plain >= 2 * 128 * 8 * (2 * 16 * 28 * 28)
    dense = Trial(dataset="wine", width=16, depth=1)
    small = [
        cohort_bytes(dense, CARDS["wine"].input_shape, 3, names) for names in ((), ("signal",))
    ]
    assert 0 < small[1] - small[0] < 1e6
    bare, looked = (
        memory_bytes([Cohort(trials=(trials[0],), probes=probes)], 1)
        for probes in ((), ("signal",))
    )
    assert looked - bare == probed - plain


def test_labels_are_for_people():
    (cohort,) = group([replace(TRIAL, seed=seed) for seed in range(4)], (), 1)
    assert cohort.label == "digits 2×64 relu, 4 networks"
    assert asdict(cohort)["probes"] == ()
