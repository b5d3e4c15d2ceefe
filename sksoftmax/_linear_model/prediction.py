"""Scores, probabilities and classes of a linear model, block by block of rows.

Up to `FEW_CLASSES` the scores of a block are class-major, ``(n_scores, n_rows)``, since NumPy is
slow on a short last axis; those of more are row-major, as they are returned.

Entries of X are checked here and not before: a block is read once, into the cache, to add up its
squares. Their sum is finite where the entries are, unless these are very large, and with the norm
of the coefficients it bounds the scores by Cauchy and Schwarz, which then need no check.
"""

from math import isfinite, sqrt

import numpy as np
import scipy.sparse as sp

from sksoftmax._data.checks import assert_all_finite
from sksoftmax._functions import on_numpy
from sksoftmax._objective.kernels import class_major_scores, losses_and_residuals
from sksoftmax._objective.row_selection import array_of, row_slice
from sksoftmax._objective.rows import block_rows
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.quiet import quiet

# Numbers of scores so small that the interpreter's calls are most of what they cost.
FEW = 2**12
FEW_CLASSES = 64
# Multiplications of a product up to which BLAS uses one thread anyway.
FEW_FOR_THREADS = 2**18
# Bytes of row-major scores that stay in the cache, and rows from which on a product is efficient.
SCORE_BYTES = 2**20
MOST_ROWS = 512
# Sparse coefficients are used as they are for fewer rows than this, and where fewer than this share
# of the coefficients of the columns used are not zero.
FEW_ROWS = 4
SPARSE = 0.03
# The columns used are picked out of X where their share is at most this, of dense X, or at most the
# number of scores over this, of sparse X.
MOSTLY = 0.3
SCORES_OF_PICKING = 500
# Arguments of the softmax functions of `on_numpy`.
OPTIONS = {"temperature": 1.0, "where": None, "empty": np.nan}


def scores(X, coef, intercept):
    """``X @ coef.T + intercept``, (n_rows, n_scores)."""
    few = _few(X, coef, intercept)
    if few is not None:
        return few
    result = np.empty((X.shape[0], len(intercept)), dtype=_dtype(X, coef))

    def write(rows, block):
        result[rows] = block

    _by_blocks(write, X, coef, intercept)
    return result


def probabilities(X, coef, intercept):
    """Softmax of the scores, (n_rows, n_classes)."""
    few = _few(X, coef, intercept)
    if few is not None:
        return _softmax_of_few(few)
    if len(intercept) > 1:
        return _applied(on_numpy.softmax, X, coef, intercept)
    result = np.empty((X.shape[0], 2), dtype=_dtype(X, coef))
    _by_blocks(lambda rows, block: _sigmoids(block[:, 0], result[rows]), X, coef, intercept)
    return result


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
        # To the kernel, rows under each model are rows of their own.
        block = np.ascontiguousarray(block.T).reshape(n_scores, -1)
        losses = losses_and_residuals(block, own, np.ones(len(own)))
        result[:, rows] = -losses.reshape(n_models, -1)

    _by_blocks(write, X, coef, intercepts.T.ravel())
    return result


def largest(X, coef, intercept):
    """Index of the class with the largest score, which needs no probabilities."""
    few = _few(X, coef, intercept)
    if few is not None:
        return _index_of_largest(few)
    result = np.empty(X.shape[0], dtype=np.intp)

    def write(rows, block):
        result[rows] = _index_of_largest(block)

    _by_blocks(write, X, coef, intercept)
    return result


def top(X, coef, intercept, k):
    """Indices of the k classes with the largest scores and their probabilities, (n_rows, k).

    The larger ones come first, and of equal ones the first class.
    """
    indices = np.empty((X.shape[0], k), dtype=np.intp)
    shares = np.empty((X.shape[0], k), dtype=_dtype(X, coef))

    def write(rows, block):
        block = np.ascontiguousarray(_of_classes(block))
        first = _first_of_sorted(block, k)
        indices[rows] = first
        on_numpy.softmax(block, axis=1, out=block, **OPTIONS)
        shares[rows] = np.take_along_axis(block, first, axis=1)

    _by_blocks(write, X, coef, intercept)
    return indices, shares


