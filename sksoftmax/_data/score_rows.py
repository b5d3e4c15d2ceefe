"""Checking and encoding of scores or probabilities with labels, for calibration and its metrics."""

import numbers
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sksoftmax._data import score_classes, validation, weights
from sksoftmax._data.checks import check_array
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._functions.checks import sum_to_one, sum_tolerance
from sksoftmax._objective.rows import Rows, partition
from sksoftmax._runtime.types import FLOATS


class ScoreRows(NamedTuple):
    """Encoded rows of scores or probabilities that have weight.

    rows : Rows
        Blocks of columns as they were passed; targets are class indices.
    classes : ndarray of shape (n_classes,), the class of each column, two for a single column
    by_class : ndarray of shape (n_classes,), summed weight of each class
    n_rows : int
    order : ndarray of shape (n_classes,)
        The column passed for each class, if columns were matched by name; the rows have them in
        the order of the classes. None if columns were matched by position.
    """

    rows: Rows
    classes: np.ndarray
    by_class: np.ndarray
    n_rows: int
    order: np.ndarray | None = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Release the rows, which Dask may hold."""
        self.rows.__exit__(*error)


def encode(X, y, sample_weight, check, match, estimator=None):
    """Check and encode rows in memory as ScoreRows.

    check : function of X that returns a checked array of shape (n_rows, n_columns)
    match : function of labels and the number of classes, or None
        Returns the classes and the class index of each label. With None labels are not used: X, the
        weights and the number of labels are checked, and the result is None.
    """
    array = check(X)
    weight = check_weight(sample_weight, array)
    if match is None:
        check_consistent_length(array, y)
        return None
    y = check_labels(y, array, estimator)
    classes, labels = match(y, max(2, array.shape[1]))
    order = score_classes.column_order(X, classes)
    array = array if order is None else array[:, order]
    kept = weight > 0
    if not kept.all():
        array, labels, weight = array[kept], labels[kept], weight[kept]
    rows = partition(array, labels, weight, len(classes))
    by_class = np.bincount(labels, weight, len(classes))
    return ScoreRows(rows, classes, by_class, len(array), order)


def check_columns(X, input, name, fewest=1):
    """Scores or probabilities as a floating array of shape (n_rows, n_columns).

    input : {"scores", "probabilities"}
    name : of the estimator, for messages
    fewest : int, the least number of rows
    """
    array = check_array(
        as_numpy(X), dtype=FLOATS, estimator=name, input_name="X",
        ensure_min_samples=fewest,
    )  # fmt: skip
    if input == "probabilities":
        check_probabilities(array, X)
    return array


def check_probabilities(array, values, name="X"):
    """Raise a ValueError unless rows are probabilities; a single column is of the second class.

    array : ndarray of shape (n_rows, n_columns)
    values : what the array was made of; its dtypes determine the tolerance of the sums
    """
    refuse_rows((array < 0).any(axis=1), array, "has a negative probability", name)
    if array.shape[1] == 1:
        refuse_rows(array[:, 0] > 1, array, "has a probability above 1", name)
        return
    dtypes = values.dtypes if hasattr(values, "columns") else [getattr(values, "dtype", None)]
    tolerance = sum_tolerance(array.shape[1], *dtypes)
    valid = sum_to_one(array, array.sum(axis=1, dtype=np.float64), tolerance)
    refuse_rows(~valid, array, f"does not sum to 1 within {tolerance:g}", name)


def check_n_classes(probabilities, n_classes):
    """Raise a ValueError unless there is a column for each class."""
    n_columns = probabilities.shape[1]
    if n_columns != n_classes:
        raise ValueError(f"X has {n_columns} columns, and there are {n_classes} classes.")


def check_positive(probabilities):
    """Raise a ValueError if a probability is 0."""
    zeros = (probabilities == 0).any(axis=1)
    refuse_rows(zeros, probabilities, "has a probability of 0, whose score is minus infinity")


def refuse_rows(refused, array, complaint, name="X"):
    """Raise a ValueError that shows the first row refused, if any is.

    refused : ndarray of bool of shape (n_rows,)
    """
    if refused.any():
        row = int(refused.argmax())
        shown = np.array2string(array[row], threshold=8)
        raise ValueError(f"Row {row} of {name} {complaint}: {shown}.")


def check_labels(y, X, estimator):
    """Labels as a one-dimensional array, as many as X has rows.

    As in scikit-learn, estimators warn of labels in a column, and metrics take them.
    """
    validation.check_given(y, "A metric" if estimator is None else type(estimator).__name__)
    name = "y_true" if estimator is None else "y"
    y = column_or_1d(y, warn=estimator is not None, input_name=name)
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name=name)
    check_classification_targets(y)
    check_consistent_length(X, y)
    return y


def check_weight(sample_weight, X):
    """Weights of the rows, float64 of shape (n_rows,); ones where none are given."""
    if sample_weight is None:
        return np.ones(X.shape[0])
    return weights.check_weight(sample_weight, X)


def check_floor(floor, input):
    """Check a floor of probabilities: a number in [0, 1), "auto" or None."""
    if floor is None:
        return
    if input != "probabilities":
        raise ValueError(f'floor={floor!r} has no meaning for scores: set input="probabilities".')
    if floor == "auto":
        return
    if isinstance(floor, (bool, str)) or not isinstance(floor, numbers.Real):
        raise TypeError(f'floor must be None, "auto" or a number, got {floor!r}.')
    if not 0 <= floor < 1:
        raise ValueError(f"floor must be at least 0 and below 1, got {floor!r}.")
