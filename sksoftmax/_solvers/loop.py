"""The loop that runs a solver until the gap is proved, steps run out or rounding hides progress."""

from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._solvers.line_search import ROUNDING, Point, evaluate

# Number of steps without a gain after which the run ends.
REST = 10
# Expected gain, relative to the value, at which a run in single precision goes on in double.
# Rounding in single precision is about a hundredth of it.
SINGLE_TOL = 1e-5
# Rounding in the sums of the objective, relative to it: no proof can tell less, whatever ``tol``
# is.
FLOOR = 16 * np.finfo(np.float64).eps


class Certificate(NamedTuple):
    """What was proved at a point.

    gap : upper bound on ``value - optimum``, absolute; inf where nothing is proved
    moments : what the next proof begins with, if it is to begin with anything
    """

    gap: float
    moments: object = None


class Solution(NamedTuple):
    """Result of a minimisation.

    theta : the point reached
    value : the objective there
    gap : upper bound on ``value - optimum``, absolute
    n_iter : steps taken
    converged : whether ``gap <= tol * value``
    curve : list of float, the objective at the start and after each step
    solver : name of the method that made the last step
    stopped : whether ``watch`` asked for the end of the run
    gradient : of the objective's smooth part at theta
    certificate : what proved the gap, a Certificate or one of the problem's own kind
    """

    theta: np.ndarray
    value: float
    gap: float
    n_iter: int
    converged: bool
    curve: list
    solver: str
    stopped: bool = False
    gradient: np.ndarray | None = None
    certificate: object = None

    @property
    def point(self):
        return Point(self.theta, self.value, self.gradient)


class Problem(Protocol):
    """What the loop and every solver may ask of a problem; some solvers ask for more.

    ``_problems`` has two: ``SmoothProblem`` and ``CompositeProblem``.

    usual_slack : ratio of the gap that is proved to ``value - optimum``, as a rule
    """

    usual_slack: float

    def value_and_gradient(self, theta):
        """The objective at theta, and the gradient of its smooth part."""

    def certify(self, point, target_gap=0.0, moments=None):
        """A certificate at a Point that proves the target gap, or the least gap for 0."""

    def ridge_bound(self, gradient):
        """The gap that is proved if unpenalised parameters have no gradient; inf if unknown."""

    @property
    def low_precision(self):
        """The problem in single precision, or None if there is no gain."""


class State(Protocol):
    """State of a solver, immutable.

    point : Point; no certificate is asked for while its gradient is None
    decrement : float, the solver's estimate of ``value - optimum``; it bounds nothing
    stalled : bool, whether rounding hides any further gain
    solver : str, name of the method that made the step
    """

    point: Point
    decrement: float
    stalled: bool
    solver: str


class Solver(Protocol):
    """A method, as pure functions of states.

    A solver that remembers more than a point may also have ``resume(problem, state)``, which
    returns the state in which it goes on from the last one of a run on a similar problem.
    """

    def start(self, problem, theta): ...

    def step(self, problem, state): ...


def unwatched(n_iter, state):
    """The default ``watch``, which never ends a run."""
    return False


def minimize(problem, solver, theta, *, tol, max_iter, watch=unwatched, moments=None):
    """Run a solver until ``value - optimum <= tol * value`` is proved.

    theta : ndarray of shape (n_parameters,), the start
    watch : callable(n_iter, state)
        Called at the start and after each step; a true answer ends the run.
    moments : what proofs begin with, from the Certificate of a similar problem

    Returns
    -------
    solution : Solution
    """
    curve, asked_to_end = [], False
    proof = Proof(max(tol, FLOOR), problem.usual_slack, moments=moments)
    if problem.low_precision is not None:
        before = descend(
            problem.low_precision, solver, theta, tol=SINGLE_TOL, max_iter=max_iter, watch=watch,
            proof=proof,
        )  # fmt: skip
        curve, asked_to_end = before.curve, before.asked_to_end
        state = hand_over(problem, solver, before.state)
        del before  # its state holds vectors that are not needed
    else:
        state = solver.start(problem, theta)
        asked_to_end = watch(0, state)
    begin = max(len(curve) - 1, 0)
    curve = [*curve[:-1], state.point.value]
    while True:
        n_iter = len(curve) - 1
        ended = asked_to_end or state.stalled or at_rest(curve[begin:]) or n_iter >= max_iter
        point = state.point
        if ended and point.gradient is None:
            point = evaluate(problem, point.theta)
        certificate, proof = proof.attempt(problem, point, state.decrement, ended)
        converged = certificate.gap <= target_gap(point.value, proof.tol)
        if converged or ended:
            theta, value, gradient = point
            return Solution(
                theta, value, certificate.gap, n_iter, converged, curve, state.solver,
                bool(asked_to_end), gradient, certificate,
            )  # fmt: skip
        state = solver.step(problem, state)
        curve.append(state.point.value)
        asked_to_end = watch(len(curve) - 1, state)


