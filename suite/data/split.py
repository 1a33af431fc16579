"""Split: what training, tuning and testing see of a data set."""

from dataclasses import dataclass

from suite.data.samples import Inputs, Targets


@dataclass(frozen=True)
class Split:
    """Three disjoint parts of one data set, ready for training.

    Inputs are float32 `(n, features)`. Targets are int64 `(n,)` class numbers, or float32 `(n, 1)`
    values standardised with the training part's mean and standard deviation.

    Attributes:
        train_inputs: what networks are fitted to.
        train_targets: its targets, with label noise if that was asked.
        validation_inputs: what learning rates and epochs are chosen on.
        validation_targets: its targets.
        test_inputs: what is only reported.
        test_targets: its targets.
        task: `classification` or `regression`.
        outputs: number of classes; 1 for regression.
        shape: of one input's row: (features,), (channels, length) or (channels, height, width).
        target_scale: standard deviation that regression targets were divided by, in their own
            units; 1 for classification.
        relevant: numbers of the features that the target depends on; empty where not known.
    """

    train_inputs: Inputs
    train_targets: Targets
    validation_inputs: Inputs
    validation_targets: Targets
    test_inputs: Inputs
    test_targets: Targets
    task: str
    outputs: int
    shape: tuple[int, ...] = ()
    target_scale: float = 1.0
    relevant: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.shape:
            object.__setattr__(self, "shape", (self.train_inputs.shape[1],))