def _first_of_sorted(scores, k):
    """The first k indices of a stable sort of each row from the largest score down."""
    first = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
    own = np.take_along_axis(scores, first, axis=1)
    # Of classes that tie for the k-th score a partition takes any.
    tied = np.count_nonzero(scores >= own.min(axis=1, keepdims=True), axis=1) > k
    first = np.take_along_axis(first, np.argsort(-own, axis=1, kind="stable"), axis=1)
    first[tied] = np.argsort(-scores[tied], axis=1, kind="stable")[:, :k]
    return first


def _index_of_largest(scores):
    """The first of the largest scores of each row, (n_rows,)."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    if scores.flags.c_contiguous:
        return scores.argmax(axis=1)
    # Class-major: each class is compared with the maximum, in passes over whole classes.
    by_class, n_scores = scores.T, scores.shape[1]
    top = by_class.max(axis=0)
    rank = np.zeros(len(scores), dtype=np.uint8)
    for k, own in enumerate(by_class):
        np.maximum(rank, (own == top) * np.uint8(n_scores - k), out=rank)
    return n_scores - rank.astype(np.intp)


def _few(X, coef, intercept):
    """Scores of few rows in as few calls as can be; None of more, or near the range's end."""
    n_rows = X.shape[0]
    if n_rows * len(intercept) > FEW or sp.issparse(X) or sp.issparse(coef):
        return None
    scores_of = _limited_few_scores if n_rows * coef.size > FEW_FOR_THREADS else _few_scores
    return scores_of(X, coef, intercept)


@quiet
def _few_scores(X, coef, intercept):
    scores = X @ coef.T
    scores += intercept
    # Squares of X, since a product that skips coefficients of zero does not show a nan beside them.
    return scores if isfinite(_squares(X) + np.vdot(scores, scores)) else None


_limited_few_scores = single_threaded_blas(_few_scores)


@quiet
def _softmax_of_few(scores):
    """Softmax of finite scores in few NumPy calls; their array is overwritten."""
    if scores.shape[1] == 1:
        result = np.empty((len(scores), 2), dtype=scores.dtype)
        _sigmoids(scores[:, 0], result)
        return result
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _sigmoids(scores, out):
    """The probabilities of two classes at scores ``(0, s)``: ``e / (1 + e)`` and ``1 / (1 + e)``.

    With ``e = exp(-s)`` both have all their digits. Where e overflows they are 1 and ``exp(s)``.
    """
    exponential = np.exp(-scores)
    total = exponential + 1
    np.divide(exponential, total, out=out[:, 0])
    np.divide(1, total, out=out[:, 1])
    if not exponential.max(initial=0) < np.inf:
        far = exponential == np.inf
        out[far, 0], out[far, 1] = 1, np.exp(scores[far])


def _of_classes(scores):
    """Scores of all classes, (n_rows, n_classes): a single score is that of the second of two."""
    if scores.shape[1] > 1:
        return scores
    return np.concatenate([np.zeros_like(scores.T), scores.T]).T


def _applied(function, X, coef, intercept):
    """A function of scores, such as softmax, block by block, (n_rows, n_classes)."""
    n_classes = max(2, len(intercept))
    result = np.empty((X.shape[0], n_classes), dtype=_dtype(X, coef))

    def write(rows, block):
        block = _of_classes(block)
        if block.flags.c_contiguous:
            function(block, axis=1, out=result[rows], **OPTIONS)
        else:
            function(block.T, axis=0, out=result[rows].T, **OPTIONS)

    _by_blocks(write, X, coef, intercept)
    return result


