"""What was fixed beforehand, in words: what varies, what is held, what is tuned, each test."""

from collections.abc import Sequence
from pathlib import Path

from suite.experiment import Claim, Design, Level, Selection, Side
from suite.figures.words import described, factor_name, level_name, listed, selection
from suite.metrics import METRICS
from suite.results import Evidence


def design_in_words(evidence: Evidence) -> list[tuple[str, str]]:
    """Rows of the registration: a heading and its content."""
    design = evidence.experiment.at(evidence.profile)
    rows = [("Data sets", _levels("dataset", design.datasets))]
    rows += [(f"Varied: {factor_name(f)}", _levels(f, v)) for f, v in design.factors().items()]
    rows.append(("Held", "; ".join(_held(design)) or "nothing"))
    rows.append(("Tuned", _tuned(design)))
    splits = f"{design.seeds} splits of each data set, each with its own initial weights"
    rows.append(("Repeated", splits))
    supplied = evidence.experiment.supplied
    if supplied is not None:
        kept = f"kept as supplied/{supplied.digest}.py beside the results"
        rows.append(("Parts from", f"{Path(supplied.name).name}, {kept}"))
    if design.probes:
        rows.append(("Probed", listed([name.replace("_", " ") for name in design.probes])))
    return rows


def _levels(factor: str, levels: Sequence[Level]) -> str:
    return listed([level_name(factor, level) for level in levels])


def _held(design: Design) -> list[str]:
    return [described(f, v[0]) for f, v in design.hold.items() if f != "dataset"]


def _tuned(design: Design) -> str:
    if design.tune is None:
        return "nothing"
    low, high = design.tune.learning_rate.log
    # One learning rate for each contender, data set and split: none gets a larger budget.
    return (
        f"learning rate, {design.tune.budget.trials} values from {low:g} to {high:g}, evenly "
        f"spaced in the logarithm, chosen by {_metric(design.tune.metric)} for each contender, "
        "data set and split"
    )


def _metric(name: str) -> str:
    return METRICS[name].description if name in METRICS else name.replace("_", " ")


def claim_in_words(claim: Claim) -> str:
    """The registered test of a claim."""
    tests = [_test(side, claim.kind) for side in claim.tests()]
    if len(tests) == 1:
        return f"{tests[0]}."
    return " ".join(f"({number}) {test}." for number, test in enumerate(tests, start=1))


def _test(side: Side, kind: str) -> str:
    metric = _metric(side.metric)
    parts = [f"{metric[0].upper()}{metric[1:]}: {_compared(side, kind)}"]
    if side.where:
        parts.append(f"at {_selected(side.where, ', ', 'and')}")
    if side.choose == "validation":
        parts.append("of several levels, the one with the lowest validation loss stands")
    return "; ".join(parts)


def _compared(side: Side, kind: str) -> str:
    several = "or" if side.choose == "validation" else "and"
    better = _selected(side.better or {}, " with ", several)
    worse = _selected(side.worse or {}, " with ", several)
    interest = f"effects below {side.margin:g} do not matter"
    if side.along:
        step = f"{'doubling' if side.scale == 'log2' else 'unit'} of {factor_name(side.along)}"
        less = f" less that of {worse}" if worse else ""
        which = f"that of {better}{less}" if better else "over all contenders it"
        verb = side.direction.removesuffix("s")
        return f"{which} should {verb} with each {step}; {interest}"
    if kind == "equal":
        return f"{better} should lie within {side.margin:g} of {worse or 'zero'}"
    return f"{better} should {f'beat {worse}' if worse else 'be above zero'}; {interest}"


def _selected(selected: Selection, between: str, last: str) -> str:
    """'initializer Xavier or He with activation ReLU'."""
    return between.join(selection(factor, levels, last) for factor, levels in selected.items())
