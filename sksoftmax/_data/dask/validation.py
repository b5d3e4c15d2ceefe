"""The gate for collections of Dask: chunks are checked and encoded where they are, and kept there.

X decides how rows are cut; labels and weights follow.
"""

import warnings
from dataclasses import replace
from functools import partial
from numbers import Real

import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sksoftmax._data import targets, validation
from sksoftmax._data.checks import check_array, validate_data
from sksoftmax._data.dask.chunks import check_chunks, check_lengths, forgetful
from sksoftmax._data.dask.partitions import (
    Labels,
    Shares,
    TargetEncoding,
    cut,
    encode_partitions,
    split,
)
from sksoftmax._data.magnitudes import Magnitudes
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._objective.rows import Means, rows_a_block
from sksoftmax._solvers import STREAMS


@forgetful
def encode(
    estimator, X, y, sample_weight=None, class_weight=None,
    *, label_smoothing=0.0, hold_out=None,
):  # fmt: skip
    """Encode training data of which Dask holds at least X, as ``validation.encode`` does."""
    if getattr(estimator, "solver", None) in STREAMS:
        raise ValueError(
            f"solver={estimator.solver!r} needs rows in memory, and X is a collection of Dask: "
            "pass its chunks, computed, to partial_fit, or take another solver"
        )
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed; it is None")
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    even = None
    if isinstance(sample_weight, Real):  # of all rows
        (even,), sample_weight = validation.check_weight_values([float(sample_weight)]), None
    stub, checked = check(estimator, X, y, sample_weight)
    is_sparse = bool(checked["X"].notes[0])
    if is_soft(y):
        encoding = Shares.of(targets.column_names(y), y.shape[1], stub.dtype)
    else:
        encoding = Labels(union([note for note in checked["y"].notes if note is not None]))
    zero = targets.without_class_weight(class_weight, encoding.classes)
    partitions = encode_partitions(checked, encoding, even, zero)
    validation.check_some_weight(partitions.held)
    classes = encoding.classes
    targets.check_classes(classes)
    code = TargetEncoding(np.ones(len(classes), dtype=bool), label_smoothing, stub.dtype)
    parts = [partitions] if hold_out is None else split(partitions, code, hold_out)
    code = code.weighing(class_weight, classes, parts[0].by_class)
    code = code._replace(present=validation.with_weight(estimator, code.by_class))
    data, *others = [encoded(estimator, part, code, classes, is_sparse, stub) for part in parts]
    targets.check_range(data.class_weight)
    return replace(data, held_out=others[0]) if others else data


def encoded(estimator, partitions, code, classes, is_sparse, stub):
    """The strips cut into blocks, and what a fit knows of them at once."""
    n_rows, n_entries = int(partitions.lengths.sum()), int(partitions.entries.sum())
    n_classes = int(np.count_nonzero(code.present))
    n_scores = 1 if n_classes == 2 else n_classes
    entries_a_row = n_entries / n_rows if is_sparse else None
    step = rows_a_block(stub.shape[1], stub.dtype, n_scores, entries_a_row)
    rows = cut(partitions, step, code)
    magnitudes = Magnitudes.of(rows)
    magnitudes.check(stub.dtype, estimator)
    rows = magnitudes.widened(rows, stub.dtype)
    by_class, means = rows.sum(partial(sums_of, n_classes=n_classes))
    return validation.Encoded(
        rows=rows.bundled(),
        all_classes=classes,
        present=code.present,
        class_weight=by_class,
        center=means.values,
        n_rows=n_rows,
        n_features=stub.shape[1],
        n_entries=n_entries,
        dtype=stub.dtype,
        is_sparse=is_sparse,
        magnitudes=magnitudes,
    )


def sums_of(block, n_classes):
    """Of a block, the weight of each class and the means of the columns."""
    return targets.weight_of_classes(block.target, block.weight, n_classes), Means.of(block)


