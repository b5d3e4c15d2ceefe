"""Limited-memory BFGS with a preconditioner as its initial matrix (Liu and Nocedal 1989)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import daxpy

from sksoftmax._solvers.line_search import Point, backtrack, evaluate

# Steps that a scale of the preconditioner serves: it changes slowly, and takes a solution to know.
RESCALE = 5


class Pair(NamedTuple):
    """A step, the change of the gradient along it, and the inner product of the two."""

    step: np.ndarray
    change: np.ndarray  # of the gradient
    product: float  # of the two


class LbfgsState(NamedTuple):
    """Iterate of L-BFGS, with the next direction and what it is made of."""

    point: Point
    decrement: float
    stalled: bool
    preconditioner: object
    direction: np.ndarray  # of the next step
    pairs: tuple  # of Pair, the latest last
    due: int  # steps until the preconditioner is made anew
    scale: float = 1.0  # of the preconditioner's inverse, and how many steps it has served
    served: int = 0
    solver: str = "lbfgs"


@dataclass(frozen=True)
class Lbfgs:
    """Quasi-Newton steps from the last pairs, and a preconditioner made anew on the way.

    memory : number of pairs
    first, refresh : steps that the first preconditioner and each later one serve
    preconditioner : Preconditioner, optional
        The first one, that then serves as long as a later one; else the curvature at the start.
    """

    memory: int = 12
    first: int = 6
    refresh: int = 15
    preconditioner: object = None

    def start(self, problem, theta):
        point = evaluate(problem, theta)
        if self.preconditioner is None:
            return _arrive(point, problem.curvature(theta), (), self.first)
        return _arrive(point, self.preconditioner, (), self.refresh)

    def resume(self, problem, state):
        point = evaluate(problem, state.point.theta)
        return _arrive(
            point, state.preconditioner, state.pairs, state.due, (state.scale, state.served)
        )

    def step(self, problem, state):
        if state.due <= 0:
            state = self._renew(problem, state)
        point = backtrack(problem, state.point, state.direction)
        if point is None:
            return state._replace(stalled=True)
        step, change = point.theta - state.point.theta, point.gradient - state.point.gradient
        pair = Pair(step, change, float(step @ change))
        pairs = state.pairs
        # On a convex function the product is positive but for rounding.
        if pair.product > 1e-14 * np.linalg.norm(step) * np.linalg.norm(change):
            pairs = (*pairs, pair)[-self.memory :]
        return _arrive(
            point, state.preconditioner, pairs, state.due - 1, (state.scale, state.served + 1)
        )

    def _renew(self, problem, state):
        preconditioner = problem.refreshed_curvature(state.point.theta, state.preconditioner)
        return _arrive(state.point, preconditioner, state.pairs, self.refresh)


def _arrive(point, preconditioner, pairs, due, scaling=(1.0, RESCALE)):
    scale, served = scaling
    if pairs and served >= RESCALE:
        last = pairs[-1]
        scale, served = last.product / (last.change @ preconditioner.solve(last.change)), 1
    direction = -two_loop(pairs, preconditioner, scale, point.gradient)
    decrement = -0.5 * float(point.gradient @ direction)
    return LbfgsState(point, decrement, False, preconditioner, direction, pairs, due, scale, served)


def two_loop(pairs, preconditioner, scale, gradient):
    """The inverse BFGS matrix times the gradient (Nocedal and Wright 2006, algorithm 7.4)."""
    vector = gradient.copy()
    parts = []
    for pair in reversed(pairs):
        part = (pair.step @ vector) / pair.product
        daxpy(pair.change, vector, a=-part)
        parts.append(part)
    vector = scale * preconditioner.solve(vector)
    for pair, part in zip(pairs, reversed(parts), strict=True):
        daxpy(pair.step, vector, a=part - (pair.change @ vector) / pair.product)
    return vector
