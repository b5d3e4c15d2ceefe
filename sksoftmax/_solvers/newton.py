"""Damped Newton steps, by a factor of the Hessian or by conjugate gradients."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.conjugate_gradients import conjugate_gradients
from sksoftmax._solvers.line_search import Point, backtrack, evaluate

# Accuracy of conjugate gradients with a factor of the Hessian as the preconditioner.
EXACT = 1e-4


class NewtonState(NamedTuple):
    """State of Newton's method, see ``loop.State``."""

    point: Point
    decrement: float
    stalled: bool
    solver: str = "newton"


@dataclass(frozen=True)
class Newton:
    """Newton's method: the Hessian is factored where it can be held, else only multiplied with.

    accuracy : float, residual of a step without a factor, relative to the gradient
    longest : int, largest number of products with the Hessian in a step
    """

    accuracy: float = 0.1
    longest: int = 100

    def start(self, problem, theta):
        return NewtonState(evaluate(problem, theta), np.inf, False)

    def step(self, problem, state):
        direction = self._direction(problem, state.point)
        point = backtrack(problem, state.point, direction)
        if point is None:
            return state._replace(stalled=True)
        # The decrement falls like the square of the gradient: an estimate, which proves nothing.
        taken = -0.5 * float(state.point.gradient @ direction)
        before = float(np.sum(state.point.gradient**2))
        left = float(np.sum(point.gradient**2)) / before if before > 0 else 0.0
        return NewtonState(point, taken * left, False)

    def _direction(self, problem, point):
        preconditioner, accuracy = problem.hessian(point.theta), EXACT
        if preconditioner is None:
            preconditioner, accuracy = problem.refreshed_curvature(point.theta), self.accuracy
        elif preconditioner.factor.is_accurate:
            return -preconditioner.solve(point.gradient)
        # Where columns are nearly collinear jitter makes the factor of the Hessian inaccurate.
        return -conjugate_gradients(
            lambda vector: problem.hessian_product(point.theta, vector),
            preconditioner.solve, point.gradient, accuracy, self.longest,
        )  # fmt: skip
