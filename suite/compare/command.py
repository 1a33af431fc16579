"""`leadline compare`: read, plan, run, judge, write, print."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from suite.benchmark import check_directory
from suite.compare.folder import RESULTS, SAMPLE, VERDICT, check_folder, claim_folder, writing
from suite.compare.growth import Growth, grow
from suite.compare.learning import LearningSource, plan_learning
from suite.compare.page import Content, write_page
from suite.compare.plan import MARGINS, PROFILE, Effort, plan, score_of
from suite.compare.printing import command_text, facts, print_verdict
from suite.compare.scores import measure
from suite.compare.sentences import cautions, next_steps, sentence
from suite.compare.table import MOST_ROWS, Table, read, read_spec_of
from suite.compare.verdict import as_json, judge
from suite.experiment import Experiment
from suite.ledger import Ledger
from suite.progress import follow
from suite.report import files
from suite.results import Evidence, gather
from suite.running import Foreseen, Settings, design_source, run_experiments


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asks for.

    Attributes:
        table: the mapping of file, target and so on that a data set of one's own has.
        output: where page, figures, numbers and measurements go.
        effort: how much is trained.
        rows: the most that are used.
        margin: the smallest difference of interest; the metric's usual one where it is None.
        device: cpu, cuda or mps.
        track: whether runs go to MLflow too.
    """

    table: Mapping[str, Any]
    output: Path
    effort: Effort
    rows: int = MOST_ROWS
    margin: float | None = None
    device: str = "cpu"
    track: bool = False

    @property
    def results(self) -> Path:
        """Directory of the ledger."""
        return self.output / RESULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The comparison, and the experiment on fewer rows where there are enough for one."""

    main: Experiment
    learning: Experiment | None

    @property
    def experiments(self) -> list[Experiment]:
        """In the order in which they run."""
        return [self.main] if self.learning is None else [self.main, self.learning]


def compare(request: Request, console: Console, as_text: bool = True) -> dict[str, Any]:
    """Compare contenders on the user's table and write what was found.

    What an earlier, perhaps interrupted, comparison of the same table in the same place has
    trained is not trained again.

    Args:
        request: what is asked for.
        console: where progress and the verdict go.
        as_text: whether the verdict is printed.

    Returns:
        The content of verdict.json.

    Raises:
        InputError: the table cannot be learned from, or the output is not free.
    """
    spec = read_spec_of(request.table)
    check_directory(request.output)
    check_folder(request.output)
    table = read(spec, request.rows, request.output / SAMPLE)
    claim_folder(request.output, table)
    for warning in table.warnings:
        sys.stderr.write(f"{spec.file.name}: {warning}\n")
    main = plan(table, request.effort)
    planned = Plan(main=main, learning=plan_learning(table, main))
    _run(request, planned, console)
    content = _conclude(request, table, planned)
    found = as_json(content.verdict, table, content.sentence, content.said, content.code)
    with writing(request.output):
        page = write_page(content, request.output)
        files.write_json(request.output / VERDICT, found)
    if as_text:
        print_verdict(content.verdict, content.sentence, console)
        console.print(f"page: {page}")
    return found


def _run(request: Request, planned: Plan, console: Console) -> None:
    workers = request.effort.workers
    settings = Settings(
        profile=PROFILE, device=request.device, workers=workers, results=request.results
    )
    with follow(console) as listener:
        run_experiments(
            planned.experiments,
            settings,
            listener,
            report=lambda _: None,
            mirror=partial(_mirror, request, listener.note),
            source_of=partial(_source, planned, request.results),
        )


def _source(planned: Plan, results: Path, experiment: Experiment, profile: str) -> Foreseen:
    if experiment is planned.learning:
        return LearningSource(planned.main, experiment, results)
    return design_source(experiment, profile)


def _mirror(request: Request, note: Any, experiment: Experiment) -> None:
    if request.track:
        from suite.tracking.mirror import mirror

        mirror(Ledger(request.results), experiment, Path.cwd(), None, note)


def _conclude(request: Request, table: Table, planned: Plan) -> Content:
    metric, why = score_of(table)
    evidence = gather(Ledger(request.results), planned.main, PROFILE)
    measured = measure(evidence, metric)
    margin = MARGINS[metric] if request.margin is None else request.margin
    verdict = judge(measured, margin)
    growth = _growth(request, table, planned, evidence, metric)
    return Content(
        table=table,
        evidence=evidence,
        measured=measured,
        verdict=verdict,
        growth=growth,
        why=why,
        sentence=sentence(verdict),
        cautions=cautions(verdict, measured, table),
        steps=next_steps(verdict, table, growth),
        facts=facts(table, planned.main, request.device),
        command=command_text(_options(request, table)),
    )


def _growth(
    request: Request, table: Table, planned: Plan, evidence: Evidence, metric: str
) -> Growth | None:
    if planned.learning is None:
        return None
    found = gather(Ledger(request.results), planned.learning, PROFILE)
    return grow(found, evidence, metric, table.card.train_samples)


def _options(request: Request, table: Table) -> dict[str, Any]:
    spec, effort = table.spec, request.effort
    return {
        "file": spec.file,
        "target": spec.target,
        "output": request.output,
        "task": spec.task,
        "group": spec.group,
        "time": spec.time,
        "drop": spec.drop,
        "separator": spec.separator,
        "rows": None if request.rows == MOST_ROWS else request.rows,
        "margin": request.margin,
        "seeds": effort.seeds,
        "trials": effort.trials,
        "minutes": None if effort.minutes == Effort().minutes else effort.minutes,
    }
