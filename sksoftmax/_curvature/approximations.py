"""Approximations of the Hessian of the objective, from cheap to exact.

The Hessian of softmax regression is ``mean_i x_i x_i' (x) (diag(p_i) - p_i p_i') + penalty``, with
(x) the Kronecker product and ``x_i`` a row about the mean of the columns, followed by a 1 for the
intercept. All functions here but `exact` replace the classes' part by something that is cheaper to
make and to solve with. Each takes one pass over the rows.
"""

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
    SharedPreconditioner,
    preconditioner_factor,
)
from sksoftmax._objective.kernels import probabilities, variances
from sksoftmax._objective.rows import strided, take_columns

TINY = np.finfo(np.float64).tiny
# Least curvature of the classes. Where all probabilities are 0 or 1 they have none, and its inverse
# must not overflow.
FLAT = 1e-100
# Entries of the scratch matrix of `joint_products`, which must stay in the cache.
SCRATCH = 2**17


def bohning_bound(objective):
    """A preconditioner above the Hessian at every theta, or its diagonal where columns are many.

    ``diag(p) - pp' <= 1/2 (I - 11'/K)`` (Bohning 1992, Annals of the Institute of Statistical
    Mathematics 44, 197-200), and 1/4 for the sigmoid of two classes.
    """
    if not costs.columns_are_affordable(objective):
        return bohning_diagonal(objective)
    most, centring = _most_curvature(objective), Centring.of(objective)
    sums = objective.rows.sum(lambda block: moments(block.X, most * block.weight, centring))
    return penalised(sums / objective.total_weight, objective)


def _most_curvature(objective):
    """The factor of Bohning's bound."""
    return 0.25 if objective.map.n_scores == 1 else 0.5


def kronecker(objective, theta):
    """The curvature at theta as a product of a matrix on columns and one on classes.

    ``mean_i v_i x_i x_i' / mean_i v_i (x) mean_i (diag(p_i) - p_i p_i')`` plus the penalty, where
    ``v_i = mean_k p_ik (1 - p_ik)``. Exact where all rows have the same probabilities, as at the
    start. The diagonal of the Hessian takes its place where columns are uncorrelated or too many,
    and for a map that adds up its own Hessian.
    """
    if objective.map.hessian_sums is not None:
        return _own_diagonal(objective, theta)
    if not costs.columns_are_affordable(objective) or are_uncorrelated(objective):
        return diagonal(objective, theta)
    return product(*kronecker_factors(objective, theta), objective)


def kronecker_factors(objective, theta):
    """The matrices of `kronecker`, (n_scores, n_scores) and (n_columns, n_columns)."""
    probability_of, centring = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        probability = probability_of(block)
        row_curvature = variances(probability).mean(axis=0) * block.weight
        columns = moments(block.X, row_curvature, centring)
        return columns, float(row_curvature.sum()), class_curvature(probability, block.weight)

    columns, mass, (frequency, agreement) = objective.rows.sum(block_sums)
    classes = (np.diag(frequency) - agreement) / objective.total_weight
    return classes, columns / max(mass, TINY)


def class_blocks(objective, theta):
    """The Hessian's blocks at theta, a matrix on columns for each class.

    ``mean_i p_ik (1 - p_ik) x_i x_i'`` plus the penalty. The nearer probabilities come to 0 and 1,
    the weaker are the couplings between classes and the more do their curvatures differ: it is then
    by far the best of the cheap preconditioners.
    """
    matrices = class_block_moments(objective, theta)
    return class_block_preconditioner(matrices, _column_strength(objective))


def class_block_preconditioner(matrices, strength):
    """The preconditioner of a matrix on columns for each class, plus the penalty."""
    ridge = np.diag(strength)
    return ClassBlockPreconditioner(tuple(Factor.of(matrix + ridge) for matrix in matrices))


