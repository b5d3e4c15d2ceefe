"""Fits with more columns than rows, reduced to as many columns as there are rows.

Coefficients that are orthogonal to every row change no score and cost penalty, so that the optimum
lies in the span of the rows. With ``X = L Q'``, L square and the columns of Q orthonormal, the
problem on L has the same objective: ``coef = reduced_coef Q'`` has the same norm. The factors come
from Householder reflections, which are accurate whatever the columns' units.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from sksoftmax._curvature import costs
from sksoftmax._objective.rows import Means, gather, partition


@dataclass(frozen=True)
class AllColumns:
    """The columns of X themselves."""

    def expand(self, coef):
        return coef

    def restrict(self, coef):
        return coef


@dataclass(frozen=True)
class RowSpace:
    """Q, as a product of Householder reflections in LAPACK's form.

    reflections : ndarray of shape (n_features, n_rows), Fortran order
    factors : ndarray of shape (n_rows,)
    rank : number of columns of Q that the rows span
    sizes : ndarray of shape (n_features,) by which columns were divided, or 1
    """

    reflections: np.ndarray
    factors: np.ndarray
    rank: int
    sizes: np.ndarray | float = 1.0

    def expand(self, coef):
        """``coef @ Q'``, (n_scores, n_features): coefficients on X of reduced ones."""
        padded = np.zeros((self.reflections.shape[0], len(coef)), order="F")
        padded[: coef.shape[1]] = coef.T
        return self._apply("N", padded).T / self.sizes

    def restrict(self, coef):
        """``coef @ Q``, (n_scores, rank): reduced coefficients of those on X."""
        columns = np.array((coef * self.sizes).T, order="F")
        return self._apply("T", columns)[: self.rank].T

    def _apply(self, transpose, columns):
        multiply = scipy.linalg.get_lapack_funcs("ormqr", (self.reflections, columns))
        columns = columns.astype(self.reflections.dtype, copy=False)
        lwork = 64 * max(1, columns.shape[1])
        product, _, _ = multiply(
            "L", transpose, self.reflections, self.factors, columns, lwork, overwrite_c=True
        )
        return product


def reduce_columns(data, alike=True, penalised=True):
    """Encoded data on the columns that are cheapest to fit on, and their relation to those of X.

    alike : whether the penalty treats all columns alike; else X is not reduced
    penalised : whether there is a penalty; else X is reduced to independent columns

    Returns
    -------
    data : Encoded
    columns : AllColumns or RowSpace
    """
    if not alike or not costs.row_space_is_cheaper(data):
        return data, AllColumns()
    X, target, weight = gather(data.rows)
    reduced, space = _factors(X) if penalised else _independent_factors(X)
    rows = partition(reduced, target, weight, data.n_scores, data.rows.n_threads)
    data = replace(
        data,
        rows=rows,
        center=rows.sum(Means.of).values,
        n_features=reduced.shape[1],
        n_entries=reduced.size,
    )
    return data, space


def _factors(X):
    """L and Q of ``X = L Q'``; X is overwritten."""
    factorize = scipy.linalg.get_lapack_funcs("geqrf", (X,))
    reflections, factors, _, _ = factorize(X.T, lwork=64 * len(X), overwrite_a=True)
    reduced = np.ascontiguousarray(np.triu(reflections[: len(X)]).T)
    return reduced, RowSpace(reflections, factors, len(X))


def _independent_factors(X):
    """L and Q of ``X = L Q'`` with as many columns as are linearly independent.

    Where rows are linearly dependent some columns of L are rounding, and without a penalty a fit
    would separate the classes by them. Pivoting puts these columns last. It is done in double
    precision and with all columns of X scaled to one size, since without a penalty their units mean
    nothing.
    """
    sizes = np.abs(X).max(axis=0).astype(np.float64)
    sizes[sizes == 0] = 1.0
    units = X / sizes
    factorize = scipy.linalg.get_lapack_funcs("geqp3", (units,))
    lwork = 64 * len(X)
    reflections, order, factors, _, _ = factorize(units.T, lwork=lwork, overwrite_a=True)
    upper = np.triu(reflections[: len(X)])
    size = np.abs(np.diag(upper))
    rank = max(1, int(np.sum(size > len(X) * np.finfo(np.float64).eps * size[0])))
    reduced = np.empty((len(X), rank))
    reduced[order - 1] = upper[:rank].T
    return reduced, RowSpace(reflections, factors, rank, sizes)
