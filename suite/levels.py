"""Levels: the values that a factor can have, read from YAML text or Python."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
)

from suite.data.cards import canonical
from suite.data.tables.registering import register
from suite.errors import shown
from suite.trial import FIELDS, OPTIONAL, RANGES, Setting, Trial, check_range
from suite.wording import explain


def _dump(mapping: Mapping[str, Any], dump: SerializerFunctionWrapHandler) -> Any:
    return dump(dict(mapping))


Value = TypeVar("Value")
# A frozen model does not freeze the dictionaries inside it; a view that cannot be written to does.
Frozen = Annotated[Mapping[str, Value], AfterValidator(MappingProxyType), WrapSerializer(_dump)]

Level = str | int | float | None
Levels = tuple[Level, ...]
Selection = Frozen[Levels]
Text = Annotated[str, Field(min_length=1)]
# Fields that planning sets; an experiment may not.
_OURS = frozenset({"split", "seed", "order", "reports_test", "supplied"})
# How a contender is tuned, where that is itself in question: keys of `tune`, the budget in trials.
SEARCH = ("sampler", "halving", "budget")
# What an experiment may vary or hold: `parameters` is a budget that planning solves for the width.
KEYS = (*(name for name in FIELDS if name not in _OURS), "parameters", *SEARCH)
# Those that are no fields of a Trial.
SOLVED = ("parameters", *SEARCH)
_FINITE = ConfigDict(allow_inf_nan=False)
_TYPES = {name: TypeAdapter(hint, config=_FINITE) for name, hint in get_type_hints(Trial).items()}
_TYPES |= {"parameters": TypeAdapter(int), "budget": TypeAdapter(int)}
_TYPES |= {"halving": TypeAdapter(int | None), "sampler": TypeAdapter(str)}
_STRENGTH = TypeAdapter(float, config=_FINITE)


class Model(BaseModel):
    """Frozen, without unknown keys or numbers that are not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


def read_value(key: str, raw: Any) -> Level:
    """One value of a Trial field, from YAML text or Python, as a plain level.

    Regularizers and settings are written as a mapping and become text such as
    'dropout=0.3,l2=0.001'; data sets with parameters get their one spelling, such as
    'random_hierarchy(levels=4)'. A file of the user's own, written as a mapping with a path that
    starts at the working directory, becomes the name of its table.

    Raises:
        ValueError: the value has the wrong type or range.
        InputError: a file of the user's own is not such as can be learned from.
    """
    if key == "regularizers":
        return _read_regularizers(raw)
    if key == "settings":
        return _read_settings(raw)
    if key == "dataset" and isinstance(raw, Mapping):
        return register(raw, Path())
    if raw in ("null", "~", "") and key in OPTIONAL:
        return None
    try:
        value: Level = _TYPES[key].validate_python(raw, strict=isinstance(raw, bool))
    except ValidationError as error:
        raise ValueError(explain(error.errors()[0])) from None
    if key in ("dataset", "pretrained_on"):
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


def _read_settings(raw: Any) -> str:
    if isinstance(raw, str) and "=" in raw:
        return setting_text(setting_pairs(raw))
    if raw in ("none", None) or raw == {}:
        return "none"
    if not isinstance(raw, Mapping):
        raise ValueError(f"needs a mapping such as {{max_depth: 6}}, or none, not {shown(raw)}")
    for name, value in raw.items():
        if not isinstance(value, str | int | float) or set(f"{name}{value}") & set(",="):
            raise ValueError(f"{name}: needs a number or a word, not {shown(value)}")
    return setting_text((str(name), read_setting(str(value))) for name, value in raw.items())


def read_setting(text: str) -> Setting:
    """A setting of a classical model: a number where the text is one, else a word."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def setting_text(pairs: Iterable[tuple[str, Setting]]) -> str:
    """(name, value) pairs as a level's text, such as 'max_depth=6,weights=distance'."""
    return ",".join(f"{name}={value!s}" for name, value in sorted(pairs)) or "none"


def setting_pairs(text: str) -> tuple[tuple[str, Setting], ...]:
    """The pairs that a Trial holds, from the text that an experiment's level has."""
    if text == "none":
        return ()
    parts = (part.partition("=") for part in text.split(","))
    return tuple((name.strip(), read_setting(value)) for name, _, value in parts)


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
