"""Coefficients at the optimum and their covariance, of which all that a record answers is made."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._inference.contrasts import sum_to_zero


class Whole(NamedTuple):
    """The covariance of all coefficients, where it can be held.

    Both arrays are of shape (n_classes - 1, n_columns, n_classes - 1, n_columns).

    covariance : ndarray
    inverse : ndarray, of the Hessian
    """

    covariance: np.ndarray
    inverse: np.ndarray


class Chosen(NamedTuple):
    """The covariance of the coefficients that are shown, where that of all can't be held.

    columns : ndarray of int of shape (n,), the columns that are shown
    covariance : ndarray of shape (n_contrasts * n, n_contrasts * n), contrast by contrast
    """

    columns: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, eq=False)
class Estimate:
    """Coefficients of all classes but the base, against it, and their covariance.

    The intercepts, the last of ``n_columns`` columns, are those at the center: covariances of
    intercepts at zero, far from the rows, would cancel in predictions.

    coef : ndarray of shape (n_classes - 1, n_columns)
    center : ndarray of shape (n_features,), or None without intercepts
    base : int
    whole : Whole, or None where it is too large to hold
    chosen : Chosen, or None where the whole is held
    """

    coef: np.ndarray
    center: np.ndarray | None
    base: int
    whole: Whole | None = None
    chosen: Chosen | None = None

    @property
    def covariance(self):
        """That of all coefficients, of the shape of `Whole`'s, or a ValueError."""
        return self._held.covariance

    @property
    def inverse(self):
        """The inverse of the Hessian, of the same shape, or a ValueError."""
        return self._held.inverse

    @property
    def _held(self):
        if self.whole is None:
            raise ValueError(
                f"this needs the covariance of all {self.coef.size} coefficients, which is too "
                "large to hold: there are only coef, std_error, covariance_matrix, frame, "
                "odds_ratios, wald_test and likelihoods"
            )
        return self.whole

    @property
    def n_classes(self):
        return len(self.coef) + 1

    @property
    def n_columns(self):
        return self.coef.shape[1]

    @property
    def at_zero(self):
        """The matrix (n_columns, n_columns) that moves intercepts from the center to zero."""
        matrix = np.eye(self.n_columns)
        if self.center is not None:
            matrix[-1, :-1] = -self.center
        return matrix

    @property
    def class_coef(self):
        """Coefficients (n_classes, n_columns) that sum to zero over classes, at the center."""
        return sum_to_zero(self.base, self.n_classes) @ self.coef

    def contrast(self, matrix):
        """Coefficients of contrasts, (n_contrasts, n_columns)."""
        return matrix @ self.coef @ self.at_zero.T

    def std_error(self, matrix):
        """Their standard errors, (n_contrasts, n_columns); nan of those that are not known."""
        if self.chosen is not None:
            errors = np.full((len(matrix), self.n_columns), np.nan)
            variances = np.diag(self.chosen.covariance).reshape(len(matrix), -1)
            errors[:, self.chosen.columns] = np.sqrt(np.maximum(variances, 0))
            return errors
        by_column = np.einsum("ajbj->jab", self.covariance).copy()
        if self.center is not None:
            row = self.at_zero[-1]
            by_column[-1] = np.einsum("ajbk,j,k->ab", self.covariance, row, row, optimize=True)
        variance = np.einsum("ra,jab,rb->rj", matrix, by_column, matrix, optimize=True)
        return np.sqrt(np.maximum(variance, 0))

    def contrast_covariance(self, matrix, columns):
        """Their covariance, of some columns, row-major, (n_contrasts * n, n_contrasts * n)."""
        if self.chosen is not None:
            return self.chosen.covariance
        size = len(matrix) * len(columns)
        moved = np.einsum("ra,ajbk->rjbk", matrix, self.covariance, optimize=True)
        moved = np.einsum("sb,rjbk->rjsk", matrix, moved, optimize=True)
        at = self.at_zero[columns]
        moved = np.einsum("mj,rjsk->rmsk", at, moved, optimize=True)
        return np.einsum("nk,rmsk->rmsn", at, moved, optimize=True).reshape(size, size)


def quadratic_forms(columns, matrix):
    """``x_i' matrix_ab x_i`` of rows, for each pair of classes, (n_rows, M, M).

    matrix : ndarray of shape (M, n_columns, M, n_columns)
    """
    n_scores, n_columns = matrix.shape[:2]
    result = np.empty((len(columns), n_scores, n_scores))
    for a, own in enumerate(matrix):
        products = columns @ own.reshape(n_columns, n_scores * n_columns)
        products = products.reshape(len(columns), n_scores, n_columns)
        result[:, a] = np.einsum("nbj,nj->nb", products, columns)
    return result
