"""Scores, probabilities and classes of a linear model, block by block of rows."""

from math import isfinite

import numpy as np
import scipy.sparse as sp

from sksoftmax._functions import on_numpy
from sksoftmax._objective.kernels import class_major_scores, losses_and_residuals
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import block_rows
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.quiet import quiet

# Below this many products, the interpreter's overhead is all there is.
FEW = 2**12
# Multiplications of a product up to which BLAS uses one thread anyway.
FEW_FOR_THREADS = 2**18
# Rows below which sparse coefficients are used as they are, and the share of those of the columns
# used that are not zero, below which they are too.
FEW_ROWS = 4
SPARSE = 0.03
# The share of columns above which it is faster not to pick them out: of dense rows, and, over the
# number of scores, of sparse ones.
MOSTLY = 0.3
SCORES_OF_PICKING = 500


def scores(X, coef, intercept):
    """``X @ coef.T + intercept``, (n_rows, n_scores)."""
    few = _few_scores(X, coef, intercept)
    if few is not None:
        return few
    result = np.empty((X.shape[0], len(intercept)), dtype=_dtype(X, coef))

    def write(rows, block):
        result[rows] = block.T

    _by_blocks(write, X, coef, intercept)
    return result


def probabilities(X, coef, intercept):
    """Softmax of the scores, (n_rows, n_classes)."""
    if _are_few(X, coef):
        few = _few_probabilities(X, coef, intercept)
        if few is not None:
            return few
    return _applied(on_numpy.softmax, X, coef, intercept)


def log_probabilities(X, coef, intercept):
    """Log-softmax of the scores, (n_rows, n_classes)."""
    return _applied(on_numpy.log_softmax, X, coef, intercept)


def own_log_probabilities(X, target, coefs, intercepts):
    """Of each row's own class, by each of some models, (n_models, n_rows).

    target : ndarray of shape (n_rows,), indices of classes
    coefs : ndarray of shape (n_models, n_scores, n_features)
    intercepts : ndarray of shape (n_models, n_scores), -inf for a class without probability
    """
    n_models, n_scores = intercepts.shape
    coef = coefs.swapaxes(0, 1).reshape(n_scores * n_models, -1)
    result = np.empty((n_models, X.shape[0]))

    def write(rows, block):
        own = np.tile(target[rows], n_models)
        # To the kernel they are the rows as often as there are models.
        losses = losses_and_residuals(block.reshape(n_scores, -1), own, np.ones(len(own)))
        result[:, rows] = -losses.reshape(n_models, -1)

    _by_blocks(write, X, coef, intercepts.T.ravel())
    return result


def largest(X, coef, intercept):
    """Index of the class with the largest score, which needs no probabilities."""
    few = _few_scores(X, coef, intercept)
    if few is not None:
        return (few > 0).ravel().astype(np.intp) if few.shape[1] == 1 else few.argmax(axis=1)
    result = np.empty(X.shape[0], dtype=np.intp)

    def write(rows, block):
        result[rows] = block[0] > 0 if len(block) == 1 else block.argmax(axis=0)

    _by_blocks(write, X, coef, intercept)
    return result


def _are_few(X, coef):
    return X.shape[0] * coef.size <= FEW and not (sp.issparse(X) or sp.issparse(coef))


@quiet
def _few_scores(X, coef, intercept):
    """Scores of few rows in as few calls as can be; None of more, or near the range's end."""
    if not _are_few(X, coef):
        return None
    scores = X @ coef.T + intercept
    return scores if isfinite(np.vdot(scores, scores)) else None


@quiet
def _few_probabilities(X, coef, intercept):
    """Softmax of a few rows in few NumPy calls; None where scores are not finite."""
    scores = X @ coef.T + intercept
    if scores.shape[1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    total = scores.sum(axis=1, keepdims=True)
    scores /= total
    return scores if np.isfinite(total).all() else None


def _applied(function, X, coef, intercept):
    n_classes = max(2, len(intercept))
    result = np.empty((X.shape[0], n_classes), dtype=_dtype(X, coef))

    def write(rows, block):
        if len(block) == 1:
            block = np.concatenate([np.zeros_like(block), block])
        function(block, axis=0, temperature=1.0, where=None, out=result[rows].T, empty=np.nan)

    _by_blocks(write, X, coef, intercept)
    return result


def _by_blocks(consume, X, coef, intercept):
    """Call ``consume`` with slices of rows and their scores, (n_scores, n_rows)."""
    used, coef = _used(X, coef)
    coef_t = coef.T if sp.issparse(coef) else np.ascontiguousarray(coef.T)
    dense = not (sp.issparse(X) or sp.issparse(coef))
    run = _limited_run if dense and X.shape[0] * coef.size > FEW_FOR_THREADS else _run
    run(consume, X, used, coef_t, intercept[:, None])


@quiet  # scores out of all range are refused
def _run(consume, X, used, coef_t, intercept):
    step = block_rows(X, len(intercept))
    for start in range(0, X.shape[0], step):
        block = row_slice(X, start, min(start + step, X.shape[0]))
        block = block if used is None else block[:, used]
        scores = class_major_scores(block, coef_t, intercept)
        if not isfinite(scores.sum()):
            _check_finite(scores, coef_t, intercept, start)
        consume(slice(start, start + step), scores)


_limited_run = single_threaded_blas(_run)


def _check_finite(scores, coef_t, intercept, start):
    """Raise a ValueError for the first row whose scores are out of all range.

    Coefficients that are not finite are to blame before any row, as they may be set by hand.
    Infinite scores would not tell which class leads. A class may be ruled out by its intercept.
    """
    lost = ~np.isfinite(scores[np.isfinite(intercept.ravel())]).all(axis=0)
    if lost.any():
        coef = coef_t.data if sp.issparse(coef_t) else coef_t
        if not np.isfinite(coef).all() or np.isnan(intercept).any():
            raise ValueError(
                "coef_ and intercept_ must be finite to predict with: fit, or set them"
            )
        raise ValueError(
            f"row {start + int(lost.argmax())} of X has scores beyond the range of {scores.dtype}: "
            "its entries are too large for coef_; impute or divide them as in fit"
            + (", or pass X as float64" if scores.dtype == np.float32 else "")
        )


def _used(X, coef):
    """The columns that sparse coefficients need of X, and their coefficients, dense.

    None is all columns, where few are not needed. Coefficients stay sparse where so few of those
    columns' are not zero, or so few rows are asked for, that their sparse product is faster.
    """
    if not sp.issparse(coef):
        return None, coef
    n_scores, n_columns = coef.shape
    used = np.zeros(n_columns, dtype=bool)
    used[coef.tocsr().indices] = True
    used = np.flatnonzero(used)
    entries = X.nnz if sp.issparse(X) else X.size
    if entries < FEW_ROWS * n_columns or coef.nnz < SPARSE * len(used) * n_scores:
        return None, coef
    # What picks them out of sparse rows looks at all entries, and the product at each once a score.
    most = n_scores / SCORES_OF_PICKING if sp.issparse(X) else MOSTLY
    coef = coef.toarray()
    return (used, coef[:, used]) if len(used) <= most * n_columns else (None, coef)


def _dtype(X, coef):
    return np.result_type(X.dtype, coef.dtype)
