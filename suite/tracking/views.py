"""How MLflow's pages open: the runs table's saved views, and links to them."""

import base64
import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.experiment import Experiment
from suite.tracking.design import ShownDesign, shown_design
from suite.tracking.notes import NOTE_TAG, experiment_note

# Without it the page opens in the mode for language models.
KIND_TAG = "mlflow.experimentKind"
KIND = "custom_model_development"

LEADERBOARD, BY_DEPTH, FAILURES = VIEWS = ("Leaderboard", "By depth", "Failures")

# The leaderboard is sorted by the first of these that the trials have.
SCORES = ("test_accuracy", "test_r2", "test_loss")


@dataclass(frozen=True, slots=True)
class View:
    """A view of the runs table.

    Attributes:
        title: what it is called.
        shows: filter in MLflow's language.
        order: column to sort by.
        ascending: whether the lowest comes first.
        columns: in their order.
    """

    title: str
    shows: str
    order: str
    ascending: bool
    columns: tuple[str, ...]


def view_key(title: str) -> str:
    """A view's name in addresses."""
    return title.lower().replace(" ", "_")


def view_tag(title: str) -> str:
    """The experiment's tag that keeps a view."""
    return f"mlflow.sharedViewState.{view_key(title)}"


def ui_link(address: str, experiment_id: str, view: str = "leaderboard") -> str:
    """Address of an experiment's runs table, opened in a saved view."""
    query = f"viewStateShareKey={view}&workflowType=machine_learning"
    return f"{address}/#/experiments/{experiment_id}/runs?{query}"


def experiment_tags(
    experiment: Experiment,
    measured: Collection[str],
    experiment_id: str,
    page: Path | None = None,
) -> dict[str, str]:
    """Tags of an experiment that make its page readable.

    Args:
        experiment: the experiment.
        measured: names of the final metrics that its trials have.
        experiment_id: MLflow's, for links from one view to another.
        page: the report's page on it.
    """
    views = saved_views(experiment, measured)
    links = {view.title: ui_link("", experiment_id, view_key(view.title))[1:] for view in views}
    return {
        NOTE_TAG: experiment_note(experiment, links, page),
        KIND_TAG: KIND,
        **{view_tag(view.title): packed(view) for view in views},
    }


def saved_views(experiment: Experiment, measured: Collection[str]) -> tuple[View, ...]:
    """The best first; by depth where that varies; and what went wrong."""
    scores = [name for name in SCORES if name in measured]
    design = shown_design(experiment)
    by_depth = (_by_depth(experiment, design, scores),) if "depth" in experiment.vary else ()
    return (
        _leaderboard(experiment, design, scores),
        *by_depth,
        _failures(experiment, design),
    )


def _leaderboard(experiment: Experiment, design: ShownDesign, scores: Sequence[str]) -> View:
    order = scores[0] if scores else "seconds"
    return View(
        title=LEADERBOARD,
        shows='tags.stage = "final"',
        order=_metric(order),
        ascending=not scores or order == "test_loss",
        columns=(
            *map(_metric, scores[:1]),
            *_recipe(experiment, design),
            *map(_metric, (*scores[1:], "generalization_gap", "seconds")),
            _tag("outcome"),
        ),
    )


def _by_depth(experiment: Experiment, design: ShownDesign, scores: Sequence[str]) -> View:
    recipe = [column for column in _recipe(experiment, design) if column != _param("depth")]
    return View(
        title=BY_DEPTH,
        shows='tags.stage = "final"',
        order=_metric("depth"),
        ascending=False,
        columns=(
            _metric("depth"),
            *map(_metric, (*scores, "generalization_gap")),
            *recipe,
            *map(_metric, ("parameters", "seconds")),
            _tag("outcome"),
        ),
    )


def _failures(experiment: Experiment, design: ShownDesign) -> View:
    return View(
        title=FAILURES,
        shows='tags.outcome != "completed"',
        order=_metric("epochs_trained"),
        ascending=True,
        columns=(
            _tag("outcome"),
            _tag("stage"),
            *_recipe(experiment, design),
            *map(_metric, ("epochs_trained", "validation_loss", "seconds")),
        ),
    )


def _recipe(experiment: Experiment, design: ShownDesign) -> list[str]:
    names = [*experiment.vary, *design.searched, "split"]
    if "dataset" not in experiment.vary and len(experiment.hold.get("dataset", ())) > 1:
        names.insert(0, "dataset")
    return [_param(name) for name in dict.fromkeys(names)]


def _metric(name: str) -> str:
    return f"metrics.`{name}`"


def _param(name: str) -> str:
    return f"params.`{name}`"


def _tag(name: str) -> str:
    return f"tags.`{name}`"


def packed(view: View) -> str:
    """A view as the page reads it: a deflated JSON object, whose names are the front end's."""
    state = {
        "searchFilter": view.shows,
        "orderByKey": view.order,
        "orderByAsc": view.ascending,
        "selectedColumns": list(view.columns),
        "columnOrder": list(view.columns),
        "columnWidths": {name: _width(name) for name in view.columns},
        "runsHiddenMode": "FIRST_20_RUNS",
    }
    deflated = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    content = {"name": view.title, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{deflated}"}
    return json.dumps(content)


def _width(column: str) -> int:
    """Pixels that a column's heading needs."""
    return max(70, 24 + 7 * len(column.split("`")[1]))
