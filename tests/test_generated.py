"""Generated data sets are what their sources define, and their cards tell the truth of them."""

from functools import partial
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from suite.data import drifting, functions, hierarchy, tabular
from suite.data.bundled import load_mnist1d, load_mnist1d_shuffled
from suite.data.cards import CARDS, DATASETS
from suite.data.loading import load_split, raw_samples

DRAWN = [name for name, card in CARDS.items() if not card.folds]
RANDOM = [name for name in DRAWN if name != "sawtooth"]
# With parameters that change what a card says.
OTHERS = [
    "checkerboard(cells=3)",
    "sawtooth(points=64)",
    "product(features=3,target=value)",
    "sparse_parity(bits=2,features=6,samples=64)",
    "teacher(depth=0,classes=5)",
    "teacher(target=value,features=3)",
    "linear(target=class)",
    "additive(features=6,relevant=6,target=class,noise=0)",
    "random_hierarchy(levels=4,classes=5,synonyms=2)",
    "random_hierarchy(branching=3,levels=2,samples=400)",
    "rotated(features=5,depth=5)",
    "drifting_gaussians(time=0.5,classes=4)",
    "rotating_boundary(time=0.25,features=4)",
]


def best(model, name, splits=2):
    """Mean test score of a model."""
    scores = []
    for number in range(splits):
        split = load_split(name, number)
        model.fit(split.train_inputs, split.train_targets.ravel())
        scores.append(model.score(split.test_inputs, split.test_targets.ravel()))
    return np.mean(scores)


# Simple models, in bands round what they score: chance where the task is beyond them.
LINEAR, NEIGHBOURS = LogisticRegression(max_iter=2000), KNeighborsClassifier(7)
TREE = DecisionTreeClassifier(random_state=0)
FOREST = RandomForestClassifier(30, random_state=0)
BASELINES = [
    ("mnist1d_shuffled", LINEAR, 0.28, 0.37),
    ("moons", LINEAR, 0.84, 0.92),
    ("moons", NEIGHBOURS, 0.99, 1.0),
    ("checkerboard", LINEAR, 0.42, 0.58),
    ("checkerboard", TREE, 0.88, 0.98),
    ("sawtooth", LINEAR, 0.4, 0.6),
    ("sawtooth", TREE, 1.0, 1.0),
    ("product", LINEAR, 0.45, 0.55),
    ("product", NEIGHBOURS, 0.76, 0.87),
    ("sparse_parity", LINEAR, 0.45, 0.55),
    ("teacher", LINEAR, 0.74, 0.85),
    ("teacher", FOREST, 0.76, 0.87),
    ("linear", Ridge(), 0.76, 0.8),
    ("linear(target=class)", LINEAR, 0.81, 0.853),
    ("additive", Ridge(), 0.45, 0.6),
    ("additive", HistGradientBoostingRegressor(max_iter=50), 0.62, 0.8),
    ("random_hierarchy", LINEAR, 0.25, 0.35),
    ("stepwise", TREE, 0.83, 0.96),
    ("rotated", TREE, 0.54, 0.7),
    ("drifting_gaussians", LINEAR, 0.965, 0.985),
    ("drifting_gaussians(time=0.5)", LINEAR, 0.965, 0.985),
    ("rotating_boundary", LINEAR, 0.97, 1.0),
]


@pytest.mark.parametrize(("name", "model", "low", "high"), BASELINES)
def test_a_simple_model_scores_what_is_known_of_the_set(name, model, low, high):
    assert low <= best(model, name) <= high


@pytest.mark.parametrize("name", [*DRAWN, *OTHERS])
def test_rows_are_what_the_card_says(name):
    card, samples = CARDS[name], raw_samples(name, 5)
    assert samples.inputs.shape == (card.samples, card.features)
    assert np.isfinite(samples.inputs).all()
    assert np.prod(card.input_shape) == card.features
    if card.task == "regression":
        assert samples.targets.dtype == np.float32
        assert (card.outputs, np.unique(samples.targets).size) == (1, card.samples)
    else:
        assert set(np.unique(samples.targets)) == set(range(card.outputs))
    if card.distinct_rows:
        assert len(np.unique(samples.inputs, axis=0)) == min(card.samples, card.distinct_rows)