def check(estimator, X, y, sample_weight):
    """No rows of X, and the checked chunks of all that was passed, by its name."""
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    given = {name: whole_rows(values, name) for name, values in given.items() if values is not None}
    stub, name = validated_stub(estimator, given["X"]), type(estimator).__name__
    check_shape_of_labels(y)
    checks = {
        "X": partial(check_columns, dtype=stub.dtype, name=name),
        "y": partial(check_distributions if is_soft(y) else check_labels, name=name),
        "sample_weight": check_weights,
    }
    checked = check_chunks({part: (values, checks[part]) for part, values in given.items()})
    check_alike(checked, estimator, stub)
    return stub, checked


# -- what is known before a chunk is looked at ----------------------------------------------------


def whole_rows(values, name):
    """A collection whose chunks hold all columns of their rows."""
    if isinstance(values, Delayed) or (validation.on_dask(values) and not hasattr(values, "ndim")):
        raise TypeError(
            f"{name} must be an array or a data frame, of Dask or not, got {type(values).__name__}"
        )
    blocks = getattr(values, "numblocks", ())
    if len(blocks) == 2 and blocks[1] > 1:
        warnings.warn(
            f"{name} is cut along its columns, in {blocks[1]} chunks, and is rechunked; this moves "
            "data between workers: make chunks of whole rows.",
            stacklevel=5,
        )
        return values.rechunk({1: -1})
    return values


def validated_stub(estimator, X, reset=True):
    """No rows of X, as scikit-learn has them checked, and the estimator's features with them."""
    return validate_data(
        estimator, validation.without_rows(X), accept_sparse="csr", dtype=validation.FLOATS,
        ensure_min_samples=0, reset=reset,
    )  # fmt: skip


def is_soft(y):
    """Whether y is a floating matrix of at least two columns, and so no labels."""
    if not validation.on_dask(y):
        return targets.is_matrix(y)
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    frame = hasattr(y, "columns")
    dtypes = y.dtypes if frame else [y.dtype]
    shape = ("n_samples", y.shape[1]) if frame else y.shape
    targets.check_no_indicators(shape, [str(dtype).lower() for dtype in dtypes])
    return all(getattr(dtype, "kind", "") == "f" for dtype in dtypes)


def check_shape_of_labels(y):
    """Warn of labels in a column, as scikit-learn does."""
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape "
            "of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=5,
        )


def check_columns(chunk, dtype, name):
    """A chunk of X, and whether it is sparse."""
    X = check_array(
        validation.matrix(chunk), accept_sparse="csr", dtype=dtype, estimator=name, input_name="X",
        ensure_min_samples=0,
    )  # fmt: skip
    return X, sp.issparse(X)


def check_labels(chunk, name):
    """A chunk of labels by their places among its own classes, and these."""
    y = column_or_1d(chunk)
    if len(y) == 0:
        return np.zeros(0, dtype=np.uint8), None
    check_array(y, ensure_2d=False, dtype=None, estimator=name, input_name="y")
    check_classification_targets(y)
    classes, labels = targets.encode_labels(y)
    return labels, classes


def check_distributions(chunk, name):
    """Soft targets; whether they are distributions is asked of rows that have weight."""
    y = as_numpy(chunk)
    y = check_array(y, dtype=None, estimator=name, input_name="y", ensure_min_samples=0)
    return y, None


def check_weights(chunk):
    """A chunk of sample weights, and nothing else to know of it."""
    return validation.check_weight_values(chunk), None


def check_alike(checked, estimator, stub):
    """Raise a ValueError unless all have as many rows, one at least, and X is of one kind."""
    check_lengths(checked)
    if checked["X"].lengths.sum() == 0:
        check_array(stub, accept_sparse=True, estimator=estimator)  # says that there are no rows
    if len(set(checked["X"].notes)) > 1:
        raise ValueError("X has sparse and dense chunks: make all of them one or the other")


def union(parts):
    """Sorted classes of all chunks."""
    if len({part.dtype.kind in "biuf" for part in parts}) > 1:
        # Numbers beside strings are no classes, and must not become strings to hide it.
        parts = [part.astype(object) for part in parts]
    return targets.encode_labels(np.concatenate(parts))[0]
