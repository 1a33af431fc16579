"""Data sets that scikit-learn fetches: California housing, covertype, 20 newsgroups."""

from functools import partial
from pathlib import Path

import numpy as np

from suite.data.dataset import ALL_AT_ONCE, PER_FEATURE, Dataset, DatasetCard
from suite.data.downloads.interface import Download, downloaded
from suite.data.preprocessing import Prepared, standardize
from suite.data.samples import Inputs, Raw, Samples, compact, valued

_HOST = "ndownloader.figshare.com"
_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"
# Each word of a post falls into one of so many counters, by a fixed hash; networks get those that
# most posts of the training part have.
COUNTERS = 8192
FEATURES = 2048


def fetch_california_housing(folder: Path, delay: float) -> Samples:
    """The blocks of the 1990 census, target in units of 100 000 dollars."""
    from sklearn import datasets

    rows = datasets.fetch_california_housing(
        data_home=folder, return_X_y=True, n_retries=1, delay=delay
    )
    return valued(*rows)


def fetch_covertype(folder: Path, delay: float) -> Samples:
    """All cells; classes, which the service numbers from 1, are numbered from 0."""
    from sklearn import datasets

    inputs, classes = datasets.fetch_covtype(
        data_home=folder, return_X_y=True, n_retries=1, delay=delay
    )
    # Whole numbers, none above 7173.
    return compact(inputs.astype(np.int16), classes - 1)


def fetch_newsgroups(folder: Path, delay: float) -> Samples:
    """How often each counter's words stand in a post without header, footer and quotes."""
    from sklearn import datasets

    posts = datasets.fetch_20newsgroups(
        data_home=folder,
        subset="all",
        shuffle=False,
        remove=("headers", "footers", "quotes"),
        n_retries=1,
        delay=delay,
    )
    return compact(count_words(posts.data), posts.target)


def count_words(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Counts `(texts, COUNTERS)`, none above 255, by a hash that is fitted to no text."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        n_features=COUNTERS, alternate_sign=False, norm=None, stop_words="english"
    )
    counts = vectorizer.transform(texts)
    counts.data = counts.data.clip(max=255)
    return counts.astype(np.uint8).toarray()  # type: ignore[no-any-return]


def weigh_words(train: Samples) -> Prepared:
    """TF-IDF `(n, FEATURES)` with sublinear counts, fitted on the training part alone.

    Rows of Euclidean length 1 come out of it, which are then scaled all at once.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfTransformer

    posts_with = np.count_nonzero(train.inputs, axis=0)
    chosen = np.sort(np.argsort(-posts_with, kind="stable")[:FEATURES])
    weighting = TfidfTransformer(sublinear_tf=True).fit(csr_array(train.inputs[:, chosen]))

    def weigh(counts: Raw) -> Inputs:
        weighed = weighting.transform(csr_array(counts[:, chosen], dtype=np.float32))
        return weighed.toarray().astype(np.float32)  # type: ignore[no-any-return]

    scaled = standardize(Samples(weigh(train.inputs), train.targets), per_feature=False)
    return Prepared(scaled.train, lambda counts: scaled.apply(weigh(counts)))


CALIFORNIA_HOUSING = Download(name="california_housing", host=_HOST, fetch=fetch_california_housing)
COVERTYPE = Download(name="covertype", host=_HOST, fetch=fetch_covertype)
NEWSGROUPS = Download(name="newsgroups", host=_HOST, fetch=fetch_newsgroups)

ENTRIES = (
    Dataset(
        DatasetCard(
            name="california_housing",
            kind="tabular",
            task="regression",
            samples=20640,
            features=8,
            outputs=1,
            folds=10,
            license="none stated by StatLib, which published it",
            source="scikit-learn, fetch_california_housing: StatLib's houses.zip; downloaded once, "
            "0.4 MB",
            citation="R. K. Pace and R. Barry (1997), Sparse spatial autoregressions, Statistics & "
            "Probability Letters 33(3), 291-297",
            preprocessing=f"{PER_FEATURE}; the target likewise",
            description="median value of houses in a block of the 1990 census of California, from "
            "income, age, rooms, people and place",
            downloaded=True,
        ),
        partial(downloaded, CALIFORNIA_HOUSING),
    ),
    Dataset(
        DatasetCard(
            name="covertype",
            kind="tabular",
            task="classification",
            samples=581_012,
            features=54,
            outputs=7,
            folds=10,
            license=_UCI,
            source="scikit-learn, fetch_covtype: UCI's Covertype; downloaded once, 11 MB",
            citation="J. A. Blackard (1998), Covertype, UCI Machine Learning Repository, "
            "doi:10.24432/C50K5N",
            preprocessing=PER_FEATURE,
            description="which of seven kinds of trees covers a cell of 30 × 30 metres, from ten "
            "measurements and 44 columns of 0 and 1 for wilderness area and soil",
            downloaded=True,
        ),
        partial(downloaded, COVERTYPE),
    ),
    Dataset(
        DatasetCard(
            name="newsgroups",
            kind="text",
            task="classification",
            samples=18_846,
            features=FEATURES,
            outputs=20,
            folds=10,
            license="none stated by its collector; posts belong to their writers. " + _UCI,
            source="scikit-learn, fetch_20newsgroups with both subsets as one pool and without "
            "headers, footers and quotes; downloaded once, 14 MB",
            citation="K. Lang (1995), NewsWeeder: Learning to filter netnews, International "
            "Conference on Machine Learning, 331-339",
            preprocessing=f"English stop words out, the others counted in {COUNTERS} counters by a "
            f"fixed hash; TF-IDF, fitted on the training part, of the {FEATURES} counters that "
            f"most of its posts have; {ALL_AT_ONCE}",
            description="which of 20 newsgroups a post is from",
            one_scale=True,
            downloaded=True,
        ),
        partial(downloaded, NEWSGROUPS),
        prepare=weigh_words,
    ),
)
