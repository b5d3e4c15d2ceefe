"""Ends a fit when rows that were held out of it gain nothing any more, and keeps its best step."""

import numpy as np

from sksoftmax._objective.kernels import cross_entropy_residual
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._solvers import reevaluate


class EarlyStopping:
    """Watches the loss of held-out rows: the objective's, without the penalty.

    Parameters
    ----------
    held_out : Encoded
        The rows, with the weights that they would have in the fit.
    coordinates : Coordinates
        How theta reads as coefficients on the columns of these rows.
    patience : int
        The run ends after so many steps in a row that do not lower the least loss by ``tol`` of it.
    tol : float

    Attributes
    ----------
    curve : list of float, the loss at the start and after each step
    """

    def __init__(self, held_out, coordinates, patience, tol):
        self.held_out = held_out
        self.coordinates = coordinates
        self.patience = patience
        self.tol = tol
        self.map = LinearMap(held_out.n_scores, held_out.n_features, np.zeros(held_out.n_features))
        self.curve = []
        self.least, self.best, self.waited = np.inf, None, 0

    def __call__(self, n_iter, state):
        theta = state.point.theta
        loss = self.loss(theta)
        self.curve.append(loss)
        gained = self.best is None or loss < self.least * (1 - self.tol)
        self.waited = 0 if gained else self.waited + 1
        if self.best is None or loss < self.least:
            self.least, self.best = loss, theta
        return self.waited >= self.patience

    def loss(self, theta):
        """The weighted mean loss of the held-out rows."""
        at = self.map.join(*self.coordinates.coefficients(theta))
        prepared, forward = self.map.prepare(at, np.dtype(np.float64)), self.map.forward

        def block_loss(block):
            scores = forward(prepared, block.X)
            return cross_entropy_residual(scores, block.target, block.weight)

        return self.held_out.rows.sum(block_loss) / self.held_out.total_weight

    def best_of(self, solution, problem, tol):
        """The solution at the best step, and what is proved of it."""
        if self.best is None or np.array_equal(self.best, solution.theta):
            return solution
        return reevaluate(problem, solution, self.best, tol)
