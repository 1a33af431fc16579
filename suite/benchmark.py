"""The whole way: experiments chosen, run, mirrored, judged and reported."""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import InputError, unknown
from suite.experiment import Experiment
from suite.reading import read_experiment, read_settings, with_parts, with_settings
from suite.supplied import read_supplied

if TYPE_CHECKING:
    from rich.console import Console

    from suite.ledger import Ledger
    from suite.report.shown import Shown
    from suite.results import Evidence


DIRECTORY = Path("experiments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to run, and what the report is about.

    Attributes:
        chosen: experiments to run.
        family: experiments in the report; their claims are corrected for together.
        profile: quick, standard or full.
        reports: directory of the report.
        confirmatory: whether the report may speak verdicts.
    """

    chosen: tuple[Experiment, ...]
    family: tuple[Experiment, ...]
    profile: str
    reports: Path
    confirmatory: bool = True


def select(
    names: Sequence[str],
    settings: Sequence[str],
    profile: str,
    reports: Path,
    parts: Path | None = None,
) -> Selection:
    """Find and check the named experiments; all of experiments/ where none is named.

    Their own parts are installed for as long as the process lives.

    Args:
        names: experiments by name, or YAML files.
        settings: KEY=VALUE texts that replace values.
        profile: quick, standard or full.
        reports: directory of the report.
        parts: a Python file of parts for the experiments to run that name none.

    Raises:
        InputError: an experiment is not there, or says something that cannot be.
    """
    registered = _by_name(sorted(DIRECTORY.rglob("*.yaml")))
    named = _by_name([_path(name, registered) for name in names])
    paths = list((named or registered).values())
    if not paths:
        raise InputError(f"{DIRECTORY}/", "holds no experiment here", "name a YAML file")
    inside = {path.resolve() for path in registered.values()}
    own = [path for path in paths if path.resolve() not in inside]
    family = [read_experiment(path) for path in (paths if own else registered.values())]
    if parts is not None:
        supplied = read_supplied(parts)
        family = [with_parts(e, supplied) if Path(e.path) in {*paths} else e for e in family]
    chosen = [e for e in family if Path(e.path) in {*paths}]
    directory = _directory(reports, profile)
    if own:
        directory = directory / own[0].stem
    if settings:
        values = read_settings(settings)
        chosen = family = [with_settings(e, profile, values) for e in chosen]
        directory = reports / "exploratory"
    for experiment in family:
        _check(experiment, profile)
    return Selection(
        chosen=tuple(chosen),
        family=tuple(family),
        profile=profile,
        reports=directory,
        confirmatory=not settings,
    )


def _directory(reports: Path, profile: str) -> Path:
    """Only `standard` writes into the directory itself."""
    return reports if profile == "standard" else reports / profile


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by the names of their experiments, which no two share."""
    found: dict[str, Path] = {}
    for path in paths:
        other = found.setdefault(path.stem, path)
        if other != path:
            raise InputError(str(path), f"{other} has the same name; rename one of them")
    return found


def _path(name: str, registered: Mapping[str, Path]) -> Path:
    if name in registered:
        return registered[name]
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if path.stem in registered and path.resolve() != registered[path.stem].resolve():
            raise InputError(name, f"experiments/ has an experiment {path.stem!r}; rename the file")
        return next((p for p in registered.values() if p.resolve() == path.resolve()), path)
    raise unknown("run", "experiment", name, registered)


def _check(experiment: Experiment, profile: str) -> None:
    if profile not in experiment.profiles:
        place = f"{experiment.path}: profiles"
        raise unknown(place, "profile", profile, experiment.profiles)
    # These know the parts and so import torch; files that are wrong in themselves fail before.
    from suite.figures.catalogue import FIGURES
    from suite.installing import install
    from suite.metrics import METRICS
    from suite.planning import check_names, check_recipes
    from suite.trying import try_parts
    from suite.tuning.checking import check_search

    if experiment.supplied is not None:
        install(experiment.supplied)
    check_names(experiment, METRICS, FIGURES)
    try_parts(experiment, profile)
    check_recipes(experiment, profile)
    check_search(experiment, profile)


def default_workers(device: str = "cpu") -> int:
    """One process a core that we may use; one for a GPU, which is shared badly."""
    if device != "cpu":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    selection: Selection,
    *,
    device: str,
    workers: int | None,
    results: Path,
    console: "Console",
    dry_run: bool = False,
) -> None:
    """Run the chosen experiments, mirror them to MLflow and write the report."""
    from suite.progress import LiveListener, PlainListener
    from suite.running import Settings, run_experiments

    device = find_device(device)
    workers = default_workers(device) if workers is None else workers
    for directory in (results, selection.reports):
        check_directory(directory)
    _print_warnings(selection)
    if dry_run:
        _print_plan(selection, workers, console)
        return
    settings = Settings(profile=selection.profile, device=device, workers=workers, results=results)
    listener = (LiveListener if console.is_terminal else PlainListener)(console, workers)
    report = Report(selection, results)
    try:
        run_experiments(
            selection.chosen,
            settings,
            listener,
            report=report.refresh,
            mirror=lambda experiment: _mirror(selection, experiment, report.ledger, listener.note),
            conclude=report.write,
        )
    finally:
        listener.close()
    report.restate()
    _print_verdicts(report.verdicts, console)
    console.print(f"report: {selection.reports / 'index.html'}", highlight=False)


