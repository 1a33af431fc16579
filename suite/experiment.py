"""Experiment: one question, what varies, what is held, and the claims it tests."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from suite.claim import Claim, Side
from suite.consistency import check_consistency
from suite.levels import (
    KEYS,
    Frozen,
    Level,
    Levels,
    Model,
    Selection,
    Text,
    as_tuple,
    read_name,
    read_value,
    regularizer_pairs,
    regularizer_text,
    setting_pairs,
    setting_text,
)
from suite.supplied import Supplied
from suite.trial import digest
from suite.tune import Budget, Range, Tune

__all__ = [
    "KEYS",
    "PROFILES",
    "Budget",
    "Claim",
    "Design",
    "Experiment",
    "Level",
    "Levels",
    "Profile",
    "Range",
    "Selection",
    "Side",
    "Tune",
    "as_tuple",
    "read_name",
    "read_value",
    "regularizer_pairs",
    "regularizer_text",
    "setting_pairs",
    "setting_text",
]

PROFILES = ("quick", "standard", "full")
# In the record of an experiment, a file stands as the hash that names it in the results.
Parts = Annotated[Supplied | None, PlainSerializer(lambda parts: parts and parts.digest)]


def _read(raw: Any) -> Any:
    """What varies or is held, of which Python users may give single values, too."""
    if not isinstance(raw, Mapping):
        return raw
    return {
        key: tuple(read_value(key, v) for v in as_tuple(values))
        if key in KEYS
        else as_tuple(values)
        for key, values in raw.items()
    }


Factors = Annotated[Frozen[Levels], BeforeValidator(_read)]


class Profile(Model):
    """How much of the experiment is run: seeds, tuning trials, and levels that replace others."""

    seeds: int = Field(ge=1)
    trials: int | None = Field(default=None, ge=2)
    levels: Factors = Field(default_factory=dict)


class Experiment(Model):
    """One question, as its YAML file states it. Names and values only.

    Attributes:
        name: of the file, without its suffix.
        question: in one sentence.
        vary: factors that make contenders, with their levels.
        variants: what each named level of a factor stands for.
        hold: fields of the Trial that all contenders share, and the data sets.
        tune: how each contender's recipe is chosen.
        probes: what is measured inside the networks.
        profiles: how much is run at each.
        claims: the registered tests.
        figures: what the report draws.
        amended: what was changed after results of this question had been seen, and why, a
            sentence or two each; the report shows them beside the registration.
        supplied: the user's own file of parts.
        path: where the file lies.
    """

    name: str
    question: Text
    vary: Factors
    variants: Frozen[Frozen[Frozen[Level]]] = Field(default_factory=dict)
    hold: Factors
    tune: Tune | None = None
    probes: tuple[str, ...] = ()
    profiles: Frozen[Profile]
    claims: Frozen[Claim] = Field(default_factory=dict)
    figures: tuple[str, ...] = ()
    amended: tuple[Text, ...] = ()
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


class Design(Model):
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
