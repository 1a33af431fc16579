"""The data sets there are: a card and a function for each."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from suite.data import (
    bundled,
    drifting,
    functions,
    hierarchy,
    measurements,
    series,
    tabular,
    toys,
    vowels,
    words,
)
from suite.data.dataset import Dataset, DatasetCard, Kind, Task
from suite.data.downloads import fetchers, openml, vision
from suite.data.naming import base_name, configured
from suite.data.naming import canonical as _canonical
from suite.data.tables.spec import is_table_name
from suite.data.tables.storing import stored_dataset
from suite.errors import InputError, unknown

__all__ = [
    "CARDS",
    "DATASETS",
    "Dataset",
    "DatasetCard",
    "Kind",
    "Task",
    "canonical",
    "check_request",
]


class Datasets(MutableMapping[str, Dataset]):
    """Entries by name, where a name may carry parameters: `sawtooth(points=64)`.

    Iteration gives the names without parameters, and no tables of the user's own, which are found
    in the cache by their name. A name whose parameters are not such as the set
    has is not in the mapping; asking for it raises an InputError that says why.
    """

    def __init__(self, entries: Iterable[Dataset]) -> None:
        self._entries = {entry.card.name: entry for entry in entries}
        self._configured: dict[str, Dataset] = {}

    def __getitem__(self, name: str) -> Dataset:
        if name in self._entries:
            return self._entries[name]
        if name not in self._configured:
            try:
                self._configured[name] = _found(self._entry(name))
            except ValueError as error:
                raise InputError("dataset", str(error)) from None
        return self._configured[name]

    def _entry(self, name: str) -> Dataset:
        """The set of a name with parameters, or the table of a file of the user's own."""
        table = stored_dataset(name) if is_table_name(name) else None
        return table or configured(self._entries[base_name(name)], name)

    def __contains__(self, name: object) -> bool:
        # Says nothing of whether a set that must be found can be: that may take a download.
        try:
            return isinstance(name, str) and (name in self._configured or bool(self._entry(name)))
        except (KeyError, ValueError, InputError):
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __setitem__(self, name: str, entry: Dataset) -> None:
        self._entries[name] = entry
        self._configured.clear()

    def __delitem__(self, name: str) -> None:
        del self._entries[name]
        self._configured.clear()


def _found(entry: Dataset) -> Dataset:
    return entry.find(entry.card.name, **entry.parameters) if entry.find else entry


class Cards(Mapping[str, DatasetCard]):
    """The cards of data sets, under the same names."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    def __getitem__(self, name: str) -> DatasetCard:
        return self._datasets[name].card

    def __contains__(self, name: object) -> bool:
        return name in self._datasets

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)


# Each file has its functions and their entries side by side.
_FILES = (
    *(bundled, measurements, words, vowels, series),
    *(toys, functions, hierarchy, tabular, drifting),
    *(fetchers, vision, openml),
)
DATASETS = Datasets(entry for file in _FILES for entry in file.ENTRIES)
CARDS = Cards(DATASETS)


def canonical(name: str) -> str:
    """The one spelling of a data set's name, which ids and reports have.

    Raises:
        ValueError: the set has no such parameters.
    """
    return _canonical(name, DATASETS)


def check_request(
    dataset: str, samples: int | None = None, label_noise: float = 0.0
) -> DatasetCard:
    """The data set's card, if the set has so many training samples and labels to be noisy.

    Loads no data, so that a plan can be checked before anything is trained; but where only the
    rows tell what a set is, it is found now.

    Raises:
        InputError: an unknown data set, or a request that it cannot meet.
    """
    if base_name(dataset) not in DATASETS:
        raise unknown("dataset", "data set", base_name(dataset), DATASETS)
    entry = DATASETS[dataset]
    if entry.find:
        problem = f"{dataset!r} alone names no data set: {entry.card.description}"
        raise InputError("dataset", problem)
    if entry.needs and not entry.needs.installed:
        raise entry.needs.missing(dataset)
    card = entry.card
    if samples is not None and not 1 <= samples <= card.train_samples:
        problem = f"data set {dataset!r} cannot give {samples} training samples"
        raise InputError("samples", problem, f"allowed: 1 to {card.train_samples}")
    if not 0 <= label_noise <= 1:
        raise InputError("label_noise", f"{label_noise} is no probability", "allowed: 0 to 1")
    if label_noise and card.task != "classification":
        problem = f"data set {dataset!r} has no class labels, so they cannot be noisy"
        raise InputError("label_noise", problem, "allowed: 0")
    return card
