"""scikit-learn's MLPClassifier, one network after the other."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from suite.speed.work import LEARNING_RATE, Shape, Work, draw_weights


class SklearnRun:
    """Classifiers that take turns, an epoch each."""

    def __init__(self, work: Work, shape: Shape, networks: int) -> None:
        self.networks = networks
        self._work = work
        self._models = [_classifier(work, shape, n) for n in range(networks)]

    def epoch(self) -> None:
        """Train every network for one epoch."""
        for model in self._models:
            model.partial_fit(self._work.inputs, self._work.labels)

    def losses(self) -> tuple[float, ...]:
        """Mean cross-entropy over all rows, a network each."""
        rows = np.arange(self._work.samples)
        return tuple(
            float(-model.predict_log_proba(self._work.inputs)[rows, self._work.labels].mean())
            for model in self._models
        )


def _classifier(work: Work, shape: Shape, number: int) -> MLPClassifier:
    """A classifier with He's weights, not trained yet.

    It draws its own kind of weights in its first step; they, the step and what the optimizer
    remembers of it are replaced.
    """
    batch = min(shape.batch, work.samples)
    model = MLPClassifier(
        hidden_layer_sizes=[shape.width] * shape.depth,
        activation="relu",
        solver="adam",
        alpha=0,
        batch_size=batch,
        learning_rate_init=LEARNING_RATE,
        shuffle=True,
        # A number would give every call, which is an epoch here, the same order.
        random_state=np.random.RandomState(number),
        # An epoch a call: there is nothing to stop early.
        n_iter_no_change=10**9,
    )
    model.partial_fit(work.inputs[:batch], work.labels[:batch], classes=np.arange(work.classes))
    model.coefs_ = draw_weights(work, shape, number)
    model.intercepts_ = [np.zeros_like(biases) for biases in model.intercepts_]
    del model._optimizer
    return model
