"""What is searched for a contender, and how the chosen values enter its recipe."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from suite.classical.models import CLASSICAL
from suite.experiment import Level, regularizer_pairs, regularizer_text, setting_pairs, setting_text
from suite.randomness import generator
from suite.tune import Range, Tune

Values = Mapping[str, Level]
Space = Mapping[str, Range]

REGULARIZER, SETTING = "regularizers.", "settings."
# Digits that proposed numbers keep, so that recipes can be read and written down.
DIGITS = 4


def space_of(tune: Tune, network: str) -> Space:
    """What is searched of a network family or a classical model, by the name studies give it."""
    if network in CLASSICAL:
        own = tune.settings[network]
        return MappingProxyType({f"{SETTING}{name}": found for name, found in own.items()})
    penalties = {f"{REGULARIZER}{name}": found for name, found in tune.regularizers.items()}
    return MappingProxyType({**tune.space, **penalties})


def with_values(recipe: Mapping[str, Level], values: Values) -> dict[str, Level]:
    """A recipe as `Design.recipe` gives it, with searched values in place."""
    mixed = dict(recipe)
    strengths = dict(regularizer_pairs(str(mixed.get("regularizers", "none"))))
    settings: dict[str, Level] = dict(setting_pairs(str(mixed.get("settings", "none"))))
    for name, value in values.items():
        if name.startswith(REGULARIZER):
            strengths[name.removeprefix(REGULARIZER)] = float(value or 0)
        elif name.startswith(SETTING):
            settings[name.removeprefix(SETTING)] = value
        else:
            mixed[name] = value
    if strengths:
        mixed["regularizers"] = regularizer_text(strengths.items())
    if settings:
        mixed["settings"] = setting_text((k, v) for k, v in settings.items() if v is not None)
    return mixed


def grid(space: Space, count: int) -> list[Values]:
    """Values of the one thing searched, evenly spaced over its range, ends included."""
    ((name, searched),) = space.items()
    if searched.choice is not None:
        return [{name: value} for value in searched.choice[:count]]
    low, high = searched.limits
    spaced = (np.geomspace if searched.is_log else np.linspace)(low, high, count)
    if "integer" in searched.kind:
        return [{name: value} for value in dict.fromkeys(int(v) for v in spaced.round())]
    return [{name: float(f"{value:.3g}")} for value in spaced]


def rounded(space: Space, values: Values) -> Values:
    """The values with fewer digits, still within their ranges."""
    return {name: _rounded(space[name], value) for name, value in values.items()}


def _rounded(searched: Range, value: Level) -> Level:
    if not isinstance(value, float) or searched.choice is not None:
        return value
    low, high = searched.limits
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def example(space: Space, number: int) -> Values:
    """Values within the ranges, for estimates before a search: no two numbers give the same."""
    rng = generator(number, "example of a search space")
    return {name: _drawn(searched, rng) for name, searched in space.items()}


def _drawn(searched: Range, rng: np.random.Generator) -> Level:
    if searched.choice is not None:
        return searched.choice[int(rng.integers(len(searched.choice)))]
    low, high = searched.limits
    drawn = rng.uniform(*np.log([low, high])) if searched.is_log else rng.uniform(low, high)
    value = float(np.exp(drawn)) if searched.is_log else float(drawn)
    if "integer" in searched.kind:
        return int(min(max(round(value), low), high))
    return _rounded(searched, value)
