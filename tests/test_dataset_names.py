"""Names of data sets with parameters: one spelling for one meaning, and errors of one line."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data import cards
from suite.data.cards import CARDS, DATASETS, canonical, check_request
from suite.data.dataset import Dataset
from suite.data.loading import data_hash, load_split, raw_samples
from suite.data.naming import parameters_of
from suite.errors import InputError
from suite.experiment import read_value
from suite.installing import installed, origin
from suite.planning import build_trial, check_names, check_recipes
from suite.reading import build_experiment
from suite.supplied import Supplied

CONTENT = {
    "question": "Does depth help?",
    "vary": {"depth": [1, 2]},
    "hold": {"dataset": "xor", "learning_rate": 0.01, "width": 6},
    "profiles": {"quick": {"seeds": 1}},
}


def experiment(*datasets):
    return build_experiment("e", {**CONTENT, "hold": {**CONTENT["hold"], "dataset": [*datasets]}})


@st.composite
def spelled(draw):
    """A data set, parameters with values in their ranges, and a text in any order with spaces."""
    entry = DATASETS[draw(st.sampled_from([n for n, e in DATASETS.items() if e.ranges]))]
    usual = parameters_of(entry)
    names = draw(st.lists(st.sampled_from(sorted(usual)), unique=True))
    values = {name: draw(value_of(usual[name], entry.ranges[name])) for name in names}
    spaces = st.sampled_from(["", " ", "  "])
    pairs = [f"{draw(spaces)}{n}{draw(spaces)}={draw(spaces)}{v}" for n, v in values.items()]
    return entry, values, f"{entry.card.name}{draw(spaces)}({','.join(pairs)}{draw(spaces)})"


def value_of(usual, allowed):
    if isinstance(usual, str):
        return st.sampled_from(allowed)
    low, high = allowed
    if isinstance(usual, int):
        return st.integers(low, high)
    return st.floats(low, high, allow_subnormal=False) | st.just(usual)


@settings(max_examples=150, deadline=None)
@given(spelled())
def test_one_meaning_has_one_spelling(case):
    entry, values, text = case
    try:
        name = canonical(text)
    except ValueError:  # the values do not fit together
        assert text not in CARDS
        return
    assert canonical(name) == name
    assert " " not in name
    changed = {
        k: values[k] for k, usual in parameters_of(entry).items() if values.get(k, usual) != usual
    }
    assert list(changed) == [
        part.partition("=")[0] for part in name[:-1].partition("(")[2].split(",") if part
    ]
    found = DATASETS[text]
    assert found == DATASETS[name]
    assert found.card.name == name
    assert parameters_of(found) == parameters_of(entry) | changed
    assert (name == entry.card.name) == (not changed)
    assert check_request(text).samples == found.card.samples


def test_known_spellings():
    assert canonical("random_hierarchy") == "random_hierarchy"
    assert canonical(" random_hierarchy( synonyms =2, levels=  2,samples=40)") == (
        "random_hierarchy(synonyms=2,levels=2,samples=40)"
    )
    assert canonical("random_hierarchy(levels=3, synonyms=4)") == "random_hierarchy"
    assert canonical("xor(noise=1e-1)") == canonical("xor( noise = 0.10 )") == "xor(noise=0.1)"
    assert canonical("xor()") == "xor"
    assert canonical("linear(target=class)") == "linear(target=class)"
    assert canonical("mine(b=2, a = 1)") == "mine(b=2,a=1)"


def test_iteration_gives_the_names_alone():
    assert "sawtooth(points=64)" in CARDS
    assert CARDS["sawtooth(points=64)"].samples == 256
    assert all("(" not in name for name in CARDS)
    assert list(CARDS) == list(DATASETS)
    assert len(CARDS) == len(DATASETS) == len(list(CARDS))
    assert all(CARDS[name] is DATASETS[name].card for name in CARDS)
    with pytest.raises(KeyError):
        CARDS["sawtoth(points=64)"]
    assert None not in CARDS


WRONG = {
    "sawtooth(point=4)": "sawtooth has no parameter 'point'; did you mean 'points'? (parameters: p",
    "digits(samples=4)": "digits has no parameter 'samples'",
    "sawtooth(samples=64)": "sawtooth has no parameter 'samples'",
    "sawtooth(points=1)": "points must be at least 2 and at most 4096, not 1",
    "sawtooth(points=2.5)": "points needs a whole number, not '2.5'",
    "sawtooth(points=True)": "points needs a whole number, not 'True'",
    "xor(noise=lots)": "noise needs a number, not 'lots'",
    "xor(noise=nan)": "noise must be finite",
    "xor(noise=-1)": "noise must be at least 0",
    "xor(samples=39)": "samples must be at least 40",
    "linear(target=clas)": "target must be class or value, not 'clas'; did you mean 'class'?",
    "linear(relevant=21)": "21 of 20 features cannot be relevant",
    "sparse_parity(features=5,bits=3)": "has 32 different rows; give samples=32 or fewer",
    "random_hierarchy(levels=2)": "has 512 different rows; give samples=512 or fewer",
    "random_hierarchy(synonyms=9)": "9 synonyms of each symbol are more than the 64 strings",
    "random_hierarchy(levels=6,branching=4,vocabulary=64)": "too many for its samples",
    "mnist5k(side=9)": "side must divide 28: whole pixels are averaged",
    "mnist5k(side=29)": "side must be at least 7 and at most 28, not 29",
    "words(each=5)": "each must be at least 20 and at most 1400, not 5",
    "stepwise(depth=3)": "a tree of depth 3 cannot compare 5 features at its end",
    "xor(noise=1": "no name of a data set; write name(parameter=value), in quotes where it stands",
    "xor(noise)": "'noise' is not parameter=value",
    "xor(noise=)": "'noise=' is not parameter=value",
    "xor(noise=1,noise=2)": "has noise twice",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_parameters_are_told_in_one_line(text):
    wrong = re.escape(WRONG[text])
    assert text not in DATASETS
    with pytest.raises(ValueError, match=wrong) as told:
        canonical(text)
    assert "\n" not in str(told.value)
    for call in (check_request, load_split, data_hash):
        with pytest.raises(InputError, match=wrong) as caught:
            call(text, *[0] * (call is load_split))
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=f"e: hold.dataset: .*{wrong}"):
        experiment(text)


def test_an_unknown_set_with_parameters_is_told_by_its_name():
    wrong = experiment("sawtoth(points=4)")
    with pytest.raises(InputError, match="unknown data set 'sawtoth'; did you mean 'sawtooth'"):
        check_names(wrong, (), ())
    with pytest.raises(InputError, match="unknown data set 'sawtoth'; did you mean 'sawtooth'"):
        check_request("sawtoth(points=4)")


def test_experiments_of_one_meaning_are_one():
    texts = ("random_hierarchy( levels = 2,samples=400, synonyms=4)", "sawtooth( points=16)")
    names = ("random_hierarchy(levels=2,samples=400)", "sawtooth")
    first, second = experiment(*texts), experiment(*names)
    assert first.at("quick").datasets == names
    assert first.registered_hash("quick") == second.registered_hash("quick")
    check_names(first, (), ())
    check_recipes(first, "quick")
    with pytest.raises(InputError, match="has 'sawtooth' twice"):
        experiment("sawtooth", texts[1])
    assert read_value("dataset", texts[0]) == names[0]
    trial = build_trial({"samples": 50}, names[0])
    assert (trial.dataset, trial.loss) == (names[0], "cross_entropy")
    assert build_trial({}, "linear(features=7)").loss == "squared_error"


def test_each_meaning_has_rows_of_its_own():
    names = ("xor", "xor(noise=0.1)", "xor(samples=400)")
    assert len({data_hash(name) for name in names}) == 3
    assert [len(raw_samples(name, 0).inputs) for name in names] == [2000, 2000, 400]
    assert data_hash("xor( noise=.1 )") == data_hash("xor(noise=0.1)")
    assert raw_samples("xor( noise=.1 )", 3) is raw_samples("xor(noise=0.1)", 3)
    split = load_split("xor(samples=400)", 0, samples=30)
    assert (len(split.train_inputs), len(split.test_inputs)) == (30, 200)


def test_an_entry_that_is_replaced_is_not_remembered(monkeypatch):
    before = DATASETS["xor(noise=0.2)"]
    monkeypatch.setitem(DATASETS, "xor", cards.DATASETS["xor"]._replace(ranges={"noise": (0, 0.1)}))
    with pytest.raises(InputError, match=r"noise must be at least 0 and at most 0\.1"):
        DATASETS["xor(noise=0.2)"]
    monkeypatch.undo()
    assert DATASETS["xor(noise=0.2)"] == before


OWN = b"""
import numpy as np
from suite.data import Dataset, DatasetCard, labelled

