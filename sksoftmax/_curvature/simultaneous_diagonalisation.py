"""A basis of the columns in which one low-rank preconditioner serves every ridge strength.

In this basis the second moments and the ridge are both diagonal. It is made once for all thetas and
strengths. A preconditioner at another theta then takes a pass over a few rows, and one at another
strength a small matrix. Formulas and letters are those of ``low_rank``.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sksoftmax._curvature.approximations import FLAT, probabilities_at
from sksoftmax._curvature.costs import MOST_ALONG_COEFFICIENTS
from sksoftmax._curvature.low_rank import (
    LEAST_CURVATURE,
    LEAST_LENGTH,
    correction,
    curvatures_along,
    eigh_with_shift_first,
    woodbury,
)
from sksoftmax._curvature.preconditioners import DiagonalPreconditioner
from sksoftmax._objective.kernels import variances

# Ridge that is added to the moments, relative to the largest of them, at least.
LEAST_SIZE = 1e-8


@dataclass(frozen=True)
class DiagonalisingBasis:
    """A basis in which the columns' second moments and the ridge are both diagonal.

    It comes from the factor of the moments plus a little of the ridge, ``added``, so that
    ``moments + added * ridge = 1`` in the basis. Moments are 0 where columns are collinear.

    basis, inverse_basis : ndarrays of shape (n_columns, n_columns), inverse to each other
        A row has the coordinates ``x @ basis``, a vector of coefficients ``inverse_basis @ w``.
    moments : ndarray of shape (n_columns,), the diagonal of the second moments
    ridge : ndarray of shape (n_columns,), the diagonal of a ridge of strength 1
    """

    basis: np.ndarray
    inverse_basis: np.ndarray
    moments: np.ndarray
    ridge: np.ndarray

    @classmethod
    def of(cls, moments, penalised):
        """Of the columns' second moments.

        moments : ndarray of shape (n_columns, n_columns)
        penalised : ndarray of bool of shape (n_columns,), the columns with a ridge
        """
        sizes = np.diag(moments)[penalised]
        added = max(sizes.min(), LEAST_SIZE * sizes.max()) or 1.0  # of columns that are all zero
        matrix = moments.copy()
        matrix[penalised, penalised] += added
        root = scipy.linalg.cholesky(matrix, check_finite=False)
        inverse = scipy.linalg.solve_triangular(root, np.eye(len(root)), check_finite=False)
        diagonal, rotation = np.linalg.eigh(inverse.T @ moments @ inverse)
        diagonal = np.clip(diagonal, 0.0, 1.0)
        return cls(inverse @ rotation, rotation.T @ root, diagonal, (1 - diagonal) / added)

    def curvature(self, objective, theta):
        """The `DiagonalisedCurvature` at theta, a function of the strength of the ridge."""
        coef = theta.reshape(len(self.basis), objective.map.n_scores)
        coef = self.inverse_basis @ (coef - coef.mean(axis=1, keepdims=True))
        directions, V = self._orthonormal(coef)
        if objective.map.has_intercept:
            most = max(MOST_ALONG_COEFFICIENTS // coef.shape[1] - 1, 1)
            joint = np.column_stack([directions[:, :most], self.inverse_basis[:, -1]])
            directions, V = self._orthonormal(joint)
        exact, classes = curvatures_along(objective, theta, self.basis @ directions)
        return DiagonalisedCurvature.of(self, V, exact, classes)

    def class_curvature(self, objective, theta):
        """A diagonal in the basis, for many classes, as a function of the strength of the ridge.

        Couplings between classes are left out: there are many, and each is weak. The Hessian along
        the coefficients, of as many directions as classes, would cost more than it saves.
        """
        probability_of = probabilities_at(objective, theta)

        def block_sums(block):
            return np.asarray(variances(probability_of(block)) @ block.weight, dtype=np.float64)

        mean = objective.rows.sum(block_sums) / objective.total_weight
        mean = np.maximum(mean, LEAST_CURVATURE * max(mean.mean(), FLAT))
        free = np.outer(np.maximum(self.moments, np.finfo(np.float64).eps), mean)

        def preconditioner(strength):
            diagonal = DiagonalPreconditioner(free + strength.max() * self.ridge[:, None])
            return RotatedPreconditioner(self.basis, diagonal)

        return preconditioner

    def _orthonormal(self, directions):
        """A basis of the span of directions, orthonormal in the moments, the longest first.

        Returns
        -------
        Q, V : ndarrays of shape (n_columns, d), in the basis; V is the moments times Q
        """
        root = np.sqrt(self.moments)[:, None]
        left, lengths, right = np.linalg.svd(root * directions, full_matrices=False)
        kept = lengths > LEAST_LENGTH * lengths[0]
        return directions @ (right[kept].T / lengths[kept]), root * left[:, kept]


@dataclass(frozen=True)
class DiagonalisedCurvature:
    """The curvature at a theta; called with the strength of a ridge it gives a preconditioner.

    coordinates : DiagonalisingBasis
    V : ndarray of shape (n_columns, d), in the basis
    rotation : ndarray of shape (n_scores, n_scores - 1), of vectors that sum to zero over classes
    mean : ndarray of shape (n_scores - 1,), the classes' mean curvatures along the rotation
    E : ndarray of shape (d * (n_scores - 1), d * (n_scores - 1))
    """

    coordinates: DiagonalisingBasis
    V: np.ndarray
    rotation: np.ndarray
    mean: np.ndarray
    E: np.ndarray

    @classmethod
    def of(cls, coordinates, V, exact, classes):
        mean, rotation = eigh_with_shift_first(classes)
        mean, rotation = mean[1:], rotation[:, 1:]
        mean = np.maximum(mean, LEAST_CURVATURE * max(mean.mean(), FLAT))
        return cls(coordinates, V, rotation, mean, correction(exact, rotation, mean))

    def __call__(self, strength):
        """The preconditioner with a ridge of strength (n_parameters,), equal where not zero."""
        moments = np.maximum(self.coordinates.moments, np.finfo(np.float64).eps)
        diagonal = np.outer(moments, self.mean) + strength.max() * self.coordinates.ridge[:, None]
        G = (self.V.T / diagonal.T[:, None, :]) @ self.V  # (n_scores - 1, d, d)
        return DiagonalisedPreconditioner(
            self.coordinates.basis, self.rotation, diagonal, self.V, woodbury(self.E, G)
        )


@dataclass(frozen=True)
class RotatedPreconditioner:
    """A diagonal in another basis of the columns, on what sums to zero over classes.

    Vectors are projected first: rounding in single precision gives them a small part that all
    classes share, which curvatures that differ by class would enlarge.

    basis : ndarray of shape (n_columns, n_columns)
    diagonal : DiagonalPreconditioner
    """

    basis: np.ndarray
    diagonal: DiagonalPreconditioner

    def solve(self, vector):
        matrix = vector.reshape(len(self.basis), -1)
        matrix = self.basis.T @ (matrix - matrix.mean(axis=1, keepdims=True))
        return (self.basis @ self.diagonal.solve(matrix).reshape(matrix.shape)).ravel()


@dataclass(frozen=True)
class DiagonalisedPreconditioner:
    """``P + V E V'`` with a diagonal P, in the basis and in rotated classes.

    basis, rotation, V : as of `DiagonalisedCurvature`
    diagonal : ndarray of shape (n_columns, n_scores - 1), P
    middle : ndarray, see `woodbury`
    """

    basis: np.ndarray
    rotation: np.ndarray
    diagonal: np.ndarray
    V: np.ndarray
    middle: np.ndarray

    def solve(self, vector):
        matrix = vector.reshape(len(self.basis), -1)
        matrix = self.basis.T @ (matrix @ self.rotation) / self.diagonal
        along = self.V.T @ matrix
        along = (along.ravel() @ self.middle.T).reshape(along.shape)
        matrix -= (self.V @ along) / self.diagonal
        return (self.basis @ matrix @ self.rotation.T).ravel()
