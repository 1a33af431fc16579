"""Trial and Outcome: the plain data that every part of the suite passes on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Fields in which trials of one cohort may differ; all others split cohorts.
STACKABLE = frozenset(
    {
        "seed",
        "order",
        "split",
        "label_noise",
        "learning_rate",
        "momentum",
        "initializer",
        "gain",
        "gradient_clip",
        "regularizers",
        "prune",
    }
)

# A value of a classical model's setting.
Setting = int | float | str
# What decides a trial's rows and labels: its split and its share of noisy labels.
Replicate = tuple[int, float]

# field: (lowest, highest, whether the lowest itself is allowed)
RANGES: dict[str, tuple[float, float, bool]] = {
    "samples": (2, np.inf, True),
    "label_noise": (0, 1, True),
    "depth": (0, 1000, True),
    "width": (1, 65536, True),
    "kernel_size": (1, 1024, True),
    "gain": (0, np.inf, True),
    "learning_rate": (0, np.inf, False),
    "momentum": (0, 1, True),
    "gradient_clip": (0, np.inf, False),
    "epochs": (1, 10**6, True),
    "stop_epoch": (0, 10**6, True),
    "pretraining_epochs": (1, 10**6, True),
    "prune": (0, 1, True),
    "together": (1, 1024, True),
    "batch_size": (1, 2**24, True),
    "split": (0, 2**31, True),
    "seed": (0, 2**31, True),
    "order": (0, 2**31, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The full recipe of one network or classical model, with its seed.

    Attributes:
        dataset: name of the data set.
        samples: training samples used, drawn by `split`; None takes all of the training part.
        label_noise: share of training labels drawn anew, uniformly over the classes.
        network: name of the network family, or of the classical model.
        settings: (name, value) pairs of a classical model, sorted by name; empty for networks.
        depth: number of hidden layers; 0 is a linear model.
        width: units in each hidden layer; channels of a convolutional one.
        kernel_size: places that a convolution's kernel covers in each direction.
        pooling: how a convolutional network's maps shrink from layer to layer.
        activation: name of the hidden layers' activation.
        initializer: name of the rule that draws the initial weights.
        gain: factor on the initial weights' standard deviation.
        loss: name of the loss.
        optimizer: name of the optimizer.
        learning_rate: step size.
        momentum: used by optimizers that have one.
        schedule: name of the rule by which the learning rate changes during training.
        gradient_clip: largest Euclidean norm of a network's gradient; None for no limit.
        regularizers: (name, strength) pairs, sorted by name; empty for none.
        epochs: passes over the training data.
        stop_epoch: ends training after so many of them, the schedule's course being that of all;
            None trains to the last. A rung of a tuning study stops early, a frozen network at 0.
        pretrained_on: data set that the network trained on before, by the same recipe; empty for
            none.
        pretraining_epochs: passes over that one's training data; without it, the default.
        prune: share of the weights that are zero from the start on, those that were smallest after
            the training before; needs a `pretrained_on`.
        together: networks that train as one with this one, of which the time alone depends; None
            leaves that to planning.
        batch_size: samples per step.
        split: which replicate of the data: test fold, validation part, subset, label noise.
        seed: initial weights; also batch order and dropout draws, where `order` is None.
        order: batch order and dropout draws.
        reports_test: whether test metrics are computed; tuning trials never see test data.
        supplied: hash of the user's own file where the recipe names a part from it, else empty.
    """

    dataset: str
    samples: int | None = None
    label_noise: float = 0.0
    network: str = "dense"
    settings: tuple[tuple[str, Setting], ...] = ()
    depth: int = 2
    width: int = 64
    kernel_size: int = 3
    pooling: str = "stride"
    activation: str = "relu"
    initializer: str = "he"
    gain: float = 1.0
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    schedule: str = "constant"
    gradient_clip: float | None = None
    regularizers: tuple[tuple[str, float], ...] = ()
    epochs: int = 20
    stop_epoch: int | None = None
    pretrained_on: str = ""
    pretraining_epochs: int = 20
    prune: float = 0.0
    together: int | None = None
    batch_size: int = 64
    split: int = 0
    seed: int = 0
    order: int | None = None
    reports_test: bool = True
    supplied: str = ""

    def __post_init__(self) -> None:
        for name in ("label_noise", "gain", "learning_rate", "momentum", "prune"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.gradient_clip is not None:
            object.__setattr__(self, "gradient_clip", float(self.gradient_clip))
        pairs = tuple(sorted((str(name), float(s)) for name, s in self.regularizers if float(s)))
        object.__setattr__(self, "regularizers", pairs)
        object.__setattr__(self, "settings", tuple(sorted(self.settings)))
        for name, (low, high, closed) in RANGES.items():
            check_range(name, getattr(self, name), low, high, closed)
        if self.prune and not self.pretrained_on:
            raise ValueError("prune needs a pretrained_on, whose smallest weights become zero")
        if not self.pretrained_on:
            object.__setattr__(self, "pretraining_epochs", 20)
        if self.stop_epoch is not None and self.stop_epoch > self.epochs:
            raise ValueError(f"stop_epoch {self.stop_epoch} is past the last of {self.epochs}")

    @property
    def last_epoch(self) -> int:
        """The epoch after which training ends."""
        return self.epochs if self.stop_epoch is None else self.stop_epoch

    @property
    def recipe(self) -> dict[str, Any]:
        """All fields; `dataclasses.asdict` would copy each value, which takes ten times as long."""
        return {name: getattr(self, name) for name in FIELDS}

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of the recipe."""
        return digest(self.recipe)[:16]

    @property
    def cohort_key(self) -> str:
        """Trials with the same key can train stacked as one cohort.

        The strength of a regularizer or of clipping may differ within a cohort, not its presence.
        """
        recipe = {name: value for name, value in self.recipe.items() if name not in STACKABLE}
        recipe["regularizers"] = [name for name, _ in self.regularizers]
        recipe["clips"] = self.gradient_clip is not None
        return digest(recipe)

    @property
    def replicate(self) -> Replicate:
        """What decides the trial's rows and labels within its cohort."""
        return self.split, self.label_noise

    @property
    def whole(self) -> "Trial":
        """The recipe trained to its last epoch."""
        return replace(self, stop_epoch=None)

    @property
    def pretraining(self) -> "Trial | None":
        """What must be trained before, so that this network can begin with its weights."""
        if not self.pretrained_on:
            return None
        return replace(
            self,
            dataset=self.pretrained_on,
            pretrained_on="",
            prune=0.0,
            epochs=self.pretraining_epochs,
            stop_epoch=None,
            together=None,
            reports_test=False,
        )

    def strength(self, regularizer: str) -> float:
        """Strength of a regularizer; 0 where the recipe has none of that name."""
        return dict(self.regularizers).get(regularizer, 0.0)


FIELDS = tuple(f.name for f in fields(Trial))
# Fields whose value may be None, and the word for that.
OPTIONAL = {
    "samples": "all",
    "gradient_clip": "none",
    "stop_epoch": "last",
    "together": "any",
    "order": "seed",
}


def check_range(name: str, value: float | None, low: float, high: float, closed: bool) -> None:
    """Raise ValueError unless `value` lies between `low` and `high`."""
    if value is None:
        return
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    if not (low < value <= high or (closed and value == low)):
        bound = "at least" if closed else "more than"
        top = "" if np.isinf(high) else f" and at most {high:g}"
        raise ValueError(f"{name} must be {bound} {low:g}{top}, not {value}")


def digest(content: Any) -> str:
    """SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """Measurements during training, in long form: five columns of one length.

    `epoch` 0 is the start of training; `layer` is -1 where a metric has no layer.
    """

    epoch: NDArray[np.int32]
    split: tuple[str, ...]
    metric: tuple[str, ...]
    layer: NDArray[np.int32]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: the recipe.
        outcome: completed, diverged, dead, out_of_memory, timed_out or crashed.
        error: traceback or reason; of a completed trial what its solver warned of, mostly None.
        metrics: final metrics such as test_accuracy; what was not measured is absent.
        histories: curves and probes.
        best_epoch: measured epoch with the lowest validation loss; None where there is none.
        epochs: epochs trained, fewer than asked after a divergence.
        parameters: trained numbers in the network or classical model.
        flops: floating-point operations of training, by the closed form; None where there is none.
        seconds: this trial's share of its cohort's training time.
        kernel: the code path that computed it, such as torch-cpu.
        probes: names of the probes recorded.
        probe_seconds: share of `seconds` that went into the probes.
        state: where training stopped, for the trial with a later `stop_epoch` to go on from.
    """

    trial: Trial
    outcome: str
    error: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    histories: Histories | None = None
    best_epoch: int | None = None
    epochs: int = 0
    parameters: int = 0
    flops: float | None = None
    seconds: float = 0.0
    kernel: str = ""
    probes: tuple[str, ...] = ()
    probe_seconds: float = 0.0
    state: bytes | None = field(default=None, repr=False)
