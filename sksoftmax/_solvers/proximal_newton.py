"""Proximal quasi-Newton steps in the metric of the curvature, on a working set of columns.

Each step minimises a quadratic model of the smooth part plus the penalty itself, corners and all
(Lee, Sun and Saunders 2014, SIAM Journal on Optimization 24, 1420-1443). The model is the
curvature at hand, corrected by what the last steps saw of it (BFGS). A step that does not lower
the objective enough is shortened: the direction to the model's minimum always leads down.

A model that predicts gradients badly is not worth minimising far: each step leaves of its model
the share by which the last one's was wrong (an inexact Newton method's forcing sequence: Eisenstat
and Walker 1996; Lee, Sun and Saunders 2014; Byrd, Nocedal and Oztoprak 2016).

Columns whose coefficients are zero and stay so cost nothing: a round of steps is made on the
columns of a working set alone, then all gradients are looked at, and columns that want to leave
zero join the set.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.bfgs_model import Pair, corrected
from sksoftmax._solvers.line_search import DECREASE, MOST_TRIALS, ROUNDING, Point, evaluate
from sksoftmax._solvers.model_minimizer import Minimum, minimize_model

# Columns that a working set begins with, and the share of all from which on it is all of them.
FEWEST = 100
MOST = 0.6
# Of a model, the shares of its first step that may be left: as a model was wrong, between these.
BEST, WORST = 0.05, 0.5


class Part(NamedTuple):
    """A working set, and what was learned on it.

    columns : indices of the columns of X; None for all
    objective : the objective on them
    model : quadratic model of its smooth part
    pairs : tuple of Pair, the latest last
    age : steps since the model was made
    n_steps : of this descent
    accuracy : to which the next model is minimised
    """

    columns: np.ndarray | None
    objective: object
    model: object
    pairs: tuple = ()
    age: int = 0
    n_steps: int = 0
    accuracy: float = BEST

    def restricted(self, objective, point):
        """A point of the whole objective as one of its part."""
        if self.columns is None:
            return point
        rows = objective.rows_of_columns(self.columns)
        theta, gradient = (
            objective.rows_of(vector)[rows].ravel() for vector in (point.theta, point.gradient)
        )
        return Point(theta, point.value, gradient)

    def extended(self, objective, theta):
        """Theta of the whole objective, zero outside the part."""
        if self.columns is None:
            return theta
        whole = np.zeros(objective.map.n_parameters)
        rows = objective.rows_of_columns(self.columns)
        objective.rows_of(whole)[rows] = self.objective.rows_of(theta)
        return whole

    def aim(self, point):
        """Where the model leads from a point of the part."""
        model = corrected(self.model, self.pairs)
        return minimize_model(self.objective, model, point, self.accuracy)


class Round(NamedTuple):
    """Where steps on a working set stand.

    point : of the part
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
    part: Part | None
    scales: np.ndarray  # of the columns' curvatures
    aim: Minimum | None = None
    round: Round | None = None
    solver: str = "proximal"


