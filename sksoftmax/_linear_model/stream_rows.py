"""The rows of a call of `partial_fit`: checked, encoded, and cut into batches."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from sksoftmax._data import targets, validation, weights
from sksoftmax._data.checks import check_array, validate_data
from sksoftmax._data.magnitudes import Magnitudes, without_small_columns
from sksoftmax._linear_model import coefficients
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import partition
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import FLOATS

# Rows of a step under batch_size="auto": more do not make the step better.
ROWS_OF_STEP = 1000


class CallRows(NamedTuple):
    """Checked arrays of one call, or of one of its batches.

    cuts : where the batches of a call begin and end, rows without weight being left out of them
    dtype : of X as it was passed
    """

    X: object
    target: np.ndarray
    weight: np.ndarray | None
    cuts: np.ndarray | None = None
    dtype: np.dtype | None = None

    def batches(self):
        """The CallRows of each batch, without cuts."""
        for start, stop in pairwise(self.cuts):
            weight = None if self.weight is None else self.weight[start:stop]
            yield CallRows(row_slice(self.X, start, stop), self.target[..., start:stop], weight)


def check(model, classes):
    """The classes of the stream, if the model's parameters are ones for a stream."""
    check_steps(model)
    return check_classes(model, classes)


def check_classes(model, classes):
    """The classes of the stream, sorted: those given, or those of what the model has seen."""
    known = coefficients.sorted_classes(model)
    if classes is None:
        if known is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        return known
    if np.ndim(classes) != 1:
        raise ValueError(f"classes must be a list of labels, got {classes!r}")
    classes = np.unique(column_or_1d(classes))
    if known is not None and not np.array_equal(classes, known):
        raise ValueError(f"classes={classes} is not the same as on the last call: {known}")
    if len(classes) < 2:
        raise ValueError(f"classes must be at least 2 different labels, got {classes.tolist()}")
    if (classes != classes).any():
        raise ValueError(f"classes must be labels, and nan is none: {classes}")
    return classes


def check_steps(model):
    """Raise a ValueError for a parameter that asks for all rows at once."""
    if isinstance(model.class_weight, str):
        raise ValueError(
            f"class_weight={model.class_weight!r} needs all rows at once, and partial_fit sees "
            "some: pass weights as a dict, or in sample_weight"
        )
    if model.early_stopping:
        raise ValueError(
            "early_stopping=True holds rows out of a fit, and partial_fit has none to go back to: "
            "set early_stopping=False"
        )


def encode(model, X, y, classes, sample_weight):
    """The CallRows of one call, checked.

    Raises
    ------
    ValueError, TypeError
        Naming what is wrong with X, y or the weights; labels that are none of the classes.
    """
    X, y, names, weight = _checked(model, X, y, sample_weight)
    cuts = _cuts(X.shape[0], model.batch_size)
    if weight is not None and (weight == 0).any():
        kept = weight > 0
        cuts, X, y, weight = _cuts_among(kept, cuts), X[kept], y[kept], weight[kept]
    target = _target(model, y, names, classes, X.dtype)
    factors = weights.class_factors(model.class_weight, classes, None)
    zero = weights.without_class_weight(model.class_weight, classes)
    if zero is not None:
        kept = targets.rows_with_weight(target, zero)
        weights.check_some_class_weight(kept.any(), model.class_weight)
        cuts, X, target = _cuts_among(kept, cuts), X[kept], target[..., kept]
        weight = None if weight is None else weight[kept]
    target, weight = quiet(targets.weighed)(factors, target, weight)
    magnitudes = Magnitudes.of(partition(X, target, weight, len(classes)))
    magnitudes.check(X.dtype, model)
    dtype, X = X.dtype, without_small_columns(X, magnitudes.columns, X.dtype)
    X = X if magnitudes.suit_single_precision else X.astype(np.float64, copy=False)
    return CallRows(X, target, weight, cuts, dtype)


def _checked(model, X, y, sample_weight):
    """X, y (n_rows,) or (n_rows, n_classes), the names of its columns, and weights, or None."""
    validation.check_given(y, "partial_fit")
    advice = "pass it their chunks, computed, one after the other"
    validation.check_in_memory("partial_fit", advice, X, y, sample_weight)
    X = validate_data(
        model, validation.matrix(X), reset=not hasattr(model, "n_features_in_"),
        accept_sparse="csr", dtype=FLOATS, ensure_min_samples=1,
    )  # fmt: skip
    names, y, soft = targets.read(y)
    if soft:
        y = check_array(y, dtype=FLOATS, input_name="y")
    else:
        y = column_or_1d(np.asarray(y), warn=True)
    check_consistent_length(X, y)
    weight = None if sample_weight is None else weights.check_weight(sample_weight, X)
    if soft:
        targets.check_distributions(y, weight)
    return X, y, names, weight


def _target(model, y, names, classes, dtype):
    """Class indices of labels, or distributions over the classes, with the model's smoothing."""
    soft = y.ndim == 2
    target = targets.shares_of(y, names, classes, dtype) if soft else _class_indices(y, classes)
    return targets.smoothed(target, len(classes), model.label_smoothing, dtype)


def _cuts(n_rows, batch_size):
    """Where batches begin, and where the last one ends."""
    size = ROWS_OF_STEP if batch_size == "auto" else batch_size
    return np.append(np.arange(0, n_rows, size), n_rows)


def _cuts_among(kept, cuts):
    """The cuts among the rows of a mask, which keep their place in the batches.

    Calls are then the same batches as one call.
    """
    return np.unique(np.append(0, np.cumsum(kept))[cuts])


def _class_indices(y, classes):
    """For each label, the index of its class."""
    integers = y.dtype.kind in "iu" and classes.dtype.kind in "iu"
    # The common dtype of int64 and uint64 is float64, in which large labels coincide. A label that
    # wraps round to a class is found out by the comparison below.
    sought = y.astype(classes.dtype) if integers else y
    try:
        indices = np.minimum(np.searchsorted(classes, sought), len(classes) - 1)
    except TypeError as error:
        raise ValueError(f"y has labels that are not like classes={classes}: {error}") from None
    foreign = classes[indices] != y
    if foreign.any():
        raise ValueError(
            f"y has labels that are not in classes: {np.unique(y[foreign])}; classes are {classes}"
        )
    return indices
