"""Scores, probabilities and classes of a linear model, block by block of rows."""

import numpy as np
import scipy.sparse as sp

from sksoftmax import functions_numpy
from sksoftmax.rows import block_rows, row_slice


def scores(X, coef, intercept):
    """``X @ coef.T + intercept``, (n_rows, n_scores)."""
    product = X @ (coef.T if sp.issparse(coef) else np.ascontiguousarray(coef.T))
    product = product.toarray() if sp.issparse(product) else product
    product += intercept
    return product


def log_probabilities(X, coef, intercept):
    return _by_blocks(functions_numpy.log_softmax, X, coef, intercept)


def probabilities(X, coef, intercept):
    return _by_blocks(functions_numpy.softmax, X, coef, intercept)


def largest(X, coef, intercept):
    """Index of the class with the largest score, which needs no probabilities."""
    indices = np.empty(X.shape[0], dtype=np.intp)
    for rows, block in _blocks(X, len(intercept)):
        block_scores = scores(block, coef, intercept)
        indices[rows] = (
            block_scores[:, 0] > 0 if len(intercept) == 1 else block_scores.argmax(axis=1)
        )
    return indices


def _by_blocks(function, X, coef, intercept):
    n_classes = max(2, len(intercept))
    dtype = np.result_type(X.dtype, coef.dtype, intercept.dtype)
    result = np.empty((X.shape[0], n_classes), dtype=dtype)
    for rows, block in _blocks(X, n_classes):
        block_scores = scores(block, coef, intercept)
        if block_scores.shape[1] == 1:
            block_scores = np.column_stack([np.zeros_like(block_scores), block_scores])
        function(
            block_scores, axis=-1, temperature=1.0, where=None, out=result[rows], empty="nan"
        )
    return result


def _blocks(X, n_classes):
    step = block_rows(X, n_classes)
    for start in range(0, X.shape[0], step):
        yield slice(start, start + step), row_slice(X, start, start + step)
