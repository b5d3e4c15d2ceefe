"""Checking and encoding of training data that Dask holds: what ``_data.validation`` does in memory.

The chunks of X determine the partitions of the rows; labels and weights are aligned with them.
"""

from dataclasses import replace
from functools import partial
from numbers import Real

import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sksoftmax._data import targets, validation, weights
from sksoftmax._data.checks import check_array, validate_data
from sksoftmax._data.dask.chunks import check_chunks, check_lengths, releasing_on_error
from sksoftmax._data.dask.partitions import (
    DistributionTargets,
    LabelTargets,
    TargetEncoding,
    cut_into_blocks,
    encode_chunks,
    split_held_out,
)
from sksoftmax._data.magnitudes import Magnitudes
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._objective.rows import Means, rows_a_block
from sksoftmax._runtime.types import FLOATS
from sksoftmax._runtime.warn import warn
from sksoftmax._solvers import STREAMS


@releasing_on_error
def encode(
    estimator, X, y, sample_weight=None, class_weight=None,
    *, label_smoothing=0.0, hold_out=None,
):  # fmt: skip
    """Encode training data of which Dask holds at least X, as ``validation.encode`` does."""
    check_solver(estimator)
    validation.check_given(y, type(estimator).__name__)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    uniform_weight = None
    if isinstance(sample_weight, Real):
        (uniform_weight,) = weights.check_weight_values([float(sample_weight)])
        sample_weight = None
    meta, checked = check(estimator, X, y, sample_weight)
    is_sparse = bool(checked["X"].infos[0])
    if is_soft(y):
        reader = DistributionTargets.of(targets.column_names(y), y.shape[1], meta.dtype)
    else:
        reader = LabelTargets(union_of_classes(checked["y"].infos))
    classes = reader.classes
    zero = weights.without_class_weight(class_weight, classes)
    partitions = encode_chunks(checked, reader, uniform_weight, zero)
    weights.check_some_weight(partitions.persisted)
    targets.check_classes(classes)
    parts = [partitions]
    if hold_out is not None:
        parts = split_held_out(partitions, len(classes), hold_out)
    encoding = TargetEncoding(np.ones(len(classes), dtype=bool), label_smoothing, meta.dtype)
    encoding = encoding.with_class_weight(class_weight, classes, parts[0].by_class)
    encoding = encoding._replace(present=validation.present_classes(estimator, encoding.by_class))
    data, *others = [
        encode_partitions(estimator, part, encoding, classes, is_sparse, meta) for part in parts
    ]
    targets.check_range(data.class_weight)
    return replace(data, held_out=others[0]) if others else data


def check_solver(estimator):
    """Raise a ValueError where the solver takes rows in random order, from memory alone."""
    if getattr(estimator, "solver", None) in STREAMS:
        raise ValueError(
            f"solver={estimator.solver!r} needs rows in memory, and X is a collection of Dask: "
            "pass its chunks, computed, to partial_fit, or take another solver"
        )


def encode_partitions(estimator, partitions, encoding, classes, is_sparse, meta):
    """The rows of partitions, in blocks, as ``Encoded``.

    meta : array of shape (0, n_features), of the dtype of X
    """
    n_rows, n_entries = int(partitions.lengths.sum()), int(partitions.n_entries.sum())
    n_classes = int(np.count_nonzero(encoding.present))
    n_scores = 1 if n_classes == 2 else n_classes
    entries_a_row = n_entries / n_rows if is_sparse else None
    step = rows_a_block(meta.shape[1], meta.dtype, n_scores, entries_a_row)
    rows = cut_into_blocks(partitions, step, encoding)
    magnitudes = Magnitudes.of(rows)
    magnitudes.check(meta.dtype, estimator)
    rows = magnitudes.widened(rows, meta.dtype)
    by_class, means = rows.sum(partial(_weights_and_means, n_classes=n_classes))
    return validation.Encoded(
        rows=rows.grouped(),
        all_classes=classes,
        present=encoding.present,
        class_weight=by_class,
        center=means.values,
        n_rows=n_rows,
        n_features=meta.shape[1],
        n_entries=n_entries,
        dtype=meta.dtype,
        is_sparse=is_sparse,
        magnitudes=magnitudes,
    )


