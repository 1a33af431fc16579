"""Leadline: what does depth buy? `Experiment`, `run` and `load_results` are its public names."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.benchmark import run_experiment as run
    from suite.experiment import Experiment
    from suite.results import load_results

__version__ = "0.1.0"
__all__ = ["Experiment", "load_results", "run"]

_PUBLIC = {
    "Experiment": ("suite.experiment", "Experiment"),
    "run": ("suite.benchmark", "run_experiment"),
    "load_results": ("suite.results", "load_results"),
}


def __getattr__(name: str) -> Any:
    # The names' modules take a second to import; the command line does not need them all.
    if name not in _PUBLIC:
        raise AttributeError(f"module 'suite' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)
