"""What a data set is: a card for its readers, a function for its rows, parameters of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.preprocessing import Prepared
from suite.data.samples import Samples
from suite.errors import InputError

Kind = Literal["image", "tabular", "signal", "text", "audio", "generated"]
Task = Literal["classification", "regression"]
Division = Literal["rows", "groups", "time"]
Parameter = int | float | str
# The lowest and the highest number, or the words that a parameter can be.
Allowed = tuple[float, float] | tuple[str, ...]

PER_FEATURE = "each feature to mean 0 and standard deviation 1 over the training part"
ALL_AT_ONCE = "all inputs together to mean 0 and standard deviation 1 over the training part"
OURS = "Apache-2.0, as this package, which draws it"
# Rows in all parts of a drawn set's split: fewer are no data, more fill memory.
SIZES = (40, 100_000)
# Of the random functions that a set's targets can follow, each of these numbers is one.
INSTANCES = (0, 2**31)


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a reader must know of a data set.

    Attributes:
        name: the word that an experiment file uses.
        kind: what the inputs are.
        task: what the targets are.
        samples: rows in all parts of a split together.
        features: inputs of a network.
        outputs: number of classes; 1 for regression.
        folds: disjoint test folds of a finite set; 0 for a set drawn afresh for each split.
        license: terms under which the data may be used.
        source: where the rows come from.
        citation: whom to cite.
        preprocessing: what is done to the raw rows.
        description: what the rows are.
        shape: of one input where its features have an order: (channels, length) of a signal,
            (channels, height, width) of an image.
        one_scale: whether all inputs are scaled together, as those of images and signals always
            are, rather than each feature by itself.
        relevant: numbers of the features that the target depends on; empty where not known.
        best_score: expected accuracy, or R², of the best predictor there can be, which knows how
            the set was made; None where not known.
        distinct_rows: how many different inputs there can be; None where there is no end of them.
        downloaded: whether the rows come over the network when first asked for.
        division: whether a finite set's parts are cut by rows, by groups that stay together, or in
            time, so that nothing trains that is later than what it is tested on.
        train_rows: rows in the training part of every split where the folds do not say it.
        classes: the classes' own names, in the order of their numbers; empty where they have none.
        warnings: what a reader should know of the data before trusting a score.
    """

    name: str
    kind: Kind
    task: Task
    samples: int
    features: int
    outputs: int
    folds: int
    license: str
    source: str
    citation: str
    preprocessing: str
    description: str
    shape: tuple[int, ...] = ()
    one_scale: bool = False
    relevant: tuple[int, ...] = ()
    best_score: float | None = None
    distinct_rows: int | None = None
    downloaded: bool = False
    division: Division = "rows"
    train_rows: int | None = None
    classes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input; (features,) where they have no order."""
        return self.shape or (self.features,)

    @property
    def train_samples(self) -> int:
        """Rows in the training part of every split."""
        if self.train_rows is not None:
            return self.train_rows
        # The validation part is as large as the test part.
        return self.samples * (self.folds - 2) // self.folds if self.folds else self.samples // 4

    @property
    def scales_per_feature(self) -> bool:
        """Whether each feature is standardised by itself."""
        # Pixels and time steps share one scale: their differences in spread are part of the signal.
        return self.kind in ("tabular", "generated") and not self.one_scale


class Extra(NamedTuple):
    """An optional extra of this package, and the module by which to tell whether it is there."""

    name: str
    module: str

    @property
    def installed(self) -> bool:
        """Whether the module can be found; it is not imported."""
        return find_spec(self.module) is not None

    def missing(self, dataset: str) -> InputError:
        """The error for a data set that cannot be had without the extra."""
        problem = f"data set {dataset!r} comes with {self.module}, which is not installed"
        return InputError("dataset", problem, f"pip install 'leadline[{self.name}]'")


class Dataset(NamedTuple):
    """A card, the function that yields the raw rows, and that function's parameters.

    A finite set's function takes the parameters alone; the function of a set drawn afresh takes a
    generator and the number of samples before them.

    Attributes:
        card: what the set is with these parameters.
        draw: the function.
        parameters: each with its value, whose type all its values have.
        ranges: what parameters can be; also `samples`, where a drawn set's size can be chosen.
        varies: from the parameters to the card's fields that depend on them; raises ValueError
            where they do not fit together.
        needs: the extra that brings the rows; None where every installation has them.
        find: from the name as asked for, then the parameters, to the very set they name; of an
            entry that stands for many sets, whose cards only their rows tell.
        prepare: from the raw training part to what networks get; standardises where it is None.
        units: where parts are cut by groups or in time, a function that gives each row's fold, in
            which its group stays together, or its place in time, which several rows may share.
    """

    card: DatasetCard
    draw: Callable[..., Samples]
    parameters: Mapping[str, Parameter] = MappingProxyType({})
    ranges: Mapping[str, Allowed] = MappingProxyType({})
    varies: Callable[..., Mapping[str, Any]] | None = None
    needs: Extra | None = None
    find: "Callable[..., Dataset] | None" = None
    prepare: Callable[[Samples], Prepared] | None = None
    units: Callable[[], NDArray[np.int64]] | None = None

    @property
    def installed(self) -> bool:
        """Whether what brings the rows is installed; what is downloaded needs nothing."""
        return self.needs is None or self.needs.installed


def drawn(
    draw: Callable[..., Samples],
    *,
    parameters: Mapping[str, Parameter],
    ranges: Mapping[str, Allowed],
    varies: Callable[..., Mapping[str, Any]] | None = None,
    **fields: Any,
) -> Dataset:
    """The entry of a set that is drawn afresh for each split.

    `fields` are the card's, as far as they differ from those of a two-class set of 2000 rows in
    the plane and do not follow from the parameters.
    """
    usual = {
        "kind": "generated",
        "task": "classification",
        "samples": 2000,
        "features": 2,
        "outputs": 2,
        "folds": 0,
        "license": OURS,
        "source": "drawn afresh for each split",
        "preprocessing": ALL_AT_ONCE if fields.get("one_scale") else PER_FEATURE,
    }
    varied = varies(**parameters) if varies else {}
    card = DatasetCard(**{**usual, **fields, **varied})
    return Dataset(card, draw, MappingProxyType(parameters), MappingProxyType(ranges), varies)
