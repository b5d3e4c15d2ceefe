"""Fits without one row each, from a Newton step on, all in lockstep.

Each is L-BFGS whose initial matrix is the inverse Hessian without the row, so that the first step
is the Newton step. All share their passes over the rows. How many there are, and how many passes,
is limited to about the work that the Hessian takes: see `most_refits`.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag

from sksoftmax._curvature import approximations
from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference.free_parameters import pieces
from sksoftmax._objective.kernels import losses_and_residuals

# Added to ``I - W_i A_i`` on its diagonal: the step without a row of leverage 1 then is finite.
LEAST_REST = 1e-10
# Passes over the rows, at most: more where moduli are penalised, since steps end at their kinks.
MOST_PASSES, MOST_ACROSS_KINKS = 12, 24
# Multiplications that refits may take where the Hessian takes fewer.
LITTLE = 1e8
# Multiplications that take as long as an exponential and what comes with it.
EXPONENTIAL = 20
# Share of the mean loss of a row by which the last step of a fit may lower its objective.
LAST_DECREASE = 1e-3
# A step must lower the objective by this share of what its slope promises, but for rounding; one
# that does not is made shorter by the factor.
DECREASE, SHORTER, ROUNDING = 1e-4, 0.3, 1e-13


class LeftOut(NamedTuple):
    """Rows that are left out, one each.

    index : ndarray of int of shape (n_rows,), among all rows
    move : ndarray, the range of the moves of its scores
    columns : ndarray of shape (n_rows, n_columns)
    target, weight : as of a Block
    at : ndarray of shape (n_scores, n_rows), scores by the fit of all rows
    residual : ndarray of shape (n_free, n_rows), ``r_i``
    curvature : ndarray of shape (n_rows, n_free, n_free), ``W_i``
    gone : ndarray of bool of shape (n_classes, n_rows), the classes that the row takes along
    """

    index: np.ndarray
    move: np.ndarray
    columns: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    at: np.ndarray
    residual: np.ndarray
    curvature: np.ndarray
    gone: np.ndarray

    @classmethod
    def joined(cls, parts, starts):
        """Those of several parts, whose rows begin at these indices."""
        pairs = zip(parts, starts[: len(parts)], strict=True)
        shifted = [part._replace(index=part.index + start) for part, start in pairs]
        return cls(*(
            np.concatenate(arrays, axis=0 if name in ROWS_FIRST else -1)
            for name, arrays in zip(cls._fields, zip(*shifted, strict=True), strict=True)
        ))  # fmt: skip

    def rows(self, chosen):
        """Some of the rows, by their positions here."""
        return LeftOut(*(
            array[chosen] if name in ROWS_FIRST else array[..., chosen]
            for name, array in zip(self._fields, self, strict=True)
        ))  # fmt: skip

    def farthest(self, most):
        """So many of the rows at most, those that move farthest."""
        if len(self.index) <= most:
            return self
        return self.rows(np.argsort(-self.move, kind="stable")[:most])


ROWS_FIRST = ("index", "move", "columns", "weight", "curvature")


class Kinks(NamedTuple):
    """Penalised moduli of parameters, which have kinks where these are zero.

    strength, values : ndarrays of shape (n_parameters, 1)
        Zero where none is penalised; the parameters where the fit of all rows ended.
    """

    strength: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, free):
        return cls(free.l1_strength[:, None], free.values[:, None])

    def value(self, moves):
        """By how much the penalty is more than where the fit of all rows ended, (n_rows,)."""
        change = np.abs(self.values + moves) - np.abs(self.values)
        return np.sum(self.strength * change, axis=0)

    def steepest(self, moves, gradient):
        """The subgradient of least size."""
        values = self.values + moves
        at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - self.strength, 0)
        return np.where(values == 0, at_zero, gradient + self.strength * np.sign(values))

    def aligned(self, moves, direction, downhill):
        """The direction, without what would leave a kink uphill."""
        stays = (self.strength > 0) & (self.values + moves == 0) & (direction * downhill <= 0)
        return np.where(stays, 0.0, direction)

    def in_orthant(self, moves, trial, downhill):
        """The trial, at the kink in parameters that would change their sign."""
        values = self.values + moves
        sign = np.where(values == 0, np.sign(downhill), np.sign(values))
        beyond = (self.strength > 0) & ((self.values + trial) * sign < 0)
        return np.where(beyond, -self.values, trial)


class WithoutRow:
    """What a parameter vector is to the row that is left out; arrays have a column for each row.

    free : FreeParameters
    root : ndarray, of the inverse Hessian of all rows
    """

    def __init__(self, free, root, left_out):
        self.root, self.score = root, free.score
        self.own = left_out.columns[:, free.column].T  # (n_parameters, n_rows)
        self.by_score = np.equal.outer(np.arange(len(free.scores)), free.score).astype(np.float64)
        # Of coefficients near to leaving zero only the Hessian's diagonal is known. The row's own
        # part is not taken from that, so that it stays positive.
        self.active = self.own * (np.arange(len(free.score)) < free.n_active)[:, None]
        solved = np.stack([root @ (self.active * one[:, None]) for one in self.by_score])
        quadratic = np.einsum("ajr,bjr->rab", solved, solved, optimize=True)
        unit = (1 + LEAST_REST) * np.eye(len(free.scores))
        self.weight = np.linalg.solve(unit - left_out.curvature @ quadratic, left_out.curvature)

    def scores(self, vectors):
        """``X_i b_i``, (n_free, n_rows)."""
        return self.by_score @ (self.own * vectors)

    def backward(self, scores):
        """``X_i' s_i``, (n_parameters, n_rows)."""
        return self.own * scores[self.score]

    def solve(self, vectors):
        """``(H - X_i' W_i X_i)^-1 b_i``."""
        solved = self.root.T @ (self.root @ vectors)
        scores = self.by_score @ (self.active * solved)
        weighted = np.einsum("bij,jb->ib", self.weight, scores)
        return solved + self.root.T @ (self.root @ (self.active * weighted[self.score]))