@pytest.mark.parametrize("name", [*RANDOM, *OTHERS])
def test_draws_repeat_for_a_split_and_differ_between_splits(name):
    entry = DATASETS[name]
    draw = partial(entry.draw, samples=entry.card.samples, **entry.parameters)
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    if not name.startswith("sawtooth"):
        assert not np.array_equal(first.inputs, other.inputs)
        assert not np.array_equal(raw_samples(name, 0).inputs, raw_samples(name, 1).inputs)


# Toys


def test_moons_are_two_half_circles():
    inputs, targets = raw_samples("moons(noise=0)", 0)
    centres = np.array([[0, 0], [1, 0.5]])[targets]
    np.testing.assert_allclose(np.linalg.norm(inputs - centres, axis=1), 1, atol=1e-6)
    assert ((inputs[:, 1] >= centres[:, 1]) == (targets == 0)).mean() > 0.99
    assert np.bincount(targets).tolist() == [1000, 1000]


@pytest.mark.parametrize("cells", [2, 3, 8])
def test_neighbouring_squares_of_the_checkerboard_have_other_classes(cells):
    inputs, targets = raw_samples(f"checkerboard(cells={cells})", 0)
    for row, column in product(range(cells), repeat=2):
        low = -1 + 2 * np.array([row, column]) / cells
        inside = ((inputs > low) & (inputs < low + 2 / cells)).all(axis=1)
        assert set(targets[inside]) == {(row + column) % 2}


def test_the_sawtooth_is_the_grid_in_every_part():
    for points in (16, 64):
        split = load_split(f"sawtooth(points={points})", 3)
        raw = raw_samples(f"sawtooth(points={points})", 3)
        np.testing.assert_array_equal(raw.inputs[:points, 0] * points, np.arange(points))
        for part in ("train", "validation", "test"):
            inputs = getattr(split, f"{part}_inputs").ravel()
            order = np.argsort(inputs, kind="stable")
            labels = getattr(split, f"{part}_targets")[order]
            repeats = len(inputs) // points
            # Telgarsky's bound counts how often the class changes along the line.
            assert np.count_nonzero(np.diff(labels)) == points - 1
            np.testing.assert_array_equal(labels, np.repeat(np.arange(points) % 2, repeats))
            np.testing.assert_array_equal(np.unique(inputs), np.sort(split.validation_inputs[:, 0]))


# Functions


def test_parity_is_that_of_the_bits():
    inputs, targets = raw_samples("sparse_parity(bits=4,features=12)", 0)
    assert set(np.unique(inputs)) == {-1, 1}
    expected = [sum(int(coin) == 1 for coin in row[:4]) % 2 for row in inputs]
    np.testing.assert_array_equal(targets, expected)
    # Fewer bits tell nothing: every three of the four leave the odds even.
    for sign in product([-1, 1], repeat=3):
        same = (inputs[:, :3] == sign).all(axis=1)
        assert abs(targets[same].mean() - 0.5) < 0.15


def test_the_product_is_that_of_its_factors():
    inputs, values = raw_samples("product(features=5,target=value)", 0)
    np.testing.assert_allclose(
        values,
        np.exp(np.log(np.abs(inputs)).sum(axis=1))
        * np.where(np.count_nonzero(inputs < 0, axis=1) % 2, -1, 1),
        rtol=1e-4,
        atol=1e-7,
    )
    assert np.var(inputs) == pytest.approx(1, abs=0.05)
    inputs, classes = raw_samples("product(features=5)", 0)
    np.testing.assert_array_equal(classes, np.count_nonzero(inputs < 0, axis=1) % 2 == 0)


def test_a_shallow_teacher_is_a_linear_map_and_a_deep_one_is_not():
    for depth, low, high in ((0, 0.9999, 1.0001), (3, 0.0, 0.9)):
        inputs, values = raw_samples(f"teacher(depth={depth},target=value)", 0)
        assert low <= Ridge(1e-6).fit(inputs, values).score(inputs, values) <= high
        assert np.mean(values) == pytest.approx(0, abs=0.1)
        assert np.var(values) == pytest.approx(1, abs=0.15)


