"""Predictions on collections of Dask: chunk by chunk, and lazily."""

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
    """What a method of rows gives of each chunk, as an array of Dask in chunks of as many rows."""
    check_is_fitted(estimator)
    X = dask_validation.whole_rows(X, "X")
    stub = dask_validation.validated_stub(estimator, X, reset=False)
    like = getattr(estimator, method)(typical_row(X, stub))
    if type(like) is not np.ndarray:
        raise TypeError(
            f"{method} gives arrays of Dask where X is a collection of it, and set_output asks for "
            f"{type(like).__name__}: call set_output(transform='default')"
        )
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


def of_chunk(chunk, model, method, empty, block_id=None, partition_info=None):
    """What the method gives of a chunk, of whose place Dask tells one of the last two."""
    if not chunk.shape[0]:
        return empty
    try:
        return getattr(model, method)(chunk)
    except (TypeError, ValueError) as error:
        number = block_id[0] if partition_info is None else partition_info["number"]
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{error}\nThis is chunk {number} of X.") from error


@chunks.forgetful
def accuracy(estimator, X, y, sample_weight):
    """The share of rows, by weight, whose predicted class is that of y."""
    X = estimator.predict(X)
    same_kind = partial(check_kind, kind=X.dtype.kind)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    given = {"X": (X, labels_of), "y": (y, same_kind)}
    if isinstance(sample_weight, Real):
        raise TypeError(f"sample_weight must be an array, a number a row, got {sample_weight!r}")
    if sample_weight is not None:
        given["sample_weight"] = (sample_weight, dask_validation.check_weights)
    checked = chunks.check_chunks(given)
    chunks.check_lengths(checked)
    sums = [delayed(count_hits)(chunk, *parts) for chunk, *parts in chunks.beside(checked)]
    right, total = np.sum(dask.compute(sums)[0], axis=0)
    if not total:
        raise ValueError("there are no rows to score, or none has any weight")
    return float(right / total)


def labels_of(chunk):
    """Labels of a chunk, as a check returns them."""
    return np.asarray(column_or_1d(chunk)), None


def check_kind(chunk, kind):
    """Labels that can be compared to predictions of a kind of dtype."""
    labels, _ = labels_of(chunk)
    check_array(labels, ensure_2d=False, dtype=None, input_name="y", ensure_min_samples=0)
    if kind in "biuf" and labels.dtype.kind in "OSUT" and any(map(is_text, labels)):
        raise ValueError("y has strings for labels, and the model was fitted on numbers")
    if kind in "SUT" and labels.dtype.kind in "biuf":
        raise ValueError("y has numbers for labels, and the model was fitted on strings")
    return labels, None


def is_text(label):
    """Whether a label is text."""
    return isinstance(label, str)


def count_hits(predicted, labels, weights=None):
    """Weight of the rows that are right, and of all."""
    labels = np.concatenate([part.values[own] for part, own in labels] or [predicted.values])
    right = predicted.values == labels
    if weights is None:
        return right.sum(), len(right)
    weight = np.concatenate([part.values[own] for part, own in weights] or [np.zeros(0)])
    return right @ weight, weight.sum()
