"""Hand-made features: what people compute from inputs before a linear model sees them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import DatasetCard
from suite.errors import InputError
from suite.trial import Setting

Floats = NDArray[np.float64]
Settings = Mapping[str, Setting]

# The settings of a model that are the features' own.
OWN = ("features", "components")
# What is customary for a kind of input; a recipe that says so gets the one that suits its data.
CUSTOMARY = "customary"
BY_KIND = {
    "image": "hog",
    "text": "ngrams",
    "audio": "spectrum",
    "signal": "spectrum",
    "tabular": "polynomial",
}
# Cells of a histogram along each side of an image.
CELLS = 4
# Symbols are spelled with characters for private use, none of which is blank or has a meaning; the
# first marks where a sequence begins.
_BEGINNING = 0xE000


class Known(NamedTuple):
    """What features are made for.

    Attributes:
        shape: of one input.
        rows: that they are fitted on.
        components: how many of them, where that can be chosen.
        seed: for draws of their own.
    """

    shape: tuple[int, ...]
    rows: int
    components: int
    seed: int


@dataclass(frozen=True, slots=True)
class Feature:
    """One way of making features.

    Attributes:
        description: one line for people.
        source: where it comes from.
        build: gives a scikit-learn transformer that is not fitted yet.
        learned: how many numbers a fitted one has learned.
        count: about how many features there are.
        suits: whether it can be made of inputs of a shape.
        components: usual number of components; 0 where none can be chosen.
        row_seconds: a guess of one core's time for one row.
    """

    description: str
    source: str
    build: Callable[[Known], Any]
    learned: Callable[[Any], int]
    count: Callable[[Known], int]
    suits: Callable[[tuple[int, ...]], bool] = lambda _: True
    components: int = 0
    row_seconds: float = 0.0


def settle(settings: Settings, card: DatasetCard) -> dict[str, Setting]:
    """Settings in which what is customary has its name; raw inputs, the default, have none.

    Raises:
        InputError: the data set's inputs are not such as these features are made of, or they have
            no components.
    """
    settled = dict(settings)
    name = settled.pop("features", "raw")
    if name == CUSTOMARY:
        name = BY_KIND[card.kind]
    if name != "raw" and not FEATURES[str(name)].suits(card.input_shape):
        problem = f"features {name} cannot be made of {card.name}, whose inputs have another shape"
        fitting = [other for other, entry in FEATURES.items() if entry.suits(card.input_shape)]
        raise InputError("settings", problem, f"of {card.name} can: {', '.join(fitting)}")
    if "components" in settled and (name == "raw" or not FEATURES[str(name)].components):
        having = [other for other, entry in FEATURES.items() if entry.components]
        problem = f"features {name} have no components to choose"
        raise InputError("settings", problem, f"there are of {', '.join(having)}")
    return settled if name == "raw" else {**settled, "features": name}


def known_of(settings: Settings, shape: tuple[int, ...], rows: int, seed: int) -> Known:
    """What a recipe's features are made for."""
    usual = FEATURES[str(settings["features"])].components
    return Known(shape, rows, int(settings.get("components", usual)), seed)


def with_features(estimator: Any, settings: Settings, known: Known) -> Any:
    """The estimator behind its features, which are fitted on the rows that it is fitted on."""
    from sklearn.pipeline import make_pipeline

    return make_pipeline(FEATURES[str(settings["features"])].build(known), estimator)


def build_principal_components(known: Known) -> Any:
    """Directions of most variance, each brought to variance 1."""
    from sklearn.decomposition import PCA

    count = min(known.components, known.rows, prod(known.shape))
    return PCA(count, whiten=True, random_state=known.seed)


def build_polynomial(known: Known) -> Any:
    """Principal components, their squares and their products."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    products = PolynomialFeatures(degree=2, include_bias=False)
    return make_pipeline(build_principal_components(known), products, StandardScaler())


def build_gaussian_kernels(known: Known) -> Any:
    """Nyström's features of a Gaussian kernel, from training rows drawn at random."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    count = min(known.components, known.rows)
    kernels = Nystroem(
        "rbf", gamma=1 / prod(known.shape), n_components=count, random_state=known.seed
    )
    return make_pipeline(kernels, StandardScaler())


def build_oriented_gradients(known: Known) -> Any:
    """Histograms of nine orientations in 4 × 4 cells, normalised over blocks of 2 × 2."""
    return _per_row(_oriented_gradients, known.shape)


