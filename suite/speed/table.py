"""Tables for the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from suite.speed.bars import Bar
from suite.speed.comparison import Comparison, Row
from suite.speed.contenders import CONTENDERS, REFERENCE
from suite.speed.scaling import Scaling
from suite.speed.work import Shape

_TITLES = (
    "contender",
    "together",
    "ms",
    "ratio",
    "over rounds",
    "GFLOP/s",
    "of sgemm",
    "loss",
)
# Seconds of compiling from which on a line tells of them.
_WORTH_SAYING = 0.5


def print_comparison(comparison: Comparison, bars: Sequence[Bar], console: Console) -> None:
    """Who takes part, every shape, what was missing or went wrong, and the bars."""
    _print_contenders(comparison, console)
    for shape, rows in comparison.shapes.items():
        console.print(_shape_table(shape, rows))
    for device, gflops in comparison.sgemm.items():
        console.print(f"sgemm of this machine ({device}): {gflops:.1f} GFLOP/s")
    probes = comparison.probes
    console.print(f"probes lengthen a fit of {probes.epochs} epochs by {probes.share:.1%}")
    _print_notes(comparison, console)
    if bars:
        console.print(_bars_table(bars))


def _print_contenders(comparison: Comparison, console: Console) -> None:
    for row in next(iter(comparison.shapes.values()), ()):
        console.print(f"{row.name}: {CONTENDERS[row.name].description}, {row.device}")
    for reason in comparison.missing.values():
        console.print(reason)


def _print_notes(comparison: Comparison, console: Console) -> None:
    for shape, rows in comparison.shapes.items():
        for row in rows:
            if row.note:
                console.print(f"{shape}: {row.name}: {row.note}")
            if row.compile_seconds >= _WORTH_SAYING:
                seconds = f"{row.compile_seconds:.1f} s to compile"
                console.print(f"{shape}: {row.name} took {seconds}, which no time above holds")
    if comparison.disturbed is not None:
        console.print(
            f"other programs took time from the core, {1 - comparison.disturbed:.0%} at worst: "
            "times are too long and shares of sgemm too low; ratios suffer less"
        )


def _shape_table(shape: Shape, rows: Sequence[Row]) -> Table:
    title = f"{shape}: ms per network and epoch; ratio = time / Leadline's"
    table = _table(title, _TITLES)
    for row in rows:
        table.add_row(
            row.name,
            str(row.together),
            f"{row.ms_per_network_epoch:.2f}",
            f"{row.ratio_to_leadline:.3g}",
            "" if row.name == REFERENCE else f"{row.ratio_low:.3g} to {row.ratio_high:.3g}",
            f"{row.gflops:.1f}",
            f"{row.share_of_sgemm:.0%}",
            "none" if row.final_loss is None else f"{row.final_loss:.3f}",
        )
    return table


def _bars_table(bars: Sequence[Bar]) -> Table:
    table = _table("bars", ("", "wanted", "measured", ""))
    for bar in bars:
        table.add_row(
            bar.subject, f"{bar.relation} {bar.wanted:g}", f"{bar.measured:.3g}", bar.verdict
        )
    return table


def print_scaling(scaling: Scaling, console: Console) -> None:
    """Every sweep with its exponent, and the thousand."""
    table = _table("how time per network and epoch grows", ("factor", "from", "to", "growth"))
    for sweep in scaling.sweeps:
        values = [point.value for point in sweep.points]
        table.add_row(sweep.factor, str(min(values)), str(max(values)), sweep.growth_text)
    console.print(table)
    thousand = scaling.thousand
    console.print(
        f"{thousand.members} networks of {thousand.shape} on {thousand.dataset}: "
        f"{thousand.peak_bytes / 2**30:.2f} GiB at most, "
        f"{thousand.networks_per_second:.1f} networks/s, "
        f"{thousand.share_of_best:.0%} of the best ({thousand.best_together} together)"
    )


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="bold"
    )
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table
