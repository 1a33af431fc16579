"""`leadline show`, `rerun` and `verify`: stored trials, one by one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from suite.cli.options import JsonOption, ResultsOption, TrialArgument, WorkersOption
from suite.cli.printing import make_console, print_json, print_table
from suite.cli.stopping import stopping
from suite.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from suite.ledger import Ledger
    from suite.repeating import Repetition

SHOW_EXAMPLES = {
    "leadline show 3f2a": "the first digits are enough",
    "leadline show 3f2a --json": "every column, for machines",
}
RERUN_EXAMPLES = {
    "leadline rerun 3f2a": "are the numbers the same?",
    "leadline rerun 3f2a --json": "exit code 1 where they differ",
}
VERIFY_EXAMPLES = {
    "leadline verify": "5 % of them, drawn anew each time",
    "leadline verify --share 1 --workers 8": "all of it",
    "leadline verify --seed 7 --json": "the same sample again",
}


def show(
    trial_id: TrialArgument, results: ResultsOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Print a stored trial's recipe and numbers."""
    from suite.repeating import find_trial

    ledger = open_ledger(results)
    row = plain_row(find_trial(ledger, trial_id))
    if as_json:
        print_json(row)
        return
    if row["supplied"]:
        path = ledger.supplied_path(row["supplied"])
        row["supplied"] = f"{path}{'' if path.is_file() else ', which is missing'}"
    for title, names in _sections(row).items():
        print_table(title, [(name, str(row[name])) for name in names])
    make_console().print(_asked_for(ledger, row["trial_id"]), style="dim")


def _sections(row: dict[str, Any]) -> dict[str, list[str]]:
    """Names of what is given, by what they tell of the trial; the last is where it comes from."""
    from suite.schemas import METRICS
    from suite.trial import FIELDS

    given = [name for name, value in row.items() if value not in (None, "") and name != "trial_id"]
    measured = (*METRICS, "generalization_gap")
    ended = ("outcome", "error", "epochs_trained", "best_epoch", "parameters", "flops", "seconds")
    sections = {
        row["trial_id"]: [name for name in ended if name in given],
        "numbers": [name for name in measured if name in given],
        "recipe": [name for name in FIELDS if name in given],
    }
    told = {name for names in sections.values() for name in names}
    return {**sections, "measured by": [name for name in given if name not in told]}


def _asked_for(ledger: "Ledger", trial_id: str) -> str:
    """Which experiments wanted the trial, and how to train it again."""
    plan = ledger.plan()
    asked = plan.loc[plan["trial_id"] == trial_id, ["experiment", "profile", "stage"]]
    places = [f"{e} ({p}, {s})" for e, p, s in asked.drop_duplicates().itertuples(index=False)]
    return f"asked for by {', '.join(places) or 'nothing'}; leadline rerun {trial_id[:8]}"


def plain_row(row: "pd.Series") -> dict[str, Any]:
    """A stored trial's row as plain values, None where there is none."""
    import pandas as pd

    return {
        str(name): None if pd.isna(value) else getattr(value, "item", lambda v=value: v)()
        for name, value in row.items()
    }


def open_ledger(results: Path) -> "Ledger":
    """What is stored.

    Raises:
        InputError: nothing is.
    """
    from suite.ledger import Ledger

    if not results.is_dir():
        raise InputError(f"{results}/", "holds no results yet", "run an experiment first")
    return Ledger(results)


def rerun(
    trial_id: TrialArgument, results: ResultsOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Train a stored trial again, alone, and say whether the numbers are the same.

    Exits with 1 where they are not.
    """
    from suite.repeating import find_trial

    ledger = open_ledger(results)
    rows = find_trial(ledger, trial_id).to_frame().T
    with stopping("nothing was changed"):
        repetition = _repeat(ledger, rows, workers=1)[0]
    if as_json:
        print_json(_as_json(repetition))
    else:
        _print_repetition(repetition)
    raise typer.Exit(1 if repetition.differences else 0)


def _as_json(repetition: "Repetition") -> dict[str, Any]:
    from suite.provenance import code_hash

    now = dict(repetition.outcome.metrics)
    return {
        "trial_id": repetition.trial.id,
        "outcome": repetition.outcome.outcome,
        "same": not repetition.differences,
        "differences": list(repetition.differences),
        "same_code": repetition.stored["code_hash"] == code_hash(),
        "stored": {name: repetition.stored[name] for name in now},
        "now": now,
    }


def _print_repetition(repetition: "Repetition") -> None:
    from suite.provenance import code_hash

    console = make_console()
    for name, value in repetition.outcome.metrics.items():
        mark = "differs from" if name in repetition.differences else "same as"
        console.print(f"{name:22} {value!r} {mark} {repetition.stored[name]!r}")
    word = "the same to the last bit"
    if repetition.differences:
        word = f"differs in {', '.join(repetition.differences)}"
        if repetition.stored["code_hash"] != code_hash():
            word += "; it was measured by other code"
    console.print(
        f"{repetition.trial.id}: {repetition.outcome.outcome}, {word}",
        style="red" if repetition.differences else "green",
    )


def _repeat(ledger: "Ledger", rows: "pd.DataFrame", workers: int) -> "list[Repetition]":
    from contextlib import closing

    from suite.benchmark import find_device
    from suite.execution.local import ProcessExecutor
    from suite.repeating import repeat

    device = find_device(str(rows["kernel"].iloc[0]).partition("-")[2], "the stored trial")
    with closing(ProcessExecutor(workers, device)) as executor:
        return repeat(ledger, rows, executor, workers)


def verify(
    share: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Share of the stored trials.")
    ] = 0.05,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of the sample; random by default.")
    ] = None,
    workers: WorkersOption = None,
    results: ResultsOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Train a random sample of stored trials again, in fresh processes, and compare every bit.

    Exits with 1 where any number differs.
    """
    import secrets

    from suite.repeating import sample_rows

    seed = secrets.randbelow(10**6) if seed is None else seed
    ledger = open_ledger(results)
    sample = sample_rows(ledger, share, seed)
    with stopping("nothing was changed"):
        repetitions = _repeat_all(ledger, sample, workers)
    differing = {r.trial.id: list(r.differences) for r in repetitions if r.differences}
    same = len(repetitions) - len(differing)
    if as_json:
        print_json({"seed": seed, "trials": len(repetitions), "same": same, "differing": differing})
    else:
        _print_differing(differing, same, len(repetitions), seed)
    raise typer.Exit(1 if differing else 0)


def _repeat_all(
    ledger: "Ledger", sample: "pd.DataFrame", workers: int | None
) -> "list[Repetition]":
    from suite.benchmark import default_workers

    count = default_workers() if workers is None else max(1, workers)
    # Only a terminal sees it, and nothing of it stays.
    with make_console(stderr=True).status(f"training {len(sample)} stored trials again"):
        groups = [rows for _, rows in sample.groupby("kernel")]
        return [repetition for rows in groups for repetition in _repeat(ledger, rows, count)]


def _print_differing(differing: dict[str, list[str]], same: int, trials: int, seed: int) -> None:
    console = make_console()
    for trial_id, names in differing.items():
        console.print(f"{trial_id} differs in {', '.join(names)}", style="red")
    console.print(
        f"{same} of {trials} trials have the same bits (sample seed {seed})",
        style="red" if differing else "green",
    )
