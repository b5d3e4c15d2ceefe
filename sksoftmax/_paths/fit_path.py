"""Fits along C, by the method that suits the penalty and the solver."""

from sksoftmax._paths.elastic_net_path import fit_elastic_net_path
from sksoftmax._paths.fits import fit_of, problem_at
from sksoftmax._paths.ridge_paths import fit_ridge_paths, suits
from sksoftmax._problems import build
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import minimize


def fit_path(data, Cs, l1_ratio, settings, done=None):
    """Fits at increasing values of C.

    done : callable of an int, optional
        Called after so many fits.

    Returns
    -------
    fits : list of Fit
    """
    if l1_ratio == 0 and suits(data, settings):
        return [fit for (fit,) in fit_ridge_paths(data, Cs, settings, done=done)]
    objective = problem_at(data, Cs[0], l1_ratio, settings)
    if isinstance(objective, CompositeProblem):
        return fit_elastic_net_path(data, Cs, l1_ratio, settings, done)
    return _fit_warm_started(data, Cs, l1_ratio, settings, done)


@quiet
def _fit_warm_started(data, Cs, l1_ratio, settings, done):
    """Smooth fits by any solver, each begun where the last one ended."""
    alike = build.treats_columns_alike(l1_ratio, settings.norm, settings.solver)
    data, columns = reduce_columns(data, alike)
    fits, theta = [], None
    for C in Cs:
        objective = problem_at(data, C, l1_ratio, settings)
        solver = build.solver_for(objective, settings.solver, warm=theta is not None)
        theta = build.initial(data, objective.map) if theta is None else theta
        solution = minimize(
            objective, solver, theta, tol=settings.tol, max_iter=settings.max_iter
        )  # fmt: skip
        theta = solution.theta
        fits.append(fit_of(solution, data, columns, objective.map))
        if done is not None:
            done(1)
    return fits
