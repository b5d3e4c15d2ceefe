"""Lazy predictions on Dask collections, chunk by chunk, and the accuracy on them."""

from functools import partial
from numbers import Real

import dask
import numpy as np
from dask.delayed import delayed
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data.checks import check_array
from sksoftmax._data.dask import chunks
from sksoftmax._data.dask import validation as dask_validation


def by_chunks(estimator, method, X):
    """Apply a method of an estimator to each chunk, lazily.

    Returns
    -------
    dask.array.Array, in chunks of as many rows as those of X
    """
    check_is_fitted(estimator)
    X = dask_validation.whole_rows(X, "X")
    meta = dask_validation.validated_meta(estimator, X, reset=False)
    example = getattr(estimator, method)(_example_row(X, meta))
    if type(example) is not np.ndarray:
        raise TypeError(
            f"{method} gives arrays of Dask where X is a collection of it, and set_output asks for "
            f"{type(example).__name__}: call set_output(transform='default')"
        )
    options = {"model": delayed(estimator, traverse=False), "method": method, "empty": example[:0]}
    if hasattr(X, "columns"):
        return X.map_partitions(_predict_chunk, **options, meta=example[:0])
    options |= {"meta": example[:0], "dtype": example.dtype, "name": f"sksoftmax-{method}"}
    if example.ndim == 1:
        return X.map_blocks(_predict_chunk, **options, drop_axis=1)
    return X.map_blocks(_predict_chunk, **options, chunks=(X.chunks[0], example.shape[1:]))


def _example_row(X, meta):
    """A row, of shape (1, n_features), that is valid as features, scores and probabilities."""
    row = np.full((1, meta.shape[1]), 1 / meta.shape[1], dtype=meta.dtype)
    return type(X._meta)(row, columns=X.columns) if hasattr(X, "columns") else row


def _predict_chunk(chunk, model, method, empty, block_id=None, partition_info=None):
    """The method's result for a chunk; Dask passes its number in one of the last two arguments."""
    if not chunk.shape[0]:
        return empty
    try:
        return getattr(model, method)(chunk)
    except (TypeError, ValueError) as error:
        number = block_id[0] if partition_info is None else partition_info["number"]
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{error}\nThis is chunk {number} of X.") from error


@chunks.releasing_on_error
def accuracy(estimator, X, y, sample_weight):
    """The weighted fraction of rows whose predicted class is that of y."""
    X = estimator.predict(X)
    comparable = partial(_check_comparable, kind=X.dtype.kind)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    given = {"X": (X, _check_1d), "y": (y, comparable)}
    if isinstance(sample_weight, Real):
        raise TypeError(f"sample_weight must be an array, a number a row, got {sample_weight!r}")
    if sample_weight is not None:
        given["sample_weight"] = (sample_weight, dask_validation.check_weights)
    checked = chunks.check_chunks(given)
    chunks.check_lengths(checked)
    sums = [delayed(_correct_weight)(chunk, *slices) for chunk, *slices in chunks.align(checked)]
    right, total = np.sum(dask.compute(sums)[0], axis=0)
    if not total:
        raise ValueError("there are no rows to score, or none has any weight")
    return float(right / total)


def _check_1d(chunk):
    """The labels of a chunk, of shape (n_rows,), and no info."""
    return np.asarray(column_or_1d(chunk)), None


def _check_comparable(chunk, kind):
    """Labels that can be compared to predictions of that kind of dtype."""
    labels, _ = _check_1d(chunk)
    check_array(labels, ensure_2d=False, dtype=None, input_name="y", ensure_min_samples=0)
    if kind in "biuf" and labels.dtype.kind in "OSUT" and any(map(_is_text, labels)):
        raise ValueError("y has strings for labels, and the model was fitted on numbers")
    if kind in "SUT" and labels.dtype.kind in "biuf":
        raise ValueError("y has numbers for labels, and the model was fitted on strings")
    return labels, None


def _is_text(label):
    return isinstance(label, str)


def _correct_weight(predicted, labels, weights=None):
    """The weight of the rows of a chunk that are predicted right, and of all its rows."""
    right = predicted.values == chunks.concatenated(labels, predicted.values)
    if weights is None:
        return right.sum(), len(right)
    weight = chunks.concatenated(weights, np.zeros(0))
    return right @ weight, weight.sum()