# Between two writings of the report, so many times what the last one took.
TRAINING_BETWEEN = 10


class Report:
    """The report of a selection; figures of experiments that stand are not drawn again."""

    def __init__(self, selection: Selection, results: Path) -> None:
        from suite.ledger import Ledger

        self.selection = selection
        # One for the report and the mirror, which ask it again after every experiment.
        self.ledger = Ledger(results)
        self.verdicts: list[dict[str, Any]] = []
        self._evidences: list[Evidence] = []
        self._drawn: dict[str, tuple[Shown, ...]] = {}
        self._due = -math.inf

    def refresh(self, experiment: Experiment) -> None:
        """Write the report anew after an experiment has run, unless that was done just before."""
        self._drawn.pop(experiment.name, None)
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Judge, draw and write what the results hold now."""
        start = time.monotonic()
        self._write()
        # Whoever waits for the report wants it fresh; whoever waits for its networks does not.
        self._due = time.monotonic() + TRAINING_BETWEEN * (time.monotonic() - start)

    def _write(self) -> None:
        from suite.provenance import code_hash
        from suite.report.shown import draw_figures
        from suite.results import gather_all
        from suite.sensitivity import with_half_budget
        from suite.verdicts import judge

        chosen = self.selection
        self._evidences = gather_all(self.ledger, chosen.family, chosen.profile)
        judged = partial(
            judge,
            confirmatory=chosen.confirmatory,
            code=code_hash(),
            data=_data_hashes(self._evidences),
        )
        self.verdicts = with_half_budget(judged, self._evidences)
        for evidence in self._evidences:
            name = evidence.experiment.name
            if name not in self._drawn:
                with _writing(chosen.reports):
                    self._drawn[name] = draw_figures(evidence, chosen.reports)
        self.restate()

    def restate(self) -> None:
        """Write the pages again with the times that are booked by now."""
        from suite.report.build import build
        from suite.report.facts import run_facts

        chosen = self.selection
        facts = run_facts(self.ledger, self._evidences, chosen.profile)
        with _writing(chosen.reports):
            build(self._evidences, self.verdicts, facts, chosen.reports, drawn=self._drawn)


def _data_hashes(evidences: Sequence["Evidence"]) -> dict[str, str]:
    """Hashes of the data sets that were measured, but for those that a report must not fetch."""
    from suite.data.cards import CARDS
    from suite.data.loading import data_hash

    names = {str(name) for evidence in evidences for name in evidence.trials["dataset"]}
    return {name: data_hash(name) for name in sorted(names) if not CARDS[name].downloaded}


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Those without a number are not the system's, such as Jinja's for a missing template.
        if error.errno is None:
            raise
        problem = f"cannot be written: {error.strerror}"
        raise InputError(f"{directory}/", problem, "what was measured is stored") from error


def _mirror(
    selection: Selection, experiment: Experiment, ledger: "Ledger", note: Callable[[str], None]
) -> None:
    from suite.tracking.mirror import mirror

    mirror(ledger, experiment, Path.cwd(), selection.reports, note)


def _print_verdicts(verdicts: Sequence[Mapping[str, Any]], console: "Console") -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in ("claim", "verdict", "effect", "interval", "seeds"):
        table.add_column(title, no_wrap=True)
    for row in verdicts:
        table.add_row(
            row["claim"],
            row["verdict"] or "preview",
            _number(row["effect"]),
            " to ".join(_number(bound) for bound in row["interval"] or ()),
            str(row["seeds"] or ""),
        )
    console.print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def run_experiment(
    experiment: Experiment,
    profile: str = "quick",
    *,
    device: str = "auto",
    workers: int | None = None,
    results: Path = Path("results"),
    reports: Path = Path("reports"),
) -> "Evidence":
    """Run one experiment as `leadline run` does, and return what was measured.

    Args:
        experiment: as `read_experiment` or `build_experiment` makes it.
        profile: quick, standard or full.
        device: auto, cpu, cuda or mps.
        workers: processes that train; one a core by default.
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

    selection = Selection(
        chosen=(experiment,),
        family=(experiment,),
        profile=profile,
        reports=_directory(reports, profile) / experiment.name,
    )
    console = Console(stderr=True)
    # Afterwards the file can be changed and another run have its parts under the same names.
    with installed(experiment.supplied):
        _check(experiment, profile)
        run(selection, device=device, workers=workers, results=results, console=console)
        return gather(Ledger(results), experiment, profile)


