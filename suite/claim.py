"""Claim: a textbook sentence with the test that was fixed before the data."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from suite.levels import KEYS, Levels, Model, Selection, Text, as_tuple, read_name, read_value

# What is found along a factor, and is a place on it.
_PLACES = ("crossing", "peak")


class Side(Model):
    """One half of a `both` claim, and what every other kind of claim has at its top level.

    Attributes:
        metric: name of a metric; its orientation says what better means.
        better: levels that the claim favours; several are averaged, or one is chosen.
        worse: levels they are held against; None compares the metric with zero.
        where: levels to which the claim is confined.
        choose: `validation` picks, per unit, the level with the best validation loss, and
            `validation_accuracy` the one with the best accuracy, for sides of which some have no
            loss or none that compares.
        along: factor along which a trend is tested.
        of: what is tested along it: the slope per doubling (or per unit); the exponent, which is
            the slope of a metric in natural logarithms over the factor's; the crossing, where
            better overtakes worse; or the peak, where the metric is highest.
        at: level beyond which a crossing or peak lies if the claim says that it rises, and before
            which if it says that it falls.
        scale: how the factor of a trend is measured.
        direction: whether the claim says that the metric rises or falls along it.
        margin: the smallest effect of interest, in the metric's (or the slope's) units.
    """

    metric: str
    better: Selection | None = None
    worse: Selection | None = None
    where: Selection = Field(default_factory=dict)
    choose: Literal["mean", "validation", "validation_accuracy"] = "mean"
    along: str | None = None
    of: Literal["slope", "exponent", "crossing", "peak"] = "slope"
    at: float | None = None
    scale: Literal["log2", "linear"] = "log2"
    direction: Literal["rises", "falls"] = "rises"
    margin: float = Field(gt=0)

    @field_validator("better", "worse", "where", mode="before")
    @classmethod
    def _lists(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        return {key: _selected(key, values) for key, values in raw.items()}

    @model_validator(mode="after")
    def _finds_along(self) -> Self:
        if self.of != "slope" and not self.along:
            raise ValueError(f"'of: {self.of}' needs 'along', the factor on which it is looked for")
        if self.of == "exponent" and self.scale != "log2":
            raise ValueError("'of: exponent' is of logarithms; remove 'scale: linear'")
        if self.at is not None and self.of not in _PLACES:
            raise ValueError("'at' belongs to 'of: crossing' or 'of: peak'")
        return self

    @property
    def finds_a_place(self) -> bool:
        """Whether what is found lies on the factor, as a crossing does."""
        return self.of in _PLACES


def _selected(key: str, values: Any) -> Levels:
    """The levels of a factor that a claim speaks of; those of variants are names."""
    if not as_tuple(values):
        raise ValueError(f"{key}: is an empty list")
    try:
        return tuple(read_value(key, v) if key in KEYS else read_name(v) for v in as_tuple(values))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


class Claim(Side):
    """A textbook sentence with the test that was fixed before the data.

    A `gate` is an exact check without a test: it holds if the statistic lies in the band. A
    `timing` is a contrast, a trend or several parts, of times on one machine.

    Attributes:
        says: the sentence.
        kind: how it is tested.
        parts: the tests that must all hold, of kind `both` (or `timing`).
        statistic: what a gate looks at, over all units and data sets; best and worst follow the
            metric's orientation, and are highest and lowest where it has none.
        within: ends of a gate's band, both allowed.
        at_least: lower end of a band that is open above.
        at_most: upper end of a band that is open below.
    """

    says: Text
    kind: Literal["contrast", "equal", "trend", "both", "gate", "timing"] = "contrast"
    metric: str = ""
    margin: float = 0.0
    parts: tuple[Side, ...] = ()
    statistic: Literal["mean", "best", "worst", "median"] = "mean"
    within: tuple[float, float] | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "gate":
            self._check_no_gate()
        if self.kind == "both" or (self.kind == "timing" and self.parts):
            self._check_parts()
        else:
            self._check_single()
        if self.kind == "gate":
            self._check_gate()
        return self

    def _check_single(self) -> None:
        if self.parts:
            raise ValueError("only kind 'both' has 'parts'")
        if not self.metric:
            raise ValueError("'metric' is missing")
        if self.kind != "gate" and self.margin <= 0:
            raise ValueError("needs a 'margin' above 0, the smallest effect of interest")
        if self.kind == "trend" and not self.along:
            raise ValueError("kind 'trend' needs 'along', the factor whose slope is tested")
        if self.kind == "contrast" and self.along:
            raise ValueError("'along' belongs to kind 'trend'")
        bare = self.kind in ("contrast", "equal") or (self.kind == "timing" and not self.along)
        if bare and not self.better:
            raise ValueError(f"kind {self.kind!r} needs 'better', a factor with its levels")

    def _check_parts(self) -> None:
        if len(self.parts) < 2:
            raise ValueError("kind 'both' needs 'parts', two or more")
        for name in Side.model_fields:
            if getattr(self, name) != Claim.model_fields[name].get_default(
                call_default_factory=True
            ):
                raise ValueError(f"{name!r} belongs into the 'parts' of kind {self.kind!r}")

    def _check_no_gate(self) -> None:
        for name in ("within", "at_least", "at_most", "statistic"):
            if getattr(self, name) != Claim.model_fields[name].default:
                raise ValueError(f"{name!r} belongs to kind 'gate'")
        for side in self.tests():
            if side.finds_a_place and side.at is None:
                raise ValueError(f"'of: {side.of}' needs 'at', the level it is held against")

    def _check_gate(self) -> None:
        if self.margin:
            raise ValueError("a gate has a band and no 'margin'")
        if self.at is not None:
            raise ValueError("a gate has a band and no 'at'")
        given = (self.within, self.at_least, self.at_most)
        if sum(end is not None for end in given) != 1:
            raise ValueError("kind 'gate' needs one of 'within', 'at_least' and 'at_most'")
        if self.within and self.within[0] > self.within[1]:
            raise ValueError(f"within needs [low, high], not {list(self.within)}")

    @property
    def band(self) -> tuple[float, float]:
        """Ends of a gate's band; infinite where it is open."""
        if self.within is not None:
            return self.within
        low = -math.inf if self.at_least is None else self.at_least
        return low, math.inf if self.at_most is None else self.at_most

    def tests(self) -> tuple[Side, ...]:
        """The single tests that make up the claim."""
        return self.parts or (self,)
