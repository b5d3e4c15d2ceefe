"""The one loop: step until the certificate holds, the steps run out, or rounding ends them."""

from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._solvers.line_search import ROUNDING, Point, evaluate

# Steps without a gain after which there will be none.
REST = 10
# Where single precision hands over to double, relative to the value: its rounding is about a
# hundredth of that.
ROUGHLY = 1e-5


class Solution(NamedTuple):
    """What came of a minimisation.

    theta : the point reached
    value : the objective there
    gap : upper bound on ``value - optimum``, absolute
    n_iter : steps taken
    converged : whether ``gap <= tol * value``
    curve : the objective at the start and after each step
    solver : name of the method that made the last step
    stopped : whether whoever watched the run asked for its end
    """

    theta: np.ndarray
    value: float
    gap: float
    n_iter: int
    converged: bool
    curve: list
    solver: str
    stopped: bool = False


class State(Protocol):
    """Where a solver stands: immutable, and all that it remembers.

    point : Point, in whose place no proof is asked for where the gradient is not known yet
    decrement : what the solver's own metric expects to be left to gain, proving nothing
    stalled : whether rounding hides any further gain
    solver : name of the method that made the step
    """

    point: Point
    decrement: float
    stalled: bool
    solver: str


class Solver(Protocol):
    """A method, as pure functions of states.

    One that remembers more than a place may have a ``resume(objective, state)`` as well: the
    state in which it goes on, where the descent of a like objective ended.
    """

    def start(self, objective, theta): ...

    def step(self, objective, state): ...


def unwatched(n_iter, state):
    """A watch that sees nothing and ends no run."""
    return False


def minimize(objective, solver, theta, *, tol, max_iter, watch=unwatched):
    """Run a solver until ``value - optimum <= tol * value`` is proved.

    watch : callable(n_iter, state)
        Called at the start and after each step; what it returns, if true, ends the run.
    """
    curve, asked_to_end = [], False
    rough = objective.rough
    if rough is not None:
        roughly = max(ROUGHLY, tol / 16)
        before = descend(rough, solver, theta, tol=roughly, max_iter=max_iter, watch=watch)
        del rough  # it may hold rows of its own
        curve, asked_to_end = before.curve, before.asked_to_end
        state = hand_over(objective, solver, before.state)
    else:
        state = solver.start(objective, theta)
        asked_to_end = watch(0, state)
    begin = max(len(curve) - 1, 0)
    curve = [*curve[:-1], state.point.value]
    proof = Proof(objective, tol)
    while True:
        n_iter = len(curve) - 1
        ended = asked_to_end or state.stalled or at_rest(curve[begin:]) or n_iter >= max_iter
        gap = proof.attempt(state, ended)
        converged = gap <= proof.enough(state.point.value)
        if converged or ended:
            theta, value, _ = state.point
            stopped = bool(asked_to_end)
            return Solution(theta, value, gap, n_iter, converged, curve, state.solver, stopped)
        state = solver.step(objective, state)
        curve.append(state.point.value)
        asked_to_end = watch(len(curve) - 1, state)


def settle(objective, solution, theta, tol):
    """The solution at another point of its run, and what is proved of that."""
    theta, value, gradient = evaluate(objective, theta)
    enough = Proof(objective, tol).enough(value)
    # What was proved at the end of the run bounds the optimum, and so the gap of any point.
    gap = max(value - (solution.value - solution.gap), 0.0)
    if gap > enough:
        gap = min(gap, objective.gap(theta, gradient))
    return solution._replace(theta=theta, value=value, gap=gap, converged=gap <= enough)


def hand_over(objective, solver, state):
    """A solver's state on an objective, from its state on another that is like it."""
    resume = getattr(solver, "resume", None)
    return resume(objective, state) if resume else solver.start(objective, state.point.theta)


class Descent(NamedTuple):
    """Where a run without proof ended, and the objective on its way."""

    state: State
    curve: list
    asked_to_end: bool

    @property
    def theta(self):
        return self.state.point.theta


def descend(objective, solver, theta, *, tol, max_iter, watch=unwatched):
    """Run a solver until it expects to gain no more than ``tol * value``: a start, no proof."""
    state = solver.start(objective, theta)
    curve, asked_to_end = [state.point.value], watch(0, state)
    while state.decrement > tol * abs(state.point.value) and len(curve) <= max_iter:
        if asked_to_end:
            break
        state = solver.step(objective, state)
        if state.stalled or at_rest(curve):
            break
        curve.append(state.point.value)
        asked_to_end = watch(len(curve) - 1, state)
    return Descent(state, curve, asked_to_end)


def at_rest(curve):
    """Whether the last steps changed nothing beyond rounding."""
    return len(curve) > REST and curve[-1 - REST] - curve[-1] <= ROUNDING * abs(curve[-1])


class Proof:
    """Asks for the certificate, which costs passes over the data, only when it may succeed."""

    # Rounding in the sums of the objective: no proof can tell less, whatever ``tol`` asks.
    FLOOR = 16 * np.finfo(np.float64).eps

    def __init__(self, objective, tol):
        self.objective = objective
        self.tol = max(tol, self.FLOOR)
        # How much larger the bound is than the decrement that the solver expects: learned from
        # each attempt that fails.
        self.slack = objective.usual_slack

    def enough(self, value):
        """The gap that keeps the promise; none does where the value is all rounding."""
        value = abs(value)
        return self.tol * value if value > self.FLOOR else -1.0

    def attempt(self, state, ended):
        """The gap proved at the state's point; inf where asking was not worth while."""
        theta, value, gradient = state.point
        enough = self.enough(value)
        if ended:
            if gradient is None:
                _, gradient = self.objective.value_and_gradient(theta)
            return self.objective.gap(theta, gradient)
        if gradient is None or self.slack * state.decrement > enough:
            return np.inf
        gap = self.objective.gap(theta, gradient, enough)
        if gap > enough:
            missed = gap / max(state.decrement, np.finfo(np.float64).tiny)
            self.slack *= 8.0 if np.isinf(missed) else max(2.0, missed / self.slack)
        return gap
