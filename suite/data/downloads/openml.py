"""Any tabular set of OpenML, by its number or its name."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suite.data.cache import telling_of
from suite.data.dataset import PER_FEATURE, Dataset, DatasetCard, Task
from suite.data.downloads.interface import Patience, downloads_folder, fetched, is_damage
from suite.data.samples import Samples
from suite.data.tables.dataset import table_dataset
from suite.errors import InputError, shown

_HOST = "www.openml.org"
# What a parameter has that is not given.
_NO_ID, _NO_VERSION, _NO_WORD = 0, 0, "none"
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_HOW = "write openml(id=31) or openml(name=credit-g,version=1)"
PATIENCE = Patience()


def check_parameters(*, id: int, name: str, version: int, target: str) -> Mapping[str, Any]:  # noqa: ARG001
    """Nothing that a card has depends on the parameters alone, but not all of them fit together.

    Raises:
        ValueError: they name no set, or two.
    """
    if (id == _NO_ID) == (name == _NO_WORD):
        raise ValueError(f"openml needs either an id or a name; {_HOW}")
    if id < 0 or version < 0:
        raise ValueError(f"openml's numbers start from 1; {_HOW}")
    if version != _NO_VERSION and name == _NO_WORD:
        raise ValueError("openml: an id has its version already; leave version out")
    if not _NAME.fullmatch(name):
        raise ValueError(f"openml: {shown(name)} is no name of a set there; give its id")
    return {}


def find_openml(spelling: str, *, id: int, name: str, version: int, target: str) -> Dataset:
    """The set with its own card, downloaded if it is not in the cache.

    Args:
        spelling: what the set is called in an experiment.
        id: OpenML's number of the set; 0 where the name says which.
        name: OpenML's name of the set; 'none' where the number says which.
        version: of the set of that name; 0 for the oldest that is active.
        target: column to predict; 'none' for the one that OpenML gives.

    Raises:
        ValueError: the parameters name no set, or two.
        InputError: the set cannot be had, or is not one to learn a single target from.
    """
    check_parameters(id=id, name=name, version=version, target=target)
    number = {"data_id": id} if id else {"name": name, "version": version or "active"}
    found = _download(spelling, number, target)
    column = _only_target(spelling, found)
    details = found.details
    entry = table_dataset(
        found.frame,
        column,
        name=spelling,
        task=_task(found.frame[column]),
        source=f"OpenML, {found.url}: {details['name']}, version {details['version']}; "
        "downloaded once",
        license=details.get("licence") or "none stated on OpenML",
        citation=_citation(details),
        description=f"OpenML's {details['name']}: {column} from the other columns",
    )
    return entry._replace(card=replace(entry.card, downloaded=True))


def _download(spelling: str, number: Mapping[str, Any], target: str) -> Any:
    folder = downloads_folder() / "openml" / "-".join(map(str, number.values()))
    with telling_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return fetched(spelling, _HOST, lambda: _fetch(folder, number, target), PATIENCE)


def _fetch(folder: Path, number: Mapping[str, Any], target: str) -> Any:
    """Scikit-learn's bunch, from its own files in the folder as far as they are there."""
    from sklearn import datasets

    try:
        return datasets.fetch_openml(
            **number,
            target_column="default-target" if target == _NO_WORD else target,
            data_home=folder,
            as_frame=True,
            n_retries=1,
            delay=PATIENCE.delay,
        )
    except ValueError as error:
        # Scikit-learn leaves the file with the wrong checksum where it is.
        if is_damage(error):
            shutil.rmtree(folder)
        raise


def _only_target(spelling: str, found: Any) -> str:
    names = found.target_names
    if len(names) != 1:
        problem = f"OpenML gives it {len(names)} targets" if names else "OpenML gives it no target"
        columns = ", ".join(map(str, found.frame.columns))
        raise InputError(f"data set {spelling}", f"{problem}; add target=COLUMN", columns)
    return str(names[0])


def _task(values: Any) -> Task:
    from pandas.api.types import is_numeric_dtype

    return "regression" if is_numeric_dtype(values) else "classification"


def _citation(details: Mapping[str, Any]) -> str:
    given = details.get("citation") or details.get("creator")
    text = "; ".join(given) if isinstance(given, list) else str(given or "none given on OpenML")
    return " ".join(text.split())


def _refuse(**_: object) -> Samples:
    raise InputError("dataset", f"'openml' alone names no data set; {_HOW}")


ENTRIES = (
    Dataset(
        DatasetCard(
            name="openml",
            kind="tabular",
            task="classification",
            samples=0,
            features=0,
            outputs=2,
            folds=10,
            license="that of the set which the parameters name",
            source="scikit-learn, fetch_openml: https://www.openml.org; downloaded once",
            citation="J. Vanschoren, J. N. van Rijn, B. Bischl and L. Torgo (2013), OpenML: "
            "networked science in machine learning, SIGKDD Explorations 15(2), 49-60",
            preprocessing=PER_FEATURE,
            description=f"any table of OpenML, classification or regression; {_HOW}",
            downloaded=True,
        ),
        _refuse,
        MappingProxyType(
            {"id": _NO_ID, "name": _NO_WORD, "version": _NO_VERSION, "target": _NO_WORD}
        ),
        varies=check_parameters,
        find=find_openml,
    ),
)
