"""Checking and encoding of targets, which are labels or distributions over the classes.

Labels become class indices of shape (n_rows,). Distributions, passed as such or made by label
smoothing, become a class-major array of shape (n_classes, n_rows), which the kernels read row by
row.
"""

from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import LabelEncoder

from sksoftmax._data import weights
from sksoftmax._functions.arrays import as_numpy, is_tensor
from sksoftmax._functions.checks import sum_to_one, sum_tolerance
from sksoftmax._runtime.quiet import quiet


class Weighed(NamedTuple):
    """Targets and weights with the class weights applied.

    target : class indices of shape (n_rows,), or distributions of shape (n_classes, n_rows)
    weight : ndarray of shape (n_rows,), or None where all are one
    by_class : ndarray of shape (n_classes,), the summed weight of each class
    factors : ndarray of shape (n_classes,), the class weights; None if all are 1
    """

    target: np.ndarray
    weight: np.ndarray | None
    by_class: np.ndarray
    factors: np.ndarray | None


def encode(y, names, weight, label_smoothing, dtype):
    """The sorted classes of all rows of checked y, and the targets of the rows with weight.

    y : ndarray of labels of shape (n_rows,), or of distributions of shape (n_rows, n_classes)
    names : column names of a matrix, or None
    weight : ndarray of shape (n_rows,), or None where all are one
    dtype : of distributions
    """
    kept = slice(None) if weight is None else weight > 0
    if y.ndim == 1:
        classes, target = encode_labels(y)
        target = target[kept]
    else:
        classes, target = _encode_matrix(y[kept], names, dtype)
    check_classes(classes)
    return classes, smoothed(target, len(classes), label_smoothing, dtype)


def check_classes(classes):
    """Raise a ValueError if there is a single class."""
    if len(classes) < 2:
        raise ValueError(
            f"y has only one class, {classes.tolist()[0]!r}: rows of at least 2 classes are needed"
        )


def check_range(by_class):
    """Raise a ValueError unless the weights of classes that have any can be summed."""
    positive = by_class[by_class > 0]
    if not np.isfinite(by_class).all() or (
        len(positive) and positive.min() < np.finfo(np.float64).tiny
    ):
        raise ValueError(
            "sample_weight and class_weight are out of all range: the weights of the classes sum "
            f"to {by_class}"
        )


def rows_with_weight(target, zero):
    """A mask, of shape (n_rows,), of the rows of which some class has weight.

    zero : ndarray of bool of shape (n_classes,), the classes without weight
    """
    return ~zero[target] if target.ndim == 1 else target[~zero].any(axis=0)


def of_classes(present, target):
    """Targets of all classes as targets of the classes present, which have all the weight.

    present : ndarray of bool of shape (n_classes,)
    """
    if present.all():
        return target
    if target.ndim == 2:
        return target[present]
    numbers = np.maximum(np.cumsum(present) - 1, 0)
    return numbers.astype(np.min_scalar_type(numbers[-1]))[target]


# Weights that overflow become infinite, and are refused.
@quiet
def weigh(target, weight, classes, class_weight):
    """Apply class weights to targets and weights.

    A row with a distribution is equivalent to one row of each class, weighted by its probability.
    So class weights multiply the probabilities, and the sum of these the weight of the row.
    """
    by_class = weight_of_classes(target, weight, len(classes))
    factors = weights.class_factors(class_weight, classes, by_class)
    by_class = by_class if factors is None else by_class * factors
    check_range(by_class)
    return Weighed(*weighed(factors, target, weight), by_class, factors)


@quiet
def weigh_like(other, target, weight):
    """Apply the class weights of other rows, a `Weighed`, to targets and weights."""
    by_class = weight_of_classes(target, weight, len(other.by_class))
    by_class = by_class if other.factors is None else by_class * other.factors
    return Weighed(*weighed(other.factors, target, weight), by_class, other.factors)


def weighed(factors, target, weight):
    """Targets and weights with the weight of each class multiplied by its factor."""
    if factors is None:
        return target, weight
    if target.ndim == 1:
        by_row = factors[target]
    else:
        target *= factors[:, None].astype(target.dtype)
        by_row = target.sum(axis=0, dtype=np.float64)
        np.divide(target, by_row, out=target, casting="same_kind")
    return target, by_row if weight is None else weight * by_row


def read(y):
    """The column names of y, its values, and whether these are distributions and not labels."""
    names, soft = column_names(y), is_matrix(y)
    return names, as_numpy(y) if soft or is_tensor(y) else y, soft


def is_matrix(y):
    """Whether y is a floating matrix of at least two columns, that is distributions.

    Raises
    ------
    ValueError
        For a matrix of integers: it may be indicators of classes, or several outputs.
    """
    if isinstance(y, (list, tuple)):
        if not (len(y) and isinstance(y[0], (list, tuple, np.ndarray))):
            return False
        try:
            y = np.asarray(y)
        except ValueError:  # rows of unequal length, which later checks report
            return False
    shape = getattr(y, "shape", ())
    if len(shape) != 2 or shape[1] < 2:
        return False
    values = as_numpy(y)
    # Of a frame, the dtype of each column: an array of them would have a common one.
    kinds = y.dtypes if hasattr(y, "columns") else [values.dtype]
    check_no_indicators(shape, [str(kind).lower() for kind in kinds])
    return isinstance(values, np.ndarray) and values.dtype.kind == "f"


