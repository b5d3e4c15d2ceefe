"""Fits along increasing C with a nonsmooth penalty, each started by extrapolation.

A fit starts at the parabola through the last three, followed by one step of the model, and is made
on a working set of columns (``screening``). The set, the model with its BFGS pairs and the moments
of the last proof are kept along C while the set passes its check.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._paths import screening
from sksoftmax._paths.fits import Settings, fit_of, problem_at
from sksoftmax._paths.predictor import PathPoint, extended_history, extrapolated
from sksoftmax._problems import build
from sksoftmax._problems.row_space import AllColumns
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import evaluate
from sksoftmax._solvers.working_set import Subproblem, extended, restricted

# Longest step in log C over which gradients are extrapolated; longer ones are made by intermediate
# fits, to the tolerance INTERMEDIATE_TOL.
FARTHEST = 0.5
INTERMEDIATE_TOL = 1e-2
# Step in log C up to which the curvature at a fit is like that at the next.
NEAR = 2.5


@quiet  # trial steps may lead to where numbers overflow, and are refused there
def fit_elastic_net_path(data, Cs, l1_ratio, settings, done=None):
    """Fits of a nonsmooth objective at increasing values of C; see ``fit_path``."""
    path = ElasticNetPath(lambda C: problem_at(data, C, l1_ratio, settings), settings)
    score_map = path.problem_at(Cs[0]).map
    state, solution = path.begin(Cs[0], build.initial(data, score_map))
    fits = []
    for C in Cs:
        if fits:
            state, solution = path.advance(state, C)
        fits.append(fit_of(solution, data, AllColumns(), score_map))
        if done is not None:
            done(1)
    return fits


class ElasticNetState(NamedTuple):
    """The last fits, and what serves the next one.

    history : tuple of PathPoint, on all columns, the latest last
    working_set : Subproblem, with the model and the pairs of the last fit
    moments : StaleMoments of the last proof on the working set, or None
    """

    history: tuple
    working_set: Subproblem
    moments: object = None


@dataclass(frozen=True)
class ElasticNetPath:
    """The method of a path.

    problem_at : function of C, the CompositeProblem on all columns
    settings : Settings
    """

    problem_at: Callable
    settings: Settings

    def begin(self, C, theta):
        """The state at the first C, and the solution there, by an ordinary fit from theta."""
        tol, max_iter = self.settings.tol, self.settings.max_iter
        return self._fit_whole((), self.problem_at(C), np.log(C), theta, tol, max_iter)

    def advance(self, state, C):
        """The state at the next C, and the solution there.

        Intermediate fits take half of ``max_iter`` at most.
        """
        settings, n_iter = self.settings, 0
        for between in _values_between(state, C):
            left = settings.max_iter // 2 - n_iter
            if left <= 0:
                break
            state, found = self._fit(state, between, max(settings.tol, INTERMEDIATE_TOL), left)
            n_iter += max(found.n_iter, 1)  # the predictor's step counts too
            if not found.converged:
                break  # later ones would not converge either
        state, solution = self._fit(state, C, settings.tol, settings.max_iter - n_iter)
        return state, solution._replace(n_iter=solution.n_iter + n_iter)

    def _fit(self, state, C, tol, max_iter):
        """The state and solution at C, started by extrapolation of the last fits."""
        whole, log_C = self.problem_at(C), np.log(C)
        last, ahead = state.history[-1], extrapolated(state.history, log_C)
        working_set, moments = _working_set(state, whole, ahead)
        near = log_C - last.log_C <= NEAR
        working_set, begin = _begun(whole, working_set, last, ahead, near)
        n_iter = 0
        while True:
            working_set, solution = self._descend(
                working_set, begin, near, moments, tol, max_iter - n_iter
            )
            n_iter += solution.n_iter
            columns, moments = working_set.columns, solution.certificate.moments
            theta = extended(whole, columns, solution.theta)
            if not solution.converged:
                state, solution = self._fit_whole(
                    state.history, whole, log_C, theta, tol, max_iter - n_iter
                )
                return state, solution._replace(n_iter=n_iter + solution.n_iter)
            others, scale = _dual_gradient(whole, working_set, solution.certificate)
            if screening.holds(columns, whole, theta, scale * others):
                break
            working_set = screening.choose(whole, theta, others, working_set)
            theta = restricted(whole, working_set.columns, theta)
            begin, moments = evaluate(working_set.problem, theta), None
        here = PathPoint.of(log_C, solution.point, working_set.problem.objective.penalty)
        here = here._replace(
            theta=theta,
            loss_gradient=extended(whole, columns, here.loss_gradient, others),
        )
        state = ElasticNetState(extended_history(state.history, here), working_set, moments)
        return state, solution._replace(theta=theta, n_iter=n_iter)

    def _descend(self, working_set, begin, near, moments, tol, max_iter):
        """The working set after a fit on it from the Point ``begin``, and the solution."""
        problem, seen = working_set.problem, []
        solver = build.solver_for(problem, self.settings.solver)
        known = working_set._replace(columns=None)
        solver = replace(solver, subproblem=known, begin=begin, near=near)
        solution = minimize(
            problem, solver, begin.theta, tol=tol, max_iter=max_iter, moments=moments,
            watch=lambda n_iter, state: seen.append(state.subproblem),
        )  # fmt: skip
        return seen[-1]._replace(columns=working_set.columns, problem=problem), solution

    def _fit_whole(self, history, whole, log_C, theta, tol, max_iter):
        """The state and solution at a C by an ordinary fit on all columns."""
        solver = build.solver_for(whole, self.settings.solver)
        solution = minimize(whole, solver, theta, tol=tol, max_iter=max_iter)
        here = PathPoint.of(log_C, solution.point, whole.objective.penalty)
        working_set = screening.choose(whole, here.theta, here.loss_gradient)
        return ElasticNetState(extended_history(history, here), working_set), solution


def _values_between(state, C):
    """Values of C for intermediate fits, equally spaced in log C; none if all columns are used."""
    if state.working_set.columns is None:
        return []
    start, end = state.history[-1].log_C, np.log(C)
    n_steps = max(int(np.ceil((end - start) / FARTHEST)), 1)
    return np.exp(np.linspace(start, end, n_steps + 1)[1:-1])


def _working_set(state, whole, ahead):
    """The working set and moments of the last fit, or another set and None if columns are missing.

    ahead : PathPoint, extrapolated to the C of the problem ``whole``
    """
    last, gradient = state.history[-1].theta, ahead.loss_gradient
    if screening.holds(state.working_set.columns, whole, last, gradient):
        return screening.moved(state.working_set, whole), state.moments
    return screening.choose(whole, last, gradient), None


def _begun(whole, working_set, last, ahead, near):
    """The working set with a model, and the Point on it to start from.

    That is the minimum of the model at the extrapolated point, or the last fit if that is lower.

    last, ahead : PathPoint, the last fit and the extrapolation
    """
    problem, columns = working_set.problem, working_set.columns
    last, ahead = (
        known._replace(
            theta=restricted(whole, columns, known.theta),
            loss_gradient=restricted(whole, columns, known.loss_gradient),
        ).point(problem.objective.penalty)
        for known in (last, ahead)
    )
    if working_set.model is None:
        working_set = working_set._replace(model=problem.model(last.theta, near=near))
    begin = evaluate(problem, working_set.minimum(ahead).target)
    return working_set, begin if begin.value < last.value else last


def _dual_gradient(whole, working_set, certificate):
    """The loss gradient of a certificate's dual on all columns, and the dual's scale."""
    dual = certificate.dual
    if working_set.columns is None:
        return dual.loss_gradient, certificate.scale
    part = working_set.problem.objective.smooth
    gradient = whole.objective.smooth.gradient_of_residuals(part, dual.residual)
    return gradient, certificate.scale
