"""Predictions on collections of Dask: chunk by chunk, and lazily."""

import dask
import numpy as np
from dask.delayed import delayed
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from sksoftmax import dask_chunks, dask_gate


def by_chunks(estimator, method, X):
    """What a method of rows gives of each chunk, as an array of Dask in chunks of as many rows."""
    check_is_fitted(estimator)
    X = dask_gate.whole_rows(X, "X")
    stub = dask_gate.validated_stub(estimator, X, reset=False)
    like = getattr(estimator, method)(typical_row(X, stub))
    options = {"model": delayed(estimator, traverse=False), "method": method, "empty": like[:0]}
    if hasattr(X, "columns"):
        return X.map_partitions(of_chunk, **options, meta=like[:0])
    options |= {"meta": like[:0], "dtype": like.dtype, "name": f"sksoftmax-{method}"}
    if like.ndim == 1:
        return X.map_blocks(of_chunk, **options, drop_axis=1)
    return X.map_blocks(of_chunk, **options, chunks=(X.chunks[0], like.shape[1:]))


def typical_row(X, stub):
    """A row that may be features, scores or probabilities: what it gives has the right columns."""
    row = np.full((1, stub.shape[1]), 1 / stub.shape[1], dtype=stub.dtype)
    return type(X._meta)(row, columns=X.columns) if hasattr(X, "columns") else row


def of_chunk(chunk, model, method, empty):
    return getattr(model, method)(chunk) if chunk.shape[0] else empty


def accuracy(estimator, X, y, sample_weight):
    """The share of rows, by weight, whose predicted class is that of y."""
    given = {"X": (estimator.predict(X), labels_of), "y": (y, labels_of)}
    if sample_weight is not None:
        given["sample_weight"] = (sample_weight, dask_gate.check_weights)
    checked = dask_chunks.check_chunks(given)
    dask_chunks.check_lengths(checked)
    sums = [delayed(count_hits)(chunk, *parts) for chunk, *parts in dask_chunks.beside(checked)]
    right, total = np.sum(dask.compute(sums)[0], axis=0)
    return float(right / total)


def labels_of(chunk):
    return np.asarray(column_or_1d(chunk)), None


def count_hits(predicted, labels, weights=None):
    """Weight of the rows that are right, and of all."""
    labels = np.concatenate([part.values[own] for part, own in labels] or [predicted.values])
    right = predicted.values == labels
    if weights is None:
        return right.sum(), len(right)
    weight = np.concatenate([part.values[own] for part, own in weights] or [np.zeros(0)])
    return right @ weight, weight.sum()
