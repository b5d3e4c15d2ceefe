"""More columns than rows: the same problem in as many columns as there are rows.

Coefficients that are orthogonal to every row change no score and cost penalty, so the optimum
lies in the span of the rows. With ``X = L Q'``, L being square and the columns of Q orthonormal,
the problem in L has the same objective, ``coef = reduced_coef Q'`` having the same norm. The
factors come from Householder reflections, which lose nothing where the columns' units differ.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from sksoftmax._curvature import costs
from sksoftmax._objective.rows import Means, gather, partition


@dataclass(frozen=True)
class AllColumns:
    """The columns as they are."""

    def expand(self, coef):
        return coef

    def restrict(self, coef):
        return coef


@dataclass(frozen=True)
class RowSpace:
    """Q, as the reflections whose product it is.

    reflections : ndarray of shape (n_features, n_rows), Fortran order
    factors : ndarray of shape (n_rows,)
    rank : how many columns of Q the rows span
    sizes : ndarray of shape (n_features,), by which columns were divided, or 1
    """

    reflections: np.ndarray
    factors: np.ndarray
    rank: int
    sizes: np.ndarray | float = 1.0

    def expand(self, coef):
        """``coef @ Q'``: reduced coefficients on the columns of X."""
        padded = np.zeros((self.reflections.shape[0], len(coef)), order="F")
        padded[: coef.shape[1]] = coef.T
        return self._apply("N", padded).T / self.sizes

    def restrict(self, coef):
        """``coef @ Q``: the part of coefficients on X that scores depend on."""
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
    """Data in the columns that are cheapest to fit on, and the way back to those of X.

    alike : whether the penalty treats all columns alike; they stay what they are where it does not
    penalised : whether there is a penalty, which rounding in the factors then stays below
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
    """L and Q in as many columns as are linearly independent.

    Of rows that are repeated, or depend on each other, rounding leaves columns of L that are noise.
    Without a penalty nothing holds a fit back from separating the classes by it. So the rows are
    taken in the order that puts what is noise last, in double precision and with all columns of
    one size, since without a penalty a column's unit means nothing.
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
