"""Proximal quasi-Newton method on a working set of columns.

Each step minimises a quadratic model of the smooth part plus the nonsmooth penalty itself
(Lee, Sun and Saunders 2014, SIAM Journal on Optimization 24, 1420-1443). The model is an
approximation of the Hessian, corrected by BFGS with the pairs of the last steps. The direction to
the model's minimum is a descent direction: a step that does not lower the objective enough is
shortened.

A model that predicts gradients badly need not be minimised exactly. It is minimised to half the
square of the relative error of the last one's prediction (forcing sequences of inexact Newton
methods: Eisenstat and Walker 1996, choice 2; Lee, Sun and Saunders 2014; Byrd, Nocedal and Oztoprak
2016).

Columns whose coefficients stay zero cost nothing: a round of steps is made on the columns of a
working set alone. Then the whole gradient is evaluated, and columns that violate their optimality
condition join the set.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers import working_set
from sksoftmax._solvers.line_search import DECREASE, MOST_TRIALS, ROUNDING, Point, evaluate
from sksoftmax._solvers.model_minimizer import Minimum
from sksoftmax._solvers.pairs import with_pair
from sksoftmax._solvers.working_set import BEST, FEW, Subproblem, extended, restricted, support

# Worst accuracy to which a model is minimised, relative to its first step; the best is BEST.
WORST = 0.5
TINY = np.finfo(np.float64).tiny


class Round(NamedTuple):
    """A round of steps on a working set.

    point : Point of the subproblem
    first : float, the gain that the first step expected; None before it
    n_steps : int, number of steps so far
    """

    point: Point
    first: float | None = None
    n_steps: int = 0


class ProximalState(NamedTuple):
    """State of the method, see ``loop.State``; within a round the point has no gradient.

    subproblem : Subproblem, or None before the first
    scales : ndarray of shape (n_columns,), upper bounds on the columns' curvatures
    minimum : Minimum of the subproblem's model at the point, if it is known
    round : Round, or None where the next step begins one
    """

    point: Point
    decrement: float
    stalled: bool
    subproblem: Subproblem | None
    scales: np.ndarray
    minimum: Minimum | None = None
    round: Round | None = None
    solver: str = "proximal"


@dataclass(frozen=True)
class Proximal:
    """Proximal quasi-Newton method.

    memory : int, number of pairs
    refresh : int, number of steps that a model serves
    longest : int, largest number of steps in a round
    thorough : float, expected gain at which a round ends, relative to that of its first step
    subproblem : Subproblem of all columns, optional
        Its model and pairs, of a similar problem, serve again.
    begin : Point, optional, that of the theta where the run starts
    near : bool, whether that is near the optimum
    """

    memory: int = 20
    refresh: int = 15
    longest: int = 25
    thorough: float = 0.004
    subproblem: Subproblem | None = None
    begin: Point | None = None
    near: bool = False

    def start(self, problem, theta):
        known = self.begin is not None and self.begin.theta is theta
        point = self.begin if known else evaluate(problem, theta)
        if self.subproblem is None:
            return _arrive(problem, point, None, problem.column_scales(), False)
        subproblem = self.subproblem._replace(problem=problem, n_steps=0)
        minimum = None if subproblem.model is None else subproblem.minimum(point)
        gain = np.inf if minimum is None else minimum.gain
        return _arrive(problem, point, subproblem, None, False, gain)._replace(minimum=minimum)

    def step(self, problem, state):
        if state.round is not None:
            return self._on_working_set(problem, state, state.subproblem, state.round)
        subproblem = _working_set(problem, state)
        if subproblem.columns is not None:
            begun = Round(_restricted(problem, subproblem, state.point))
            return self._on_working_set(problem, state, subproblem, begun)
        point, subproblem, stalled, gain = self._step(state.point, subproblem, state.minimum)
        return _arrive(problem, point, subproblem, state.scales, stalled, gain)

    def _on_working_set(self, problem, state, subproblem, begun):
        """The state after a step on the working set; the whole gradient ends a round."""
        point, subproblem, stalled, gain = self._step(begun.point, subproblem)
        first, n_steps = gain if begun.first is None else begun.first, begun.n_steps + 1
        theta = extended(problem, subproblem.columns, point.theta)
        if not stalled and gain > self.thorough * first and n_steps < self.longest:
            return state._replace(
                point=Point(theta, point.value, None), decrement=gain, subproblem=subproblem,
                minimum=None, round=Round(point, first, n_steps),
            )  # fmt: skip
        whole = evaluate(problem, theta)
        if stalled:
            # No step leads down on the working set: others do if columns outside want to join.
            stalled = not _newcomers(problem, whole.gradient, subproblem).any()
        gain += _outside(problem, whole.gradient, subproblem, state.scales)
        return _arrive(problem, whole, subproblem, state.scales, stalled, gain)

    def _step(self, point, subproblem, minimum=None):
        """A step on a subproblem.

        Returns
        -------
        point, subproblem : Point and Subproblem after the step
        stalled : bool, whether no step led down
        gain : float, that the step expected
        """
        problem = subproblem.problem
        if subproblem.model is None or subproblem.age >= (
            1 if subproblem.model.is_exact else self.refresh
        ):
            slow = subproblem.n_steps >= self.refresh
            model = problem.model(point.theta, slow, self.near)
            subproblem, minimum = subproblem._replace(model=model, age=0), None
        minimum = minimum or subproblem.minimum(point)
        target, gain = minimum.target, minimum.gain
        if not gain > 0:
            return point, subproblem, True, 0.0
        found = _search(problem, point, target - point.theta, target, gain)
        if found is None:
            # Rounding, or pairs that mislead: the next step is by the model alone.
            return point, subproblem._replace(pairs=(), accuracy=BEST), not subproblem.pairs, gain
        change = found.gradient - point.gradient
        wrong = minimum.error(change) if found.theta is target else WORST
        subproblem = subproblem._replace(accuracy=min(max(0.5 * wrong**2, BEST), WORST))
        pairs = ()
        if not subproblem.model.is_exact:
            pairs = with_pair(subproblem.pairs, point, found, self.memory, rounding=1e-10)
        subproblem = subproblem._replace(
            pairs=pairs, age=subproblem.age + 1, n_steps=subproblem.n_steps + 1
        )
        return found, subproblem, False, gain


def _search(problem, point, direction, target, gain):
    """The first Point on the way to the target that is low enough; None if there is none.

    gain : float, expected at the target
    """
    slope = point.gradient @ direction
    slope += problem.nonsmooth.value(target) - problem.nonsmooth.value(point.theta)
    length = 1.0
    for _ in range(MOST_TRIALS):
        # The target itself has exact zeros, which a sum may not have.
        theta = target if length == 1 else point.theta + length * direction
        trial = evaluate(problem, theta)
        if trial.value <= point.value + DECREASE * length * slope:
            return trial
        if _nearer(problem, point, trial, gain):
            return trial
        length *= 0.4
    return None


def _nearer(problem, point, trial, gain):
    """Whether a smaller gap is expected at a trial, where rounding hides a lower value."""
    rounding = ROUNDING * abs(point.value)
    if gain > 64 * rounding or trial.value > point.value + rounding:
        return False
    return problem.expected_gap(trial) < problem.expected_gap(point)


def _arrive(problem, point, subproblem, scales, stalled, gain=np.inf):
    # The expected gain of the last step is one estimate of what is left, the expected gap another.
    left = min(gain, problem.expected_gap(point))
    return ProximalState(point, left, stalled, subproblem, scales)


def _outside(problem, gradient, subproblem, scales):
    """The gain that columns outside the working set promise, each by its curvature alone."""
    violations = _newcomers(problem, gradient, subproblem)
    return 0.5 * float(np.sum(violations**2 / np.maximum(scales[: len(violations)], TINY)))


def _newcomers(problem, gradient, subproblem):
    """Violations of the optimality condition, (n_features,), 0 within the working set."""
    violations = problem.violations(gradient)[: problem.map.n_features]
    if subproblem is not None:
        violations[subproblem.columns] = 0
    return violations


def _restricted(problem, subproblem, point):
    """The Point of a subproblem from one of the whole problem."""
    theta, gradient = (
        restricted(problem, subproblem.columns, vector) for vector in (point.theta, point.gradient)
    )
    return Point(theta, point.value, gradient)


def _working_set(problem, state):
    """The Subproblem of the next round: the last one, and the columns that promise most outside."""
    last, n_features = state.subproblem, problem.map.n_features
    if last is not None and last.columns is None:
        return last
    newcomers = _newcomers(problem, state.point.gradient, last)
    if last is not None and not newcomers.any():
        return last
    chosen = support(problem, state.point.theta)
    if last is not None:
        chosen[last.columns] = True
    gains = newcomers**2 / np.maximum(state.scales[:n_features], TINY)
    n_new = min(max(FEW, int(chosen.sum())), int((newcomers > 0).sum()))
    chosen[np.argsort(-gains, kind="stable")[:n_new]] = True
    return working_set.subproblem_of(problem, chosen)
