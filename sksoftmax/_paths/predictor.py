"""Fits on their way along C, each beginning where those before it lead."""

from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from sksoftmax._paths.screening import Screen, largest_excess
from sksoftmax._problems import build
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import Point
from sksoftmax._solvers.proximal_newton import Part

# Fits that a prediction goes through.
TRAIL = 3
# Longest way in log C, and what fits on longer ones are proved to be within.
STRIDE = 0.5
ROUGHLY = 1e-2
# Way in C over which none is begun.
SPAN = 1e4


def extrapolation(places, place):
    """The shares by which the polynomial through values at some places is that at another."""
    shares = np.ones(len(places))
    for own, at in enumerate(places):
        for other in places:
            if other != at:
                shares[own] *= (place - other) / (at - other)
    return shares


class Passed(NamedTuple):
    """A fit that the path has passed: log C, theta, and the loss there with its gradient."""

    place: float
    theta: np.ndarray
    loss: float
    pull: np.ndarray

    @classmethod
    def at(cls, place, point, ridge):
        """From a point of the smooth part."""
        theta, value, gradient = point
        of_ridge, pull_of_ridge = ridge.value_and_gradient(theta)
        return cls(place, theta, value - of_ridge, gradient - pull_of_ridge)

    def point(self, problem):
        """The point under a penalty."""
        objective, l1 = problem.objective, 0.0
        if isinstance(problem, CompositeProblem):
            objective, l1 = objective.smooth, objective.nonsmooth.value(self.theta)
        value, gradient = objective.penalty.value_and_gradient(self.theta)
        return Point(self.theta, self.loss + value + l1, self.pull + gradient)


def passed(place, solution, problem):
    """A fit of a composite problem."""
    smooth, nonsmooth = problem.objective.smooth, problem.objective.nonsmooth
    value = solution.value - nonsmooth.value(solution.theta)
    return Passed.at(place, Point(solution.theta, value, solution.gradient), smooth.penalty)


def lengthened(trail, latest):
    """The last fits before this one, and this one."""
    return [*[known for known in trail if known.place < latest.place][1 - TRAIL :], latest]


def extrapolated(trail, place):
    """Where the polynomials through the last fits lead."""
    shares = extrapolation([known.place for known in trail], place)
    _, *values = (
        sum(share * value for share, value in zip(shares, of_fits, strict=True))
        for of_fits in zip(*trail, strict=True)
    )
    return Passed(place, *values)


def predicted(objective, trail, place, part=None):
    """Theta at the last fit, or where the curve through the last ones leads if that is better.

    part : what is known of the curvature for proximal steps, which correct the curve; or None
    """
    last, ahead = trail[-1].point(objective), extrapolated(trail, place).point(objective)
    theta = ahead.theta
    if part is not None:
        theta = part._replace(objective=objective).aim(ahead).target
    return theta if objective.value_and_gradient(theta)[0] < last.value else last.theta