@dataclass(frozen=True)
class Proximal:
    """memory : number of pairs; refresh : steps between models; longest : steps a round;
    thorough : what a round leaves of the gain that its first step expects; part : all columns
    with the model and pairs to go on with, from a like objective.
    """

    memory: int = 20
    refresh: int = 15
    longest: int = 25
    thorough: float = 0.004
    part: Part | None = None

    def start(self, objective, theta):
        point = evaluate(objective, theta)
        if self.part is None:
            return _arrive(objective, point, None, objective.column_scales(), False)
        part = self.part._replace(objective=objective, n_steps=0)
        aim = None if part.model is None else part.aim(point)
        gain = np.inf if aim is None else aim.gain
        return _arrive(objective, point, part, None, False, gain)._replace(aim=aim)

    def step(self, objective, state):
        if state.round is not None:
            return self._on_part(objective, state, state.part, state.round)
        part = _working_set(objective, state)
        if part.columns is not None:
            begun = Round(part.restricted(objective, state.point))
            return self._on_part(objective, state, part, begun)
        point, part, stalled, gain = self._step(state.point, part, state.aim)
        return _arrive(objective, point, part, state.scales, stalled, gain)

    def _on_part(self, objective, state, part, begun):
        """A step on the working set; where it ends the round, all of the gradient is made."""
        point, part, stalled, gain = self._step(begun.point, part)
        first, n_steps = gain if begun.first is None else begun.first, begun.n_steps + 1
        theta = part.extended(objective, point.theta)
        if not stalled and gain > self.thorough * first and n_steps < self.longest:
            # More steps on the same columns.
            return state._replace(
                point=Point(theta, point.value, None), decrement=gain, part=part, aim=None,
                round=Round(point, first, n_steps),
            )  # fmt: skip
        whole = evaluate(objective, theta)
        if stalled:
            # What is left is all outside, or below rounding.
            stalled = not _newcomers(objective, whole.gradient, part).any()
        gain += _outside(objective, whole.gradient, part, state.scales)
        return _arrive(objective, whole, part, state.scales, stalled, gain)

    def _step(self, point, part, aim=None):
        """One step: the point, the part, whether there was no way down, the gain expected."""
        objective = part.objective
        if part.model is None or part.age >= (1 if part.model.is_exact else self.refresh):
            slow = part.n_steps >= self.refresh
            model = objective.model(point.theta, slow)
            part, aim = part._replace(model=model, age=0), None
        aim = aim or part.aim(point)
        target, gain = aim.target, aim.gain
        if not gain > 0:
            return point, part, True, 0.0
        found = _search(objective, point, target - point.theta, target, gain)
        if found is None:
            # Rounding, or pairs that mislead: the model alone is the last resort.
            return point, part._replace(pairs=(), accuracy=BEST), not part.pairs, gain
        pair = Pair(found.theta - point.theta, found.gradient - point.gradient)
        wrong = aim.error(pair.change) if found.theta is target else WORST
        part = part._replace(accuracy=min(max(wrong, BEST), WORST))
        pairs = (*part.pairs, pair)[-self.memory :] if pair.is_convex else part.pairs
        pairs = () if part.model.is_exact else pairs
        part = part._replace(pairs=pairs, age=part.age + 1, n_steps=part.n_steps + 1)
        return found, part, False, gain


def _search(objective, point, direction, target, gain):
    """The first point on the way to the target that is low enough; None if there is none."""
    slope = point.gradient @ direction
    slope += objective.nonsmooth.value(target) - objective.nonsmooth.value(point.theta)
    length = 1.0
    for _ in range(MOST_TRIALS):
        # The target itself, not a sum that rounds: its zeros are exact.
        theta = target if length == 1 else point.theta + length * direction
        trial = evaluate(objective, theta)
        if trial.value <= point.value + DECREASE * length * slope:
            return trial
        if _nearer(objective, point, trial, gain):
            return trial
        length *= 0.4
    return None


def _nearer(objective, point, trial, gain):
    """Whether a trial is better where rounding hides it from the value: by what can be proved."""
    rounding = ROUNDING * abs(point.value)
    if gain > 64 * rounding or trial.value > point.value + rounding:
        return False
    return objective.expected_gap(trial) < objective.expected_gap(point)


def _arrive(objective, point, part, scales, stalled, gain=np.inf):
    # The gain of the last step is a fair guess at what is left, and so is what could be proved.
    left = min(gain, objective.expected_gap(point))
    return ProximalState(point, left, stalled, part, scales)


def _outside(objective, gradient, part, scales):
    """What columns outside the working set have to gain, by their curvature alone."""
    excess = _newcomers(objective, gradient, part)
    tiny = np.finfo(np.float64).tiny
    return 0.5 * float(np.sum(excess**2 / np.maximum(scales[: len(excess)], tiny)))


def _newcomers(objective, gradient, part):
    """By how much columns outside the working set want to leave zero."""
    violations = objective.violations(gradient)[: objective.map.n_features]
    if part is not None:
        violations[part.columns] = 0
    return violations


def _working_set(objective, state):
    """The part to go on with: the last one, unless columns outside it have more to gain."""
    part, n_features = state.part, objective.map.n_features
    if part is not None and part.columns is None:
        return part
    newcomers = _newcomers(objective, state.point.gradient, part)
    if part is not None and not newcomers.any():
        return part
    support = objective.rows_of(state.point.theta)[:n_features].any(axis=1)
    if part is not None:
        support[part.columns] = True
    gains = newcomers**2 / np.maximum(state.scales[:n_features], np.finfo(np.float64).tiny)
    n_new = min(max(FEWEST, int(support.sum())), int((newcomers > 0).sum()))
    chosen = support.copy()
    chosen[np.argsort(-gains, kind="stable")[:n_new]] = True
    if chosen.sum() >= MOST * n_features or n_features <= FEWEST:
        return Part(None, objective, None)
    columns = np.flatnonzero(chosen)
    return Part(columns, objective.on_columns(columns), None)
