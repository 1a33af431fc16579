"""Probes: what can be looked at inside a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suite.data.hierarchy import MOST_LEVELS
from suite.training.attribution import attribution_aucs
from suite.training.curvature import sharpness
from suite.training.differences import gradient_errors
from suite.training.histograms import (
    activation_histograms,
    first_layer_filters,
    weight_histograms,
)
from suite.training.jacobians import log_norms, mean_singular_values, singular_value_spreads
from suite.training.latents import latent_accuracies
from suite.training.separability import linear_probe, linear_readout
from suite.training.slices import loss_slices
from suite.training.snapshots import Camera, Snapshot
from suite.training.surfaces import FEATURES, decision_surfaces

Floats = NDArray[np.float64]

# An activation this close to a flat value, relative to the range, is saturated.
SATURATED = 0.01

When = Literal["throughout", "ends", "end"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at; exactly one of `layer`, `networks` and `picture` is given.

    Attributes:
        description: one line for `leadline list`.
        source: where it comes from.
        layer: a number of one layer of one member; NaN where it has none.
        networks: numbers of every member, (member, layer) or (member,); NaN likewise.
        picture: an array of every member, in `suite.pictures`' order of places; NaN likewise.
            # (member, place)
        costly: decomposes matrices, takes passes of its own or stores many numbers: by itself it
            may cost more than a twentieth of a small network's training.
        when: `end` looks at the final networks alone, those that the final metrics are of, and
            `ends` before training, too; where the way there would cost too much.
        features: of how many features data has to be; None where that does not matter.
    """

    description: str
    source: str
    layer: Callable[[Snapshot], float] | None = None
    networks: Callable[[Camera], Floats] | None = None
    picture: Callable[[Camera], Floats] | None = None
    costly: bool = False
    when: When = "throughout"
    features: int | None = None


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _frobenius_norm(values: Floats) -> float:
    return float(np.sqrt(np.square(values).sum()))


def _update_norm(layer: Snapshot) -> float:
    return np.nan if layer.update is None else _frobenius_norm(layer.update)


def _update_ratio(layer: Snapshot) -> float:
    norm = _frobenius_norm(layer.weights)
    return _update_norm(layer) / norm if norm else np.nan


def _share(flags: NDArray[np.bool_], values: Floats) -> float:
    """Of flags that were read off `values`."""
    return float(flags.mean()) if np.isfinite(values).all() else np.nan


def _saturated_share(layer: Snapshot) -> float:
    if layer.activation is None or layer.activation.saturates is None:
        return np.nan
    low, high = layer.activation.saturates
    margin, values = SATURATED * (high - low), layer.activations
    return _share((values <= low + margin) | (values >= high - margin), values)


def _dead_share(layer: Snapshot) -> float:
    if layer.activation is None or layer.activation.idle is None:
        return np.nan
    values = layer.activations.reshape(-1, layer.channels)  # (row and place, unit)
    return _share((values == layer.activation.idle).all(axis=0), values)


def _gradient_cosine(layer: Snapshot) -> float:
    directions = layer.sensitivities
    largest = np.abs(directions).max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        return np.nan
    # Divided by its largest number first, a vanished row still has a norm.
    directions = directions[largest[:, 0] > 0] / largest[largest > 0, None]
    directions /= np.sqrt(np.square(directions).sum(axis=1, keepdims=True))
    count = len(directions)
    if count < 2:
        return np.nan
    # |sum of unit vectors|² is one for each of them and twice the sum over all pairs.
    return float((np.square(directions.sum(axis=0)).sum() - count) / (count * (count - 1)))


def _unit_diversity(layer: Snapshot) -> float:
    biases = layer.biases
    # Of the units' vectors, weights and bias.  # (unit, unit)
    products = layer.weights.T @ layer.weights + np.outer(biases, biases)
    if len(biases) < 2 or not np.isfinite(products).all():
        return np.nan
    lengths = np.sqrt(products.diagonal())
    still = lengths == 0
    # Units without weights are copies of each other and unlike all others.
    lengths[still] = 1
    products[np.ix_(still, still)] = 1
    cosines = np.abs(products) / np.outer(lengths, lengths)
    np.fill_diagonal(cosines, 0)
    return float(np.maximum(1 - cosines.max(axis=1), 0).mean())


