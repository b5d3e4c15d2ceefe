"""Coordinates of the columns in which one low-rank preconditioner serves every ridge strength.

They are made once for all thetas and strengths, such that the second moments and the ridge are
both diagonal. A preconditioner at another theta then takes a pass over a few rows, and one
at another strength a small matrix: see `along_coefficients` for what it is.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sksoftmax._curvature.approximations import FLAT, probabilities_at
from sksoftmax._curvature.costs import MOST_ALONG_COEFFICIENTS
from sksoftmax._curvature.low_rank import (
    LEAST_CURVATURE,
    LEAST_LENGTH,
    apart_from_shift,
    curvatures_along,
    excess,
    woodbury,
)
from sksoftmax._curvature.preconditioners import DiagonalPreconditioner
from sksoftmax._objective.kernels import variances

# Of the ridge that is added to moments, beside the largest column's.
LEAST_SIZE = 1e-8


@dataclass(frozen=True)
class DiagonalisingBasis:
    """Coordinates in which the columns' second moments and the ridge are both diagonal.

    They add up to one: ``spread + added * ridge = 1``, with as much of the ridge added to the
    moments, of which a factor is then taken. Collinear columns have a spread of zero.

    basis, inverse_basis : ndarray of shape (n_columns, n_columns), inverse to each other
        ``x @ basis`` are a row's coordinates, ``inverse_basis @ w`` those of a coefficient.
    spread : ndarray of shape (n_columns,), second moments
    ridge : ndarray of shape (n_columns,), a ridge of strength 1
    """

    basis: np.ndarray
    inverse_basis: np.ndarray
    spread: np.ndarray
    ridge: np.ndarray

    @classmethod
    def of(cls, moments, penalised):
        """Of columns with these second moments, some of which a ridge holds."""
        sizes = np.diag(moments)[penalised]
        added = max(sizes.min(), LEAST_SIZE * sizes.max()) or 1.0  # of columns that are all zero
        matrix = moments.copy()
        matrix[penalised, penalised] += added
        root = scipy.linalg.cholesky(matrix, check_finite=False)
        inverse = scipy.linalg.solve_triangular(root, np.eye(len(root)), check_finite=False)
        spread, rotation = np.linalg.eigh(inverse.T @ moments @ inverse)
        spread = np.clip(spread, 0.0, 1.0)
        return cls(inverse @ rotation, rotation.T @ root, spread, (1 - spread) / added)

    def curvature(self, objective, theta):
        """The preconditioners at theta, by the strength of the ridge."""
        coef = theta.reshape(len(self.basis), objective.map.n_scores)
        coef = self.inverse_basis @ (coef - coef.mean(axis=1, keepdims=True))
        directions, span = self._orthonormal(coef)
        if objective.map.has_intercept:
            room = max(MOST_ALONG_COEFFICIENTS // coef.shape[1] - 1, 1)
            joint = np.column_stack([directions[:, :room], self.inverse_basis[:, -1]])
            directions, span = self._orthonormal(joint)
        exact, classes = curvatures_along(objective, theta, self.basis @ directions)
        return DiagonalisedCurvature.of(self, span, exact, classes)

    def class_curvature(self, objective, theta):
        """The same without the Hessian along coefficients, and without what couples the classes.

        Of many classes each is nearly independent of the others. To know more of them takes
        products of as many columns as there are classes, and matrices on these.
        """
        at = probabilities_at(objective, theta)

        def block_sums(block):
            return np.asarray(variances(at(block)) @ block.weight, dtype=np.float64)

        mean = objective.rows.sum(block_sums) / objective.total_weight
        mean = np.maximum(mean, LEAST_CURVATURE * max(mean.mean(), FLAT))
        free = np.outer(np.maximum(self.spread, np.finfo(np.float64).eps), mean)

        def preconditioner(strength):
            diagonal = DiagonalPreconditioner(free + strength.max() * self.ridge[:, None])
            return RotatedPreconditioner(self.basis, diagonal)

        return preconditioner

    def _orthonormal(self, directions):
        """What directions span, such that scores along them are uncorrelated, the longest first.

        And their images under the moments.
        """
        root = np.sqrt(self.spread)[:, None]
        left, lengths, right = np.linalg.svd(root * directions, full_matrices=False)
        kept = lengths > LEAST_LENGTH * lengths[0]
        return directions @ (right[kept].T / lengths[kept]), root * left[:, kept]


@dataclass(frozen=True)
class DiagonalisedCurvature:
    """The curvature at a theta; called with the strength of a ridge it is a preconditioner.

    coordinates : DiagonalisingBasis
    span : ndarray of shape (n_columns, d), images of the directions
    rotation : ndarray of shape (n_scores, n_scores - 1), what sums to zero over classes
    mean : ndarray of shape (n_scores - 1,), the mean curvatures in the rotation's directions
    excess : square matrix of side ``d * (n_scores - 1)``, what the Hessian has more in the span
    """

    coordinates: DiagonalisingBasis
    span: np.ndarray
    rotation: np.ndarray
    mean: np.ndarray
    excess: np.ndarray

    @classmethod
    def of(cls, coordinates, span, exact, classes):
        mean, rotation = apart_from_shift(classes)
        mean, rotation = mean[1:], rotation[:, 1:]
        mean = np.maximum(mean, LEAST_CURVATURE * max(mean.mean(), FLAT))
        return cls(coordinates, span, rotation, mean, excess(exact, rotation, mean))

    def __call__(self, strength):
        """The preconditioner with a ridge of strength (n_parameters,), equal where not zero."""
        spread = np.maximum(self.coordinates.spread, np.finfo(np.float64).eps)
        diagonal = np.outer(spread, self.mean) + strength.max() * self.coordinates.ridge[:, None]
        inner = (self.span.T / diagonal.T[:, None, :]) @ self.span  # (n_scores - 1, d, d)
        core = woodbury(self.excess, inner)
        return DiagonalisedPreconditioner(
            self.coordinates.basis, self.rotation, diagonal, self.span, core
        )


@dataclass(frozen=True)
class RotatedPreconditioner:
    """A diagonal in other coordinates of the columns, on what sums to zero over classes.

    Single precision leaves of the rest what curvatures that differ by class would enlarge.

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
    """The inverse, by Woodbury's identity, of a diagonal plus a small matrix in a span."""

    basis: np.ndarray
    rotation: np.ndarray
    diagonal: np.ndarray
    span: np.ndarray
    core: np.ndarray

    def solve(self, vector):
        matrix = vector.reshape(*vector.shape[:-1], len(self.basis), -1)
        matrix = self.basis.T @ (matrix @ self.rotation) / self.diagonal
        within = self.span.T @ matrix
        within = (within.reshape(*vector.shape[:-1], -1) @ self.core.T).reshape(within.shape)
        matrix -= (self.span @ within) / self.diagonal
        return (self.basis @ matrix @ self.rotation.T).reshape(vector.shape)
