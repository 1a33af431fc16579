"""`leadline export`: a stored network as a file for people who have no Leadline."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.cli.options import JsonOption, ResultsOption, TrialArgument
from suite.cli.printing import make_console, print_json
from suite.cli.stopping import stopping
from suite.cli.trials import open_ledger, plain_row
from suite.errors import InputError

if TYPE_CHECKING:
    from suite.exporting import Export
    from suite.ledger import Ledger

EXPORT_EXAMPLES = {
    "leadline export 3f2a": "writes model.pt2",
    "leadline export 3f2a --output nets/deep.pt2": "under a name of yours",
    "leadline export 3f2a --output nets --json": "how to load it, for machines",
}
FILE = "model.pt2"
Row = Mapping[str, Any]


def export(
    trial_id: TrialArgument,
    output: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE", help="A new file, FILE.pt2, or the folder of a model.pt2."
        ),
    ] = Path(FILE),
    results: ResultsOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Train a stored network again and write it as a file that torch alone loads.

    Exits with 1 and writes nothing where its numbers are not those stored.
    """
    from suite.repeating import find_trial

    ledger = open_ledger(results)
    row = plain_row(find_trial(ledger, trial_id))
    _check_exportable(row)
    path = _free_path(output)
    with stopping("nothing was written"):
        found = _train_again(ledger, row)
        differences = _differences(found, row)
        if not differences:
            _write(path, found, row["trial_id"])
    told = _told(path, found, row, differences)
    if as_json:
        print_json(told)
    else:
        _print_told(told, row)
    raise typer.Exit(1 if differences else 0)


def _check_exportable(row: Row) -> None:
    from suite.classical.models import CLASSICAL

    name = row["trial_id"]
    if row["network"] in CLASSICAL:
        raise InputError(name, f"is a classical model, {row['network']}, and no network")
    if row["outcome"] != "completed":
        raise InputError(name, f"{row['outcome']} in training: there is no trained network")
    if not row["reports_test"]:
        hint = "the final network of its search has a test_loss in `leadline show`"
        raise InputError(name, "is a candidate of a search, which was never tested", hint)


def _free_path(output: Path) -> Path:
    from suite.benchmark.machine import check_directory

    path = output if output.suffix and not output.is_dir() else output / FILE
    if path.exists():
        raise InputError(str(path), "is there already", "delete it or name another: --output")
    check_directory(path.parent)
    return path


def _train_again(ledger: "Ledger", row: Row) -> "Export":
    from suite.benchmark import find_device
    from suite.data.tables.registering import register_again
    from suite.exporting import export as train
    from suite.installing import installed
    from suite.schemas import to_trial

    device = find_device(str(row["kernel"]).partition("-")[2], "the stored trial")
    trial = to_trial(row)
    if text := ledger.table(trial.dataset):
        register_again(trial.dataset, text)
    with installed(ledger.supplied(trial.supplied)), _explained(row["trial_id"]):
        return train(trial, row["best_epoch"], device)


@contextmanager
def _explained(trial_id: str) -> Iterator[None]:
    """Training that comes to no end, or steps that torch cannot take down, end in a line."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        problem = str(error).partition("\n")[0]
        raise InputError(trial_id, f"cannot be made a plain module: {problem}") from error


def _differences(found: "Export", row: Row) -> list[str]:
    """Metrics that are not those stored, to the last bit; `module` if it scores otherwise."""
    from suite.schemas import METRICS

    differing = [name for name in METRICS if found.metrics.get(name) != row[name]]
    return differing or ([] if found.agrees(found.metrics) else ["module"])


def _write(path: Path, found: "Export", trial_id: str) -> None:
    from suite import parquet
    from suite.exporting import save

    with _explained(trial_id):
        content = save(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_whole(path, content)
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {error.strerror}") from error


def _told(path: Path, found: "Export", row: Row, differences: list[str]) -> dict[str, Any]:
    return {
        "trial_id": row["trial_id"],
        "same": not differences,
        "differences": differences,
        "file": None if differences else str(path),
        "load": f"torch.export.load({str(path)!r}).module()",
        "dataset": row["dataset"],
        "features": found.test_rows.shape[1],
        "dtype": str(found.test_rows.dtype),
        "takes_raw_rows": found.takes_raw,
        "outputs": found.split.outputs,
        "target_scale": found.split.target_scale,
        "metrics": dict(found.metrics),
    }


def _print_told(told: Mapping[str, Any], row: Row) -> None:
    from suite.provenance import code_hash

    console = make_console()
    if told["differences"]:
        why = "" if row["code_hash"] == code_hash() else "; it was measured by other code"
        said = f"trained again, it differs in {', '.join(told['differences'])}{why}"
        console.print(f"{told['trial_id']}: {said}; nothing was written", style="red")
        return
    console.print(f"{told['file']}: {told['trial_id']}, the same to the last bit", style="green")
    rows = "as the data set has them" if told["takes_raw_rows"] else "as the split was prepared"
    takes = f"{told['dtype'].removeprefix('torch.')} rows of {told['features']} numbers {rows}"
    console.print(f"{told['load']} takes {takes}")
