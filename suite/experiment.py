"""Experiment and Claim: one question, what varies, what is held, and the tests fixed beforehand."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
    field_validator,
    model_validator,
)

from suite.consistency import check_consistency
from suite.data.cards import canonical
from suite.errors import shown
from suite.supplied import Supplied
from suite.trial import FIELDS, OPTIONAL, RANGES, Trial, check_range, digest
from suite.wording import explain


def _dump(mapping: Mapping[str, Any], dump: SerializerFunctionWrapHandler) -> Any:
    return dump(dict(mapping))


Value = TypeVar("Value")
# A frozen model does not freeze the dictionaries inside it; a view that cannot be written to does.
Frozen = Annotated[Mapping[str, Value], AfterValidator(MappingProxyType), WrapSerializer(_dump)]

PROFILES = ("quick", "standard", "full")
Level = str | int | float | None
Levels = tuple[Level, ...]
Selection = Frozen[Levels]
Text = Annotated[str, Field(min_length=1)]
# In the record of an experiment, a file stands as the hash that names it in the results.
Parts = Annotated[Supplied | None, PlainSerializer(lambda parts: parts and parts.digest)]

# Fields that planning sets; an experiment may not.
_OURS = frozenset({"split", "seed", "reports_test", "supplied"})
# What an experiment may vary or hold: `parameters` is a budget that planning solves for the width.
KEYS = (*(name for name in FIELDS if name not in _OURS), "parameters")
_FINITE = ConfigDict(allow_inf_nan=False)
_TYPES = {name: TypeAdapter(hint, config=_FINITE) for name, hint in get_type_hints(Trial).items()}
_TYPES["parameters"] = TypeAdapter(int)
_STRENGTH = TypeAdapter(float, config=_FINITE)


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


def read_value(key: str, raw: Any) -> Level:
    """One value of a Trial field, from YAML text or Python, as a plain level.

    Regularizers are written as a mapping and become text such as 'dropout=0.3,l2=0.001'; data
    sets with parameters get their one spelling, such as 'random_hierarchy(levels=4)'.

    Raises:
        ValueError: the value has the wrong type or range.
    """
    if key == "regularizers":
        return _read_regularizers(raw)
    if raw in ("null", "~", "") and key in OPTIONAL:
        return None
    try:
        value: Level = _TYPES[key].validate_python(raw, strict=isinstance(raw, bool))
    except ValidationError as error:
        raise ValueError(explain(error.errors()[0])) from None
    if key == "dataset":
        return canonical(str(value))
    if key in RANGES and isinstance(value, int | float):
        check_range(key, value, *RANGES[key])
    if key == "parameters" and isinstance(value, int) and value < 1:
        raise ValueError(f"parameters must be at least 1, not {value}")
    return value


def _read_regularizers(raw: Any) -> str:
    if isinstance(raw, str) and "=" in raw:
        raw = {name.strip(): value for name, _, value in (p.partition("=") for p in raw.split(","))}
    if raw in ("none", None) or raw == {}:
        return "none"
    if not isinstance(raw, Mapping):
        raise ValueError(f"needs a mapping such as {{dropout: 0.3}}, or none, not {shown(raw)}")
    strengths = {str(name): _read_strength(str(name), value) for name, value in raw.items()}
    return regularizer_text(strengths.items())


def _read_strength(name: str, raw: Any) -> float:
    if set(name) & set(",="):
        raise ValueError(f"{shown(name)} is no name")
    try:
        strength = _STRENGTH.validate_python(raw, strict=isinstance(raw, bool))
    except ValidationError as error:
        raise ValueError(f"{name} {explain(error.errors()[0])}") from None
    check_range(name, strength, 0, float("inf"), closed=True)
    return strength


def regularizer_text(pairs: Iterable[tuple[str, float]]) -> str:
    """(name, strength) pairs as a level's text, such as 'dropout=0.3,l2=0.001'."""
    return ",".join(f"{name}={_short(strength)}" for name, strength in sorted(pairs)) or "none"


