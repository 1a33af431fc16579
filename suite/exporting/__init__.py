"""Trained networks as plain `torch.nn` modules, made by training a stored recipe once more."""

from suite.exporting.retraining import Export, export
from suite.exporting.saving import save, warm_up

__all__ = ["Export", "export", "save", "warm_up"]
