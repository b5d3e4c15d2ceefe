"""Softmax and log-softmax of few rows in as few NumPy calls as possible.

Layouts and the order of sums are those of ``on_numpy``, and so are the results to the last bit. The
caller ignores floating-point errors.
"""

import numpy as np

from sksoftmax._functions import on_numpy


def softmax_of_few(scores):
    """The softmax along the last axis of a contiguous vector or matrix, as of `on_numpy.softmax`.

    None if the exponentials of some row overflow or are all small, so that it must be shifted.
    """
    if scores.size == scores.shape[-1]:
        return _softmax_of_one(scores)
    matrix = scores.reshape(-1, scores.shape[-1])
    if matrix.shape[1] > on_numpy.MOST_CLASSES_TRANSPOSED:
        exponentials = np.exp(matrix)
        total = np.add.reduce(exponentials, axis=1, keepdims=True)
    else:
        exponentials = _class_major(matrix)
        np.exp(exponentials, out=exponentials)
        total = np.add.reduce(exponentials, axis=0)
    least, most = np.minimum.reduce(total, axis=None), np.maximum.reduce(total, axis=None)
    if not (least >= on_numpy.LEAST_TOTAL and most < np.inf):
        return None
    if total.ndim == 2:
        return np.divide(exponentials, total, out=exponentials).reshape(scores.shape)
    result = np.empty(matrix.shape, matrix.dtype)
    n_rows = len(matrix)
    np.divide(exponentials[:, :n_rows], total[:n_rows], out=result.T)
    return result.reshape(scores.shape)


def _softmax_of_one(scores):
    """The same of a single row."""
    probabilities = np.exp(scores)
    # Few classes are added one after the other, as where each is a row of the matrix.
    one_by_one = scores.size <= on_numpy.MOST_CLASSES_TRANSPOSED
    total = np.add.accumulate(probabilities, -1).flat[-1] if one_by_one else probabilities.sum()
    if not on_numpy.LEAST_TOTAL <= total < np.inf:
        return None
    probabilities /= total
    return probabilities


def log_softmax_of_few(scores):
    """The log-softmax, as of `on_numpy.log_softmax`; None if a row's maximum is not finite."""
    matrix = scores.reshape(-1, scores.shape[-1])
    n_rows, n_classes = matrix.shape
    result = np.empty(matrix.shape, matrix.dtype)
    if n_classes > on_numpy.MOST_CLASSES_TRANSPOSED:
        block = on_numpy.Block(matrix, None, result, result, -1)
        shifted = block.shift()
        if not shifted.finite:
            return None
        result -= block.log_partition(np.exp(result), shifted.top)
        return result.reshape(scores.shape)
    shifted = _class_major(matrix)
    maximum = np.maximum.reduce(shifted, axis=0)
    if not np.isfinite(maximum).all():
        return None
    shifted -= maximum
    # As `Block.log_partition` does.
    exponentials = np.exp(shifted)
    largest = np.floor(exponentials)
    exponentials -= largest
    rest = np.add.reduce(exponentials, axis=0) + (np.add.reduce(largest, axis=0) - 1)
    np.subtract(shifted[:, :n_rows], np.log1p(rest)[:n_rows], out=result.T)
    return result.reshape(scores.shape)


def _class_major(matrix):
    """A copy of shape (n_classes, n_rows); a single row stands twice, see ``on_numpy._blocks``."""
    n_rows, n_classes = matrix.shape
    if n_rows == 1:
        return matrix.reshape(n_classes, 1).repeat(2, axis=1)
    return matrix.T.copy()
