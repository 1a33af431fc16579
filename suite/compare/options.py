"""The command line of `leadline compare`: parse, call, print. Imports nothing that takes time."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

_COLUMNS, _DATA, _EFFORT = "Columns", "Data", "Effort"
COMPARE_EXAMPLES = {
    "leadline compare a.csv --target y --output out": "a first look",
    "leadline compare a.csv --target y --output out --drop id": "not from ids",
    "leadline compare a.csv --target y --output out --group user": "no leaks",
    "leadline compare a.csv --target y --output out --json": "for machines",
}


FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A table: CSV, Parquet or NPZ.")]
TargetOption = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column to predict.", rich_help_panel=_COLUMNS)
]
OutputOption = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder for the page and all that is behind it.")
]
GroupOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Rows with the same value stay in one part of a split.",
        rich_help_panel=_COLUMNS,
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Test on later rows.", rich_help_panel=_COLUMNS),
]
DropOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN", help="Leave a column out; may be repeated.", rich_help_panel=_COLUMNS
    ),
]
TaskOption = Annotated[
    Literal["classification", "regression"] | None,
    typer.Option(
        metavar="TASK",
        help="classification or regression; by default seen from the target.",
        rich_help_panel=_DATA,
    ),
]
SeparatorOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Between values.", rich_help_panel=_DATA)
]
RowsOption = Annotated[
    int, typer.Option(min=100, metavar="N", help="Most rows used.", rich_help_panel=_DATA)
]
SeedsOption = Annotated[
    int | None, typer.Option(min=2, metavar="N", help="Splits.", rich_help_panel=_EFFORT)
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        min=2,
        metavar="N",
        help="Recipes that each contender tries on each split.",
        rich_help_panel=_EFFORT,
    ),
]
MinutesOption = Annotated[
    float,
    typer.Option(
        min=0.1,
        metavar="MINUTES",
        help="By a guess, what training may take; sets splits and recipes.",
        rich_help_panel=_EFFORT,
    ),
]
MarginOption = Annotated[
    float | None,
    typer.Option(
        min=1e-9,
        metavar="SCORE",
        help="Smallest difference of interest.  [default: 0.01; of R² 0.02]",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(
        metavar="DEVICE",
        help="cpu, cuda, mps; auto takes CUDA, then MPS, then the CPU.",
        rich_help_panel=_EFFORT,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Processes that train; 0 trains in this one.",
        rich_help_panel=_EFFORT,
    ),
]
TrackOption = Annotated[bool, typer.Option("--track", help="Send runs to MLflow, too.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print verdict.json, for machines.")]


def compare(  # noqa: PLR0913, PLR0917, one argument for each option
    file: FileArgument,
    target: TargetOption,
    output: OutputOption,
    group: GroupOption = None,
    time: TimeOption = None,
    drop: DropOption = None,
    task: TaskOption = None,
    separator: SeparatorOption = None,
    rows: RowsOption = 10_000,
    seeds: SeedsOption = None,
    trials: TrialsOption = None,
    minutes: MinutesOption = 3.0,
    margin: MarginOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    track: TrackOption = False,
    as_json: JsonOption = False,
) -> None:
    """Is depth worth it on a table of yours? Ends with one page and a sentence.

    A guess, a linear model, nearest neighbours, a random forest, gradient
    boosting and dense networks with one and three hidden layers are tuned with
    the same budget on the same splits. In the same folder, what is trained is
    kept: an interrupted comparison goes on, and more splits or recipes add to it.
    """
    from rich.console import Console

    from suite.benchmark import default_workers, find_device
    from suite.compare.command import Request
    from suite.compare.command import compare as run
    from suite.compare.plan import Effort

    found = find_device(device)
    count = default_workers(found) if workers is None else workers
    columns = {"target": target, "group": group, "time": time, "drop": tuple(drop or ())}
    request = Request(
        table={"file": file, "task": task, "separator": separator, **columns},
        output=output,
        effort=Effort(seeds=seeds, trials=trials, minutes=minutes, workers=count),
        rows=rows,
        margin=margin,
        device=found,
        track=track,
    )
    # What is printed is data: brackets and colons in it are no markup.
    console = Console(soft_wrap=True, markup=False, emoji=False, highlight=False, stderr=as_json)
    verdict = run(request, console, as_text=not as_json)
    if as_json:
        typer.echo(json.dumps(verdict, indent=2, ensure_ascii=False))
