"""From an experiment to trials, and from trials to cohorts sized for memory and cache."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from suite.classical import planning as classical
from suite.classical.features import settle
from suite.classical.models import CLASSICAL, read_settings
from suite.data.cards import CARDS, DATASETS, DatasetCard, check_request
from suite.data.naming import base_name
from suite.data.tables.spec import is_table_name
from suite.errors import InputError, unknown
from suite.experiment import Design, Experiment, Level, Levels, regularizer_pairs, setting_pairs
from suite.installing import origin, source_of, with_origin
from suite.levels import SOLVED
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS
from suite.parts.losses import LOSSES
from suite.parts.networks import (
    NETWORKS,
    POOLINGS,
    parameter_count,
    training_flops,
    width_for,
)
from suite.parts.optimizers import OPTIMIZERS
from suite.parts.regularizers import REGULARIZERS
from suite.parts.schedules import SCHEDULES
from suite.supplied import Supplied
from suite.training.cohort import cohort_bytes
from suite.training.model import NORMALIZATIONS, layers_of, sizes_of
from suite.training.probes import PROBES
from suite.trial import Trial
from suite.tune import Tune

# The dicts are the only lists of names: field -> (what an entry is called, the dict).
NAMES: dict[str, tuple[str, Collection[str]]] = {
    "dataset": ("data set", DATASETS),
    "pretrained_on": ("data set", DATASETS),
    "network": ("network", NETWORKS),
    "activation": ("activation", ACTIVATIONS),
    "initializer": ("initializer", INITIALIZERS),
    "loss": ("loss", LOSSES),
    "optimizer": ("optimizer", OPTIMIZERS),
    "schedule": ("schedule", SCHEDULES),
    "pooling": ("pooling", POOLINGS),
}

# In place of a data set to train on before: the trial's own. Without a name, there is none.
SAME = "same"

# A cohort's state beyond this leaves the second-level cache to no one's profit (measured: the
# time per network is flat from four members on).
CACHE_BYTES = 16 * 2**20
MOST_MEMBERS = 64
# Of the memory that is free, what all cohorts in training may take together.
MEMORY_SHARE = 0.5
# What a laptop core does on these shapes, for estimates before anything has been measured.
FLOPS_PER_SECOND = 1.5e10
SECONDS_PER_STEP_AND_LAYER = 4e-6
# Classical models are fitted one after the other: a job of several saves but its own start.
CLASSICAL_JOB_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Trials that train stacked.

    Attributes:
        trials: the recipes, all with one `cohort_key`.
        probes: names of what is to be probed in them.
        supplied: the user's own file that the recipes name parts from.
        states: where each trial goes on from; empty where they start anew.
        keeps_states: whether outcomes carry where training stopped.
    """

    trials: tuple[Trial, ...]
    probes: tuple[str, ...]
    supplied: Supplied | None = None
    states: tuple[bytes, ...] = field(default=(), repr=False)
    keeps_states: bool = False

    @property
    def cost(self) -> float:
        """Estimated seconds on one core."""
        return sum(estimate_seconds(trial) for trial in self.trials)

    @property
    def label(self) -> str:
        """A few words for the progress display."""
        first = self.trials[0]
        if first.network in CLASSICAL:
            return f"{first.dataset} {first.network}, {len(self.trials)} models"
        size = f"{first.depth}×{first.width} {first.activation}"
        return f"{first.dataset} {size}, {len(self.trials)} networks"


def check_names(experiment: Experiment, metrics: Collection[str], figures: Collection[str]) -> None:
    """Check every name in an experiment against the dict that holds its kind.

    A part of the user's own is known only to experiments that name its file.

    Raises:
        InputError: an unknown name, with its key and the nearest spelling.
    """
    place = experiment.path or experiment.name
    own = experiment.supplied.digest if experiment.supplied else ""
    for key, levels in _levels(experiment):
        _check_levels(f"{place}: {key}", key.rpartition(".")[2], levels, own)
    for probe in experiment.probes:
        if probe not in PROBES:
            raise unknown(f"{place}: probes", "probe", probe, PROBES)
    for figure in experiment.figures:
        if figure not in figures:
            raise unknown(f"{place}: figures", "figure", figure, figures)
    for spot, side in experiment.tests():
        if side.metric not in metrics:
            raise unknown(f"{place}: {spot}.metric", "metric", side.metric, metrics)


