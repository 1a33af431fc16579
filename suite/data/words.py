"""Words of ten languages, as letters and as character n-grams, from lists that wordfreq ships."""

from collections import Counter
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suite.data.cache import cached
from suite.data.dataset import ALL_AT_ONCE, Dataset, DatasetCard
from suite.data.samples import Samples, compact
from suite.randomness import generator

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "fi")
SHORTEST, LONGEST = 4, 14
# What is left of a row after its word, and the letters of all the words.
BLANK = " "
LETTERS = "abcdefghijklmnopqrstuvwxyzàáâãäåçèéêëìíîïñòóôõöùúûüąćęłńœśźż"
ALPHABET = LETTERS + BLANK
# Words of each language that can be samples; the other words of its list only choose the n-grams.
EACH = 1400
NGRAMS = 1000
# The list of a language has so many words, the most frequent ones.
_LISTED = 6000


class Words(NamedTuple):
    """The words that are samples, language by language, and all the others."""

    samples: tuple[str, ...]
    others: tuple[str, ...]


@cache
def choose_words(each: int = EACH) -> Words:
    """The same words of 4 to 14 letters each time, each frequent in one language alone.

    Args:
        each: of each language; fewer are among more, and the others stay the same.
    """
    from wordfreq import top_n_list

    lists = [top_n_list(language, _LISTED) for language in LANGUAGES]
    languages = Counter(word for listed in lists for word in set(listed))
    samples: list[str] = []
    others: list[str] = []
    for language, listed in zip(LANGUAGES, lists, strict=True):
        own = sorted(w for w in listed if languages[w] == 1 and _is_word(w))
        order = generator(0, f"words {language}").permutation(len(own))
        samples += [own[i] for i in np.sort(order[:each])]
        others += [own[i] for i in np.sort(order[EACH:])]
    return Words(tuple(samples), tuple(others))


def _is_word(text: str) -> bool:
    return SHORTEST <= len(text) <= LONGEST and set(text) <= set(LETTERS)


@cache
def load_words(each: int = EACH) -> Samples:
    """Letters, one-hot: `(10 · each, 61 · 14)`, which are (letter of the alphabet, place)."""
    return cached(f"words-{each}", ("wordfreq",), partial(_make_letters, each))


@cache
def load_words_ngrams(each: int = EACH) -> Samples:
    """How often each of 1000 character n-grams is in the same words, in the same order."""
    packages = ("wordfreq", "scikit-learn")
    return cached(f"words-ngrams-{each}", packages, partial(_make_ngrams, each))


def _make_letters(each: int) -> Samples:
    return compact(spell(choose_words(each).samples), _languages(each))


def _make_ngrams(each: int) -> Samples:
    words = choose_words(each)
    return compact(count_ngrams(words.samples, words.others), _languages(each))


def _languages(each: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(LANGUAGES)), each)


def spell(words: tuple[str, ...]) -> NDArray[np.uint8]:
    """Words one-hot `(n, 61 · 14)`, from the left, filled up with blanks."""
    place = {letter: number for number, letter in enumerate(ALPHABET)}
    letters = np.array([[place[letter] for letter in word.ljust(LONGEST)] for word in words])
    one_hot: NDArray[np.uint8] = np.eye(len(ALPHABET), dtype=np.uint8)[letters]
    # (n, place, letter) -> (n, letter · place)
    return one_hot.transpose(0, 2, 1).reshape(len(words), -1)


def count_ngrams(words: tuple[str, ...], others: tuple[str, ...]) -> NDArray[np.uint8]:
    """How often n-grams of one to three characters are in the words: `(n, 1000)`.

    A word begins and ends with a blank. The n-grams are the 1000 most frequent ones in `others`,
    so that no word counted here, least of all a test word, has a say in what is counted.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    analyzer = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)).build_analyzer()
    frequency = Counter(ngram for word in others for ngram in analyzer(word))
    # Of equally frequent ones the first in the alphabet, or a machine's sorting would decide.
    most = sorted(frequency, key=lambda ngram: (-frequency[ngram], ngram))[:NGRAMS]
    counter = CountVectorizer(analyzer=analyzer, vocabulary=sorted(most), dtype=np.uint8)
    counts: NDArray[np.uint8] = counter.transform(words).toarray()
    return counts


_LICENSE = "CC BY-SA 4.0 (the word lists; wordfreq's code is Apache-2.0)"
_CITATION = (
    "R. Speer (2022), rspeer/wordfreq: v3.0, Zenodo, doi:10.5281/zenodo.7199437, which names the "
    "corpora that its lists come from"
)


def _vary(each: int) -> dict[str, Any]:
    choice = (
        f"wordfreq, top_n_list: of the {_LISTED} most frequent words of each language those of "
        f"{SHORTEST} to {LONGEST} letters that are on no other list; {each} of them, chosen at "
        "random once and for all"
    )
    return {"samples": each * len(LANGUAGES), "source": choice}


def _vary_ngrams(each: int) -> dict[str, Any]:
    fields = _vary(each)
    same = "the same words as those of the set words, whose folds are others"
    return {**fields, "source": f"{fields['source']}; {same}"}


# Fewer would not give every fold as many of each language.
_CHOOSABLE = {"each": (20, EACH)}
_QUESTION = (
    "which language a word is of: English, German, French, Spanish, Italian, Dutch, Portuguese, "
    "Polish, Swedish or Finnish"
)
ENTRIES = (
    Dataset(
        DatasetCard(
            name="words",
            kind="text",
            task="classification",
            features=len(ALPHABET) * LONGEST,
            outputs=len(LANGUAGES),
            folds=10,
            license=_LICENSE,
            **_vary(EACH),
            citation=_CITATION,
            preprocessing=f"one-hot over {len(LETTERS)} letters and a blank; {ALL_AT_ONCE}",
            description=f"{_QUESTION}; its letters, filled up with blanks to {LONGEST}",
            shape=(len(ALPHABET), LONGEST),
        ),
        load_words,
        parameters={"each": EACH},
        ranges=_CHOOSABLE,
        varies=_vary,
    ),
    Dataset(
        DatasetCard(
            name="words_ngrams",
            kind="text",
            task="classification",
            features=NGRAMS,
            outputs=len(LANGUAGES),
            folds=10,
            license=_LICENSE,
            **_vary_ngrams(EACH),
            citation=_CITATION,
            preprocessing=f"counts of the {NGRAMS} n-grams that are most frequent in the words "
            f"left over from the choice; {ALL_AT_ONCE}",
            description=f"{_QUESTION}; how often it has each of {NGRAMS} n-grams of one to three "
            "characters, word boundaries among them",
        ),
        load_words_ngrams,
        parameters={"each": EACH},
        ranges=_CHOOSABLE,
        varies=_vary_ngrams,
    ),
)
