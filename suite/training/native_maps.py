"""Native passes of convolutions: maps into the patches under a kernel, and gradients back.

Every loop runs member by member. Arrays are float32.
"""

import numpy as np
from numpy.typing import NDArray

from suite.training.compiling import compiled

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_ZERO = np.float32(0)


@compiled
def gather_numbers(inputs: Floats, table: Ints, patches: Floats) -> None:
    """Patches of inputs that lie in any order.

    Args:
        inputs: (member, row, feature).
        table: the feature in each place of each patch, -1 where there is none.
            # (place, number)
        patches: receives them.  # (member, row and place, number)
    """
    places = table.shape[0]
    for k in range(inputs.shape[0]):
        for b in range(inputs.shape[1]):
            row = inputs[k, b]
            for p in range(places):
                own, patch = table[p], patches[k, b * places + p]
                for j in range(own.size):
                    patch[j] = row[own[j]] if own[j] >= 0 else _ZERO


@compiled
def gather_places(maps: Floats, table: Ints, channels: int, patches: Floats) -> None:
    """Patches of maps whose channels lie side by side.

    Args:
        maps: (member, row and place, channel).
        table: the place under each tap of each output's kernel, -1 where it is outside.
            # (output, tap)
        channels: that are taken.
        patches: receives them.  # (member, row and output, tap and channel)
    """
    outputs, taps = table.shape
    rows = patches.shape[1] // outputs
    places = maps.shape[1] // rows
    for k in range(maps.shape[0]):
        for b in range(rows):
            for p in range(outputs):
                patch = patches[k, b * outputs + p]
                for t in range(taps):
                    own = patch[t * channels : (t + 1) * channels]
                    if table[p, t] < 0:
                        own[:] = _ZERO
                    else:
                        own[:] = maps[k, b * places + table[p, t], :channels]


@compiled
def scatter_places(patches: Floats, table: Ints, channels: int, maps: Floats) -> None:
    """Add each patch's numbers to the places that they came from; maps start from zero.

    Args:
        patches: (member, row and output, tap and channel).
        table: as `gather_places` has it.
        channels: likewise.
        maps: receives the sums.  # (member, row and place, channel)
    """
    outputs, taps = table.shape
    rows = patches.shape[1] // outputs
    places = maps.shape[1] // rows
    for k in range(maps.shape[0]):
        for b in range(rows):
            maps[k, b * places : (b + 1) * places] = _ZERO
            for p in range(outputs):
                patch = patches[k, b * outputs + p]
                for t in range(taps):
                    if table[p, t] >= 0:
                        own = patch[t * channels : (t + 1) * channels]
                        place = maps[k, b * places + table[p, t]]
                        for c in range(channels):
                            place[c] += own[c]
