"""Attributions: whether a network's own derivatives tell which features matter."""

import numpy as np
import torch
from numpy.typing import NDArray

from suite.training.scores import roc_auc
from suite.training.snapshots import PROBE_ROWS, Camera

Floats = NDArray[np.float64]


def attribution_aucs(camera: Camera) -> Floats:
    """Area under the ROC curve with which attributions rank relevant above other features.

    A feature's attribution is the mean over rows of |input times derivative|: of the predicted
    value; of classes, of the largest output less the mean of all, since what all classes have in
    common decides nothing.

    Returns:
        NaN where the data set's card knows of no relevant features, or of no others.  # (member,)
    """
    members, features = len(camera.trials), int(np.prod(camera.pool.shape))
    relevant = np.isin(np.arange(features), camera.pool.relevant).astype(np.int64)
    if len(np.unique(relevant)) < 2:
        return np.full(members, np.nan)
    return np.array([_area(own, relevant) for own in _attributions(camera)[:, :features]])


def _area(attributions: Floats, relevant: NDArray[np.int64]) -> float:
    if not np.isfinite(attributions).all():
        return np.nan
    area = roc_auc(np.column_stack([np.zeros_like(attributions), attributions]), relevant)
    return np.nan if area is None else area


def _attributions(camera: Camera) -> Floats:
    """Mean |gradient × input|.  # (member, padded feature)."""
    inputs, _, rows = camera.rows(camera.pool.train, PROBE_ROWS)
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad():
        outputs = camera.networks.outputs(leaf)[..., : camera.pool.outputs]
        scores = outputs.amax(dim=-1)
        if camera.pool.classification:
            scores = scores - outputs.mean(dim=-1)
        total = scores.sum()
    (slopes,) = torch.autograd.grad(total, leaf)
    each = (slopes * inputs)[:, :rows].abs().cpu().numpy()
    # One member at a time: the order of a sum must not depend on how many there are.
    return np.array([own.mean(axis=0) for own in each])
