"""Laws of proofs on some columns: what they say of others, and the model along a path."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from registry import draw, encoded, settings_of, thinned

from sksoftmax import ElasticNet, GroupLasso
from sksoftmax._certificates import nonsmooth as nonsmooth_certificate
from sksoftmax._curvature import costs
from sksoftmax._paths import screening
from sksoftmax._paths.fits import problem_at
from sksoftmax._problems.build import solver_for
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import Point

SOME = np.array([1, 4])


def make_problem(n_classes, norm, fit_intercept=True, sparse=False, offset=0.0):
    X, y = draw(120, 6, n_classes)
    X = sp.csr_array(thinned(X)) if sparse else X + np.array([3 + offset, 3, 3, 3, 3, 3])
    settings = settings_of(norm, fit_intercept=fit_intercept, tol=1e-7)
    return problem_at(encoded(X, y), 1.0, 0.7, settings)


@pytest.mark.parametrize("norm", [ElasticNet(), GroupLasso()])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_working_set_holds_while_other_gradients_are_within_their_strengths(n_classes, norm):
    whole = make_problem(n_classes, norm)
    theta = np.zeros(whole.map.n_parameters)
    loss_gradient = np.zeros_like(theta)
    rows, amount = whole.rows_of(loss_gradient), whole.nonsmooth.l1_strength[0, 0]
    rows[[0, *SOME], 0] = 0.999 * amount, 7 * amount, 7 * amount
    assert screening.holds(SOME, whole, theta, loss_gradient)
    for beyond in (1.001 * amount, -1.001 * amount, np.nan):
        rows[0, 0] = beyond
        assert not screening.holds(SOME, whole, theta, loss_gradient)
    rows[0, 0] = 0
    whole.rows_of(theta)[3, 0] = 1e-300
    assert not screening.holds(SOME, whole, theta, loss_gradient)


@pytest.mark.parametrize("way", ["_along_free_columns", "_along_columns"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_dual_residuals_have_the_gradient_that_the_certificate_says(
    n_classes, fit_intercept, sparse, way
):
    objective = make_problem(n_classes, ElasticNet(), fit_intercept, sparse)
    smooth = objective.objective.smooth
    solver = solver_for(objective, "auto")
    solution = minimize(objective, solver, smooth.map.initial(), tol=1e-6, max_iter=200)
    theta, gradient = solution.theta, solution.gradient
    point = Point(theta, solution.value, gradient)
    loss_gradient = objective.objective.loss_gradient(theta, gradient)
    tilted = getattr(nonsmooth_certificate, way)
    found = tilted(objective.objective, point, loss_gradient, False, None)
    duals = [dual for dual, _ in found if dual is not None]
    assert duals
    for dual in duals:
        expected = dual.loss_gradient
        expected = expected if n_classes == 2 else smooth.map.sum_to_zero(expected)
        assert_allclose(smooth.gradient_of_residuals(smooth, dual.residual), expected, atol=1e-12)
        assert fit_intercept is False or np.abs(expected[-n_classes:]).min() < 1e-12


@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_near_the_optimum_a_product_has_the_hessians_diagonal(n_classes, offset, monkeypatch):
    """But where a column is so far from zero that its square about the mean is lost."""
    monkeypatch.setattr(costs, "is_small", lambda objective: False)
    problem = make_problem(n_classes, ElasticNet(), offset=offset)
    size, n_scores = problem.map.n_parameters, problem.map.n_scores
    theta = 0.5 * np.random.default_rng(0).standard_normal(size)
    stretched, product = problem.model(theta, near=True), problem.model(theta)
    applied = np.array([stretched.apply(unit) for unit in np.eye(size)])
    assert_allclose(applied, applied.T, atol=1e-12)
    diagonal = np.diag(applied).reshape(-1, n_scores)
    assert (diagonal.max(axis=1) <= stretched.scale * (1 + 1e-9)).all()
    hessian = [problem.objective.smooth.hessian_product(theta, unit) for unit in np.eye(size)]
    hessian = np.diag(hessian).reshape(-1, n_scores).copy()
    if offset:
        flat = np.array([product.apply(unit) for unit in np.eye(size)])
        hessian[0] = np.diag(flat)[:n_scores]
    assert_allclose(diagonal, hessian, rtol=1e-6 if offset else 1e-9)
