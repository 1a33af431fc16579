"""Consoles, tables and JSON on the standard output."""

import json
import os
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

# Columns of a log or a pipe, which has no edge where a line would have to end.
UNBOUNDED = 200


def make_console(*, stderr: bool = False) -> "Console":
    """A console that prints data: brackets and colons in it are no markup."""
    from rich.console import Console

    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False, stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNBOUNDED
    return console


def print_json(content: Any) -> None:
    """Print JSON, for machines."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(title: str, rows: list[tuple[str, ...]]) -> None:
    """Print rows below a title, whose first column is never cut."""
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, show_header=False
    )
    table.add_column(style="cyan", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    make_console().print(table, soft_wrap=False)
