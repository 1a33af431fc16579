"""Options that several commands share, and how examples stand below their help."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from suite.cli.completion import complete_experiment, complete_trial


class Profile(StrEnum):
    """How much is run."""

    quick = "quick"
    standard = "standard"
    full = "full"


class Device(StrEnum):
    """What trains."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="EXPERIMENT",
        help="By name, or as YAML files; all of experiments/ by default.",
        autocompletion=complete_experiment,
    ),
]
ProfileOption = Annotated[
    Profile,
    typer.Option(
        metavar="PROFILE", help="quick, a taste of a few minutes; standard; or full, for a night."
    ),
]
ResultsOption = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Where measurements are stored.", rich_help_panel="Files"),
]
ReportsOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Where the report is written.", rich_help_panel="Files")
]
DeviceOption = Annotated[
    Device,
    typer.Option(metavar="DEVICE", help="cpu, cuda, mps; auto takes CUDA, then MPS, then the CPU."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Processes that train, one a core by default; 0 trains in this one.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
PartsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A Python file with parts of your own, which is run.",
        rich_help_panel="Files",
    ),
]
TrialArgument = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL",
        help="A trial's id, or its first digits.",
        autocompletion=complete_trial,
    ),
]


def examples(commands: Mapping[str, str]) -> str:
    """Commands with what each is good for, as the last lines of a help text."""
    from rich.markup import escape

    width = max(map(len, commands))
    lines = (
        # Rich would take brackets for markup.
        f"[cyan]$ {escape(command):{width}}[/]  [dim]{why}[/]"
        for command, why in commands.items()
    )
    return "\n".join(["[bold]Examples[/]", *lines])
