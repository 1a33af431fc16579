"""What MLflow's pages say of an experiment and of an invocation, in Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.experiment import Claim, Experiment, Levels, Selection, Side
from suite.trial import OPTIONAL

NOTE_TAG = "mlflow.note.content"

_READING = """\
**How to read it**

- A run with a split is one trained network, nested under the invocation that first asked for it.
- Only runs of stage `final` count; their test scores are what the claims are tested on. Those of
  stage `tuning` chose their recipe on validation data, each a `candidate` of a search, trained to
  the end of a `rung`. Those of stage `half` show what half of the budget had found, those of
  `variance` how scores vary.
- A recipe's first split shows its curves; `curves.parquet` of the invocation has those of all.
- The invocations hold verdicts, figures and the experiment's file.
"""


def experiment_note(
    experiment: Experiment, views: Mapping[str, str], page: Path | None = None
) -> str:
    """The question, the claims, what a run is, and where to go on.

    Args:
        experiment: the experiment.
        views: titles of its saved views with their addresses.
        page: the report's page on it.
    """
    claims = [
        f"- **{name}**: {claim.says} *Test, fixed before the data*: {claim_text(claim)}."
        for name, claim in experiment.claims.items()
    ]
    links = " · ".join(f"[{title}]({link})" for title, link in views.items())
    lines = [f"**{experiment.question}**", "", *claims, "", f"Views: {links}", "", _READING]
    if page is not None:
        lines.append(f"The report's page: `{page.resolve()}`")
    return "\n".join(lines)


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


def invocation_note(verdicts: Sequence[Mapping[str, Any]], best: str = "") -> str:
    """Markdown for an invocation's page: what became of each claim, and its best network."""
    lines = list(map(_verdict_text, verdicts))
    return "\n".join([*lines, "", best] if best else lines)


def _verdict_text(row: Mapping[str, Any]) -> str:
    low, high = row["interval"] or (None, None)
    word = row["verdict"] or "no verdict yet"
    effect = f"effect {_number(row['effect'])} ({_number(low)} to {_number(high)})"
    return f"- **{row['claim']}**: {word}, {effect}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
