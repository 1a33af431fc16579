"""The random hierarchy model of Cagnetta et al. (2024), drawn afresh for every split."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import INSTANCES, drawn
from suite.data.naming import base_name, configured
from suite.data.samples import Samples, labelled
from suite.randomness import generator

Symbols = NDArray[np.int64]

# Most productions from the root to a string.
MOST_LEVELS = 6
# So many strings have numbers of their own in 64 bits; among more, two alike are never drawn.
_COUNTABLE = 2**62


def draw_hierarchy(
    rng: np.random.Generator,
    samples: int,
    *,
    classes: int,
    vocabulary: int,
    synonyms: int,
    branching: int,
    levels: int,
    instance: int,
) -> Samples:
    """Different strings of one grammar, all of them equally likely, one-hot; the class is its root.

    Args:
        rng: source of the strings; the grammar is that of the other parameters.
        samples: number of strings.
        classes: root symbols.
        vocabulary: symbols of each lower level.
        synonyms: productions of each symbol (m).
        branching: symbols that one becomes (s).
        levels: productions from the root to the string (L).
        instance: which of the grammars.

    Returns:
        Inputs `(samples, vocabulary · branching**levels)`, which are (channels, length), and
        classes.
    """
    rules = grammar(classes, vocabulary, synonyms, branching, levels, instance)
    steps = productions(branching, levels)
    roots, choices = _derivations(rng, samples, classes, synonyms, steps)
    symbols = roots[:, None]
    for rule in rules:
        width = symbols.shape[1]
        # (samples, width, branching) -> (samples, width · branching)
        symbols = rule[symbols, choices[:, :width]].reshape(samples, -1)
        choices = choices[:, width:]
    one_hot = np.eye(vocabulary, dtype=np.float32)[symbols]  # (samples, length, vocabulary)
    return labelled(one_hot.transpose(0, 2, 1).reshape(samples, -1), roots)


def grammar(
    classes: int, vocabulary: int, synonyms: int, branching: int, levels: int, instance: int
) -> tuple[Symbols, ...]:
    """The productions of each level, root first: `(symbols, synonyms, branching)`.

    No two productions of a level have the same right side, so a string has one root.
    """
    sizes = f"{classes} {vocabulary} {synonyms} {branching} {levels}"
    rng = generator(instance, f"random hierarchy {sizes}")
    rules = []
    for symbols in (classes, *[vocabulary] * (levels - 1)):
        codes = rng.choice(vocabulary**branching, symbols * synonyms, replace=False)
        rules.append(_digits(codes, vocabulary, branching).reshape(symbols, synonyms, branching))
    return tuple(rules)


def latents_of(dataset: str, inputs: NDArray[np.floating[Any]]) -> tuple[Symbols, ...]:
    """The symbols that strings grew from, level by level from the one next to them to the class.

    Args:
        dataset: the name; of any but a random hierarchy there are no such symbols.
        inputs: strings as networks get them, `(samples, features)`.

    Returns:
        For each level `(samples, places)`; of the last, the class, there is one place.

    Raises:
        ValueError: a row is no string of the grammar.
    """
    (entry,) = ENTRIES
    if base_name(dataset) != entry.card.name:
        return ()
    sizes = {name: int(value) for name, value in configured(entry, dataset).parameters.items()}
    # Standardisation with one scale leaves the largest of a place's numbers the largest.
    symbols = inputs.reshape(len(inputs), sizes["vocabulary"], -1).argmax(axis=1)
    levels = []
    for rule in reversed(grammar(**sizes)):
        symbols = _parents(rule, symbols, sizes["vocabulary"])
        levels.append(symbols)
    return tuple(levels)


def _parents(rule: Symbols, symbols: Symbols, vocabulary: int) -> Symbols:
    """The symbols whose productions stand side by side: `(samples, width / branching)`."""
    _, synonyms, branching = rule.shape
    powers = vocabulary ** np.arange(branching)
    known = (rule @ powers).reshape(-1)
    order = known.argsort()
    codes = symbols.reshape(len(symbols), -1, branching) @ powers
    place = order[np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)]
    if not np.array_equal(known[place], codes):
        raise ValueError("is no string of the grammar")
    symbols_above: Symbols = place // synonyms
    return symbols_above


def productions(branching: int, levels: int) -> int:
    """Productions in the derivation of one string."""
    return sum(branching**level for level in range(levels))


def _derivations(
    rng: np.random.Generator, samples: int, classes: int, synonyms: int, steps: int
) -> tuple[Symbols, Symbols]:
    """Roots `(samples,)` and choices among synonyms `(samples, steps)`, no two rows alike."""
    if classes * synonyms**steps > _COUNTABLE:
        return rng.integers(classes, size=samples), rng.integers(synonyms, size=(samples, steps))
    codes = rng.choice(classes * synonyms**steps, samples, replace=False)
    return codes % classes, _digits(codes // classes, synonyms, steps)


def _digits(codes: Symbols, base: int, count: int) -> Symbols:
    """The last digits of numbers, in any base: `(codes, count)`."""
    digits = np.empty((len(codes), count), np.int64)
    for place in range(count):
        codes, digits[:, place] = np.divmod(codes, base)
    return digits


def _vary(
    *, classes: int, vocabulary: int, synonyms: int, branching: int, levels: int, **_: int
) -> Mapping[str, Any]:
    most = vocabulary**branching
    if max(classes, vocabulary if levels > 1 else 0) * synonyms > most:
        raise ValueError(
            f"random_hierarchy: {synonyms} synonyms of each symbol are more than the {most} "
            f"strings of {branching} symbols suffice for"
        )
    length = branching**levels
    return {
        "features": vocabulary * length,
        "outputs": classes,
        "shape": (vocabulary, length),
        "distinct_rows": classes * synonyms ** productions(branching, levels),
    }


ENTRIES = (
    drawn(
        draw_hierarchy,
        name="random_hierarchy",
        parameters={
            "classes": 8,
            "vocabulary": 8,
            "synonyms": 4,
            "branching": 2,
            "levels": 3,
            "instance": 0,
        },
        ranges={
            "classes": (2, 64),
            "vocabulary": (2, 64),
            "synonyms": (1, 64),
            "branching": (2, 4),
            "levels": (1, MOST_LEVELS),
            "instance": INSTANCES,
            "samples": (40, 200_000),
        },
        varies=_vary,
        samples=8000,
        one_scale=True,
        citation="F. Cagnetta, L. Petrini, U. M. Tomasini, A. Favero and M. Wyart (2024), How deep "
        "neural networks learn compositional data: the random hierarchy model, Physical Review X "
        "14, 031001, arXiv:2307.02129",
        description="strings that a random grammar grows from a class, level by level; each symbol "
        "becomes one of its synonyms, and no two symbols share any; one-hot, no string twice",
        best_score=1.0,
    ),
)
