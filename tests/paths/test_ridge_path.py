"""Laws of paths of ridge fits: what is predicted, what is proved on the way, and the fits."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from registry import KINDS, draw

from sksoftmax import ElasticNet, SoftmaxRegression
from sksoftmax._certificates.balance import balanced_bound, observe
from sksoftmax._data import validation
from sksoftmax._paths.elastic_net_path import Settings, pose
from sksoftmax._paths.predictor import extrapolation
from sksoftmax._paths.ridge_path import fit_ridge_path
from sksoftmax._problems import build
from sksoftmax._solvers import minimize

SETTINGS = Settings(ElasticNet(), True, "auto", 1e-7, 1000)


def posed(X, y, weight=None, C=1.0, **options):
    data = validation.encode(SoftmaxRegression(), X, y, weight)
    return pose(data, C, 0.0, Settings(**{**SETTINGS.__dict__, **options}))


def test_extrapolation_is_exact_for_polynomials_of_as_many_terms():
    places = [-1.0, 0.5, 2.0]
    for degree in range(3):
        values = np.power(places, degree)
        assert extrapolation(places, 3.5) @ values == pytest.approx(3.5**degree)
    assert list(extrapolation([4.0], 7.0)) == [1.0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["two", "four", "soft"])
def test_an_evaluation_brings_the_weighted_means_of_the_columns(kind, target):
    X, y = draw(97, 5, 2 if target == "two" else 4)
    X = KINDS[kind](X)
    if target == "soft":
        y = np.random.default_rng(5).dirichlet(np.ones(4), size=97)
    weight = np.random.default_rng(0).uniform(0.5, 2, 97)
    objective = posed(X, y, weight)
    theta = 0.01 * np.random.default_rng(1).standard_normal(objective.map.n_parameters)
    value, gradient, spread = observe(objective, theta)
    expected = objective.value_and_gradient(theta)
    assert value == pytest.approx(expected[0], rel=1e-12)
    assert_allclose(gradient, expected[1], rtol=1e-9, atol=1e-12)
    coef, intercept = objective.map.split(theta)
    columns = (X.toarray() if sp.issparse(X) else X) - objective.map.center
    scores = columns @ coef.T + intercept
    if len(intercept) == 1:
        scores = np.column_stack([np.zeros(97), scores])
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    least = probability.prod(axis=1) if len(intercept) == 1 else probability.min(axis=1)
    weighted = least * weight / weight.sum()
    assert_allclose(spread, [*(weighted @ columns), weighted.sum()], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_balance_bounds_the_distance(n_classes, fit_intercept):
    X, y = draw(150, 4, n_classes)
    objective = posed(X, y, fit_intercept=fit_intercept)
    best = minimize(
        objective, build.solver_for(objective, "newton"), objective.map.neutral(), tol=1e-13,
        max_iter=99,
    )  # fmt: skip
    random = np.random.default_rng(2)
    for size in (1e-4, 1e-2, 1.0):
        theta = best.theta + size * random.standard_normal(len(best.theta))
        value, gradient, spread = observe(objective, theta)
        gap = balanced_bound(objective, gradient, spread)
        assert value - best.value <= gap + 1e-12
        less = None if spread is None else 0.3 * spread
        assert value - best.value <= balanced_bound(objective, gradient, less) + 1e-12
        assert np.isfinite(gap) or size > 1e-2


@pytest.mark.parametrize("n_classes", [2, 4])
def test_balance_is_the_certificate_of_its_distributions(n_classes):
    X, y = draw(150, 4, n_classes)
    objective = posed(X, y)
    score_map, random = objective.map, np.random.default_rng(4)
    theta = score_map.balanced(0.3 * random.standard_normal(score_map.n_parameters))
    # A gradient of which the intercepts' part is small.
    _, gradient, spread = observe(objective, theta)
    score_map.split(gradient)[1][:] *= 0.05
    gap = balanced_bound(objective, gradient, spread)
    tilt = score_map.split(gradient)[1] / spread[-1]
    coef, intercept = score_map.split(theta)
    scores = (X - score_map.center) @ coef.T + intercept
    if n_classes == 2:
        scores, tilt = np.column_stack([np.zeros(150), scores]), np.array([-tilt[0], tilt[0]])
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    least = probability.prod(axis=1) if n_classes == 2 else probability.min(axis=1)
    moved = np.outer(least, tilt)
    tilted = probability - moved
    divergence = np.mean(np.sum(tilted * np.log(tilted / probability), axis=1))
    columns = np.column_stack([X - score_map.center, np.ones(150)])
    rest = gradient.reshape(5, -1) - columns.T @ moved[:, -score_map.n_scores :] / 150
    assert_allclose(rest[-1], 0, atol=1e-15)
    strength = objective.penalty.strength.reshape(5, -1)[:-1]
    rest = np.sum(rest[:-1] ** 2 / strength) / 2
    assert divergence > 0 and divergence <= gap - rest <= 20 * divergence


def test_without_a_penalty_balance_proves_nothing():
    X, y = draw(60, 3, 3)
    objective = posed(X, y, C=np.inf)
    _, gradient, spread = observe(objective, objective.map.neutral())
    assert balanced_bound(objective, gradient, spread) == np.inf


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_each_fit_is_the_fit_from_nothing(kind, fit_intercept):
    X, y = draw(160, 6, 3)
    X = KINDS[kind](X)
    settings = Settings(**{**SETTINGS.__dict__, "fit_intercept": fit_intercept})
    data = validation.encode(SoftmaxRegression(), X, y)
    # One comes twice, the last is no neighbour, and no penalty may follow where there is no need.
    Cs = [1e-3, 1e-2, 0.1, 0.1, 0.3, 1.0, 3.0, 1e3] + [np.inf] * (kind == "units and offset")
    for C, fit in zip(Cs, fit_ridge_path(data, Cs, settings), strict=True):
        best = SoftmaxRegression(C, fit_intercept=fit_intercept, tol=1e-11).fit(X, y)
        assert fit.converged and fit.gap <= 1e-7 * fit.objective
        assert fit.objective - best.objective_ <= fit.gap * (1 + 1e-9) + 1e-12
        assert fit.objective - best.objective_ >= -1e-10


def test_a_path_of_one_kind_takes_about_a_pass_a_fit():
    X, y = draw(600, 8, 3)
    data = validation.encode(SoftmaxRegression(), X, y)
    settings = Settings(**{**SETTINGS.__dict__, "tol": 1e-4})
    fits = fit_ridge_path(data, np.logspace(-4, 4, 50), settings)
    # The prediction is not counted as a step.
    assert sum(fit.n_iter for fit in fits) <= 25