def _levels(experiment: Experiment) -> Iterator[tuple[str, Levels]]:
    """Every place where a file gives values of a field."""
    for section, values in (("vary", experiment.vary), ("hold", experiment.hold)):
        yield from ((f"{section}.{key}", levels) for key, levels in values.items())
    for name, profile in experiment.profiles.items():
        yield from ((f"profiles.{name}.{key}", levels) for key, levels in profile.levels.items())
    for factor, named in experiment.variants.items():
        for variant, fields in named.items():
            yield from ((f"vary.{factor}.{variant}.{key}", (v,)) for key, v in fields.items())


def _check_levels(place: str, key: str, levels: Iterable[Level], own: str) -> None:
    for level in levels:
        if key == "dataset" and is_table_name(str(level)) and level in DATASETS:
            continue
        if key == "pretrained_on" and level in ("", SAME):
            continue
        if key == "regularizers":
            _check_regularizers(place, str(level))
        elif key in NAMES and (name := base_name(str(level))) not in (known := _known(key, own)):
            raise unknown(place, NAMES[key][0], name, known)


def _known(key: str, own: str) -> list[str]:
    names = [name for name in NAMES[key][1] if origin(key, name) in ("", own)]
    return [*names, *CLASSICAL] if key == "network" else names


def _check_regularizers(place: str, text: str) -> None:
    for name, strength in regularizer_pairs(text):
        if name not in REGULARIZERS:
            raise unknown(place, "regularizer", name, REGULARIZERS)
        entry = REGULARIZERS[name]
        if strength > entry.highest:
            raise InputError(place, f"{name} is at most {entry.highest}")
        if entry.whole and strength != int(strength):
            raise InputError(place, f"{name} must be a whole number, not {strength:g}")


def check_recipes(experiment: Experiment, profile: str) -> None:
    """Build one trial of every contender and data set, so that what is impossible fails early.

    Raises:
        InputError: a recipe that no data set or network can meet.
    """
    design = experiment.at(profile)
    place = f"{experiment.path or experiment.name} (profile {profile})"
    _check_probes_suit(f"{place}: probes", design)
    for dataset in design.datasets:
        card = CARDS[dataset]
        if (
            card.task == "regression"
            and design.tune
            and design.tune.metric == "validation_accuracy"
        ):
            raise InputError(f"{place}: tune.metric", f"{dataset} has no accuracy, but a loss")
        for contender in design.contenders():
            try:
                recipe = design.recipe(contender)
                _check_learning_rate(recipe, design.tune)
                trial = build_trial(recipe, dataset)
                if trial.network not in CLASSICAL:
                    layers_of(trial, card.input_shape, card.outputs)
                if trial.pretraining is not None:
                    _check_pretraining(trial, card)
            except InputError as error:
                raise InputError(f"{place}: {error.place}", error.problem, error.hint) from None
            except ValueError as error:
                raise InputError(place, str(error)) from None


def _check_probes_suit(place: str, design: Design) -> None:
    """A probe may look at some of the data sets only, but not at none."""
    found = {CARDS[dataset].features for dataset in design.datasets}
    for name in design.probes:
        wanted = PROBES[name].features
        if wanted is not None and wanted not in found:
            problem = f"{name} needs data with {wanted} features, and none of the data sets has"
            raise InputError(place, problem)


def _check_pretraining(trial: Trial, card: DatasetCard) -> None:
    """A network fits two data sets only if their inputs and outputs have one shape."""
    first = check_request(trial.pretrained_on, trial.samples, trial.label_noise)
    if (first.input_shape, first.outputs) != (card.input_shape, card.outputs):
        problem = f"{trial.pretrained_on} has other inputs or outputs than {trial.dataset}"
        raise InputError("pretrained_on", problem)


def _check_learning_rate(recipe: Mapping[str, Level], tune: Tune | None) -> None:
    searched = tune is not None and "learning_rate" in tune.space
    given = searched or "learning_rate" in recipe
    if recipe.get("network", "dense") in NETWORKS and not given:
        raise InputError("learning_rate", "tune it, vary it or hold it; there is no default")


