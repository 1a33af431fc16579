"""`leadline run` and `report`: experiments trained, judged and written up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.cli.completion import complete_setting
from suite.cli.options import (
    Device,
    DeviceOption,
    JsonOption,
    Names,
    PartsOption,
    Profile,
    ProfileOption,
    ReportsOption,
    ResultsOption,
    WorkersOption,
)
from suite.cli.printing import make_console, print_json
from suite.cli.stopping import stopping
from suite.errors import InputError

if TYPE_CHECKING:
    from suite.benchmark import Selection

RUN_EXAMPLES = {
    "leadline run --profile quick": "a first taste of all claims",
    "leadline run overfitting hierarchy": "two of them in full",
    "leadline run my_question.yaml --dry-run": "how much would that be?",
    "leadline run overfitting --set epochs=5": "explore; no verdicts",
    "leadline run --json > verdicts.json": "verdicts for machines",
}
REPORT_EXAMPLES = {
    "leadline report": "the whole report anew",
    "leadline report --profile quick": "that of the first taste",
}


def run(  # noqa: PLR0913, PLR0917, one argument for each option
    names: Names = None,
    profile: ProfileOption = Profile.standard,
    device: DeviceOption = Device.auto,
    workers: WorkersOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a value; gives no verdicts.",
            autocompletion=complete_setting,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be trained; train nothing.")
    ] = False,
    as_json: JsonOption = False,
    parts: PartsOption = None,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
) -> None:
    """Train what is missing, test the claims, write the report.

    What has finished is stored: stop it whenever you like, and the same command goes on.
    """
    from suite import benchmark

    # Progress makes way for verdicts that a machine reads.
    console = make_console(stderr=as_json)
    # Only a terminal shows it: torch and the checks take seconds.
    with console.status("reading experiments"):
        selection = benchmark.select(names or [], settings or [], profile.value, reports, parts)
        chosen = benchmark.prepare(selection, device.value, workers, results)
    if dry_run:
        plans = benchmark.plan(selection, chosen.workers)
        _print_plans(plans, as_json)
        return
    with stopping(f"what has finished is stored in {results}/, and the same command goes on"):
        verdicts = benchmark.run(selection, chosen, console)
    _conclude(selection, verdicts, as_json)


def _print_plans(plans: Any, as_json: bool) -> None:
    if as_json:
        print_json([plan._asdict() for plan in plans])
        return
    console = make_console()
    for plan in plans:
        console.print(
            f"{plan.experiment}: {plan.networks} networks in {plan.cohorts} cohorts, about "
            f"{plan.minutes:.1f} minutes on {plan.workers} workers, {plan.mebibytes} MiB"
        )
    console.print("what is stored already is not trained again; nothing was written", style="dim")


def _conclude(selection: "Selection", verdicts: list[dict[str, Any]], as_json: bool) -> None:
    from suite.benchmark import print_verdicts

    if as_json:
        print_json(verdicts)
        return
    console = make_console()
    print_verdicts(verdicts, console)
    console.print(f"report: {selection.reports / 'index.html'}")
    console.print("read on: leadline ui, every run; leadline show, any network", style="dim")


def report(
    names: Names = None,
    profile: ProfileOption = Profile.standard,
    parts: PartsOption = None,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
    as_json: JsonOption = False,
) -> None:
    """Rebuild the report from the stored results; trains nothing."""
    from suite import benchmark

    chosen = benchmark.select(names or [], [], profile.value, reports, parts)
    if not results.is_dir():
        raise InputError(f"{results}/", "holds no results yet", "run an experiment first")
    written = benchmark.Report(chosen, results)
    written.write()
    if as_json:
        print_json(written.verdicts)
        return
    make_console().print(f"report: {chosen.reports / 'index.html'}")