def _short(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def regularizer_pairs(text: str) -> tuple[tuple[str, float], ...]:
    """The pairs that a Trial holds, from the text that an experiment's level has."""
    if text == "none":
        return ()
    return tuple((n, float(v)) for n, v in (part.split("=") for part in text.split(",")))


def read_name(raw: Any) -> str:
    """The name of a variant, which a file may have as a number.

    Raises:
        ValueError: it is neither text nor a number.
    """
    if not isinstance(raw, str | int | float):
        raise ValueError(f"needs a name, not {shown(raw)}")
    return str(raw)


def as_tuple(raw: Any) -> tuple[Any, ...]:
    """A list's items, or the one value."""
    return tuple(raw) if isinstance(raw, list | tuple) else (raw,)


class LogRange(_Model):
    """A range that is searched evenly in the logarithm."""

    log: tuple[float, float]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not 0 < self.log[0] < self.log[1]:
            raise ValueError(f"log needs [low, high] with 0 < low < high, not {list(self.log)}")
        return self


class Budget(_Model):
    """What each contender may spend on tuning, per data set and split."""

    trials: int = Field(ge=2)


class Tune(_Model):
    """How each contender's learning rate is chosen on validation data.

    `seeds` networks are trained per candidate; their mean decides.
    """

    learning_rate: LogRange
    budget: Budget
    seeds: int = Field(default=1, ge=1)
    metric: Literal["validation_loss", "validation_accuracy"] = "validation_loss"


class Side(_Model):
    """One half of a `both` claim, and what every other kind of claim has at its top level.

    Attributes:
        metric: name of a metric; its orientation says what better means.
        better: levels that the claim favours; several are averaged, or one is chosen.
        worse: levels they are held against; None compares the metric with zero.
        where: levels to which the claim is confined.
        choose: `validation` picks, per unit, the level with the best validation loss.
        along: factor whose slope is tested (trends).
        scale: how the factor of a trend is measured.
        direction: whether the claim says that the metric rises or falls along it.
        margin: the smallest effect of interest, in the metric's (or the slope's) units.
    """

    metric: str
    better: Selection | None = None
    worse: Selection | None = None
    where: Selection = Field(default_factory=dict)
    choose: Literal["mean", "validation"] = "mean"
    along: str | None = None
    scale: Literal["log2", "linear"] = "log2"
    direction: Literal["rises", "falls"] = "rises"
    margin: float = Field(gt=0)

    @field_validator("better", "worse", "where", mode="before")
    @classmethod
    def _lists(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        return {key: _selected(key, values) for key, values in raw.items()}


def _selected(key: str, values: Any) -> Levels:
    """The levels of a factor that a claim speaks of; those of variants are names."""
    if not as_tuple(values):
        raise ValueError(f"{key}: is an empty list")
    try:
        return tuple(read_value(key, v) if key in KEYS else read_name(v) for v in as_tuple(values))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


class Claim(Side):
    """A textbook sentence with the test that was fixed before the data."""

    says: Text
    kind: Literal["contrast", "equal", "trend", "both"] = "contrast"
    metric: str = ""
    margin: float = 0.0
    parts: tuple[Side, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "both":
            self._check_both()
            return self
        if self.parts:
            raise ValueError("only kind 'both' has 'parts'")
        if not self.metric:
            raise ValueError("'metric' is missing")
        if self.margin <= 0:
            raise ValueError("needs a 'margin' above 0, the smallest effect of interest")
        if self.kind == "trend" and not self.along:
            raise ValueError("kind 'trend' needs 'along', the factor whose slope is tested")
        if self.kind == "contrast" and self.along:
            raise ValueError("'along' belongs to kind 'trend'")
        if self.kind in ("contrast", "equal") and not self.better:
            raise ValueError(f"kind {self.kind!r} needs 'better', a factor with its levels")
        return self

    def _check_both(self) -> None:
        if len(self.parts) < 2:
            raise ValueError("kind 'both' needs 'parts', two or more")
        for name in Side.model_fields:
            if getattr(self, name) != Claim.model_fields[name].get_default(
                call_default_factory=True
            ):
                raise ValueError(f"{name!r} belongs into the 'parts' of kind 'both'")

    def tests(self) -> tuple[Side, ...]:
        """The single tests that make up the claim."""
        return self.parts or (self,)


class Profile(_Model):
    """How much of the experiment is run: seeds, tuning trials, and levels that replace others."""

    seeds: int = Field(ge=1)
    trials: int | None = Field(default=None, ge=2)
    levels: Frozen[Levels] = Field(default_factory=dict)


class Experiment(_Model):
    """One question, as its YAML file states it. Names and values only."""

    name: str
    question: Text
    vary: Frozen[Levels]
    variants: Frozen[Frozen[Frozen[Level]]] = Field(default_factory=dict)
    hold: Frozen[Levels]
    tune: Tune | None = None
    probes: tuple[str, ...] = ()
    profiles: Frozen[Profile]
    claims: Frozen[Claim] = Field(default_factory=dict)
    figures: tuple[str, ...] = ()
    supplied: Parts = None
    path: str = Field(default="", exclude=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_consistency(self)
        return self

    def at(self, profile: str) -> "Design":
        """The experiment with a profile's levels, seeds and budget put in."""
        chosen = self.profiles[profile]
        vary = {key: chosen.levels.get(key, values) for key, values in self.vary.items()}
        hold = {key: chosen.levels.get(key, values) for key, values in self.hold.items()}
        extra = {k: v for k, v in chosen.levels.items() if k not in vary and k not in hold}
        tune = self.tune
        if tune and chosen.trials:
            tune = tune.model_copy(update={"budget": Budget(trials=chosen.trials)})
        return Design(
            experiment=self.name,
            profile=profile,
            vary=vary,
            variants=self.variants,
            hold=hold | extra,
            tune=tune,
            probes=self.probes,
            seeds=chosen.seeds,
        )

    def tests(self) -> Iterator[tuple[str, Side]]:
        """Every single test, with its place in the file."""
        for name, claim in self.claims.items():
            for index, side in enumerate(claim.tests()):
                yield f"claims.{name}" + (f".parts.{index}" if claim.parts else ""), side

    def registered_hash(self, profile: str, claim: str | None = None) -> str:
        """Hash of what is fixed beforehand: the design and the tests of all claims, or of one.

        The user's own file of parts, where there is one, belongs to the design.
        """
        claims = self.claims if claim is None else {claim: self.claims[claim]}
        tests = {n: c.model_dump(mode="json", exclude={"says"}) for n, c in claims.items()}
        design = self.at(profile).model_dump(mode="json", exclude={"probes"})
        fixed: dict[str, Any] = {"design": design, "claims": tests}
        if self.supplied is not None:
            fixed["supplied"] = self.supplied.digest
        return digest(fixed)[:16]


class Design(_Model):
    """An experiment at one profile: every factor with its levels."""

    experiment: str
    profile: str
    vary: Frozen[Levels]
    variants: Frozen[Frozen[Frozen[Level]]]
    hold: Frozen[Levels]
    tune: Tune | None
    probes: tuple[str, ...]
    seeds: int

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets, varied or held."""
        return tuple(str(d) for d in self.vary.get("dataset", self.hold.get("dataset", ())))

    def factors(self) -> dict[str, Levels]:
        """Factors that make contenders: everything varied but the data set."""
        return {key: levels for key, levels in self.vary.items() if key != "dataset"}

    def contenders(self) -> Iterator[dict[str, Level]]:
        """Every combination of the factors' levels."""
        factors = self.factors()
        for combination in itertools.product(*factors.values()):
            yield dict(zip(factors, combination, strict=True))

    def recipe(self, contender: Mapping[str, Level]) -> dict[str, Level]:
        """Held and varied values of Trial fields (and `parameters`) for one contender."""
        recipe = {key: levels[0] for key, levels in self.hold.items() if key != "dataset"}
        for factor, level in contender.items():
            if factor in self.variants:
                recipe |= self.variants[factor][str(level)]
            else:
                recipe[factor] = level
        return recipe