def build_trial(
    recipe: Mapping[str, Level],
    dataset: str,
    *,
    split: int = 0,
    seed: int = 0,
    reports_test: bool = True,
) -> Trial:
    """The trial of a recipe as `Design.recipe` gives it.

    A budget of `parameters` is solved for the width; the loss follows the data set's task where
    the recipe names none; `pretrained_on: same` is the data set itself. What only networks have is
    not read for a classical model.

    Raises:
        InputError: the data set cannot meet the request.
        ValueError: the network cannot be built.
    """
    fields: dict[str, object] = {k: v for k, v in recipe.items() if k not in SOLVED}
    samples, noise = recipe.get("samples"), recipe.get("label_noise", 0.0)
    card = check_request(dataset, None if samples is None else int(samples), float(noise or 0))
    if recipe.get("network") in CLASSICAL:
        place = {"dataset": dataset, "split": split, "seed": seed, "reports_test": reports_test}
        return _classical_trial(recipe, card, place)
    fields.setdefault("loss", "cross_entropy" if card.task == "classification" else "squared_error")
    if card.task not in LOSSES[str(fields["loss"])].tasks:
        raise InputError("loss", f"{fields['loss']} does not suit {dataset}, a {card.task} set")
    if fields.get("pretrained_on") == SAME:
        fields["pretrained_on"] = dataset
    if "regularizers" in fields:
        fields["regularizers"] = regularizer_pairs(str(fields["regularizers"]))
    if "settings" in fields:
        fields["settings"] = setting_pairs(str(fields["settings"]))
    if fields.get("settings"):
        network = fields.get("network", "dense")
        raise InputError("settings", f"belong to classical models, and {network} is none")
    trial = Trial(
        dataset=dataset,
        split=split,
        seed=seed,
        reports_test=reports_test,
        **fields,  # type: ignore[arg-type]
    )
    _check_regularizers_suit(trial, card.task)
    trial = _with_budget(trial, recipe.get("parameters"))
    return with_origin(trial)


def _classical_trial(
    recipe: Mapping[str, Level], card: DatasetCard, place: Mapping[str, Any]
) -> Trial:
    """What only networks have keeps its default, so that one model has one id."""
    name = str(recipe["network"])
    if card.task not in CLASSICAL[name].tasks:
        problem = f"{name} does not suit {place['dataset']}, a {card.task} set"
        fitting = [other for other, entry in CLASSICAL.items() if card.task in entry.tasks]
        raise InputError("network", problem, f"of classical models do: {', '.join(fitting)}")
    settings = dict(setting_pairs(str(recipe.get("settings", "none"))))
    kept: dict[str, Any] = {k: recipe[k] for k in ("samples", "label_noise") if k in recipe}
    trial = Trial(
        network=name,
        settings=tuple(settle(read_settings(name, settings), card).items()),
        loss="cross_entropy" if card.task == "classification" else "squared_error",
        **kept,
        **place,
    )
    return with_origin(trial)


def _check_regularizers_suit(trial: Trial, task: str) -> None:
    names = {name for name, _ in trial.regularizers}
    for name in names & REGULARIZERS.keys():
        if task not in REGULARIZERS[name].tasks:
            raise InputError("regularizers", f"{name} does not suit {trial.dataset}, a {task} set")
    if {"dropout", "alpha_dropout"} <= names:
        raise InputError("regularizers", "dropout and alpha_dropout exclude each other")


def _with_budget(trial: Trial, budget: Level) -> Trial:
    if budget is None:
        return trial
    card = CARDS[trial.dataset]
    sizes = sizes_of(trial, card.input_shape, card.outputs)
    norms = sum(trial.strength(name) > 0 for name in NORMALIZATIONS)
    slopes = int(ACTIVATIONS[trial.activation].slope is not None)
    width = width_for(trial.network, int(budget), sizes, 2 * norms, slopes)
    return replace(trial, width=width)


