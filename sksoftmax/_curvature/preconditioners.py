"""Preconditioners: positive definite matrices on vectors like theta, with a ``solve``.

``approximations`` makes them from data.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

# Fraction of a column's square that others explain, up to which a matrix counts as diagonal.
NEARLY_DIAGONAL = 0.25
# Root of the fraction that others must leave unexplained; rounding is 1e-8 in that unit.
LEAST_UNEXPLAINED = 1e-4
# Jitter beyond which a matrix of correlations, which are at most 1, cannot be finite.
MOST_JITTER = 1e10


class Preconditioner(Protocol):
    """A positive definite matrix on vectors like theta."""

    def solve(self, vector):
        """The inverse of the matrix times the vector."""


@dataclass(frozen=True)
class Factor:
    """Cholesky factor of a positive semidefinite matrix after scaling its diagonal to one.

    A small multiple of the identity, the jitter, is added to the scaled matrix, so that collinear
    and constant columns raise no error; by the scaling it is relative to each column's unit.

    scale : ndarray of shape (n_columns,), root of the matrix's diagonal
    cholesky : ndarray of shape (n_columns, n_columns), upper factor of the scaled matrix
    """

    scale: np.ndarray
    cholesky: np.ndarray

    @classmethod
    def of(cls, matrix):
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        correlation = matrix / scale / scale[:, None]
        jitter = 10 * len(matrix) * np.finfo(matrix.dtype).eps
        while jitter <= MOST_JITTER:
            np.fill_diagonal(correlation, 1.0 + jitter)
            # LAPACK itself: SciPy's wrappers take longer than it does for a few dozen columns.
            upper, failed = dpotrf(correlation, clean=0)
            if not failed:
                return cls(scale, upper)
            jitter *= 100
        # Not finite, where a trial step has led out of all range: a step by it is refused.
        return cls(np.full(len(matrix), np.nan), np.eye(len(matrix)))

    @property
    def is_accurate(self):
        """Whether rounding and jitter leave a solution half of its digits.

        The square of the factor's j-th diagonal entry is the fraction of column j that the columns
        before it do not explain.
        """
        return bool(self.cholesky.diagonal().min() > LEAST_UNEXPLAINED)

    def solve(self, columns):
        """The inverse of the matrix times columns, (n_columns,) or (n_columns, n)."""
        scale = self.scale if columns.ndim == 1 else self.scale[:, None]
        return dpotrs(self.cholesky, columns / scale)[0] / scale

    def leverages(self):
        """A function of rows (n, n_columns): ``x' matrix^-1 x`` for each row x.

        It multiplies by the inverse of the factor, in a third of the time of solutions.
        """
        inverse, _ = dtrtri(self.cholesky)
        root = np.asfortranarray(np.triu(inverse) / self.scale[:, None])

        def of_rows(rows):
            units = dtrmm(1.0, root, rows.T, trans_a=1)
            return np.einsum("jn,jn->n", units, units)

        return of_rows


@dataclass(frozen=True)
class DiagonalFactor:
    """A diagonal matrix in the place of a `Factor`.

    diagonal : ndarray of shape (n_columns,), positive
    """

    diagonal: np.ndarray

    def solve(self, columns):
        return columns / (self.diagonal if columns.ndim == 1 else self.diagonal[:, None])


def is_nearly_diagonal(matrix):
    """Whether columns with these second moments explain little of each other.

    The sum of a column's squared correlations with the others is about the fraction of its square
    that these explain.
    """
    diagonal = np.diag(matrix)
    if not diagonal.min() > 0:
        return False
    explained = (matrix**2 @ (1 / diagonal)) / diagonal - 1
    return bool(explained.max() < NEARLY_DIAGONAL)


def preconditioner_factor(matrix):
    """The factor of a matrix, or of its diagonal where a factor would not pay.

    Where a matrix is nearly diagonal a factor saves few steps and costs more at each solution.
    """
    return DiagonalFactor(np.diag(matrix)) if is_nearly_diagonal(matrix) else Factor.of(matrix)


def without_shift(solution):
    """A solution (n_columns, n_scores), less its mean over classes, as a vector like theta.

    The same shift of all classes changes no probability, and a gradient has no part in it. A step
    with such a part would be undone by the penalty alone, slowly.
    """
    if solution.shape[1] > 1:
        solution -= solution.mean(axis=1, keepdims=True)
    return solution.ravel()


@dataclass(frozen=True)
class SharedPreconditioner:
    """One matrix on columns, the same for all classes, on what sums to zero over classes."""

    factor: Factor

    def solve(self, vector):
        return without_shift(self.factor.solve(vector.reshape(len(self.factor.scale), -1)))


@dataclass(frozen=True)
class KroneckerPreconditioner:
    """The Kronecker product of a matrix on classes and one on columns, plus the penalty.

    In the basis of the classes' eigenvectors each has a matrix on columns of its own,
    ``a_j columns + penalty`` with the eigenvalue ``a_j``; those of like ``a_j`` share a factor.

    rotation : ndarray of shape (n_scores, n_scores), the eigenvectors as columns
    groups : tuple of (indices of columns of the rotation, Factor or DiagonalFactor)
    curvatures : ndarray of shape (n_scores,), the ``a_j``
    columns : ndarray of shape (n_columns, n_columns)
    """

    rotation: np.ndarray
    groups: tuple
    curvatures: np.ndarray
    columns: np.ndarray

    @property
    def is_diagonal(self):
        """Whether no correlation of columns is used."""
        return all(isinstance(factor, DiagonalFactor) for _, factor in self.groups)

    def solve(self, vector):
        rotated = vector.reshape(-1, len(self.rotation)) @ self.rotation
        for members, factor in self.groups:
            rotated[:, members] = factor.solve(rotated[:, members])
        return (rotated @ self.rotation.T).ravel()


@dataclass(frozen=True)
class FullPreconditioner:
    """A matrix on all of theta."""

    factor: Factor

    def solve(self, vector):
        return self.factor.solve(vector)


@dataclass(frozen=True)
class ClassBlockPreconditioner:
    """A matrix on columns for each class, on what sums to zero over classes.

    factors : tuple of Factor, one for each class
    """

    factors: tuple

    def solve(self, vector):
        columns = vector.reshape(-1, len(self.factors)).T
        pairs = zip(self.factors, columns, strict=True)
        return without_shift(np.stack([factor.solve(column) for factor, column in pairs], axis=1))


@dataclass(frozen=True)
class DiagonalPreconditioner:
    """A diagonal matrix, on what sums to zero over classes.

    diagonal : ndarray of shape (n_columns, n_scores), positive; (n_parameters, 1) of other maps
    """

    diagonal: np.ndarray
    is_diagonal = True

    def solve(self, vector):
        return without_shift(vector.reshape(self.diagonal.shape) / self.diagonal)
