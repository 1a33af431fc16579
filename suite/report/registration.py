"""What was fixed beforehand, in words: what varies, what is held, what is tuned, each test."""

from collections.abc import Sequence
from pathlib import Path

from suite.experiment import Claim, Design, Level, Selection, Side, Tune
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
    rows += [("Amended", amendment) for amendment in evidence.experiment.amended]
    return rows


def _levels(factor: str, levels: Sequence[Level]) -> str:
    return listed([level_name(factor, level) for level in levels])


def _held(design: Design) -> list[str]:
    return [described(f, v[0]) for f, v in design.hold.items() if f != "dataset"]


def _tuned(design: Design) -> str:
    if design.tune is None:
        return "nothing"
    tune = design.tune
    searched = {**tune.space, **tune.regularizers}
    ranges = [f"{factor_name(name)}, {found.text}" for name, found in searched.items()]
    own = ["the settings of classical models"] if tune.settings else []
    # The same budget for each contender, data set and split.
    return (
        f"{'; '.join([*ranges, *own])}; {_budget(tune)}, chosen by {_metric(tune.metric)} for each "
        "contender, data set and split"
    )


_BEST = {
    "validation": "lowest validation loss",
    "validation_accuracy": "highest validation accuracy",
}
_SAMPLERS = {
    "tpe": "proposed by TPE",
    "random": "proposed at random",
    "cmaes": "proposed by CMA-ES",
    "grid": "on an even grid",
}


def _budget(tune: Tune) -> str:
    budget = tune.budget
    size = f"{budget.trials} candidates" if budget.trials else f"{budget.epochs} network-epochs"
    if tune.halving and budget.trials:
        size = f"the epochs of {budget.trials} whole trainings"
    words = [size, _SAMPLERS[tune.sampler]]
    if tune.halving:
        words.append(f"one in {tune.halving} going on from each rung")
    if tune.seeds > 1:
        words.append(f"{tune.seeds} networks each")
    if tune.repeats > 1:
        words.append(f"searched {tune.repeats} times")
    return ", ".join(words)


def _metric(name: str) -> str:
    return METRICS[name].description if name in METRICS else name.replace("_", " ")


def claim_in_words(claim: Claim) -> str:
    """The registered test of a claim, or a gate's check."""
    if claim.kind == "gate":
        return f"{_test(claim, _gated(claim))}; an exact check, outside the correction."
    tests = [_test(side, _compared(side, claim.kind)) for side in claim.tests()]
    if len(tests) == 1:
        return f"{tests[0]}."
    return " ".join(f"({number}) {test}." for number, test in enumerate(tests, start=1))


def _test(side: Side, compared: str) -> str:
    metric = _metric(side.metric)
    parts = [f"{metric[0].upper()}{metric[1:]}: {compared}"]
    if side.where:
        parts.append(f"at {_selected(side.where, ', ', 'and')}")
    if side.choose != "mean":
        parts.append(f"of several levels, the one with the {_BEST[side.choose]} stands")
    return "; ".join(parts)


def _sides(side: Side) -> tuple[str, str]:
    several = "and" if side.choose == "mean" else "or"
    better = _selected(side.better or {}, " with ", several)
    return better, _selected(side.worse or {}, " with ", several)


def _compared(side: Side, kind: str) -> str:
    better, worse = _sides(side)
    interest = f"effects below {side.margin:g} do not matter"
    if side.along:
        return f"{_along(side, better, worse)}; {interest}"
    if kind == "equal":
        return f"{better} should lie within {side.margin:g} of {worse or 'zero'}"
    return f"{better} should {f'beat {worse}' if worse else 'be above zero'}; {interest}"


def _along(side: Side, better: str, worse: str) -> str:
    factor, rises = str(side.along), side.direction == "rises"
    which = f"that of {better}{f' less that of {worse}' if worse else ''}" if better else ""
    which = which or "over all contenders it"
    if side.at is not None:
        level = int(side.at) if side.at.is_integer() else side.at
        place = f"{'beyond' if rises else 'before'} {described(factor, level)}"
        overtakes = f"{better or 'the mean of all contenders'} should overtake {worse or 'zero'}"
        return f"{which} should peak {place}" if side.of == "peak" else f"{overtakes} {place}"
    if side.of == "exponent":
        sense = "above" if rises else "below"
        return f"{which} should have an exponent {sense} zero in {factor_name(factor)}"
    step = f"{'doubling' if side.scale == 'log2' else 'unit'} of {factor_name(factor)}"
    return f"{which} should {side.direction.removesuffix('s')} with each {step}"


def _gated(claim: Claim) -> str:
    better, worse = _sides(claim)
    which = f"{better or 'all contenders'}{f' less {worse}' if worse else ''}"
    factor = factor_name(claim.along or "")
    subject = {
        "slope": f"slope of {which} along {factor}" if claim.along else f"of {which}",
        "exponent": f"exponent of {which} in {factor}",
        "crossing": f"{factor} at which {better or 'all'} overtakes {worse or 'zero'}",
        "peak": f"{factor} at the peak of {which}",
    }[claim.of]
    return f"the {claim.statistic} {subject} should {band_in_words(claim)}"


def band_in_words(claim: Claim) -> str:
    """'lie from 0.285 to 0.345', 'be at least 0'."""
    if claim.within is not None:
        return f"lie from {claim.within[0]:g} to {claim.within[1]:g}"
    if claim.at_least is not None:
        return f"be at least {claim.at_least:g}"
    return f"be at most {claim.at_most:g}"


def _selected(selected: Selection, between: str, last: str) -> str:
    """'initializer Xavier or He with activation ReLU'."""
    return between.join(selection(factor, levels, last) for factor, levels in selected.items())
