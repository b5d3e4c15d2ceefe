"""Fits along a path of penalties, each starting from its neighbour or from a given place."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax import problem
from sksoftmax.anchors import Anchor
from sksoftmax.composite import Composite
from sksoftmax.row_space import AllColumns, reduce_columns
from sksoftmax.solvers import minimize
from sksoftmax.solvers.proximal import Proximal
from sksoftmax.solvers.search import Point

# From the lightest penalty of a grid to C_min.
SPAN = 1e4
# Fits that a prediction goes through.
TRAIL = 3
# Gradients below this share of the column's mean modulus are rounding, in sums of products of it.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Settings:
    """What all fits of a path share."""

    shape: object
    fit_intercept: bool
    solver: str
    tol: float
    max_iter: int
    class_weight: object = None


class Fit(NamedTuple):
    """Coefficients (n_scores, n_features) and intercepts (n_scores,) of one fit."""

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int
    objective: float
    gap: float
    converged: bool


# Trial steps may lead to where numbers overflow; what comes of it is refused there.
@np.errstate(all="ignore")
def fit_path(data, Cs, l1_ratio, settings, starts=None, done=None):
    """Fits at increasing values of C.

    starts : list of Fit, optional
        Where to start for each C: fits of nearly the same data. Without them each starts from
        the one before.
    done : callable, optional
        Called after each fit.

    Returns
    -------
    fits : list of Fit
    """
    shape = settings.shape
    plain = l1_ratio == 0 and shape.penalty_factor is None and settings.solver != "proximal"
    data, columns = reduce_columns(data) if plain else (data, AllColumns())
    fits, trail, memory = [], [], Memory()
    for index, C in enumerate(Cs):
        objective = memory.shared(pose(data, C, l1_ratio, settings))
        if starts is not None:
            theta = _theta(starts[index], data, columns, objective.map)
        elif trail:
            theta = predicted(objective, trail, C, memory.part)
        else:
            theta = problem.neutral(data, objective.map)
        warm = len(fits) > 0 or starts is not None
        solver = memory.continued(problem.solver_for(objective, settings.solver, warm))
        solution = minimize(
            objective, solver, theta, tol=settings.tol, max_iter=settings.max_iter,
            watch=memory.watch,
        )  # fmt: skip
        if starts is None:
            passed = Passed.of(C, solution.theta, objective)
            before = [known for known in trail if known.place < passed.place]
            trail = [*before[1 - TRAIL :], passed]
        fits.append(fit_of(solution, data, columns, objective.map))
        if done is not None:
            done()
    return fits


class Passed(NamedTuple):
    """A fit that the path has passed: log C, theta, and the loss there with its gradient."""

    place: float
    theta: np.ndarray
    loss: float
    pull: np.ndarray

    @classmethod
    def of(cls, C, theta, objective):
        smooth = smooth_of(objective)
        ridge, pull_of_ridge = smooth.penalty.value_and_gradient(theta)
        value, gradient = value_and_gradient(objective, theta)
        return cls(np.log(C), theta, value - ridge, gradient - pull_of_ridge)

    def point(self, objective):
        """The point under another penalty."""
        value, gradient = smooth_of(objective).penalty.value_and_gradient(self.theta)
        value += self.loss + corner_value(objective, self.theta)
        return Point(self.theta, value, self.pull + gradient)


def predicted(objective, trail, C, part):
    """Theta at the last fit, or where the curve through the last ones leads if that is better.

    part : the working set of proximal steps, whose model corrects the curve; or None
    """
    last = trail[-1].point(objective)
    shares = extrapolation([known.place for known in trail], np.log(C))
    theta, loss, pull = (
        sum(share * known[i] for share, known in zip(shares, trail, strict=True))
        for i in (1, 2, 3)
    )
    ahead = Passed(np.log(C), theta, loss, pull).point(objective)
    theta = ahead.theta if part is None else part.of(objective).target(objective, ahead)[0]
    return theta if objective.value_and_gradient(theta)[0] < last.value else last.theta


def extrapolation(places, place):
    """The shares by which the polynomial through values at some places is that at another."""
    shares = np.ones(len(places))
    for own, at in enumerate(places):
        for other in places:
            if other != at:
                shares[own] *= (place - other) / (at - other)
    return shares


def smooth_of(objective):
    return objective.smooth if isinstance(objective, Composite) else objective


def value_and_gradient(objective, theta):
    """Of the smooth part."""
    if isinstance(objective, Composite):
        return objective.smooth_at(theta)
    return objective.value_and_gradient(theta)


def corner_value(objective, theta):
    return objective.corner_value(theta) if isinstance(objective, Composite) else 0.0


class Memory:
    """What was learned of the curvature up to the last fit, for the next one of the path."""

    def __init__(self):
        self.state, self.anchor = None, Anchor()

    def watch(self, n_iter, state):
        self.state = state

    @property
    def part(self):
        return getattr(self.state, "part", None)

    def continued(self, solver):
        if not isinstance(solver, Proximal) or self.state is None:
            return solver
        return replace(solver, part=self.state.part, scales=self.state.scales)

    def shared(self, objective):
        """The objective, with the moments that proofs share."""
        if not isinstance(objective, Composite):
            return objective
        return replace(objective, anchor=self.anchor)


@np.errstate(all="ignore")
def smallest_C(data, l1_ratio, settings):
    """The largest C at which every penalised coefficient is zero; 0 without an l1 part.

    With all of them at zero, intercepts at the classes' frequencies are the optimum, and the
    gradient there is known. They stay at zero while its sizes are at most
    ``l1_ratio * factor / (C * sum(w))``: at any C, inf, where the gradient is nothing.
    """
    if l1_ratio == 0:
        return 0.0
    factors = problem.check_factors(settings.shape, data.n_features)
    held = (factors > 0) & np.isfinite(factors)
    if not held.any():
        return np.inf
    objective = pose(data, 1.0, l1_ratio, settings)
    theta = problem.neutral(data, objective.map)
    if (factors == 0).any():
        only_free = replace(settings.shape, penalty_factor=np.where(factors > 0, np.inf, 0.0))
        null = pose(data, 1.0, l1_ratio, replace(settings, shape=only_free))
        solver = problem.solver_for(null, "auto")
        theta = minimize(null, solver, theta, tol=1e-8, max_iter=settings.max_iter).theta
    gradient = objective.smooth.value_and_gradient(theta)[1]
    sizes = objective.corners.sizes(gradient)[: data.n_features].max(axis=1)
    moduli = data.rows.sum(lambda block: np.asarray(block.weight @ abs(block.X), dtype=np.float64))
    sizes[sizes <= ROUNDING * moduli / data.total_weight] = 0
    largest = np.max(sizes[held] / factors[held])
    return float(l1_ratio / (data.total_weight * largest)) if largest > 0 else np.inf


def grid(Cs, C_min):
    """Values of C: those given, or so many on a logarithmic grid."""
    if not isinstance(Cs, (int, np.integer)):
        return np.sort(np.asarray(Cs, dtype=np.float64))
    if C_min == 0 or np.isinf(C_min):
        return np.logspace(-4, 4, Cs)
    return C_min * np.logspace(0, np.log10(SPAN), Cs)


def pose(data, C, l1_ratio, settings):
    return problem.pose(
        data, C=C, l1_ratio=l1_ratio, shape=settings.shape,
        fit_intercept=settings.fit_intercept, solver=settings.solver,
    )  # fmt: skip


def _theta(fit, data, columns, score_map):
    """Theta at a fit of other data of the same classes."""
    coef = np.asarray(columns.restrict(fit.coef), dtype=np.float64)
    if not score_map.has_intercept:
        return score_map.join(coef, None)
    return score_map.join(coef, fit.intercept + coef @ data.center)


def fit_of(solution, data, columns, score_map):
    coef, at_center = score_map.split(solution.theta)
    intercept = np.zeros(len(coef))
    if score_map.has_intercept:
        intercept = at_center - coef @ data.center
        if len(coef) > 1:
            intercept -= intercept.mean()
    coef = np.array(columns.expand(coef), dtype=np.float64)
    return Fit(
        coef, intercept, solution.n_iter, solution.value, solution.gap, bool(solution.converged)
    )