def _oriented_gradients(inputs: Floats, shape: tuple[int, ...]) -> Floats:
    from skimage.feature import hog

    cells = [max(1, side // CELLS) for side in shape[1:]]
    options = {"orientations": 9, "pixels_per_cell": cells, "cells_per_block": (2, 2)}
    images = inputs.reshape(-1, *shape)
    return np.array([hog(image, channel_axis=0, **options) for image in images])


def build_spectrum(known: Known) -> Any:
    """Logarithms of the Fourier transform's magnitudes, which know no place."""
    return _per_row(_spectrum, known.shape)


def _spectrum(inputs: Floats, shape: tuple[int, ...]) -> Floats:
    magnitudes = np.abs(np.fft.rfft(inputs.reshape(-1, *shape), axis=-1))
    found: Floats = np.log1p(magnitudes).reshape(len(inputs), -1)
    return found


def _per_row(function: Callable[..., Floats], shape: tuple[int, ...]) -> Any:
    """What is computed of each row by itself, then standardised."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    computed = FunctionTransformer(function, kw_args={"shape": shape})
    return make_pipeline(computed, StandardScaler())


def build_ngrams(known: Known) -> Any:
    """TF-IDF of runs of one to three symbols; a place's symbol is its largest channel."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    spelled = FunctionTransformer(_spelled, kw_args={"shape": known.shape})
    counted = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False)
    return make_pipeline(spelled, counted)


def _spelled(inputs: Floats, shape: tuple[int, ...]) -> list[str]:
    """Each row as a text, one letter a place, with a mark before the first."""
    symbols = inputs.reshape(-1, *shape).argmax(axis=1) + 1  # (row, place)
    marked = np.pad(symbols, ((0, 0), (1, 0))) + _BEGINNING
    return ["".join(map(chr, row)) for row in marked]


def _of_scales(fitted: Any) -> int:
    """Means and deviations of features that are computed of each row by itself."""
    return 2 * int(fitted[-1].n_features_in_)


def _of_components(fitted: Any) -> int:
    return int(fitted.components_.size + fitted.mean_.size + fitted.explained_variance_.size)


def _of_polynomial(fitted: Any) -> int:
    return _of_components(fitted[0]) + _of_scales(fitted)


def _of_kernels(fitted: Any) -> int:
    return int(fitted[0].components_.size + fitted[0].normalization_.size) + _of_scales(fitted)


def _of_ngrams(fitted: Any) -> int:
    """The n-grams there are, and their weights."""
    return 2 * len(fitted[-1].vocabulary_)


FEATURES: dict[str, Feature] = {
    "pca": Feature(
        "principal components, whitened",
        "Pearson 1901; Hotelling 1933",
        build_principal_components,
        _of_components,
        count=lambda known: known.components,
        components=50,
    ),
    "polynomial": Feature(
        "principal components, their squares and products",
        "Gergonne 1815",
        build_polynomial,
        _of_polynomial,
        count=lambda known: known.components * (known.components + 3) // 2,
        components=30,
    ),
    "rbf": Feature(
        "Gaussian kernels of training rows, by Nyström's method",
        "Williams & Seeger 2001",
        build_gaussian_kernels,
        _of_kernels,
        count=lambda known: known.components,
        components=300,
    ),
    "hog": Feature(
        "histograms of oriented gradients, of images of 8 × 8 and more",
        "Dalal & Triggs 2005",
        build_oriented_gradients,
        _of_scales,
        count=lambda _: 9 * 4 * (CELLS - 1) ** 2,
        suits=lambda shape: len(shape) == 3 and min(shape[1:]) >= 2 * CELLS,
        row_seconds=1e-3,
    ),
    "spectrum": Feature(
        "logarithms of Fourier magnitudes, of signals",
        "Oppenheim & Schafer 1975",
        build_spectrum,
        _of_scales,
        count=lambda known: prod(known.shape) // 2,
        suits=lambda shape: len(shape) == 2,
    ),
    "ngrams": Feature(
        "TF-IDF of runs of one to three symbols, of sequences",
        "Salton & Buckley 1988; Cavnar & Trenkle 1994",
        build_ngrams,
        _of_ngrams,
        count=lambda _: 500,
        suits=lambda shape: len(shape) == 2 and shape[0] > 1,
        row_seconds=5e-5,
    ),
}
NAMES = ("raw", CUSTOMARY, *FEATURES)
