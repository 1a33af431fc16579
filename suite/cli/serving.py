"""`leadline ui`: the runs in MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.completion import complete_experiment

UI_EXAMPLES = {
    "leadline ui": "prints a link to each experiment's view",
    "leadline ui overfitting --open": "its leaderboard, in a browser",
    "leadline ui --port 5001": "where 5000 is taken",
}


def ui(
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT",
            help="Whose saved views to print; all experiments by default.",
            autocompletion=complete_experiment,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65535, metavar="N", help="First port to try.")
    ] = 5000,
    opens: Annotated[
        bool, typer.Option("--open", help="Open the first link in a browser.")
    ] = False,
) -> None:
    """Browse the runs in the MLflow UI; Ctrl-C ends it."""
    import webbrowser

    from suite.tracking.server import serve

    serve(Path.cwd(), port, typer.echo, experiment, webbrowser.open if opens else None)
