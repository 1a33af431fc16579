"""What a data set is: a card for its readers, a function for its rows, parameters of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from suite.data.samples import Samples

Kind = Literal["image", "tabular", "signal", "generated"]
Task = Literal["classification", "regression"]
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

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input; (features,) where they have no order."""
        return self.shape or (self.features,)

    @property
    def train_samples(self) -> int:
        """Rows in the training part of every split."""
        return self.samples * 8 // 10 if self.folds else self.samples // 4

    @property
    def scales_per_feature(self) -> bool:
        """Whether each feature is standardised by itself."""
        # Pixels and time steps share one scale: their differences in spread are part of the signal.
        return self.kind in ("tabular", "generated") and not self.one_scale


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
    """

    card: DatasetCard
    draw: Callable[..., Samples]
    parameters: Mapping[str, Parameter] = MappingProxyType({})
    ranges: Mapping[str, Allowed] = MappingProxyType({})
    varies: Callable[..., Mapping[str, Any]] | None = None


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
