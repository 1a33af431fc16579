"""How MLflow's pages open: notes, the runs table's saved view, and links to it."""

import base64
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from suite.experiment import Claim, Experiment, Levels, Selection, Side
from suite.trial import OPTIONAL

VIEW = "leaderboard"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
NOTE_TAG = "mlflow.note.content"
# Without it the page opens in the mode for language models.
KIND_TAG = "mlflow.experimentKind"
KIND = "custom_model_development"

# The table is sorted by the first of these that the trials have.
SCORES = ("test_accuracy", "test_r2", "test_loss")

_READING = (
    "A run with a split is one trained network, nested under the invocation that first asked for "
    "it. Only runs of stage `final` count; those of stage `tuning` chose their recipe on "
    "validation data, each a `candidate` of a search, trained to the end of a `rung`. Those of "
    "stage `half` show what half of the budget had found, those of `variance` how scores vary. "
    "The invocations hold verdicts, figures and the experiment's file."
)


def ui_link(address: str, experiment_id: str) -> str:
    """Address of an experiment's runs table, opened in the saved view."""
    query = f"viewStateShareKey={VIEW}&workflowType=machine_learning"
    return f"{address}/#/experiments/{experiment_id}/runs?{query}"


def experiment_tags(experiment: Experiment, measured: Collection[str]) -> dict[str, str]:
    """Tags of an experiment that make its page readable.

    Args:
        experiment: the experiment.
        measured: names of the final metrics that its trials have.
    """
    return {
        NOTE_TAG: experiment_note(experiment),
        KIND_TAG: KIND,
        VIEW_TAG: saved_view(experiment, measured),
    }


def saved_view(experiment: Experiment, measured: Collection[str]) -> str:
    """A view of the final trials with the columns that tell them apart, best first.

    The page reads a deflated JSON object; the names in it are those of MLflow's front end.
    """
    scores = [name for name in SCORES if name in measured]
    order = scores[0] if scores else "seconds"
    columns = _columns(experiment, scores)
    state = {
        "searchFilter": 'tags.stage = "final"',
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": not scores or order == "test_loss",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {name: _width(name) for name in columns},
        "runsHiddenMode": "FIRST_20_RUNS",
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    content = {"name": "Leaderboard", "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"}
    return json.dumps(content)


def _columns(experiment: Experiment, scores: Sequence[str]) -> list[str]:
    recipe = [*experiment.vary, *_searched(experiment), "split"]
    if "dataset" not in experiment.vary and len(experiment.hold.get("dataset", ())) > 1:
        recipe.insert(0, "dataset")
    return [
        *(f"metrics.`{name}`" for name in scores[:1]),
        *(f"params.`{name}`" for name in dict.fromkeys(recipe)),
        *(f"metrics.`{name}`" for name in (*scores[1:], "generalization_gap", "seconds")),
        "tags.`outcome`",
    ]


def _searched(experiment: Experiment) -> list[str]:
    """Parameters of runs that hold what is searched."""
    tune = experiment.tune
    if tune is None:
        return []
    texts = {"regularizers": tune.regularizers, "settings": tune.settings}
    return [*tune.space, *(name for name, searched in texts.items() if searched)]


def _width(column: str) -> int:
    """Pixels that a column's heading needs."""
    return max(70, 24 + 7 * len(column.split("`")[1]))


def experiment_note(experiment: Experiment) -> str:
    """Markdown for the experiment's page: the question, the claims, and what a run is."""
    claims = [
        f"- **{name}**: {claim.says} *Test, fixed before the data*: {claim_text(claim)}."
        for name, claim in experiment.claims.items()
    ]
    return "\n".join([f"**{experiment.question}**", "", *claims, "", _READING])


def claim_text(claim: Claim) -> str:
    """A claim's registered test in a line."""
    if claim.kind == "gate":
        low, high = claim.band
        return f"{claim.statistic} of {_side_text(claim)}; band {low:g} to {high:g}"
    return " and ".join(f"{_side_text(side)}; margin {side.margin:g}" for side in claim.tests())


def _side_text(side: Side) -> str:
    text = f"`{side.metric}`"
    if side.along:
        text += f" {side.direction} along {side.along} ({side.scale} {side.of})"
    if side.better is not None:
        text += f": {_selection_text(side.better)}"
    if side.worse is not None:
        text += f" against {_selection_text(side.worse)}"
    if side.where:
        text += f", where {_selection_text(side.where)}"
    return text


def _selection_text(selection: Selection) -> str:
    return ", ".join(f"{name} {_levels_text(name, levels)}" for name, levels in selection.items())


def _levels_text(factor: str, levels: Levels) -> str:
    return " or ".join(OPTIONAL[factor] if level is None else str(level) for level in levels)


def invocation_note(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Markdown for an invocation's page: what became of each claim."""
    return "\n".join(map(_verdict_text, verdicts))


def _verdict_text(row: Mapping[str, Any]) -> str:
    low, high = row["interval"] or (None, None)
    word = row["verdict"] or "no verdict yet"
    effect = f"effect {_number(row['effect'])} ({_number(low)} to {_number(high)})"
    return f"- **{row['claim']}**: {word}, {effect}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