def check_directory(directory: Path) -> None:
    """Raise InputError where no file can be put: better now than after the training."""
    there = next(p for p in (directory, *directory.parents) if os.access(p, os.F_OK))
    if not there.is_dir():
        raise InputError(str(directory), f"{there} is no directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(str(directory), f"you may not write into {there}/")


def find_device(name: str, place: str = "--device") -> str:
    """The name of the device that trains.

    Raises:
        InputError: this machine does not have it; `place` is where it was asked for.
    """
    from suite.training.devices import choose_device

    try:
        return choose_device(name).type
    except ValueError as error:
        raise InputError(place, str(error)) from None


def _print_warnings(selection: Selection) -> None:
    """What a reader should know of the data, once for each set that is used."""
    from suite.data.cards import CARDS

    named = (name for e in selection.chosen for name in e.at(selection.profile).datasets)
    for name in dict.fromkeys(named):
        for warning in CARDS[name].warnings:
            sys.stderr.write(f"{name}: {warning}\n")


def _print_plan(selection: Selection, workers: int, console: "Console") -> None:
    from suite.planning import group, memory_bytes
    from suite.tuning.studies import DesignSource

    for experiment in selection.chosen:
        design = experiment.at(selection.profile)
        requests = DesignSource(design).preview()
        cohorts = group([r.trial for r in requests], design.probes, max(1, workers))
        minutes = sum(cohort.cost for cohort in cohorts) / max(1, workers) / 60
        console.print(
            f"{experiment.name}: {len(requests)} networks in {len(cohorts)} cohorts, about "
            f"{minutes:.1f} minutes on {workers} workers, "
            f"{memory_bytes(cohorts, max(1, workers)) / 2**20:.0f} MiB",
            highlight=False,
        )
    console.print("what is stored already is not trained again; nothing was written")
