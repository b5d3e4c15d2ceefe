"""Metrics: local inner products in which the objective looks round.

The Hessian of softmax regression is ``mean_i (diag(p_i) - p_i p_i') (x) x_i x_i' + penalty``, with
(x) the Kronecker product and ``x_i`` a row about the mean of the columns, followed by a 1 for the
intercept. Every metric here replaces the classes' part by something cheaper to make and to solve
with, and is a sum over rows.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sksoftmax.kernels import probabilities, variances

# A metric may cost this many evaluations of the objective, the exact Hessian of a proof likewise.
# Measured: a metric saves more iterations than that, and costs a fraction of its count, since
# symmetric products run several times faster than the thin products of an evaluation.
METRIC_EVALUATIONS = 20
PROOF_EVALUATIONS = 20
TINY = np.finfo(np.float64).tiny
MOST_PARAMETERS = 2000  # of a Hessian that is held as one matrix


class Metric(Protocol):
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
    cholesky: tuple

    @classmethod
    def of(cls, matrix):
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        correlation = matrix / scale / scale[:, None]
        jitter = 10 * len(matrix) * np.finfo(matrix.dtype).eps
        while True:
            correlation[np.diag_indices_from(correlation)] = 1.0 + jitter
            try:
                return cls(scale, scipy.linalg.cho_factor(correlation, check_finite=False))
            except np.linalg.LinAlgError:
                jitter *= 100

    def solve(self, columns):
        scale = self.scale if columns.ndim == 1 else self.scale[:, None]
        return scipy.linalg.cho_solve(self.cholesky, columns / scale, check_finite=False) / scale


@dataclass(frozen=True)
class SharedMetric:
    """One matrix on columns, the same for all classes."""

    factor: Factor

    def solve(self, vector):
        matrix = vector.reshape(-1, len(self.factor.scale))
        return self.factor.solve(matrix.T).T.ravel()


@dataclass(frozen=True)
class ProductMetric:
    """A matrix on classes times a matrix on columns, plus the penalty.

    In the basis that makes the classes' matrix diagonal each of its directions has a matrix on
    columns of its own, ``a_j columns + penalty``; directions of like ``a_j`` share a factor.

    rotation : ndarray of shape (n_scores, n_scores), orthogonal
    groups : tuple of (indices of columns of the rotation, Factor)
    """

    rotation: np.ndarray
    groups: tuple

    def solve(self, vector):
        rotated = self.rotation.T @ vector.reshape(len(self.rotation), -1)
        for members, factor in self.groups:
            rotated[members] = factor.solve(rotated[members].T).T
        return (self.rotation @ rotated).ravel()


@dataclass(frozen=True)
class FullMetric:
    """A matrix on all of theta."""

    factor: Factor

    def solve(self, vector):
        return self.factor.solve(vector)


@dataclass(frozen=True)
class DiagonalMetric:
    """One positive number for each parameter."""

    diagonal: np.ndarray

    def solve(self, vector):
        return vector / self.diagonal


def bound(objective):
    """Bohning's bound on the curvature, everywhere.

    ``diag(p) - pp' <= 1/2 (I - 11'/K)`` (Bohning 1992, Annals of the Institute of Statistical
    Mathematics 44, 197-200), and 1/4 for the sigmoid of two classes.
    """
    peak = 0.25 if objective.map.n_scores == 1 else 0.5
    if _shared_cost(objective) > METRIC_EVALUATIONS:
        return _diagonal_bound(objective, peak)
    return _shared(objective, lambda block: peak * block.weight)


def averaged(objective, theta):
    """The curvature at theta with classes and columns taken apart.

    ``mean_i (diag(p_i) - p_i p_i') (x) mean_i v_i x_i x_i' / mean_i v_i`` plus the penalty, where
    ``v_i = mean_k p_ik (1 - p_ik)``. Exact where all rows have the same probabilities, as at the
    start.
    """
    if _shared_cost(objective) > METRIC_EVALUATIONS:
        return _diagonal(objective, theta)
    at = probabilities_at(objective, theta)

    def block_sums(block):
        probability = at(block)
        spread = variances(probability).mean(axis=0) * block.weight
        columns = gram(centred_columns(block.X, objective.map.center), spread)
        return columns, float(spread.sum()), class_curvature(probability, block.weight)

    columns, mass, (frequency, agreement) = objective.rows.sum(block_sums)
    classes = (np.diag(frequency) - agreement) / objective.total_weight
    return _product(classes, columns / max(mass, TINY), objective)


def class_curvature(probability, weight):
    """The two sums of which ``sum_i w_i (diag(p_i) - p_i p_i')`` is made."""
    weighted = probability * weight
    return (
        weighted.sum(axis=1, dtype=np.float64),
        np.asarray(weighted @ probability.T, dtype=np.float64),
    )


def _product(classes, columns, objective):
    curvatures, rotation = np.linalg.eigh(classes)
    # The shift of all classes has none: any positive number will do there. Directions that are
    # nearly flat are kept from being taken for more than they are, which is noise.
    usual = curvatures.mean()
    curvatures = np.where(curvatures > 1e-6 * usual, curvatures, usual)
    # Half powers of two: like enough for a metric, and few.
    level = np.round(2 * np.log2(curvatures / usual))
    strength = np.diag(_column_strength(objective))
    groups = []
    for value in np.unique(level):
        members = np.flatnonzero(level == value)
        matrix = np.exp(np.log(curvatures[members]).mean()) * columns + strength
        groups.append((members, Factor.of(matrix)))
    return ProductMetric(rotation, tuple(groups))


def least(objective, theta):
    """A metric below the Hessian at theta, on what sums to zero over classes.

    ``diag(p) - pp' >= min_k p_k (I - 11'/K)``; for two classes it is the Hessian.
    """
    at = probabilities_at(objective, theta)

    def weigh(block):
        probability = at(block)
        if len(probability) == 1:
            return variances(probability)[0] * block.weight
        return probability.min(axis=0) * block.weight

    return _shared(objective, weigh)


def exact(objective, theta):
    """The Hessian itself: one symmetric product a block.

    ``sum_i diag(p_i) (x) x_i x_i' - m_i m_i'`` with ``m_i = p_i (x) x_i``, that is ``n_scores``
    blocks on the diagonal and one product of rows of length ``n_scores * n_columns``.
    """
    score_map = objective.map
    n_scores, n_columns = score_map.n_scores, score_map.n_columns
    if n_scores == 1:
        return least(objective, theta)
    at = probabilities_at(objective, theta)

    def block_sums(block):
        probability = at(block)
        columns = centred_columns(block.X, score_map.center)
        root = np.sqrt(block.weight).astype(probability.dtype)
        joint = np.multiply(columns[:, None, :], (probability * root).T[:, :, None])
        joint = joint.reshape(len(columns), -1)
        matrix = -np.asarray(joint.T @ joint, dtype=np.float64)
        blocks = matrix.reshape(n_scores, n_columns, n_scores, n_columns)
        for k in range(n_scores):
            blocks[k, :, k, :] += gram(columns, probability[k] * block.weight)
        return matrix

    matrix = objective.rows.sum(block_sums) / objective.total_weight
    # The same shift of all classes changes no score: give that direction, in which only the
    # penalty has a gradient, the curvature that the columns have.
    diagonal = matrix.diagonal().reshape(n_scores, n_columns).mean(axis=0)
    blocks = matrix.reshape(n_scores, n_columns, n_scores, n_columns)
    blocks[:, np.arange(n_columns), :, np.arange(n_columns)] += diagonal[:, None, None]
    matrix[np.diag_indices_from(matrix)] += objective.penalty.strength
    return FullMetric(Factor.of(matrix))


def lower_bounds(objective, theta):
    """Matrices below the Hessian that a proof can afford, the cheaper first."""
    needed = not objective.penalised_coef
    if _shared_cost(objective) <= PROOF_EVALUATIONS or needed:
        yield least(objective, theta)
    several = objective.map.n_scores > 1
    if several and exact_is_affordable(objective):
        if _exact_cost(objective) <= PROOF_EVALUATIONS or needed:
            yield exact(objective, theta)


def exact_is_affordable(objective):
    return objective.map.n_scores * objective.map.n_columns <= MOST_PARAMETERS


def worthwhile_sample(objective):
    """Rows whose optimum is a good place to begin, and whose Hessian a good metric; or 0.

    The optimum of m rows is off by about n_parameters / m, the Hessian by its root: twenty rows a
    parameter leave few steps on all rows, if those are many times more.
    """
    n_parameters = objective.map.n_scores * objective.map.n_columns
    n_rows = max(20 * n_parameters, 2000)
    return n_rows if n_rows <= objective.n_rows / 8 else 0


def newton_price(objective):
    """Steps to be expected, times the price of one in evaluations."""
    if exact_is_affordable(objective):
        # Symmetric products run at several times the speed of thin ones.
        return 8 * (1 + 0.4 * _exact_cost(objective))
    return 8 * 20


def _evaluation_cost(objective):
    """Multiplications of a value and gradient, an exponential counting as ten."""
    return objective.map.n_scores * (2 * objective.n_entries + 10 * objective.n_rows)


def _shared_cost(objective):
    """Evaluations that the second moments are worth, and their factor."""
    n_columns = objective.map.n_columns
    work = objective.n_rows * n_columns**2 / 2 + n_columns**3 / 6
    return work / _evaluation_cost(objective)


def _exact_cost(objective):
    n_scores = objective.map.n_scores
    size = n_scores * objective.map.n_columns
    work = objective.n_rows * size**2 / 2 * (1 + 1 / n_scores) + size**3 / 6
    return work / _evaluation_cost(objective)


def _shared(objective, weigh):
    def block_sums(block):
        return gram(centred_columns(block.X, objective.map.center), weigh(block))

    matrix = objective.rows.sum(block_sums) / objective.total_weight
    matrix[np.diag_indices_from(matrix)] += _column_strength(objective)
    return SharedMetric(Factor.of(matrix))


def _diagonal(objective, theta):
    """The diagonal of the Hessian at theta."""
    at = probabilities_at(objective, theta)
    return _squares(objective, lambda block: variances(at(block)) * block.weight)


def _diagonal_bound(objective, peak):
    shape = (objective.map.n_scores, 1)
    return _squares(objective, lambda block: np.tile(peak * block.weight, shape))


def _squares(objective, weigh):
    """The diagonal metric ``mean_i weigh_ik x_ij^2 + penalty``, about the center."""
    center = objective.map.center

    def block_sums(block):
        weight = weigh(block)
        squares = block.X.power(2) if sp.issparse(block.X) else np.square(block.X)
        return (
            np.asarray(weight @ squares, dtype=np.float64),
            np.asarray(weight @ block.X, dtype=np.float64),
            weight.sum(axis=1, dtype=np.float64),
        )

    squares, sums, mass = (part / objective.total_weight for part in objective.rows.sum(block_sums))
    if center is not None:
        # Shifted by the columns' means after the fact: the squares lose digits where an offset
        # is large, which costs iterations but nothing else.
        squares = np.maximum(squares - 2 * center * sums + mass[:, None] * center**2, 0)
        squares = np.column_stack([squares, mass])
    diagonal = squares.ravel() + objective.penalty.strength
    return DiagonalMetric(np.maximum(diagonal, np.finfo(np.float64).eps * diagonal.max()))


def probabilities_at(objective, theta):
    prepared = objective.map.prepare(theta, objective.dtype)
    return lambda block: probabilities(objective.map.forward(prepared, block.X))


def _column_strength(objective):
    return objective.penalty.strength.reshape(objective.map.n_scores, -1)[0]


def centred_columns(X, center):
    """Rows about the center, with a 1 appended if there is one."""
    dense = X.toarray() if sp.issparse(X) else X
    if center is None:
        return dense
    columns = np.ones((dense.shape[0], dense.shape[1] + 1), dtype=dense.dtype)
    np.subtract(dense, center, out=columns[:, :-1], casting="same_kind")
    return columns


def gram(columns, weight):
    """``sum_i weight_i x_i x_i'``, as a product with itself, which BLAS does by halves."""
    scaled = columns * np.sqrt(weight)[:, None].astype(columns.dtype)
    return np.asarray(scaled.T @ scaled, dtype=np.float64)
