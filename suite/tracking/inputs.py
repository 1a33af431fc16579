"""Data sets as MLflow's dataset inputs: each run names what it was trained on."""

import json
from typing import TYPE_CHECKING

from suite.data.cards import CARDS, DatasetCard

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

# MLflow keeps so many characters of a data set's source and profile.
_LONGEST = 65_535


def dataset_input(name: str, data_hash: str) -> "DatasetInput":
    """A data set with its card, as the input of the runs trained on it.

    Args:
        name: the data set's name.
        data_hash: of its rows; MLflow tells versions apart by it.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    card = CARDS[name]
    dataset = Dataset(
        name=name,
        digest=data_hash,
        source_type="code",
        source=json.dumps({"tags": {"source": card.source}})[:_LONGEST],
        profile=json.dumps(_profile(card))[:_LONGEST],
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _profile(card: DatasetCard) -> dict[str, str | int]:
    return {
        "num_rows": card.samples,
        "num_features": card.features,
        "outputs": card.outputs,
        "kind": card.kind,
        "task": card.task,
        "license": card.license,
        "citation": card.citation,
        "preprocessing": card.preprocessing,
        "description": card.description,
    }