def refitted(free, root, left_out, loss, slope):
    """The rows that were fitted on, and their scores by fits without them, (n_scores, n_rows).

    loss, slope : of all rows where the fit ended, and its gradient (n_free, n_columns)
    """
    wide = free.with_near()
    if len(wide.score) > len(free.score):
        root = block_diag(root, np.diag(1 / np.sqrt(_curvature_at_zero(free))))
    left_out = left_out.farthest(most_refits(wide))
    moves = _lbfgs(wide, root, left_out, loss, slope[wide.score, wide.column])
    scores = left_out.at.copy()
    scores[free.scores] += WithoutRow(wide, root, left_out).scores(moves)
    return left_out, scores


def _curvature_at_zero(free):
    """The diagonal of the Hessian in coefficients that are near to leaving zero."""
    score, column = free.near
    squares = approximations.class_squares(free.objective, free.theta)[column, score]
    ridge = free.objective.penalty.strength.reshape(-1, len(free.lift))[column, score]
    diagonal = free.objective.total_weight * (squares + ridge)
    return np.maximum(diagonal, np.finfo(np.float64).eps * max(1.0, diagonal.max()))


def most_refits(free):
    """How many rows to fit on, at least one: they may take as long as the Hessian and its inverse.

    A pass of a row takes an evaluation, a solution and the products with the steps before it.
    """
    n_rows, size, n_scores = free.objective.n_rows, len(free.score), len(free.lift)
    hessian = size**2 * (2 * n_rows + size)
    passed = n_rows * (4 * size + EXPONENTIAL * n_scores) + 2 * size**2 + 4 * MOST_PASSES * size
    return max(1, int(max(LITTLE, hessian) / (MOST_PASSES * passed)))


def _lbfgs(free, root, left_out, loss, slope):
    """Moves of the parameters, (n_parameters, n_rows), without each of the rows.

    A fit ends when a step has gained little, or after the most passes. Where moduli are penalised,
    steps are those of the orthant that the last one leads into (Andrew and Gao 2007).
    """
    rows, kinks = WithoutRow(free, root, left_out), Kinks.of(free)
    penalty_slope = _penalty_slope(free, kinks, slope)
    last_decrease = LAST_DECREASE * loss / free.objective.total_weight
    own = losses_and_residuals(left_out.at.copy(), left_out.target, left_out.weight)
    value = loss - left_out.weight * own
    gradient = (slope + penalty_slope)[:, None] - rows.backward(left_out.residual)
    moves, length, pairs = np.zeros_like(gradient), np.ones(len(value)), []
    result, open_rows = moves.copy(), np.arange(len(value))
    for _ in range(MOST_ACROSS_KINKS if kinks.strength.any() else MOST_PASSES):
        downhill = -kinks.steepest(moves, gradient)
        direction = kinks.aligned(moves, _two_loop(pairs, rows.solve, downhill), downhill)
        trial = kinks.in_orthant(moves, moves + length * direction, downhill)
        step = trial - moves
        new_value, new_gradient = _evaluate(free, rows, left_out, trial, penalty_slope)
        new_value += kinks.value(trial)
        rounding = ROUNDING * np.abs(value)
        taken = new_value <= value - DECREASE * np.sum(downhill * step, axis=0) + rounding
        pairs.append(_pair(step, new_gradient - gradient, taken))
        ended = taken & (length == 1) & (value - new_value <= last_decrease * left_out.weight)
        moves, gradient = np.where(taken, trial, moves), np.where(taken, new_gradient, gradient)
        value, length = np.where(taken, new_value, value), np.where(taken, 1.0, SHORTER * length)
        result[:, open_rows] = moves
        going = np.flatnonzero(~ended)
        if len(going) == 0:
            break
        if len(going) < len(open_rows):
            open_rows, left_out = open_rows[going], left_out.rows(going)
            value, length = value[going], length[going]
            moves, gradient = moves[:, going], gradient[:, going]
            pairs = [tuple(part[..., going] for part in pair) for pair in pairs]
            rows = WithoutRow(free, root, left_out)
    return result


