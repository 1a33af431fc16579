"""Errors that a user can mend: at most three lines, no traceback, exit code 2."""

import difflib
import reprlib
from collections.abc import Iterable

# What a file holds by mistake can be long or nested without end; a line of it tells enough.
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60


class InputError(Exception):
    """Bad input. Its text, two lines at most, names place, problem and what is allowed."""

    def __init__(self, place: str, problem: str, hint: str = "") -> None:
        self.place = place
        self.problem = problem
        self.hint = hint
        lines = (f"{place}: {problem}", hint)
        super().__init__("\n".join(" ".join(line.splitlines()) for line in lines if line))


def unknown(place: str, kind: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not in a dict, with the nearest spelling."""
    names = sorted(known)
    problem = f"unknown {kind} {shown(name)}{nearest(name, names)}"
    return InputError(place, problem, f"known: {', '.join(names)}" if names else "")


def nearest(name: object, known: Iterable[str]) -> str:
    """A guess at what was meant, to end a sentence with; empty where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1) if isinstance(name, str) else []
    return f"; did you mean {near[0]!r}?" if near else ""


def shown(value: object) -> str:
    """A value as an error message quotes it."""
    return _SHORT.repr(value)
