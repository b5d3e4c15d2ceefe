"""Sums over rows of which covariances are made: the information and the scores' products.

All matrices are on the coefficients of the classes other than the base, the columns about their
means and the intercept last, as (n_columns, n_classes - 1) flattened: the layout of theta with a
class less. With ``x_i`` a row and ``p_i``, ``t_i`` its probabilities and target without the base,
the information is ``J = sum_i w_i x_i x_i' (x) (diag(p_i) - p_i p_i')``, (x) being the Kronecker
product, and the score of a row is ``w_i x_i (x) (t_i - p_i)``.
"""

from dataclasses import dataclass

import numpy as np

from sksoftmax._curvature.approximations import SCRATCH, joint_products, probabilities_at
from sksoftmax._curvature.moments import Centring, centred_columns, gram
from sksoftmax._inference.contrasts import sum_to_zero
from sksoftmax._inference.objective import frequencies
from sksoftmax._objective.kernels import variances
from sksoftmax._objective.rows import Block, InMemoryRows, paired


@dataclass(frozen=True)
class Basis:
    """The coefficients of all classes but one, the base, against it.

    objective : Objective, whose theta they make
    base : int, index of the class
    """

    objective: object
    base: int

    @property
    def n_scores(self):
        return max(1, self.objective.map.n_scores - 1)

    @property
    def lift(self):
        """The matrix (n_scores of theta, n_scores here) that makes theta's rows of these."""
        n_scores = self.objective.map.n_scores
        return np.ones((1, 1)) if n_scores == 1 else sum_to_zero(self.base, n_scores)

    def theta(self, vector):
        return (vector.reshape(-1, self.n_scores) @ self.lift.T).ravel()

    def gradient(self, theta):
        """That of the objective, times the sum of the weights."""
        _, gradient = self.objective.value_and_gradient(theta)
        gradient = gradient.reshape(-1, len(self.lift)) @ self.lift
        return gradient.ravel() * self.objective.total_weight

    def ridge(self):
        """The Hessian of the penalty, times the sum of the weights."""
        strength = self.objective.penalty.strength.reshape(-1, len(self.lift))[:, 0]
        by_class = self.lift.T @ self.lift * self.objective.total_weight
        return np.kron(np.diag(strength), by_class)

    def without_base(self, scores):
        """The rows of class-major scores that belong to the classes other than the base."""
        return scores if len(scores) == 1 else np.delete(scores, self.base, axis=0)


def information(basis, theta, weigh=None):
    """J, with weights that ``weigh`` makes of a block; those of the loss by default."""
    objective = basis.objective
    at, about = probabilities_at(objective, theta), Centring.of(objective)

    def block_sums(block):
        columns, probability = centred_columns(block.X, about), at(block)
        weight = block.weight if weigh is None else weigh(block)
        if len(probability) == 1:
            return gram(columns, variances(probability)[0] * weight)
        return joint_products(columns, basis.without_base(probability), weight)

    return objective.rows.sum(block_sums)


def products_of_scores(basis, theta, weigh):
    """``sum_i weigh_i s_i s_i'`` of the scores ``s_i`` of the rows."""
    objective = basis.objective
    residual, about = objective.residuals(theta), Centring.of(objective)

    def block_sums(block):
        columns = centred_columns(block.X, about)
        rooted = basis.without_base(residual(block)) * np.sqrt(weigh(block))
        return joint_squares(columns, np.ascontiguousarray(rooted.T))

    return objective.rows.sum(block_sums)


def joint_squares(columns, residual):
    """``sum_i (x_i (x) r_i) (x_i (x) r_i)'``; the rows in pieces that stay in the cache."""
    size = columns.shape[1] * residual.shape[1]
    matrix = np.zeros((size, size))
    step = max(1, SCRATCH // size)
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        joint = columns[part, :, None] * residual[part, None, :]
        joint = joint.reshape(len(joint), -1)
        matrix += joint.T @ joint
    return matrix


def products_of_groups(basis, theta, groups, n_groups):
    """``sum_g s_g s_g'`` of the groups' sums of scores ``s_g``.

    groups : ndarray of shape (n_rows,), indices of the groups, of the rows with weight in order
    """
    objective = basis.objective
    residual, about = objective.residuals(theta), Centring.of(objective)

    def block_sums(pair):
        block, own = pair
        columns, residuals = centred_columns(block.X, about), basis.without_base(residual(block))
        present, index = np.unique(own.X, return_inverse=True)
        member = np.zeros((len(present), len(columns)))
        member[index.ravel(), np.arange(len(columns))] = 1
        return [(present, np.stack([(member * each) @ columns for each in residuals], axis=2))]

    sums = np.zeros((n_groups, objective.map.n_columns, basis.n_scores))
    for present, each in paired(objective.rows, _like(objective.rows, groups)).sum(block_sums):
        sums[present] += each
    sums = sums.reshape(n_groups, -1)
    return sums.T @ sums


def _like(rows, values):
    """Values of the rows, one each, in blocks like theirs."""
    chunks, start = [], 0
    for chunk in rows.chunks:
        blocks = []
        for block in chunk:
            own = values[start : start + len(block.weight), None]
            blocks.append(Block(own, block.target, block.weight))
            start += len(block.weight)
        chunks.append(tuple(blocks))
    return InMemoryRows(tuple(chunks))


def squared_weights(block):
    """Weights of a model's variance of weighted scores, for rows that stand for others."""
    return block.weight**2


def as_it_counts(weights, factors):
    """Weights of the products of scores, which have the weight of the loss in them squared."""

    def weigh(block):
        if weights == "sampling":
            return np.ones(len(block.weight))
        # A row of the frequency f and the class weight c has f scores of c times the residual.
        return 1 / frequencies(block, factors)

    return weigh
