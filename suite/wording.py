"""What pydantic finds wrong with a value, in plain words."""

import re
from collections.abc import Mapping
from typing import Any

from suite.errors import nearest, shown

# By pydantic's type of error, or by that type's first word.
_WORDS = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "too_long": "has more than {max_length} values",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "int": "needs a whole number",
    "float": "needs a number",
    "finite": "needs a finite number",
    "string": "needs text",
    "tuple": "needs a list",
    "dict": "needs a mapping of keys to values",
    "mapping": "needs a mapping of keys to values",
    "model": "needs a mapping of keys to values",
}
_WITHOUT_VALUE = ("missing", "string_too_short", "too_long")


def explain(error: Mapping[str, Any]) -> str:
    """The problem that one of `ValidationError.errors()` describes, with the value given."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    words = _WORDS.get(kind) or _WORDS.get(kind.partition("_")[0])
    problem = words.format(**context) if words else str(error["msg"])
    if kind in _WITHOUT_VALUE:
        return problem
    given = error["input"]
    choices = re.findall("'([^']+)'", context.get("expected", ""))
    return f"{problem}, not {shown(given)}{nearest(given, choices)}"
