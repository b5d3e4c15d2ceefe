"""Fits along increasing C with a nonsmooth penalty, each begun where the last ones lead.

A fit begins at the parabola through the last three, followed by one step of the model, and is made
on a working set of columns (``screening``). The set, the model with its BFGS pairs and the moments
of the last proof are kept along C while the set holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._paths import screening
from sksoftmax._paths.fits import Settings, fit_of, problem_at
from sksoftmax._paths.predictor import PathPoint, extended_history, extrapolated
from sksoftmax._problems import build
from sksoftmax._problems.row_space import AllColumns
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import Point, evaluate
from sksoftmax._solvers.working_set import Subproblem, extended, restricted

# Longest way in log C from which gradients are extrapolated, and the tolerance of fits between.
FARTHEST = 0.5
# Way in log C from a fit up to which its curvature is much like that of the next.
NEAR = 2.5
ROUGHLY = 1e-2


# Trial steps may lead to where numbers overflow; what comes of it is refused there.
@quiet
def fit_elastic_net_path(data, Cs, l1_ratio, settings, done=None):
    """Fits of a nonsmooth objective at increasing values of C; see ``fit_path``."""
    path = ElasticNetPath(partial(_problem_at, data, l1_ratio, settings), settings)
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


def _problem_at(data, l1_ratio, settings, C):
    return problem_at(data, C, l1_ratio, settings)


class ElasticNetState(NamedTuple):
    """The last fits, and what was learned from them.

    history : tuple of PathPoint, on all columns, the latest last
    working_set : Subproblem, with the model and the pairs of the last fit
    moments : StaleMoments of the last proof on the working set, or None
    """

    history: tuple
    working_set: Subproblem
    moments: object = None


@dataclass(frozen=True)
class ElasticNetPath:
    """What all fits along C share.

    problem_at : function of C, the CompositeProblem on all columns
    """

    problem_at: Callable
    settings: Settings

    def begin(self, C, theta):
        """The state at the first C, and the solution there, by an ordinary fit from theta."""
        tol, max_iter = self.settings.tol, self.settings.max_iter
        return self._fit_whole((), self.problem_at(C), np.log(C), theta, tol, max_iter)

    def advance(self, state, C):
        """The state at another C, and the solution there; fits between take half the steps."""
        settings, n_iter = self.settings, 0
        for between in _values_between(state, C):
            left = settings.max_iter // 2 - n_iter
            if left <= 0:
                break
            state, found = self._fit(state, between, max(settings.tol, ROUGHLY), left)
            n_iter += max(found.n_iter, 1)  # the step to the prediction leads on as well
            if not found.converged:
                break  # nor will those further on
        state, solution = self._fit(state, C, settings.tol, settings.max_iter - n_iter)
        return state, solution._replace(n_iter=solution.n_iter + n_iter)

    def _fit(self, state, C, tol, max_iter):
        """The state and solution at C, from where the last fits lead."""
        whole, log_C = self.problem_at(C), np.log(C)
        last, ahead = state.history[-1], extrapolated(state.history, log_C)
        working_set, moments = _working_set(state, whole, ahead)
        near = log_C - last.log_C <= NEAR
        working_set, begin = _predicted(whole, working_set, last, ahead, near)
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
        here = PathPoint.of(log_C, _point_of(solution), working_set.problem.objective.penalty)
        here = here._replace(
            theta=theta,
            loss_gradient=extended(whole, columns, here.loss_gradient, others),
        )
        state = ElasticNetState(extended_history(state.history, here), working_set, moments)
        return state, solution._replace(theta=theta, n_iter=n_iter)

    def _descend(self, working_set, begin, near, moments, tol, max_iter):
        """The working set with the model at the end of a fit on it, and the solution."""
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
        here = PathPoint.of(log_C, _point_of(solution), whole.objective.penalty)
        working_set = screening.choose(whole, here.theta, here.loss_gradient)
        return ElasticNetState(extended_history(history, here), working_set), solution


def _values_between(state, C):
    """Values of C on a long way, where few of many columns are wanted, and others further on."""
    if state.working_set.columns is None:
        return []
    start, end = state.history[-1].log_C, np.log(C)
    n_steps = max(int(np.ceil((end - start) / FARTHEST)), 1)
    return np.exp(np.linspace(start, end, n_steps + 1)[1:-1])


def _working_set(state, whole, ahead):
    """The last fit's working set and moments, or, where columns are missing, another without them.

    ahead : PathPoint, extrapolated to the C of the problem ``whole``
    """
    last, gradient = state.history[-1].theta, ahead.loss_gradient
    if screening.holds(state.working_set.columns, whole, last, gradient):
        return screening.moved(state.working_set, whole), state.moments
    return screening.choose(whole, last, gradient), None


def _predicted(whole, working_set, last, ahead, near):
    """The working set with a model, and the Point on it to begin at.

    That is where one step of the model leads from the extrapolated point, if that is lower than
    the last fit, which is taken otherwise.
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


def _point_of(solution):
    return Point(solution.theta, solution.value, solution.gradient)
