"""Which experiments to run, found by name or file and checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InputError, unknown
from suite.experiment import Experiment
from suite.reading import read_experiment, read_settings, with_parts, with_settings
from suite.supplied import read_supplied

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
        options: what else of the command made the experiments what they are.
    """

    chosen: tuple[Experiment, ...]
    family: tuple[Experiment, ...]
    profile: str
    reports: Path
    confirmatory: bool = True
    options: tuple[str, ...] = ()


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
    directory = directory_of(reports, profile)
    if own:
        directory = directory / own[0].stem
    if settings:
        values = read_settings(settings)
        chosen = family = [with_settings(e, profile, values) for e in chosen]
        directory = reports / "exploratory"
    for experiment in family:
        check(experiment, profile)
    return Selection(
        chosen=tuple(chosen),
        family=tuple(family),
        profile=profile,
        reports=directory,
        confirmatory=not settings,
        options=_options(settings, parts),
    )


def _options(settings: Sequence[str], parts: Path | None) -> tuple[str, ...]:
    """'--set', 'epochs=3', '--parts', 'mine.py'; where a file lies is of one machine alone."""
    words = [word for setting in settings for word in ("--set", setting)]
    if parts is not None:
        words += ["--parts", parts.name if parts.is_absolute() else parts.as_posix()]
    return tuple(words)


def directory_of(reports: Path, profile: str) -> Path:
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


def check(experiment: Experiment, profile: str) -> None:
    """Check every name, part and recipe of an experiment at a profile.

    Raises:
        InputError: something in it cannot be.
    """
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
