"""What an experiment varies, searches and claims, as its runs in MLflow show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from suite.experiment import Claim, Experiment, Selection
from suite.levels import Level


@dataclass(frozen=True, slots=True)
class ShownDesign:
    """What tells an experiment's runs apart.

    Attributes:
        factors: names of what it varies, the most telling first; the data set is shown apart.
        searched: parameters that hold what is searched.
        claims: its claims, by name.
    """

    factors: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    claims: Mapping[str, Claim] = field(default_factory=dict)

    def claims_on(self, levels: Mapping[str, Level]) -> str:
        """Names of the claims that a trial of these levels speaks to."""
        return ", ".join(name for name, claim in self.claims.items() if _speaks_to(levels, claim))


def shown_design(experiment: Experiment) -> ShownDesign:
    """What tells an experiment's runs apart."""
    factors = tuple(name for name in experiment.vary if name != "dataset")
    return ShownDesign(factors, _searched(experiment), experiment.claims)


def _searched(experiment: Experiment) -> tuple[str, ...]:
    tune = experiment.tune
    if tune is None:
        return ()
    texts = {"regularizers": tune.regularizers, "settings": tune.settings}
    return (*tune.space, *(name for name, searched in texts.items() if searched))


def _speaks_to(levels: Mapping[str, Level], claim: Claim) -> bool:
    return any(
        _fits(levels, side.where) and any(_fits(levels, s) for s in (side.better, side.worse))
        if side.better or side.worse
        else _fits(levels, side.where)
        for side in claim.tests()
    )


def _fits(levels: Mapping[str, Level], selection: Selection | None) -> bool:
    """Whether the levels are among the selected ones, of those factors that are known."""
    if selection is None:
        return False
    return all(levels[name] in chosen for name, chosen in selection.items() if name in levels)
