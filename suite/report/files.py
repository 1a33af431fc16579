"""Files of the report: written whole or not at all, and only where they change."""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

# The files that a figure has.
FIGURES = (".svg", ".png", ".csv")


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step; a file that holds it already is left alone."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """JSON that people can read; numbers that are not finite raise ValueError."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write(path, f"{text}\n".encode())


def remove_others(directory: Path, kept: Collection[str], suffixes: Collection[str]) -> None:
    """Remove the files in `directory` with one of `suffixes` that are not `kept`."""
    for path in sorted(directory.glob("*")):
        if path.suffix in suffixes and path.name not in kept:
            path.unlink()
