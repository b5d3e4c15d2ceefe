"""Proximal quasi-Newton method on a working set of columns.

Each step minimises a quadratic model of the smooth part plus the nonsmooth penalty itself
(Lee, Sun and Saunders 2014, SIAM Journal on Optimization 24, 1420-1443). The model is the
curvature at hand, corrected by what the last steps saw of it (BFGS). A step that does not lower
the objective enough is shortened: the direction to the model's minimum is a descent direction.

A model that predicts gradients badly is not worth minimising far: each step leaves of its model
half the square of the share by which the last one's was wrong (an inexact Newton method's forcing
sequence: Eisenstat and Walker 1996, choice 2; Lee, Sun and Saunders 2014; Byrd, Nocedal and
Oztoprak 2016).

Columns whose coefficients are zero and stay so cost nothing: a round of steps is made on the
columns of a working set alone, then all gradients are looked at, and columns that want to leave
zero join the set.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.line_search import DECREASE, MOST_TRIALS, ROUNDING, Point, evaluate
from sksoftmax._solvers.model_minimizer import Minimum
from sksoftmax._solvers.pairs import extended as extended_pairs
from sksoftmax._solvers.working_set import BEST, Subproblem, extended, restricted, support

# Columns that a working set begins with, and the share of all from which on it is all of them.
FEWEST = 100
MOST = 0.6
# Of a model, the largest share of its first step that may be left; the least is BEST.
WORST = 0.5


class Round(NamedTuple):
    """Where steps on a working set stand.

    point : of the subproblem
    first : the gain that its first step expected; None before it
    n_steps : that were made
    """

    point: Point
    first: float | None = None
    n_steps: int = 0


class ProximalState(NamedTuple):
    """In the middle of a round the point's gradient is not known: it is made at the end."""

    point: Point
    decrement: float
    stalled: bool
    subproblem: Subproblem | None
    scales: np.ndarray  # of the columns' curvatures
    minimum: Minimum | None = None
    round: Round | None = None
    solver: str = "proximal"


@dataclass(frozen=True)
class Proximal:
    """memory : number of pairs; refresh : steps between models; longest : steps a round;
    thorough : what a round leaves of the gain that its first step expects; subproblem : all
    columns with the model and pairs to go on with, from a similar problem; begin : the Point at
    the theta where it starts, if that is known; near : whether that is near the optimum.
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
        """A step on the working set; where it ends the round, all of the gradient is made."""
        point, subproblem, stalled, gain = self._step(begun.point, subproblem)
        first, n_steps = gain if begun.first is None else begun.first, begun.n_steps + 1
        theta = extended(problem, subproblem.columns, point.theta)
        if not stalled and gain > self.thorough * first and n_steps < self.longest:
            # More steps on the same columns.
            return state._replace(
                point=Point(theta, point.value, None), decrement=gain, subproblem=subproblem,
                minimum=None, round=Round(point, first, n_steps),
            )  # fmt: skip
        whole = evaluate(problem, theta)
        if stalled:
            # What is left is all outside, or below rounding.
            stalled = not _newcomers(problem, whole.gradient, subproblem).any()
        gain += _outside(problem, whole.gradient, subproblem, state.scales)
        return _arrive(problem, whole, subproblem, state.scales, stalled, gain)

    def _step(self, point, subproblem, minimum=None):
        """One step: the point, the subproblem, whether there was no way down, the gain expected."""
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
            # Rounding, or pairs that mislead: the model alone is the last resort.
            return point, subproblem._replace(pairs=(), accuracy=BEST), not subproblem.pairs, gain
        change = found.gradient - point.gradient
        wrong = minimum.error(change) if found.theta is target else WORST
        subproblem = subproblem._replace(accuracy=min(max(0.5 * wrong**2, BEST), WORST))
        pairs = ()
        if not subproblem.model.is_exact:
            pairs = extended_pairs(subproblem.pairs, point, found, self.memory, rounding=1e-10)
        subproblem = subproblem._replace(
            pairs=pairs, age=subproblem.age + 1, n_steps=subproblem.n_steps + 1
        )
        return found, subproblem, False, gain


def _search(problem, point, direction, target, gain):
    """The first point on the way to the target that is low enough; None if there is none."""
    slope = point.gradient @ direction
    slope += problem.nonsmooth.value(target) - problem.nonsmooth.value(point.theta)
    length = 1.0
    for _ in range(MOST_TRIALS):
        # The target itself, not a sum that rounds: its zeros are exact.
        theta = target if length == 1 else point.theta + length * direction
        trial = evaluate(problem, theta)
        if trial.value <= point.value + DECREASE * length * slope:
            return trial
        if _nearer(problem, point, trial, gain):
            return trial
        length *= 0.4
    return None


def _nearer(problem, point, trial, gain):
    """Whether a trial is better where rounding hides it from the value: by what can be proved."""
    rounding = ROUNDING * abs(point.value)
    if gain > 64 * rounding or trial.value > point.value + rounding:
        return False
    return problem.expected_gap(trial) < problem.expected_gap(point)


def _arrive(problem, point, subproblem, scales, stalled, gain=np.inf):
    # The gain of the last step is a fair guess at what is left, and so is what could be proved.
    left = min(gain, problem.expected_gap(point))
    return ProximalState(point, left, stalled, subproblem, scales)


def _outside(problem, gradient, subproblem, scales):
    """What columns outside the working set have to gain, by their curvature alone."""
    excess = _newcomers(problem, gradient, subproblem)
    tiny = np.finfo(np.float64).tiny
    return 0.5 * float(np.sum(excess**2 / np.maximum(scales[: len(excess)], tiny)))


def _newcomers(problem, gradient, subproblem):
    """By how much columns outside the working set want to leave zero."""
    violations = problem.violations(gradient)[: problem.map.n_features]
    if subproblem is not None:
        violations[subproblem.columns] = 0
    return violations


def _restricted(problem, subproblem, point):
    """A Point of the whole problem as one of the subproblem."""
    theta, gradient = (
        restricted(problem, subproblem.columns, vector) for vector in (point.theta, point.gradient)
    )
    return Point(theta, point.value, gradient)


def _working_set(problem, state):
    """The subproblem to go on with: the last one, unless columns outside it have more to gain."""
    subproblem, n_features = state.subproblem, problem.map.n_features
    if subproblem is not None and subproblem.columns is None:
        return subproblem
    newcomers = _newcomers(problem, state.point.gradient, subproblem)
    if subproblem is not None and not newcomers.any():
        return subproblem
    chosen = support(problem, state.point.theta)
    if subproblem is not None:
        chosen[subproblem.columns] = True
    gains = newcomers**2 / np.maximum(state.scales[:n_features], np.finfo(np.float64).tiny)
    n_new = min(max(FEWEST, int(chosen.sum())), int((newcomers > 0).sum()))
    chosen[np.argsort(-gains, kind="stable")[:n_new]] = True
    if chosen.sum() >= MOST * n_features or n_features <= FEWEST:
        return Subproblem(None, problem, None)
    columns = np.flatnonzero(chosen)
    return Subproblem(columns, problem.on_columns(columns), None)
