"""Saturation: one sigmoid neuron that starts out badly wrong, under two losses.

Squared error's gradient holds the sigmoid's slope, which is next to nothing where the neuron is
most wrong; cross-entropy's does not (M. Nielsen 2015, Neural
networks and deep learning, chapter 3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suite.theory.gaussian import Floats

# Loss -> its derivative with respect to the pre-activation, of output and target.
PULLS: dict[str, Callable[[float, float], float]] = {
    "squared_error": lambda output, target: (output - target) * output * (1 - output),
    "cross_entropy": lambda output, target: output - target,
}


def neuron_course(
    loss: str,
    weight: float,
    bias: float,
    *,
    learning_rate: float = 0.15,
    steps: int = 300,
    target: float = 0.0,
) -> Floats:
    """Outputs of a sigmoid neuron fed with 1 while gradient descent trains it.

    Args:
        loss: a name in `PULLS`; squared error is ½(a − y)².
        weight: at the start.
        bias: likewise.
        learning_rate: step size.
        steps: of gradient descent.
        target: that the output should become.

    Returns:
        the outputs before the first step and after each.  # (1 + steps,)
    """
    pull, outputs = PULLS[loss], []
    for _ in range(steps + 1):
        output = 1 / (1 + float(np.exp(-(weight + bias))))
        outputs.append(output)
        # Fed with 1, weight and bias have the same gradient.
        step = learning_rate * pull(output, target)
        weight, bias = weight - step, bias - step
    return np.array(outputs)
