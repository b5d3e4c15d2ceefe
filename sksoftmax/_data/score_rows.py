"""Rows of scores or probabilities and their labels, encoded: what calibrations and metrics see."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from sksoftmax._data import score_columns
from sksoftmax._objective.rows import Rows, partition


class ScoreRows(NamedTuple):
    """Rows with weight, behind an engine.

    rows : Rows
        Blocks of columns, as they were passed; targets are numbers of classes.
    classes : ndarray of shape (n_classes,), the class of each column, two for a single column
    by_class : ndarray of shape (n_classes,), summed weight of each class
    n_rows : int
    order : ndarray of shape (n_classes,)
        The column passed for each class, where names told; the rows have them in the order of the
        classes. None is by position.
    """

    rows: Rows
    classes: np.ndarray
    by_class: np.ndarray
    n_rows: int
    order: np.ndarray | None = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Let go of the rows, where an engine holds them."""
        self.rows.__exit__(*error)


def encode(X, y, sample_weight, check, match, estimator=None):
    """Rows in memory, checked and encoded.

    check : function of X, the array of its columns
    match : function of labels and the number of classes
        The classes, and the number of each label's class. None where no labels are wanted; then
        X, the weights and the number of labels are checked, and nothing is returned.
    """
    array = check(X)
    weight = score_columns.check_weight(sample_weight, array)
    if match is None:
        check_consistent_length(array, y)
        return None
    y = score_columns.check_labels(y, array, estimator)
    classes, labels = match(y, max(2, array.shape[1]))
    order = score_columns.column_order(X, classes)
    array = array if order is None else array[:, order]
    kept = weight > 0  # a row without weight leaves no trace
    if not kept.all():
        array, labels, weight = array[kept], labels[kept], weight[kept]
    rows = partition(array, labels, weight, len(classes))
    by_class = np.bincount(labels, weight, len(classes))
    return ScoreRows(rows, classes, by_class, len(array), order)