def test_teachers_are_one_a_number():
    inputs = np.random.default_rng(0).standard_normal((500, 10))
    answers = [functions.teach(inputs, (10, 16, 16, 4), i) for i in (0, 0, 1)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(np.corrcoef(answers[0][:, 0], answers[2][:, 0])[0, 1]) < 0.9
    alone = functions.teach(inputs[:1], (10, 16, 16, 4), 0)
    np.testing.assert_allclose(alone, answers[0][:1])
    shares = np.bincount(raw_samples("teacher(classes=4)", 0).targets) / 2000
    assert shares.min() > 0.1


def test_shapes_have_mean_zero_and_variance_one():
    grid = (np.arange(200_000) + 0.5) / 200_000 * 2 * np.sqrt(3) - np.sqrt(3)
    for shape in functions.SHAPES:
        assert np.mean(shape(grid)) == pytest.approx(0, abs=1e-4)
        assert np.var(shape(grid)) == pytest.approx(1, abs=1e-4)


def test_the_sums_are_of_the_relevant_features_and_noise():
    inputs, values = raw_samples("linear(noise=0,samples=400)", 0)
    fitted = Ridge(1e-9).fit(inputs, values).coef_
    assert np.abs(fitted[:5]).min() > 0.2
    assert np.abs(fitted[5:]).max() < 1e-4
    assert fitted @ fitted == pytest.approx(1, abs=1e-3)
    inputs, values = raw_samples("additive(noise=0,samples=4000)", 0)
    bases = np.column_stack([f(inputs[:, i].astype(float)) for i, f in enumerate(functions.SHAPES)])
    assert Ridge(1e-9).fit(bases, values).score(bases, values) == pytest.approx(1, abs=1e-6)
    assert np.var(values) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("noise", [0.25, 1, 3])
def test_the_best_score_is_that_of_the_true_function(noise):
    """The noiseless target, drawn by the same generator, is the best predictor of the noisy one."""
    for kind in ("linear", "additive"):
        for target in ("value", "class"):
            entry = DATASETS[f"{kind}(noise={noise},target={target},samples=40000)"]
            clean, noisy = (
                entry.draw(np.random.default_rng(3), 40_000, **{**entry.parameters, "noise": n})
                for n in (0.0, noise)
            )
            np.testing.assert_array_equal(clean.inputs, noisy.inputs)
            score = np.mean(clean.targets == noisy.targets)
            if target == "value":
                score = 1 - np.var(noisy.targets - clean.targets) / np.var(noisy.targets)
            if entry.card.best_score is None:
                assert (kind, target) == ("additive", "class")
            else:
                assert entry.card.best_score == pytest.approx(score, abs=0.012)


def truth(name, inputs):
    """The target without noise at any inputs, written down once more."""
    parameters = DATASETS[name].parameters
    match DATASETS[name].draw.__name__:
        case "draw_sparse_parity":
            return inputs[:, : parameters["bits"]].prod(axis=1)
        case "draw_product":
            return inputs.prod(axis=1) > 0
        case "draw_linear":
            return inputs[:, :5] @ functions.weights_of("linear", 5, 0)
        case "draw_additive":
            weights = functions.weights_of("additive", 4, 0)
            return sum(weights[i] * functions.SHAPES[i](inputs[:, i]) for i in range(4))
        case "draw_stepwise":
            return tabular.classify(tabular.grow(5, 4, 0), inputs)
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["sparse_parity", "product", "linear", "additive", "stepwise"])
def test_relevant_features_change_the_target_and_others_do_not(name):
    inputs = raw_samples(name, 0).inputs.astype(float)
    before = truth(name, inputs)
    for feature in range(CARDS[name].features):
        permuted = inputs.copy()
        permuted[:, feature] = np.random.default_rng(feature).permutation(inputs[:, feature])
        changed = np.mean(truth(name, permuted) != before)
        assert (changed > 0.01) if feature in CARDS[name].relevant else (changed == 0)


# Random hierarchy model


def parse(string, rules):
    """The root of a string, found from below by looking up each tuple's one parent."""
    for rule in rules[::-1]:
        parents = {tuple(t): symbol for symbol, tuples in enumerate(rule.tolist()) for t in tuples}
        size = rule.shape[2]
        string = [parents[tuple(string[i : i + size])] for i in range(0, len(string), size)]
    (root,) = string
    return root