class SparseWalk:
    """Fits of an objective with corners, on the columns that may be wanted.

    pose : function of C
        The objective.
    begin : theta to begin at
    trail : list of Passed, the latest last
    pull : ndarray like theta
        Of the last fit's dual, or of its probabilities.
    screen : Screen
    curvature : Part
        What was learned on the screen's columns up to the last fit.
    """

    def __init__(self, pose, settings, begin):
        self.pose, self.settings, self.begin, self.trail = pose, settings, begin, []
        self.pull = self.screen = self.moments = None

    def to(self, C):
        """The solution at another C; the way there may take half the steps."""
        settings, n_iter = self.settings, 0
        for stone in chain(self._first(C), self._stones(C)):
            left = settings.max_iter // 2 - n_iter
            if left <= 0:
                break
            found = self._fit(stone, max(settings.tol, ROUGHLY), left)
            n_iter += max(found.n_iter, 1)  # a step of the model leads on from there
            if not found.converged:
                break  # nor will those further on
        solution = self._fit(C, settings.tol, settings.max_iter - n_iter)
        return solution._replace(n_iter=solution.n_iter + n_iter)

    def _first(self, C):
        """The C at which all columns are still zero, if that is not far; learns the pull."""
        if self.trail:
            return []
        whole = self.pose(C)
        gradient = whole.value_and_gradient(self.begin)[1]
        self.pull = whole.objective.loss_gradient(self.begin, gradient)
        excess = largest_excess(whole, self.pull)
        return [C / min(excess, SPAN)] if excess > 1 else []

    def _stones(self, C):
        """Values of C on the way, where few of many columns are wanted, and others further on."""
        if not self.trail or self.screen.columns is None:
            return
        start = self.trail[-1].place
        n_strides = int(np.ceil((np.log(C) - start) / STRIDE))
        yield from np.exp(np.linspace(start, np.log(C), max(n_strides, 1) + 1)[1:-1])

    def _fit(self, C, tol, max_iter):
        """Fit at C, from where the last fits lead."""
        whole, place = self.pose(C), np.log(C)
        theta = self.trail[-1].theta if self.trail else self.begin
        if len(self.trail) > 1:
            self.pull = self._expected_pull(place)
        if self.screen is not None and self.screen.holds(whole, theta, self.pull):
            self.screen = self.screen.moved_to(whole)
        else:
            self._screen(whole, theta)
        theta = self.screen.restricted(whole, theta)
        if self.trail:
            theta = self._predicted(whole, place)
        return self._descend(whole, place, theta, tol, max_iter)

    def _expected_pull(self, place):
        return extrapolated(self.trail, place).pull

    def _screen(self, whole, theta, old=None):
        self.screen = Screen.of(whole, theta, self.pull, old)
        self.curvature, self.moments = Part(None, self.screen.part, None), None

    def _predicted(self, whole, place):
        screen, part = self.screen, self.screen.part
        trail = [
            Passed(at, screen.restricted(whole, theta), loss, screen.restricted(whole, pull))
            for at, theta, loss, pull in self.trail
        ]
        if self.curvature.model is None:
            model = part.model(trail[-1].theta)
            self.curvature = self.curvature._replace(model=model)
        return predicted(part, trail, place, self.curvature)

    def _descend(self, whole, place, theta, tol, max_iter):
        """The solution, from theta on the screened columns."""
        n_iter = 0
        while True:
            part = self.screen.part
            solution = minimize(
                part, self._solver(part), theta, tol=tol,
                max_iter=max_iter - n_iter, watch=self._watch, moments=self.moments,
            )  # fmt: skip
            n_iter += solution.n_iter
            self.moments = solution.certificate.moments
            theta = self.screen.extended(whole, solution.theta)
            proved = solution.converged and self._holds(whole, theta, solution.certificate)
            if proved or not solution.converged:
                break
            self._screen(whole, theta, self.screen)
            theta = self.screen.restricted(whole, theta)
        if not proved:
            solution = self._leave(whole, place, theta, tol, max_iter - n_iter)
            return solution._replace(n_iter=n_iter + solution.n_iter)
        here = passed(place, solution, part)
        pull = self.screen.extended(whole, here.pull, self.pull)
        self.trail = lengthened(self.trail, Passed(place, theta, here.loss, pull))
        return solution._replace(theta=theta, n_iter=n_iter)

    def _holds(self, whole, theta, bound):
        """Whether what is proved of the part is proved of all columns."""
        if self.screen.columns is None:
            self.pull = bound.dual.loss_gradient
            return True
        self.pull = self.screen.pull(whole, bound.dual.residual)
        return self.screen.holds(whole, theta, bound.share * self.pull)

    def _leave(self, whole, place, theta, tol, max_iter):
        """The solution by an ordinary fit of all columns."""
        solver = build.solver_for(whole, self.settings.solver)
        solution = minimize(whole, solver, theta, tol=tol, max_iter=max_iter)
        latest = passed(place, solution, whole)
        self.pull = latest.pull
        self.trail = lengthened(self.trail, latest)
        return solution

    def _solver(self, part):
        return replace(build.solver_for(part, self.settings.solver), part=self.curvature)

    def _watch(self, n_iter, state):
        self.curvature = state.part
