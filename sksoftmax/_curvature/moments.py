"""Weighted second moments of the columns about a center, and how far columns are correlated."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax._curvature import costs
from sksoftmax._objective.rows import strided

TINY = np.finfo(np.float64).tiny
# Ratio of second moments about zero to those about the center, beyond which the latter would lose
# too many digits as a difference.
FAR = 1e6
N_SIGNS = 4  # vectors of random signs by which correlations are estimated


class Centring(NamedTuple):
    """The center of the columns, (n_features,), and the dtype of products.

    Without an intercept the center is None: columns are not centred, and no 1 is appended.
    """

    center: np.ndarray | None
    dtype: np.dtype

    @classmethod
    def of(cls, objective):
        return cls(objective.map.center, objective.dtype)


def gram(columns, weight):
    """``sum_i weight_i x_i x_i'``, (n_columns, n_columns), of dense columns (n_rows, n_columns).

    As a product of a matrix with its own transpose, of which BLAS computes one half.
    """
    scaled = columns * np.sqrt(weight)[:, None].astype(columns.dtype)
    return np.asarray(scaled.T @ scaled, dtype=np.float64)


def second_moments(objective, stride=1):
    """``mean_i x_i x_i'`` over every stride-th row, (n_columns, n_columns)."""
    return _mean(moments, objective, stride)


def second_squares(objective, stride=1):
    """The diagonal of `second_moments`, (n_columns,)."""
    return _mean(squares, objective, stride)


def _mean(function, objective, stride):
    centring = Centring.of(objective)

    def block_sums(block):
        block = strided(stride, block)
        return function(block.X, block.weight, centring), float(block.weight.sum(dtype=np.float64))

    sums, mass = objective.rows.sum(block_sums)
    return sums / mass


def moments(X, weight, centring):
    """``sum_i weight_i x_i x_i'``, ``x_i`` being a row about the center followed by a 1, if any.

    X : ndarray or CSR array of shape (n_rows, n_features)
    """
    if not sp.issparse(X):
        return gram(centred_columns(X, centring), weight)
    X = X.astype(centring.dtype, copy=False)
    weighted = X.copy()
    weighted.data *= np.repeat(weight.astype(X.dtype), np.diff(X.indptr))
    inner = (X.T @ weighted).toarray()
    if centring.center is None:
        return inner
    # Moments about zero are corrected. That loses no digits of a column that has many zeros, since
    # its mean is then at most its standard deviation; columns without zeros are centred first.
    center, first, mass = centring.center, weight @ X, weight.sum()
    about_center = inner.diagonal() - center * (2 * first - mass * center)
    if (inner.diagonal() > FAR * np.maximum(about_center, TINY)).any():
        return gram(centred_columns(X, centring), weight)
    matrix = np.empty((len(center) + 1,) * 2)
    np.subtract(inner, np.outer(center, first), out=matrix[:-1, :-1])
    matrix[:-1, :-1] -= np.outer(first - mass * center, center)
    matrix[-1, :-1] = matrix[:-1, -1] = first - mass * center
    matrix[-1, -1] = mass
    return matrix


def squares(X, weight, centring):
    """The diagonal of `moments`."""
    if not sp.issparse(X):
        return np.asarray(weight @ np.square(centred_columns(X, centring)), dtype=np.float64)
    diagonal = np.asarray(weight @ X.power(2), dtype=np.float64)
    if centring.center is None:
        return diagonal
    first, mass = np.asarray(weight @ X, dtype=np.float64), float(weight.sum(dtype=np.float64))
    # Squares about zero are corrected: digits are lost where the center is far away, which costs
    # iterations but nothing else.
    diagonal -= centring.center * (2 * first - mass * centring.center)
    return np.append(np.maximum(diagonal, 0), mass)


def are_uncorrelated(objective):
    """Whether correlations are so small that variances serve as well as second moments.

    False where second moments are too cheap for the estimate to be worth while.
    """
    if not costs.correlations_are_estimated(objective):
        return False
    return correlation(objective, costs.rows_of_correlation(objective)) < costs.UNCORRELATED


def correlation(objective, n_rows):
    """The sum of a column's squared correlations with the others, in the mean over columns.

    It is estimated from about ``n_rows`` rows. With R their correlations and v a vector of random
    signs, the mean of ``|R v|^2`` is the sum of all squares of R (Hutchinson 1990, Communications
    in Statistics 19, 433-450), which takes two products with thin matrices. Columns of independent
    noise have a sum of ``n_columns / n_rows``; what the sample has more of that than all rows is
    subtracted.
    """
    centring, n_features = Centring.of(objective), objective.map.n_features
    stride = max(1, objective.n_rows // n_rows)
    variance = second_squares(objective, stride)[:n_features]
    scale = np.sqrt(np.where(variance > 0, variance, 1.0))[:, None]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(n_features, N_SIGNS)) / scale

    def image_of_signs(block):
        block = strided(stride, block)
        X, center = block.X, centring.center
        if not sp.issparse(X):
            X, center = centred_columns(X, centring)[:, :n_features], None
        scores = X @ signs.astype(centring.dtype)
        if center is not None:
            scores -= center @ signs
        scores *= block.weight[:, None]
        image = np.asarray(X.T @ scores, dtype=np.float64)
        if center is not None:
            image -= np.outer(center, scores.sum(axis=0))
        return image, float(block.weight.sum(dtype=np.float64))

    image, mass = objective.rows.sum(image_of_signs)
    image /= mass
    noise = n_features * (stride - 1) / objective.n_rows
    return float(np.mean(np.square(image / scale).sum(axis=0))) / n_features - 1 - noise


def centred_columns(X, centring):
    """Dense rows about the center followed by a 1, if any: (n_rows, n_columns)."""
    dense = X.toarray() if sp.issparse(X) else X
    if centring.center is None:
        return dense.astype(centring.dtype, copy=False)
    columns = np.ones((dense.shape[0], dense.shape[1] + 1), dtype=centring.dtype)
    np.subtract(dense, centring.center, out=columns[:, :-1], casting="same_kind")
    return columns