def group(trials: Sequence[Trial], probes: tuple[str, ...], workers: int) -> list[Cohort]:
    """Group trials into cohorts, the costliest first; the grouping changes no number.

    Cohorts stay small enough for the cache and for every worker to have several.
    """
    ordered = sorted(set(trials), key=lambda t: (t.split, t.seed, t.learning_rate, t.id))
    stacks: dict[str, list[Trial]] = {}
    for trial in ordered:
        stacks.setdefault(trial.cohort_key, []).append(trial)
    fair_share = sum(estimate_seconds(t) for t in ordered) / (4 * workers)
    cohorts = [
        Cohort(trials=tuple(chunk), probes=probes, supplied=source_of(stack[0].supplied))
        for stack in stacks.values()
        for part in _with_data_in_memory(stack, workers)
        for chunk in _chunks(part, probes, fair_share, workers)
    ]
    return sorted(cohorts, key=lambda cohort: cohort.cost, reverse=True)


def _with_data_in_memory(stack: Sequence[Trial], workers: int) -> Iterator[Sequence[Trial]]:
    """Trials whose splits a worker can hold together: of a big table few, of most sets all."""
    replicates = sorted({trial.replicate for trial in stack})
    free = int(MEMORY_SHARE * psutil.virtual_memory().available / workers)
    most = max(1, free // _split_bytes(CARDS[stack[0].dataset]))
    for start in range(0, len(replicates), most):
        together = set(replicates[start : start + most])
        yield [trial for trial in stack if trial.replicate in together]


def _split_bytes(card: DatasetCard) -> int:
    # Each split is held as loaded and once more, padded, in the cohort's pool.
    return 2 * card.samples * 4 * (card.features + card.outputs + 32)


def _chunks(
    stack: Sequence[Trial], probes: tuple[str, ...], fair_share: float, workers: int
) -> Iterable[Sequence[Trial]]:
    if stack[0].network in CLASSICAL:
        return _pieces(stack, int(CLASSICAL_JOB_SECONDS / estimate_seconds(stack[0])))
    card = CARDS[stack[0].dataset]
    member_bytes = cohort_bytes(stack[0], card.input_shape, card.outputs)
    if stack[0].together is not None:
        return _pieces(stack, 1)
    by_share = math.ceil(fair_share / estimate_seconds(stack[0]))
    # Four networks share their overhead well enough even where they do not fit the cache, unless
    # one alone does not fit: the maps of convolutions gain nothing from company.
    fewest = 4 if member_bytes <= CACHE_BYTES else 1
    wanted = min(MOST_MEMBERS, max(fewest, min(CACHE_BYTES // member_bytes, by_share)))
    probed_bytes = cohort_bytes(stack[0], card.input_shape, card.outputs, probes)
    by_memory = int(MEMORY_SHARE * psutil.virtual_memory().available / workers) // probed_bytes
    return _pieces(stack, min(wanted, by_memory))


def _pieces(stack: Sequence[Trial], most: int) -> Iterable[Sequence[Trial]]:
    """Of `most` trials at most, and of nearly one size."""
    count = math.ceil(len(stack) / max(1, min(MOST_MEMBERS, most)))
    size = math.ceil(len(stack) / count)
    return (stack[start : start + size] for start in range(0, len(stack), size))


def estimate_seconds(trial: Trial) -> float:
    """A guess of one core's time for one network within a cohort, or one classical model."""
    if trial.network in CLASSICAL:
        return classical.estimate_seconds(trial)
    card = CARDS[trial.dataset]
    samples = trial.samples or card.train_samples
    layers = layers_of(trial, card.input_shape, card.outputs)
    # To look at a network that is not trained takes time, too.
    epochs = max(1, trial.last_epoch) * (trial.together or 1)
    flops = training_flops(layers, samples, epochs)
    steps = math.ceil(samples / trial.batch_size) * epochs
    traffic = steps * parameter_count(layers) * 2e-9
    return flops / FLOPS_PER_SECOND + steps * len(layers) * SECONDS_PER_STEP_AND_LAYER + traffic


def memory_bytes(cohorts: Sequence[Cohort], workers: int) -> int:
    """Memory that training takes at most: the largest cohort in every worker, and its data."""
    return workers * max((_cohort_memory(cohort) for cohort in cohorts), default=0)


def _cohort_memory(cohort: Cohort) -> int:
    first = cohort.trials[0]
    card = CARDS[first.dataset]
    if first.network in CLASSICAL:
        state = classical.estimate_bytes(first)
    else:
        each = cohort_bytes(first, card.input_shape, card.outputs, cohort.probes)
        state = len(cohort.trials) * each
    splits = len({trial.replicate for trial in cohort.trials})
    return state + splits * _split_bytes(card)