def rows(rng, samples, *, width):
    points = rng.uniform(size=(samples, 1))
    return labelled(points, points[:, 0] > width)

CARD = DatasetCard(name="own", kind="tabular", task="classification", samples=400, features=1,
    outputs=2, folds=0, license="l", source="s", citation="c", preprocessing="p", description="d")
DATASETS = {"own": Dataset(CARD, rows, {"width": 0.5})}
"""


def test_a_users_own_set_takes_its_parameters():
    supplied = Supplied("own.py", OWN)
    with installed(supplied):
        assert origin("dataset", "own(width=0.2)") == origin("dataset", "own") == supplied.digest
        trial = build_trial({}, canonical("own( width = .2)"))
        assert (trial.dataset, trial.supplied) == ("own(width=0.2)", supplied.digest)
        assert load_split(trial.dataset, 0).train_targets.mean() == pytest.approx(0.8, abs=0.15)
        with pytest.raises(InputError, match="own has no parameter 'size'"):
            CARDS["own(size=3)"]
        assert isinstance(DATASETS["own"], Dataset)
    assert "own" not in DATASETS
    assert "own(width=0.2)" not in CARDS


def test_list_shows_parameters_and_cards(place, leadline):
    plain = leadline("list", "datasets")
    for words in ("turns=1.5, noise=0.05, samples=2000", "points=16", "no parameters"):
        assert words in plain.out
    long = leadline("list", "datasets", "--long")
    assert (long.code, long.err) == (0, "")
    as_json = json.loads(leadline("list", "datasets", "--long", "--json").out)
    assert list(as_json) == list(CARDS)
    printed = " ".join(long.out.split())
    for name, lines in as_json.items():
        card = CARDS[name]
        assert {lines["license"], lines["citation"]} == {card.license, card.citation}
        assert {"kind", "task", "size", "source", "preprocessing", "parameters"} <= lines.keys()
        assert name in printed
    assert "features 0 to 4; the best possible R² is 0.8" in as_json["linear"]["truth"]
    assert as_json["random_hierarchy"]["size"] == "8000 samples, 64 features of shape 8 × 8"
    assert "classes 2 to 64" in as_json["random_hierarchy"]["ranges"]
    refused = leadline("list", "losses", "--long")
    assert refused.code == 2
    assert "--long shows the cards of data sets" in refused.err


def test_the_guides_names_are_names():
    section = (Path(__file__).parents[1] / "GUIDE.md").read_text(encoding="utf-8")
    for name in ("random_hierarchy(levels=4, samples=16000)", "sparse_parity(bits=4, features=30)"):
        assert name in section
        assert canonical(name) == name.replace(" ", "")
