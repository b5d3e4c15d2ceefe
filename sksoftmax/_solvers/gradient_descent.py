"""Preconditioned accelerated gradient descent, with restarts.

Nesterov's method, restarted when the objective would rise (O'Donoghue and Candes 2015). Bohning's
bound majorises the Hessian, so that with it as the preconditioner a step of 1 cannot overshoot and
there is no learning rate to tune. The bound is loose where probabilities are confident: from then
on the preconditioner is the curvature at the current point, and steps are found by backtracking.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.line_search import Point, backtrack, evaluate


class DescentState(NamedTuple):
    """State of accelerated gradient descent, see ``loop.State``.

    descent : ndarray of shape (n_parameters,), the preconditioned gradient at the point
    stepped : ndarray of shape (n_parameters,), result of the last step, before the momentum
    momentum : float, Nesterov's sequence, 1 after a restart
    age : int, steps since the preconditioner was made
    """

    point: Point
    decrement: float
    stalled: bool
    preconditioner: object
    descent: np.ndarray
    stepped: np.ndarray
    momentum: float
    age: int
    solver: str = "gd"


@dataclass(frozen=True)
class GradientDescent:
    """Accelerated gradient descent.

    refresh : int, number of steps that a preconditioner serves
    """

    refresh: int = 20

    def start(self, problem, theta):
        return _arrive(evaluate(problem, theta), problem.bohning_curvature(), theta, 1.0, 0)

    def step(self, problem, state):
        if state.age >= self.refresh:
            preconditioner = problem.curvature(state.point.theta)
            state = _arrive(state.point, preconditioner, state.point.theta, 1.0, 0)
        stepped = state.point.theta - state.descent
        momentum = (1 + np.sqrt(1 + 4 * state.momentum**2)) / 2
        ahead = (state.momentum - 1) / momentum
        point = evaluate(problem, stepped + ahead * (stepped - state.stepped))
        if point.value <= state.point.value:
            return _arrive(point, state.preconditioner, stepped, momentum, state.age + 1)
        point = backtrack(problem, state.point, -state.descent)
        if point is None:
            return state._replace(stalled=True)
        return _arrive(point, state.preconditioner, point.theta, 1.0, state.age + 1)


def _arrive(point, preconditioner, stepped, momentum, age):
    descent = preconditioner.solve(point.gradient)
    decrement = 0.5 * float(point.gradient @ descent)
    return DescentState(point, decrement, False, preconditioner, descent, stepped, momentum, age)