def class_block_moments(objective, theta):
    """The matrices of `class_blocks` without the penalty, (n_scores, n_columns, n_columns)."""
    probability_of, centring = probabilities_at(objective, theta), Centring.of(objective)
    stride = costs.class_stride(objective)

    def block_sums(block):
        block = strided(stride, block)
        columns = centred_columns(block.X, centring)
        row_curvature = variances(probability_of(block)) * block.weight
        return np.stack([gram(columns, own) for own in row_curvature])

    return objective.rows.sum(block_sums) * (stride / objective.total_weight)


def refreshed(objective, theta, last=None):
    """The best preconditioner at theta whose cost is less than that of the steps it saves.

    last : Preconditioner, optional, the one before
    """
    if isinstance(last, DiagonalPreconditioner | KroneckerPreconditioner) and last.is_diagonal:
        # Columns were found to be uncorrelated. They would now seem correlated, since fewer rows
        # make up the curvature; but it is the classes that have come to differ.
        return diagonal(objective, theta)
    if objective.is_symmetric and costs.classes_are_affordable(objective):
        return class_blocks(objective, theta)
    if isinstance(last, KroneckerPreconditioner):  # whose columns were looked at: they correlate
        return product(*kronecker_factors(objective, theta), objective)
    return kronecker(objective, theta)


def class_curvature(probability, weight):
    """``sum_i w_i p_i`` and ``sum_i w_i p_i p_i'``, (n_scores,) and (n_scores, n_scores)."""
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
        # LAPACK raises for nan in a small matrix, and returns nan for a large one.
        raise np.linalg.LinAlgError("the curvature of the classes is not finite")
    return rotated(curvatures, rotation, columns, objective, factor)


def rotated(curvatures, rotation, columns, objective, factor):
    """`product` of the eigenvalues and eigenvectors of the matrix on classes.

    curvatures, rotation : ndarrays of shape (n_scores,) and (n_scores, n_scores)
    factor : function that makes a factor of a matrix on columns
    """
    # The shift of all classes has no curvature, and any positive number will do; nor is more than
    # noise known of directions that are nearly flat.
    usual = max(curvatures.mean(), FLAT)
    curvatures = np.where(curvatures > 1e-6 * usual, curvatures, usual)
    # Curvatures are rounded to half powers of two, so that few factors are made.
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
    """The least curvature of each row, (n_rows,), on what sums to zero over classes."""
    return variances(probability)[0] if len(probability) == 1 else probability.min(axis=0)


def lower_moments(objective, theta, stride=1, curvature=lower_curvature):
    """The matrix of `lower` without the penalty, (n_columns, n_columns).

    curvature : function of probabilities, `lower_curvature` or one with lower values
    """
    probability_of, centring = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        block = strided(stride, block)
        return moments(block.X, curvature(probability_of(block)) * block.weight, centring)

    return objective.rows.sum(block_sums) / objective.total_weight


def exact(objective, theta):
    """The Hessian itself: one symmetric product a block.

    ``sum_i x_i x_i' (x) diag(p_i) - m_i m_i'`` with ``m_i = x_i (x) p_i``, that is ``n_scores``
    blocks on the diagonal and one product of rows of length ``n_scores * n_columns``.
    """
    if objective.map.hessian_sums is None and objective.map.n_scores == 1:
        return lower(objective, theta)
    matrix = joint_moments(objective, theta)
    _diagonal(matrix)[:] += objective.penalty.strength
    return FullPreconditioner(Factor.of(matrix))


def _diagonal(matrix):
    """A view of the diagonal of a square matrix, which can be written to."""
    return np.einsum("ii->i", matrix)