def _penalty_slope(free, kinks, slope):
    """The gradient of the penalty without its kinks where the fit of all rows ended.

    That fit is taken to be at its optimum, where the gradients of the loss, ``slope``, and of the
    penalty sum to zero. Coefficients at zero, which come last, have none.
    """
    gradient = -slope - kinks.strength[:, 0] * np.sign(kinks.values[:, 0])
    gradient[free.n_active :] = 0
    return gradient


def _pair(step, change, taken):
    """A step, the change of the gradient, and one over their product; 0 where it is not taken."""
    product = np.sum(step * change, axis=0)
    taken = taken & (product > 0)
    scale = np.divide(1, product, out=np.zeros_like(product), where=taken)
    return np.where(taken, step, 0), np.where(taken, change, 0), scale


def _two_loop(pairs, solve, vectors):
    """The inverse BFGS matrices times vectors (Nocedal and Wright 2006, algorithm 7.4)."""
    vectors, parts = vectors.copy(), []
    for step, change, scale in reversed(pairs):
        parts.append(scale * np.sum(step * vectors, axis=0))
        vectors -= parts[-1] * change
    vectors = solve(vectors)
    for (step, change, scale), part in zip(pairs, reversed(parts), strict=True):
        vectors += step * (part - scale * np.sum(change * vectors, axis=0))
    return vectors


def _evaluate(free, rows, left_out, moves, penalty_slope):
    """Values and gradients without each of the rows; values (n_rows,), gradients like moves."""
    penalised = free.penalty @ moves
    value, gradient = free.objective.rows.sum(_of_block(free, moves))
    value += 0.5 * np.sum(moves * penalised, axis=0) + penalty_slope @ moves
    gradient += penalised + penalty_slope[:, None]
    scores = left_out.at.copy()
    scores[free.scores] += rows.scores(moves)
    value -= left_out.weight * losses_and_residuals(scores, left_out.target, left_out.weight)
    return value, gradient - rows.backward(scores[free.scores])


def _of_block(free, moves):
    """The function of a block: losses summed over its rows, and their gradients, of each move."""
    objective, scores, score, column = free.objective, free.scores, free.score, free.column
    forward, about = objective.map.forward, Centring.of(objective)
    prepared = objective.map.prepare(free.theta, objective.dtype)
    n_moves, n_scores, n_columns = moves.shape[1], len(free.lift), objective.map.n_columns
    by_column = np.zeros((len(scores), n_columns, n_moves))
    by_column[score, column] = moves

    def block_sums(block):
        value, gradient = np.zeros(n_moves), np.zeros_like(moves)
        for part in pieces(block, n_moves * n_scores):
            columns, n_rows = centred_columns(part.X, about), len(part.weight)
            at = np.repeat(forward(prepared, part.X)[:, :, None], n_moves, axis=2)
            for own, along in zip(scores, by_column, strict=True):
                at[own] += columns @ along
            at = at.reshape(n_scores, -1)
            weight = np.repeat(part.weight, n_moves)
            target = np.repeat(part.target, n_moves, axis=-1)
            losses = losses_and_residuals(at, target, weight)
            value += (losses * weight).reshape(n_rows, n_moves).sum(axis=0)
            residual = at.reshape(n_scores, n_rows, n_moves)[scores]
            gradient += (columns.T @ residual)[score, column]
        return value, gradient

    return block_sums
