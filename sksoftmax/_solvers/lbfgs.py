"""Limited-memory BFGS with a preconditioner as its initial matrix (Liu and Nocedal 1989)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import daxpy

from sksoftmax._solvers.line_search import Point, backtrack, evaluate
from sksoftmax._solvers.pairs import with_pair

# Steps that a scale of the preconditioner serves; a new one costs a solution.
RESCALE = 5
# Number of pairs from which on preconditioners are compared by `ritz_deviation`.
FEWEST_PAIRS = 3
# Decrement, relative to the value, up to which the curvature at a point is not misleading.
NEAR = 1e-3
# Eigenvalues of the Hessian on the normalised steps, relative to the largest, that are noise.
NOISE = 1e-3


class Initial(NamedTuple):
    """The initial matrix of L-BFGS: a scaled preconditioner, and when the next one is made.

    preconditioner : Preconditioner in use
    made : the last one that was made from the curvature at a point of the run
    due : int, steps until the next is made
    wait : int, steps from then until the one after, if the next is not used
    scale : float, factor of the preconditioner's inverse
    served : int, steps that the scale has served
    separated : bool, whether the preconditioner is that for separated classes
    """

    preconditioner: object
    made: object
    due: int
    wait: int
    scale: float = 1.0
    served: int = RESCALE
    separated: bool = False

    def of_separated(self, problem):
        """These with the preconditioner for separated classes."""
        other = problem.curvature_of_separated(self.made)
        return self._replace(preconditioner=other, served=RESCALE, separated=True)

    def scaled(self, pairs):
        """These with a scale from the last pair, if the present one has served long enough."""
        if not pairs or self.served < RESCALE:
            return self
        last = pairs[-1]
        scale = last.product / (last.change @ self.preconditioner.solve(last.change))
        return self._replace(scale=scale, served=1)


class LbfgsState(NamedTuple):
    """State of L-BFGS, see ``loop.State``.

    direction : ndarray of shape (n_parameters,), of the next step
    pairs : tuple of Pair, the latest last
    initial : Initial
    """

    point: Point
    decrement: float
    stalled: bool
    direction: np.ndarray
    pairs: tuple
    initial: Initial
    solver: str = "lbfgs"


@dataclass(frozen=True)
class Lbfgs:
    """L-BFGS whose initial matrix is a preconditioner that is made anew on the way.

    Where few rows make up the curvature at a point, a new preconditioner is used only if it
    explains the last steps better than the one in use, see `is_better`; to that of the start all
    rows contribute. Without this rule fits of a hundred classes and more on few rows take up to 4
    times as long.

    memory : int, number of pairs
    first, refresh : int, steps that the first preconditioner and each later one serve
    preconditioner : Preconditioner, optional
        The first one, which serves as long as later ones; else it is made at the start.
    """

    memory: int = 12
    first: int = 6
    refresh: int = 15
    preconditioner: object = None

    def start(self, problem, theta):
        first, due = self.preconditioner, self.refresh
        if first is None:
            first, due = problem.curvature(theta), self.first
        return _arrive(evaluate(problem, theta), (), Initial(first, first, due, self.refresh))

    def resume(self, problem, state):
        return _arrive(evaluate(problem, state.point.theta), state.pairs, state.initial)

    def step(self, problem, state):
        state = self._renewed(problem, state)
        point = backtrack(problem, state.point, state.direction)
        if point is None:
            return state._replace(stalled=True)
        pairs, initial = state.pairs, state.initial
        separates = not initial.separated and problem.separates_classes(point.value)
        if separates and not pairs:
            return _begin_separated(problem, state)
        pairs = with_pair(pairs, state.point, point, self.memory)
        initial = initial._replace(due=initial.due - 1, served=initial.served + 1)
        if separates:
            initial = initial.of_separated(problem)
        return _arrive(point, pairs, initial)

    def _renewed(self, problem, state):
        """The state with a new preconditioner, if one is due and it is better."""
        point, initial = state.point, state.initial
        if initial.due > 0:
            return state
        fresh = problem.refreshed_curvature(point.theta, initial.made)
        far = state.decrement > NEAR * abs(point.value)
        doubtful = far and (initial.separated or problem.curvature_may_mislead)
        if not doubtful or is_better(fresh, initial.preconditioner, state.pairs):
            initial = Initial(fresh, fresh, self.refresh, self.refresh, separated=initial.separated)
            return _arrive(point, state.pairs, initial)
        wait = 2 * initial.wait
        return state._replace(initial=initial._replace(due=wait, wait=wait))


def _begin_separated(problem, state):
    """The start again, with the preconditioner for separated classes.

    If a single step separates the classes it was too long: it made large coefficients along
    directions of small variance, which only the penalty takes back.
    """
    initial, gradient = state.initial.of_separated(problem), state.point.gradient
    direction = initial.preconditioner.solve(gradient)
    image = problem.hessian_product(state.point.theta, direction)
    scale = float(gradient @ direction) / float(direction @ image)
    return _arrive(state.point, (), initial._replace(scale=scale))


def _arrive(point, pairs, initial):
    initial = initial.scaled(pairs)
    direction = -two_loop(pairs, initial.preconditioner, initial.scale, point.gradient)
    decrement = -0.5 * float(point.gradient @ direction)
    return LbfgsState(point, decrement, False, direction, pairs, initial)


def is_better(fresh, used, pairs):
    """Whether a new preconditioner explains the last steps better than the one in use."""
    return len(pairs) < FEWEST_PAIRS or ritz_deviation(pairs, fresh) <= ritz_deviation(pairs, used)


def ritz_deviation(pairs, preconditioner):
    """Standard deviation of the logarithms of the Ritz values of ``P^-1 H`` on the last steps.

    It is 0 where the preconditioner P is a multiple of the Hessian H there. With steps S and
    changes ``Y = H S`` the Ritz values are the generalised eigenvalues of ``Y' P^-1 Y`` and
    ``S' Y``. They take a solution for each pair and no pass over the rows.
    """
    steps, changes = (np.stack([pair[i] for pair in pairs]) for i in (0, 1))
    within = steps @ changes.T
    size = 1 / np.sqrt(np.diag(within))
    within = (within + within.T) / 2 * size * size[:, None]
    image = np.stack([preconditioner.solve(change) for change in changes])
    image = changes @ image.T * size * size[:, None]
    if not (np.isfinite(image).all() and np.isfinite(within).all()):
        return np.inf  # eigenvalues would raise
    values, vectors = np.linalg.eigh(within)
    kept = values > NOISE * values[-1]
    basis = vectors[:, kept] / np.sqrt(values[kept])
    ritz = np.linalg.eigvalsh(basis.T @ image @ basis)
    return float(np.log(np.maximum(ritz, np.finfo(np.float64).tiny)).std())


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
