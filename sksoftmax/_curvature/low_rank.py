"""The Hessian on the span of the coefficients, its Kronecker approximation elsewhere.

The classes' part of the Hessian depends on a row through its scores alone, that is through its
projection on the few directions that the coefficients span. So a row is split, orthogonally in the
second moments of the columns, into its projection and the rest. On the span the Hessian is taken as
it is, a small matrix. On the complement it is a Kronecker product, as in
``approximations.kronecker``. That is exact where projection and rest are independent, as in normal
columns (Erdogdu 2015, Newton-Stein method, Advances in Neural Information Processing Systems 28,
derives such a split from Stein's identity). Elsewhere it is an approximation that costs a small
part of a matrix on columns for each class.

With ``P = A (x) M + penalty`` the Kronecker preconditioner, Q the directions, orthonormal in M,
``V = M Q``, and E the Hessian along Q less ``A (x) I``, the preconditioner is ``P + V E V'``. It is
positive because ``M - V V'`` is, so that P and V must be made of the same M. Its inverse is, by
Woodbury's identity,

    P^-1 - P^-1 V (1 + E V' P^-1 V)^-1 E V' P^-1.

d is the number of directions.
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

# Length of a direction, relative to the longest, below which it is rounding.
LEAST_LENGTH = 1e-6
# Curvature of a direction over classes, relative to the mean, below which it is noise.
LEAST_CURVATURE = 1e-6


def follows(objective, last):
    """Whether `along_coefficients` is to follow a preconditioner, whose moments it uses."""
    if not (objective.is_symmetric and costs.low_rank_is_affordable(objective)):
        return False
    correlated = isinstance(last, KroneckerPreconditioner) and not last.is_diagonal
    return correlated or isinstance(last, DiagonalPreconditioner)


def along_coefficients(objective, theta, last):
    """The preconditioner at theta, with the second moments of the last one.

    last : KroneckerPreconditioner, or DiagonalPreconditioner where columns are uncorrelated

    Returns
    -------
    preconditioner : LowRankPreconditioner
    """
    if isinstance(last, KroneckerPreconditioner):
        columns, factor = last.columns, Factor.of
    else:
        columns, factor = np.diag(second_squares(objective)), preconditioner_factor
    directions = _directions(objective, theta, columns)
    exact, classes = curvatures_along(objective, theta, directions)
    base = approximations.rotated(*eigh_with_shift_first(classes), columns, objective, factor)
    expected = base.curvatures - LEAST_CURVATURE * base.curvatures.mean()
    expected[0] = 0  # no correction of the shift of all classes, which changes no probability
    E = correction(exact, base.rotation, expected)
    return LowRankPreconditioner.of(base, columns @ directions, E)


def _directions(objective, theta, columns):
    """A basis of the span of coefficients and intercept, orthonormal in the columns' moments.

    Returns
    -------
    directions : ndarray of shape (n_columns, d)
    """
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
    """The Hessian along directions, (d, K, d, K), and the classes' mean curvature, (K, K).

    Both are of every stride-th row, see ``costs.rows_along_coefficients``.
    """
    score_map, n_directions = objective.map, directions.shape[1]
    probability_of = approximations.probabilities_at(objective, theta)
    along = LinearMap(n_directions, score_map.n_features, score_map.center)
    prepared, forward = along.prepare(directions.ravel(), objective.dtype), along.forward
    stride = max(1, objective.n_rows // costs.rows_along_coefficients(objective))

    def block_sums(block):
        block = strided(stride, block)
        probability, columns = probability_of(block), forward(prepared, block.X).T
        exact = approximations.joint_products(columns, probability, block.weight)
        return exact, approximations.class_curvature(probability, block.weight)

    exact, (frequency, agreement) = objective.rows.sum(block_sums)
    total = frequency.sum()
    shape = (n_directions, score_map.n_scores) * 2
    return exact.reshape(shape) / total, (np.diag(frequency) - agreement) / total


def eigh_with_shift_first(classes):
    """Eigenvalues and eigenvectors of a matrix on classes, the shift of all classes first.

    Returns
    -------
    curvatures : ndarray of shape (n_classes,); that of the shift is 0
    rotation : ndarray of shape (n_classes, n_classes), the eigenvectors as columns
    """
    shared = np.full((len(classes), 1), len(classes) ** -0.5)
    others = scipy.linalg.null_space(shared.T)
    curvatures, rotation = np.linalg.eigh(others.T @ classes @ others)
    return np.append(0.0, curvatures), np.hstack([shared, others @ rotation])


def correction(exact, rotation, expected):
    """E: the Hessian along directions, in rotated classes, less the curvatures expected of these.

    exact : ndarray of shape (d, K, d, K)
    rotation : ndarray of shape (K, n_classes), for K classes or their complement of the shift
    expected : ndarray of shape (n_classes,)

    Returns
    -------
    E : ndarray of shape (d * n_classes, d * n_classes)
    """
    size = exact.shape[0] * rotation.shape[1]
    E = np.tensordot(rotation, exact @ rotation, (0, 1))  # (n_classes, d, d, n_classes)
    E = E.swapaxes(0, 1).reshape(size, size)
    E[np.diag_indices_from(E)] -= np.tile(expected, exact.shape[0])
    return E


def woodbury(E, G):
    """``(1 + E G)^-1 E``, the matrix in the middle of Woodbury's identity.

    With ``G = R R'`` it is ``E - E R (1 + R' E R)^-1 R' E``. It is zero, which means no correction,
    if the corrected matrix would not be positive. In exact arithmetic it always is. Columns far
    from zero, or collinear ones without a penalty, may leave only rounding of the curvature along a
    direction.

    E : ndarray of shape (d * n_classes, d * n_classes)
    G : ndarray of shape (n_classes, d, d), the diagonal blocks of G; all others are zero
    """
    n_classes, d, _ = G.shape
    try:
        R = np.linalg.cholesky(G)
        ER = E.reshape(len(E), d, n_classes).transpose(2, 0, 1) @ R
        ER = ER.transpose(1, 2, 0).reshape(E.shape)
        by_class = ER.reshape(d, n_classes, len(ER)).transpose(1, 0, 2)
        inner = (R.transpose(0, 2, 1) @ by_class).transpose(1, 0, 2).reshape(E.shape)
        inner[np.diag_indices_from(inner)] += 1
        np.linalg.cholesky(inner)
    except np.linalg.LinAlgError:
        return np.zeros_like(E)
    return E - ER @ np.linalg.solve(inner, ER.T)


@dataclass(frozen=True)
class LowRankPreconditioner:
    """``P + V E V'``: a Kronecker preconditioner and a correction of low rank.

    base : KroneckerPreconditioner, P
    V : ndarray of shape (n_columns, d)
    solved_V : ndarray of shape (n_columns, d, n_scores), ``P^-1 V`` in the rotated classes
    middle : ndarray of shape (d * n_scores, d * n_scores), see `woodbury`
    """

    base: KroneckerPreconditioner
    V: np.ndarray
    solved_V: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, base, V, E):
        solved_V = np.empty((*V.shape, len(base.rotation)))
        for members, factor in base.groups:
            solved_V[:, :, members] = factor.solve(V)[:, :, None]
        G = np.tensordot(V, solved_V, (0, 0)).transpose(2, 0, 1)
        return cls(base, V, solved_V, woodbury(E, G))

    def solve(self, vector):
        rotation = self.base.rotation
        solution = self.base.solve(vector).reshape(-1, len(rotation))
        along = self.V.T @ (solution @ rotation)
        along = (self.middle @ along.ravel()).reshape(along.shape)
        solution -= np.einsum("jar,ar->jr", self.solved_V, along) @ rotation.T
        return solution.ravel()
