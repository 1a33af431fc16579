"""Pooling of maps: how windows of a convolutional network's maps become single places.

Maps are (member, row, place..., channel).
"""

from collections.abc import Callable
from math import prod

from torch import Tensor
from torch.nn import functional

# Where several places of a window hold its largest value, torch takes the first in reading order,
# which gets all of the gradient.
_POOLS: dict[str, Callable[..., Tensor]] = {
    "max": functional.max_pool2d,
    "average": functional.avg_pool2d,
}


def pool(name: str, maps: Tensor, window: int) -> Tensor:
    """Each window's one value; places that fill no window are left out.

    Args:
        name: of the pooling.
        maps: (member, row, place..., channel).
        window: places in each direction.
    """
    places = maps.shape[2:-1]
    # A signal is an image of one line. Channels stay last in memory.
    lines, windows = prod(places[:-1]), (window if len(places) > 1 else 1, window)
    images = maps.reshape(-1, lines, *maps.shape[-2:]).movedim(-1, 1)
    pooled = _POOLS[name](images, windows).movedim(1, -1)
    return pooled.reshape(*maps.shape[:2], *(place // window for place in places), -1)
