"""Approximations of the Hessian of the objective, from cheap to exact.

The Hessian of softmax regression is ``mean_i x_i x_i' (x) (diag(p_i) - p_i p_i') + penalty``, with
(x) the Kronecker product and ``x_i`` a row about the mean of the columns, followed by a 1 for the
intercept. Every function here replaces the classes' part by something cheaper to make and to
solve with, and is a sum over rows.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax._curvature import costs
from sksoftmax._curvature.moments import Centring, are_uncorrelated, centred_columns, gram, moments
from sksoftmax._curvature.preconditioners import (
    ClassBlockPreconditioner,
    DiagonalPreconditioner,
    Factor,
    FullPreconditioner,
    KroneckerPreconditioner,
    Preconditioner,
    SharedPreconditioner,
    preconditioner_factor,
)
from sksoftmax._objective.kernels import curvature_product, lower_product, probabilities, variances
from sksoftmax._objective.rows import strided, take_columns

TINY = np.finfo(np.float64).tiny
# Curvature of classes that are all certain: its inverse must not overflow.
FLAT = 1e-100
# Entries of the scratch matrix of which the Hessian is made: it must stay in the cache.
SCRATCH = 2**17


def bohning_bound(objective):
    """Bohning's bound on the curvature, everywhere.

    ``diag(p) - pp' <= 1/2 (I - 11'/K)`` (Bohning 1992, Annals of the Institute of Statistical
    Mathematics 44, 197-200), and 1/4 for the sigmoid of two classes.
    """
    if not costs.columns_are_affordable(objective):
        return bohning_diagonal(objective)
    peak = _peak(objective)
    return shared(objective, lambda block: peak * block.weight)


def _peak(objective):
    return 0.25 if objective.map.n_scores == 1 else 0.5


def kronecker(objective, theta):
    """The curvature at theta with classes and columns taken apart.

    ``mean_i v_i x_i x_i' / mean_i v_i (x) mean_i (diag(p_i) - p_i p_i')`` plus the penalty, where
    ``v_i = mean_k p_ik (1 - p_ik)``. Exact where all rows have the same probabilities, as at the
    start.
    """
    if objective.map.hessian_sums is not None:
        fits = costs.hessian_fits(objective)
        return exact(objective, theta) if fits else _own_diagonal(objective, theta)
    if not costs.columns_are_affordable(objective) or are_uncorrelated(objective):
        return diagonal(objective, theta)
    return product(*kronecker_factors(objective, theta), objective)


def kronecker_factors(objective, theta):
    """The two factors of the averaged curvature: the classes' matrix and the columns'."""
    at, about = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        probability = at(block)
        row_curvature = variances(probability).mean(axis=0) * block.weight
        columns = moments(block.X, row_curvature, about)
        return columns, float(row_curvature.sum()), class_curvature(probability, block.weight)

    columns, mass, (frequency, agreement) = objective.rows.sum(block_sums)
    classes = (np.diag(frequency) - agreement) / objective.total_weight
    return classes, columns / max(mass, TINY)


def class_blocks(objective, theta):
    """The Hessian at theta without what couples the classes: a matrix on columns for each.

    ``mean_i p_ik (1 - p_ik) x_i x_i'`` plus the penalty. As the classes sharpen, their couplings
    fade and their curvatures part, so that it is by far the best of the cheap preconditioners.
    """
    return class_block_preconditioner(
        class_block_moments(objective, theta), _column_strength(objective)
    )


def class_block_preconditioner(matrices, strength):
    """The preconditioner of a matrix on columns for each class, plus the penalty."""
    ridge = np.diag(strength)
    return ClassBlockPreconditioner(tuple(Factor.of(matrix + ridge) for matrix in matrices))


def class_block_moments(objective, theta):
    """The matrices on columns that ``class_blocks`` is made of, without the penalty."""
    at, about = probabilities_at(objective, theta), Centring.of(objective)
    stride = costs.class_stride(objective)

    def block_sums(block):
        block = strided(stride, block)
        columns, row_curvature = (
            centred_columns(block.X, about),
            variances(at(block)) * block.weight,
        )
        return np.stack([gram(columns, own) for own in row_curvature])

    return objective.rows.sum(block_sums) * (stride / objective.total_weight)


def refreshed(objective, theta, last=None):
    """The best preconditioner whose cost the steps that it saves repay, given the last one."""
    if isinstance(last, DiagonalPreconditioner | KroneckerPreconditioner) and last.is_diagonal:
        # The fewer the rows that hold a sharp model's curvature, the more seem their columns to
        # be correlated; but it is the classes that have come to differ.
        return diagonal(objective, theta)
    if objective.is_symmetric and costs.classes_are_affordable(objective):
        return class_blocks(objective, theta)
    if isinstance(last, KroneckerPreconditioner):  # whose columns were looked at: they correlate
        return product(*kronecker_factors(objective, theta), objective)
    return kronecker(objective, theta)


def class_curvature(probability, weight):
    """The two sums of which ``sum_i w_i (diag(p_i) - p_i p_i')`` is made."""
    weighted = probability * weight
    return (
        weighted.sum(axis=1, dtype=np.float64),
        np.asarray(weighted @ probability.T, dtype=np.float64),
    )


def product(classes, columns, objective):
    """The preconditioner of a matrix on classes times one on columns, plus the penalty."""
    factor = preconditioner_factor if costs.solutions_are_expensive(objective) else Factor.of
    curvatures, rotation = np.linalg.eigh(classes)
    if not np.isfinite(curvatures).all():
        # Of nan LAPACK makes an error where the matrix is small, and nan where it is large.
        raise np.linalg.LinAlgError("the curvature of the classes is not finite")
    return rotated(curvatures, rotation, columns, objective, factor)


def rotated(curvatures, rotation, columns, objective, factor):
    """The same from the eigenvalues and vectors of the matrix on classes.

    factor : function that makes a factor of a matrix on columns
    """
    # The shift of all classes has none: any positive number will do there. Directions that are
    # nearly flat are kept from being taken for more than they are, which is noise.
    usual = max(curvatures.mean(), FLAT)
    curvatures = np.where(curvatures > 1e-6 * usual, curvatures, usual)
    # Half powers of two: like enough for a preconditioner, and few.
    level = np.round(2 * np.log2(curvatures / usual))
    strength = np.diag(_column_strength(objective))
    groups = []
    for value in np.unique(level):
        members = np.flatnonzero(level == value)
        curvatures[members] = np.exp(np.log(curvatures[members]).mean())
        groups.append((members, factor(curvatures[members[0]] * columns + strength)))
    return KroneckerPreconditioner(rotation, tuple(groups), curvatures, columns)


def lower(objective, theta, stride=1):
    """A preconditioner below the Hessian at theta, on what sums to zero over classes.

    ``diag(p) - pp' >= min_k p_k (I - 11'/K)``; for two classes it is the Hessian. Rows left out
    by the stride only make it smaller.
    """
    return penalised(lower_moments(objective, theta, stride), objective)


def lower_curvature(probability):
    """The least curvature of each row, on what sums to zero over classes."""
    return variances(probability)[0] if len(probability) == 1 else probability.min(axis=0)


def lower_moments(objective, theta, stride=1, curvature=lower_curvature):
    """The matrix on columns that ``lower`` is made of, without the penalty.

    curvature : function of probabilities that gives each row's, or less
    """
    at, about = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        block = strided(stride, block)
        return moments(block.X, curvature(at(block)) * block.weight, about)

    return objective.rows.sum(block_sums) / objective.total_weight


def exact(objective, theta):
    """The Hessian itself: one symmetric product a block.

    ``sum_i x_i x_i' (x) diag(p_i) - m_i m_i'`` with ``m_i = x_i (x) p_i``, that is ``n_scores``
    blocks on the diagonal and one product of rows of length ``n_scores * n_columns``.
    """
    score_map = objective.map
    if score_map.hessian_sums is not None:
        return _own_hessian(objective, theta)
    if score_map.n_scores == 1:
        return lower(objective, theta)
    matrix = joint_moments(objective, theta)
    _diagonal(matrix)[:] += objective.penalty.strength
    return FullPreconditioner(Factor.of(matrix))


def _diagonal(matrix):
    """A view of the diagonal of a square matrix, which can be written to."""
    return np.einsum("ii->i", matrix)


def joint_moments(objective, theta, shifted=slice(None)):
    """The Hessian without the penalty.

    shifted : columns of which the same shift of all classes, which changes no score, is to have
        curvature too
    """
    score_map = objective.map
    at, about = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        return joint_products(centred_columns(block.X, about), at(block), block.weight)

    matrix = objective.rows.sum(block_sums) / objective.total_weight
    if objective.is_symmetric:
        # No gradient points in that direction: give it the curvature that the columns have.
        blocks = matrix.reshape(score_map.n_columns, score_map.n_scores, score_map.n_columns, -1)
        each = np.arange(score_map.n_columns)[shifted]
        usual = np.einsum("jkjk->j", blocks) / score_map.n_scores
        blocks[each, :, each, :] += usual[each, None, None]
    return matrix


def _own_hessian(objective, theta):
    """The Hessian of a map that adds it up itself."""
    at, hessian_sums = probabilities_at(objective, theta), objective.map.hessian_sums

    def block_sums(block):
        return hessian_sums(block.X, at(block), block.weight)

    matrix = objective.rows.sum(block_sums) / objective.total_weight
    _diagonal(matrix)[:] += objective.penalty.strength
    return FullPreconditioner(Factor.of(matrix))


def _own_diagonal(objective, theta):
    at, hessian_diagonal = probabilities_at(objective, theta), objective.map.hessian_diagonal

    def block_sums(block):
        return hessian_diagonal(block.X, at(block), block.weight)

    sums = objective.rows.sum(block_sums) / objective.total_weight
    return DiagonalPreconditioner((sums + objective.penalty.strength)[:, None])


def exact_of(part, features, at, rows):
    """The Hessian's block of a few columns of the rows, without the penalty.

    part : Objective on these columns alone
    features : indices of those of X
    at : function of a block of all columns, its probabilities
    """
    about = Centring.of(part)

    def block_sums(block):
        probability = at(block)
        columns = centred_columns(take_columns(block.X, features), about)
        if len(probability) == 1:
            return gram(columns, variances(probability)[0] * block.weight)
        return joint_products(columns, probability, block.weight)

    return rows.sum(block_sums) / part.total_weight


def joint_products(columns, probability, weight):
    """``sum_i w_i x_i x_i' (x) (diag(p_i) - p_i p_i')`` of a block."""
    n_scores, (n_rows, n_columns) = len(probability), columns.shape
    matrix = np.zeros((n_columns * n_scores,) * 2)
    blocks = matrix.reshape(n_columns, n_scores, n_columns, n_scores)
    for k in range(n_scores):
        blocks[:, k, :, k] = gram(columns, probability[k] * weight)
    rooted = np.ascontiguousarray((probability * np.sqrt(weight)).T)
    step = max(1, SCRATCH // max(1, len(matrix)))
    for start in range(0, n_rows, step):
        part = slice(start, start + step)
        joint = columns[part, :, None] * rooted[part, None, :]
        joint = joint.reshape(len(joint), -1)
        matrix -= joint.T @ joint
    return matrix


class LowerBound(NamedTuple):
    """A matrix below the Hessian, of each so manieth row.

    product : the kernel of its products with a direction, such as `lower_product`
    """

    preconditioner: Preconditioner
    stride: int
    product: Callable


def lower_bounds(objective, theta, last=False):
    """Matrices below the Hessian that a proof can afford, the cheaper first.

    last : whether no steps will follow, after which the first would prove as much as the Hessian
        does here, for less
    """
    needed = not objective.penalised_coef
    if objective.is_symmetric and (costs.columns_are_affordable(objective) or needed):
        stride = costs.proof_stride(objective)
        yield LowerBound(lower(objective, theta, stride), stride, lower_product)
    if objective.map.n_scores == 1 and objective.is_symmetric:
        return  # that was the Hessian
    wanted = needed or not objective.is_symmetric
    fits, cheap = costs.hessian_fits(objective), costs.hessian_is_cheap(objective)
    if (wanted and fits) or (last and cheap):
        yield LowerBound(exact(objective, theta), 1, curvature_product)


def shared(objective, weigh):
    """One matrix on columns for all classes, of rows weighted by a function of their block."""
    about = Centring.of(objective)
    sums = objective.rows.sum(lambda block: moments(block.X, weigh(block), about))
    return penalised(sums / objective.total_weight, objective)


def penalised(matrix, objective):
    """The preconditioner of a matrix on columns, the same for all classes, plus the penalty."""
    _diagonal(matrix)[:] += _column_strength(objective)
    return SharedPreconditioner(Factor.of(matrix))


def diagonal(objective, theta):
    """The diagonal of the Hessian at theta."""
    return _diagonal_preconditioner(class_squares(objective, theta), objective)


def bohning_diagonal(objective):
    """The diagonal of Bohning's bound."""
    peak = _peak(objective)
    shape = (objective.map.n_scores, 1)
    squares = _squares(objective, lambda block: np.tile(peak * block.weight, shape))
    return _diagonal_preconditioner(squares, objective)


def _diagonal_preconditioner(squares, objective):
    diagonal = squares + objective.penalty.strength.reshape(squares.shape)
    diagonal = np.maximum(diagonal, np.finfo(np.float64).eps * diagonal.max())
    return DiagonalPreconditioner(diagonal if objective.is_symmetric else diagonal.reshape(-1, 1))


def class_squares(objective, theta):
    """The diagonal of the Hessian without the penalty, (n_columns, n_scores)."""
    at = probabilities_at(objective, theta)
    return _squares(objective, lambda block: variances(at(block)) * block.weight)


def _squares(objective, weigh):
    """``mean_i weigh_ik x_ij^2`` about the center."""
    center = objective.map.center

    def block_sums(block):
        weight = weigh(block).T
        squares = block.X.power(2) if sp.issparse(block.X) else np.square(block.X)
        return (
            np.asarray(squares.T @ weight, dtype=np.float64),
            np.asarray(block.X.T @ weight, dtype=np.float64),
            weight.sum(axis=0, dtype=np.float64),
        )

    squares, sums, mass = (part / objective.total_weight for part in objective.rows.sum(block_sums))
    if center is not None:
        # Shifted by the columns' means after the fact: the squares lose digits where an offset
        # is large, which costs iterations but nothing else.
        shift = center[:, None]
        squares = np.maximum(squares - 2 * shift * sums + mass * shift**2, 0)
        squares = np.vstack([squares, mass])
    return squares


def probabilities_at(objective, theta):
    """The probabilities at theta, as a function of a block."""
    prepared = objective.map.prepare(theta, objective.dtype)
    forward = objective.map.forward
    return lambda block: probabilities(forward(prepared, block.X))


def _column_strength(objective):
    """The least strength of any class: what lies below the Hessian with it stays there."""
    return objective.penalty.strength.reshape(-1, objective.map.n_scores).min(axis=1)
