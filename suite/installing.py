"""Installing: the parts in a user's own file join Leadline's dicts, for as long as they are needed.

The dicts hold one part a name. So that two versions of one file can be used one after the other,
as a repetition of older trials does, what was installed can be removed again.
"""

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple, get_args

from suite.classical.models import CLASSICAL
from suite.data.cards import DATASETS
from suite.data.dataset import Dataset, DatasetCard, Kind, Task
from suite.data.naming import base_name
from suite.errors import InputError, shown
from suite.parts.activations import ACTIVATIONS, Activation
from suite.parts.initializers import INITIALIZERS, Initializer
from suite.parts.networks import NETWORKS, Layer, Network, Sizes
from suite.supplied import Supplied, blaming
from suite.trial import Trial


class PartKind(NamedTuple):
    """A kind of part that a user can supply.

    Attributes:
        field: the Trial's field that names it.
        entries: Leadline's own dict of them.
        type: what the dict's entries are.
        functions: those of an entry's fields that must be functions.
    """

    field: str
    entries: MutableMapping[str, Any]
    type: type
    functions: tuple[str, ...]


KINDS = {
    "ACTIVATIONS": PartKind("activation", ACTIVATIONS, Activation, ("function",)),
    "DATASETS": PartKind("dataset", DATASETS, Dataset, ("draw",)),
    "INITIALIZERS": PartKind("initializer", INITIALIZERS, Initializer, ("draw",)),
    "NETWORKS": PartKind("network", NETWORKS, Network, ("layers", "forward")),
}
# Fields of a Trial that can name a part of a user's own.
FIELDS = tuple(kind.field for kind in KINDS.values())

Parts = Mapping[str, Mapping[str, Any]]
Layers = Callable[[Sizes], tuple[Layer, ...]]

# By digest: what is installed now, and the parts of all files that this process has run.
_installed: dict[str, Supplied] = {}
_executed: dict[str, Parts] = {}
# (field, name) -> the digest of the file that it is from.
_origins: dict[tuple[str, str], str] = {}


def install(supplied: Supplied) -> None:
    """Add a file's parts to Leadline's; once is enough, and again does nothing.

    Raises:
        InputError: the file cannot be run, is wrong in itself, or has a name that is taken.
    """
    if supplied.digest in _installed:
        return
    if supplied.digest not in _executed:
        _executed[supplied.digest] = _parts_of(supplied)
    parts = _executed[supplied.digest]
    _check_free(supplied, parts)
    _installed[supplied.digest] = supplied
    for title, entries in parts.items():
        KINDS[title].entries.update(entries)
        _origins.update({(KINDS[title].field, name): supplied.digest for name in entries})


def uninstall(supplied: Supplied) -> None:
    """Take a file's parts out of Leadline's dicts again."""
    del _installed[supplied.digest]
    for title, entries in _executed[supplied.digest].items():
        for name in entries:
            del KINDS[title].entries[name], _origins[KINDS[title].field, name]


@contextmanager
def installed(supplied: Supplied | None) -> Iterator[None]:
    """Have a file's parts during the block; what was there before it stays.

    Raises:
        InputError: as `install`.
    """
    if supplied is None or supplied.digest in _installed:
        yield
        return
    install(supplied)
    try:
        yield
    finally:
        uninstall(supplied)


def origin(field: str, name: object) -> str:
    """The digest of the file that a part is from; empty for Leadline's own."""
    # Only a data set's name can carry parameters.
    return _origins.get((field, base_name(str(name))), "")


def with_origin(trial: Trial) -> Trial:
    """The recipe with the digest of the file that it names parts from, if it names any.

    Raises:
        ValueError: the parts are from two files.
    """
    named = {field for field, _ in _origins}
    digests = {origin(field, getattr(trial, field)) for field in named} - {""}
    if len(digests) > 1:
        names = sorted(_installed[digest].name for digest in digests)
        raise ValueError(f"one network cannot have parts from {' and '.join(names)}")
    return replace(trial, supplied=digests.pop()) if digests else trial


def source_of(digest: str) -> Supplied | None:
    """The installed file with this digest; None for the empty digest."""
    return _installed[digest] if digest else None


def _parts_of(supplied: Supplied) -> Parts:
    before = {title: dict(kind.entries) for title, kind in KINDS.items()}
    module = _execute(supplied)
    for title, kind in KINDS.items():
        if kind.entries != before[title] or getattr(module, title, None) is kind.entries:
            _restore(kind.entries, before[title])
            problem = f"{title}: is Leadline's own dict; write a new one"
            raise InputError(supplied.name, problem)
    _check_titles(supplied.name, module)
    parts = {title: _entries(supplied.name, module, title) for title in KINDS}
    if not any(parts.values()):
        raise InputError(supplied.name, "has no part", f"give one of the dicts {', '.join(KINDS)}")
    return parts


