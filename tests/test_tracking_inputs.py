"""Data sets as MLflow sees them: named inputs of runs, with their cards."""

import json

import pytest

from suite.data.cards import CARDS
from suite.tracking.inputs import dataset_input


@pytest.mark.parametrize("name", ["digits", "random_hierarchy(levels=2,samples=400)", "diabetes"])
def test_an_input_names_the_data_and_says_what_its_card_says(name):
    found = dataset_input(name, "a" * 16)
    assert (found.dataset.name, found.dataset.digest) == (name, "a" * 16)
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]
    card, profile = CARDS[name], json.loads(found.dataset.profile)
    assert profile["num_rows"] == card.samples
    for field in ("license", "citation", "preprocessing", "description", "kind", "task"):
        assert profile[field] == getattr(card, field)
    assert json.loads(found.dataset.source)["tags"]["source"] == card.source
