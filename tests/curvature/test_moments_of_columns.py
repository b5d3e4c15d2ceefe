"""Laws of the moments of columns, each from the columns themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from registry import PROBLEMS, design, encoded, make_objective

from sksoftmax._curvature import approximations, costs, low_rank
from sksoftmax._curvature.moments import N_SIGNS, correlation, second_moments, second_squares
from sksoftmax._curvature.preconditioners import DiagonalPreconditioner, KroneckerPreconditioner
from sksoftmax._problems import build

NAMES = ["three classes", "weighted", "no intercept", "sparse", "sparse, no intercept"]


@pytest.mark.parametrize("name", NAMES)
def test_squares_are_the_diagonal_of_second_moments(name):
    problem, objective = PROBLEMS[name], make_objective(PROBLEMS[name])
    columns, share = design(problem), problem.weights / problem.weights.sum()
    expected = columns.T @ (columns * share[:, None])
    assert_allclose(second_moments(objective), expected, rtol=1e-10, atol=1e-12)
    assert_allclose(second_squares(objective), np.diag(expected), rtol=1e-10)


def columns_of(kind, n_rows, n_columns):
    """Columns that are independent, share factors, or follow each other."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((n_rows, n_columns))
    if kind == "factors":
        return rng.standard_normal((n_rows, 3)) @ rng.standard_normal((3, n_columns)) + noise
    return noise.cumsum(axis=1) if kind == "walk" else noise + 7


def objective_of(X, n_classes=4):
    y = np.arange(len(X)) % n_classes
    data = encoded(X, y)
    norm = build.check_penalty("elasticnet")
    return build.make_problem(
        data, C=1.0, l1_ratio=0.0, norm=norm, fit_intercept=True, solver="auto"
    ).objective


@pytest.mark.parametrize("kind", ["independent", "factors", "walk"])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize("n_rows", [400, 3000])
def test_correlation_is_the_sum_of_squared_correlations_with_the_others(kind, scale, n_rows):
    X = columns_of(kind, n_rows, 60) * scale ** np.linspace(0, 1, 60)
    objective = objective_of(X)
    for stride in (1, 4):
        columns = X[::stride] - X.mean(axis=0)
        columns /= np.sqrt((columns**2).mean(axis=0))
        squared = np.linalg.matrix_power(columns.T @ columns / len(columns), 2)
        expected = np.trace(squared) / 60 - 1 - 60 * (stride - 1) / n_rows
        # The variance of v' A v for random signs v is twice the squares beside A's diagonal.
        aside = squared - np.diag(np.diag(squared))
        deviation = np.sqrt(2 * (aside**2).sum() / N_SIGNS) / 60
        assert abs(correlation(objective, n_rows // stride) - expected) < 4 * deviation + 1e-9


@pytest.mark.parametrize("kind", ["independent", "walk"])
def test_variances_serve_where_columns_are_expensive_and_uncorrelated(kind):
    objective = objective_of(columns_of(kind, 600, 200))
    assert costs.correlations_are_estimated(objective)
    start = objective.map.initial()
    first = approximations.kronecker(objective, start)
    apart = kind == "independent"
    assert isinstance(first, DiagonalPreconditioner if apart else KroneckerPreconditioner)
    theta = np.random.default_rng(1).standard_normal(len(start)) / 20
    later = low_rank.along_coefficients(objective, theta, first)
    assert later.base.is_diagonal == apart
    expected = second_squares(objective) if apart else second_moments(objective).diagonal()
    assert_allclose(later.base.columns.diagonal(), expected, rtol=1e-8)


def test_few_columns_are_not_looked_at():
    assert not costs.correlations_are_estimated(objective_of(columns_of("independent", 600, 10)))


@pytest.mark.parametrize("kind", ["independent", "walk"])
def test_columns_are_looked_at_once(kind, monkeypatch):
    objective = objective_of(columns_of(kind, 1500, 80), n_classes=2)
    start = objective.map.initial()
    first = approximations.kronecker(objective, start)
    looks = []
    monkeypatch.setattr(approximations, "are_uncorrelated", looks.append)
    again = approximations.refreshed(objective, start, first)
    assert isinstance(again, DiagonalPreconditioner) == (kind == "independent") and not looks