def _by_blocks(consume, X, coef, intercept):
    """Call ``consume`` with slices of rows and their scores, (n_rows, n_scores).

    These are the transpose of a contiguous array where scores are class-major.
    """
    dense = not (sp.issparse(array_of(X)) or sp.issparse(coef))
    run = _limited_run if dense and X.shape[0] * coef.size > FEW_FOR_THREADS else _run
    run(consume, X, coef, intercept)


@quiet  # scores out of all range are refused
def _run(consume, X, coef, intercept):
    """`_by_blocks`, with whatever number of threads BLAS has."""
    safe = _safe_norm(X, coef, intercept)
    scores_of, step = _product(array_of(X), coef, intercept)
    for start in range(0, X.shape[0], step):
        block = row_slice(X, start, min(start + step, X.shape[0]))
        norm = sqrt(_squares(block))
        if not isfinite(norm):
            assert_all_finite(block, input_name="X")
        scores = scores_of(block)
        if not norm <= safe and not isfinite(scores.sum()):
            _check_finite(scores, coef, intercept, start)
        consume(slice(start, start + step), scores)


_limited_run = single_threaded_blas(_run)


def _squares(X):
    """The sum of the squares of all entries, in their dtype."""
    entries = (X.data if sp.issparse(X) else X).ravel(order="K")
    return np.dot(entries, entries)


def _safe_norm(X, coef, intercept):
    """The largest norm of a row at which no score can be beyond the range of its dtype.

    Not known, and so -1, where it takes longer to tell than the scores do to look at.
    """
    if X.shape[0] < X.shape[1] or np.isnan(intercept).any():
        return -1.0
    shift = float(np.abs(intercept[np.isfinite(intercept)]).max(initial=0))
    most = 0.1 * float(np.finfo(_dtype(X, coef)).max)
    return (most - shift) / max(sqrt(_squares(coef)), 1.0)  # nan where coefficients are


def _product(X, coef, intercept):
    """The function that makes scores of a block, and how many rows to give it."""
    used, coef = _used(X, coef)
    n_scores = len(intercept)
    if sp.issparse(X) or sp.issparse(coef) or n_scores <= FEW_CLASSES:
        coef_t = coef.T if sp.issparse(coef) else np.ascontiguousarray(coef.T)
        shift = intercept[:, None]

        def class_major(block):
            block = block if used is None else block[:, used]
            return class_major_scores(block, coef_t, shift, is_cached=True).T

        return class_major, block_rows(X, n_scores)
    n_columns = X.shape[1]
    # Blocks shorter than that spend more on BLAS's copies of the coefficients.
    step = max(SCORE_BYTES // (n_scores * _dtype(X, coef).itemsize), min(MOST_ROWS, 8 * n_columns))
    scratch = np.empty((min(step, X.shape[0]), n_scores), dtype=_dtype(X, coef))

    def row_major(block):
        block = block if used is None else block[:, used]
        scores = np.matmul(block, coef.T, out=scratch[: block.shape[0]])
        scores += intercept
        return scores

    return row_major, step


def _check_finite(scores, coef, intercept, start):
    """Raise a ValueError for the first row whose scores are out of all range.

    Coefficients that are not finite are to blame before any row, as they may be set by hand.
    Infinite scores would not tell which class leads. A class may be ruled out by its intercept.
    """
    lost = ~np.isfinite(scores[:, np.isfinite(intercept)]).all(axis=1)
    if lost.any():
        coef = coef.data if sp.issparse(coef) else coef
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
    # Picking columns out of sparse X reads all entries once; the product reads them once a score.
    most = n_scores / SCORES_OF_PICKING if sp.issparse(X) else MOSTLY
    coef = coef.toarray()
    return (used, coef[:, used]) if len(used) <= most * n_columns else (None, coef)


def _dtype(X, coef):
    return np.result_type(X.dtype, coef.dtype)
