"""Who takes part: a name, the library it needs, and how it gets networks ready to train."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Protocol

from suite.errors import unknown
from suite.speed.work import Shape, Work, parameters

REFERENCE = "leadline"
# Networks that a contender without stacking trains in turn: enough to tell its mean loss.
IN_TURN = 8
# Numbers of networks together that are tried, where the weights of all of them are no more than
# caches can help with and no less than a step's overhead asks for.
_TOGETHER = (2, 4, 8, 16, 32, 64, 96)
_LEAST_PARAMETERS, _MOST_PARAMETERS = 2**15, 2**21
_TOGETHER_ON_ACCELERATOR = (16, 64, 256, 1024)


class Run(Protocol):
    """Networks in training."""

    @property
    def networks(self) -> int:
        """How many there are."""

    def epoch(self) -> None:
        """Train each for one epoch: a whole pass in a new order, its last batch maybe smaller."""

    def losses(self) -> tuple[float, ...]:
        """Mean training loss of each."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to train networks.

    Attributes:
        description: in a few words.
        module: what must be installed to be imported.
        distribution: the name by which pip knows it.
        stacks: whether networks train side by side; others train in turn.
        anywhere: whether it trains on the device asked for; others train on the CPU.
        prepare: gives (work, shape, networks, device) as a run; imports the library.
    """

    description: str
    module: str
    distribution: str
    stacks: bool
    anywhere: bool
    prepare: Callable[[Work, Shape, int, str], Run]


def _leadline(work: Work, shape: Shape, networks: int, device: str) -> Run:
    from suite.speed.cohorts import CohortRun

    return CohortRun(work, shape, networks, device)


def _torch(work: Work, shape: Shape, networks: int, device: str) -> Run:
    from suite.speed.loop import LoopRun

    return LoopRun(work, shape, networks, device)


def _sklearn(work: Work, shape: Shape, networks: int, _device: str) -> Run:
    from suite.speed.sklearn_mlp import SklearnRun

    return SklearnRun(work, shape, networks)


def _jax(work: Work, shape: Shape, networks: int, _device: str) -> Run:
    from suite.speed.jax_vmap import JaxRun

    return JaxRun(work, shape, networks)


CONTENDERS: dict[str, Contender] = {
    "leadline": Contender("stacked cohorts", "suite", "leadline", True, True, _leadline),
    "torch": Contender("a loop, fused Adam", "torch", "torch", False, True, _torch),
    "scikit-learn": Contender("MLPClassifier", "sklearn", "scikit-learn", False, False, _sklearn),
    "jax": Contender("jit, vmap and scan", "jax", "jax", True, False, _jax),
}


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender that takes part, on a device."""

    name: str
    contender: Contender
    device: str

    def candidates(self, work: Work, shape: Shape) -> tuple[int, ...]:
        """Numbers of networks together that are worth a try."""
        if not self.contender.stacks:
            return (1,)
        if self.device != "cpu":
            return _TOGETHER_ON_ACCELERATOR
        size = parameters(work, shape)
        fitting = [k for k in _TOGETHER if _LEAST_PARAMETERS <= k * size <= _MOST_PARAMETERS]
        return tuple(fitting) or (_TOGETHER[0] if size > _MOST_PARAMETERS else _TOGETHER[-1],)

    def prepare(self, work: Work, shape: Shape, together: int) -> Run:
        """That many networks side by side, or some in turn for a contender without stacking."""
        networks = together if self.contender.stacks else IN_TURN
        return self.contender.prepare(work, shape, networks, self.device)


def enter(names: Sequence[str], device: str) -> tuple[list[Entrant], dict[str, str]]:
    """Those who take part, Leadline first, and why others that were named do not.

    Args:
        names: of contenders; all of them where empty. Leadline always takes part.
        device: where those train that can.

    Raises:
        InputError: an unknown name.
    """
    for name in names:
        if name not in CONTENDERS:
            raise unknown("speed", "contender", name, CONTENDERS)
    wanted = {n: c for n, c in CONTENDERS.items() if not names or n in {REFERENCE, *names}}
    missing = {
        name: f"{name} is not installed: pip install 'leadline[speed]'"
        for name, contender in wanted.items()
        if find_spec(contender.module) is None
    }
    entrants = [
        Entrant(name, contender, device if contender.anywhere else "cpu")
        for name, contender in wanted.items()
        if name not in missing
    ]
    return entrants, missing


def versions(entrants: Sequence[Entrant]) -> dict[str, str]:
    """Version of each entrant's library."""
    return {e.name: version(e.contender.distribution) for e in entrants}
