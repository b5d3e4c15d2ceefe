"""Positive definite matrices on vectors like theta, that are solved with.

The preconditioners in which the solvers descend; ``curvature`` makes them from data.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

# Share of a column that others explain, up to which correlations are not worth a factor.
NEARLY_DIAGONAL = 0.25
# Square root of the share of a column that others must leave unexplained: rounding is 1e-8 of it.
LEAST_UNEXPLAINED = 1e-4
# Beside correlations, which are at most 1: no matrix that is finite needs as much.
MOST_JITTER = 1e10


class Preconditioner(Protocol):
    """A positive definite matrix on vectors like theta."""

    def solve(self, vector):
        """The inverse of the matrix times the vector."""


@dataclass(frozen=True)
class Factor:
    """Cholesky factor of a positive semidefinite matrix after scaling its diagonal to one.

    The scaling makes the jitter, which keeps collinear and constant columns from being an error,
    relative to each column's own units.
    """

    scale: np.ndarray
    cholesky: np.ndarray  # upper

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

        The square of a factor's diagonal entry is what the columns before do not explain of one.
        """
        return bool(self.cholesky.diagonal().min() > LEAST_UNEXPLAINED)

    def solve(self, columns):
        scale = self.scale if columns.ndim == 1 else self.scale[:, None]
        return dpotrs(self.cholesky, columns / scale)[0] / scale

    def leverages(self):
        """A function of rows: ``x' matrix^-1 x`` for each row x.

        By a product with the inverse of the factor, which takes a third of a solution's time.
        """
        inverse, _ = dtrtri(self.cholesky)
        root = np.asfortranarray(np.triu(inverse) / self.scale[:, None])

        def of_rows(rows):
            units = dtrmm(1.0, root, rows.T, trans_a=1)
            return np.einsum("jn,jn->n", units, units)

        return of_rows


@dataclass(frozen=True)
class DiagonalFactor:
    """A matrix that is known by its diagonal.

    diagonal : ndarray of shape (n_columns,), positive
    """

    diagonal: np.ndarray

    def solve(self, columns):
        return columns / (self.diagonal if columns.ndim == 1 else self.diagonal[:, None])


def is_nearly_diagonal(matrix):
    """Whether the columns of these second moments explain little of each other.

    A column's squared correlations with the others sum to about the share of it that these
    explain.
    """
    diagonal = np.diag(matrix)
    if not diagonal.min() > 0:
        return False
    explained = (matrix**2 @ (1 / diagonal)) / diagonal - 1
    return bool(explained.max() < NEARLY_DIAGONAL)


def preconditioner_factor(matrix):
    """The factor of a preconditioner's matrix: of its diagonal, where the rest is little.

    What a factor then saves in steps it costs in solutions.
    """
    return DiagonalFactor(np.diag(matrix)) if is_nearly_diagonal(matrix) else Factor.of(matrix)


@dataclass(frozen=True)
class SharedPreconditioner:
    """One matrix on columns, the same for all classes, on what sums to zero over classes.

    See `DiagonalPreconditioner` for why the rest is left out.
    """

    factor: Factor

    def solve(self, vector):
        solution = self.factor.solve(vector.reshape(len(self.factor.scale), -1))
        if solution.shape[1] > 1:
            solution -= solution.mean(axis=1, keepdims=True)
        return solution.ravel()


@dataclass(frozen=True)
class KroneckerPreconditioner:
    """A matrix on classes times a matrix on columns, plus the penalty.

    In the basis that makes the classes' matrix diagonal each of its directions has a matrix on
    columns of its own, ``a_j columns + penalty``; directions of like ``a_j`` share a factor.

    rotation : ndarray of shape (n_scores, n_scores), orthogonal
    groups : tuple of (indices of columns of the rotation, Factor)
    curvatures : ndarray of shape (n_scores,), the ``a_j``
    columns : ndarray of shape (n_columns, n_columns)
    """

    rotation: np.ndarray
    groups: tuple
    curvatures: np.ndarray
    columns: np.ndarray

    @property
    def is_diagonal(self):
        """Whether columns have nothing to do with each other."""
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

    See `DiagonalPreconditioner` for why the rest is left out.

    factors : tuple of Factor
    """

    factors: tuple

    def solve(self, vector):
        columns = vector.reshape(-1, len(self.factors)).T
        pairs = zip(self.factors, columns, strict=True)
        solution = np.stack([factor.solve(column) for factor, column in pairs], axis=1)
        solution -= solution.mean(axis=1, keepdims=True)
        return solution.ravel()


@dataclass(frozen=True)
class DiagonalPreconditioner:
    """One positive number for each parameter, on what sums to zero over classes.

    A part that all classes share moves no score: a gradient has none, and a step that had one
    would leave it to the penalty to take it back, slowly.

    diagonal : ndarray of shape (n_columns, n_scores)
    """

    diagonal: np.ndarray
    is_diagonal = True

    def solve(self, vector):
        solution = vector.reshape(self.diagonal.shape) / self.diagonal
        if solution.shape[1] > 1:
            solution -= solution.mean(axis=1, keepdims=True)
        return solution.ravel()
