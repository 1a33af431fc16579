"""The command line: parse, call, print."""

import json
import signal
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.compare.options import compare
from suite.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from suite.repeating import Repetition

INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    name="leadline",
    help="What does depth buy? Textbook claims about shallow and deep networks, put to the test.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    typer.Argument(help="Experiments by name, or YAML files; all of experiments/ by default."),
]
ProfileOption = Annotated[Profile, typer.Option(help="quick: a taste; standard; full: a night.")]
ResultsOption = Annotated[Path, typer.Option(help="Where measurements are stored.")]
ReportsOption = Annotated[Path, typer.Option(help="Where the report is written.")]
DeviceOption = Annotated[Device, typer.Option(help="auto takes CUDA, then MPS, then the CPU.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=0, help="Processes that train; 0 trains in this one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
PartsOption = Annotated[
    Path | None, typer.Option(help="A Python file with parts of your own, which is run.")
]
TrialArgument = Annotated[str, typer.Argument(help="A trial's id, or its first digits.")]


@app.command("list")
def list_words(
    kind: Annotated[str, typer.Argument(help="A kind of word, or 'all'.")] = "all",
    parts: PartsOption = None,
    as_json: JsonOption = False,
    cards: Annotated[
        bool, typer.Option("--long", help="Data sets with their whole cards.")
    ] = False,
) -> None:
    """Show the words that an experiment file can use.

    Examples: leadline list datasets --long; leadline list activations --parts my_parts.py
    """
    from suite.catalogue import catalogue, dataset_cards
    from suite.errors import unknown
    from suite.installing import install
    from suite.supplied import read_supplied

    if parts is not None:
        install(read_supplied(parts))
    words = catalogue(Path.cwd())
    if kind != "all" and kind not in words:
        raise unknown("list", "kind", kind, [*words, "all"])
    chosen = words if kind == "all" else {kind: words[kind]}
    if cards and kind != "datasets":
        raise InputError(
            "list", "--long shows the cards of data sets", "leadline list datasets --long"
        )
    if as_json:
        typer.echo(json.dumps(dataset_cards() if cards else chosen, indent=2))
    elif cards:
        for name, card in dataset_cards().items():
            _print_table(name, list(card.items()))
    else:
        _print_tables(chosen)


def _print_tables(words: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
    for title, entries in words.items():
        _print_table(title, [(name, *row) for name, row in entries.items()])


def _print_table(title: str, rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, show_header=False
    )
    table.add_column(style="cyan", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(markup=False, emoji=False, highlight=False).print(table)


@app.command()
def run(  # noqa: PLR0913, PLR0917, one argument for each option
    names: Names = None,
    profile: ProfileOption = Profile.standard,
    device: DeviceOption = Device.auto,
    workers: WorkersOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value; gives no verdicts."),
    ] = None,
    parts: PartsOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained; train nothing.")
    ] = False,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
) -> None:
    """Train what is missing, test the claims, write the report.

    Examples: leadline run --profile quick; leadline run overfitting --set epochs=5 --dry-run
    """
    from suite import benchmark

    benchmark.run(
        benchmark.select(names or [], settings or [], profile.value, reports, parts),
        device=device.value,
        workers=workers,
        results=results,
        console=_console(),
        dry_run=dry_run,
    )


@app.command()
def report(
    names: Names = None,
    profile: ProfileOption = Profile.standard,
    parts: PartsOption = None,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
) -> None:
    """Rebuild the report from the stored results; trains nothing.

    Example: leadline report --profile quick
    """
    from suite import benchmark

    chosen = benchmark.select(names or [], [], profile.value, reports, parts)
    if not results.is_dir():
        raise InputError(f"{results}/", "holds no results yet", "run an experiment first")
    benchmark.Report(chosen, results).write()
    _console().print(f"report: {chosen.reports / 'index.html'}", highlight=False)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try.")] = 5000,
) -> None:
    """Browse the runs in the MLflow UI; Ctrl-C ends it.

    Example: leadline ui --port 5001
    """
    from suite.tracking.server import serve

    serve(Path.cwd(), port, typer.echo)


@app.command()
def show(
    trial_id: TrialArgument, results: ResultsOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Print a stored trial's recipe and numbers.

    Example: leadline show 3f2a
    """
    from suite.ledger import Ledger
    from suite.repeating import find_trial

    ledger = _ledger(results, Ledger)
    row = _plain_row(find_trial(ledger, trial_id))
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    if row["supplied"]:
        path = ledger.supplied_path(row["supplied"])
        row["supplied"] = f"{path}{'' if path.is_file() else ', which is missing'}"
    _print_table(row["trial_id"], [(k, str(v)) for k, v in row.items() if v not in (None, "")])


def _plain_row(row: "pd.Series") -> dict[str, Any]:
    import pandas as pd

    return {
        str(name): None if pd.isna(value) else getattr(value, "item", lambda v=value: v)()
        for name, value in row.items()
    }


def _ledger(results: Path, kind: Any) -> Any:
    if not results.is_dir():
        raise InputError(f"{results}/", "holds no results yet", "run an experiment first")
    return kind(results)


@app.command()
def rerun(trial_id: TrialArgument, results: ResultsOption = Path("results")) -> None:
    """Train a stored trial again, alone, and say whether the numbers are the same.

    Example: leadline rerun 3f2a
    """
    from suite.ledger import Ledger
    from suite.repeating import find_trial

    ledger = _ledger(results, Ledger)
    rows = find_trial(ledger, trial_id).to_frame().T
    repetition = _repeat(ledger, rows, workers=1)[0]
    _print_repetition(repetition)
    raise typer.Exit(1 if repetition.differences else 0)


def _print_repetition(repetition: "Repetition") -> None:
    from suite.provenance import code_hash

    console = _console()
    for name, value in repetition.outcome.metrics.items():
        mark = "differs from" if name in repetition.differences else "same as"
        console.print(f"{name:22} {value!r} {mark} {repetition.stored[name]!r}", highlight=False)
    word = "the same to the last bit"
    if repetition.differences:
        word = f"differs in {', '.join(repetition.differences)}"
        if repetition.stored["code_hash"] != code_hash():
            word += "; it was measured by other code"
    console.print(f"{repetition.trial.id}: {repetition.outcome.outcome}, {word}", highlight=False)


def _repeat(ledger: Any, rows: "pd.DataFrame", workers: int) -> "list[Repetition]":
    from contextlib import closing

    from suite.benchmark import find_device
    from suite.execution.local import ProcessExecutor
    from suite.repeating import repeat

    device = find_device(str(rows["kernel"].iloc[0]).partition("-")[2], "the stored trial")
    with closing(ProcessExecutor(workers, device)) as executor:
        return repeat(ledger, rows, executor, workers)


@app.command()
def verify(
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of stored trials.")] = 0.05,
    seed: Annotated[int | None, typer.Option(help="Of the sample; random by default.")] = None,
    workers: WorkersOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Train a random sample of stored trials again, in fresh processes, and compare every bit.

    Example: leadline verify --share 0.1
    """
    import secrets

    from suite.benchmark import default_workers
    from suite.ledger import Ledger
    from suite.repeating import sample_rows

    seed = secrets.randbelow(10**6) if seed is None else seed
    ledger = _ledger(results, Ledger)
    sample = sample_rows(ledger, share, seed)
    repetitions = [
        repetition
        for _, rows in sample.groupby("kernel")
        for repetition in _repeat(
            ledger, rows, default_workers() if workers is None else max(1, workers)
        )
    ]
    differing = [r for r in repetitions if r.differences]
    for repetition in differing:
        differences = ", ".join(repetition.differences)
        _console().print(f"{repetition.trial.id} differs in {differences}", highlight=False)
    same = len(repetitions) - len(differing)
    _console().print(
        f"{same} of {len(repetitions)} trials have the same bits (sample seed {seed})",
        highlight=False,
    )
    raise typer.Exit(1 if differing else 0)


@app.command()
def speed(
    contenders: Annotated[
        list[str] | None, typer.Argument(help="leadline, torch, scikit-learn, jax; all by default.")
    ] = None,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="How cost grows with size, instead of who is fastest.")
    ] = False,
    device: DeviceOption = Device.cpu,
    rounds: Annotated[int, typer.Option(min=1, help="Timed laps; medians are reported.")] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs in a lap.")] = 1,
    output: Annotated[Path, typer.Option(help="Where speed.json and its figure go.")] = Path(
        "reports"
    ),
) -> None:
    """Time the training of many small networks against others, on one thread each.

    Exits with 1 where the contenders did not reach the same loss.

    Examples: leadline speed; leadline speed leadline jax --rounds 9; leadline speed --scaling
    """
    from suite.benchmark import check_directory, default_workers, find_device
    from suite.speed.command import run_comparison, run_scaling

    check_directory(output)
    chosen, console = find_device(device.value), _console()
    if scaling:
        cores = default_workers(chosen)
        run_scaling(device=chosen, cores=cores, rounds=rounds, output=output, console=console)
        return
    same = run_comparison(
        contenders or [],
        device=chosen,
        rounds=rounds,
        epochs=epochs,
        output=output,
        console=console,
    )
    raise typer.Exit(0 if same else 1)


app.command()(compare)


def _console() -> "Console":
    from rich.console import Console

    # What is printed is data: brackets and colons in it are no markup.
    return Console(soft_wrap=True, markup=False, emoji=False, highlight=False)


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; what the user can mend ends in a few lines and exit code 2."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        # Told not to stand alone, typer leaves it to us how a wrong option is reported.
        code = app(sys.argv[1:] or ["--help"], prog_name="leadline", standalone_mode=False)
    except InputError as error:
        code = _refuse(str(error))
    except typer.TyperException as error:
        code = _refuse(error.format_message().replace("Value error, ", ""))
    except KeyboardInterrupt:
        code = INTERRUPTED
    # typer makes this code of a KeyboardInterrupt that a command raises.
    if code == INTERRUPTED:
        sys.stderr.write("stopped; everything finished is stored, run again to go on\n")
    sys.exit(code)


def _refuse(problem: str) -> int:
    sys.stderr.write(f"leadline: {problem}\n")
    return 2
