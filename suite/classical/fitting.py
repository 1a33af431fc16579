"""Fit classical models on the splits that networks train on, to outcomes of the same kind."""

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.classical.features import FEATURES, known_of, with_features
from suite.classical.models import CLASSICAL, build_estimator
from suite.data.split import Split
from suite.training.pool import PARTS
from suite.training.scores import class_scores, value_scores
from suite.trial import Outcome, Replicate, Trial

KERNEL = "sklearn-cpu"
# A probability below float32's resolution is taken for it, or one row's loss could be infinite.
SMALLEST = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float64]


def fit_classical(trials: Sequence[Trial], splits: Mapping[Replicate, Split]) -> list[Outcome]:
    """Fit one model after the other, on one thread and quietly.

    Args:
        trials: recipes whose `network` is a classical model.
        splits: the data of each replicate that a trial names.

    Returns:
        One outcome a trial, in their order.
    """
    import sklearn.ensemble  # noqa: F401, its thread pools must be there to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return [_fit(trial, splits[trial.replicate]) for trial in trials]


def _fit(trial: Trial, split: Split) -> Outcome:
    start = time.perf_counter()
    if split.task == "classification" and len(np.unique(split.train_targets)) == 1:
        return _ended(trial, "dead", "all its training rows are of one class", start)
    model = _build(trial, split)
    estimator = _behind_features(model, trial, split)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.fit(_inputs(split, "train"), _targets(split, "train"))
        except ValueError as error:
            # So MLPClassifier says that its weights have diverged.
            if "non-finite" not in str(error):
                raise
            return _ended(trial, "diverged", str(error), start)
        metrics = _metrics(estimator, trial, split)
    if not np.isfinite([*metrics.values()]).all():
        return _ended(trial, "diverged", "non-finite predictions", start)
    said = list(dict.fromkeys(str(warning.message) for warning in caught))
    return Outcome(
        trial=trial,
        outcome="completed",
        error="\n".join(said) or None,
        metrics=metrics,
        epochs=_iterations(model),
        parameters=CLASSICAL[trial.network].size(model) + _learned(estimator, trial),
        seconds=time.perf_counter() - start,
        kernel=KERNEL,
    )


def _iterations(estimator: Any) -> int:
    """The solver's, the most of any class; 1 where nothing is repeated."""
    counts = getattr(estimator, "n_iter_", None)
    return 1 if counts is None else int(np.max(counts))


def _ended(trial: Trial, word: str, reason: str, start: float) -> Outcome:
    seconds = time.perf_counter() - start
    return Outcome(trial=trial, outcome=word, error=reason, seconds=seconds, kernel=KERNEL)


def _build(trial: Trial, split: Split) -> Any:
    estimator = build_estimator(trial.network, dict(trial.settings), split.task, trial.seed)
    adapt = CLASSICAL[trial.network].adapt
    if adapt:
        adapt(estimator, len(split.train_inputs))
    return estimator


def _behind_features(model: Any, trial: Trial, split: Split) -> Any:
    settings = dict(trial.settings)
    if "features" not in settings:
        return model
    known = known_of(settings, split.shape, len(split.train_inputs), trial.seed)
    return with_features(model, settings, known)


def _learned(estimator: Any, trial: Trial) -> int:
    """Numbers that the features have learned."""
    name = dict(trial.settings).get("features")
    return 0 if name is None else FEATURES[str(name)].learned(estimator[0])


def _inputs(split: Split, part: str) -> Floats:
    # Linear models and kernels would otherwise be solved in single precision.
    inputs: NDArray[np.float32] = getattr(split, f"{part}_inputs")
    return inputs.astype(np.float64)


def _metrics(estimator: Any, trial: Trial, split: Split) -> dict[str, float]:
    if split.task == "regression":
        score = _value_metrics
    else:
        score = _decision_metrics if CLASSICAL[trial.network].decides else _probability_metrics
    return {
        f"{part}_{name}": value
        for part in PARTS
        if part != "test" or trial.reports_test
        for name, value in score(estimator, split, part).items()
    }


def _decision_metrics(estimator: Any, split: Split, part: str) -> dict[str, float]:
    """Scores of a classifier without probabilities, which has no loss."""
    decisions = estimator.decision_function(_inputs(split, part))
    if decisions.ndim == 1:
        decisions = np.stack([-decisions, decisions], axis=1)
    return class_scores(_placed(decisions, estimator, split, -np.inf), _targets(split, part))


def _probability_metrics(estimator: Any, split: Split, part: str) -> dict[str, float]:
    """Scores of a classifier with probabilities; its loss is cross-entropy."""
    classes = _targets(split, part)
    shares = _placed(estimator.predict_proba(_inputs(split, part)), estimator, split, 0.0)
    of_truth = shares[np.arange(len(classes)), classes]
    loss = float(-np.log(np.maximum(of_truth, SMALLEST)).mean())
    return {"loss": loss, **class_scores(shares, classes)}


def _targets(split: Split, part: str) -> NDArray[Any]:
    """Class numbers, or values in double precision.  # (row,)."""
    targets: NDArray[Any] = getattr(split, f"{part}_targets").ravel()
    return targets.astype(np.int64 if split.task == "classification" else np.float64)


def _placed(columns: Floats, estimator: Any, split: Split, elsewhere: float) -> Floats:
    """One column a class; classes without a training row have `elsewhere`."""
    placed = np.full((len(columns), split.outputs), elsewhere)
    placed[:, estimator.classes_.astype(np.int64)] = columns
    return placed


def _value_metrics(estimator: Any, split: Split, part: str) -> dict[str, float]:
    targets = _targets(split, part)
    outputs = np.asarray(estimator.predict(_inputs(split, part)), np.float64).ravel()
    # As networks have it: the mean square of what is left of the standardised targets.
    loss = float(np.square(outputs - targets).mean())
    return {"loss": loss, **value_scores(outputs, targets, split.target_scale)}