def reevaluate(problem, solution, theta, tol):
    """The Solution at another theta, with the gap that is proved there."""
    point = evaluate(problem, theta)
    target = target_gap(point.value, max(tol, FLOOR))
    # The gap of the solution bounds the optimum from below, and so gives one at any theta.
    gap = max(point.value - (solution.value - solution.gap), 0.0)
    if gap > target:
        gap = min(gap, problem.certify(point).gap)
    return solution._replace(theta=theta, value=point.value, gap=gap, converged=gap <= target)


def hand_over(problem, solver, state):
    """A solver's state on a problem, from its last one on a similar problem."""
    resume = getattr(solver, "resume", None)
    return resume(problem, state) if resume else solver.start(problem, state.point.theta)


class Descent(NamedTuple):
    """The result of `descend`.

    state : State, the last one
    curve : list of float, the objective at the start and after each step
    asked_to_end : bool, whether ``watch`` asked for the end
    """

    state: State
    curve: list
    asked_to_end: bool

    @property
    def theta(self):
        return self.state.point.theta


def descend(problem, solver, theta, *, tol, max_iter, watch=unwatched, proof=None):
    """Run a solver until it expects to gain no more than ``tol * value``, without a proof.

    proof : Proof, optional; the run ends too where it may succeed

    Returns
    -------
    descent : Descent
    """
    state = solver.start(problem, theta)
    curve, asked_to_end = [state.point.value], watch(0, state)
    while state.decrement > tol * abs(state.point.value) and len(curve) <= max_iter:
        if asked_to_end or (proof and proof.may_succeed(problem, state.point, state.decrement)):
            break
        state = solver.step(problem, state)
        if state.stalled or at_rest(curve):
            break
        curve.append(state.point.value)
        asked_to_end = watch(len(curve) - 1, state)
    return Descent(state, curve, asked_to_end)


def at_rest(curve):
    """Whether the last REST steps have lowered the objective by no more than rounding."""
    return len(curve) > REST and curve[-1 - REST] - curve[-1] <= ROUNDING * abs(curve[-1])


def target_gap(value, tol):
    """The largest gap that keeps the promise of ``tol``; none, -1, for a value of rounding."""
    value = abs(value)
    return tol * value if value > FLOOR else -1.0


class Proof(NamedTuple):
    """The rule by which certificates, which cost passes over the rows, are asked for.

    One is asked for where either of two guesses at the gap is small enough.

    tol : float
    slack : float
        Ratio of gaps to the solver's decrement, the first guess. A proof that fails raises it.
    ridge_slack : float
        Ratio of gaps to the problem's `ridge_bound`, the second guess. It is the better one where
        there is little curvature: large classification problems end a third sooner by it.
    moments : what the next certificate begins with
    """

    tol: float
    slack: float
    ridge_slack: float = 2.0
    moments: object = None

    def may_succeed(self, problem, point, decrement):
        """Whether a guess at the gap is small enough."""
        if point.gradient is None:
            return False
        guess = min(self.slack * decrement, self.ridge_slack * problem.ridge_bound(point.gradient))
        return guess <= target_gap(point.value, self.tol)

    def attempt(self, problem, point, decrement, ended):
        """A certificate at a Point, of gap inf if none was asked for.

        ended : whether the run ends, so that the least gap is asked for

        Returns
        -------
        certificate : Certificate, or one of the problem's own kind
        proof : Proof, for the next attempt
        """
        if not (ended or self.may_succeed(problem, point, decrement)):
            return Certificate(np.inf), self
        target = target_gap(point.value, self.tol)
        certificate = problem.certify(point, 0.0 if ended else target, self.moments)
        proof = self._replace(moments=certificate.moments)
        if certificate.gap <= target:
            return certificate, proof
        # Only the slack of a guess that was too small is raised.
        bound = problem.ridge_bound(point.gradient)
        if self.slack * decrement <= target:
            proof = proof._replace(slack=raised(self.slack, certificate.gap, decrement))
        if self.ridge_slack * bound <= target:
            proof = proof._replace(ridge_slack=raised(self.ridge_slack, certificate.gap, bound))
        return certificate, proof


def raised(slack, gap, guess):
    """The slack of a guess after a proof of a larger gap: at least twice as large."""
    missed = gap / max(guess, np.finfo(np.float64).tiny)
    return slack * (8.0 if np.isinf(missed) else max(2.0, missed / slack))