def _zero_shares(camera: Camera) -> Floats:
    whole = [[own.reshape(-1) for own in layers] for layers in zip(*camera.weights, strict=True)]
    return np.array([(np.concatenate(own) == 0).mean() for own in whole])


def _effective_rank(layer: Snapshot) -> float:
    values = layer.activations
    if not np.isfinite(values).all():
        return np.nan
    singular = np.linalg.svd(values, compute_uv=False)
    total = singular.sum()
    if not total:
        return np.nan
    shares = singular[singular > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


PROBES: dict[str, Probe] = {
    "gradient_norm": Probe(
        "Frobenius norm of the mean loss's gradient with respect to the layer's weights",
        "Bengio, Simard & Frasconi 1994",
        layer=lambda layer: _frobenius_norm(layer.gradient),
    ),
    "delta_norm": Probe(
        "root mean square over rows and units of the back-propagated ∂loss/∂pre-activation",
        "Glorot & Bengio 2010",
        layer=lambda layer: _root_mean_square(layer.deltas),
    ),
    "gradient_cosine": Probe(
        "mean cosine over pairs of rows of one output direction's back-propagated derivatives",
        "Balduzzi et al. 2017",
        layer=_gradient_cosine,
    ),
    "signal": Probe(
        "mean square of the pre-activations: q of mean-field theory",
        "Poole et al. 2016",
        layer=lambda layer: float(np.square(layer.preactivations).mean()),
    ),
    "activation_mean": Probe(
        "mean over rows and units of the layer's activations",
        "Glorot & Bengio 2010",
        layer=lambda layer: float(layer.activations.mean()),
    ),
    "activation_variance": Probe(
        "variance over rows, averaged over units, of the layer's activations",
        "Glorot & Bengio 2010",
        layer=lambda layer: float(layer.activations.var(axis=0).mean()),
    ),
    "saturated_share": Probe(
        "share of activations within 1 % of the range of one of the two flat ends",
        "Glorot & Bengio 2010",
        layer=_saturated_share,
    ),
    "dead_share": Probe(
        "share of units (channels of a map) that no probed row switches on",
        "Lu, Shin, Su & Karniadakis 2020",
        layer=_dead_share,
    ),
    "effective_rank": Probe(
        "exponential of the entropy of the singular values of the activations, rows by units",
        "Roy & Vetterli 2007",
        layer=_effective_rank,
        costly=True,
    ),
    "weight_norm": Probe(
        "Frobenius norm of the layer's weights",
        "Krogh & Hertz 1991",
        layer=lambda layer: _frobenius_norm(layer.weights),
    ),
    "update_norm": Probe(
        "Frobenius norm of the last step that the layer's weights took",
        "You, Gitman & Ginsburg 2017",
        layer=_update_norm,
    ),
    "update_ratio": Probe(
        "Frobenius norm of the last step relative to that of the layer's weights",
        "You, Gitman & Ginsburg 2017",
        layer=_update_ratio,
    ),
    "sparsity": Probe(
        "share of the layer's weights that are exactly zero",
        "Tibshirani 1996",
        layer=lambda layer: float((layer.weights == 0).mean()),
    ),
    "zero_share": Probe(
        "share of all the network's weights that are exactly zero",
        "Tibshirani 1996",
        networks=_zero_shares,
    ),
    "unit_diversity": Probe(
        "mean over units of 1 less the largest |cosine| with another's incoming weights and bias",
        "Rumelhart, Hinton & Williams 1986",
        layer=_unit_diversity,
    ),
    "gradient_error": Probe(
        "largest relative error of back-propagation against numerical slopes in random directions",
        "Gill, Murray & Wright 1981",
        networks=gradient_errors,
        costly=True,
    ),
    "attribution_auc": Probe(
        "area under the ROC curve of |gradient × input| for the features known to be relevant",
        "Shrikumar, Greenside & Kundaje 2017",
        networks=attribution_aucs,
        costly=True,
    ),
    **{
        f"latent_probe_{level}": Probe(
            f"validation accuracy of ridge regression on symbols of a hierarchy's level {level}",
            "Alain & Bengio 2016; Cagnetta et al. 2024",
            networks=partial(latent_accuracies, level=level),
            costly=True,
        )
        for level in range(1, MOST_LEVELS + 1)
    },
    "jacobian_mean": Probe(
        "mean singular value of a dense layer's own Jacobian, skip connection included",
        "Glorot & Bengio 2010",
        networks=mean_singular_values,
        costly=True,
    ),
    "jacobian_spread": Probe(
        "variance over squared mean of the squared singular values of ∂layer/∂input, dense layers",
        "Pennington, Schoenholz & Ganguli 2017",
        networks=singular_value_spreads,
        costly=True,
    ),
    "jacobian_log_norm": Probe(
        "ln ‖∂layer/∂input · u‖² at one row, u a random direction, dense layers",
        "Hanin 2018",
        networks=log_norms,
        costly=True,
    ),
    "linear_probe": Probe(
        "validation accuracy (R² of values) of ridge regression on the layer's activations",
        "Alain & Bengio 2016",
        networks=linear_probe,
        costly=True,
    ),
    "linear_readout": Probe(
        "test accuracy (R² of values) of ridge regression on what the output layer is fed",
        "Alain & Bengio 2016",
        networks=linear_readout,
        costly=True,
        when="end",
    ),
    "sharpness": Probe(
        "largest eigenvalue of the Hessian of the mean loss with respect to all parameters",
        "Hochreiter & Schmidhuber 1997; Keskar et al. 2017",
        networks=sharpness,
        costly=True,
    ),
    "decision_surface": Probe(
        "picture: prediction over the plane of two standardised inputs, 576 rows a network",
        "Bishop 2006, section 4.1",
        picture=decision_surfaces,
        costly=True,
        when="end",
        features=FEATURES,
    ),
    "activation_histogram": Probe(
        "picture: histogram of each hidden layer's activations, 80 rows a layer",
        "Glorot & Bengio 2010",
        picture=activation_histograms,
        costly=True,
        when="ends",
    ),
    "weight_histogram": Probe(
        "picture: histogram of each layer's weights, zeros by themselves, 41 rows a layer",
        "Han, Pool, Tran & Dally 2015",
        picture=weight_histograms,
        costly=True,
        when="end",
    ),
    "first_layer_filter": Probe(
        "picture: the first layer's first 8 units' weights, 8 rows an input",
        "Krizhevsky, Sutskever & Hinton 2012",
        picture=first_layer_filters,
        costly=True,
        when="end",
    ),
    "loss_slice": Probe(
        "picture: loss along a random direction, each unit's part as long as its weights",
        "Li, Xu, Taylor, Studer & Goldstein 2018",
        picture=loss_slices,
        costly=True,
        when="end",
    ),
}


def probe(names: Sequence[str], camera: Camera) -> dict[str, Floats]:
    """Measure the named probes; what is not finite becomes NaN.

    Returns:
        name -> (member, layer), (member,) for whole networks or (member, place) of pictures.
    """
    # A network on its way to divergence overflows here first.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return {name: _measure(PROBES[name], camera) for name in names}


def _measure(probe: Probe, camera: Camera) -> Floats:
    of_all = probe.networks or probe.picture
    if of_all:
        values = of_all(camera)
    else:
        assert probe.layer
        one = probe.layer
        values = np.array([[one(layer) for layer in layers] for layers in camera.snapshots])
    return np.where(np.isfinite(values), values, np.nan)