def joint_moments(objective, theta, shifted=slice(None)):
    """The Hessian without the penalty, (n_parameters, n_parameters).

    shifted : indices of columns
        Those in which a shift of all classes is given curvature, although it changes no
        probability, so that the matrix is not singular. None of a map that adds up its Hessian.
    """
    score_map = objective.map
    probability_of, centring = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        if score_map.hessian_sums is not None:
            return score_map.hessian_sums(block.X, probability_of(block), block.weight)
        return joint_products(
            centred_columns(block.X, centring), probability_of(block), block.weight
        )

    matrix = objective.rows.sum(block_sums) / objective.total_weight
    if objective.is_symmetric:
        # No gradient has a part in that shift: any curvature will do, such as the columns' mean.
        blocks = matrix.reshape(score_map.n_columns, score_map.n_scores, score_map.n_columns, -1)
        each = np.arange(score_map.n_columns)[shifted]
        usual = np.einsum("jkjk->j", blocks) / score_map.n_scores
        blocks[each, :, each, :] += usual[each, None, None]
    return matrix


def _own_diagonal(objective, theta):
    """The diagonal of the Hessian of a map that adds it up itself."""
    probability_of, hessian_diagonal = (
        probabilities_at(objective, theta),
        objective.map.hessian_diagonal,
    )

    def block_sums(block):
        return hessian_diagonal(block.X, probability_of(block), block.weight)

    sums = objective.rows.sum(block_sums) / objective.total_weight
    return DiagonalPreconditioner((sums + objective.penalty.strength)[:, None])


def exact_of(part, features, probability_of, rows):
    """The Hessian's block of some columns, without the penalty, at a theta of all columns.

    part : Objective on these columns alone, whose rows are not read
    features : indices of these columns in X
    probability_of : function of a block of all columns, its probabilities at the theta
    rows : Rows of all columns
    """
    centring = Centring.of(part)

    def block_sums(block):
        probability = probability_of(block)
        columns = centred_columns(take_columns(block.X, features), centring)
        if len(probability) == 1:
            return gram(columns, variances(probability)[0] * block.weight)
        return joint_products(columns, probability, block.weight)

    return rows.sum(block_sums) / part.total_weight


def joint_products(columns, probability, weight):
    """``sum_i w_i x_i x_i' (x) (diag(p_i) - p_i p_i')`` of a block.

    columns : ndarray of shape (n_rows, n_columns)
    probability : ndarray of shape (n_scores, n_rows)

    Returns
    -------
    matrix : ndarray of shape (n_columns * n_scores, n_columns * n_scores)
    """
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


def penalised(matrix, objective):
    """The preconditioner of a matrix on columns, the same for all classes, plus the penalty."""
    _diagonal(matrix)[:] += _column_strength(objective)
    return SharedPreconditioner(Factor.of(matrix))


def diagonal(objective, theta):
    """The diagonal of the Hessian at theta, as a preconditioner."""
    return _diagonal_preconditioner(class_squares(objective, theta), objective)


def bohning_diagonal(objective):
    """The diagonal of Bohning's bound, as a preconditioner."""
    most, shape = _most_curvature(objective), (objective.map.n_scores, 1)
    squares = _squares(objective, lambda block: np.tile(most * block.weight, shape))
    return _diagonal_preconditioner(squares, objective)


def _diagonal_preconditioner(squares, objective):
    diagonal = squares + objective.penalty.strength.reshape(squares.shape)
    diagonal = np.maximum(diagonal, np.finfo(np.float64).eps * diagonal.max())
    return DiagonalPreconditioner(diagonal if objective.is_symmetric else diagonal.reshape(-1, 1))


def class_squares(objective, theta):
    """The diagonal of the Hessian without the penalty, (n_columns, n_scores)."""
    probability_of = probabilities_at(objective, theta)
    return _squares(objective, lambda block: variances(probability_of(block)) * block.weight)


def _squares(objective, weigh):
    """``mean_i v_ki x_ij^2`` about the center, (n_columns, n_scores).

    weigh : function of a block, the ``v_ki`` of shape (n_scores, n_rows)
    """
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
    """The ridge of each column, the least of any class: lower bounds stay below the Hessian."""
    return objective.penalty.strength.reshape(-1, objective.map.n_scores).min(axis=1)
