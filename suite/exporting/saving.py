"""A network as one file that torch alone loads: its steps and its numbers, no code of the suite."""

import io

import torch

from suite.exporting.retraining import Export


def save(found: Export) -> bytes:
    """The content of a file for `torch.export.load`, whose module takes any number of rows.

    Raises:
        RuntimeError: torch cannot take the network's steps down, as with some parts of one's own.
    """
    # Of one row, torch takes the number of rows for fixed.
    rows, many = found.test_rows[:2], {0: torch.export.Dim.DYNAMIC}
    program = torch.export.export(found.module, (rows,), dynamic_shapes=(many,))
    content = io.BytesIO()
    torch.export.save(program, content)
    return content.getvalue()


def warm_up() -> None:
    """Take a first module's steps down: what torch needs for that it imports only then."""
    torch.export.export(torch.nn.Identity(), (torch.zeros(1),))
