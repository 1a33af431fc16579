"""`leadline list`: the words that an experiment file can use."""

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.completion import complete_kind
from suite.cli.options import JsonOption, PartsOption
from suite.cli.printing import print_json, print_table
from suite.errors import InputError

LIST_EXAMPLES = {
    "leadline list experiments": "every registered question",
    "leadline list datasets --long": "with their whole cards",
    "leadline list activations --parts my_parts.py": "with your own among them",
    "leadline list --json": "everything, for machines",
}


def list_words(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="A kind of word, or all.", autocompletion=complete_kind
        ),
    ] = "all",
    parts: PartsOption = None,
    as_json: JsonOption = False,
    cards: Annotated[
        bool, typer.Option("--long", help="Data sets with their whole cards.")
    ] = False,
) -> None:
    """Show the words that an experiment file can use."""
    from suite.catalogue import catalogue, dataset_cards
    from suite.errors import unknown
    from suite.installing import install
    from suite.supplied import read_supplied

    if parts is not None:
        install(read_supplied(parts))
    words = catalogue(Path.cwd())
    if kind != "all" and kind not in words:
        raise unknown("list", "kind", kind, [*words, "all"])
    if cards and kind != "datasets":
        raise InputError(
            "list", "--long shows the cards of data sets", "leadline list datasets --long"
        )
    chosen = words if kind == "all" else {kind: words[kind]}
    if as_json:
        print_json(dataset_cards() if cards else chosen)
    elif cards:
        for name, card in dataset_cards().items():
            print_table(name, list(card.items()))
    else:
        for title, entries in chosen.items():
            print_table(title, [(name, *row) for name, row in entries.items()])
