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
from sksoftmax._objective.rows import gather, partition


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
    """

    reflections: np.ndarray
    factors: np.ndarray

    def expand(self, coef):
        """``coef @ Q'``: reduced coefficients on the columns of X."""
        padded = np.zeros((self.reflections.shape[0], len(coef)), order="F")
        padded[: coef.shape[1]] = coef.T
        return self._apply("N", padded).T

    def restrict(self, coef):
        """``coef @ Q``: the part of coefficients on X that scores depend on."""
        return self._apply("T", np.array(coef.T, order="F"))[: len(self.factors)].T

    def _apply(self, transpose, columns):
        multiply = scipy.linalg.get_lapack_funcs("ormqr", (self.reflections, columns))
        columns = columns.astype(self.reflections.dtype, copy=False)
        lwork = 64 * max(1, columns.shape[1])
        product, _, _ = multiply(
            "L", transpose, self.reflections, self.factors, columns, lwork, overwrite_c=True
        )
        return product


def reduce_columns(data, alike=True):
    """Data in the columns that are cheapest to fit on, and the way back to those of X.

    alike : whether the penalty treats all columns alike; they stay what they are where it does not
    """
    if not alike or not costs.row_space_is_cheaper(data):
        return data, AllColumns()
    X, target, weight = gather(data.rows)
    factorize = scipy.linalg.get_lapack_funcs("geqrf", (X,))
    reflections, factors, _, _ = factorize(X.T, lwork=64 * len(X), overwrite_a=True)
    reduced = np.ascontiguousarray(np.triu(reflections[: len(X)]).T)
    rows = partition(reduced, target, weight, data.n_scores, data.rows.n_threads)
    sums = rows.sum(lambda block: np.asarray(block.weight @ block.X, dtype=np.float64))
    data = replace(
        data,
        rows=rows,
        center=sums / data.total_weight,
        n_features=len(X),
        n_entries=reduced.size,
    )
    return data, RowSpace(reflections, factors)