def _restore(entries: MutableMapping[str, Any], before: Mapping[str, Any]) -> None:
    entries.clear()
    entries.update(before)


def _execute(supplied: Supplied) -> ModuleType:
    """Run a file as a module of its own name, so that dataclasses and pickle find what is in it."""
    module = ModuleType(f"leadline_supplied_{supplied.digest}")
    module.__file__ = supplied.name
    sys.modules[module.__name__] = module
    try:
        with blaming(supplied.name):
            code = compile(supplied.source, supplied.name, "exec", dont_inherit=True)
            exec(code, vars(module))  # noqa: S102, the user asked for it
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _check_titles(place: str, module: ModuleType) -> None:
    """A dict whose name is nearly right is not passed over."""
    for title, value in vars(module).items():
        near = difflib.get_close_matches(title.upper(), KINDS, n=1, cutoff=0.85)
        if isinstance(value, dict) and near and title not in KINDS:
            raise InputError(place, f"{title}: is no dict of parts; did you mean {near[0]}?")


def _entries(place: str, module: ModuleType, title: str) -> Mapping[str, Any]:
    entries = getattr(module, title, {})
    wanted = KINDS[title].type.__name__
    if not isinstance(entries, dict):
        raise InputError(place, f"{title}: needs a dict, each name with its {wanted}")
    for name, entry in entries.items():
        _check_entry(place, title, name, entry)
    return {name: _ready(place, f"{title}[{name!r}]", entry) for name, entry in entries.items()}


def _check_entry(place: str, title: str, name: object, entry: Any) -> None:
    kind = KINDS[title]
    spot = f"{title}[{shown(name)}]"
    if not (isinstance(name, str) and name.isidentifier()):
        raise InputError(place, f"{spot}: is no name", "use letters, digits and _")
    if not isinstance(entry, kind.type):
        made = f"make it with {kind.type.__name__}(…)"
        raise InputError(place, f"{spot}: is no {kind.type.__name__}, but {shown(entry)}", made)
    for field in kind.functions:
        if not callable(getattr(entry, field)):
            raise InputError(place, f"{spot}: its {field} is no function")
    if isinstance(entry, Dataset):
        _check_card(place, spot, name, entry.card)
    for field in ("description", "source"):
        text = getattr(entry.card if isinstance(entry, Dataset) else entry, field)
        if not (isinstance(text, str) and text.strip()):
            raise InputError(place, f"{spot}: needs a {field}, a line of text")


def _check_card(place: str, spot: str, name: str, card: object) -> None:
    if not isinstance(card, DatasetCard):
        raise InputError(place, f"{spot}: its card is no DatasetCard, but {shown(card)}")
    # The kind decides how inputs are scaled; ten folds are what every split counts on.
    allowed = {"name": (name,), "kind": get_args(Kind), "task": get_args(Task), "folds": (0, 10)}
    for field, values in allowed.items():
        if getattr(card, field) not in values:
            problem = f"{spot}: its card has {field} {shown(getattr(card, field))}"
            raise InputError(place, problem, f"allowed: {', '.join(map(str, values))}")


def _ready(place: str, spot: str, entry: Any) -> Any:
    match entry:
        case Dataset() if entry.card.folds:
            # A finite data set is the same for every split, so its rows are made once.
            return entry._replace(draw=cache(entry.draw))
        case Network():
            return replace(entry, layers=_checked(place, spot, entry.layers))
    return entry


def _checked(place: str, spot: str, layers: Layers) -> Layers:
    """A network's `layers`, whose errors and mistakes are told as the user's own."""

    def checked(sizes: Sizes) -> tuple[Layer, ...]:
        with blaming(place, spot):
            found = tuple(layers(sizes))
        if not found or not all(isinstance(layer, Layer) for layer in found):
            raise InputError(place, f"{spot}: its layers are no Layers, but {shown(found)}")
        if found[-1].units != sizes.outputs:
            problem = f"{spot}: its last layer has {found[-1].units} units, not {sizes.outputs}"
            raise InputError(place, problem)
        return found

    return checked


def _check_free(supplied: Supplied, parts: Parts) -> None:
    for title, entries in parts.items():
        kind = KINDS[title]
        for name in entries:
            if name in kind.entries or (kind.field == "network" and name in CLASSICAL):
                other = source_of(origin(kind.field, name))
                problem = f"{title}[{name!r}]: {other.name if other else 'Leadline'} has that name"
                raise InputError(supplied.name, problem, "give yours another")
