"""Whether what an experiment searches can be trained, before anything is."""

from collections.abc import Mapping

from pydantic import ValidationError

from suite.classical.models import CLASSICAL
from suite.errors import InputError, unknown
from suite.experiment import Design, Experiment, Level
from suite.parts.regularizers import REGULARIZERS
from suite.planning import build_trial
from suite.tune import Tune
from suite.tuning.space import space_of, with_values
from suite.wording import explain


def check_search(experiment: Experiment, profile: str) -> None:
    """Check every name that is searched, and build each contender at both ends of its ranges.

    Raises:
        InputError: an unknown name, or values that no network or model can have.
    """
    design = experiment.at(profile)
    if design.tune is None:
        return
    place = f"{experiment.path or experiment.name}: tune"
    _check_names(place, design.tune)
    _check_budget(place, design)
    for contender in design.contenders():
        recipe = design.recipe(contender)
        _check_own(place, recipe, design.tune)
        space = space_of(design.tune, str(recipe.get("network", "dense")))
        for end in (0, 1):
            values = {name: searched.ends[end] for name, searched in space.items()}
            try:
                build_trial(with_values(recipe, values), design.datasets[0])
            except InputError as error:
                raise InputError(f"{place}.{error.place}", error.problem, error.hint) from None
            except ValueError as error:
                raise InputError(place, str(error)) from None


def _check_names(place: str, tune: Tune) -> None:
    for name in tune.regularizers:
        if name not in REGULARIZERS:
            raise unknown(f"{place}.regularizers", "regularizer", name, REGULARIZERS)
    for model, searched in tune.settings.items():
        if model not in CLASSICAL:
            raise unknown(f"{place}.settings", "classical model", model, CLASSICAL)
        for name in searched:
            known = CLASSICAL[model].options
            if name not in known:
                raise unknown(f"{place}.settings.{model}", "setting", name, known)


def _check_own(place: str, recipe: Mapping[str, Level], tune: Tune) -> None:
    try:
        tune.of(recipe)
    except ValidationError as error:
        raise InputError(place, explain(error.errors()[0])) from None


def _check_budget(place: str, design: Design) -> None:
    assert design.tune is not None
    recipes = (design.recipe(contender) for contender in design.contenders())
    models = {str(recipe.get("network", "dense")) for recipe in recipes}
    if design.tune.budget.epochs is not None and models & CLASSICAL.keys():
        problem = f"{min(models & CLASSICAL.keys())} has no epochs"
        raise InputError(f"{place}.budget", problem, "give a budget of trials")
