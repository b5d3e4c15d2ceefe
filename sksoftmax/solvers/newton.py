"""Damped Newton steps, by the Hessian itself or by conjugate gradients."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax.solvers.search import Point, backtrack, evaluate


class NewtonState(NamedTuple):
    point: Point
    decrement: float
    stalled: bool
    solver: str = "newton"


@dataclass(frozen=True)
class Newton:
    """The Hessian is factored where it can be held, else its products solve for the step.

    accuracy : of the truncated steps, as a share of the gradient
    longest : most products a step
    """

    accuracy: float = 0.1
    longest: int = 100

    def start(self, objective, theta):
        return NewtonState(evaluate(objective, theta), np.inf, False)

    def step(self, objective, state):
        direction = self._direction(objective, state.point)
        point = backtrack(objective, state.point, direction)
        if point is None:
            return state._replace(stalled=True)
        # Near the optimum a step squares the decrement; it is an estimate, and proves nothing.
        taken = -0.5 * float(state.point.gradient @ direction)
        before = float(np.sum(state.point.gradient**2))
        left = float(np.sum(point.gradient**2)) / before if before > 0 else 0.0
        return NewtonState(point, taken * left, False)

    def _direction(self, objective, point):
        hessian = objective.hessian(point.theta)
        if hessian is not None:
            return -hessian.solve(point.gradient)
        metric = objective.sharpened_curvature(point.theta)
        return _truncated(
            lambda vector: objective.hessian_product(point.theta, vector),
            metric.solve, point.gradient, self.accuracy, self.longest,
        )  # fmt: skip


def _truncated(product, precondition, gradient, accuracy, longest):
    """Minus the Hessian's inverse times the gradient, by preconditioned conjugate gradients.

    Stopped, as Nash and Sofer (1990) advise, once the quadratic model gains little more.
    """
    direction = np.zeros_like(gradient)
    residual = -gradient
    search = preconditioned = precondition(residual)
    norm = start = residual @ preconditioned
    for _ in range(longest):
        if norm <= accuracy**2 * start:
            break
        image = product(search)
        length = norm / (search @ image)
        direction += length * search
        residual = residual - length * image
        preconditioned = precondition(residual)
        norm, previous = residual @ preconditioned, norm
        search = preconditioned + norm / previous * search
    return direction
