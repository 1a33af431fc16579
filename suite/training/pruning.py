"""Pruning: which of a network's weights are zero from the start of training on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from suite.training.layout import Layout


def smallest(layout: Layout, theta: Tensor, shares: Sequence[float]) -> Tensor:
    """Where each member's smallest weights are, over all its layers together.

    As many as the share of the true weights gives, rounded to the even whole number where it lies
    between two; of equal ones those that come first in the row. Biases and what normalizations and
    activations train are left alone. Magnitude pruning: Han, Pool, Tran & Dally 2015.

    Args:
        layout: of a row.
        theta: the weights to choose from.  # (member, parameter)
        shares: of each member's weights, from 0 to 1.

    Returns:
        True where a weight is pruned.  # (member, parameter)
    """
    places = np.flatnonzero(layout.weight_mask)
    pruned = np.zeros(theta.shape, dtype=bool)
    for member, share in enumerate(shares):
        # One member after the other, so that none depends on its company.
        sizes = np.abs(theta[member].cpu().numpy()[places])
        order = np.argsort(sizes, kind="stable")
        pruned[member, places[order[: round(share * len(places))]]] = True
    return torch.from_numpy(pruned).to(theta.device)


def prune(theta: Tensor, pruned: Tensor) -> None:
    """Set pruned weights to zero in place; no other bit changes."""
    theta.masked_fill_(pruned, 0)
