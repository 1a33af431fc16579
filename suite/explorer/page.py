"""The explorer's files: a page, what it draws with, and the data it draws."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from suite.experiment import Level
from suite.explorer import networks
from suite.explorer.points import training_points
from suite.figures.words import counted, described, factor_name, level_name
from suite.metrics import FAILURES
from suite.pictures import GRID, REACH
from suite.report import files, site
from suite.results import Evidence

NAME = "explorer"
_HERE = Path(__file__).parent
_LIBRARIES = ("d3.min.js", "plot.umd.min.js")
_SCRIPTS = ("state.js", "charts.js", "page.js")
_LICENSES = "LICENSES.txt"
_SUFFIXES = (".js", ".txt")

# What the page opens with, as far as it was measured, and pairs that are worth a look.
Setting = Mapping[str, Level]
START: Setting = {
    "dataset": "spirals",
    "depth": 4,
    "width": 16,
    "activation": "relu",
    "initializer": "xavier",
    "regularizer": "none",
}
EXAMPLES: Sequence[tuple[str, Setting, Setting]] = (
    ("Four layers against one", {}, {"depth": 1}),
    ("82 parameters: four narrow layers against a wide one", {"width": 4}, {"depth": 1}),
    (
        "Depth on a checkerboard",
        {"dataset": "checkerboard"},
        {"dataset": "checkerboard", "depth": 1},
    ),
    (
        "Eight layers of sigmoids against eight of ReLUs",
        {"dataset": "circles", "depth": 8, "activation": "sigmoid"},
        {"dataset": "circles", "depth": 8},
    ),
    (
        "Small random weights against Xavier",
        {"dataset": "moons", "activation": "tanh", "initializer": "small_normal"},
        {"dataset": "moons", "activation": "tanh"},
    ),
    ("An L2 penalty on eight layers", {"depth": 8, "regularizer": "l2_0.003"}, {"depth": 8}),
)


@dataclass(frozen=True, slots=True)
class Control:
    """A factor as the page lets a reader choose it.

    Attributes:
        name: of the factor.
        label: in plain words.
        slider: whether its levels are ordered numbers.
        levels: as text, which is what addresses and keys have.
        labels: the levels in plain words.
        start: the index of the level that the page opens with.
    """

    name: str
    label: str
    slider: bool
    levels: tuple[str, ...]
    labels: tuple[str, ...]
    start: int


def write(evidence: Evidence, directory: Path) -> Path | None:
    """Write the explorer's page and its folder into `directory`.

    Args:
        evidence: of the experiment `explorer`, whose factors become the page's controls.
        directory: of the report.

    Returns:
        The page; None if nothing was measured, and then no page of before stays.
    """
    page, place = directory / f"{NAME}.html", directory / NAME
    if not evidence.trials["outcome"].isin(("completed", *FAILURES)).any():
        page.unlink(missing_ok=True)
        files.remove_others(place, (), _SUFFIXES)
        return None
    controls = tuple(_controls(evidence))
    data = {name: text.encode() for name, text in _data(evidence, controls)}
    copied = (*_LIBRARIES, *_SCRIPTS, _LICENSES)
    contents = {name: (_HERE / "assets" / name).read_bytes() for name in copied} | data
    for name, content in contents.items():
        files.write(place / name, content)
    files.remove_others(place, contents, _SUFFIXES)
    files.write(page, _page(evidence, controls, list(data)).encode())
    return page


def _controls(evidence: Evidence) -> Iterator[Control]:
    for name, levels in networks.factors(evidence).items():
        slider = len(levels) > 1 and all(isinstance(level, int | float) for level in levels)
        start = START.get(name)
        yield Control(
            name=name,
            label=factor_name(name).capitalize(),
            slider=slider,
            levels=tuple(map(str, levels)),
            labels=tuple(level_name(name, level) for level in levels),
            start=levels.index(start) if start in levels else len(levels) - 1 if slider else 0,
        )


def _data(evidence: Evidence, controls: Sequence[Control]) -> Iterator[tuple[str, str]]:
    """Names and texts of the data files: classic scripts that fill one global."""
    index = {
        "factors": [
            {"name": c.name, "label": c.label, "levels": c.levels, "labels": c.labels}
            for c in controls
        ],
        "start": [control.start for control in controls],
        "epochs": networks.epochs(evidence),
        "grid": GRID,
        "reach": REACH,
        "signs": networks.SIGNS,
        "points": training_points(evidence),
        "settings": {},
    }
    lines = (f"{_json(name)}:{_json(part)}" for name, part in index.items())
    yield "data.js", "globalThis.explorerData = {\n" + ",\n".join(lines) + "\n};\n"
    for number, (dataset, settings) in enumerate(networks.settings(evidence).items(), start=1):
        lines = (f"{_json(name)}:{_json(setting)}" for name, setting in settings.items())
        head = f"explorerData.settings[{_json(dataset)}] = {{\n"
        yield f"data_{number}.js", head + ",\n".join(lines) + "\n};\n"


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _page(evidence: Evidence, controls: Sequence[Control], data: Sequence[str]) -> str:
    outcomes = evidence.trials["outcome"]
    context = {
        "root": "",
        "navigation": site.navigation("", Path(f"{NAME}.html")),
        "scripts": [*_LIBRARIES, *data, *_SCRIPTS],
        "controls": controls,
        "examples": list(_examples(controls)),
        "held": _held(evidence),
        "networks": counted(int(outcomes.notna().sum()), "network"),
        "missing": counted(int(outcomes.isna().sum()), "network"),
        "is_whole": evidence.complete,
        "seeds": int(evidence.trials["split"].nunique()),
        "profile": evidence.profile,
    }
    return _environment().get_template("explorer.html.j2").render(context)


def _environment() -> Environment:
    """That of all pages, which knows our templates, too."""
    pages, ours = site.environment(), FileSystemLoader(_HERE / "templates", encoding="utf-8")
    return pages.overlay(loader=ChoiceLoader([ours, *([pages.loader] if pages.loader else [])]))


def _held(evidence: Evidence) -> list[str]:
    """What all the networks have in common, in words."""
    hold = evidence.experiment.at(evidence.profile).hold
    return [described(name, levels[0]) for name, levels in hold.items() if name != "dataset"]


def _examples(controls: Sequence[Control]) -> Iterator[tuple[str, str]]:
    """Titles and addresses of those pairs whose every level was measured."""
    for title, *pair in EXAMPLES:
        shown, pinned = ({**START, **changes} for changes in pair)
        if _is_measured(shown, controls) and _is_measured(pinned, controls):
            yield title, "#" + urlencode({**shown, **{f"pinned.{n}": v for n, v in pinned.items()}})


def _is_measured(setting: Setting, controls: Sequence[Control]) -> bool:
    levels = {control.name: control.levels for control in controls}
    return setting.keys() == levels.keys() and all(str(setting[n]) in levels[n] for n in levels)
