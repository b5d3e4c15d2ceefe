"""Second moments of the columns of a block of rows."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax._objective.rows import strided

TINY = np.finfo(np.float64).tiny
# Second moments about zero over those about the center, beyond which the latter would cancel.
FAR = 1e6


class Centring(NamedTuple):
    """What columns are measured from; None is zero, and no intercept. And in which dtype."""

    center: np.ndarray | None
    dtype: np.dtype

    @classmethod
    def of(cls, objective):
        return cls(objective.map.center, objective.dtype)


def gram(columns, weight):
    """``sum_i weight_i x_i x_i'``, as a product with itself, which BLAS does by halves."""
    scaled = columns * np.sqrt(weight)[:, None].astype(columns.dtype)
    return np.asarray(scaled.T @ scaled, dtype=np.float64)


def second_moments(objective, stride=1):
    """Of the columns of each so manieth row."""
    about = Centring.of(objective)

    def block_sums(block):
        block = strided(stride, block)
        return moments(block.X, block.weight, about), float(block.weight.sum(dtype=np.float64))

    sums, mass = objective.rows.sum(block_sums)
    return sums / mass


def moments(X, weight, about):
    """``sum_i weight_i x_i x_i'`` of the rows about the center, with the 1 of the intercept."""
    if not sp.issparse(X):
        return gram(centred_columns(X, about), weight)
    X = X.astype(about.dtype, copy=False)
    weighted = X.copy()
    weighted.data *= np.repeat(weight.astype(X.dtype), np.diff(X.indptr))
    inner = (X.T @ weighted).toarray()
    if about.center is None:
        return inner
    # About the center after the fact, which columns with zeros are never far from. One that is
    # far away has no zeros to speak of, and would cancel.
    center, first, mass = about.center, weight @ X, weight.sum()
    about_center = inner.diagonal() - center * (2 * first - mass * center)
    if (inner.diagonal() > FAR * np.maximum(about_center, TINY)).any():
        return gram(centred_columns(X, about), weight)
    matrix = np.empty((len(center) + 1,) * 2)
    np.subtract(inner, np.outer(center, first), out=matrix[:-1, :-1])
    matrix[:-1, :-1] -= np.outer(first - mass * center, center)
    matrix[-1, :-1] = matrix[:-1, -1] = first - mass * center
    matrix[-1, -1] = mass
    return matrix


def centred_columns(X, about):
    """Rows about the center, with a 1 appended if there is one, in the products' dtype."""
    dense = X.toarray() if sp.issparse(X) else X
    if about.center is None:
        return dense.astype(about.dtype, copy=False)
    columns = np.ones((dense.shape[0], dense.shape[1] + 1), dtype=about.dtype)
    np.subtract(dense, about.center, out=columns[:, :-1], casting="same_kind")
    return columns