@pytest.mark.parametrize(
    ("classes", "vocabulary", "synonyms", "branching", "levels"),
    [(8, 8, 4, 2, 3), (8, 8, 4, 2, 4), (3, 6, 5, 3, 2), (5, 4, 2, 2, 6), (4, 4, 4, 2, 2)],
)
def test_a_string_has_one_root_that_parsing_finds(classes, vocabulary, synonyms, branching, levels):
    sizes = {"classes": classes, "vocabulary": vocabulary, "synonyms": synonyms}
    sizes |= {"branching": branching, "levels": levels, "instance": 2}
    rules = hierarchy.grammar(**sizes)
    for rule, symbols in zip(rules, [classes] + [vocabulary] * (levels - 1), strict=True):
        assert rule.shape == (symbols, synonyms, branching)
        assert len(np.unique(rule.reshape(-1, branching), axis=0)) == symbols * synonyms
    inputs, roots = hierarchy.draw_hierarchy(np.random.default_rng(0), 200, **sizes)
    one_hot = inputs.reshape(200, vocabulary, branching**levels)
    assert (one_hot.sum(axis=1) == 1).all()
    strings = one_hot.argmax(axis=1).tolist()
    assert [parse(string, rules) for string in strings] == roots.tolist()


def test_there_are_as_many_strings_as_the_model_has():
    # n_c · m^((s^L - 1) / (s - 1)), equation 3 of the paper.
    for levels, number in ((1, 8 * 4), (2, 8 * 4**3), (3, 8 * 4**7), (4, 8 * 4**15)):
        name = f"random_hierarchy(levels={levels}{',samples=40' if levels == 2 else ''})"
        if levels > 1:
            assert CARDS[name].distinct_rows == number
        assert (
            hierarchy._vary(classes=8, vocabulary=8, synonyms=4, branching=2, levels=levels)[
                "distinct_rows"
            ]
            == number
        )
    everything = raw_samples("random_hierarchy(levels=2,samples=512)", 0)
    assert len(np.unique(everything.inputs, axis=0)) == 512
    assert np.bincount(everything.targets).tolist() == [64] * 8


def test_classes_and_synonyms_are_equally_likely():
    inputs, roots = raw_samples("random_hierarchy(samples=40000)", 0)
    assert np.abs(np.bincount(roots) - 5000).max() < 5 * np.sqrt(5000)
    (top, *_), strings = hierarchy.grammar(8, 8, 4, 2, 3, 0), inputs.reshape(-1, 8, 8).argmax(1)
    lower = hierarchy.grammar(8, 8, 4, 2, 3, 0)[1:]
    left = [parse(string, lower) for string in strings[roots == 3, :4].tolist()]
    right = [parse(string, lower) for string in strings[roots == 3, 4:].tolist()]
    chosen = [top[3].tolist().index([*pair]) for pair in zip(left, right, strict=True)]
    assert np.abs(np.bincount(chosen, minlength=4) - len(chosen) / 4).max() < 160


def test_the_grammar_is_that_of_the_parameters():
    first, again, other = (hierarchy.grammar(8, 8, 4, 2, 3, i) for i in (0, 0, 1))
    assert all(map(np.array_equal, first, again))
    assert not any(map(np.array_equal, first, other))
    # Another number of rows is of the same grammar.
    inputs, roots = raw_samples("random_hierarchy(samples=80)", 0)
    strings = inputs.reshape(-1, 8, 8).argmax(axis=1).tolist()
    assert [parse(string, first) for string in strings] == roots.tolist()


def test_one_hot_inputs_share_one_scale():
    split = load_split("random_hierarchy", 0)
    assert split.shape == (8, 8)
    assert len(np.unique(split.train_inputs)) == 2
    assert np.std(split.train_inputs) == pytest.approx(1, abs=1e-5)


# Tabular tasks


def test_rotated_is_stepwise_under_an_orthogonal_map():
    parameters = dict(DATASETS["stepwise"].parameters)
    straight, turned = (
        draw(np.random.default_rng(4), 300, **parameters)
        for draw in (tabular.draw_stepwise, tabular.draw_rotated)
    )
    np.testing.assert_array_equal(straight.targets, turned.targets)
    gram = [one.inputs.astype(float) @ one.inputs.T.astype(float) for one in (straight, turned)]
    np.testing.assert_allclose(*gram, atol=1e-5)
    matrix = tabular.rotation(10, 0)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(10), atol=1e-12)
    back = turned.inputs @ matrix.T
    np.testing.assert_allclose(back, straight.inputs, atol=1e-5)
    assert np.abs(matrix).max() < 0.95


