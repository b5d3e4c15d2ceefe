"""What all paths share: settings, the grid of C, the problem at one C, and the record of a fit."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._problems import build
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import minimize

# Ratio of the largest C of a grid to C_min.
SPAN = 1e4
# Gradient of a column, relative to its mean modulus, that counts as rounding.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Settings:
    """The parameters that all fits of a path share; norm is a Norm, the rest is the estimator's."""

    norm: object
    fit_intercept: bool
    solver: str
    tol: float
    max_iter: int
    class_weight: object = None


class Fit(NamedTuple):
    """One fit.

    coef, intercept : ndarrays of shape (n_scores, n_features) and (n_scores,)
    objective, gap : float
    """

    coef: np.ndarray
    intercept: np.ndarray
    n_iter: int
    objective: float
    gap: float
    converged: bool


def problem_at(data, C, l1_ratio, settings):
    """The problem of one fit of a path."""
    return build.make_problem(
        data, C=C, l1_ratio=l1_ratio, norm=settings.norm,
        fit_intercept=settings.fit_intercept, solver=settings.solver,
    )  # fmt: skip


def fit_of(solution, data, columns, score_map):
    """The Fit of a Solution.

    columns : AllColumns or RowSpace, from the columns of the data to those of X
    """
    coef, intercept = build.coefficients(score_map, solution.theta, data.center)
    coef = np.array(columns.expand(coef), dtype=np.float64)
    return Fit(
        coef, intercept, solution.n_iter, solution.value, solution.gap, bool(solution.converged)
    )


@quiet
def grid(Cs, C_min):
    """Values of C in increasing order: those given, or as many on a logarithmic grid.

    From C_min on, see `smallest_C`; if that is 0 or inf, from 1e-4 to 1e4 as scikit-learn does.
    """
    if not isinstance(Cs, (int, np.integer)):
        return np.sort(np.asarray(Cs, dtype=np.float64))
    if C_min == 0 or np.isinf(C_min):
        return np.logspace(-4, 4, Cs)
    return C_min * np.logspace(0, np.log10(SPAN), Cs)


@quiet
def smallest_C(data, l1_ratio, settings):
    """The largest C at which every penalised coefficient is zero; 0 without an l1 part.

    Coefficients are zero as long as the norms of the gradient there are at most
    ``l1_ratio * factor / (C * sum(w))``: for every C, so that it is inf, if the gradient is zero.
    The gradient is that of intercepts at the classes' frequencies, or of a fit of the features
    without a penalty, if there are any.
    """
    if l1_ratio == 0:
        return 0.0
    factors = build.check_factors(settings.norm, data.n_features)
    penalised = (factors > 0) & np.isfinite(factors)
    if not penalised.any():
        return np.inf
    problem = problem_at(data, 1.0, l1_ratio, settings)
    theta = build.initial(data, problem.map)
    if (factors == 0).any():
        only_free = replace(settings.norm, penalty_factor=np.where(factors > 0, np.inf, 0.0))
        null = problem_at(data, 1.0, l1_ratio, replace(settings, norm=only_free))
        solver = build.solver_for(null, "auto")
        theta = minimize(null, solver, theta, tol=1e-8, max_iter=settings.max_iter).theta
    gradient = problem.value_and_gradient(theta)[1]
    norms = problem.nonsmooth.norms(gradient)[: data.n_features].max(axis=1)
    moduli = data.rows.sum(lambda block: np.asarray(block.weight @ abs(block.X), dtype=np.float64))
    norms[norms <= ROUNDING * moduli / data.total_weight] = 0
    largest = np.max(norms[penalised] / factors[penalised])
    return float(l1_ratio / (data.total_weight * largest)) if largest > 0 else np.inf
