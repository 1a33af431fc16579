"""Data sets: where their rows come from, and how rows become splits.

What a file of one's own needs is here under one name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.data.dataset import Dataset, DatasetCard
    from suite.data.samples import Samples, labelled, valued

__all__ = ["Dataset", "DatasetCard", "Samples", "labelled", "valued"]

_MODULES = {
    "Dataset": "dataset",
    "DatasetCard": "dataset",
    "Samples": "samples",
    "labelled": "samples",
    "valued": "samples",
}


def __getattr__(name: str) -> Any:
    # The modules below import this package first, so it cannot import them.
    if name not in _MODULES:
        raise AttributeError(f"module 'suite.data' has no attribute {name!r}")
    return getattr(import_module(f"suite.data.{_MODULES[name]}"), name)
