"""Tune: what is searched for each contender, how, and with which budget."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from suite.levels import KEYS, SEARCH, Frozen, Level, Model, read_setting, read_value
from suite.trial import RANGES, check_range

# What data and contenders are is no matter of tuning.
_FIXED = (
    *("dataset", "samples", "label_noise", "network", "settings", "regularizers"),
    *("stop_epoch", "pretrained_on", "pretraining_epochs", "prune", "together"),
    *SEARCH,
)
TUNABLE = tuple(key for key in KEYS if key not in _FIXED)

Sampler = Literal["tpe", "random", "cmaes", "grid"]
KINDS = ("log", "linear", "integer", "log_integer", "choice")


class Range(Model):
    """Values that are searched; one of the five is given.

    Attributes:
        log: lowest and highest number, searched evenly in the logarithm.
        linear: lowest and highest number, searched evenly.
        integer: lowest and highest whole number.
        log_integer: the same, evenly in the logarithm.
        choice: the values themselves; a list alone means this.
    """

    log: tuple[float, float] | None = None
    linear: tuple[float, float] | None = None
    integer: tuple[int, int] | None = None
    log_integer: tuple[int, int] | None = None
    choice: tuple[Level, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _list_is_choice(cls, raw: Any) -> Any:
        return {"choice": tuple(raw)} if isinstance(raw, list | tuple) else raw

    @model_validator(mode="after")
    def _sound(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of {', '.join(KINDS)}, such as {{log: [0.001, 0.1]}}")
        if self.choice is not None:
            if len(set(self.choice)) < 2:
                raise ValueError("choice needs two different values or more")
            return self
        low, high = self.limits
        if not low < high or (self.is_log and low <= 0):
            above = "0 < " if self.is_log else ""
            needs = f"{self.kind} needs [low, high] with {above}low < high"
            raise ValueError(f"{needs}, not {[low, high]}")
        return self

    @property
    def kind(self) -> str:
        """Which of the five it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def is_log(self) -> bool:
        """Whether numbers are searched evenly in the logarithm."""
        return self.kind in ("log", "log_integer")

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest number."""
        low, high = getattr(self, self.kind)
        return low, high

    @property
    def ends(self) -> tuple[Level, Level]:
        """The first and the last value."""
        values = getattr(self, self.kind)
        return values[0], values[-1]

    @property
    def text(self) -> str:
        """What is searched, in words."""
        if self.choice is not None:
            return f"one of {', '.join(map(str, self.choice))}"
        low, high = self.limits
        whole = "a whole number " if "integer" in self.kind else ""
        evenly = ", evenly in the logarithm" if self.is_log else ""
        return f"{whole}from {low:g} to {high:g}{evenly}"


class Budget(Model):
    """What each contender may spend on tuning, for each data set and split.

    Attributes:
        trials: trainings to the last epoch, or as many epochs in shorter ones.
        epochs: network-epochs.
    """

    trials: int | None = Field(default=None, ge=2)
    epochs: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.trials is None) == (self.epochs is None):
            raise ValueError("needs either 'trials' or 'epochs'")
        return self


class Tune(Model):
    """How each contender's recipe is chosen on validation data, with one budget for all.

    A Trial's field that is searched is a key of its own in a file: `learning_rate: {log: [...]}`.

    Attributes:
        space: what is searched, by the Trial's field.
        regularizers: strengths that are searched, by the regularizer's name.
        settings: what is searched of a classical model, by its name, in place of its own space.
        budget: what each contender may spend.
        sampler: who proposes: Optuna's TPE, random search or CMA-ES, or an even grid, beside which
            the settings of classical models are proposed by TPE.
        halving: of the candidates at each rung only one in so many goes on; None trains all to
            the end.
        seeds: networks for each candidate; their mean decides.
        repeats: searches for each split, each with its own seeds and its own final network.
        variance: whether each final network is trained twice more, once with other initial
            weights and once in another order, to tell apart what makes scores vary.
        metric: what decides.
    """

    space: Frozen[Range] = Field(default_factory=dict)
    regularizers: Frozen[Range] = Field(default_factory=dict)
    settings: Frozen[Frozen[Range]] = Field(default_factory=dict)
    budget: Budget
    sampler: Sampler = "tpe"
    halving: int | None = Field(default=None, ge=2)
    seeds: int = Field(default=1, ge=1)
    repeats: int = Field(default=1, ge=1)
    variance: bool = False
    metric: Literal["validation_loss", "validation_accuracy"] = "validation_loss"

    @model_validator(mode="before")
    @classmethod
    def _gather_space(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or "space" in raw:
            return raw
        rest = {key: raw[key] for key in raw if key not in TUNABLE}
        space = {key: _typed(raw[key], partial(read_value, key)) for key in raw if key in TUNABLE}
        if isinstance(own := rest.get("settings"), Mapping):
            rest["settings"] = {name: _typed_settings(ranges) for name, ranges in own.items()}
        return {**rest, "space": space}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for key, searched in self.space.items():
            _check_values(key, searched)
        if not (self.space or self.regularizers or self.settings):
            raise ValueError("names nothing to search, such as learning_rate: {log: [0.001, 0.1]}")
        if self.sampler == "grid":
            self._check_grid()
        if "epochs" in self.space and (self.halving or self.budget.epochs):
            raise ValueError("epochs can be searched with a budget of trials and no halving only")
        return self

    def _check_grid(self) -> None:
        if len([*self.space, *self.regularizers]) != 1:
            raise ValueError("sampler grid searches one thing; for more take tpe")
        if self.halving:
            raise ValueError("sampler grid trains all candidates to the end; take tpe with halving")

    def of(self, recipe: Mapping[str, Level]) -> "Tune":
        """How a contender is tuned whose recipe says something of it.

        Raises:
            ValueError: what it says does not fit together.
        """
        own: dict[str, Any] = {key: recipe[key] for key in SEARCH if key in recipe}
        if "budget" in own:
            own["budget"] = {"trials": own["budget"]}
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate({**given, **own}) if own else self

    def names(self) -> Iterator[str]:
        """What is searched of networks, as studies name it."""
        yield from self.space
        yield from (f"regularizers.{name}" for name in self.regularizers)


def read_ranges(raw: Mapping[str, Any]) -> dict[str, Range]:
    """Ranges from plain data such as {"max_depth": {"log_integer": (2, 32)}}."""
    return {name: Range.model_validate(dict(content)) for name, content in raw.items()}


def _typed(raw: Any, read: Callable[[Any], Level]) -> Any:
    """A range whose choices, which a file has as text, are values of the right type."""
    if isinstance(raw, Mapping) and isinstance(raw.get("choice"), list | tuple):
        return {**raw, "choice": tuple(map(read, raw["choice"]))}
    return tuple(map(read, raw)) if isinstance(raw, list | tuple) else raw


def _typed_settings(raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        return raw
    return {name: _typed(content, lambda v: read_setting(str(v))) for name, content in raw.items()}


def _check_values(key: str, searched: Range) -> None:
    """Every value must be one that the field can have."""
    for value in searched.choice or searched.ends:
        try:
            read_value(key, value)
            if key in RANGES and isinstance(value, float) and math.isfinite(value):
                check_range(key, value, *RANGES[key])
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
