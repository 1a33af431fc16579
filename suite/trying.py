"""Trying: a user's own parts at work on little, before any network is trained with them.

What is found here would otherwise be found in every network, or, where a part merely gives wrong
numbers, never.
"""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
import torch

from suite.data.cards import DATASETS
from suite.data.dataset import DatasetCard
from suite.data.loading import data_hash, draw_rows, load_split
from suite.data.samples import Samples
from suite.errors import InputError
from suite.experiment import Experiment
from suite.installing import FIELDS, origin
from suite.parts.activations import ACTIVATIONS
from suite.parts.initializers import INITIALIZERS, Fan
from suite.supplied import blaming

# Where an activation has to have a value and a derivative; 0 is also what padding holds.
POINTS = (-2.0, -1.0, -0.25, 0.0, 0.25, 1.0, 2.0)

Problems = Iterator[str]


def try_parts(experiment: Experiment, profile: str) -> None:
    """Try each of the user's own parts that an experiment names at a profile.

    Raises:
        InputError: a part raises an error, or gives what cannot be trained with.
    """
    if experiment.supplied is None:
        return
    for field, name in sorted(_named(experiment, profile)):
        if origin(field, name) and field in _TRIES:
            with blaming(experiment.supplied.name, f"{field} {name!r}"):
                problem = next(_TRIES[field](name), "")
            if problem:
                raise InputError(f"{experiment.supplied.name}: {field} {name!r}", problem)


def _named(experiment: Experiment, profile: str) -> set[tuple[str, str]]:
    design = experiment.at(profile)
    recipes = [design.recipe(contender) for contender in design.contenders()]
    named = {(f, str(recipe[f])) for recipe in recipes for f in FIELDS if f in recipe}
    return named | {("dataset", dataset) for dataset in design.datasets}


def _try_activation(name: str) -> Problems:
    activation = ACTIVATIONS[name]
    # Training is in single precision, probes are in double.
    for dtype in (torch.float32, torch.float64):
        slope = () if activation.slope is None else (torch.tensor(activation.slope, dtype=dtype),)
        points = torch.tensor(POINTS, dtype=dtype).reshape(1, -1, 1).requires_grad_()
        values = activation.function(points, *slope)
        if (values.shape, values.dtype) != (points.shape, dtype):
            yield f"gives {_kind(values)} for {_kind(points)}"
        yield from _not_finite("value", values)
        alone = [activation.function(point.reshape(1, 1, 1), *slope) for point in points.ravel()]
        if not torch.allclose(values.ravel(), torch.cat(alone).ravel()):
            # Units that see each other see padding, too.
            yield "is not element-wise"
        yield from _not_finite("derivative", *torch.autograd.grad(values.sum(), points))


def _kind(values: torch.Tensor) -> str:
    return f"{str(values.dtype).removeprefix('torch.')} of shape {tuple(values.shape)}"


def _not_finite(what: str, values: torch.Tensor) -> Problems:
    finite = values.isfinite().ravel().tolist()
    odd = [f"{point:g}" for point, good in zip(POINTS, finite, strict=True) if not good]
    if odd:
        yield f"has no finite {what} at {', '.join(odd)}"


def _try_initializer(name: str) -> Problems:
    draw = INITIALIZERS[name].draw
    for fan in (Fan(5, 3, 3), Fan(3, 5, 5)):
        weights, biases = draw(np.random.default_rng(0), fan)
        given = (np.shape(weights), np.shape(biases))
        wanted = ((fan.fan_in, fan.units), (fan.units,))
        if given != wanted:
            yield f"draws shapes {given} for {fan}, not {wanted}"
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            yield f"draws what is not finite for {fan}"
        if not np.array_equal(weights, draw(np.random.default_rng(0), fan)[0]):
            yield "draws other weights from the same generator"


def _try_dataset(name: str) -> Problems:
    card = DATASETS[name].card
    rows: object = draw_rows(DATASETS[name], 0)
    if not isinstance(rows, Samples):
        yield "gives no samples; end it with labelled(…) or valued(…)"
        return
    if prod(card.input_shape) != card.features:
        yield f"has a card of {card.features} features whose shape is {card.shape}"
    given = (rows.inputs.shape, rows.targets.shape)
    wanted = ((card.samples, card.features), (card.samples,))
    if given != wanted:
        yield f"gives inputs and targets of shapes {given}, its card says {wanted}"
    if not (np.isfinite(rows.inputs).all() and np.isfinite(rows.targets).all()):
        yield "gives numbers that are not finite"
    yield from _wrong_targets(card, rows)
    if not all(map(np.array_equal, rows, draw_rows(DATASETS[name], 0))):
        yield "gives other rows from the same generator"
    load_split(name, 0)
    data_hash(name)


def _wrong_targets(card: DatasetCard, rows: Samples) -> Problems:
    if card.task == "regression":
        if card.outputs != 1:
            yield "is for regression, so its card needs 1 output"
        if rows.targets.dtype.kind != "f":
            yield "is for regression; end it with valued(…)"
        return
    if rows.targets.dtype.kind != "i":
        yield "is for classification; end it with labelled(…)"
    classes = np.unique(rows.targets).tolist()
    if classes != list(range(card.outputs)):
        yield f"gives classes {classes}, its card says 0 to {card.outputs - 1}"


_TRIES: dict[str, Callable[[str], Problems]] = {
    "activation": _try_activation,
    "dataset": _try_dataset,
    "initializer": _try_initializer,
}
