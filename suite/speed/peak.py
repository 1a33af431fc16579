"""What the processor can do at best: a square float32 matrix product."""

import time

import numpy as np
import torch

from suite.randomness import generator
from suite.speed.accelerator import wait

# Large enough to hide every overhead, small enough for a core's own cache to feed it.
_SIZES = {"cpu": 512}
_SIZE_ON_ACCELERATOR = 4096
_REPEATS = 25


def sgemm_gflops(device: str) -> float:
    """Billions of floating-point operations a second, best of several products."""
    size = _SIZES.get(device, _SIZE_ON_ACCELERATOR)
    draws = generator(0, "sgemm").standard_normal((2, size, size), dtype=np.float32)
    left, right = torch.from_numpy(draws).to(device)
    product = torch.empty_like(left)
    best = min(_seconds(left, right, product) for _ in range(_REPEATS))
    return 2 * size**3 / best / 1e9


def _seconds(left: torch.Tensor, right: torch.Tensor, product: torch.Tensor) -> float:
    wait(left.device)
    start = time.perf_counter()
    torch.mm(left, right, out=product)
    wait(left.device)
    return time.perf_counter() - start