def _weights_and_means(block, n_classes):
    """The weight of each class in a block, and the means of the columns."""
    return targets.weight_of_classes(block.target, block.weight, n_classes), Means.of(block)


def check(estimator, X, y, sample_weight):
    """X without its rows, of shape (0, n_features), and the checked chunks of each argument."""
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    given = {name: whole_rows(values, name) for name, values in given.items() if values is not None}
    meta, name = validated_meta(estimator, given["X"]), type(estimator).__name__
    check_shape_of_labels(y)
    checks = {
        "X": partial(check_columns, dtype=meta.dtype, name=name),
        "y": partial(check_distributions if is_soft(y) else check_labels, name=name),
        "sample_weight": check_weights,
    }
    checked = check_chunks({part: (values, checks[part]) for part, values in given.items()})
    check_lengths(checked)
    if checked["X"].lengths.sum() == 0:
        check_array(meta, accept_sparse=True, estimator=estimator)  # says that there are no rows
    if len(set(checked["X"].infos)) > 1:
        raise ValueError("X has sparse and dense chunks: make all of them one or the other")
    return meta, checked


# -- checks of collections, before any chunk is computed ------------------------------------------


def whole_rows(values, name):
    """The collection, rechunked if its chunks do not hold all columns of their rows."""
    if isinstance(values, Delayed) or (validation.on_dask(values) and not hasattr(values, "ndim")):
        raise TypeError(
            f"{name} must be an array or a data frame, of Dask or not, got {type(values).__name__}"
        )
    blocks = getattr(values, "numblocks", ())
    if len(blocks) == 2 and blocks[1] > 1:
        warn(
            f"{name} is cut along its columns, in {blocks[1]} chunks, and is rechunked; this moves "
            "data between workers: make chunks of whole rows.",
        )
        return values.rechunk({1: -1})
    return values


def validated_meta(estimator, X, reset=True):
    """X without its rows, of shape (0, n_features), after ``validate_data``.

    reset : bool, whether the estimator's features are set, or else checked
    """
    return validate_data(
        estimator, validation.without_rows(X), accept_sparse="csr", dtype=FLOATS,
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
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape "
            "of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
        )


# -- checks of chunks, each of which returns values and info --------------------------------------


def check_columns(chunk, dtype, name):
    """A chunk of X, and whether it is sparse."""
    X = check_array(
        validation.matrix(chunk), accept_sparse="csr", dtype=dtype, estimator=name, input_name="X",
        ensure_min_samples=0,
    )  # fmt: skip
    return X, sp.issparse(X)


def check_labels(chunk, name):
    """The labels of a chunk as indices of its own classes, and these; None for no rows."""
    y = column_or_1d(chunk)
    if len(y) == 0:
        return np.zeros(0, dtype=np.uint8), None
    check_array(y, ensure_2d=False, dtype=None, estimator=name, input_name="y")
    check_classification_targets(y)
    classes, labels = targets.encode_labels(y)
    return labels, classes


def check_distributions(chunk, name):
    """Soft targets, and no info; whether rows with weight are distributions is checked later."""
    y = as_numpy(chunk)
    y = check_array(y, dtype=None, estimator=name, input_name="y", ensure_min_samples=0)
    return y, None


def check_weights(chunk):
    """A chunk of sample weights, and no info."""
    return weights.check_weight_values(chunk), None


def union_of_classes(parts):
    """The sorted classes of all chunks, from those of each; None of a chunk without rows."""
    parts = [part for part in parts if part is not None]
    if len({part.dtype.kind in "biuf" for part in parts}) > 1:
        # As objects, so that numbers beside strings raise and do not become strings.
        parts = [part.astype(object) for part in parts]
    return targets.encode_labels(np.concatenate(parts))[0]
