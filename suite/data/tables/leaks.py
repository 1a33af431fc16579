"""Columns that give the target away by themselves, such as a copy of it under another name."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Task
from suite.data.samples import Targets
from suite.data.tables.columns import Column
from suite.randomness import generator

# Rows that the check looks at, and parts that they are cut into.
_ROWS = 2000
_FOLDS = 3
# Fewer rows prove nothing.
_FEWEST = 30
# A score that no honest column reaches alone.
_TOO_GOOD = 0.999


def leak_warnings(
    columns: Sequence[Column], inputs: NDArray[np.float64], targets: Targets, task: Task
) -> Iterator[str]:
    """A sentence for each column from which a tree alone predicts other rows' targets.

    The score is cross-validated: balanced accuracy, or the share of the targets' ranks that is
    explained, so that a few extreme targets do not hide a copy.
    """
    if len(inputs) < _FEWEST:
        return
    rows = generator(0, "leak check").permutation(len(inputs))[:_ROWS]
    if task == "classification" and np.bincount(targets[rows].astype(np.int64)).min() < _FOLDS:
        return
    wanted = targets[rows] if task == "classification" else targets[rows].argsort().argsort()
    for index, column in enumerate(columns):
        score = _score(inputs[rows, index], wanted, task)
        if score > _TOO_GOOD:
            yield (
                f"column {column.name!r} alone gives the target away (score {score:.4f} on other "
                "rows): drop it if it is not known beforehand"
            )


def _score(values: NDArray[np.float64], targets: Targets, task: Task) -> float:
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    # Rows are in random order, so the folds need not be shuffled.
    classes = task == "classification"
    tree = DecisionTreeClassifier if classes else DecisionTreeRegressor
    folds = StratifiedKFold(_FOLDS) if classes else KFold(_FOLDS)
    scores = cross_val_score(
        tree(random_state=0),
        values[:, None],
        targets,
        cv=folds,
        scoring="balanced_accuracy" if classes else "r2",
    )
    return float(scores.mean())
