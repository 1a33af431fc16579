"""Time series of the UCR and UEA archives that sktime ships; they need the extra `series`."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from suite.data.cache import cached
from suite.data.dataset import ALL_AT_ONCE, Dataset, DatasetCard, Extra, Kind
from suite.data.samples import Samples, labelled
from suite.errors import InputError

SERIES = Extra("series", "sktime")
_UCR = (
    "H. A. Dau et al. (2019), The UCR time series archive, IEEE/CAA Journal of Automatica Sinica "
    "6(6), 1293-1305, arXiv:1810.07758"
)
_UEA = (
    "A. Bagnall et al. (2018), The UEA multivariate time series classification archive, 2018, "
    "arXiv:1811.00075"
)
_UNSTATED = "none stated by the archive; redistributed in sktime (BSD-3-Clause)"


class Source(NamedTuple):
    """What differs from set to set.

    Attributes:
        loader: sktime's function.
        kind: what the inputs are.
        samples: series in both halves of the archive's set together.
        channels: values at each step.
        length: steps of the longest series.
        outputs: number of classes.
        description: what the series are.
        citation: whom to cite.
        license: terms under which the data may be used.
        unequal: whether series are of different lengths.
    """

    loader: str
    kind: Kind
    samples: int
    channels: int
    length: int
    outputs: int
    description: str
    citation: str
    license: str = _UNSTATED
    unequal: bool = False


SOURCES = {
    "osuleaf": Source(
        *("load_osuleaf", "signal", 442, 1, 427, 6),
        "which of six species of maple and oak a leaf is of; its outline as a series",
        f"A. Gandhi (2002), Content-based image retrieval: plant species identification, MSc "
        f"thesis, Oregon State University; {_UCR}",
    ),
    "arrow_head": Source(
        *("load_arrow_head", "signal", 211, 1, 251, 3),
        "whether an arrowhead is of the type Avonlea, Clovis or Mix; its outline as a series",
        "L. Ye and E. Keogh (2009), Time series shapelets: a new primitive for data mining, "
        f"Knowledge Discovery and Data Mining, 947-956; {_UCR}",
    ),
    "acsf1": Source(
        *("load_acsf1", "signal", 200, 1, 1460, 10),
        "which of ten kinds of household appliance uses power in this way over time",
        "C. Gisler et al. (2013), Appliance "
        "consumption signature database and recognition test protocols, 8th International "
        f"Workshop on Systems, Signal Processing and their Applications, 336-341; {_UCR}",
    ),
    "plaid": Source(
        *("load_plaid", "signal", 1074, 1, 1344, 11),
        "which of eleven kinds of household appliance a current measured at 30 kHz flows into",
        "J. Gao, S. Giri, E. C. Kara and M. Bergés (2014), PLAID: a public dataset of "
        "high-resolution electrical appliance measurements for load identification research, "
        f"1st ACM Conference on Embedded Systems for Energy-Efficient Buildings, 198-199; {_UCR}",
        unequal=True,
    ),
    "italy_power": Source(
        *("load_italy_power_demand", "signal", 1096, 1, 24, 2),
        "whether a day of Italy's hourly electrical power demand is from October to March or from "
        "April to September",
        "E. Keogh et al. (2006), Intelligent icons: integrating lite-weight data mining and "
        "visualization into GUI operating systems, International Conference on Data Mining, "
        f"912-916; {_UCR}",
    ),
    "basic_motions": Source(
        *("load_basic_motions", "signal", 80, 6, 100, 4),
        "whether someone plays badminton, runs, stands or walks, from the accelerometer and the "
        "gyroscope of a watch, ten times a second",
        _UEA,
    ),
    "japanese_vowels": Source(
        *("load_japanese_vowels", "audio", 640, 12, 29, 9),
        "which of nine men says the Japanese vowels a and e; 12 cepstrum coefficients of linear "
        "prediction in frames of 25.6 ms every 6.4 ms",
        "M. Kudo, J. Toyama and M. Shimbo (1999), Multidimensional curve classification using "
        "passing-through regions, Pattern Recognition Letters 20(11-13), 1103-1111, "
        f"doi:10.24432/C5NS47; {_UEA}",
        license="CC BY 4.0 (UCI Machine Learning Repository)",
        unequal=True,
    ),
}


@cache
def load_series(name: str) -> Samples:
    """All series of a set, from a cache: importing sktime and parsing take seconds."""
    return cached(name, (SERIES.module,), partial(_import_series, name))


def _import_series(name: str) -> Samples:
    try:
        loaders = import_module("sktime.datasets")
    except ImportError as error:
        raise InputError("dataset", f"{SERIES.module} cannot be imported: {error}") from error
    return read_series(getattr(loaders, SOURCES[name].loader), SOURCES[name].length)


def read_series(loader: Callable[..., Any], length: int) -> Samples:
    """What a loader of sktime gives: inputs `(n, channels · length)` and class numbers.

    Series that are shorter than `length` steps are filled up with zeros at their end. Classes are
    numbered in the order of their names, as numbers where they are numbers.
    """
    frames, names = loader(split=None, return_X_y=True, return_type="df-list")
    padded = np.stack([_padded(frame.to_numpy(), length) for frame in frames])
    return labelled(padded.reshape(len(frames), -1), _numbered([str(name) for name in names]))


def _padded(steps: Any, length: int) -> Any:
    """Steps `(steps, channels)` as `(channels, length)`."""
    return np.pad(steps.T, ((0, 0), (0, length - len(steps))))


def _numbered(names: Sequence[str]) -> list[int]:
    order = sorted(set(names), key=lambda name: (len(name), name) if name.isdigit() else (0, name))
    number = {name: place for place, name in enumerate(order)}
    return [number[name] for name in names]


def _entry(name: str, source: Source) -> Dataset:
    filled = "; shorter series end in zeros" if source.unequal else ""
    card = DatasetCard(
        name=name,
        kind=source.kind,
        task="classification",
        samples=source.samples,
        features=source.channels * source.length,
        outputs=source.outputs,
        folds=10,
        license=source.license,
        source=f"sktime, {source.loader}: the archive's training and test halves as one pool; "
        f"needs pip install 'leadline[{SERIES.name}]'",
        citation=source.citation,
        preprocessing=f"{ALL_AT_ONCE}{filled}",
        description=source.description,
        shape=(source.channels, source.length),
    )
    return Dataset(card, partial(load_series, name), needs=SERIES)


# Adding a set that sktime ships is one entry in SOURCES.
ENTRIES = tuple(_entry(name, source) for name, source in SOURCES.items())
