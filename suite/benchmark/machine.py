"""What this machine has: cores, devices, directories that can be written."""

import os
from pathlib import Path

from suite.errors import InputError


def default_workers(device: str = "cpu") -> int:
    """One process a core that we may use; one for a GPU, which is shared badly."""
    if device != "cpu":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_directory(directory: Path) -> None:
    """Raise InputError where no file can be put: better now than after the training."""
    there = next(p for p in (directory, *directory.parents) if os.access(p, os.F_OK))
    if not there.is_dir():
        raise InputError(str(directory), f"{there} is no directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(str(directory), f"you may not write into {there}/")


def find_device(name: str, place: str = "--device") -> str:
    """The name of the device that trains.

    Raises:
        InputError: this machine does not have it; `place` is where it was asked for.
    """
    from suite.training.devices import choose_device

    try:
        return choose_device(name).type
    except ValueError as error:
        raise InputError(place, str(error)) from None
