"""Names of data sets, which may carry parameters, such as `random_hierarchy(levels=3)`."""

import re
from collections.abc import Mapping
from dataclasses import replace

from suite.data.dataset import Allowed, Dataset, Parameter
from suite.errors import nearest, shown
from suite.trial import check_range

_WITH_PARAMETERS = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*")
# Inputs of one split; as many floats take two gigabytes.
_MOST_INPUTS = 2**29


def base_name(text: str) -> str:
    """A data set's name without parameters."""
    return text.partition("(")[0].strip()


def canonical(text: str, entries: Mapping[str, Dataset]) -> str:
    """The one spelling of a data set with these parameters.

    It has the parameters in the order of the entry, those with their usual value left out, and no
    spaces. Of a set that is not in `entries`, which may be the user's own, nothing but spaces goes.

    Raises:
        ValueError: the parameters are not such as the set has.
    """
    base, texts = _parsed(text)
    if base in entries:
        return configured(entries[base], text).card.name
    return _spelled(base, texts)


def configured(entry: Dataset, text: str) -> Dataset:
    """The entry with the parameters that a name carries.

    Raises:
        ValueError: the parameters are not such as the set has.
    """
    _, texts = _parsed(text)
    usual = parameters_of(entry)
    values = {name: _value(entry, name, given) for name, given in texts.items()}
    changed = {n: values[n] for n in usual if n in values and values[n] != usual[n]}
    if not changed:
        return entry
    parameters = {name: changed.get(name, value) for name, value in entry.parameters.items()}
    fields = {"samples": changed["samples"]} if "samples" in changed else {}
    fields |= entry.varies(**parameters) if entry.varies else {}
    name = _spelled(entry.card.name, {name: _text(value) for name, value in changed.items()})
    changed_entry = entry._replace(
        card=replace(entry.card, name=name, **fields),  # type: ignore[arg-type]
        parameters=parameters,
    )
    _check_size(changed_entry)
    return changed_entry


def parameters_of(entry: Dataset) -> dict[str, Parameter]:
    """What a name can carry, each with its usual value."""
    size = {"samples": entry.card.samples} if "samples" in entry.ranges else {}
    return {**entry.parameters, **size}


def described(entry: Dataset) -> str:
    """The parameters with their usual values, such as 'turns=1.5, noise=0.05'."""
    return ", ".join(f"{n}={_text(v)}" for n, v in parameters_of(entry).items())


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    if "(" not in text:
        return text.strip(), {}
    match = _WITH_PARAMETERS.fullmatch(text)
    if match is None:
        hint = "write name(parameter=value), in quotes where it stands in a list"
        raise ValueError(f"{shown(text)} is no name of a data set; {hint}")
    texts: dict[str, str] = {}
    for part in filter(str.strip, match[2].split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value):
            raise ValueError(f"{shown(text)}: {shown(part.strip())} is not parameter=value")
        if name in texts:
            raise ValueError(f"{shown(text)}: has {name} twice")
        texts[name] = value
    return match[1], texts


def _spelled(base: str, texts: Mapping[str, str]) -> str:
    return f"{base}({','.join(f'{n}={v}' for n, v in texts.items())})" if texts else base


def _value(entry: Dataset, name: str, text: str) -> Parameter:
    usual, base = parameters_of(entry), entry.card.name
    if name not in usual:
        known = f" (parameters: {', '.join(usual)})" if usual else ""
        raise ValueError(f"{base} has no parameter {shown(name)}{nearest(name, usual)}{known}")
    anything: Allowed = () if isinstance(usual[name], str) else (-float("inf"), float("inf"))
    allowed = entry.ranges.get(name, anything)
    try:
        return _read(name, text, usual[name], allowed)
    except ValueError as error:
        raise ValueError(f"{base}: {error}") from None


def _read(name: str, text: str, usual: Parameter, allowed: Allowed) -> Parameter:
    if isinstance(usual, str):
        if allowed and text not in allowed:
            words = [str(word) for word in allowed]
            choice = " or ".join(words)
            raise ValueError(f"{name} must be {choice}, not {shown(text)}{nearest(text, words)}")
        return text
    kind, wanted = (int, "whole number") if isinstance(usual, int) else (float, "number")
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(f"{name} needs a {wanted}, not {shown(text)}") from None
    low, high = (float(bound) for bound in allowed)
    check_range(name, value, low, high, closed=True)
    return value


def _text(value: Parameter) -> str:
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def _check_size(entry: Dataset) -> None:
    card = entry.card
    if card.distinct_rows is not None and "samples" in entry.ranges:
        most = card.distinct_rows
        if card.samples > most:
            raise ValueError(f"{card.name} has {most} different rows; give samples={most} or fewer")
    if card.samples * card.features > _MOST_INPUTS:
        raise ValueError(f"{card.name} has {card.features} features, too many for its samples")
