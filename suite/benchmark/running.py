"""The whole way: a selection run, mirrored, judged and reported."""

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.benchmark.machine import check_directory, default_workers, find_device
from suite.benchmark.preview import print_warnings
from suite.benchmark.reporting import Report
from suite.benchmark.selection import Selection, check, directory_of
from suite.experiment import Experiment
from suite.reading import read_experiment

if TYPE_CHECKING:
    from rich.console import Console

    from suite.ledger import Ledger
    from suite.results import Evidence
    from suite.running import Settings
    from suite.tracking.mirror import Mirror


def prepare(selection: Selection, device: str, workers: int | None, results: Path) -> "Settings":
    """How a selection runs on this machine; what is doubtful in its data is said.

    Args:
        selection: what is to be run.
        device: auto, cpu, cuda or mps.
        workers: processes that train; one a core by default.
        results: directory of the ledger.

    Raises:
        InputError: the device is not there, or a directory cannot be written.
    """
    from suite.running import Settings

    device = find_device(device)
    for directory in (results, selection.reports):
        check_directory(directory)
    print_warnings(selection)
    workers = default_workers(device) if workers is None else workers
    return Settings(profile=selection.profile, device=device, workers=workers, results=results)


def run(selection: Selection, settings: "Settings", console: "Console") -> list[dict[str, Any]]:
    """Run the chosen experiments, mirror them to MLflow and write the report.

    Returns:
        The verdicts, as verdicts.json has them.
    """
    from suite.execution.one_process import OneProcessExecutor
    from suite.progress import follow
    from suite.running import run_experiments

    report = Report(selection, settings.results)
    with OneProcessExecutor() as helper, follow(console) as listener:
        beside = helper if settings.workers else None
        run_experiments(
            selection.chosen,
            settings,
            listener,
            report=report.refresh,
            mirror=_mirror(selection, report.ledger, listener.note, beside),
            conclude=report.write,
        )
    report.restate()
    return report.verdicts


def _mirror(
    selection: Selection,
    ledger: "Ledger",
    note: Callable[[str], None],
    helper: Executor | None,
) -> "Mirror":
    from suite.tracking.mirror import Mirror

    mirror = Mirror(ledger, Path.cwd(), selection.reports, note, helper)
    mirror.prepare(models=selection.profile != "quick")
    return mirror


def run_experiment(
    experiment: Experiment | str | Path,
    profile: str = "quick",
    *,
    device: str = "auto",
    workers: int | None = None,
    results: str | Path = "results",
    reports: str | Path = "reports",
) -> "Evidence":
    """Run one experiment as `leadline run` does, and return what was measured.

    Progress goes to the standard error.

    Args:
        experiment: an Experiment, or the path of a YAML file.
        profile: quick, standard or full.
        device: auto, cpu, cuda or mps.
        workers: processes that train; one a core by default, 0 trains in this one.
        results: directory of the ledger.
        reports: where the report goes, in a folder with the experiment's name (below one with the
            profile's, unless that is standard).

    Raises:
        InputError: the experiment asks for something that cannot be.
    """
    from rich.console import Console

    from suite.installing import installed
    from suite.ledger import Ledger
    from suite.results import gather

    if not isinstance(experiment, Experiment):
        experiment = read_experiment(Path(experiment))
    selection = Selection(
        chosen=(experiment,),
        family=(experiment,),
        profile=profile,
        reports=directory_of(Path(reports), profile) / experiment.name,
    )
    # Afterwards the file can be changed and another run have its parts under the same names.
    with installed(experiment.supplied):
        check(experiment, profile)
        settings = prepare(selection, device, workers, Path(results))
        run(selection, settings, Console(stderr=True, markup=False, highlight=False))
        return gather(Ledger(settings.results), experiment, profile)
