"""Whether all contenders learned the same: their mean losses against each other."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Standard errors that chance may part two means by, and what roundings may add: a share of the
# loss, or of one nat where rows are learned by heart and their loss jumps about near zero.
_ERRORS = 3.0
_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Agreement:
    """One contender's mean final loss against the middle one's.

    Attributes:
        mean: over its networks.
        reference: name of the contender with the middle mean.
        difference: its mean less the reference's.
        tolerance: how large a difference may be.
    """

    mean: float
    reference: str
    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance; never where a loss is not finite."""
        return abs(self.difference) <= self.tolerance


def compare_losses(losses: Mapping[str, Sequence[float]]) -> dict[str, Agreement]:
    """Each contender's mean loss against the middle one's.

    Two means may differ by three standard errors and 2 %. The spread over networks is the median
    of the contenders' own, so that one that fails cannot excuse itself by its own spread.
    """
    means = {name: statistics.fmean(values) for name, values in losses.items()}
    finite = sorted((n for n in means if math.isfinite(means[n])), key=lambda name: means[name])
    reference = finite[(len(finite) - 1) // 2] if finite else next(iter(means))
    spread = statistics.median([_spread(losses[name]) for name in finite] or [0.0])
    return {
        name: Agreement(
            mean=mean,
            reference=reference,
            difference=mean - means[reference],
            tolerance=_SHARE * max(1.0, means[reference])
            + _ERRORS * spread * math.sqrt(1 / len(losses[name]) + 1 / len(losses[reference])),
        )
        for name, mean in means.items()
    }


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
