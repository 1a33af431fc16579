"""The words that an experiment file can use, one dict per kind of part.

What a file of one's own needs is here under one name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.parts.activations import Activation
    from suite.parts.initializers import Fan, Initializer
    from suite.parts.networks import Forward, Layer, Network, Sizes

__all__ = ["Activation", "Fan", "Forward", "Initializer", "Layer", "Network", "Sizes"]

_MODULES = {
    "Activation": "activations",
    "Fan": "initializers",
    "Forward": "networks",
    "Initializer": "initializers",
    "Layer": "networks",
    "Network": "networks",
    "Sizes": "networks",
}


def __getattr__(name: str) -> Any:
    # Each module imports torch or numpy; whoever wants one of them need not wait for all.
    if name not in _MODULES:
        raise AttributeError(f"module 'suite.parts' has no attribute {name!r}")
    return getattr(import_module(f"suite.parts.{_MODULES[name]}"), name)
