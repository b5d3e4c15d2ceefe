"""Sums over rows of which covariances are made: the information and the scores' products.

All matrices are on the coefficients of the classes other than the base, the columns about their
means and the intercept last, class-major: flattened from (n_classes - 1, n_columns). With ``x_i``
a row and ``p_i``, ``t_i`` its probabilities and target without the base, the information is
``J = sum_i w_i (diag(p_i) - p_i p_i') (x) x_i x_i'``, (x) being the Kronecker product, and the
score of a row is ``w_i (t_i - p_i) (x) x_i``.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature.approximations import SCRATCH, probabilities_at
from sksoftmax._curvature.moments import Centring, centred_columns, gram
from sksoftmax._inference.contrasts import sum_to_zero
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
        """Theta that the coefficients make."""
        return (self.lift @ vector.reshape(self.n_scores, -1)).T.ravel()

    def vector(self, theta):
        """The coefficients that make theta."""
        rows = theta.reshape(-1, len(self.lift)).T
        return (rows if len(rows) == 1 else self.others(rows - rows[self.base])).ravel()

    def value_and_gradient(self, theta):
        """Those of the objective at theta, times the sum of the weights."""
        value, gradient = self.objective.value_and_gradient(theta)
        gradient = self.lift.T @ gradient.reshape(-1, len(self.lift)).T
        return value * self.objective.total_weight, gradient.ravel() * self.objective.total_weight

    def ridge(self):
        """The Hessian of the penalty, times the sum of the weights."""
        strength = self.objective.penalty.strength.reshape(-1, len(self.lift))[:, 0]
        by_class = self.lift.T @ self.lift * self.objective.total_weight
        return np.kron(by_class, np.diag(strength))

    @property
    def others(self):
        """A function of class-major scores: their rows of the classes other than the base.

        It holds no rows of data, so that functions of blocks can hold it.
        """
        return partial(without, self.base)


def without(base, scores):
    """Scores without the row of the base; of two classes they have none."""
    return scores if len(scores) == 1 else np.delete(scores, base, axis=0)


def information(basis, theta, weigh=None):
    """J, with weights that ``weigh`` makes of a block; those of the loss by default."""
    objective = basis.objective
    at, about = probabilities_at(objective, theta), Centring.of(objective)
    others = basis.others

    def block_sums(block):
        columns, probability = centred_columns(block.X, about), at(block)
        weight = block.weight if weigh is None else weigh(block)
        if len(probability) == 1:
            return gram(columns, variances(probability)[0] * weight)
        return curvature_products(columns, others(probability), weight)

    return objective.rows.sum(block_sums)


def curvature_products(columns, probability, weight):
    """``sum_i w_i (diag(p_i) - p_i p_i') (x) x_i x_i'`` of a block, class-major.

    The joint rows ``root(w_i) p_i (x) x_i`` serve for both terms: the blocks of the first are
    their products with the rows ``root(w_i) x_i``.
    """
    n_scores, n_columns = len(probability), columns.shape[1]
    matrix = np.zeros((n_scores * n_columns,) * 2)
    root = np.sqrt(weight)[:, None].astype(columns.dtype, copy=False)
    rooted, blocks = columns * root, matrix.reshape(n_scores, n_columns, n_scores, n_columns)
    each = np.arange(n_scores)
    for part, joint in joint_rows(rooted, probability.T.astype(columns.dtype, copy=False)):
        matrix -= joint.T @ joint
        squares = (rooted[part].T @ joint).reshape(n_columns, n_scores, n_columns)
        blocks[each, :, each, :] += squares.transpose(1, 0, 2)
    return matrix


def joint_rows(columns, factors):
    """Rows ``f_i (x) x_i``, in pieces that stay in the cache, each with its slice of the rows."""
    size = columns.shape[1] * factors.shape[1]
    step = max(1, SCRATCH // size)
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        joint = factors[part, :, None] * columns[part, None, :]
        yield part, joint.reshape(len(joint), size)


def products_of_scores(basis, theta, weigh):
    """``sum_i weigh_i s_i s_i'`` of the scores ``s_i`` of the rows."""
    objective = basis.objective
    residual, about = objective.residuals(theta), Centring.of(objective)
    others = basis.others

    def block_sums(block):
        columns = centred_columns(block.X, about)
        rooted = others(residual(block)) * np.sqrt(weigh(block))
        return sum(joint.T @ joint for _, joint in joint_rows(columns, rooted.T))

    return objective.rows.sum(block_sums)


def products_of_groups(basis, theta, groups, n_groups):
    """``sum_g s_g s_g'`` of the groups' sums of scores ``s_g``.

    groups : ndarray of shape (n_rows,), indices of the groups, of the rows with weight in order
    """
    objective = basis.objective
    residual, about = objective.residuals(theta), Centring.of(objective)
    others = basis.others

    def scores(block):
        columns, residuals = centred_columns(block.X, about), others(residual(block))
        return lambda member: np.stack([(member * each) @ columns for each in residuals], axis=1)

    sums = sums_of_groups(objective.rows, scores, groups, n_groups)
    return sums.T @ sums


def sums_of_groups(rows, scores, groups, n_groups):
    """Sums of scores over groups, of shape (n_groups, size).

    scores : function of a block, which gives a function of a matrix of members of groups,
        (n_members, n_rows), of sums (n_members, ...)
    """

    def block_sums(pair):
        block, own = pair
        present, index = np.unique(own.X, return_inverse=True)
        member = np.zeros((len(present), len(own.X)))
        member[index.ravel(), np.arange(len(own.X))] = 1
        return [(present, scores(block)(member).reshape(len(present), -1))]

    found = paired(rows, _like(rows, groups)).sum(block_sums)
    sums = np.zeros((n_groups, found[0][1].shape[1]))
    for present, each in found:
        sums[present] += each
    return sums


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


class HeldSums(NamedTuple):
    """The sums over rows as matrices on all coefficients.

    basis : Basis
    theta : ndarray
    known : ndarray, the information
    """

    basis: Basis
    theta: np.ndarray
    known: np.ndarray

    def information(self, weigh):
        """J, whose rows have the weights ``weigh(block)``; None is those of the loss."""
        return self.known if weigh is None else information(self.basis, self.theta, weigh)

    def scores(self, weigh):
        """The sum of the products of rows' scores, weighted."""
        return products_of_scores(self.basis, self.theta, weigh)

    def groups(self, groups, n_groups):
        """The sum of the products of groups' sums of scores."""
        return products_of_groups(self.basis, self.theta, groups, n_groups)
