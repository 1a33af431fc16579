"""Jacobians of a network's layers at single inputs: how they stretch and turn small changes.

A layer's own Jacobian leads from what it is fed to what the next one is fed, so that it holds
normalization and, in a residual network, the identity of the skip connection. It comes out of
autograd exactly: each row is repeated once for each unit, of which it brings back the derivatives.
What it makes of one direction alone needs no such repetition.
Only networks whose layers are dense and each feed the next alone have such Jacobians.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from suite.parts.networks import dense, residual
from suite.randomness import generator
from suite.training.forward import Pass
from suite.training.model import Model
from suite.training.snapshots import Camera

Floats = NDArray[np.float64]

# Training rows whose Jacobians are averaged over.
ROWS = 2
# Jacobians that are held at a time, in numbers; but for one member's, however large they are.
HELD = 2**22


def mean_singular_values(camera: Camera) -> Floats:
    """Mean singular value of each layer's own Jacobian, averaged over rows.  # (member, layer)."""
    return _by_member(camera, lambda layers: [_mean_singular_value(own) for own in layers])


def singular_value_spreads(camera: Camera) -> Floats:
    """How uneven the Jacobian from the inputs to each layer is, averaged over rows.

    Returns:
        variance over squared mean of its squared singular values.  # (member, layer)
    """
    return _by_member(camera, _spreads)


def log_norms(camera: Camera) -> Floats:
    """By how much the way from the inputs to each layer stretches one direction, at one row.

    Returns:
        natural logarithm of ‖Ju‖², u a random unit vector, the same for all.  # (member, layer)
    """
    members, model = len(camera.replicates), camera.networks.model
    if not _is_chain(model):
        return np.full((members, len(model.layout.layers)), np.nan)
    norms: Floats = np.cumsum(np.stack(list(_log_stretches(camera)), axis=1), axis=1)
    return norms


def _log_stretches(camera: Camera) -> Iterator[Floats]:
    """Layer by layer, ln of how much longer what changes becomes, squared.  # (member,)."""
    model = camera.networks.model
    run = Pass(camera.networks)
    inputs, _, _ = camera.rows(camera.pool.train, 1)
    fed = inputs[:, :1]
    features = model.layout.layers[0].layer.channels
    change = torch.zeros_like(fed)
    drawn = generator(0, "input direction").standard_normal(features)
    change[:, :, :features] = torch.from_numpy(drawn).to(change)
    for index in range(run.depth + 1):
        # Divided by its length, a change that vanishes or explodes stays within range.
        change = change / change.norm(dim=2, keepdim=True)
        fed, change = _pass_on(run, index, fed, change, residual=model.network.forward is residual)
        yield change.square().sum(dim=(1, 2)).log().cpu().numpy()


def _pass_on(
    run: Pass, index: int, fed: Tensor, change: Tensor, *, residual: bool
) -> tuple[Tensor, Tensor]:
    """What a layer makes of rows and of a small change of each.  # (member, row, unit) both."""
    fed = fed.detach().requires_grad_()
    with torch.enable_grad():
        given = run.output(fed) if index == run.depth else run.hidden(index, fed)
        # Derivatives back are linear in what they start from: their derivative leads forward.
        start = torch.zeros_like(given, requires_grad=True)
        (back,) = torch.autograd.grad(given, fed, start, create_graph=True)
        (passed,) = torch.autograd.grad(back, start, change)
    if residual and 0 < index < run.depth:
        return (given + fed).detach(), passed + change
    return given.detach(), passed


def _by_member(camera: Camera, measure: Callable[[list[Floats]], list[float]]) -> Floats:
    """Measure each member's Jacobians, (row, unit, fed unit) of each layer."""
    members, model = len(camera.replicates), camera.networks.model
    if not _is_chain(model):
        return np.full((members, len(model.layout.layers)), np.nan)
    numbers = ROWS * sum(p.weights.shape[0] * p.columns for p in model.layout.layers)
    together = max(1, HELD // numbers)
    measured: list[list[float]] = []
    for start in range(0, members, together):
        some = camera.some(slice(start, start + together))
        measured += map(measure, map(list, zip(*_jacobians(some), strict=True)))
    return np.array(measured)


def _is_chain(model: Model) -> bool:
    return model.network.forward in (dense, residual)


def _jacobians(camera: Camera) -> Iterator[Floats]:
    """Each layer's own, input first.  # (member, row, unit, fed unit)."""
    model = camera.networks.model
    run = Pass(camera.networks)
    inputs, _, count = camera.rows(camera.pool.train, ROWS)
    fed = inputs[:, :count]
    for index, placed in enumerate(model.layout.layers):
        layer = placed.layer
        repeated = fed.repeat_interleave(placed.columns, dim=1).requires_grad_()
        with torch.enable_grad():
            given = run.output(repeated) if index == run.depth else run.hidden(index, repeated)
        own = _each_unit(given, repeated)[:, :, : layer.units, : layer.channels]
        given = given.detach()[:, :: placed.columns]
        if model.network.forward is residual and 0 < index < run.depth:
            own, given = own + torch.eye(layer.units).to(own), given + fed
        yield own.cpu().numpy()
        fed = given


def _each_unit(given: Tensor, fed: Tensor) -> Tensor:
    """Derivatives of the k-th unit of every row's k-th repetition.  # (member, row, unit, fed)."""
    members, _, columns = given.shape
    with torch.enable_grad():
        total = given.view(members, -1, columns, columns).diagonal(dim1=2, dim2=3).sum()
    (slopes,) = torch.autograd.grad(total, fed)
    return slopes.view(members, -1, columns, fed.shape[2])


def _mean_singular_value(jacobians: Floats) -> float:
    if not np.isfinite(jacobians).all():
        return np.nan
    # A dead unit's row adds a singular value of zero; without it the others are found sooner.
    alive = (jacobian[jacobian.any(axis=1)] for jacobian in jacobians)
    total = sum(np.linalg.svd(jacobian, compute_uv=False).sum() for jacobian in alive)
    return float(total / (len(jacobians) * min(jacobians.shape[1:])))


def _spreads(layers: list[Floats]) -> list[float]:
    features = layers[0].shape[2]
    spreads, gram = [], None
    for own in layers:
        turned = own.transpose(0, 2, 1)
        gram = own @ turned if gram is None else own @ gram @ turned  # (row, unit, unit)
        # Only ratios count, and a product of many Jacobians would leave the range of numbers.
        gram = gram / np.trace(gram, axis1=1, axis2=2)[:, None, None]
        count = min(features, own.shape[1])
        spreads.append(float((count * np.square(gram).sum(axis=(1, 2)) - 1).mean()))
    return spreads