def check_no_indicators(shape, kinds):
    """Raise a ValueError if the columns of a matrix, by their dtypes' names, are of integers."""
    if all(kind.startswith(("int", "uint", "bool")) for kind in kinds):
        n_rows, n_columns = shape
        raise ValueError(
            f"y of shape ({n_rows}, {n_columns}) is {kinds[0]}: labels are one for each row, and "
            "a matrix of class probabilities is floating, as y.astype(float) would be"
        )


def column_names(y):
    """The column names of a data frame; None for other arrays."""
    return np.asarray(y.columns) if hasattr(y, "columns") else None


def check_distributions(y, weight=None):
    """Raise a ValueError that names the first row with weight that is no distribution.

    y : floating ndarray of shape (n_rows, n_classes)
    """
    sums = y.sum(axis=1, dtype=np.float64)
    least = y.min(axis=1)
    tolerance = sum_tolerance(y.shape[1], y.dtype)
    bad = ~((least >= 0) & sum_to_one(y, sums, tolerance))
    if weight is not None:
        bad &= weight > 0
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    wrong = f"an entry is {least[row]:g}" if least[row] < 0 else f"its sum is {sums[row]:.9g}"
    raise ValueError(
        "a floating y of several columns must have distributions over the classes as its rows, "
        f"non-negative and of sum 1; row {row} is none, {wrong}"
    )


def encode_labels(y):
    """The sorted classes, and the class index of each label in the smallest unsigned dtype."""
    if y.dtype.kind in "iu" and int(y.max()) - int(y.min()) < 2**16:
        # A table of all integers in the range is many times faster than sorting.
        least = y.dtype.type(y.min())
        numbers = _differences(y, least)
        present = np.bincount(numbers) > 0
        table = np.cumsum(present) - 1
        classes = np.flatnonzero(present).astype(y.dtype) + least
        classes = classes.astype(y.dtype, copy=False)
        return classes, table.astype(np.min_scalar_type(len(classes) - 1))[numbers]
    encoder = LabelEncoder()
    labels = encoder.fit_transform(y)
    classes = encoder.classes_
    return classes, labels.astype(np.min_scalar_type(len(classes) - 1))


def missing_classes(classes, labels):
    """The classes that no label is of, as a list."""
    # Sets, for NumPy 2.0 fails on differences of integers beyond int64.
    present = set(np.unique(labels).tolist())
    return [label for label in np.asarray(classes).tolist() if label not in present]


def _differences(y, least):
    """``y - least`` as non-negative indices; the dtype of y may be too narrow for it."""
    if least == 0 and y.dtype != np.uint64:
        return y
    # Signed differences wrap around modulo 2**bits, so that read as unsigned they are right.
    native = y.astype(y.dtype.newbyteorder("="), order="C", copy=False)
    differences = (native - least).view(f"u{y.itemsize}")
    return differences.view(np.int64) if y.itemsize == 8 else differences.astype(np.int64)


def _encode_matrix(y, names, dtype):
    """The sorted classes, and the distributions of shape (n_classes, n_rows)."""
    classes = classes_of(names, y.shape[1])
    order = np.argsort(classes, kind="stable")
    return classes[order], normalised(y.T if names is None else y.T[order], y, dtype)


def shares_of(y, names, classes, dtype):
    """Distributions over known classes, of shape (n_classes, n_rows)."""
    found = np.asarray(classes) if names is None else classes_of(names, y.shape[1])
    if y.shape[1] != len(classes) or set(found.tolist()) != set(np.asarray(classes).tolist()):
        columns = f"{y.shape[1]} columns" if names is None else f"the columns {names.tolist()}"
        raise ValueError(f"y needs a column for each of classes={classes}; it has {columns}")
    return normalised(y.T[np.argsort(found, kind="stable")], y, dtype)


def normalised(columns, y, dtype):
    """Distributions from ``columns``, class-major columns of y, divided by the sums of its rows."""
    target = np.empty(columns.shape, dtype=dtype)
    np.divide(columns, y.sum(axis=1, dtype=np.float64), out=target, casting="same_kind")
    return target


def classes_of(names, n_classes):
    """The classes of a matrix's columns, in their order."""
    if names is None:
        return np.arange(n_classes)
    if len({type(name) for name in names.tolist()}) > 1:
        raise ValueError(f"the column names of y must be of one kind, got {names.tolist()}")
    if len(set(names.tolist())) < n_classes:
        raise ValueError(f"the column names of y must differ, got {names.tolist()}")
    return np.array(names.tolist())


def smoothed(target, n_classes, label_smoothing, dtype):
    """Targets mixed with the uniform distribution, ``label_smoothing`` being its weight.

    Labels become distributions, and distributions are changed in place; 0 changes nothing.
    """
    if not label_smoothing:
        return target
    if target.ndim == 1:
        shares = np.full((n_classes, len(target)), label_smoothing / n_classes, dtype=dtype)
        shares[target, np.arange(len(target))] += 1 - label_smoothing
        return shares
    target *= 1 - label_smoothing
    target += label_smoothing / n_classes
    return target


def weight_of_classes(target, weight, n_classes):
    """The summed weight of each class, float64 of shape (n_classes,)."""
    if target.ndim == 1:
        return np.bincount(target, weights=weight, minlength=n_classes).astype(np.float64)
    if weight is None:
        return target.sum(axis=1, dtype=np.float64)
    return np.array([np.dot(share.astype(np.float64, copy=False), weight) for share in target])