@pytest.mark.parametrize(("relevant", "depth"), [(1, 1), (5, 4), (8, 4), (3, 8)])
def test_the_label_is_found_by_walking_down_the_tree(relevant, depth):
    tree = tabular.grow(relevant, depth, 1)
    rows = np.random.default_rng(0).uniform(-1, 1, size=(4000, relevant)).astype(np.float32)
    labels = tabular.classify(tree, rows)
    for row, label in zip(rows[:200], labels[:200], strict=True):
        node = 0
        while node < len(tree.feature):
            node = 2 * node + (2 if row[tree.feature[node]] > tree.threshold[node] else 1)
        assert tree.label[node - len(tree.feature)] == label
    assert set(tree.feature) == set(range(relevant))
    assert 0.25 < labels.mean() < 0.75


# Drift


@pytest.mark.parametrize("time", [0, 0.25, 0.5, 1])
@pytest.mark.parametrize("classes", [2, 4, 5])
def test_clouds_are_where_time_has_brought_them(time, classes):
    name = f"drifting_gaussians(time={time},classes={classes},samples=20000)"
    inputs, targets = raw_samples(name, 0)
    for label in range(classes):
        cloud = inputs[targets == label].astype(float)
        angle = 2 * np.pi * (label + time) / classes
        centre = [2 * np.cos(angle), 2 * np.sin(angle)]
        np.testing.assert_allclose(cloud.mean(axis=0), centre, atol=0.08)
        np.testing.assert_allclose(np.cov(cloud.T), np.eye(2), atol=0.1)
        assert len(cloud) == 20_000 // classes
    starts, ends = (drifting.class_means(t, classes, 2) for t in (0, 1))
    np.testing.assert_allclose(ends, np.roll(starts, -1, axis=0), atol=1e-12)


@pytest.mark.parametrize(("classes", "radius"), [(2, 1), (2, 2), (4, 2)])
def test_the_nearest_mean_is_right_as_often_as_the_card_says(classes, radius):
    name = f"drifting_gaussians(classes={classes},radius={radius},samples=40000)"
    inputs, targets = raw_samples(name, 0)
    means = drifting.class_means(0, classes, radius)
    nearest = np.linalg.norm(inputs[:, None] - means, axis=2).argmin(axis=1)
    assert CARDS[name].best_score == pytest.approx(np.mean(nearest == targets), abs=0.008)
    assert CARDS["drifting_gaussians"].best_score == pytest.approx(NormalDist().cdf(2))


def test_the_boundary_turns_and_the_inputs_do_not():
    for time, direction in ((0, [1, 0]), (0.25, [1, 1]), (0.5, [0, 1]), (1, [-1, 0])):
        inputs, targets = raw_samples(f"rotating_boundary(time={time},samples=20000)", 0)
        side = inputs @ np.array(direction)
        assert np.mean((side > 0) == targets) > 0.9999
        np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=0.03)
        np.testing.assert_allclose(np.cov(inputs.T), np.eye(2), atol=0.04)


@pytest.mark.parametrize("name", ["drifting_gaussians", "rotating_boundary"])
def test_what_is_learned_at_one_time_fails_at_a_later_one(name):
    early = load_split(name, 0)
    model = LogisticRegression().fit(early.train_inputs, early.train_targets)
    scores = []
    for time in (0, 0.25, 0.5, 1):
        late = load_split(f"{name}(time={time})", 0)
        scores.append(model.score(late.test_inputs, late.test_targets))
    assert np.all(np.diff(scores) < -0.05)
    assert scores[2] == pytest.approx(0.5, abs=0.06)
    assert scores[3] < 0.05


# MNIST-1D, shuffled


def test_shuffled_mnist1d_has_the_places_of_mnist1d_in_another_order():
    plain, shuffled = load_mnist1d(), load_mnist1d_shuffled()
    np.testing.assert_array_equal(plain.targets, shuffled.targets)
    places = [
        np.flatnonzero((column == plain.inputs.T).all(axis=1)) for column in shuffled.inputs.T
    ]
    order = np.concatenate(places)
    np.testing.assert_array_equal(np.sort(order), np.arange(40))
    assert np.count_nonzero(np.diff(order) == 1) < 5
