"""Warm-started fits along increasing C, started by quadratic extrapolation in log C."""

from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from sksoftmax._paths.screening import WorkingSet, largest_excess
from sksoftmax._problems import build
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import Point
from sksoftmax._solvers.proximal_newton import Subproblem

# Fits that a prediction goes through.
HISTORY = 3
# Longest way in log C, and what fits on longer ones are proved to be within.
STRIDE = 0.5
ROUGHLY = 1e-2
# Way in C over which none is begun.
SPAN = 1e4


def extrapolation(indices, log_C):
    """The shares by which the polynomial through values at some places is that at another."""
    shares = np.ones(len(indices))
    for own, at in enumerate(indices):
        for other in indices:
            if other != at:
                shares[own] *= (log_C - other) / (at - other)
    return shares


class PathPoint(NamedTuple):
    """A fit of the path: log C, theta, and the loss there with its gradient."""

    log_C: float
    theta: np.ndarray
    loss: float
    loss_gradient: np.ndarray

    @classmethod
    def at(cls, log_C, point, ridge):
        """From a point of the smooth part."""
        theta, value, gradient = point
        of_ridge, pull_of_ridge = ridge.value_and_gradient(theta)
        return cls(log_C, theta, value - of_ridge, gradient - pull_of_ridge)

    def point(self, problem):
        """The point under a penalty."""
        objective, l1 = problem.objective, 0.0
        if isinstance(problem, CompositeProblem):
            objective, l1 = objective.smooth, objective.nonsmooth.value(self.theta)
        value, gradient = objective.penalty.value_and_gradient(self.theta)
        return Point(self.theta, self.loss + value + l1, self.loss_gradient + gradient)


def path_point(log_C, solution, problem):
    """A fit of a composite problem."""
    smooth, nonsmooth = problem.objective.smooth, problem.objective.nonsmooth
    value = solution.value - nonsmooth.value(solution.theta)
    return PathPoint.at(log_C, Point(solution.theta, value, solution.gradient), smooth.penalty)


def extended_history(history, latest):
    """The last fits before this one, and this one."""
    return [*[known for known in history if known.log_C < latest.log_C][1 - HISTORY :], latest]


def extrapolated(history, log_C):
    """Where the polynomials through the last fits lead."""
    shares = extrapolation([known.log_C for known in history], log_C)
    _, *values = (
        sum(share * value for share, value in zip(shares, of_fits, strict=True))
        for of_fits in zip(*history, strict=True)
    )
    return PathPoint(log_C, *values)


def predicted(objective, history, log_C, subproblem=None):
    """Theta at the last fit, or where the curve through the last ones leads if that is better.

    part : what is known of the curvature for proximal steps, which correct the curve; or None
    """
    last, ahead = history[-1].point(objective), extrapolated(history, log_C).point(objective)
    theta = ahead.theta
    if subproblem is not None:
        theta = subproblem._replace(problem=objective).minimum(ahead).target
    return theta if objective.value_and_gradient(theta)[0] < last.value else last.theta


