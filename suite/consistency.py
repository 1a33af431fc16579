"""Whether the parts of an experiment fit together."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from suite.errors import nearest, shown
from suite.levels import SEARCH

if TYPE_CHECKING:
    from suite.experiment import Design, Experiment, Levels, Profile, Side


def check_consistency(experiment: "Experiment") -> None:
    """Check what can be checked without knowing the parts' names.

    Raises:
        ValueError: two keys contradict each other, or a claim speaks of what does not vary.
    """
    if not experiment.vary:
        raise ValueError("vary: at least one factor is needed")
    for key, levels in experiment.hold.items():
        if key != "dataset" and len(levels) != 1:
            raise ValueError(f"hold.{key}: one value is held; move several to vary")
    for name, profile in experiment.profiles.items():
        _check_sources(experiment, profile, f"profiles.{name}")
        if profile.trials and not experiment.tune:
            raise ValueError(f"profiles.{name}.trials: nothing is tuned")
        design = experiment.at(name)
        for place, side in experiment.tests():
            _check_side(place, side, design)


def _sources(experiment: "Experiment", profile: "Profile", place: str) -> Iterator[tuple[str, str]]:
    """Fields that get a value, with where."""
    for section, keys in (("vary", experiment.vary), ("hold", experiment.hold)):
        yield from ((key, f"{section}.{key}") for key in keys if key not in experiment.variants)
    extra = profile.levels.keys() - experiment.vary.keys() - experiment.hold.keys()
    yield from ((key, f"{place}.{key}") for key in sorted(extra))
    for factor, variants in experiment.variants.items():
        fields = dict.fromkeys(itertools.chain.from_iterable(variants.values()))
        yield from ((field, f"vary.{factor}") for field in fields)


def _check_sources(experiment: "Experiment", profile: "Profile", place: str) -> None:
    """Every field has at most one source, the learning rate has one."""
    given: dict[str, str] = {}
    for field, source in _sources(experiment, profile, place):
        if field in given:
            raise ValueError(f"{source}: {field!r} is given by {given[field]} too; remove one")
        given[field] = source
    if given.get("dataset", "vary.dataset") not in ("vary.dataset", "hold.dataset"):
        raise ValueError(f"{given['dataset']}: data sets are named under vary or hold")
    if "dataset" not in given:
        raise ValueError("hold.dataset: name one or more data sets")
    if {"width", "parameters"} <= given.keys():
        raise ValueError(f"{given['width']}: the width follows from the parameters; remove one")
    if not experiment.tune and (keys := sorted(set(SEARCH) & given.keys())):
        raise ValueError(f"{given[keys[0]]}: nothing is tuned")
    for key in experiment.tune.space if experiment.tune else ():
        if key in given:
            raise ValueError(f"tune.{key}: is given by {given[key]} too")
        if key in ("width", "parameters") and {"width", "parameters"} & given.keys():
            raise ValueError(f"tune.{key}: the width follows from the parameters; remove one")


def _check_side(place: str, side: "Side", design: "Design") -> None:
    if side.along:
        _check_trend(place, side, design)
    selections = {"better": side.better, "worse": side.worse, "where": side.where}
    for part, selection in selections.items():
        for factor, wanted in (selection or {}).items():
            _check_selected(f"{place}.{part}", factor, wanted, design)


def _check_selected(place: str, factor: str, wanted: "Levels", design: "Design") -> None:
    levels = design.datasets if factor == "dataset" else _levels_of(place, factor, design)
    missing = [level for level in wanted if level not in levels]
    # `quick` gives no words, so it may leave out some of a claim's levels, but not all.
    if missing and (design.profile != "quick" or len(missing) == len(wanted)):
        names = [level for level in levels if isinstance(level, str)]
        raise ValueError(
            f"{place}.{factor}: {shown(missing[0])} is not a level in profile {design.profile!r} "
            f"(levels: {', '.join(map(str, levels))}){nearest(missing[0], names)}"
        )


def _levels_of(place: str, factor: str, design: "Design") -> "Levels":
    if factor not in design.vary:
        # What is held is no misspelling of what varies.
        guess = "" if factor in design.hold else nearest(factor, design.vary)
        raise ValueError(
            f"{place}: {shown(factor)} does not vary in this experiment "
            f"(varying: {', '.join(design.vary)}){guess}"
        )
    return design.vary[factor]


def _check_trend(place: str, side: "Side", design: "Design") -> None:
    """A slope needs two levels or more, all of them numbers."""
    factor = str(side.along)
    levels = _levels_of(f"{place}.along", factor, design)
    levels = tuple(level for level in levels if level in side.where.get(factor, levels))
    if len(levels) < 2:
        raise ValueError(f"{place}.along: {factor!r} has one level in profile {design.profile!r}")
    lowest = 0 if side.scale == "log2" else -float("inf")
    if not all(isinstance(level, int | float) and level > lowest for level in levels):
        wanted = "numbers above 0" if side.scale == "log2" else "numbers"
        raise ValueError(
            f"{place}.along: a {side.scale} trend needs levels of {factor!r} that are {wanted}, "
            f"not {', '.join(map(str, levels))}"
        )
    _check_place(place, side, levels, design)


def _check_place(place: str, side: "Side", levels: "Levels", design: "Design") -> None:
    """A crossing is held against a level that it can lie on either side of."""
    if side.at is None or design.profile == "quick":
        return
    numbers = [level for level in levels if isinstance(level, int | float)]
    if not min(numbers) < side.at < max(numbers):
        raise ValueError(
            f"{place}.at: {side.at:g} does not lie between the levels of {side.along!r} in profile "
            f"{design.profile!r}, {min(numbers):g} and {max(numbers):g}"
        )
