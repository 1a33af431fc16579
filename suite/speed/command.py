"""`leadline speed`: measure, print, write."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from suite import __version__
from suite.figures.drawing import Drawing, csv, render
from suite.provenance import code_hash, machine
from suite.provenance import versions as numeric_versions
from suite.report import files
from suite.speed.bars import judge
from suite.speed.comparing import compare
from suite.speed.contenders import enter, versions
from suite.speed.pictures import draw_comparison, draw_scaling
from suite.speed.scaling import measure_scaling
from suite.speed.table import print_comparison, print_scaling
from suite.speed.work import SHAPES, Shape, Work, make_work


def run_comparison(
    names: Sequence[str],
    *,
    device: str,
    rounds: int,
    epochs: int,
    output: Path,
    console: Console,
    work: Work | None = None,
    shapes: Sequence[Shape] = SHAPES,
) -> bool:
    """Compare Leadline with others; write speed.json and its figure.

    Args:
        names: of contenders; all of them where empty.
        device: cpu, cuda or mps.
        rounds: timed laps of each contender.
        epochs: epochs in each lap.
        output: directory of the files.
        console: where the tables go.
        work: the data; the benchmark's own by default.
        shapes: of the networks.

    Returns:
        Whether all contenders reached the same loss.

    Raises:
        InputError: an unknown contender.
    """
    entrants, missing = enter(names, device)
    for reason in missing.values():
        console.print(reason)
    comparison = compare(
        entrants,
        missing,
        work or make_work(),
        shapes,
        rounds=rounds,
        epochs=epochs,
        note=console.print,
    )
    bars = judge(comparison)
    content = comparison.content() | {"bars": [asdict(bar) for bar in bars]}
    _write(output, "speed", content | _provenance(versions(entrants)), draw_comparison(comparison))
    print_comparison(comparison, bars, console)
    if not comparison.same_loss:
        console.print("the contenders did not reach the same loss: these times compare nothing")
    console.print(f"written: {output / 'speed.json'}, .svg, .png, .csv")
    return comparison.same_loss


def run_scaling(*, device: str, cores: int, rounds: int, output: Path, console: Console) -> None:
    """Measure how Leadline's time grows; write scaling.json and its figure.

    Args:
        device: cpu, cuda or mps.
        cores: most worker processes.
        rounds: timed laps of each point.
        output: directory of the files.
        console: where the tables go.
    """
    scaling = measure_scaling(device, cores, rounds, note=console.print)
    _write(output, "scaling", scaling.content() | _provenance({}), draw_scaling(scaling))
    print_scaling(scaling, console)
    console.print(f"written: {output / 'scaling.json'}, .svg, .png, .csv")


def _provenance(more: dict[str, str]) -> dict[str, Any]:
    return {
        "machine": machine(),
        "leadline_version": __version__,
        "code_hash": code_hash(),
        "versions": {"python": platform.python_version(), **numeric_versions(), **more},
    }


def _write(output: Path, stem: str, content: dict[str, Any], drawing: Drawing) -> None:
    pictures = render(drawing)
    files.write(output / f"{stem}.svg", pictures.svg)
    files.write(output / f"{stem}.png", pictures.png)
    files.write(output / f"{stem}.csv", csv(drawing))
    files.write_json(output / f"{stem}.json", content)
