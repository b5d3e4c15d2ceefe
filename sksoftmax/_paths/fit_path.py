"""Fits along C by the method that suits the penalty and the solver."""

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

    data : Encoded
    Cs : ndarray of shape (n_Cs,), increasing
    settings : Settings
    done : callable of an int, optional
        Called with the number of fits that were made since the last call.

    Returns
    -------
    fits : list of Fit
    """
    if l1_ratio == 0 and suits(data, settings):
        return [fit for (fit,) in fit_ridge_paths(data, Cs, settings, done=done)]
    if isinstance(problem_at(data, Cs[0], l1_ratio, settings), CompositeProblem):
        return fit_elastic_net_path(data, Cs, l1_ratio, settings, done)
    return _fit_warm_started(data, Cs, l1_ratio, settings, done)


@quiet
def _fit_warm_started(data, Cs, l1_ratio, settings, done):
    """Smooth fits by any solver, each started where the last one ended."""
    alike = build.treats_columns_alike(l1_ratio, settings.norm, settings.solver)
    data, columns = reduce_columns(data, alike)
    fits, theta = [], None
    for C in Cs:
        problem = problem_at(data, C, l1_ratio, settings)
        solver = build.solver_for(problem, settings.solver, warm=theta is not None)
        theta = build.initial(data, problem.map) if theta is None else theta
        solution = minimize(problem, solver, theta, tol=settings.tol, max_iter=settings.max_iter)
        theta = solution.theta
        fits.append(fit_of(solution, data, columns, problem.map))
        if done is not None:
            done(1)
    return fits
