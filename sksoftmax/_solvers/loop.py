"""Run a solver until a certificate proves the gap, steps run out, or rounding hides progress."""

from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._solvers.line_search import ROUNDING, Point, evaluate

# Steps without a gain after which there will be none.
REST = 10
# Where single precision hands over to double, relative to the value: its rounding is about a
# hundredth of that.
ROUGHLY = 1e-5


# Rounding in the sums of the objective: no proof can tell less, whatever ``tol`` asks.
FLOOR = 16 * np.finfo(np.float64).eps


class Certificate(NamedTuple):
    """What was proved at a point.

    gap : upper bound on ``value - optimum``, absolute; inf where nothing is proved
    moments : what the next proof begins with, where proofs learn
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
    curve : the objective at the start and after each step
    solver : name of the method that made the last step
    stopped : whether whoever watched the run asked for its end
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


class Problem(Protocol):
    """What every solver, and the loop, may ask of a problem; methods may ask for more.

    ``_problems.smooth`` and ``_problems.composite`` answer.
    """

    usual_slack: float

    def value_and_gradient(self, theta):
        """The objective at theta, and the gradient of its smooth part."""

    def certify(self, point, target_gap=0.0, moments=None):
        """A certificate at a Point that proves the target gap, or the best for 0."""

    def ridge_bound(self, gradient):
        """What a certificate would prove if nothing free had a gradient; inf where unknown."""

    @property
    def low_precision(self):
        """The problem in single precision, or None if there is no gain."""


class State(Protocol):
    """State of a solver, immutable.

    point : Point; no certificate is asked for while its gradient is None
    decrement : estimate of ``value - optimum`` by the solver's preconditioner or model; no bound
    stalled : whether rounding hides any further gain
    solver : name of the method that made the step
    """

    point: Point
    decrement: float
    stalled: bool
    solver: str


class Solver(Protocol):
    """A method, as pure functions of states.

    A solver that remembers more than a point may have a ``resume(problem, state)`` as well: the
    state in which it goes on from the end of a run on a similar problem.
    """

    def start(self, problem, theta): ...

    def step(self, problem, state): ...


def unwatched(n_iter, state):
    """A watch that sees nothing and ends no run."""
    return False


def minimize(problem, solver, theta, *, tol, max_iter, watch=unwatched, moments=None):
    """Run a solver until ``value - optimum <= tol * value`` is proved.

    watch : callable(n_iter, state)
        Called at the start and after each step; what it returns, if true, ends the run.
    moments : what proofs begin with, of the certificate of a like problem
    """
    curve, asked_to_end = [], False
    proof = Proof(max(tol, FLOOR), problem.usual_slack, moments=moments)
    if problem.low_precision is not None:
        before = descend(
            problem.low_precision, solver, theta, tol=ROUGHLY, max_iter=max_iter, watch=watch,
            proof=proof,
        )  # fmt: skip
        curve, asked_to_end = before.curve, before.asked_to_end
        state = hand_over(problem, solver, before.state)
        del before  # or its steps are held to the end
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
    """The solution at another point of its run, and what is proved of that."""
    point = evaluate(problem, theta)
    target = target_gap(point.value, max(tol, FLOOR))
    # What was proved at the end of the run bounds the optimum, and so the gap of any point.
    gap = max(point.value - (solution.value - solution.gap), 0.0)
    if gap > target:
        gap = min(gap, problem.certify(point).gap)
    return solution._replace(theta=theta, value=point.value, gap=gap, converged=gap <= target)


def hand_over(problem, solver, state):
    """A solver's state on a problem, from its state on a similar one."""
    resume = getattr(solver, "resume", None)
    return resume(problem, state) if resume else solver.start(problem, state.point.theta)


class Descent(NamedTuple):
    """Where a run without proof ended, and the objective on its way."""

    state: State
    curve: list
    asked_to_end: bool

    @property
    def theta(self):
        return self.state.point.theta


def descend(problem, solver, theta, *, tol, max_iter, watch=unwatched, proof=None):
    """Run a solver until it expects to gain no more than ``tol * value``: a start, no proof.

    proof : Proof, optional, that ends the run as well where it may succeed
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
    """Whether the last steps changed nothing beyond rounding."""
    return len(curve) > REST and curve[-1 - REST] - curve[-1] <= ROUNDING * abs(curve[-1])


def target_gap(value, tol):
    """The gap that keeps the promise; none does where the value is all rounding."""
    value = abs(value)
    return tol * value if value > FLOOR else -1.0


class Proof(NamedTuple):
    """When to ask for a certificate, which costs passes over the data: when it may succeed.

    slack : how much larger gaps are than the decrement that the solver expects; each attempt
        that fails raises it
    ridge_slack : the same of the bound that the ridge gives alone, which is free. Where curvature
        is little it is the better guess, and large classification problems end a third sooner.
    moments : what the next certificate begins with
    """

    tol: float
    slack: float
    ridge_slack: float = 2.0
    moments: object = None

    def may_succeed(self, problem, point, decrement):
        """Whether the gap is likely to be small enough."""
        if point.gradient is None:
            return False
        guess = min(self.slack * decrement, self.ridge_slack * problem.ridge_bound(point.gradient))
        return guess <= target_gap(point.value, self.tol)

    def attempt(self, problem, point, decrement, ended):
        """A certificate at a point, of gap inf where asking was not worth while.

        Returns
        -------
        certificate, proof
        """
        if not (ended or self.may_succeed(problem, point, decrement)):
            return Certificate(np.inf), self
        target = target_gap(point.value, self.tol)
        certificate = problem.certify(point, 0.0 if ended else target, self.moments)
        proof = self._replace(moments=certificate.moments)
        if certificate.gap <= target:
            return certificate, proof
        # Only the guess that was wrong is raised.
        bound = problem.ridge_bound(point.gradient)
        if self.slack * decrement <= target:
            proof = proof._replace(slack=raised(self.slack, certificate.gap, decrement))
        if self.ridge_slack * bound <= target:
            proof = proof._replace(ridge_slack=raised(self.ridge_slack, certificate.gap, bound))
        return certificate, proof


def raised(slack, gap, guess):
    """The slack of a guess after a proof has failed: at least twice as large."""
    missed = gap / max(guess, np.finfo(np.float64).tiny)
    return slack * (8.0 if np.isinf(missed) else max(2.0, missed / slack))
