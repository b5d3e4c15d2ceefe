"""The Hessian on the span of the coefficients, its Kronecker approximation elsewhere.

The classes' part of the Hessian depends on a row by its scores alone, which are its columns along
the few directions that the coefficients span. So a row is split, orthogonally in the second moments
of the columns, into what lies along these directions and what does not. For the former the Hessian
is taken as it is, a small matrix. For the latter classes and columns are taken apart, as in
``approximations.kronecker``: that is exact where what the model does not look at has nothing to do
with what it does, as in normal columns (it is Stein's identity that parts them). Otherwise it is
good for the way there, at a small part of the price of a matrix on columns for each class.

With ``P = A (x) M + penalty`` for the Kronecker preconditioner, ``V = M Q`` for ``M``-orthonormal
directions Q and E for what the Hessian has along them beyond ``A (x) I``, the preconditioner is
``P + V E V'``. That is positive because ``M - V V'`` is, so that one M must make P and V. It is
solved with by Woodbury's identity,

    P^-1 - P^-1 V (1 + E V' P^-1 V)^-1 E V' P^-1.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import second_squares
from sksoftmax._curvature.preconditioners import (
    DiagonalPreconditioner,
    Factor,
    KroneckerPreconditioner,
    preconditioner_factor,
)
from sksoftmax._objective.rows import strided
from sksoftmax._objective.score_maps import LinearMap

# Directions shorter than this beside the longest span nothing but rounding.
LEAST_LENGTH = 1e-6
# Curvature that every direction is taken to have, beside the mean: less is noise.
LEAST_CURVATURE = 1e-6


def follows(objective, last):
    """Whether this preconditioner may come after another."""
    if not (objective.is_symmetric and costs.low_rank_is_affordable(objective)):
        return False
    correlated = isinstance(last, KroneckerPreconditioner) and not last.is_diagonal
    return correlated or isinstance(last, DiagonalPreconditioner)


def along_coefficients(objective, theta, last):
    """The preconditioner at theta, with the second moments of the last one.

    last : KroneckerPreconditioner, or DiagonalPreconditioner where columns are uncorrelated
    """
    if isinstance(last, KroneckerPreconditioner):
        columns, factor = last.columns, Factor.of
    else:
        columns, factor = np.diag(second_squares(objective)), preconditioner_factor
    directions = _directions(objective, theta, columns)
    exact, classes = curvatures_along(objective, theta, directions)
    base = approximations.rotated(*apart_from_shift(classes), columns, objective, factor)
    expected = base.curvatures - LEAST_CURVATURE * base.curvatures.mean()
    expected[0] = 0  # what all classes share moves no score, and is left as it is
    return LowRankPreconditioner.of(
        base, columns @ directions, excess(exact, base.rotation, expected)
    )


def _directions(objective, theta, columns):
    """What the coefficients span, and the intercept, orthonormal in the moments of the columns."""
    coef = theta.reshape(len(columns), -1).copy()
    coef -= coef.mean(axis=1, keepdims=True)
    if objective.map.has_intercept:
        coef = np.column_stack([coef, np.eye(1, len(coef), len(coef) - 1)[0]])
    lengths = np.sqrt(np.maximum(np.einsum("jk,jk->k", coef, columns @ coef), 0))
    coef = coef[:, lengths > 0] / lengths[lengths > 0]
    squares, vectors = np.linalg.eigh(coef.T @ columns @ coef)
    kept = squares > LEAST_LENGTH**2 * squares.max(initial=0.0)
    return coef @ (vectors[:, kept] / np.sqrt(squares[kept]))


def curvatures_along(objective, theta, directions):
    """The Hessian along directions, (d, K, d, K), and the classes' mean curvature, (K, K)."""
    score_map, n_directions = objective.map, directions.shape[1]
    at = approximations.probabilities_at(objective, theta)
    along = LinearMap(n_directions, score_map.n_features, score_map.center)
    prepared, forward = along.prepare(directions.ravel(), objective.dtype), along.forward
    stride = max(1, objective.n_rows // costs.rows_along_coefficients(objective))

    def block_sums(block):
        block = strided(stride, block)
        probability, columns = at(block), forward(prepared, block.X).T
        exact = approximations.joint_products(columns, probability, block.weight)
        return exact, approximations.class_curvature(probability, block.weight)

    exact, (frequency, agreement) = objective.rows.sum(block_sums)
    total = frequency.sum()
    shape = (n_directions, score_map.n_scores) * 2
    return exact.reshape(shape) / total, (np.diag(frequency) - agreement) / total


def apart_from_shift(classes):
    """Eigenvalues and vectors of a matrix on classes; the first is what all of them share."""
    shared = np.full((len(classes), 1), len(classes) ** -0.5)
    others = scipy.linalg.null_space(shared.T)
    curvatures, rotation = np.linalg.eigh(others.T @ classes @ others)
    return np.append(0.0, curvatures), np.hstack([shared, others @ rotation])


def excess(exact, rotation, expected):
    """What the Hessian along directions has beyond what is expected of the rotated classes."""
    size = exact.shape[0] * rotation.shape[1]
    beyond = np.tensordot(rotation, exact @ rotation, (0, 1))  # (n_classes, d, d, n_classes)
    beyond = beyond.swapaxes(0, 1).reshape(size, size)
    beyond[np.diag_indices_from(beyond)] -= np.tile(expected, exact.shape[0])
    return beyond


def woodbury(beyond, inner):
    """``(1 + E G)^-1 E``, what stands in the middle of Woodbury's identity.

    With ``G = R R'`` it is ``E - E R (1 + R' E R)^-1 R' E``. Zero, that is no correction, if what
    it corrects would not stay positive. But for rounding it does: columns far from zero, or
    collinear and not penalised, may leave nothing else of the curvature along a direction.

    beyond : E, of shape (d * n_classes, d * n_classes)
    inner : ndarray of shape (n_classes, d, d), the blocks of G
    """
    n_classes, size, _ = inner.shape
    try:
        root = np.linalg.cholesky(inner)
        image = beyond.reshape(len(beyond), size, n_classes).transpose(2, 0, 1) @ root
        image = image.transpose(1, 2, 0).reshape(beyond.shape)
        class_blocks = image.reshape(size, n_classes, len(image)).transpose(1, 0, 2)
        within = (root.transpose(0, 2, 1) @ class_blocks).transpose(1, 0, 2).reshape(beyond.shape)
        within[np.diag_indices_from(within)] += 1
        np.linalg.cholesky(within)
    except np.linalg.LinAlgError:
        return np.zeros_like(beyond)
    return beyond - image @ np.linalg.solve(within, image.T)


@dataclass(frozen=True)
class LowRankPreconditioner:
    """A product preconditioner and a correction of low rank.

    base : KroneckerPreconditioner
    image : ndarray of shape (n_columns, d), the V above
    solved : ndarray of shape (n_columns, d, n_scores), ``P^-1 V`` in the rotated classes
    core : square matrix of side ``d * n_scores``, what stands between these in Woodbury's identity
    """

    base: KroneckerPreconditioner
    image: np.ndarray
    solved: np.ndarray
    core: np.ndarray

    @classmethod
    def of(cls, base, image, beyond):
        """Of the correction ``image beyond image'``."""
        solved = np.empty((*image.shape, len(base.rotation)))
        for members, factor in base.groups:
            solved[:, :, members] = factor.solve(image)[:, :, None]
        inner = np.tensordot(image, solved, (0, 0)).transpose(2, 0, 1)
        return cls(base, image, solved, woodbury(beyond, inner))

    def solve(self, vector):
        rotation = self.base.rotation
        solution = self.base.solve(vector).reshape(-1, len(rotation))
        within = self.image.T @ (solution @ rotation)
        within = (self.core @ within.ravel()).reshape(within.shape)
        solution -= np.einsum("jar,ar->jr", self.solved, within) @ rotation.T
        return solution.ravel()
