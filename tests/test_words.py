"""The words are wordfreq's, spelled and counted so that they can be read back."""

import hashlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from wordfreq import top_n_list, zipf_frequency

from suite.data import words
from suite.data.cards import CARDS
from suite.data.loading import load_split, raw_samples

CHOSEN = words.choose_words()


def digest(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def test_the_words_are_the_same_each_time():
    words.choose_words.cache_clear()
    assert words.choose_words() == CHOSEN
    # As first chosen from wordfreq 3.1.1, whose lists no longer change.
    assert (len(CHOSEN.samples), digest(CHOSEN.samples)) == (14_000, "05f83ab7357f")
    assert (len(CHOSEN.others), digest(CHOSEN.others)) == (29_554, "4e172d3dfd9f")
    assert CHOSEN.samples[0] < CHOSEN.samples[1]


def test_a_word_is_on_the_list_of_its_language_alone():
    lists = [set(top_n_list(language, 6000)) for language in words.LANGUAGES]
    languages = np.repeat(range(10), 1400)
    for word, language in zip(CHOSEN.samples, languages, strict=True):
        assert [number for number in range(10) if word in lists[number]] == [language]
        assert 4 <= len(word) <= 14
    assert len(set(CHOSEN.samples)) == 14_000
    assert not set(CHOSEN.samples) & set(CHOSEN.others)
    # All are frequent: once in a million words or more.
    assert min(zipf_frequency(word, "fi") for word in CHOSEN.samples[-1400:]) > 3


def test_letters_can_be_read_back():
    inputs, targets = raw_samples("words", 0)
    letters = inputs.reshape(14_000, *CARDS["words"].shape)
    assert (letters.sum(axis=1) == 1).all()
    alphabet = np.array(list(words.ALPHABET))
    read = ["".join(alphabet[row]).rstrip() for row in letters.argmax(axis=1)]
    assert read == list(CHOSEN.samples)
    np.testing.assert_array_equal(targets, np.repeat(range(10), 1400))
    assert set("".join(CHOSEN.samples + CHOSEN.others)) == set(words.LETTERS)


def ngrams_of(word):
    """N-grams of one to three characters with a blank at either end, counted by hand."""
    text = f" {word} "
    return [text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)]


def test_ngrams_are_counted_in_the_words_and_chosen_by_the_others():
    samples, others = ("anna", "banane"), ("anna", "kanon", "an")
    counts = words.count_ngrams(samples, others)
    known = sorted({ngram for word in others for ngram in ngrams_of(word)})
    expected = [[ngrams_of(word).count(ngram) for ngram in known] for word in samples]
    np.testing.assert_array_equal(counts, expected)
    # An n-gram of no other word is not counted.
    assert "b" not in known


def test_the_most_frequent_ngrams_are_counted(monkeypatch):
    monkeypatch.setattr(words, "NGRAMS", 3)
    # Of "aab", "ab" and "b": the blank six times; then a, b and "b " three times each.
    counts = words.count_ngrams(("abba", "cab"), ("aab", "ab", "b"))
    np.testing.assert_array_equal(counts, [[2, 2, 2], [2, 1, 1]])


def test_both_sets_are_of_the_same_words():
    letters, ngrams = raw_samples("words", 0), raw_samples("words_ngrams", 0)
    np.testing.assert_array_equal(letters.targets, ngrams.targets)
    rows = np.arange(0, 14_000, 350)
    some = tuple(CHOSEN.samples[row] for row in rows)
    np.testing.assert_array_equal(words.spell(some), letters.inputs[rows])
    np.testing.assert_array_equal(words.count_ngrams(some, CHOSEN.others), ngrams.inputs[rows])
    assert (ngrams.inputs.sum(axis=1) > 5).all()


@pytest.mark.parametrize("name", ["words", "words_ngrams"])
def test_fewer_words_are_some_of_the_same(name):
    few = words.choose_words(each=40)
    assert few.others == CHOSEN.others
    place = {word: row for row, word in enumerate(CHOSEN.samples)}
    rows = [place[word] for word in few.samples]
    assert rows == sorted(set(rows))
    small, whole = raw_samples(f"{name}(each=40)", 0), raw_samples(name, 0)
    np.testing.assert_array_equal(small.inputs, whole.inputs[rows])
    np.testing.assert_array_equal(small.targets, whole.targets[rows])
    assert np.bincount(small.targets).tolist() == [40] * 10
    assert CARDS[f"{name}(each=40)"].samples == 400


# With 3000 words; with all 11 200 they are .56 and .74.
@pytest.mark.parametrize(
    ("name", "low", "high"), [("words", 0.46, 0.56), ("words_ngrams", 0.6, 0.72)]
)
def test_a_linear_model_scores_what_is_known_of_the_set(name, low, high):
    split = load_split(name, 0, samples=3000)
    model = LogisticRegression(C=0.02, max_iter=60, tol=1e-2)
    model.fit(split.train_inputs, split.train_targets)
    assert low <= model.score(split.test_inputs, split.test_targets) <= high


def test_a_test_word_has_no_say_in_what_is_counted():
    """Other words beside them change nothing in the counts of samples."""
    rows = tuple(CHOSEN.samples[:50])
    turned = tuple(word[::-1] for word in rows)
    together = words.count_ngrams(rows + turned, CHOSEN.others[:2000])
    alone = words.count_ngrams(rows, CHOSEN.others[:2000])
    np.testing.assert_array_equal(together[:50], alone)
