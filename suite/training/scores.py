"""Scores: what a model's outputs are worth, in NumPy alone.

Networks and classical models are scored by the same functions.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


def class_scores(outputs: Floats, classes: Classes, *, logits: bool = False) -> dict[str, float]:
    """How well the largest output tells the class, and how well the outputs rank the rows.

    Args:
        outputs: (row, class): probabilities, or whatever else is larger for likelier classes.
        classes: true class numbers.  # (row,)
        logits: whether a softmax makes probabilities of the outputs.

    Returns:
        `accuracy`; `balanced_accuracy`, the mean recall of the classes that occur; `f1`, the mean
        over the classes that occur or are predicted; and `roc_auc` of the second of two classes,
        of more the mean of each against the rest, absent where a class does not occur.
    """
    count = outputs.shape[1]
    predicted = outputs.argmax(axis=1)
    confusion = np.bincount(count * classes + predicted, minlength=count**2)
    scores = _agreement(confusion.reshape(count, count))
    area = roc_auc(_softmax(outputs) if logits and count > 2 else outputs, classes)
    return scores if area is None else scores | {"roc_auc": area}


def _agreement(confusion: Classes) -> dict[str, float]:
    """Scores of a confusion matrix.  # (true class, predicted class)."""
    hits, true = confusion.diagonal(), confusion.sum(axis=1)
    either = true + confusion.sum(axis=0)
    occurs, named = true > 0, either > 0
    return {
        "accuracy": float(hits.sum() / true.sum()),
        "balanced_accuracy": float((hits[occurs] / true[occurs]).mean()),
        "f1": float((2 * hits[named] / either[named]).mean()),
    }


def _softmax(outputs: Floats) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def roc_auc(outputs: Floats, classes: Classes) -> float | None:
    """Area under the receiver operating characteristic; None where a class does not occur.

    With more than two classes it is the mean over each class against the rest, unweighted. Source:
    Hanley & McNeil 1982; for more classes Provost & Domingos 2000, without their weights.
    """
    count = outputs.shape[1]
    if np.bincount(classes, minlength=count).min() == 0:
        return None
    if count == 2:
        # The difference ranks as its probability does, without the latter's rounding near 1.
        with np.errstate(invalid="ignore"):
            return _area(outputs[:, 1] - outputs[:, 0], classes == 1)
    columns = np.ascontiguousarray(outputs.T)
    return float(np.mean([_area(columns[c], classes == c) for c in range(count)]))


def _area(values: Floats, positive: NDArray[np.bool_]) -> float:
    """Share of (positive, negative) pairs of rows in the right order; ties count half."""
    above, below = np.sort(values[positive]), np.sort(values[~positive])
    beaten = sum(np.searchsorted(below, above, side).sum() for side in ("left", "right"))
    return float(beaten / (2 * len(above) * len(below)))


def value_scores(outputs: Floats, targets: Floats, scale: float = 1.0) -> dict[str, float]:
    """How near outputs come to the targets, both (row,).

    Args:
        outputs: predictions.
        targets: true values, on the outputs' scale.
        scale: one unit of both in the target's own units.

    Returns:
        `r2`, 0 for targets that are all the same; `mae` and `rmse` in the target's own units.
    """
    differences = outputs - targets
    with np.errstate(invalid="ignore", over="ignore"):
        squares = np.square(differences)
        residual, total = squares.sum(), np.square(targets - targets.mean()).sum()
        return {
            # Of targets that are all the same there is nothing to explain.
            "r2": float(1 - residual / total) if total else 0.0,
            "mae": float(np.abs(differences).mean() * scale),
            "rmse": float(np.sqrt(squares.mean()) * scale),
        }