class ElasticNetPath:
    """Fits of a nonsmooth objective, on the columns that may be wanted.

    problem_at : function of C
        The objective.
    begin : theta to begin at
    history : list of PathPoint, the latest last
    loss_gradient : ndarray like theta
        Of the last fit's dual, or of its probabilities.
    working_set : WorkingSet
    curvature : Subproblem
        What was learned on the working set's columns up to the last fit.
    """

    def __init__(self, problem_at, settings, begin):
        self.problem_at, self.settings, self.begin, self.history = problem_at, settings, begin, []
        self.loss_gradient = self.working_set = self.curvature = self.moments = None

    def to(self, C):
        """The solution at another C; the way there may take half the steps."""
        settings, n_iter = self.settings, 0
        for intermediate in chain(self._first(C), self._intermediate_Cs(C)):
            left = settings.max_iter // 2 - n_iter
            if left <= 0:
                break
            found = self._fit(intermediate, max(settings.tol, ROUGHLY), left)
            n_iter += max(found.n_iter, 1)  # a step of the model leads on from there
            if not found.converged:
                break  # nor will those further on
        solution = self._fit(C, settings.tol, settings.max_iter - n_iter)
        return solution._replace(n_iter=solution.n_iter + n_iter)

    def _first(self, C):
        """The C at which all columns are zero, if that is near; sets the loss gradient."""
        if self.history:
            return []
        whole = self.problem_at(C)
        gradient = whole.value_and_gradient(self.begin)[1]
        self.loss_gradient = whole.objective.loss_gradient(self.begin, gradient)
        excess = largest_excess(whole, self.loss_gradient)
        return [C / min(excess, SPAN)] if excess > 1 else []

    def _intermediate_Cs(self, C):
        """Values of C on the way, where few of many columns are wanted, and others further on."""
        if not self.history or self.working_set.columns is None:
            return
        start = self.history[-1].log_C
        n_strides = int(np.ceil((np.log(C) - start) / STRIDE))
        yield from np.exp(np.linspace(start, np.log(C), max(n_strides, 1) + 1)[1:-1])

    def _fit(self, C, tol, max_iter):
        """Fit at C, from where the last fits lead."""
        whole, log_C = self.problem_at(C), np.log(C)
        theta = self.history[-1].theta if self.history else self.begin
        if len(self.history) > 1:
            self.loss_gradient = self._expected_pull(log_C)
        if self.working_set is not None and self.working_set.holds(
            whole, theta, self.loss_gradient
        ):
            self.working_set = self.working_set.moved_to(whole)
        else:
            self._choose_working_set(whole, theta)
        theta = self.working_set.restricted(whole, theta)
        if self.history:
            theta = self._predicted(whole, log_C)
        return self._descend(whole, log_C, theta, tol, max_iter)

    def _expected_pull(self, log_C):
        return extrapolated(self.history, log_C).loss_gradient

    def _choose_working_set(self, whole, theta, old=None):
        self.working_set = WorkingSet.of(whole, theta, self.loss_gradient, old)
        self.curvature, self.moments = Subproblem(None, self.working_set.subproblem, None), None

    def _predicted(self, whole, log_C):
        working_set, subproblem = self.working_set, self.working_set.subproblem
        history = [
            PathPoint(
                at,
                working_set.restricted(whole, theta),
                loss,
                working_set.restricted(whole, loss_gradient),
            )
            for at, theta, loss, loss_gradient in self.history
        ]
        if self.curvature.model is None:
            model = subproblem.model(history[-1].theta)
            self.curvature = self.curvature._replace(model=model)
        return predicted(subproblem, history, log_C, self.curvature)

    def _descend(self, whole, log_C, theta, tol, max_iter):
        """The solution, from theta on the screened columns."""
        n_iter = 0
        while True:
            subproblem = self.working_set.subproblem
            solution = minimize(
                subproblem, self._solver(subproblem), theta, tol=tol,
                max_iter=max_iter - n_iter, watch=self._watch, moments=self.moments,
            )  # fmt: skip
            n_iter += solution.n_iter
            self.moments = solution.certificate.moments
            theta = self.working_set.extended(whole, solution.theta)
            proved = solution.converged and self._holds(whole, theta, solution.certificate)
            if proved or not solution.converged:
                break
            self._choose_working_set(whole, theta, self.working_set)
            theta = self.working_set.restricted(whole, theta)
        if not proved:
            solution = self._leave(whole, log_C, theta, tol, max_iter - n_iter)
            return solution._replace(n_iter=n_iter + solution.n_iter)
        here = path_point(log_C, solution, subproblem)
        loss_gradient = self.working_set.extended(whole, here.loss_gradient, self.loss_gradient)
        self.history = extended_history(
            self.history, PathPoint(log_C, theta, here.loss, loss_gradient)
        )
        return solution._replace(theta=theta, n_iter=n_iter)

    def _holds(self, whole, theta, bound):
        """Whether what is proved of the part is proved of all columns."""
        if self.working_set.columns is None:
            self.loss_gradient = bound.dual.loss_gradient
            return True
        self.loss_gradient = self.working_set.loss_gradient(whole, bound.dual.residual)
        return self.working_set.holds(whole, theta, bound.share * self.loss_gradient)

    def _leave(self, whole, log_C, theta, tol, max_iter):
        """The solution by an ordinary fit of all columns."""
        solver = build.solver_for(whole, self.settings.solver)
        solution = minimize(whole, solver, theta, tol=tol, max_iter=max_iter)
        latest = path_point(log_C, solution, whole)
        self.loss_gradient = latest.loss_gradient
        self.history = extended_history(self.history, latest)
        return solution

    def _solver(self, subproblem):
        return replace(
            build.solver_for(subproblem, self.settings.solver), subproblem=self.curvature
        )

    def _watch(self, n_iter, state):
        self.curvature = state.subproblem
