"""Estimates and their covariance, from which all that a record answers is made."""

from dataclasses import dataclass

import numpy as np

from sksoftmax._inference.contrasts import sum_to_zero


@dataclass(frozen=True, eq=False)
class Estimate:
    """Coefficients of all classes but the base, against it, and their covariance.

    The intercepts, the last of ``n_columns`` columns, are those at the center: covariances of
    intercepts at zero, far from the rows, would cancel in predictions.

    coef : ndarray of shape (n_classes - 1, n_columns)
    covariance : ndarray of shape (n_classes - 1, n_columns, n_classes - 1, n_columns)
    inverse : ndarray of that shape, the inverse of the Hessian
    center : ndarray of shape (n_features,), or None without intercepts
    base : int
    """

    coef: np.ndarray
    covariance: np.ndarray
    inverse: np.ndarray
    center: np.ndarray | None
    base: int

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
        """Their standard errors, (n_contrasts, n_columns)."""
        by_column = np.einsum("ajbj->jab", self.covariance).copy()
        if self.center is not None:
            row = self.at_zero[-1]
            by_column[-1] = np.einsum("ajbk,j,k->ab", self.covariance, row, row, optimize=True)
        variance = np.einsum("ra,jab,rb->rj", matrix, by_column, matrix, optimize=True)
        return np.sqrt(np.maximum(variance, 0))

    def contrast_covariance(self, matrix, columns):
        """Their covariance, of some columns, row-major, (n_contrasts * n, n_contrasts * n)."""
        size = len(matrix) * len(columns)
        moved = np.einsum("ra,ajbk->rjbk", matrix, self.covariance, optimize=True)
        moved = np.einsum("sb,rjbk->rjsk", matrix, moved, optimize=True)
        at = self.at_zero[columns]
        moved = np.einsum("mj,rjsk->rmsk", at, moved, optimize=True)
        return np.einsum("nk,rmsk->rmsn", at, moved, optimize=True).reshape(size, size)
