"""Reading: from a YAML file, or the same mapping in Python, to an Experiment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from suite.classical.models import CLASSICAL
from suite.data.tables.registering import register
from suite.errors import InputError, shown, unknown
from suite.experiment import (
    KEYS,
    PROFILES,
    Claim,
    Experiment,
    Level,
    Levels,
    Side,
    as_tuple,
    read_name,
    read_value,
)
from suite.supplied import Supplied, read_supplied
from suite.trial import FIELDS
from suite.tune import KINDS, TUNABLE, Budget, Tune, read_ranges
from suite.wording import explain


class _TextLoader(yaml.BaseLoader):
    """Reads every scalar as text (so that no, 1e-3 and 010 mean what they say); keys are unique.

    Aliases are refused: a few of them, nested, stand for gigabytes.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases (*name) are not allowed here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_experiment(path: Path) -> Experiment:
    """Read an experiment file.

    Raises:
        InputError: the file is missing, is no YAML, or does not describe an experiment.
    """
    try:
        content = _load(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is not UTF-8 text") from None
    if not isinstance(content, dict):
        raise InputError(str(path), "is not a mapping of keys to values", "start with 'question:'")
    return build_experiment(path.stem, content, path=str(path))


def _load(place: str, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_TextLoader)  # noqa: S506
    except yaml.reader.ReaderError as error:
        raise InputError(place, f"is not YAML: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(place, f"is not YAML: {line}{error.problem}") from None
    except RecursionError:
        raise InputError(place, "is nested too deeply") from None


def build_experiment(name: str, content: Mapping[str, Any], path: str = "") -> Experiment:
    """An Experiment from the content of a file, or from the same mapping written in Python.

    Paths of parts and of data sets start at the file's directory, or at the working directory.

    Raises:
        InputError: a key, a value or their combination does not describe an experiment.
    """
    place = path or name
    known = {*Experiment.model_fields, "parts"} - {"name", "path", "variants", "supplied"}
    for key in content:
        if key not in known:
            raise unknown(place, "key", key, known)
    for key in ("question", "vary", "hold", "profiles"):
        if key not in content:
            raise InputError(place, f"{key}: is missing")
    content = _with_tables(place, content, Path(path).parent)
    vary, variants = _read_vary(place, _mapping(place, "vary", content["vary"]))
    hold = _read_hold(place, _mapping(place, "hold", content["hold"]))
    profiles = _read_profiles(place, content["profiles"], vary, variants)
    fields = {**content, "vary": vary, "hold": hold, "profiles": profiles, "variants": variants}
    if "parts" in content:
        fields["supplied"] = _read_parts(place, fields.pop("parts"), Path(path).parent)
    try:
        return with_spaces(Experiment(name=name, path=path, **fields))
    except ValidationError as error:
        raise _input_error(place, error) from None


def with_spaces(experiment: Experiment) -> Experiment:
    """The experiment, whose `tune` holds the own space of each classical model without another."""
    if experiment.tune is None:
        return experiment
    levels = [*experiment.vary.get("network", ()), *experiment.hold.get("network", ())]
    levels += [level for p in experiment.profiles.values() for level in p.levels.get("network", ())]
    for named in experiment.variants.values():
        levels += [fields.get("network") for fields in named.values()]
    models = sorted({str(level) for level in levels} & CLASSICAL.keys())
    own = {name: read_ranges(CLASSICAL[name].space) for name in models}
    settings = MappingProxyType({**own, **experiment.tune.settings})
    tune = experiment.tune.model_copy(update={"settings": settings})
    return experiment.model_copy(update={"tune": tune})


def _with_tables(place: str, content: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The content with the names of tables where files of the user's own stand."""
    return {
        key: _with_names(place, key, value, directory)
        if key == "dataset"
        else _with_tables(place, value, directory)
        if isinstance(value, Mapping)
        else value
        for key, value in content.items()
    }


def _with_names(place: str, key: str, raw: Any, directory: Path) -> Any:
    if isinstance(raw, list | tuple):
        return [_with_names(place, key, value, directory) for value in raw]
    if not isinstance(raw, Mapping):
        return raw
    try:
        return register(raw, directory)
    except ValueError as error:
        raise InputError(place, f"{key}: {error}") from None
    except InputError as error:
        raise InputError(f"{place}: {key}", f"{error.place} {error.problem}", error.hint) from None


def _read_parts(place: str, raw: Any, directory: Path) -> Supplied:
    if not isinstance(raw, str) or not raw:
        raise InputError(place, f"parts: needs the path of a Python file, not {shown(raw)}")
    try:
        return read_supplied(directory / raw)
    except InputError as error:
        raise InputError(f"{place}: parts", f"{error.place} {error.problem}") from None


def with_parts(experiment: Experiment, supplied: Supplied) -> Experiment:
    """The experiment with a file of parts, as if it named it itself.

    Raises:
        InputError: it names another one.
    """
    named = experiment.supplied
    if named is not None and named.digest != supplied.digest:
        place = f"{experiment.path or experiment.name}: parts"
        raise InputError(place, f"names {named.name}, so it cannot have {supplied.name}")
    return experiment.model_copy(update={"supplied": supplied})


def _mapping(place: str, key: str, raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping) or not raw:
        raise InputError(place, f"{key}: needs a mapping that is not empty")
    return raw


Variants = Mapping[str, Mapping[str, Mapping[str, Level]]]
# Keys of a profile that are no factors.
_RESERVED = ("seeds", "trials")


def _read_vary(place: str, raw: Mapping[str, Any]) -> tuple[dict[str, Levels], Variants]:
    vary: dict[str, Levels] = {}
    variants: dict[str, dict[str, dict[str, Level]]] = {}
    for key, values in raw.items():
        if isinstance(values, Mapping) and key not in KEYS:
            variants[key] = _read_variants(place, f"vary.{key}", key, values)
            vary[key] = tuple(variants[key])
        else:
            vary[key] = _read_levels(place, "vary", key, values)
    return vary, variants


def _read_variants(
    place: str, where: str, factor: str, raw: Mapping[str, Any]
) -> dict[str, dict[str, Level]]:
    if factor in _RESERVED or factor in FIELDS:
        raise InputError(place, f"{where}: is a name of the suite's own; use another")
    variants: dict[str, dict[str, Level]] = {}
    for name, fields in _mapping(place, where, raw).items():
        spot = f"{where}.{name}"
        if not isinstance(fields, Mapping):
            problem = f"needs a mapping of fields to values, not {shown(fields)}"
            raise InputError(place, f"{spot}: {problem}")
        variants[str(name)] = {key: _read(place, spot, key, v) for key, v in fields.items()}
    return variants


def _read_hold(place: str, raw: Mapping[str, Any]) -> dict[str, Levels]:
    return {key: _read_levels(place, "hold", key, values) for key, values in raw.items()}


def _read_levels(place: str, section: str, key: str, values: Any) -> Levels:
    levels = tuple(_read(place, f"{section}.{key}", key, v) for v in as_tuple(values))
    return _distinct(place, f"{section}.{key}", levels)


def _distinct(place: str, where: str, levels: Levels) -> Levels:
    if not levels:
        raise InputError(place, f"{where}: is an empty list", "give at least one value")
    for index, level in enumerate(levels):
        if level in levels[:index]:
            raise InputError(place, f"{where}: has {shown(level)} twice")
    return levels


def _read(place: str, where: str, key: str, raw: Any) -> Level:
    if key not in KEYS:
        raise unknown(f"{place}: {where}", "field", key, KEYS)
    try:
        return read_value(key, raw)
    except ValueError as error:
        raise InputError(place, f"{where}: {error}") from None


def _read_profiles(
    place: str, raw: Any, vary: Mapping[str, Levels], variants: Variants
) -> dict[str, Any]:
    profiles: dict[str, Any] = {}
    for name, given in _mapping(place, "profiles", raw).items():
        if name not in PROFILES:
            raise unknown(f"{place}: profiles", "profile", name, PROFILES)
        content = _mapping(place, f"profiles.{name}", given)
        reserved = {key: content[key] for key in _RESERVED if key in content}
        levels = {
            key: _read_profile_levels(place, f"profiles.{name}", key, values, vary, variants)
            for key, values in content.items()
            if key not in _RESERVED
        }
        profiles[name] = {**reserved, "levels": dict(sorted(levels.items()))}
    return profiles


def _read_profile_levels(
    place: str,
    section: str,
    key: str,
    values: Any,
    vary: Mapping[str, Levels],
    variants: Variants,
) -> Levels:
    if key in variants:
        return _choose_variants(place, f"{section}.{key}", values, variants[key])
    levels = _read_levels(place, section, key, values)
    if key not in vary and len(levels) > 1 and key != "dataset":
        raise InputError(place, f"{section}.{key}: is not varied; give one value")
    return levels


def _choose_variants(place: str, where: str, raw: Any, known: Mapping[str, Any]) -> Levels:
    try:
        names = tuple(read_name(value) for value in as_tuple(raw))
    except ValueError as error:
        raise InputError(place, f"{where}: {error}") from None
    for name in names:
        if name not in known:
            raise unknown(f"{place}: {where}", "variant", name, known)
    return _distinct(place, where, names)


def with_settings(experiment: Experiment, profile: str, settings: Mapping[str, Any]) -> Experiment:
    """The experiment with other values at one profile, for exploration: its claims are left out.

    Args:
        experiment: what is changed.
        profile: name of the profile that gets the values.
        settings: seeds, trials, or a field (or variant factor) with one level or several.

    Raises:
        InputError: an unknown key or a value of the wrong type.
    """
    place = f"{experiment.path or experiment.name}: --set"
    if profile not in experiment.profiles:
        raise unknown(f"{place}: profiles", "profile", profile, experiment.profiles)
    chosen = experiment.profiles[profile]
    content = {"seeds": chosen.seeds, "trials": chosen.trials, **chosen.levels, **settings}
    content = {key: value for key, value in content.items() if value is not None}
    changed = _read_profiles(place, {profile: content}, experiment.vary, experiment.variants)
    fields = {name: getattr(experiment, name) for name in type(experiment).model_fields}
    fields |= {"profiles": {**experiment.profiles, **changed}, "claims": {}}
    try:
        return with_spaces(Experiment(**fields))
    except ValidationError as error:
        raise _input_error(place, error) from None


def read_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Values of KEY=VALUE texts, the value read as in an experiment file.

    Raises:
        InputError: a text has no equals sign or its value is no YAML.
    """
    settings = {}
    for text in texts:
        key, _, value = text.partition("=")
        if not value.strip():
            raise InputError(f"--set {text}", "is not KEY=VALUE", "such as --set epochs=5")
        settings[key.strip()] = _load(f"--set {text}", value)
    return settings


def _input_error(place: str, error: ValidationError) -> InputError:
    # An unknown key explains best why another one seems to be missing.
    errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = errors[0]
    *parents, last = first["loc"] or ("",)
    if first["type"] == "extra_forbidden":
        section = _spelled(parents)
        return unknown(f"{place}: {section}", "key", last, _keys_of(parents))
    key = _spelled(first["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return InputError(place, f"{key}: {explain(first)}{more}" if key else f"{explain(first)}{more}")


def _spelled(place: Sequence[int | str]) -> str:
    """Where an error is, as a file has it: what is searched has no section of its own."""
    words = [str(part) for part in place]
    return ".".join(words[:1] + words[2:] if words[:2] == ["tune", "space"] else words)


def _keys_of(parents: Sequence[int | str]) -> list[str]:
    match [str(part) for part in parents]:
        case ["claims", *rest]:
            return list((Side if "parts" in rest else Claim).model_fields)
        case ["tune"]:
            return [*TUNABLE, *(name for name in Tune.model_fields if name != "space")]
        case ["tune", "budget"]:
            return list(Budget.model_fields)
        case _:
            return list(KINDS)
